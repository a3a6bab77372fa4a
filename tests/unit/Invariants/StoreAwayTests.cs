using System.Data.Common;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Sqlite;
using BlazorAuth.UnitTests.Support;
using BlazorAuth.Web;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// A store that cannot be used: refused at once and with a reason, nothing granted, and all is well when it is back.
/// </summary>
public sealed class StoreAwayTests : IAsyncLifetime
{
    private readonly RunningSite plain = new();
    private readonly Away away = new();
    private WebApplicationFactory<Web.BrowserSession> site = null!;
    private HttpClient client = null!;

    public async Task InitializeAsync()
    {
        site = plain.WithWebHostBuilder(host =>
            host.ConfigureServices(services =>
                services.ConfigureDbContext<SqliteAuthDbContext>(options => options.AddInterceptors(away))
            )
        );
        site.UseKestrel();
        site.StartServer();
        client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
        {
            BaseAddress = site.ClientOptions.BaseAddress,
        };
        await using var scope = site.Services.CreateAsyncScope();
        // The host's last look at the store before it is only asked by requests.
        while (!await scope.ServiceProvider.GetRequiredService<AuthDbContext>().OneTimeTokens.AnyAsync())
            await Task.Delay(20);
    }

    public async Task DisposeAsync()
    {
        client.Dispose();
        await site.DisposeAsync();
        await plain.DisposeAsync();
    }

    private sealed class Away : DbCommandInterceptor
    {
        public int? Code { get; set; }

        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
            DbCommand command,
            CommandEventData data,
            InterceptionResult<DbDataReader> result,
            CancellationToken ct = default
        ) => new(Fail(result));

        public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
            DbCommand command,
            CommandEventData data,
            InterceptionResult<int> result,
            CancellationToken ct = default
        ) => new(Fail(result));

        private T Fail<T>(T result) => Code is { } code ? throw new SqliteException("no store", code) : result;
    }

    [Theory]
    [InlineData(13)] // full
    [InlineData(8)] // read-only
    [InlineData(14)] // cannot be opened
    [InlineData(5)] // busy for too long
    public async Task The_api_answers_503_and_when_to_come_back(int code)
    {
        var body = new { identifier = "jane@example.com", password = "correct horse battery" };
        away.Code = code;
        var answer = await client.PostAsJsonAsync("/api/token", body);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("5", answer.Headers.GetValues("Retry-After").Single());
        Assert.Equal(
            "unexpected_failure",
            (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString()
        );
        away.Code = null;
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.PostAsJsonAsync("/api/token", body)).StatusCode);
    }

    [Fact]
    public async Task A_bearer_or_a_cookie_is_not_believed_when_its_session_cannot_be_looked_up()
    {
        var body = new
        {
            email = "jane@example.com",
            identifier = "jane@example.com",
            password = "correct horse battery",
        };
        (await client.PostAsJsonAsync("/api/account", body)).EnsureSuccessStatusCode();
        var pair = await (await client.PostAsJsonAsync("/api/token", body)).Content.ReadFromJsonAsync<JsonElement>();
        var cookies = (await client.PostAsJsonAsync("/api/token?mode=cookie", body))
            .Headers.GetValues("Set-Cookie")
            .Select(c => c.Split(';')[0])
            .ToList();
        away.Code = 14;
        await Task.Delay(1000); // what is in memory is believed for 0.9 seconds
        foreach (
            var (header, value, path) in new[]
            {
                ("Authorization", "Bearer " + pair.GetProperty("accessToken").GetString(), "/api/account"),
                ("Cookie", string.Join("; ", cookies), "/account"),
                ("Cookie", string.Join("; ", cookies), "/"),
                ("Cookie", string.Join("; ", cookies), "/no-such-page"),
            }
        )
        {
            var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Add(header, value);
            var answer = await client.SendAsync(request);
            Assert.Equal((path, HttpStatusCode.ServiceUnavailable), (path, answer.StatusCode));
            Assert.Equal("5", answer.Headers.GetValues("Retry-After").Single());
            Assert.False(answer.Headers.Contains("Set-Cookie"));
            if (path != "/api/account")
                Assert.Contains("try again in a moment", await answer.Content.ReadAsStringAsync());
        }
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/login")).StatusCode);
        away.Code = null;
        var again = new HttpRequestMessage(HttpMethod.Get, "/account");
        again.Headers.Add("Cookie", string.Join("; ", cookies));
        Assert.Equal(HttpStatusCode.OK, (await client.SendAsync(again)).StatusCode);
    }
}
