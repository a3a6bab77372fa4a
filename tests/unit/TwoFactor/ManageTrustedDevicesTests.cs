using BlazorAuth.Core;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.TwoFactor;

public sealed class ManageTrustedDevicesTests : AuthTest
{
    private const string Jane = "jane@example.org";
    private AuthenticatorApp app = null!;

    private async Task<(Session Session, string Device)> RememberedAsync()
    {
        app = await Auth.AuthenticatorAsync(await Auth.MemberAsync(Jane));
        var given = await Auth.VerifyAsync(await Auth.TicketAsync(Jane), Auth.CodeOf(app), remember: true);
        return (Assert.IsType<SignInOutcome.SignedIn>(given.Outcome).Session, given.TrustedDevice!);
    }

    private Task<IReadOnlyList<TrustedDevice>> ListAsync(Session session) =>
        Auth.Use((ManageTrustedDevices flow) => flow.ListAsync(Auth.In(session), default));

    private Task<Result> ForgetAsync(Caller caller, string id) =>
        Auth.Use((ManageTrustedDevices flow) => flow.ForgetAsync(caller, id, default));

    private Task<SignInOutcome> SignInAsync(string device) =>
        Auth.Use(
            (SignInWithPassword flow) =>
                flow.WithPasswordAsync(
                    Auth.Caller,
                    new(Jane, AuthFixture.Password, SessionKind.Browser, TrustedDevice: device),
                    default
                )
        );

    [Fact]
    public async Task A_forgotten_browser_is_asked_again_and_its_sessions_go_on()
    {
        var (session, device) = await RememberedAsync();
        var listed = Assert.Single(await ListAsync(session));
        Assert.Equal((Auth.Caller.Agent, Auth.Clock.Now + TimeSpan.FromDays(30)), (listed.Agent, listed.EndsAt));
        Assert.IsType<SignInOutcome.SignedIn>(await SignInAsync(device));
        Assert.Null((await ForgetAsync(Auth.In(session), listed.Id)).Failure);
        Assert.IsType<SignInOutcome.NeedsSecondFactor>(await SignInAsync(device));
        Assert.Null(await Auth.DeathOfAsync(session));
        Assert.Empty(await ListAsync(session));
        Assert.Equal(AuthError.NotFound, (await ForgetAsync(Auth.In(session), listed.Id)).Failure?.Error);
        Assert.Single(await Auth.AuditAsync(), e => e.Event == AuditEvent.DeviceForgotten);
    }

    [Fact]
    public async Task After_thirty_days_it_is_neither_taken_nor_listed()
    {
        var (session, device) = await RememberedAsync();
        Auth.Clock.Move(TimeSpan.FromDays(30));
        Assert.IsType<SignInOutcome.NeedsSecondFactor>(await SignInAsync(device));
        Assert.Empty(await ListAsync(session));
    }

    [Fact]
    public async Task Nobody_sees_or_forgets_anothers_and_an_api_key_none()
    {
        var (session, device) = await RememberedAsync();
        var id = (await ListAsync(session))[0].Id;
        await Auth.MemberAsync("john@example.net");
        var john = await Auth.SignInAsync("john@example.net");
        Assert.Empty(await ListAsync(john));
        Assert.Equal(AuthError.NotFound, (await ForgetAsync(Auth.In(john), id)).Failure?.Error);
        var key = Auth.In(
            (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("ci"), default))).Value!.Session
        );
        Assert.Equal(AuthError.Forbidden, (await ForgetAsync(key, id)).Failure?.Error);
        Assert.IsType<SignInOutcome.SignedIn>(await SignInAsync(device));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\0")]
    [InlineData("no such browser")]
    public async Task What_is_no_browser_is_not_found(string id)
    {
        var (session, _) = await RememberedAsync();
        Assert.Equal(AuthError.NotFound, (await ForgetAsync(Auth.In(session), id)).Failure?.Error);
    }
}
