using BlazorAuth.Core.Data;
using BlazorAuth.Core.Security;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>No network takes every database connection, or every request, from the others.</summary>
public sealed class NetworkSharesTests
{
    [Fact]
    public async Task One_network_runs_its_share_at_once_and_others_do_not_wait_for_it()
    {
        var shares = new NetworkLimiter();
        var turns = new List<IDisposable>();
        for (var i = 0; i < NetworkLimiter.AtOnce; i++)
            turns.Add(await shares.EnterAsync("one", default));
        var waiting = shares.EnterAsync("one", default);
        using var gone = new CancellationTokenSource();
        var impatient = shares.EnterAsync("one", gone.Token);
        Assert.False(waiting.IsCompleted);
        (await shares.EnterAsync("other", default)).Dispose();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        turns[0].Dispose();
        turns[0].Dispose(); // twice is once
        var next = await waiting;
        Assert.False(shares.EnterAsync("one", default).IsCompleted);
        next.Dispose();
    }

    [OnPostgres]
    public sealed class OnPostgres() : AuthTest(Store.Postgres)
    {
        // All of them wait for one row, which somebody else has, each with a connection of the pool.
        [StoreFact]
        public async Task A_flood_of_one_network_leaves_connections_to_another()
        {
            await using var site = await Auth.SiteAsync(
                ("Proxy:KnownProxies:0", "127.0.0.1"),
                ("Proxy:KnownProxies:1", "::1")
            );
            await ForgotAsync(site, "198.51.100.1", "a@example.net");
            await Auth.Use(
                async (AuthDbContext db) =>
                {
                    await using var transaction = await db.Database.BeginTransactionAsync();
                    await db.ThrottleCounts.ExecuteUpdateAsync(set => set.SetProperty(c => c.Count, c => c.Count));
                    var flood = Enumerable
                        .Range(0, 200)
                        .Select(i => ForgotAsync(site, "198.51.100.1", $"m{i}@example.net"))
                        .ToList();
                    await Task.Delay(TimeSpan.FromSeconds(1));
                    for (var i = 0; i < 5; i++)
                        Assert.Equal(202, await ForgotAsync(site, $"203.0.113.{i}", "jane@example.net"));
                    await transaction.RollbackAsync();
                    var answers = await Task.WhenAll(flood);
                    Assert.All(answers, status => Assert.Contains(status, new[] { 202, 429, 503 }));
                }
            );
        }

        private static async Task<int> ForgotAsync(RunningSite site, string from, string email)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/account/password/forgot");
            request.Content = System.Net.Http.Json.JsonContent.Create(new { email });
            request.Headers.TryAddWithoutValidation("X-Forwarded-For", from);
            using var answer = await site.Client.SendAsync(request);
            return (int)answer.StatusCode;
        }
    }
}
