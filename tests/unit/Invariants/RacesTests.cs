using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
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
/// Two acts on one account, the second begun while the first is in the middle of its transaction. Where only a single
/// writer keeps them apart, a database that has many lets them pass each other unseen.
/// </summary>
public abstract class RacesTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : RacesTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : RacesTests(Store.Postgres);

    private const string Jane = "jane@example.net",
        New = "new@example.net";

    // Every act writes its audit entry last: whatever it ends is ended by then, and nothing is committed.
    private const string AtTheEnd = "INSERT INTO \"AuditEntries\"";

    private async Task<(TFirst, TSecond)> MeanwhileAsync<TFirst, TSecond>(
        Func<Task<TFirst>> first,
        string before,
        Func<Task<TSecond>> second
    )
    {
        Task<TSecond>? running = null;
        Auth.Sql.BeforeNext(
            before,
            () =>
            {
                running = Task.Run(second);
                running.Wait(TimeSpan.FromMilliseconds(400)); // comes to its end, or waits for the first
            }
        );
        var done = await first();
        Assert.False(Auth.Sql.IsTrapSet);
        return (done, await running!);
    }

    private Task<Result> ResetAsync(string link) =>
        Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, OtherPassword, default));

    private Task<List<string>> LiveAsync() =>
        Auth.Use((AuthDbContext db) => db.Sessions.Where(s => s.EndedAt == null).Select(s => s.Id).ToListAsync());

    [StoreFact]
    public async Task A_sign_in_with_the_old_password_does_not_slip_past_a_reset()
    {
        await Auth.MemberAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        var (reset, signIn) = await MeanwhileAsync(() => ResetAsync(link), AtTheEnd, () => Auth.TrySignInAsync(Jane));
        Assert.Null(reset.Failure);
        Assert.IsType<SignInOutcome.Refused>(signIn);
        Assert.Empty(await LiveAsync());
    }

    [StoreFact]
    public async Task A_reset_that_comes_while_a_session_begins_ends_it()
    {
        await Auth.MemberAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        var (_, reset) = await MeanwhileAsync(() => Auth.TrySignInAsync(Jane), AtTheEnd, () => ResetAsync(link));
        Assert.Null(reset.Failure);
        Assert.Empty(await LiveAsync());
    }

    [StoreFact]
    public async Task A_sign_in_does_not_slip_past_a_password_change()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var (change, _) = await MeanwhileAsync(
            () =>
                Auth.Use((ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default)),
            AtTheEnd,
            () => Auth.TrySignInAsync(Jane)
        );
        Assert.Null(change.Failure);
        Assert.Equal([session.Id], await LiveAsync());
    }

    [StoreFact]
    public async Task A_sign_in_does_not_slip_past_a_closing()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var (close, _) = await MeanwhileAsync(
            () => Auth.Use((CloseAccount flow) => flow.CloseAsync(Auth.In(session), Password, default)),
            AtTheEnd,
            () => Auth.TrySignInAsync(Jane)
        );
        Assert.Null(close.Failure);
        Assert.Empty(await LiveAsync());
    }

    [StoreFact]
    public async Task A_change_of_address_is_not_asked_for_past_a_reset()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        var (reset, asked) = await MeanwhileAsync(
            () => ResetAsync(link),
            AtTheEnd,
            () => Auth.Use((ChangeEmail flow) => flow.RequestAsync(Auth.In(session), New, Password, default))
        );
        Assert.Null(reset.Failure);
        Assert.NotNull(asked.Failure);
        await Auth.DeliverAsync();
        Assert.Empty(Auth.SubjectsTo(New));
    }

    [StoreFact]
    public async Task A_reset_and_a_password_change_do_not_wait_for_each_other_in_a_circle()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        var (change, reset) = await MeanwhileAsync(
            () =>
                Auth.Use((ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default)),
            "UPDATE \"OneTimeTokens\"",
            () => ResetAsync(link)
        );
        Assert.Single(new[] { change.Failure, reset.Failure }, refusal => refusal is null);
    }

    [StoreFact]
    public async Task A_link_minted_while_its_email_is_withdrawn_opens_nothing()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.DeliverAsync();
        Assert.Null(
            (await Auth.Use((ChangeEmail flow) => flow.RequestAsync(Auth.In(session), New, Password, default))).Failure
        );
        var (_, change) = await MeanwhileAsync(
            () => Auth.DeliverAsync(),
            "INSERT INTO \"OneTimeTokens\"",
            () =>
                Auth.Use((ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default))
        );
        Assert.Null(change.Failure);
        Assert.Empty(
            await Auth.Use(
                (AuthDbContext db) =>
                    db
                        .OneTimeTokens.Where(t =>
                            t.Purpose == TokenPurpose.ChangeEmail && t.RevokedAt == null && t.UsedAt == null
                        )
                        .ToListAsync()
            )
        );
    }

    [StoreFact]
    public async Task A_change_of_address_confirmed_while_a_password_is_hashed_is_not_undone()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var link = await Auth.EmailChangeLinkAsync(session, New);
        Auth.Hashes.AfterNextVerify = () =>
            Assert.Null(
                Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.Caller, link, default))
                    .GetAwaiter()
                    .GetResult()
                    .Failure
            );
        var change = await Auth.Use(
            (ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default)
        );
        Assert.Equal(AuthError.Conflict, change.Failure?.Error);
        Assert.Equal(New, (await Auth.FindUserAsync(session.UserId))!.Email);
    }

    [StoreFact]
    public async Task A_sign_up_with_an_address_that_is_verified_meanwhile_does_not_replace_the_password()
    {
        await Auth.RestartAsync(("SignIn:RequireVerifiedEmail", "true"));
        await Auth.Use((Register flow) => flow.CreateAsync(Auth.Caller, new(Jane, null, Password), default));
        await Auth.DeliverAsync();
        var link = LinkTokenIn(Auth.LastEmailTo(Jane));
        var (_, verify) = await MeanwhileAsync(
            () => Auth.Use((Register flow) => flow.CreateAsync(Auth.Caller, new(Jane, null, OtherPassword), default)),
            "UPDATE \"AspNetUsers\"",
            () => Auth.Use((VerifyEmail flow) => flow.ConfirmAsync(Auth.Caller, link, default))
        );
        // Either came first; a verified account has the password of the email that verified it.
        var verified = (await Auth.UserAsync(Jane)).EmailConfirmed;
        Assert.Equal(verified, verify.Failure is null);
        Assert.Equal(verified, await Auth.TrySignInAsync(Jane) is SignInOutcome.SignedIn);
        Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(Jane, OtherPassword));
    }

    [StoreFact]
    public async Task Everybody_who_ends_the_other_sessions_at_once_comes_to_an_answer()
    {
        await Auth.MemberAsync(Jane);
        var sessions = new List<Session>();
        for (var i = 0; i < 8; i++)
            sessions.Add(await Auth.SignInAsync(Jane));
        var results = await RaceAsync(
            sessions.Count,
            i => Auth.Use((SessionStore flow) => flow.EndOthersAsync(Auth.In(sessions[i]), default))
        );
        Assert.All(results, result => Assert.Null(result.Failure));
        Assert.InRange((await LiveAsync()).Count, 0, 1);
    }
}
