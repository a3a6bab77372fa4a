using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Sessions;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// A chain of refresh tokens is one line, whoever asks, however often and wherever; a thief's copy ends it, a bad
/// network does not.
/// </summary>
public abstract class RefreshTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : RefreshTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : RefreshTests(Store.Postgres);

    private const int Racers = 200;
    private const string Jane = "jane@example.net";
    private static readonly TimeSpan Leeway = TimeSpan.FromSeconds(10),
        Tick = TimeSpan.FromMilliseconds(1);

    private sealed record Pair(HttpStatusCode Status, string? Code, string Access, string Refresh);

    private static async Task<Pair> RefreshAsync(HttpClient client, string token)
    {
        using var answer = await client.PostAsJsonAsync("/api/token/refresh", new { refreshToken = token });
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return answer.IsSuccessStatusCode
            ? new(
                answer.StatusCode,
                null,
                body.GetProperty("accessToken").GetString()!,
                body.GetProperty("refreshToken").GetString()!
            )
            : new(answer.StatusCode, body.GetProperty("code").GetString(), "", "");
    }

    private static async Task<string> OpensAsync(RunningSite site, string bearer)
    {
        using var answer = await site.SendAsync(HttpMethod.Get, "/api/account", bearer: bearer);
        return answer.IsSuccessStatusCode
            ? "opens"
            : (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString()!;
    }

    private async Task<string> FirstTokenAsync()
    {
        await Auth.MemberAsync(Jane);
        return (await Auth.ApiPairAsync(Jane)).RefreshToken;
    }

    private Task<Session> SessionAsync() => Auth.Use((AuthDbContext db) => db.Sessions.AsNoTracking().SingleAsync());

    [StoreFact]
    public async Task Any_number_at_once_in_two_processes_get_one_successor_and_the_chain_goes_on()
    {
        var token = await FirstTokenAsync();
        await using var one = await Auth.SiteAsync();
        await using var two = await Auth.SiteAsync();
        for (var generation = 2; generation <= 3; generation++)
        {
            var answers = await RaceAsync(Racers, i => RefreshAsync((i % 2 == 0 ? one : two).Client, token));
            Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
            token = Assert.Single(answers.Select(answer => answer.Refresh).Distinct());
            var session = await SessionAsync(); // the only one
            Assert.Equal((generation, null), (session.Generation, session.EndedAt));
            foreach (var site in new[] { one, two })
            foreach (var access in answers.Select(a => a.Access).Take(5))
                Assert.Equal("opens", await OpensAsync(site, access));
        }
        await Auth.DeliverAsync();
        Assert.DoesNotContain("We ended one of your sessions", Auth.SubjectsTo(Jane));
    }

    [StoreFact]
    public async Task A_replay_outside_the_leeway_ends_the_session_everywhere_for_good_and_is_told_once()
    {
        var stolen = await FirstTokenAsync();
        Pair mine;
        await using (var one = await Auth.SiteAsync())
            mine = await RefreshAsync(one.Client, stolen);
        Auth.Clock.Move(Leeway);
        await using (var two = await Auth.SiteAsync())
        {
            Assert.Equal("opens", await OpensAsync(two, mine.Access));
            var replays = await RaceAsync(Racers / 4, _ => RefreshAsync(two.Client, stolen));
            Assert.All(
                replays,
                replay =>
                    Assert.Equal((HttpStatusCode.Unauthorized, "refresh_token_reused"), (replay.Status, replay.Code))
            );
            Assert.Equal("refresh_token_reused", await OpensAsync(two, mine.Access));
        }
        await using var three = await Auth.SiteAsync();
        Assert.Equal("refresh_token_reused", (await RefreshAsync(three.Client, mine.Refresh)).Code);
        Assert.Equal("refresh_token_reused", await OpensAsync(three, mine.Access));
        await Auth.DeliverAsync();
        Assert.Single(Auth.SubjectsTo(Jane), subject => subject == "We ended one of your sessions");
        Assert.Single(await Auth.AuditAsync(), e => e.Event == AuditEvent.RefreshTokenReused);
    }

    [StoreFact]
    public async Task A_session_ends_absolutely_whatever_is_rotated_last()
    {
        var token = await FirstTokenAsync();
        await using var site = await Auth.SiteAsync();
        for (var day = 0; day < 89; day += 13) // in steps shorter than a refresh token lives
        {
            token = (await RefreshAsync(site.Client, token)).Refresh;
            Auth.Clock.Move(TimeSpan.FromDays(Math.Min(13, 89 - day)));
        }
        Auth.Clock.Move(TimeSpan.FromDays(1) - TimeSpan.FromMinutes(1));
        var last = await RefreshAsync(site.Client, token);
        Assert.Equal("opens", await OpensAsync(site, last.Access));
        Auth.Clock.Move(TimeSpan.FromMinutes(1) - Tick);
        Assert.Equal("opens", await OpensAsync(site, last.Access));
        Auth.Clock.Move(Tick);
        Assert.Equal("session_expired", await OpensAsync(site, last.Access)); // its own ten minutes are not over
        Assert.Equal("refresh_token_expired", (await RefreshAsync(site.Client, last.Refresh)).Code);
        Assert.Equal("refresh_token_expired", (await RefreshAsync(site.Client, token)).Code);
    }

    [StoreFact]
    public async Task The_earlier_access_token_is_refused_when_the_leeway_ends()
    {
        var token = await FirstTokenAsync();
        await using var site = await Auth.SiteAsync();
        await using var other = await Auth.SiteAsync();
        var first = await RefreshAsync(site.Client, token);
        Assert.Equal("opens", await OpensAsync(other, first.Access));
        var second = await RefreshAsync(site.Client, first.Refresh);
        Auth.Clock.Move(Leeway - Tick);
        Assert.Equal("opens", await OpensAsync(site, first.Access));
        Auth.Clock.Move(Tick);
        await Task.Delay(TimeSpan.FromSeconds(1)); // the other process may take a second to see it
        foreach (var at in new[] { site, other })
        {
            Assert.Equal("access_token_invalid", await OpensAsync(at, first.Access));
            Assert.Equal("opens", await OpensAsync(at, second.Access));
        }
    }

    [StoreFact]
    public async Task An_answer_lost_on_the_way_signs_nobody_out()
    {
        var token = await FirstTokenAsync();
        await using var site = await Auth.SiteAsync();
        using var network = new LossyNetwork(site.ClientOptions.BaseAddress);
        using var client = new HttpClient { BaseAddress = network.Address };
        await Assert.ThrowsAsync<HttpRequestException>(() => RefreshAsync(client, token));
        Assert.Equal(2, (await SessionAsync()).Generation); // it was done; the client does not know
        var retried = await RefreshAsync(client, token);
        Assert.Equal("opens", await OpensAsync(site, retried.Access));
        Auth.Clock.Move(Leeway);
        Assert.Equal("opens", await OpensAsync(site, (await RefreshAsync(client, retried.Refresh)).Access));
        Assert.Null((await SessionAsync()).EndedAt);
    }

    [StoreFact]
    public async Task An_answer_lost_to_a_suspended_phone_is_given_again_by_any_process_until_it_is_used()
    {
        var token = await FirstTokenAsync();
        string successor;
        await using (var one = await Auth.SiteAsync())
            successor = (await RefreshAsync(one.Client, token)).Refresh;
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        await using var two = await Auth.SiteAsync();
        await using var three = await Auth.SiteAsync();
        var retries = await RaceAsync(Racers / 4, i => RefreshAsync((i % 2 == 0 ? two : three).Client, token));
        Assert.All(retries, retry => Assert.Equal(successor, retry.Refresh));
        Assert.Equal("opens", await OpensAsync(two, retries[0].Access));
        // The other process knows at once, because it asks the store.
        Assert.Equal("refresh_token_reused", (await RefreshAsync(three.Client, token)).Code);
    }

    [StoreFact]
    public async Task Late_copies_of_every_generation_inside_the_leeway_lead_to_the_newest_pair_in_any_process()
    {
        List<string> chain = [await FirstTokenAsync()];
        await using var one = await Auth.SiteAsync();
        await using var two = await Auth.SiteAsync();
        for (var i = 0; i < 4; i++)
            chain.Add((await RefreshAsync(one.Client, chain[^1])).Refresh);
        var late = await RaceAsync(
            Racers / 4,
            i => RefreshAsync((i % 2 == 0 ? one : two).Client, chain[i % (chain.Count - 1)])
        );
        Assert.All(late, copy => Assert.Equal(chain[^1], copy.Refresh));
        Auth.Clock.Move(Leeway);
        Assert.Equal("refresh_token_reused", (await RefreshAsync(two.Client, chain[1])).Code);
    }

    [StoreFact]
    public async Task Two_tabs_that_refresh_at_once_both_go_on()
    {
        var token = await FirstTokenAsync();
        await using var site = await Auth.SiteAsync();
        string[] held = [token, token];
        for (var hour = 0; hour < 5; hour++)
        {
            var tabs = await RaceAsync(2, i => RefreshAsync(site.Client, held[i]));
            foreach (var tab in tabs)
                Assert.Equal("opens", await OpensAsync(site, tab.Access));
            held = [.. tabs.Select(tab => tab.Refresh)];
            Auth.Clock.Move(TimeSpan.FromHours(1));
        }
        Assert.Equal(6, (await SessionAsync()).Generation);
    }

    /// <summary>
    /// Takes the first connection's request to the site and its answer nowhere; whatever comes later goes both ways.
    /// </summary>
    private sealed class LossyNetwork : IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);

        public LossyNetwork(Uri site)
        {
            listener.Start();
            Address = new($"http://localhost:{((IPEndPoint)listener.LocalEndpoint).Port}");
            _ = ServeAsync(site);
        }

        public Uri Address { get; }

        public void Dispose() => listener.Dispose();

        private async Task ServeAsync(Uri site)
        {
            for (var first = true; ; first = false)
            {
                TcpClient client;
                try
                {
                    client = await listener.AcceptTcpClientAsync();
                }
                catch (Exception over) when (over is SocketException or ObjectDisposedException)
                {
                    return;
                }
                var server = new TcpClient();
                await server.ConnectAsync(site.Host, site.Port);
                _ = client.GetStream().CopyToAsync(server.GetStream());
                if (first)
                {
                    _ = await server.GetStream().ReadAsync(new byte[1]); // the answer begins
                    client.Client.Close(timeout: 0);
                    server.Dispose();
                }
                else
                {
                    _ = server.GetStream().CopyToAsync(client.GetStream());
                }
            }
        }
    }
}
