using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Accounts;

public sealed class VerifyEmailTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private async Task<AuthError?> Confirm(string? link) =>
        (await Auth.Use((VerifyEmail flow) => flow.ConfirmAsync(Auth.Caller, link, default))).Failure?.Error;

    private async Task<AuthError?> ConfirmCode(string? code, string? email = Jane) =>
        (await Auth.Use((VerifyEmail flow) => flow.ConfirmCodeAsync(Auth.Caller, email, code, default))).Failure?.Error;

    private async Task<AuthError?> Send(string? email = Jane)
    {
        var outcome = await Auth.Use((VerifyEmail flow) => flow.SendAsync(Auth.Caller, email, default));
        await Auth.DeliverAsync();
        return outcome.Failure?.Error;
    }

    private async Task<(string Link, string Code)> LetterAsync()
    {
        await Auth.RegisterAsync(Jane);
        await Auth.DeliverAsync();
        return (LinkTokenIn(Auth.LastEmailTo(Jane)), CodeIn(Auth.LastEmailTo(Jane)));
    }

    private async Task<bool> IsVerified() => (await Auth.UserAsync(Jane)).EmailConfirmed;

    [Fact]
    public async Task The_link_verifies_once()
    {
        var (link, _) = await LetterAsync();
        Assert.Null(await Confirm(link));
        Assert.True(await IsVerified());
        Assert.Equal(AuthError.LinkUsed, await Confirm(link));
    }

    [Fact]
    public async Task The_code_verifies_once_and_takes_the_link_with_it()
    {
        var (link, code) = await LetterAsync();
        Assert.Null(await ConfirmCode($" {code[..3]} {code[3..]} "));
        Assert.True(await IsVerified());
        Assert.Equal(AuthError.LinkInvalid, await ConfirmCode(code));
        Assert.Equal(AuthError.LinkUsed, await Confirm(link));
    }

    [Fact]
    public async Task Looking_at_a_link_changes_nothing()
    {
        var (link, _) = await LetterAsync();
        var before = await Auth.RowsAsync();
        for (var i = 0; i < 3; i++)
            Assert.NotNull((await Auth.Use((VerifyEmail flow) => flow.PreviewAsync(Auth.Caller, link, default))).Value);
        Assert.Equal(before, await Auth.RowsAsync());
        Assert.False(await IsVerified());
        Assert.Null(await Confirm(link));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("%25%25")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task A_link_that_is_not_ours_is_refused(string? link)
    {
        await LetterAsync();
        Assert.Equal(AuthError.LinkInvalid, await Confirm(link));
        Assert.Equal(AuthError.LinkInvalid, await Confirm(new string('x', 100_000)));
    }

    [Fact]
    public async Task A_link_of_another_purpose_is_refused()
    {
        await LetterAsync();
        var reset = await Auth.ResetLinkAsync(Jane);
        Assert.Equal(AuthError.LinkInvalid, await Confirm(reset));
        Assert.False(await IsVerified());
    }

    [Fact]
    public async Task A_link_works_for_a_day()
    {
        var (link, code) = await LetterAsync();
        Auth.Clock.Move(TimeSpan.FromHours(24) - TimeSpan.FromMilliseconds(1));
        Assert.NotNull((await Auth.Use((VerifyEmail flow) => flow.PreviewAsync(Auth.Caller, link, default))).Value);
        Auth.Clock.Move(TimeSpan.FromMilliseconds(1));
        Assert.Equal(AuthError.LinkExpired, await Confirm(link));
        Assert.Equal(AuthError.LinkInvalid, await ConfirmCode(code));
    }

    [Fact]
    public async Task A_newer_email_replaces_the_older()
    {
        var (link, code) = await LetterAsync();
        Assert.Null(await Send());
        Assert.Equal(AuthError.LinkExpired, await Confirm(link));
        if (CodeIn(Auth.LastEmailTo(Jane)) != code)
            Assert.Equal(AuthError.LinkInvalid, await ConfirmCode(code));
        Assert.Null(await Confirm(LinkTokenIn(Auth.LastEmailTo(Jane))));
    }

    [Fact]
    public async Task Five_wrong_codes_spend_the_code_and_not_the_link()
    {
        var (link, code) = await LetterAsync();
        var wrong = code == "000000" ? "000001" : "000000";
        for (var i = 0; i < OneTimeTokens.MaximumAttempts; i++)
            Assert.Equal(AuthError.LinkInvalid, await ConfirmCode(wrong));
        Assert.Equal(AuthError.LinkInvalid, await ConfirmCode(code));
        Assert.Null(await Confirm(link));
    }

    [Fact]
    public async Task A_wrong_code_is_written_down_without_a_name()
    {
        await Auth.RegisterAsync("jane@example.net");
        await Auth.Use(
            (VerifyEmail flow) => flow.ConfirmCodeAsync(Auth.Caller, "jane@example.net", "no code", default)
        );
        var entry = (await Auth.AuditAsync())[^1];
        Assert.Equal(
            (AuditEvent.CodeRefused, null, Auth.Caller.Address, "link_invalid"),
            (entry.Event, entry.UserId, entry.Address, entry.Reason)
        );
    }

    [Fact]
    public async Task Four_wrong_codes_leave_one_try()
    {
        var (_, code) = await LetterAsync();
        for (var i = 0; i < OneTimeTokens.MaximumAttempts - 1; i++)
            await ConfirmCode("999x");
        Assert.Null(await ConfirmCode(code));
    }

    [Fact]
    public async Task A_code_is_bound_to_its_address()
    {
        var (_, code) = await LetterAsync();
        await Auth.RegisterAsync("john@example.net");
        await Auth.DeliverAsync();
        if (CodeIn(Auth.LastEmailTo("john@example.net")) != code)
            Assert.Equal(AuthError.LinkInvalid, await ConfirmCode(code, "john@example.net"));
        Assert.Equal(AuthError.LinkInvalid, await ConfirmCode(code, "nobody@example.net"));
        Assert.Equal(AuthError.ValidationFailed, await ConfirmCode(code, "no address"));
        Assert.Equal(AuthError.ValidationFailed, await ConfirmCode(" "));
    }

    [Fact]
    public async Task Guesses_from_one_network_are_limited_over_all_addresses()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAddress", "3"));
        for (var i = 0; i < 3; i++)
            Assert.Equal(AuthError.LinkInvalid, await ConfirmCode("123456", $"jane{i}@example.net"));
        Assert.Equal(AuthError.RateLimited, await ConfirmCode("123456", "jane9@example.net"));
    }

    [Fact]
    public async Task A_verified_address_gets_no_more_emails()
    {
        await Auth.MemberAsync(Jane);
        var letters = Auth.Mail.Sent.Count;
        Assert.Null(await Send());
        Assert.Null(await Send("nobody@example.net"));
        Assert.Equal(letters, Auth.Mail.Sent.Count);
    }

    [Fact]
    public async Task Asking_is_limited_for_each_address()
    {
        await Auth.RegisterAsync("jane@example.net");
        for (var i = 0; i < 6; i++)
            Assert.Null(await Send(i % 2 == 0 ? "jane@example.net" : "JANE@example.net"));
        await Auth.DeliverAsync();
        Assert.Equal(3, Auth.SubjectsTo("jane@example.net").Count);
        Auth.Clock.Move(TimeSpan.FromHours(1));
        Assert.Null(await Send());
        await Auth.DeliverAsync();
        Assert.Equal(4, Auth.SubjectsTo("jane@example.net").Count);
    }

    [Fact]
    public async Task An_account_that_moved_on_is_not_verified_by_an_old_email()
    {
        var (link, _) = await LetterAsync();
        var user = await Auth.UserAsync(Jane);
        await Auth.ChangeUserAsync(
            user.Id,
            row => (row.Email, row.NormalizedEmail) = ("new@example.net", "new@example.net")
        );
        Assert.Equal(AuthError.LinkInvalid, await Confirm(link));
        Assert.False((await Auth.UserAsync("new@example.net")).EmailConfirmed);
    }

    [Fact]
    public async Task The_owner_of_an_address_removes_an_account_they_did_not_make()
    {
        var (link, _) = await LetterAsync();
        var session = await Auth.SignInAsync(Jane);
        var pair = await Auth.ApiPairAsync(Jane);
        Assert.Null((await Auth.Use((VerifyEmail flow) => flow.DisownAsync(Auth.Caller, link, default))).Failure);
        Assert.False(await Auth.Use((AuthDbContext db) => db.Users.AnyAsync()));
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(session));
        Assert.Equal(AuthError.SessionRevoked, (await Auth.RefreshAsync(pair.RefreshToken)).Failure?.Error);
        Assert.Equal(
            AuthError.LinkUsed,
            (await Auth.Use((VerifyEmail flow) => flow.DisownAsync(Auth.Caller, link, default))).Failure?.Error
        );
        await Auth.RegisterAsync(Jane, OtherPassword);
    }

    [Fact]
    public async Task Who_wants_a_new_password_ends_everything_older_and_keeps_the_account()
    {
        var (link, _) = await LetterAsync();
        var (browser, program) = (await Auth.SignInAsync(Jane), await Auth.ApiPairAsync(Jane));
        var key = (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(browser), new("ci"), default)))
            .Value!
            .Session;
        await Auth.PasskeyAsync(browser, new SoftAuthenticator());
        var done = (
            await Auth.Use((VerifyEmail flow) => flow.ConfirmAsync(Auth.Caller, link, newPassword: true, default))
        ).Value!;
        Assert.False(done.PasswordVoid);
        foreach (var session in new[] { browser, program.Session, key })
            Assert.Equal(AuthError.PasswordChanged, await Auth.DeathOfAsync(session));
        Assert.Equal(AuthError.InvalidCredentials, (await Auth.TrySignInAsync(Jane)).Failure()?.Error);
        Assert.Equal(0, (await Auth.RowsAsync())["AspNetUserPasskeys"]);
        Assert.True(await IsVerified());
        Assert.Null(
            (
                await Auth.Use(
                    (ResetPassword flow) => flow.SetAsync(Auth.Caller, done.ResetLink, OtherPassword, default)
                )
            ).Failure
        );
        await Auth.SignInAsync(Jane, OtherPassword);
    }

    [Fact]
    public async Task A_link_tells_who_made_the_account_only_where_nobody_is_signed_in_to_it()
    {
        var (link, _) = await LetterAsync();
        var look = (await Auth.Use((VerifyEmail flow) => flow.PreviewAsync(Auth.Caller, link, default))).Value!;
        Assert.Equal(
            (Jane, Auth.Caller.Address, Auth.Caller.Agent),
            (look.Address, look.Made?.Address, look.Made?.Agent)
        );
        Assert.Equal((await Auth.UserAsync(Jane)).CreatedAt, look.Made!.At, TimeSpan.FromSeconds(1));
        var own = await Auth.SignInAsync(Jane);
        Assert.Null((await Auth.Use((VerifyEmail flow) => flow.PreviewAsync(Auth.In(own), link, default))).Value!.Made);
    }

    [Fact]
    public async Task A_link_that_has_done_its_work_is_done_and_no_other_is()
    {
        var (older, _) = await LetterAsync();
        Assert.Null(await Send());
        var link = LinkTokenIn(Auth.LastEmailTo(Jane));
        Assert.False(await Done(older));
        Assert.Null(await Confirm(link));
        foreach (var opened in new[] { link, older })
            Assert.True(await Done(opened));
        Assert.False(await Done("nonsense"));

        Task<bool> Done(string opened) =>
            Auth.Use((VerifyEmail flow) => flow.IsDoneAsync(Auth.Caller, opened, default));
    }

    [Fact]
    public async Task A_verified_account_is_not_disowned()
    {
        var (link, _) = await LetterAsync();
        await Confirm(link);
        Assert.Equal(
            AuthError.LinkUsed,
            (await Auth.Use((VerifyEmail flow) => flow.DisownAsync(Auth.Caller, link, default))).Failure?.Error
        );
        Assert.True(await IsVerified());
    }

    [Fact]
    public async Task What_a_stranger_set_is_void_once_the_owner_who_also_signed_up_verifies()
    {
        const string victim = "victim@example.net";
        var account = await Auth.RegisterAsync(victim, username: "stranger");
        var browser = await Auth.SignInAsync(victim);
        var program = await Auth.ApiPairAsync(victim);
        await Auth.Use((Register flow) => flow.CreateAsync(Auth.Caller, new(victim, null, OtherPassword), default));
        await Auth.DeliverAsync();
        var link = LinkTokenIn(
            Auth.Mail.Sent.Last(m => m.To == victim && m.Content.Subject.Contains("Confirm", StringComparison.Ordinal))
        );
        Assert.Null((await Auth.Use((VerifyEmail flow) => flow.ConfirmAsync(Auth.Caller, link, default))).Failure);

        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(browser));
        Assert.Equal(AuthError.SessionRevoked, (await Auth.RefreshAsync(program.RefreshToken)).Failure?.Error);
        Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(victim));
        Assert.True((await Auth.FindUserAsync(account.Id))!.EmailConfirmed);
    }

    [Fact]
    public async Task Who_verifies_while_signed_in_to_the_account_keeps_it_whoever_else_signed_up()
    {
        const string jane = "jane.doe@example.net";
        await Auth.RegisterAsync(jane);
        var browser = await Auth.SignInAsync(jane);
        await Auth.Use((Register flow) => flow.CreateAsync(Auth.Caller, new(jane, null, OtherPassword), default));
        await Auth.DeliverAsync();
        var link = LinkTokenIn(
            Auth.Mail.Sent.Last(m => m.To == jane && m.Content.Subject.Contains("Confirm", StringComparison.Ordinal))
        );
        Assert.Null((await Auth.Use((VerifyEmail flow) => flow.ConfirmAsync(Auth.In(browser), link, default))).Failure);
        Assert.Null(await Auth.DeathOfAsync(browser));
        await Auth.SignInAsync(jane);
    }
}
