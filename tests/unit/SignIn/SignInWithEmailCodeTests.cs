using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.SignIn;

public class SignInWithEmailCodeTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private sealed record Email(string Ticket, string Code, string Link);

    private async Task<string> RequestAsync(string email = Jane) =>
        (await Auth.Use((SignInWithEmailCode flow) => flow.RequestAsync(Auth.Caller, email, default))).Value!;

    private async Task<Email> LetterAsync(string email = Jane)
    {
        var ticket = await RequestAsync(email);
        await Auth.DeliverAsync();
        var mail = Auth.LastEmailTo(email);
        Assert.Equal("BlazorAuth: Your code to sign in", mail.Content.Subject);
        return new(ticket, CodeIn(mail), LinkTokenIn(mail));
    }

    private Task<SignInOutcome> VerifyAsync(
        string? ticket,
        string? code,
        SessionKind door = SessionKind.Api,
        Caller? caller = null
    ) =>
        Auth.Use(
            (SignInWithEmailCode flow) => flow.VerifyAsync(caller ?? Auth.Caller, ticket, code, new(door), default)
        );

    private Task<SignInOutcome> OpenAsync(string? link) =>
        Auth.Use((SignInWithEmailCode flow) => flow.OpenAsync(Auth.Caller, link, new(SessionKind.Browser), default));

    private static AuthError? Why(SignInOutcome outcome) => outcome.Failure()?.Error;

    private static string Other(string code) => ((int.Parse(code) + 1) % 1_000_000).ToString("D6");

    [Fact]
    public async Task The_code_signs_in_beside_its_ticket_once()
    {
        var user = await Auth.MemberAsync(Jane);
        var letter = await LetterAsync();
        var session = Assert
            .IsType<SignInOutcome.SignedIn>(await VerifyAsync(letter.Ticket, $"{letter.Code[..3]} {letter.Code[3..]}"))
            .Session;
        Assert.Equal((user.Id, SessionKind.Api, "otp"), (session.UserId, session.Kind, session.Methods));
        Assert.Equal(AuthError.TicketExpired, Why(await VerifyAsync(letter.Ticket, letter.Code)));
        Assert.Equal(AuthError.LinkUsed, Why(await OpenAsync(letter.Link)));
    }

    [Fact]
    public async Task The_link_signs_in_without_the_ticket_and_uses_up_the_code()
    {
        await Auth.MemberAsync(Jane);
        var letter = await LetterAsync();
        Assert.Equal(
            SessionKind.Browser,
            Assert.IsType<SignInOutcome.SignedIn>(await OpenAsync(letter.Link)).Session.Kind
        );
        Assert.Equal(AuthError.LinkUsed, Why(await OpenAsync(letter.Link)));
        Assert.Equal(AuthError.TicketExpired, Why(await VerifyAsync(letter.Ticket, letter.Code)));
    }

    [Fact]
    public async Task Looking_at_a_link_tells_whether_it_was_asked_for_here_and_changes_nothing()
    {
        await Auth.MemberAsync(Jane);
        var letter = await LetterAsync();
        var elsewhere = await RequestAsync("other@example.net");
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(new SignInWithEmailCode.CodePreview(Jane, true), await PreviewAsync(letter.Ticket));
            Assert.Equal(new SignInWithEmailCode.CodePreview(Jane, false), await PreviewAsync(elsewhere));
            Assert.Equal(new SignInWithEmailCode.CodePreview(Jane, false), await PreviewAsync(null));
        }
        Assert.Null(Why(await VerifyAsync(letter.Ticket, letter.Code)));

        async Task<SignInWithEmailCode.CodePreview?> PreviewAsync(string? ticket) =>
            (
                await Auth.Use(
                    (SignInWithEmailCode flow) => flow.PreviewAsync(Auth.Caller, letter.Link, ticket, default)
                )
            ).Value;
    }

    [Fact]
    public async Task A_code_is_worth_nothing_beside_the_ticket_of_another_email_and_a_stranger_cannot_use_up_its_tries()
    {
        await Auth.MemberAsync(Jane);
        var strangers = await RequestAsync();
        var letter = await LetterAsync();
        for (var i = 0; i < 5; i++)
            Assert.Equal(AuthError.LinkInvalid, Why(await VerifyAsync(strangers, letter.Code)));
        Assert.Equal(AuthError.TicketExpired, Why(await VerifyAsync(strangers, letter.Code)));
        Assert.Null(Why(await VerifyAsync(letter.Ticket, letter.Code)));
    }

    [Fact]
    public async Task Five_wrong_codes_and_the_right_one_is_worth_nothing()
    {
        await Auth.MemberAsync(Jane);
        var letter = await LetterAsync();
        for (var i = 0; i < 5; i++)
        {
            var refusal = (await VerifyAsync(letter.Ticket, Other(letter.Code))).Failure()!;
            Assert.Equal(
                (AuthError.LinkInvalid, new FieldError("code", FieldErrorCode.Wrong)),
                (refusal.Error, Assert.Single(refusal.FieldErrors))
            );
        }
        Assert.Equal(AuthError.TicketExpired, Why(await VerifyAsync(letter.Ticket, letter.Code)));
        Assert.Equal(5, (await Auth.AuditAsync()).Count(e => e is { Event: AuditEvent.CodeRefused, UserId: null }));
    }

    [Fact]
    public async Task Asking_again_makes_the_older_email_worthless()
    {
        await Auth.MemberAsync(Jane);
        var older = await LetterAsync();
        var newer = await LetterAsync();
        Assert.Equal(AuthError.LinkInvalid, Why(await VerifyAsync(older.Ticket, older.Code)));
        Assert.Equal(AuthError.LinkInvalid, Why(await VerifyAsync(older.Ticket, newer.Code)));
        Assert.Equal(AuthError.LinkExpired, Why(await OpenAsync(older.Link)));
        Assert.Null(Why(await VerifyAsync(newer.Ticket, newer.Code)));
    }

    [Fact]
    public async Task An_email_still_on_its_way_is_not_sent_after_a_newer_one()
    {
        await Auth.MemberAsync(Jane);
        var before = Auth.Mail.Sent.Count;
        await RequestAsync();
        await RequestAsync();
        await Auth.DeliverAsync();
        Assert.Equal(before + 1, Auth.Mail.Sent.Count);
    }

    [Fact]
    public async Task The_code_lives_ten_minutes()
    {
        await Auth.MemberAsync(Jane);
        var letter = await LetterAsync();
        Assert.Contains("expire in 10 minutes", Auth.LastEmailTo(Jane).Content.Text, StringComparison.Ordinal);
        Auth.Clock.Move(TimeSpan.FromMinutes(10));
        Assert.Equal(AuthError.LinkInvalid, Why(await VerifyAsync(letter.Ticket, letter.Code)));
        Assert.Equal(AuthError.LinkExpired, Why(await OpenAsync(letter.Link)));
        Auth.Clock.Move(TimeSpan.FromMinutes(-5)); // a clock set back brings nothing to life
        Assert.Equal(AuthError.LinkInvalid, Why(await VerifyAsync(letter.Ticket, letter.Code)));
    }

    [Theory]
    [InlineData(9, 1)]
    [InlineData(10, 0)]
    public async Task An_email_that_could_not_be_sent_in_time_is_not_sent_and_one_that_could_holds_its_ten_minutes(
        int minutes,
        int sent
    )
    {
        await Auth.MemberAsync(Jane);
        var ticket = await RequestAsync();
        var before = Auth.Mail.Sent.Count;
        Auth.Clock.Move(TimeSpan.FromMinutes(minutes));
        await Auth.DeliverAsync();
        Assert.Equal(before + sent, Auth.Mail.Sent.Count);
        if (sent == 0)
            return;
        Auth.Clock.Move(TimeSpan.FromMinutes(9.9));
        Assert.Null(Why(await VerifyAsync(ticket, CodeIn(Auth.LastEmailTo(Jane)))));
    }

    [Fact]
    public async Task Nobody_gets_no_email_and_the_same_answer()
    {
        var ticket = await RequestAsync("nobody@example.net");
        await Auth.DeliverAsync();
        Assert.Empty(Auth.Mail.Sent);
        Assert.Equal(AuthError.LinkInvalid, Why(await VerifyAsync(ticket, "000000")));
        Assert.All(await Auth.AuditAsync(), e => Assert.Null(e.UserId));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("not a ticket")]
    public async Task A_ticket_that_is_none_is_refused(string? ticket) =>
        Assert.Equal(AuthError.TicketExpired, Why(await VerifyAsync(ticket, "123456")));

    [Fact]
    public async Task An_address_that_is_none_is_refused() =>
        Assert.Equal(
            AuthError.ValidationFailed,
            (await Auth.Use((SignInWithEmailCode flow) => flow.RequestAsync(Auth.Caller, "no address", default)))
                .Failure!
                .Error
        );

    [Fact]
    public async Task Emails_are_limited_for_the_network_that_asks()
    {
        await Auth.RestartAsync(("Throttle:MailPerCaller", "10"));
        for (var i = 0; i < 10; i++)
            await RequestAsync("nobody@example.net");
        Assert.Equal(
            AuthError.RateLimited,
            (
                await Auth.Use(
                    (SignInWithEmailCode flow) => flow.RequestAsync(Auth.Caller, "nobody@example.net", default)
                )
            )
                .Failure!
                .Error
        );
    }

    [Fact]
    public async Task A_network_that_guesses_is_held_back_and_one_that_guesses_right_is_not()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAddress", "2"));
        await Auth.MemberAsync(Jane);
        for (var i = 0; i < 3; i++)
        {
            var letter = await LetterAsync();
            Assert.Null(Why(await VerifyAsync(letter.Ticket, letter.Code)));
        }
        var last = await LetterAsync();
        for (var i = 0; i < 2; i++)
            await VerifyAsync(last.Ticket, Other(last.Code));
        Assert.Equal(AuthError.RateLimited, Why(await VerifyAsync(last.Ticket, last.Code)));
    }

    [Fact]
    public async Task A_locked_account_is_told_of_only_beside_the_right_code()
    {
        var user = await Auth.MemberAsync(Jane);
        var letter = await LetterAsync();
        await Auth.ChangeUserAsync(user.Id, row => row.LockedAt = Auth.Clock.Now);
        Assert.Equal(AuthError.LinkInvalid, Why(await VerifyAsync(letter.Ticket, Other(letter.Code))));
        Assert.Equal(AuthError.AccountLocked, Why(await VerifyAsync(letter.Ticket, letter.Code)));
        Assert.Equal(AuthError.AccountLocked, Why(await OpenAsync(letter.Link)));
        Assert.Empty(await Auth.Use((AuthDbContext db) => db.Sessions.ToListAsync()));
    }

    [Fact]
    public async Task Where_a_second_factor_is_on_it_is_asked_for_and_the_email_is_used_up()
    {
        var app = await Auth.AuthenticatorAsync(await Auth.MemberAsync(Jane));
        var letter = await LetterAsync();
        var due = Assert.IsType<SignInOutcome.NeedsSecondFactor>(await VerifyAsync(letter.Ticket, letter.Code));
        Assert.Equal(AuthError.LinkUsed, Why(await OpenAsync(letter.Link)));
        var given = await Auth.Use(
            (VerifySecondFactor flow) => flow.VerifyAsync(Auth.Caller, new(due.Ticket, Auth.CodeOf(app), null), default)
        );
        Assert.Equal(
            (SessionKind.Api, "otp mfa"),
            given.Outcome is SignInOutcome.SignedIn { Session: var s } ? (s.Kind, s.Methods) : default
        );
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task On_an_address_never_verified_what_the_registrant_set_is_void_and_the_address_is_verified(
        bool privately
    )
    {
        var user = await Auth.RegisterAsync(Jane, username: "jane.doe");
        var strangers = await Auth.SignInAsync(Jane);
        await Auth.AuthenticatorAsync(user);
        await Auth.Use((ChangeProfile flow) => flow.ChangeAsync(Auth.In(strangers), new(DisplayName: "Evil"), default));
        if (privately)
            await Auth.RestartAsync(("SignIn:RequireVerifiedEmail", "true"));
        var letter = await LetterAsync();
        // Asked from the stranger's own session, as a browser would that was signed in to it.
        var mine = Assert
            .IsType<SignInOutcome.SignedIn>(await VerifyAsync(letter.Ticket, letter.Code, caller: Auth.In(strangers)))
            .Session;
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(strangers));
        Assert.Null(await Auth.DeathOfAsync(mine));
        var after = await Auth.UserAsync(Jane);
        Assert.Equal(
            (true, null, null, null),
            (after.EmailConfirmed, after.PasswordHash, after.DisplayName, after.ChosenUserName)
        );
        Assert.Equal(0, (await Auth.RowsAsync())["Authenticators"]);
        Assert.Equal(AuthError.InvalidCredentials, Why(await Auth.TrySignInAsync(Jane)));
    }

    [Fact]
    public async Task An_account_that_moved_on_is_not_opened_by_an_old_email()
    {
        await Auth.MemberAsync(Jane);
        var link = await Auth.EmailChangeLinkAsync(await Auth.SignInAsync(Jane), "new@example.net");
        var letter = await LetterAsync();
        Assert.Null((await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.Caller, link, default))).Failure);
        Assert.Equal(AuthError.LinkInvalid, Why(await VerifyAsync(letter.Ticket, letter.Code)));
        Assert.Equal(AuthError.LinkExpired, Why(await OpenAsync(letter.Link)));
    }

    [Fact]
    public async Task A_changed_password_kills_the_email()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var letter = await LetterAsync();
        Assert.Null(
            (
                await Auth.Use(
                    (ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default)
                )
            ).Failure
        );
        Assert.Equal(AuthError.LinkInvalid, Why(await VerifyAsync(letter.Ticket, letter.Code)));
        Assert.Equal(AuthError.LinkExpired, Why(await OpenAsync(letter.Link)));
    }
}
