using BlazorAuth.Core;
using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Flows;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Flows;

public sealed class StepUpTests : AuthTest
{
    private AuthUser user = null!;
    private Session session = null!;

    private async Task SignInAsync()
    {
        user = await Auth.RegisterAsync("jane@example.net");
        session = await Auth.SignInAsync("jane@example.net");
    }

    private Task<Refusal?> Demand(string? password, Caller? caller = null) =>
        Auth.Use((StepUp flow) => flow.DemandAsync(caller ?? Auth.In(session), user, password, "password", default));

    [Fact]
    public async Task A_recent_sign_in_is_proof_for_a_quarter_of_an_hour()
    {
        await SignInAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(15) - TimeSpan.FromMilliseconds(1));
        Assert.Null(await Demand(null));
        Auth.Clock.Move(TimeSpan.FromMilliseconds(1));
        Assert.Equal(AuthError.StepUpRequired, (await Demand(null))?.Error);
        Assert.Null(await Demand(Password));
    }

    [Fact]
    public async Task Who_never_signed_in_has_no_proof()
    {
        await SignInAsync();
        Assert.Equal(AuthError.StepUpRequired, (await Demand(null, Auth.Caller))?.Error);
    }

    [Fact]
    public async Task A_wrong_password_is_no_proof_even_after_a_recent_sign_in()
    {
        await SignInAsync();
        var refusal = await Demand("not the password");
        Assert.Equal(AuthError.InvalidCredentials, refusal!.Error);
        Assert.Equal(new FieldFault("password", Fault.Wrong), Assert.Single(refusal.Faults));
        Assert.Equal(AuthError.ValidationFailed, (await Demand(""))?.Error);
    }

    [Fact]
    public async Task Guesses_share_the_budget_of_sign_in()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "2"));
        await SignInAsync();
        await Demand("not the password");
        await Auth.TrySignInAsync("jane@example.net", "not the password");
        Assert.Equal(AuthError.RateLimited, (await Demand(Password))?.Error);
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        Assert.Null(await Demand(Password));
    }

    [Fact]
    public async Task A_right_password_clears_the_count()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "2"), ("Throttle:SignInPerAddress", "2"));
        await SignInAsync();
        for (var i = 0; i < 3; i++) Assert.Null(await Demand(Password));
    }

    private Task<Outcome<Session>> Prove(string ticket, string credential, Session? of = null) =>
        Auth.Use((StepUp flow) => flow.ProveAsync(Auth.In(of ?? session), new(null, null, ticket, credential), default));

    private async Task<Ceremony> CeremonyAsync(Session? of = null) =>
        (await Auth.Use((StepUp flow) => flow.BeginPasskeyAsync(Auth.In(of ?? session), default))).Value!;

    [Fact]
    public async Task A_passkey_is_proof_and_the_session_goes_on_renewed()
    {
        await SignInAsync();
        using var device = new SoftAuthenticator();
        await Auth.PasskeyAsync(session, device);
        Auth.Clock.Move(TimeSpan.FromMinutes(20));
        var ceremony = await CeremonyAsync();
        Assert.Contains(device.Id, ceremony.Options, StringComparison.Ordinal); // the browser offers this account's only
        var credential = device.Get(ceremony);
        var renewed = (await Prove(ceremony.Ticket, credential)).Value!;
        Assert.Equal((session.Id, "pwd hwk user mfa", Auth.Clock.GetUtcNow()), (renewed.Id, renewed.Methods, renewed.AuthenticatedAt));
        Assert.Null(await Demand(null, Auth.In(renewed)));
        Assert.NotNull(await Auth.DeathOfAsync(session));
        Assert.Equal(AuthError.PasskeyFailed, (await Prove(ceremony.Ticket, credential, renewed)).Refusal?.Error);
    }

    [Fact]
    public async Task A_passkey_proves_only_its_own_account_in_the_session_that_asked()
    {
        await SignInAsync();
        await Auth.RegisterAsync("john@example.net");
        var (john, elsewhere) = (await Auth.SignInAsync("john@example.net"), await Auth.SignInAsync("jane@example.net"));
        using var device = new SoftAuthenticator();
        using var johns = new SoftAuthenticator();
        await Auth.PasskeyAsync(session, device);
        await Auth.PasskeyAsync(john, johns);
        var ceremony = await CeremonyAsync();
        Assert.Equal(AuthError.PasskeyFailed, (await Prove(ceremony.Ticket, johns.Get(ceremony))).Refusal?.Error);
        Assert.Equal(AuthError.PasskeyFailed, (await Prove(ceremony.Ticket, device.Get(ceremony), elsewhere)).Refusal?.Error);
        Assert.Equal(AuthError.PasskeyFailed, (await Prove(ceremony.Ticket, device.Get(ceremony), john)).Refusal?.Error);
        var signsIn = await Auth.CeremonyAsync();
        Assert.Equal(AuthError.PasskeyFailed, (await Prove(signsIn.Ticket, device.Get(signsIn))).Refusal?.Error);
        Assert.Null((await Prove(ceremony.Ticket, device.Get(ceremony))).Refusal);
        Assert.Equal("credential", Assert.Single((await Prove("t", "")).Refusal!.Faults).Field);
    }
}
