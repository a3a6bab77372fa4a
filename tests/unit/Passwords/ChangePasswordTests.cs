using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Passwords;

public sealed class ChangePasswordTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private Task<Result<Session>> Change(Session session, string? current = Password, string? next = OtherPassword) =>
        Auth.Use((ChangePassword flow) => flow.ChangeAsync(Auth.In(session), current, next, default));

    [Fact]
    public async Task The_new_password_signs_in_and_the_old_does_not()
    {
        var user = await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        Assert.NotNull((await Change(session)).Value);
        Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(Jane));
        await Auth.SignInAsync(Jane, OtherPassword);
        Assert.NotEqual(user.SecurityStamp, (await Auth.UserAsync(Jane)).SecurityStamp);
        await Auth.DeliverAsync();
        Assert.Contains("Your password was changed", Auth.SubjectsTo(Jane));
    }

    [Fact]
    public async Task The_session_is_renewed_and_its_copies_are_dead()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromHours(1));
        var renewed = (await Change(session)).Value!;
        Assert.Equal((session.Id, Auth.Clock.Now), (renewed.Id, renewed.AuthenticatedAt));
        Assert.Null(await Auth.DeathOfAsync(renewed));
        Assert.Equal(AuthError.PasswordChanged, await Auth.DeathOfAsync(session));
    }

    [Theory]
    [InlineData("not the password", OtherPassword, AuthError.InvalidCredentials)]
    [InlineData("", OtherPassword, AuthError.ValidationFailed)]
    [InlineData(Password, null, AuthError.ValidationFailed)]
    [InlineData(Password, "short", AuthError.WeakPassword)]
    [InlineData(Password, "12345678", AuthError.CommonPassword)]
    [InlineData(Password, Password, AuthError.SamePassword)]
    public async Task A_refusal_changes_nothing(string? current, string? next, AuthError error)
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var other = await Auth.SignInAsync(Jane);
        Assert.Equal(error, (await Change(session, current, next)).Failure?.Error);
        Assert.Null(await Auth.DeathOfAsync(session));
        Assert.Null(await Auth.DeathOfAsync(other));
        await Auth.SignInAsync(Jane);
    }

    [Fact]
    public async Task Wrong_current_passwords_are_counted_and_written_down()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "2"));
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Change(session, "not the password");
        await Change(session, "not the password");
        Assert.Equal(AuthError.RateLimited, (await Change(session)).Failure?.Error);
        await Change(session);
        Assert.Equal(
            [AuditEvent.StepUpRefused, AuditEvent.StepUpRefused, AuditEvent.Throttled],
            (await Auth.AuditAsync()).TakeLast(3).Select(e => e.Event)
        );
    }

    [Fact]
    public async Task An_ended_session_changes_nothing()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, session.Id, default));
        Assert.Equal(AuthError.SessionRevoked, (await Change(session)).Failure?.Error);
        await Auth.SignInAsync(Jane);
    }

    [Fact]
    public async Task Nobody_in_particular_changes_nothing() =>
        Assert.Equal(
            AuthError.SessionRevoked,
            (await Auth.Use((ChangePassword flow) => flow.ChangeAsync(Auth.Caller, Password, OtherPassword, default)))
                .Failure
                ?.Error
        );

    [Fact]
    public async Task An_account_without_an_address_gets_no_email()
    {
        await Auth.RegisterAsync(null, username: "jane");
        Assert.NotNull((await Change(await Auth.SignInAsync("jane"))).Value);
        Assert.Equal(0, await Auth.DeliverAsync());
    }

    [Fact]
    public async Task A_change_that_came_while_the_password_was_compared_is_not_undone()
    {
        const string jane = "jane.roe@example.net";
        await Auth.RegisterAsync(jane);
        var session = await Auth.SignInAsync(jane);
        Auth.Hashes.AfterNextVerify = () =>
            Auth.Use((ChangeProfile flow) => flow.ChangeAsync(Auth.In(session), new(DisplayName: "Jane"), default))
                .GetAwaiter()
                .GetResult();
        var outcome = await Auth.Use(
            (ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default)
        );
        Assert.Equal(AuthError.Conflict, outcome.Failure?.Error);
        Assert.Equal("Jane", (await Auth.UserAsync(jane)).DisplayName);
    }

    [Fact]
    public async Task A_recent_sign_in_is_no_proof()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        Assert.Equal(AuthError.ValidationFailed, (await Change(session, current: "")).Failure?.Error);
        Assert.Equal(
            AuthError.ValidationFailed,
            (
                await Auth.Use(
                    (ChangePassword flow) => flow.ChangeAsync(Auth.In(session), (string?)null, OtherPassword, default)
                )
            )
                .Failure
                ?.Error
        );
        await Auth.SignInAsync(Jane);
    }

    [Fact]
    public async Task An_anonymous_account_gets_no_password_without_a_name()
    {
        var outcome = await Auth.Use(
            (SignInAnonymously flow) => flow.BeginAsync(Auth.Caller, null, SessionKind.Api, null, default)
        );
        var session = Assert.IsType<SignInOutcome.SignedIn>(outcome).Session;
        Assert.Equal(AuthError.Forbidden, (await Change(session, current: "")).Failure?.Error);
    }
}
