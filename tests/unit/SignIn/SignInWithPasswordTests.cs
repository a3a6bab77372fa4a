using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.SignIn;

public sealed class SignInWithPasswordTests : AuthTest
{
    private const string Jane = "jane@example.net";
    private const string Wrong = "not the password";

    private async Task<AuthFailure> Refused(string identifier, string password = Password) =>
        Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(identifier, password)).Failure;

    [Theory]
    [InlineData("jane@example.net")]
    [InlineData("  JANE@Example.NET ")]
    [InlineData("jane")]
    [InlineData(" Jane ")]
    public async Task Any_of_an_accounts_names_signs_in(string identifier)
    {
        var user = await Auth.RegisterAsync(Jane, username: "jane");
        Assert.Equal(user.Id, (await Auth.SignInAsync(identifier)).UserId);
    }

    [Fact]
    public async Task A_session_says_how_it_began()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        Assert.Equal(
            (SessionKind.Browser, "pwd", Auth.Clock.Now, Auth.Caller.Address, Auth.Caller.Agent),
            (session.Kind, session.Methods, session.AuthenticatedAt, session.Address, session.Agent)
        );
        Assert.Contains(await Auth.AuditAsync(), e => e.Event == AuditEvent.SignedIn && e.SessionId == session.Id);
    }

    [Fact]
    public async Task Every_sign_in_begins_a_session_of_its_own()
    {
        await Auth.RegisterAsync(Jane);
        Assert.NotEqual((await Auth.SignInAsync(Jane)).Id, (await Auth.SignInAsync(Jane)).Id);
    }

    [Theory]
    [InlineData("jane@example.net", Wrong)]
    [InlineData("jane@example.net", "SEVEN green bottles")]
    [InlineData("jane@example.net", " seven green bottles")]
    [InlineData("nobody@example.net", Password)]
    [InlineData("nobody", Password)]
    [InlineData("a@b@c", Password)]
    [InlineData("\u0000", Password)]
    public async Task Nothing_else_signs_in(string identifier, string password)
    {
        await Auth.RegisterAsync(Jane);
        var refusal = await Refused(identifier, password);
        Assert.Equal(AuthError.InvalidCredentials, refusal.Error);
        Assert.Empty(refusal.FieldErrors);
        Assert.Equal(0, (await Auth.RowsAsync())["Sessions"]);
    }

    [Theory]
    [InlineData("", Password, "identifier")]
    [InlineData(" ", Password, "identifier")]
    [InlineData("jane@example.net", "", "password")]
    public async Task An_empty_field_is_named(string identifier, string password, string field) =>
        Assert.Equal(
            new FieldError(field, FieldErrorCode.Required),
            Assert.Single((await Refused(identifier, password)).FieldErrors)
        );

    [Fact]
    public async Task A_password_beyond_the_maximum_is_wrong_and_not_cut()
    {
        var longest = "y" + new string('x', 255);
        await Auth.RegisterAsync(Jane, longest);
        await Auth.SignInAsync(Jane, longest);
        Assert.Equal(AuthError.InvalidCredentials, (await Refused(Jane, longest + "x")).Error);
        Assert.Equal(AuthError.InvalidCredentials, (await Refused(Jane, new string('x', 1_000_000))).Error);
    }

    [Fact]
    public async Task That_an_account_is_locked_is_told_only_to_who_has_its_password()
    {
        var user = await Auth.RegisterAsync(Jane);
        await Auth.ChangeUserAsync(user.Id, row => row.LockedAt = Auth.Clock.Now);
        Assert.Equal(AuthError.InvalidCredentials, (await Refused(Jane, Wrong)).Error);
        Assert.Equal(AuthError.AccountLocked, (await Refused(Jane)).Error);
        Assert.Equal(0, (await Auth.RowsAsync())["Sessions"]);
    }

    [Fact]
    public async Task An_account_without_a_password_is_not_opened_by_any()
    {
        var user = await Auth.RegisterAsync(Jane);
        await Auth.ChangeUserAsync(user.Id, row => row.PasswordHash = null);
        Assert.Equal(AuthError.InvalidCredentials, (await Refused(Jane)).Error);
        Assert.Equal(AuthError.ValidationFailed, (await Refused(Jane, "")).Error);
    }

    [Fact]
    public async Task Wrong_passwords_are_limited_by_account_whichever_name_is_typed()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "4"));
        await Auth.RegisterAsync(Jane, username: "jane");
        foreach (var name in new[] { Jane, "jane", "JANE", " jane@EXAMPLE.net" })
            Assert.Equal(AuthError.InvalidCredentials, (await Refused(name, Wrong)).Error);
        var verified = Auth.Hashes.Verified;
        var refusal = await Refused("jane");
        Assert.Equal(AuthError.RateLimited, refusal.Error);
        Assert.InRange(refusal.RetryAfter!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(15));
        Assert.Equal(verified, Auth.Hashes.Verified); // nothing is compared once the budget is spent
        Auth.Clock.Move(refusal.RetryAfter.Value);
        await Auth.SignInAsync(Jane);
    }

    [Fact]
    public async Task A_right_password_ends_a_row_of_wrong_ones()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "3"));
        await Auth.RegisterAsync(Jane);
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 2; i++)
                Assert.Equal(AuthError.InvalidCredentials, (await Refused(Jane, Wrong)).Error);
            await Auth.SignInAsync(Jane);
        }
    }

    [Fact]
    public async Task A_throttled_account_is_reached_by_a_reset()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "1"));
        await Auth.RegisterAsync(Jane);
        await Refused(Jane, Wrong);
        Assert.Equal(AuthError.RateLimited, (await Refused(Jane)).Error);
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, OtherPassword, default))).Failure
        );
        await Auth.SignInAsync(Jane, OtherPassword);
    }

    [Theory]
    [InlineData("someone@b\u00fccher.example", "someone@xn--bcher-kva.example")]
    [InlineData("someone@example.net", "SOMEONE@EXAMPLE.NET")]
    [InlineData("some.name", " SOME.NAME ")]
    public async Task Spellings_of_an_unknown_name_share_a_budget_as_those_of_a_known_one_do(string one, string other)
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "1"));
        await Refused(one, Wrong);
        Assert.Equal(AuthError.RateLimited, (await Refused(other, Wrong)).Error);
    }

    [Fact]
    public async Task Wrong_passwords_are_limited_by_network_over_all_accounts()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAddress", "3"));
        await Auth.RegisterAsync(Jane);
        for (var i = 0; i < 3; i++)
            Assert.Equal(AuthError.InvalidCredentials, (await Refused($"jane{i}@example.net", Wrong)).Error);
        Assert.Equal(AuthError.RateLimited, (await Refused(Jane)).Error);
        Auth.Caller = Auth.Caller with { Address = "203.0.113.8" };
        await Auth.SignInAsync(Jane);
    }

    [Fact]
    public async Task Right_passwords_do_not_use_up_a_network()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAddress", "2"));
        await Auth.RegisterAsync(Jane);
        for (var i = 0; i < 5; i++)
            await Auth.SignInAsync(Jane);
    }

    [Fact]
    public async Task A_new_device_is_told_of_and_a_known_one_is_not()
    {
        await Auth.MemberAsync(Jane);
        await Auth.SignInAsync(Jane);
        await Auth.SignInAsync(Jane);
        await Auth.DeliverAsync();
        Assert.DoesNotContain("New sign-in to your account", Auth.SubjectsTo(Jane));
        Auth.Caller = Caller.Anonymous("198.51.100.9", "curl/8");
        await Auth.SignInAsync(Jane);
        await Auth.SignInAsync(Jane);
        await Auth.DeliverAsync();
        Assert.Single(Auth.SubjectsTo(Jane), subject => subject == "New sign-in to your account");
    }

    [Fact]
    public async Task A_password_reset_while_it_was_being_compared_opens_nothing()
    {
        await Auth.RegisterAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        Auth.Hashes.AfterNextVerify = () =>
            Assert.Null(
                Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, OtherPassword, default))
                    .GetAwaiter()
                    .GetResult()
                    .Failure
            );
        var outcome = await Auth.TrySignInAsync(Jane);
        Assert.Null(Auth.Hashes.AfterNextVerify);
        Assert.Equal(AuthError.InvalidCredentials, Assert.IsType<SignInOutcome.Refused>(outcome).Failure.Error);
        Assert.Equal(0, (await Auth.RowsAsync())["Sessions"]);
    }

    [Fact]
    public async Task An_account_closed_while_its_password_was_being_compared_opens_nothing()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        Auth.Hashes.AfterNextVerify = () =>
            Assert.Null(
                Auth.Use((CloseAccount flow) => flow.CloseAsync(Auth.In(session), Password, default))
                    .GetAwaiter()
                    .GetResult()
                    .Failure
            );
        Assert.Equal(AuthError.InvalidCredentials, (await Refused(Jane)).Error);
    }

    [Fact]
    public async Task A_fresh_account_is_signed_in_by_its_own_sign_up()
    {
        var user = await Auth.RegisterAsync(Jane);
        var outcome = await Auth.Use(
            (SignInWithPassword flow) => flow.AfterRegisterAsync(Auth.Caller, user, SessionKind.Api, null, default)
        );
        var session = Assert.IsType<SignInOutcome.SignedIn>(outcome).Session;
        Assert.Null(await Auth.DeathOfAsync(session));
    }
}
