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

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// Six digits are guessed one in a million a try, and there is always a next email: wrong codes in a row are counted
/// for the account, whichever email and purpose, and stop codes until its owner proves who they are.
/// </summary>
public abstract class CodesAreBoundedTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : CodesAreBoundedTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : CodesAreBoundedTests(Store.Postgres);

    private const string Jane = "jane@example.net";

    private static readonly (string, string)[] Generous =
    [
        ("Throttle:SignInPerAddress", "10000"),
        ("Throttle:MailPerAddress", "10000"),
        ("Throttle:MailPerCaller", "10000"),
        ("Throttle:MailToUnverified", "1000"),
        ("Throttle:MailToUnverifiedDaily", "1000"),
        ("Throttle:MailPerDestination", "1000"),
    ];

    private async Task<(string Ticket, string Code, string Link)> LetterAsync()
    {
        var ticket = (
            await Auth.Use((SignInWithEmailCode flow) => flow.RequestAsync(Auth.Caller, Jane, default))
        ).Value!;
        await Auth.DeliverAsync();
        var mail = Auth.Mail.Sent.Last(m =>
            m.To == Jane && m.Content.Subject.EndsWith("Your code to sign in", StringComparison.Ordinal)
        );
        return (ticket, CodeIn(mail), LinkTokenIn(mail));
    }

    private async Task<string> VerifyLetterAsync()
    {
        await Auth.Use((VerifyEmail flow) => flow.SendAsync(Auth.Caller, Jane, default));
        await Auth.DeliverAsync();
        return CodeIn(
            Auth.Mail.Sent.Last(m =>
                m.To == Jane && m.Content.Subject.EndsWith("Confirm your e-mail address", StringComparison.Ordinal)
            )
        );
    }

    private Task<SignInOutcome> SignInAsync(string ticket, string code) =>
        Auth.Use(
            (SignInWithEmailCode flow) => flow.VerifyAsync(Auth.Caller, ticket, code, new(SessionKind.Api), default)
        );

    private Task<Result<VerifyEmail.VerificationResult>> VerifyAsync(string code) =>
        Auth.Use((VerifyEmail flow) => flow.ConfirmCodeAsync(Auth.Caller, Jane, code, default));

    private static string Other(string code) => ((int.Parse(code, null) + 1) % 1_000_000).ToString("D6", null);

    private Task SetAsync(int wrong) =>
        Auth.Use((AuthDbContext db) => db.Users.ExecuteUpdateAsync(set => set.SetProperty(u => u.WrongCodes, wrong)));

    private async Task<int> WrongAsync() => (await Auth.UserAsync(Jane)).WrongCodes;

    private int Told() =>
        Auth.Mail.Sent.Count(m =>
            m.To == Jane && m.Content.Subject.EndsWith("Sign-in codes were stopped", StringComparison.Ordinal)
        );

    // Every purpose that has codes, one after the other: twenty wrong ones in all.
    private async Task StopAsync()
    {
        var code = await VerifyLetterAsync();
        for (var i = 0; i < 5; i++)
            Assert.NotNull((await VerifyAsync(Other(code))).Failure);
        for (var letter = 0; letter < 3; letter++)
        {
            var next = await LetterAsync();
            for (var i = 0; i < 5; i++)
                Assert.IsType<SignInOutcome.Refused>(await SignInAsync(next.Ticket, Other(next.Code)));
        }
        await Auth.DeliverAsync();
    }

    [StoreFact]
    public async Task Twenty_wrong_codes_of_whatever_emails_stop_every_code_and_the_owner_is_told_once()
    {
        await Auth.RestartAsync(Generous);
        await Auth.RegisterAsync(Jane);
        await StopAsync();
        Assert.Equal(0, Told()); // nobody has shown yet that the address is theirs: only what verifies it goes there
        var letter = await LetterAsync();
        Assert.Equal(AuthError.LinkInvalid, (await SignInAsync(letter.Ticket, letter.Code)).Failure()?.Error);
        Assert.Equal(AuthError.LinkInvalid, (await VerifyAsync(await VerifyLetterAsync())).Failure?.Error);
        await Auth.DeliverAsync();
        Assert.Single(await Auth.AuditAsync(), e => e.Event == AuditEvent.CodesStopped);
        letter = await LetterAsync();
        Assert.IsType<SignInOutcome.SignedIn>(
            await Auth.Use(
                (SignInWithEmailCode flow) => flow.OpenAsync(Auth.Caller, letter.Link, new(SessionKind.Api), default)
            )
        );
        Assert.Equal(0, await WrongAsync());
    }

    [StoreFact]
    public async Task The_owner_of_a_verified_address_is_told_once()
    {
        await Auth.RestartAsync(Generous);
        await Auth.MemberAsync(Jane);
        for (var email = 0; email < 6; email++)
        {
            var next = await LetterAsync();
            for (var i = 0; i < 5; i++)
                Assert.IsType<SignInOutcome.Refused>(await SignInAsync(next.Ticket, Other(next.Code)));
        }
        await Auth.DeliverAsync();
        Assert.Equal(1, Told());
        Assert.Single(await Auth.AuditAsync(), e => e.Event == AuditEvent.CodesStopped);
    }

    [StoreFact]
    public async Task The_owner_lets_codes_work_again_by_every_proof_of_who_they_are()
    {
        await Auth.RestartAsync(Generous);
        await Auth.MemberAsync(Jane);
        await SetAsync(OneTimeTokens.WrongCodesInARow + 1);
        var session = await Auth.SignInAsync(Jane);
        Assert.Equal(0, await WrongAsync());
        await SetAsync(OneTimeTokens.WrongCodesInARow + 1);
        Assert.NotNull(
            (
                await Auth.Use(
                    (Reauthenticate flow) =>
                        flow.ReauthenticateAsync(Auth.In(session), Reauthentication.From(Password), default)
                )
            ).Value
        );
        Assert.Equal(0, await WrongAsync());
        await SetAsync(OneTimeTokens.WrongCodesInARow + 1);
        var reset = await Auth.ResetLinkAsync(Jane);
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, reset, OtherPassword, default))).Failure
        );
        Assert.Equal(0, await WrongAsync());
        var letter = await LetterAsync();
        Assert.IsType<SignInOutcome.SignedIn>(await SignInAsync(letter.Ticket, letter.Code));
    }

    [StoreFact]
    public async Task A_first_factor_alone_is_no_proof_and_a_right_code_ends_the_row()
    {
        await Auth.RestartAsync(Generous);
        var app = await Auth.AuthenticatorAsync(await Auth.MemberAsync(Jane));
        await SetAsync(OneTimeTokens.WrongCodesInARow + 1);
        var ticket = await Auth.TicketAsync(Jane);
        Assert.Equal(OneTimeTokens.WrongCodesInARow + 1, await WrongAsync());
        Assert.Null((await Auth.VerifyAsync(ticket, app.Code())).Outcome.Failure());
        await SetAsync(OneTimeTokens.WrongCodesInARow - 1);
        var letter = await LetterAsync();
        Assert.IsNotType<SignInOutcome.Refused>(await SignInAsync(letter.Ticket, letter.Code));
        Assert.Equal(0, await WrongAsync());
    }

    [StoreFact]
    public async Task Guesses_at_an_address_that_waits_for_no_code_count_for_nothing()
    {
        await Auth.RestartAsync(Generous);
        await Auth.MemberAsync(Jane);
        for (var i = 0; i < 30; i++)
            Assert.NotNull((await VerifyAsync("123456")).Failure);
        Assert.Equal((0, 0), (await WrongAsync(), Told()));
    }

    [StoreFact]
    public async Task Any_number_of_wrong_codes_at_once_does_not_exceed_the_bound()
    {
        await Auth.RestartAsync(Generous);
        await Auth.RegisterAsync(Jane);
        await SetAsync(OneTimeTokens.WrongCodesInARow - 2);
        var code = await VerifyLetterAsync();
        var guesses = await RaceAsync(20, _ => VerifyAsync(Other(code)));
        Assert.All(guesses, g => Assert.Equal(AuthError.LinkInvalid, g.Failure?.Error));
        Assert.Equal(OneTimeTokens.WrongCodesInARow + 1, await WrongAsync());
        Assert.Single(await Auth.AuditAsync(), e => e.Event == AuditEvent.CodesStopped);

        // At the bound, no number of right ones at once gets through.
        await SetAsync(OneTimeTokens.WrongCodesInARow);
        var right = await VerifyLetterAsync();
        Assert.All(await RaceAsync(20, _ => VerifyAsync(right)), g => Assert.NotNull(g.Failure));
    }

    [StoreFact]
    public async Task A_known_and_an_unknown_address_run_the_same_statements_for_a_wrong_code()
    {
        await Auth.RestartAsync(Generous);
        await Auth.RegisterAsync(Jane);
        await VerifyLetterAsync();
        var known = await WorkAsync(Jane);
        Assert.Equal(known, await WorkAsync("nobody@example.net"));
        await SetAsync(OneTimeTokens.WrongCodesInARow + 1);
        Assert.Equal(known, await WorkAsync(Jane));

        async Task<(AuthError?, string)> WorkAsync(string email)
        {
            Auth.Sql.Take();
            var refusal = (
                await Auth.Use((VerifyEmail flow) => flow.ConfirmCodeAsync(Auth.Caller, email, "000000", default))
            ).Failure;
            return (refusal?.Error, string.Join("\n", Auth.Sql.Take()));
        }
    }
}
