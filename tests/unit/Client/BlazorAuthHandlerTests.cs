using System.Net;
using BlazorAuth.Client;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using BlazorAuth.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace BlazorAuth.UnitTests.Client;

/// <summary>How requests are kept signed in, and where the token never goes.</summary>
public sealed class BlazorAuthHandlerTests(ClientSite site) : IClassFixture<ClientSite>
{
    private const string Refresh = "POST /api/token/refresh";

    [Fact]
    public async Task Fifty_parallel_refusals_cause_one_refresh()
    {
        var person = await site.PersonAsync();
        site.Clock.Move(TimeSpan.FromMinutes(11)); // the site's clock, not the client's: every request meets a 401
        person.Clock.Move(TimeSpan.FromSeconds(20));
        using var api = person.Api();
        using var all = new CountdownEvent(50);
        var refused = 0;
        person.Wire.After = async (request, answer) =>
        {
            if (answer.StatusCode != HttpStatusCode.Unauthorized)
                return;
            Interlocked.Increment(ref refused);
            all.Signal();
            await Task.Run(() => all.Wait(TimeSpan.FromSeconds(20)));
        };
        ThreadPool.SetMinThreads(80, 80);
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => api.GetAsync("/api/account")));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        Assert.Equal((50, 1, 100), (refused, person.Wire.Count(Refresh), person.Wire.Count("GET /api/account")));
    }

    [Fact]
    public async Task A_token_that_ends_soon_is_refreshed_first_and_once_for_all()
    {
        var person = await site.PersonAsync();
        person.Clock.Move(TimeSpan.FromSeconds(600 - 20));
        using var api = person.Api();
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => api.GetAsync("/api/account")));
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        Assert.Equal((1, 50), (person.Wire.Count(Refresh), person.Wire.Count("GET /api/account")));
    }

    [Fact]
    public async Task A_request_begun_as_one_user_is_never_retried_as_another()
    {
        var person = await site.PersonAsync();
        var other = await site.AccountAsync();
        site.Clock.Move(TimeSpan.FromMinutes(11));
        person.Clock.Move(TimeSpan.FromSeconds(20));
        using var api = person.Api();
        person.Wire.After = async (request, answer) =>
        {
            if (answer.StatusCode != HttpStatusCode.Unauthorized)
                return;
            person.Wire.After = null;
            await person.Auth.SignInAsync(other, Person.Password); // between the refusal and the retry
        };
        var refused = await api.GetAsync("/api/account");
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal(other, person.Auth.CurrentUser!.Email);
        Assert.Equal((0, 1), (person.Wire.Count(Refresh), person.Wire.Count("GET /api/account")));
    }

    [Fact]
    public async Task A_refresh_that_comes_back_after_the_sign_out_brings_nobody_back()
    {
        var person = await site.PersonAsync();
        person.Clock.Move(TimeSpan.FromMinutes(11));
        using var api = person.Api();
        person.Wire.After = async (request, answer) =>
        {
            if (request.RequestUri!.AbsolutePath == "/api/token/refresh")
                Assert.True(await person.Auth.SignOutAsync());
        };
        Assert.Equal(HttpStatusCode.Unauthorized, (await api.GetAsync("/api/account")).StatusCode);
        Assert.Null(person.Auth.CurrentUser);
        Assert.Null(await person.KeptAsync());
        Assert.Equal([UserChangeReason.SignedIn, UserChangeReason.SignedOut], person.Reasons);
    }

    [Fact]
    public async Task Who_gives_up_waiting_does_not_end_the_refresh_of_the_others()
    {
        var person = await site.PersonAsync();
        person.Clock.Move(TimeSpan.FromMinutes(11));
        using var api = person.Api();
        using var impatient = new CancellationTokenSource();
        using var begun = new SemaphoreSlim(0);
        using var go = new SemaphoreSlim(0);
        person.Wire.After = async (request, answer) =>
        {
            if (request.RequestUri!.AbsolutePath != "/api/token/refresh")
                return;
            begun.Release();
            await go.WaitAsync();
        };
        var first = api.GetAsync("/api/account", impatient.Token);
        await begun.WaitAsync();
        var second = api.GetAsync("/api/account");
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        go.Release();
        Assert.Equal(HttpStatusCode.OK, (await second).StatusCode);
        Assert.Equal(1, person.Wire.Count(Refresh));
    }

    [Fact]
    public async Task The_body_is_sent_again_with_the_retry()
    {
        var person = await site.PersonAsync();
        site.Clock.Move(TimeSpan.FromMinutes(11));
        person.Clock.Move(TimeSpan.FromSeconds(20));
        using var api = person.Api();
        using var name = new StringContent("""{"displayName":"Twice"}""", null, "application/json");
        var answer = await api.PatchAsync("/api/account", name);
        Assert.Equal((HttpStatusCode.OK, 2), (answer.StatusCode, person.Wire.Count("PATCH /api/account")));
        Assert.Equal("Twice", (await person.Auth.WhoAmIAsync())!.DisplayName);
    }

    [Fact]
    public async Task The_token_goes_to_the_service_and_the_named_origins_and_nowhere_else()
    {
        await using var friend = await Echo.StartAsync();
        await using var stranger = await Echo.StartAsync();
        var person = await site.PersonAsync();
        using var api = person.Api(friend.Address, new Uri(friend.Address, "/some/path"));
        await api.GetAsync("/");
        await api.GetAsync(stranger.Address);
        Assert.Equal(["Bearer " + (await person.KeptAsync())!.AccessToken], friend.Seen);
        Assert.Equal([""], stranger.Seen);
    }

    [Fact]
    public async Task A_redirect_leads_the_token_nowhere_not_even_with_a_retry()
    {
        await using var stranger = await Echo.StartAsync(http => http.Response.StatusCode = 401);
        await using var busy = await Echo.StartAsync(http =>
            (http.Response.StatusCode, http.Response.Headers.RetryAfter) = (503, "0")
        );
        await using var friend = await Echo.StartAsync(http =>
            http.Response.Redirect(http.Request.Path == "/busy" ? busy.Address.ToString() : stranger.Address.ToString())
        );
        var person = await site.PersonAsync();
        person.Clock.Move(TimeSpan.FromMinutes(1));
        using var api = person.Api(friend.Address, friend.Address);
        Assert.Equal(HttpStatusCode.Unauthorized, (await api.GetAsync("/")).StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await api.GetAsync("/busy")).StatusCode);
        Assert.Equal([""], stranger.Seen);
        Assert.Equal(["", ""], busy.Seen);
        Assert.Equal(0, person.Wire.Count(Refresh));
    }

    [Fact]
    public async Task An_api_that_refuses_every_token_causes_no_storm_of_refreshes_and_signs_nobody_out()
    {
        await using var friend = await Echo.StartAsync(http =>
        {
            http.Response.StatusCode = 401;
            return http.Response.WriteAsJsonAsync(new { code = "session_revoked" });
        });
        var person = await site.PersonAsync();
        person.Clock.Move(TimeSpan.FromMinutes(1));
        using var api = person.Api(friend.Address, friend.Address);
        for (var i = 0; i < 5; i++)
            Assert.Equal(HttpStatusCode.Unauthorized, (await api.GetAsync("/")).StatusCode);
        Assert.Equal(1, person.Wire.Count(Refresh));
        Assert.NotNull(await person.Auth.WhoAmIAsync());
    }

    [Theory]
    [InlineData("GET", "1", 200, 2)]
    [InlineData("POST", "1", 429, 1)] // it may have been done
    [InlineData("GET", "6", 429, 1)] // longer than anybody waits without being asked
    [InlineData("GET", "", 429, 1)]
    public async Task A_short_wait_is_waited_once_where_the_method_may_be_repeated(
        string method,
        string retryAfter,
        int status,
        int times
    )
    {
        var calls = 0;
        await using var friend = await Echo.StartAsync(http =>
        {
            if (Interlocked.Increment(ref calls) > 1)
                return;
            http.Response.StatusCode = 429;
            if (retryAfter.Length > 0)
                http.Response.Headers.RetryAfter = retryAfter;
        });
        var person = await site.PersonAsync();
        using var api = person.Api(friend.Address, friend.Address);
        using var answer = await api.SendAsync(new HttpRequestMessage(new HttpMethod(method), "/"));
        Assert.Equal((status, times), ((int)answer.StatusCode, calls));
        if (status == 429 && retryAfter.Length > 0)
            Assert.Equal(retryAfter, answer.Headers.RetryAfter!.ToString());
    }

    [Fact]
    public async Task Scopes_share_connections_and_never_a_user()
    {
        await using var services = new ServiceCollection()
            .AddBlazorAuthClient(new() { Site = site.Client.BaseAddress! })
            .BuildServiceProvider(validateScopes: true);
        var email = await site.AccountAsync();
        await using (var circuit = services.CreateAsyncScope())
        {
            await circuit.ServiceProvider.GetRequiredService<BlazorAuthClient>().SignInAsync(email, Person.Password);
            using var api = new HttpClient(
                circuit.ServiceProvider.GetRequiredService<BlazorAuthHandler>(),
                disposeHandler: false
            )
            {
                BaseAddress = site.Client.BaseAddress,
            };
            Assert.Contains(email, await api.GetStringAsync("/api/account"), StringComparison.Ordinal);
        }
        await using var another = services.CreateAsyncScope();
        Assert.Null(another.ServiceProvider.GetRequiredService<BlazorAuthClient>().CurrentUser);
        using var nobody = new HttpClient(
            another.ServiceProvider.GetRequiredService<BlazorAuthHandler>(),
            disposeHandler: false
        )
        {
            BaseAddress = site.Client.BaseAddress,
        };
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.GetAsync("/api/account")).StatusCode);
    }

    /// <summary>An API of somebody's: it notes which token it was shown.</summary>
    private sealed class Echo : IAsyncDisposable
    {
        private readonly WebApplication _app;

        private Echo(WebApplication app) => _app = app;

        public List<string> Seen { get; } = [];

        public Uri Address =>
            new(
                _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()
            );

        public static Task<Echo> StartAsync(Action<HttpContext>? answer = null) =>
            StartAsync(http =>
            {
                answer?.Invoke(http);
                return Task.CompletedTask;
            });

        public static async Task<Echo> StartAsync(Func<HttpContext, Task> answer)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var echo = new Echo(builder.Build());
            echo._app.Run(http =>
            {
                lock (echo.Seen)
                    echo.Seen.Add(http.Request.Headers.Authorization.ToString());
                return answer(http);
            });
            await echo._app.StartAsync();
            return echo;
        }

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }
}
