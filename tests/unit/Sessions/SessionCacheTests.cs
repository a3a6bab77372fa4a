using BlazorAuth.Core;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Sessions;

public abstract class SessionCacheTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : SessionCacheTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : SessionCacheTests(Store.Postgres);

    private const string Jane = "jane@example.net";

    [StoreFact]
    public async Task A_session_in_use_costs_no_statement()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.DeathOfAsync(session);
        Auth.Sql.Take();
        for (var i = 0; i < 1000; i++)
            Assert.Null(await Auth.DeathOfAsync(session));
        // What remains is the round that looks for changes, as often as the clock demands and not as often as there are
        // requests.
        Assert.InRange(Auth.Sql.Take().Length, 0, 5);
    }

    [StoreFact]
    public async Task An_end_committed_here_is_seen_by_the_very_next_look()
    {
        await Auth.RegisterAsync(Jane);
        for (var i = 0; i < 20; i++)
        {
            var session = await Auth.SignInAsync(Jane);
            Assert.Null(await Auth.DeathOfAsync(session));
            await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, session.Id, default));
            Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(session));
        }
    }

    [StoreFact]
    public async Task An_end_that_was_rolled_back_ends_nothing()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use(
            async (AuthDbContext db) =>
            {
                await using var transaction = await db.Database.BeginTransactionAsync();
                await db.Sessions.ExecuteUpdateAsync(set => set.SetProperty(s => s.EndedAt, Auth.Clock.GetUtcNow()));
            }
        );
        Assert.Null(await Auth.DeathOfAsync(session));
    }

    [StoreFact]
    public async Task Another_process_sees_an_end_within_a_second_and_a_refresh_at_once()
    {
        await Auth.RegisterAsync(Jane);
        var pair = await Auth.ApiPairAsync(Jane);
        await using var other = await Auth.BesideAsync();
        Assert.Null(await other.DeathOfAsync(pair.Session));

        var next = (await Auth.RefreshAsync(pair.RefreshToken)).Value!;
        Assert.Null(await other.DeathOfAsync(next.Session, next.Session.Generation));

        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, pair.Session.Id, default));
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal(AuthError.SessionRevoked, await other.DeathOfAsync(next.Session, next.Session.Generation));
    }

    [StoreFact]
    public async Task A_change_is_seen_whatever_the_wall_clocks_say()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await using var other = await Auth.BesideAsync();
        Assert.Null(await other.DeathOfAsync(session));
        Auth.Clock.Move(TimeSpan.FromHours(-1));
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, session.Id, default));
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal(AuthError.SessionRevoked, await other.DeathOfAsync(session));
    }

    [StoreFact]
    public async Task An_end_numbered_before_and_committed_after_another_change_is_seen()
    {
        await Auth.RegisterAsync(Jane);
        var slow = await Auth.SignInAsync(Jane);
        var quick = await Auth.SignInAsync(Jane);
        await using var other = await Auth.BesideAsync();
        Assert.Null(await other.DeathOfAsync(slow));
        Assert.Null(await other.DeathOfAsync(quick));
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, quick.Id, default));
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal(AuthError.SessionRevoked, await other.DeathOfAsync(quick));
        // As a transaction would leave it that took its number first and committed last.
        await Auth.Use(
            (AuthDbContext db) =>
                db
                    .Sessions.Where(s => s.Id == slow.Id)
                    .ExecuteUpdateAsync(set =>
                        set.SetProperty(s => s.EndedAt, Auth.Clock.GetUtcNow())
                            .SetProperty(s => s.EndReason, SessionEnd.Revoked)
                            .SetProperty(s => s.ChangeNumber, 1)
                    )
        );
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal(AuthError.SessionRevoked, await other.DeathOfAsync(slow));
    }

    [StoreFact]
    public async Task Thousands_of_sessions_that_end_at_once_are_read_in_bounded_pages_of_ids()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await using var other = await Auth.BesideAsync();
        Assert.Null(await other.DeathOfAsync(session));
        var many = await Auth.RegisterAsync("many@example.net");
        await AddSessionsAsync(many.Id, 6000);
        Auth.Sql.Take();
        await Auth.Use(
            async (IServiceProvider services) =>
            {
                var db = services.GetRequiredService<AuthDbContext>();
                await using var transaction = await db.Database.BeginTransactionAsync();
                await services
                    .GetRequiredService<SessionStore>()
                    .EraseAllAsync(many.Id, SessionEnd.AccountClosed, default);
                await transaction.CommitAsync();
            }
        );
        Assert.InRange(Auth.Sql.Take().Length, 1, 2); // one statement for all of them, not one for each
        other.Sql.Take();
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Null(await other.DeathOfAsync(session));
        var polls = other.Sql.Take().Where(sql => sql.Contains("ORDER BY", StringComparison.Ordinal)).ToList();
        Assert.InRange(polls.Count, 1, 8);
        Assert.All(
            polls,
            sql =>
            {
                Assert.Contains("LIMIT", sql, StringComparison.Ordinal);
                Assert.DoesNotContain("Agent", sql, StringComparison.Ordinal);
                Assert.DoesNotContain("Methods", sql, StringComparison.Ordinal);
            }
        );
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, session.Id, default));
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal(AuthError.SessionRevoked, await other.DeathOfAsync(session));
    }

    [StoreFact]
    public async Task More_sessions_of_one_number_than_a_page_holds_are_all_seen_to_end()
    {
        var many = await Auth.RegisterAsync(Jane);
        await AddSessionsAsync(many.Id, 1200);
        await using var other = await Auth.BesideAsync();
        var ids = await Auth.Use(
            (AuthDbContext db) => db.Sessions.Where(s => s.UserId == many.Id).Select(s => s.Id).ToListAsync()
        );
        foreach (var id in ids)
            Assert.Null((await other.Use((SessionStore flow) => flow.FindLiveAsync(id, 1, default))).Failure);
        await Auth.Use(
            async (IServiceProvider services) =>
            {
                await using var transaction = await services
                    .GetRequiredService<AuthDbContext>()
                    .Database.BeginTransactionAsync();
                await services.GetRequiredService<SessionStore>().EndAllAsync(many.Id, SessionEnd.Revoked, default);
                await transaction.CommitAsync();
            }
        );
        await Task.Delay(TimeSpan.FromSeconds(1));
        foreach (var id in ids)
            Assert.Equal(
                AuthError.SessionRevoked,
                (await other.Use((SessionStore flow) => flow.FindLiveAsync(id, 1, default))).Failure?.Error
            );
    }

    private Task AddSessionsAsync(string userId, int count) =>
        Auth.Use(
            async (IServiceProvider services) =>
            {
                var sessions = services.GetRequiredService<SessionStore>();
                for (var i = 0; i < count; i++)
                    sessions.Begin(userId, Auth.Caller, SessionKind.Api, "pwd");
                await services.GetRequiredService<AuthDbContext>().SaveChangesAsync();
            }
        );

    [StoreFact]
    public async Task An_end_that_waited_for_another_change_of_its_session_is_seen()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await using var other = await Auth.BesideAsync();
        Assert.Null(await other.DeathOfAsync(session));
        Task? end = null;
        await Auth.Use(
            async (AuthDbContext db) =>
            {
                await using var transaction = await db.Database.BeginTransactionAsync();
                await db.Sessions.ExecuteUpdateAsync(set =>
                    set.SetProperty(s => s.ChangeNumber, 100).SetProperty(s => s.LastSeenAt, Auth.Clock.GetUtcNow())
                );
                end = Task.Run(() =>
                    Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, session.Id, default))
                );
                await Task.Delay(TimeSpan.FromMilliseconds(400));
                await transaction.CommitAsync();
            }
        );
        await end!;
        // A process that read the other change in between believes only what has a higher number.
        Assert.InRange(
            await Auth.Use((AuthDbContext db) => db.Sessions.Select(s => s.ChangeNumber).SingleAsync()),
            101,
            long.MaxValue
        );
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal(AuthError.SessionRevoked, await other.DeathOfAsync(session));
    }
}
