using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Passkeys;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.SignIn;

public sealed class ReauthenticateTests : AuthTest
{
    private AuthUser user = null!;
    private Session session = null!;

    private async Task SignInAsync()
    {
        user = await Auth.RegisterAsync("jane@example.net");
        session = await Auth.SignInAsync("jane@example.net");
    }

    private async Task<AuthFailure?> Demand(string? password, Caller? caller = null) =>
        (
            await Auth.Use(
                (Reauthenticate flow) =>
                    flow.RequireRecentAuthenticationAsync(
                        caller ?? Auth.In(session),
                        Reauthentication.From(password),
                        "password",
                        default
                    )
            )
        ).Failure;

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
        Assert.Equal(AuthError.SessionRevoked, (await Demand(null, Auth.Caller))?.Error);
    }

    [Fact]
    public async Task A_wrong_password_is_no_proof_even_after_a_recent_sign_in()
    {
        await SignInAsync();
        var refusal = await Demand("not the password");
        Assert.Equal(AuthError.InvalidCredentials, refusal!.Error);
        Assert.Equal(new FieldError("password", FieldErrorCode.Wrong), Assert.Single(refusal.FieldErrors));
        Assert.Equal(AuthError.ValidationFailed, (await Demand(""))?.Error);
    }

    [Fact]
    public async Task Guesses_are_counted_for_the_session_and_a_strangers_do_not_stop_its_owner()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "2"));
        await SignInAsync();
        for (var i = 0; i < 3; i++)
            await Auth.TrySignInAsync("jane@example.net", "not the password");
        Assert.Null(await Demand(Password));
        for (var i = 0; i < 2; i++)
            Assert.Equal(AuthError.InvalidCredentials, (await Demand("not the password"))?.Error);
        Assert.Equal(AuthError.RateLimited, (await Demand(Password))?.Error);
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        Assert.Null(await Demand(Password));
    }

    private Task<Result<Session>> Prove(string? password, string? code = null, Caller? caller = null) =>
        Auth.Use(
            (Reauthenticate flow) =>
                flow.ReauthenticateAsync(caller ?? Auth.In(session), Reauthentication.From(password, code), default)
        );

    [Fact]
    public async Task A_proof_makes_the_session_fresh_and_its_older_credentials_worthless()
    {
        await SignInAsync();
        var pair = await Auth.ApiPairAsync("jane@example.net");
        Auth.Clock.Move(TimeSpan.FromHours(1));
        session = pair.Session;
        var fresh = (await Prove(Password)).Value!;
        Assert.Equal((Auth.Clock.Now, "pwd"), (fresh.AuthenticatedAt, fresh.Methods));
        Assert.Null(await Demand(null, Auth.In(fresh)));
        Assert.Null(await Auth.DeathOfAsync(fresh));
        Assert.Equal(AuthError.AccessTokenExpired, await Auth.DeathOfAsync(pair.Session));
        Assert.Equal(AuthError.RefreshTokenExpired, (await Auth.RefreshAsync(pair.RefreshToken)).Failure?.Error);
        Assert.Null(await Auth.DeathOfAsync(fresh)); // an older credential that comes again ends nothing
    }

    [Fact]
    public async Task A_code_of_the_authenticator_makes_the_session_one_of_two_factors()
    {
        await SignInAsync();
        var app = await Auth.AuthenticatorAsync(user);
        Assert.Equal(AuthError.SecondFactorInvalid, (await Prove(null, "000000")).Failure?.Error);
        var fresh = (await Prove(null, app.Code())).Value!;
        Assert.Equal("pwd otp mfa", fresh.Methods);
        session = fresh;
        Assert.Equal(AuthError.SecondFactorInvalid, (await Prove(null, app.Code())).Failure?.Error); // used
        Assert.Equal(
            2,
            (await Auth.AuditAsync()).Count(e =>
                e is { Event: AuditEvent.StepUpRefused, Reason: "second_factor_invalid" }
            )
        );
    }

    [Fact]
    public async Task Codes_are_counted_in_the_budget_of_the_second_factor()
    {
        await Auth.RestartAsync(("Throttle:SecondFactorPerAccount", "2"));
        await SignInAsync();
        var app = await Auth.AuthenticatorAsync(user);
        await Prove(null, "000000");
        await Auth.Use(
            async (VerifySecondFactor flow) =>
                await flow.VerifyAsync(
                    Auth.Caller,
                    new(await Auth.TicketAsync("jane@example.net"), "000000", null),
                    default
                )
        );
        Assert.Equal(AuthError.RateLimited, (await Prove(null, app.Code())).Failure?.Error);
        Assert.NotNull((await Prove(Password)).Value);
    }

    [Fact]
    public async Task Neither_an_api_key_nor_an_ended_session_proves_anything()
    {
        await SignInAsync();
        var key = (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("ci"), default)))
            .Value!
            .Session;
        Assert.Equal(AuthError.Forbidden, (await Prove(Password, caller: Auth.In(key))).Failure?.Error);
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, session.Id, default));
        Assert.Equal(AuthError.SessionRevoked, (await Prove(Password)).Failure?.Error);
    }

    [Fact]
    public async Task An_empty_field_is_a_missing_proof_whatever_the_account_has_and_however_recent_the_sign_in()
    {
        await SignInAsync();
        Assert.Equal(AuthError.ValidationFailed, (await Demand(""))?.Error);
        await Auth.AuthenticatorAsync(user);
        Assert.Equal(
            new FieldError("password", FieldErrorCode.Required),
            Assert.Single((await Demand(""))!.FieldErrors)
        );
    }

    [Fact]
    public async Task Where_there_is_a_factor_the_password_proves_too_little_to_change_factors()
    {
        await SignInAsync();
        Assert.Null(await FactorAsync(session));
        var app = await Auth.AuthenticatorAsync(user);
        session = (await Prove(Password)).Value!;
        Assert.Equal(
            AuthFailure.Of(AuthError.StepUpRequired, "code", FieldErrorCode.Required).FieldErrors,
            (await FactorAsync(session))!.FieldErrors
        );
        session = (await Prove(null, app.Code())).Value!;
        Assert.Null(await FactorAsync(session));
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        session = (await Prove(Password)).Value!; // fresh, and one of two factors; but the factor was proven long ago
        Assert.Equal(AuthError.StepUpRequired, (await FactorAsync(session))?.Error);
    }

    private async Task<AuthFailure?> FactorAsync(Session of) =>
        (await Auth.Use((Reauthenticate flow) => flow.OwnerByFactorAsync(Auth.In(of), default))).Failure;

    [Fact]
    public async Task A_right_password_clears_the_count()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "2"), ("Throttle:SignInPerAddress", "2"));
        await SignInAsync();
        for (var i = 0; i < 3; i++)
            Assert.Null(await Demand(Password));
    }

    private Task<Result<Session>> ProveByPasskey(string ticket, string credential, Session? of = null) =>
        Auth.Use(
            (Reauthenticate flow) =>
                flow.ReauthenticateAsync(
                    Auth.In(of ?? session),
                    Reauthentication.From(null, null, ticket, credential),
                    default
                )
        );

    private async Task<Ceremony> CeremonyAsync(Session? of = null) =>
        (await Auth.Use((Reauthenticate flow) => flow.BeginPasskeyAsync(Auth.In(of ?? session), default))).Value!;

    [Fact]
    public async Task A_passkey_is_proof_and_the_session_goes_on_renewed()
    {
        await SignInAsync();
        using var device = new SoftAuthenticator();
        await Auth.PasskeyAsync(session, device);
        Auth.Clock.Move(TimeSpan.FromMinutes(20));
        var ceremony = await CeremonyAsync();
        // the browser offers this account's only
        Assert.Contains(device.Id, ceremony.Options, StringComparison.Ordinal);
        var credential = device.Get(ceremony);
        var renewed = (await ProveByPasskey(ceremony.Ticket, credential)).Value!;
        Assert.Equal(
            (session.Id, "pwd hwk user mfa", Auth.Clock.GetUtcNow()),
            (renewed.Id, renewed.Methods, renewed.AuthenticatedAt)
        );
        Assert.Null(await Demand(null, Auth.In(renewed)));
        Assert.NotNull(await Auth.DeathOfAsync(session));
        Assert.Equal(
            AuthError.PasskeyFailed,
            (await ProveByPasskey(ceremony.Ticket, credential, renewed)).Failure?.Error
        );
    }

    [Fact]
    public async Task A_passkey_proves_only_its_own_account_in_the_session_that_asked()
    {
        await SignInAsync();
        await Auth.RegisterAsync("john@example.net");
        var (john, elsewhere) = (
            await Auth.SignInAsync("john@example.net"),
            await Auth.SignInAsync("jane@example.net")
        );
        using var device = new SoftAuthenticator();
        using var johns = new SoftAuthenticator();
        await Auth.PasskeyAsync(session, device);
        await Auth.PasskeyAsync(john, johns);
        var ceremony = await CeremonyAsync();
        Assert.Equal(
            AuthError.PasskeyFailed,
            (await ProveByPasskey(ceremony.Ticket, johns.Get(ceremony))).Failure?.Error
        );
        Assert.Equal(
            AuthError.PasskeyFailed,
            (await ProveByPasskey(ceremony.Ticket, device.Get(ceremony), elsewhere)).Failure?.Error
        );
        Assert.Equal(
            AuthError.PasskeyFailed,
            (await ProveByPasskey(ceremony.Ticket, device.Get(ceremony), john)).Failure?.Error
        );
        var signsIn = await Auth.CeremonyAsync();
        Assert.Equal(
            AuthError.PasskeyFailed,
            (await ProveByPasskey(signsIn.Ticket, device.Get(signsIn))).Failure?.Error
        );
        Assert.Null((await ProveByPasskey(ceremony.Ticket, device.Get(ceremony))).Failure);
        Assert.Equal("credential", Assert.Single((await ProveByPasskey("t", "")).Failure!.FieldErrors).Field);
    }
}
