using System.Net;
using BlazorAuth.Core.Data;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.UnitTests.Api;

/// <summary>
/// What an orchestrator asks. It asks by the address of a machine, knows no host name, and must change nothing.
/// </summary>
public sealed class HealthTests() : AuthTest(Store.File)
{
    private static async Task<(HttpStatusCode, string)> RequestAsync(
        RunningSite site,
        string path,
        string host = "10.1.2.3:8080"
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Host = host;
        using var answer = await site.Client.SendAsync(request);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Both_probes_answer_whatever_the_host_header_says()
    {
        await using var site = await Auth.SiteAsync();
        foreach (var path in new[] { "/health/live", "/health/ready" })
            Assert.Equal((HttpStatusCode.OK, "Healthy"), await RequestAsync(site, path));
        Assert.Equal(HttpStatusCode.BadRequest, (await RequestAsync(site, "/login")).Item1); // nothing else does
    }

    [Fact]
    public async Task A_probe_changes_nothing_and_asks_the_store_at_most_once_a_second()
    {
        await using var site = await Auth.SiteAsync();
        var rows = await Auth.RowsAsync();
        await RequestAsync(site, "/health/ready");
        site.Sql.Take();
        for (var i = 0; i < 50; i++)
            await RequestAsync(site, "/health/ready");
        Assert.Empty(site.Sql.Take());
        Auth.Clock.Move(TimeSpan.FromSeconds(1));
        await RequestAsync(site, "/health/ready");
        Assert.NotEmpty(site.Sql.Take());
        // The start itself makes the link of the first administrator, perhaps only now.
        Assert.DoesNotContain((await Auth.RowsAsync()).Except(rows), table => table.Key != "OneTimeTokens");
    }

    [Fact]
    public async Task An_email_that_cannot_be_sent_is_told_and_does_not_take_the_process_away()
    {
        await Auth.RegisterAsync("jane@example.net");
        await using var site = await Auth.SiteAsync();
        Assert.Equal("Healthy", (await RequestAsync(site, "/health/ready")).Item2);
        Auth.Clock.Move(TimeSpan.FromMinutes(16));
        Assert.Equal((HttpStatusCode.OK, "Degraded"), await RequestAsync(site, "/health/ready"));
    }

    [Fact]
    public async Task Without_its_store_the_process_lives_and_is_not_ready()
    {
        await using var site = await Auth.SiteAsync();
        await Auth.Use(
            (AuthDbContext db) => db.Database.ExecuteSqlRawAsync("ALTER TABLE \"Outbox\" RENAME TO \"Gone\"")
        );
        Assert.Equal((HttpStatusCode.OK, "Healthy"), await RequestAsync(site, "/health/live"));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "Unhealthy"), await RequestAsync(site, "/health/ready"));
        await Auth.Use(
            (AuthDbContext db) => db.Database.ExecuteSqlRawAsync("ALTER TABLE \"Gone\" RENAME TO \"Outbox\"")
        );
    }
}
