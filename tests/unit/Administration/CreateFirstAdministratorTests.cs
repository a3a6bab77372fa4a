using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Administration;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Administration;

public sealed class CreateFirstAdministratorTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private Task<Uri?> Offer() => Auth.Use((CreateFirstAdministrator flow) => flow.OfferAsync(default));

    private static string TokenIn(Uri? link) => link!.Query["?token=".Length..];

    private Task<SignInOutcome> Make(string? link, string? email = Jane, string? password = Password) =>
        Auth.Use((CreateFirstAdministrator flow) => flow.MakeAsync(Auth.Caller, link, email, password, default));

    private static AuthError ErrorOf(SignInOutcome outcome) =>
        Assert.IsType<SignInOutcome.Refused>(outcome).Failure.Error;

    [Fact]
    public async Task The_link_makes_an_administrator_and_signs_in()
    {
        var link = await Offer();
        Assert.StartsWith($"{Site}/admin/setup?token=", link!.AbsoluteUri, StringComparison.Ordinal);
        var signedIn = Assert.IsType<SignInOutcome.SignedIn>(await Make(TokenIn(link)));
        Assert.Null(await Auth.DeathOfAsync(signedIn.Session));
        var account = await Auth.Use((ChangeProfile flow) => flow.ReadAsync(Auth.In(signedIn.Session), default));
        Assert.Equal([AuthDbContext.Administrator], account.Value!.Roles);
        await Auth.SignInAsync(Jane);
        await Auth.DeliverAsync();
        Assert.Equal(["Confirm your e-mail address"], Auth.SubjectsTo(Jane));
        Assert.Contains(await Auth.AuditAsync(), e => e.Event == AuditEvent.AdministratorMade);
    }

    [Fact]
    public async Task It_is_offered_once()
    {
        Assert.NotNull(await Offer());
        Assert.Null(await Offer());
    }

    [Fact]
    public async Task A_store_with_accounts_offers_none()
    {
        await Auth.RegisterAsync(Jane);
        Assert.Null(await Offer());
    }

    [Fact]
    public async Task A_used_link_is_refused()
    {
        var link = TokenIn(await Offer());
        await Make(link);
        Assert.Equal(AuthError.LinkUsed, ErrorOf(await Make(link, "john@example.net")));
        Assert.Equal(1, (await Auth.RowsAsync())["AspNetUserRoles"]);
    }

    [Fact]
    public async Task The_link_works_for_a_day()
    {
        var link = TokenIn(await Offer());
        Auth.Clock.Move(TimeSpan.FromHours(24));
        Assert.Equal(AuthError.LinkExpired, ErrorOf(await Make(link)));
    }

    [Theory]
    [InlineData("no address", Password, AuthError.ValidationFailed)]
    [InlineData(Jane, "short", AuthError.WeakPassword)]
    [InlineData(Jane, "password", AuthError.CommonPassword)]
    [InlineData(Jane, null, AuthError.ValidationFailed)]
    public async Task A_refusal_leaves_the_link_good(string email, string? password, AuthError error)
    {
        var link = TokenIn(await Offer());
        Assert.Equal(error, ErrorOf(await Make(link, email, password)));
        Assert.Equal(0, (await Auth.RowsAsync())["AspNetUsers"]);
        Assert.IsType<SignInOutcome.SignedIn>(await Make(link));
    }

    [Fact]
    public async Task An_address_that_is_somebodys_is_refused()
    {
        var link = TokenIn(await Offer());
        await Auth.RegisterAsync(Jane);
        Assert.Equal(AuthError.EmailTaken, ErrorOf(await Make(link)));
        Assert.Equal(0, (await Auth.RowsAsync())["AspNetUserRoles"]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("nonsense")]
    public async Task A_link_that_is_not_ours_is_refused(string? link)
    {
        await Offer();
        Assert.Equal(AuthError.LinkInvalid, ErrorOf(await Make(link)));
    }

    [Fact]
    public async Task A_reset_link_makes_no_administrator()
    {
        await Auth.RegisterAsync(Jane);
        Assert.Equal(AuthError.LinkInvalid, ErrorOf(await Make(await Auth.ResetLinkAsync(Jane), "john@example.net")));
    }
}
