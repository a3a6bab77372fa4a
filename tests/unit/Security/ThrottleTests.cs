using BlazorAuth.Core;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Security;

public abstract class ThrottleTests(Store store)
    : AuthTest(store, ("Throttle:SignInPerAccount", "5"), ("Throttle:SignInPerAddress", "7"))
{
    public sealed class OnSqlite() : ThrottleTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : ThrottleTests(Store.Postgres);

    private Task<AuthFailure?> Take(string subject = "a", Budget budget = Budget.SignInPerAccount) =>
        Auth.Use((Throttle throttle) => throttle.TakeAsync(Auth.Caller, default, (budget, subject)));

    [StoreFact]
    public async Task Parallel_attempts_never_exceed_the_limit()
    {
        var results = await AuthFixture.RaceAsync(30, _ => Take());
        Assert.Equal(5, results.Count(refusal => refusal is null));
        Assert.All(results.Where(r => r is not null), refusal => Assert.Equal(AuthError.RateLimited, refusal!.Error));
    }

    [StoreFact]
    public async Task Parallel_guesses_at_sign_in_never_exceed_the_limit()
    {
        await Auth.RegisterAsync("jane@example.net");
        var before = Auth.Hashes.Verified;
        await AuthFixture.RaceAsync(30, _ => Auth.TrySignInAsync("jane@example.net", "not the password"));
        Assert.InRange(Auth.Hashes.Verified - before, 1, 5); // an account has two places at a time
        for (var i = 0; i < 10; i++)
            await Auth.TrySignInAsync("jane@example.net", "not the password");
        Assert.Equal(5, Auth.Hashes.Verified - before);
    }

    [StoreFact]
    public async Task A_window_ends_for_all_at_once_and_one_limit_is_granted_anew()
    {
        for (var i = 0; i < 5; i++)
            Assert.Null(await Take());
        Auth.Clock.Move(TimeSpan.FromMinutes(14));
        Assert.Equal(TimeSpan.FromMinutes(1), (await Take())!.RetryAfter);
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        var results = await AuthFixture.RaceAsync(20, _ => Take());
        Assert.Equal(5, results.Count(refusal => refusal is null));
    }

    [StoreFact]
    public async Task Waiting_is_told_as_a_second_at_least()
    {
        for (var i = 0; i < 5; i++)
            await Take();
        Auth.Clock.Move(TimeSpan.FromMinutes(15) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(TimeSpan.FromSeconds(1), (await Take())!.RetryAfter);
    }

    [StoreFact]
    public async Task Subjects_and_budgets_are_counted_apart()
    {
        for (var i = 0; i < 5; i++)
            await Take();
        Assert.NotNull(await Take());
        Assert.Null(await Take("b"));
        Assert.Null(await Take(budget: Budget.SignInPerAddress));
    }

    [StoreFact]
    public async Task What_is_given_back_counts_again_and_never_below_nothing()
    {
        for (var i = 0; i < 3; i++)
            await Auth.Use((Throttle t) => t.ReturnAsync(Budget.SignInPerAccount, "a", default));
        for (var i = 0; i < 5; i++)
            Assert.Null(await Take());
        await Auth.Use((Throttle t) => t.ReturnAsync(Budget.SignInPerAccount, "a", default));
        Assert.Null(await Take());
        Assert.NotNull(await Take());
        await Auth.Use((Throttle t) => t.ClearAsync(Budget.SignInPerAccount, "a", default));
        for (var i = 0; i < 5; i++)
            Assert.Null(await Take());
    }

    [StoreFact]
    public async Task Counts_survive_a_restart_and_are_shared_by_processes()
    {
        for (var i = 0; i < 4; i++)
            await Take();
        await using var other = await Auth.BesideAsync();
        Assert.Null(
            await other.Use(
                (Throttle throttle) => throttle.TakeAsync(Auth.Caller, default, (Budget.SignInPerAccount, "a"))
            )
        );
        await Auth.RestartAsync();
        Assert.NotNull(await Take());
    }

    [StoreFact]
    public async Task A_throttle_that_is_off_counts_nothing()
    {
        await Auth.RestartAsync(("Throttle:Enabled", "false"));
        for (var i = 0; i < 20; i++)
            Assert.Null(await Take());
        Assert.Equal(0, (await Auth.RowsAsync())["ThrottleCounts"]);
    }

    [StoreFact]
    public async Task What_is_counted_is_not_written_down()
    {
        await Take("my password typed in the wrong field");
        var key = (await Auth.Use((AuthDbContext db) => db.ThrottleCounts.SingleAsync())).Key;
        Assert.Matches("^[0-9A-F]{64}$", key);
    }

    [StoreTheory]
    [InlineData("203.0.113.7", "203.0.113.7", true)]
    [InlineData("203.0.113.7", "203.0.113.8", false)]
    [InlineData("203.0.113.7", "::ffff:203.0.113.7", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true)]
    [InlineData("2001:db8:1:2::1", "2001:0DB8:0001:0002::1", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    [InlineData(null, "nonsense", true)]
    [InlineData(null, "203.0.113.7", false)]
    public void An_ipv6_host_is_its_network(string? one, string? other, bool same)
    {
        static string Network(string? address) => Throttle.Network(Caller.Anonymous(address, null));
        Assert.Equal(same, Network(one) == Network(other));
    }

    [StoreFact]
    public async Task A_host_that_walks_through_its_network_is_one()
    {
        var refusals = await AuthFixture.RaceAsync(
            20,
            i => Take(Throttle.Network(Caller.Anonymous($"2001:db8:1:2::{i:x}", null)), Budget.SignInPerAddress)
        );
        Assert.Equal(7, refusals.Count(refusal => refusal is null));
    }

    private const string Jane = "jane@example.net";

    private async Task<AuthError?> GuessAsync(string password = "not the password") =>
        (await Auth.TrySignInAsync(Jane, password)).Failure()?.Error;

    [StoreFact]
    public async Task Ninety_wrong_passwords_in_a_row_end_the_password_until_it_is_reset()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "30"), ("Throttle:SignInPerAddress", "1000"));
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await GuessManyAsync(Throttle.StrangersInARow);
        Assert.Equal(AuthError.InvalidCredentials, await GuessAsync(Password));
        Assert.Equal(AuthError.InvalidCredentials, await GuessAsync(Password));
        await Auth.RestartAsync();
        Assert.Equal(AuthError.InvalidCredentials, await GuessAsync(Password));
        Assert.Null(await Auth.DeathOfAsync(session));
        await Auth.DeliverAsync();
        Assert.Single(Auth.SubjectsTo(Jane), "Your password was stopped");
        Assert.Single(await Auth.AuditAsync(), e => e.Event == AuditEvent.PasswordStopped);

        Assert.Null(
            (
                await Auth.Use(
                    (ResetPassword flow) =>
                        flow.SetAsync(Auth.Caller, Auth.ResetLinkAsync(Jane).Result, OtherPassword, default)
                )
            ).Failure
        );
        Assert.Null(await GuessAsync(OtherPassword));
    }

    [StoreFact]
    public async Task A_right_password_ends_the_row()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "30"), ("Throttle:SignInPerAddress", "1000"));
        await Auth.MemberAsync(Jane);
        await GuessManyAsync(Throttle.StrangersInARow - 1);
        Assert.Null(await GuessAsync(Password));
        await GuessManyAsync(Throttle.StrangersInARow - 1);
        Assert.Null(await GuessAsync(Password));
    }

    private async Task GuessManyAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            if (i % 25 == 0)
                Auth.Clock.Move(TimeSpan.FromMinutes(16));
            Assert.Equal(AuthError.InvalidCredentials, await GuessAsync());
        }
        Auth.Clock.Move(TimeSpan.FromMinutes(16));
    }
}
