using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Web;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace BlazorAuth.UnitTests.Support;

/// <summary>
/// The site with the API in its process, on Kestrel (its limits are part of what is tested), over a store of its own.
/// </summary>
public class RunningSite : WebApplicationFactory<BrowserSession>, IAsyncLifetime
{
    private readonly Dictionary<string, string?> _settings = new()
    {
        ["BlazorAuth:PublicUrl"] = "http://localhost:5080",
    };
    private readonly AuthFixture? _store;

    public RunningSite()
        : this([]) { }

    /// <summary>A site with settings of its own; its store and its counts are nobody else's.</summary>
    private protected RunningSite(params (string Key, string Value)[] settings)
    {
        _settings["BlazorAuth:DataDirectory"] = Directory.CreateTempSubdirectory("blazorauth-site-").FullName;
        foreach (var (key, value) in settings)
            _settings["BlazorAuth:" + key] = value;
        UseKestrel(); // the port is a setting: given here, it would be set after the program has begun to listen
    }

    internal RunningSite(AuthFixture store, (string Key, string Value)[] changed)
    {
        _store = store;
        _settings["BlazorAuth:Tokens:Issuer"] = AuthFixture.Site; // the store's own tokens open this site
        foreach (var (key, value) in store.Settings.Where(s => s.Key != "BlazorAuth:PublicUrl"))
            _settings[key] = value;
        foreach (var (key, value) in changed)
            _settings["BlazorAuth:" + key] = value;
        UseKestrel();
    }

    public HttpClient Client { get; private set; } = null!;

    /// <summary>What requests sent to the store, without the process's own rounds.</summary>
    internal SqlLog Sql { get; } = new() { OfRequestsOnly = true };

    /// <summary>Every route of the running application.</summary>
    public IEnumerable<RouteEndpoint> Routes =>
        Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>();

    /// <summary>Those that speak JSON and answer errors with problems.</summary>
    public IEnumerable<RouteEndpoint> ApiRoutes => Under("api/");

    /// <summary>Those that speak OAuth: forms, and errors of its shape.</summary>
    public IEnumerable<RouteEndpoint> OAuthRoutes => Under("oauth/");

    private IEnumerable<RouteEndpoint> Under(string prefix) =>
        Routes.Where(r =>
            r.RoutePattern.RawText!.TrimStart('/').StartsWith(prefix, StringComparison.Ordinal)
            && r.Metadata.GetMetadata<HttpMethodMetadata>() is not null
        );

    public Task InitializeAsync()
    {
        StartServer();
        Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
        {
            BaseAddress = ClientOptions.BaseAddress,
        };
        return Task.CompletedTask;
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        Client.Dispose();
        await DisposeAsync();
    }

    public async Task<JsonElement> PairAsync(string? email = null, string password = "correct horse battery")
    {
        email ??= $"{Guid.NewGuid():N}@example.com";
        (await Client.PostAsJsonAsync("/api/account", new { email, password })).EnsureSuccessStatusCode();
        var answer = await Client.PostAsJsonAsync("/api/token", new { identifier = email, password });
        answer.EnsureSuccessStatusCode();
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    public Task<HttpResponseMessage> SendAsync(
        HttpMethod method,
        string path,
        HttpContent? body = null,
        string? bearer = null
    )
    {
        var request = new HttpRequestMessage(method, path) { Content = body };
        if (bearer is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        return Client.SendAsync(request);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        foreach (var (key, value) in _settings)
            builder.UseSetting(key, value);
        builder.UseSetting("urls", "http://127.0.0.1:0");
        builder.UseSetting("Logging:LogLevel:Default", "None");
        builder.ConfigureServices(services =>
        {
            if (_store is null)
            {
                services.Configure<PasswordHasherOptions>(hasher => hasher.IterationCount = 1000);
                return;
            }
            _store.ReplaceEdges(services, Sql);
            services.Remove(
                services.Single(s =>
                    s.ServiceType == typeof(IHostedService)
                    && s.ImplementationFactory is Func<IServiceProvider, OutboxDispatcher>
                )
            );
        });
    }
}

[CollectionDefinition(Name)]
public sealed class SiteCollection : ICollectionFixture<RunningSite>
{
    public const string Name = "running site";
}
