using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// What an asker learns of an account by answer or by work: nothing. Work is compared by hashes, rows and statements,
/// not by the clock.
/// </summary>
public abstract class IndistinguishableTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : IndistinguishableTests(Store.Memory);

    [OnPostgres]
    public sealed class OnPostgres() : IndistinguishableTests(Store.Postgres);

    private static readonly string[] Accounts =
    [
        "unknown@example.net",
        "unverified@example.net",
        "verified@example.net",
        "locked@example.net",
        "passwordless@example.net",
        "unknown.name",
        "known.name",
    ];

    private sealed record Work(string Answer, int Hashed, int Verified, string Rows, string Statements);

    private async Task AccountsAsync()
    {
        await Auth.RegisterAsync("unverified@example.net");
        await Auth.MemberAsync("verified@example.net", username: "known.name");
        var locked = await Auth.MemberAsync("locked@example.net");
        await Auth.ChangeUserAsync(locked.Id, row => row.LockedAt = Auth.Clock.Now);
        var passwordless = await Auth.MemberAsync("passwordless@example.net");
        await Auth.ChangeUserAsync(passwordless.Id, row => row.PasswordHash = null);
        await Auth.TrySignInAsync("warm.up"); // the stand-in's own hash is made once in a process
    }

    private async Task<Work> WorkOfAsync(Func<Task<string>> act)
    {
        var before = await Auth.RowsAsync();
        var (hashed, verified) = (Auth.Hashes.Hashed, Auth.Hashes.Verified);
        Auth.Sql.Take();
        var answer = await act();
        var statements = string.Join('\n', Auth.Sql.Take());
        var after = await Auth.RowsAsync();
        var rows = string.Join(
            ", ",
            after.Where(t => t.Value != before[t.Key]).Select(t => $"{t.Key} {t.Value - before[t.Key]:+0;-0}")
        );
        return new(answer, Auth.Hashes.Hashed - hashed, Auth.Hashes.Verified - verified, rows, statements);
    }

    private async Task<Work> AllAlikeAsync(IEnumerable<string> accounts, Func<string, Task<string>> act)
    {
        await AccountsAsync();
        Work? first = null;
        foreach (var (i, account) in accounts.Index())
        {
            Auth.Caller = Auth.Caller with { Address = $"198.51.100.{i}" }; // every asker is counted for the first time
            var work = await WorkOfAsync(() => act(account));
            first ??= work;
            Assert.Equal(
                (account, first.Answer, first.Hashed, first.Verified, first.Rows),
                (account, work.Answer, work.Hashed, work.Verified, work.Rows)
            );
            Assert.Equal(first.Statements, work.Statements);
        }
        return first!;
    }

    private static string Told(AuthFailure? refusal) =>
        refusal is null ? "done" : $"{refusal.Error} {string.Join(',', refusal.FieldErrors)} {refusal.RetryAfter}";

    [StoreFact]
    public async Task Forgot()
    {
        var work = await AllAlikeAsync(
            Accounts.Where(a => a.Contains('@')),
            async email =>
                Told((await Auth.Use((ResetPassword flow) => flow.RequestAsync(Auth.Caller, email, default))).Failure)
        );
        Assert.Equal(("done", 0, 0), (work.Answer, work.Hashed, work.Verified));
    }

    [StoreFact]
    public async Task Resend()
    {
        var work = await AllAlikeAsync(
            Accounts.Where(a => a.Contains('@')),
            async email =>
                Told((await Auth.Use((VerifyEmail flow) => flow.SendAsync(Auth.Caller, email, default))).Failure)
        );
        Assert.Equal("done", work.Answer);
    }

    [StoreTheory]
    [InlineData("not the password")]
    [InlineData("x")]
    [InlineData("long")]
    public async Task A_wrong_password_by_address(string wrong) => await WrongPasswordAsync(wrong, byName: false);

    [StoreTheory]
    [InlineData("not the password")]
    [InlineData("long")]
    public async Task A_wrong_password_by_name(string wrong) => await WrongPasswordAsync(wrong, byName: true);

    private async Task WrongPasswordAsync(string wrong, bool byName)
    {
        var password = wrong == "long" ? new string('x', 1000) : wrong;
        var work = await AllAlikeAsync(
            Accounts.Where(a => a.Contains('@') != byName),
            async account =>
                (await Auth.TrySignInAsync(account, password)).Match(_ => "signed in", _ => "second factor", Told)
        );
        Assert.Equal(("InvalidCredentials  ", 0, 1), (work.Answer, work.Hashed, work.Verified));
    }

    [StoreFact]
    public async Task A_wrong_code() =>
        Assert.StartsWith(
            "LinkInvalid",
            (
                await AllAlikeAsync(
                    Accounts.Where(a => a.Contains('@')),
                    async email =>
                        Told(
                            (
                                await Auth.Use(
                                    (VerifyEmail flow) =>
                                        flow.ConfirmCodeAsync(Auth.Caller, email, "not a code", default)
                                )
                            ).Failure
                        )
                )
            ).Answer,
            StringComparison.Ordinal
        );

    [StoreFact]
    public async Task A_code_to_sign_in_asked_for() =>
        Assert.Equal(
            "done",
            (
                await AllAlikeAsync(
                    Accounts.Where(a => a.Contains('@')),
                    async email =>
                        Told(
                            (
                                await Auth.Use(
                                    (SignInWithEmailCode flow) => flow.RequestAsync(Auth.Caller, email, default)
                                )
                            ).Failure
                        )
                )
            ).Answer
        );

    [StoreTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_wrong_code_to_sign_in_until_no_try_is_left(bool privately)
    {
        if (privately)
            await Auth.RestartAsync(("SignIn:RequireVerifiedEmail", "true"));
        await AccountsAsync();
        var works = new List<Work>();
        foreach (var (i, email) in Accounts.Where(a => a.Contains('@')).Index())
        {
            Auth.Caller = Auth.Caller with { Address = $"198.51.100.{i}" };
            var ticket = (
                await Auth.Use((SignInWithEmailCode flow) => flow.RequestAsync(Auth.Caller, email, default))
            ).Value!;
            var letters = Auth.Mail.Sent.Count;
            await Auth.DeliverAsync();
            Assert.Equal(email.StartsWith("unknown", StringComparison.Ordinal) ? 0 : 1, Auth.Mail.Sent.Count - letters);
            var wrong = CodeIn(Auth.LastEmailTo(Auth.Mail.Sent[^1].To)) == "123456" ? "654321" : "123456";
            works.Add(
                await WorkOfAsync(async () =>
                {
                    var answers = "";
                    for (var tries = 0; tries < 6; tries++)
                        answers += (
                            await Auth.Use(
                                (SignInWithEmailCode flow) =>
                                    flow.VerifyAsync(Auth.Caller, ticket, wrong, new(SessionKind.Api), default)
                            )
                        ).Match(_ => "signed in", _ => "second factor", Told);
                    return answers;
                })
            );
        }
        Assert.Single(works.Distinct());
        Assert.StartsWith("LinkInvalid", works[0].Answer, StringComparison.Ordinal);
        Assert.Contains("TicketExpired", works[0].Answer, StringComparison.Ordinal);
    }

    [StoreFact]
    public async Task A_spent_budget()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "1"));
        await AccountsAsync();
        foreach (var account in Accounts.Where(a => a.Contains('@')))
            await Auth.TrySignInAsync(account, "not the password");
        var answers = new List<Work>();
        foreach (var account in Accounts.Where(a => a.Contains('@')))
            answers.Add(
                await WorkOfAsync(async () =>
                    (await Auth.TrySignInAsync(account, "not the password")).Match(
                        _ => "signed in",
                        _ => "second factor",
                        Told
                    )
                )
            );
        Assert.Single(answers.Distinct());
        Assert.StartsWith("RateLimited", answers[0].Answer, StringComparison.Ordinal);
    }

    [StoreFact]
    public async Task In_the_private_mode_a_sign_up()
    {
        await Auth.RestartAsync(("SignIn:RequireVerifiedEmail", "true"));
        await AccountsAsync();
        foreach (var email in Accounts.Where(a => a.Contains('@')))
        {
            var outbox = (await Auth.RowsAsync())["Outbox"];
            var work = await WorkOfAsync(async () =>
            {
                var outcome = await Auth.Use(
                    (Register flow) => flow.CreateAsync(Auth.Caller, new(email, null, OtherPassword), default)
                );
                return $"{Told(outcome.Failure)} {outcome.Value?.User is null} {outcome.Value?.Email == email}";
            });
            Assert.Equal(
                (email, "done True True", 1, 0, outbox + 1),
                (email, work.Answer, work.Hashed, work.Verified, (await Auth.RowsAsync())["Outbox"])
            );
        }
    }

    [StoreFact]
    public async Task In_the_private_mode_a_wrong_password_of_an_unverified_account()
    {
        await Auth.RestartAsync(("SignIn:RequireVerifiedEmail", "true"));
        await AllAlikeAsync(
            Accounts.Where(a => a.Contains('@')),
            async account =>
                (await Auth.TrySignInAsync(account, "not the password")).Match(
                    _ => "signed in",
                    _ => "second factor",
                    Told
                )
        );
    }
}
