using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using BlazorAuth.UnitTests.Api;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Routing;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>What only HTTP has: addresses, headers, bodies.</summary>
[Collection(SiteCollection.Name)]
public sealed class KuzzleHttpTests(RunningSite site)
{
    private static readonly string[] Roots =
    [
        "_login",
        "_logout",
        "_checkToken",
        "_refreshToken",
        "_createToken",
        "_me",
        "_checkRights",
        "_updateSelf",
        "strategies",
        "credentials",
        "api-keys",
        "_publicApi",
        "users/_me",
    ];

    private IEnumerable<(HttpMethod Method, string Path)> Routes() =>
        site
            .Routes.Where(r =>
                r.RoutePattern.RawText!.TrimStart('/') is var path
                && (
                    Array.Exists(Roots, root => path == root || path.StartsWith(root + "/", StringComparison.Ordinal))
                    || path.EndsWith("/_createRestricted", StringComparison.Ordinal)
                )
            )
            .SelectMany(r =>
                r.Metadata.GetMetadata<HttpMethodMetadata>()!
                    .HttpMethods.Select(m =>
                        (
                            new HttpMethod(m),
                            "/"
                                + r.RoutePattern.RawText!.TrimStart('/')
                                    .Replace("{strategy}", "local", StringComparison.Ordinal)
                                    .Replace("{_id}", "some", StringComparison.Ordinal)
                        )
                    )
            );

    private async Task<string> TokenAsync() => (await site.PairAsync()).GetProperty("accessToken").GetString()!;

    private static async Task<JsonElement> EnvelopeAsync(HttpResponseMessage answer)
    {
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        var envelope = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal((int)answer.StatusCode, envelope.GetProperty("status").GetInt32());
        Assert.Equal(envelope.GetProperty("requestId").GetString(), envelope.GetProperty("room").GetString());
        Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
        return envelope;
    }

    [Fact]
    public async Task Addresses_of_older_clients_do_the_same()
    {
        Assert.True(Routes().Count() >= 29);
        var token = await TokenAsync();
        foreach (
            var (older, newer) in new[]
            {
                ("/users/_me", "/_me"),
                ("/users/_me/_rights", "/_me/_rights"),
                ("/credentials/local/_me", "/_me/credentials/local"),
                ("/credentials/local/_me/_exists", "/_me/credentials/local/_exists"),
            }
        )
        {
            var (old, current) = (
                await EnvelopeAsync(await site.SendAsync(HttpMethod.Get, older, bearer: token)),
                await EnvelopeAsync(await site.SendAsync(HttpMethod.Get, newer, bearer: token))
            );
            Assert.Equal(
                (200, current.GetProperty("result").GetRawText()),
                (old.GetProperty("status").GetInt32(), old.GetProperty("result").GetRawText())
            );
        }
        using var body = JsonContent.Create(new { a = 1 });
        Assert.Equal(
            1,
            (await EnvelopeAsync(await site.SendAsync(HttpMethod.Put, "/_updateSelf", body, token)))
                .GetProperty("result")
                .GetProperty("_source")
                .GetProperty("a")
                .GetInt32()
        );
    }

    [Fact]
    public async Task The_request_is_told_by_its_own_id_and_volatile()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/_me");
        request.Headers.Add("x-kuzzle-volatile", """{"sdkName":"js@7.17.1"}""");
        request.Headers.Add("x-kuzzle-request-id", "mine");
        var envelope = await EnvelopeAsync(await site.Client.SendAsync(request));
        Assert.Equal(
            ("mine", "js@7.17.1", "auth", "getCurrentUser"),
            (
                envelope.GetProperty("requestId").GetString(),
                envelope.GetProperty("volatile").GetProperty("sdkName").GetString(),
                envelope.GetProperty("controller").GetString(),
                envelope.GetProperty("action").GetString()
            )
        );
        using var broken = new HttpRequestMessage(HttpMethod.Get, "/_me");
        broken.Headers.Add("x-kuzzle-volatile", "{");
        Assert.Equal(
            "network.http.volatile_parse_failed",
            (await EnvelopeAsync(await site.Client.SendAsync(broken)))
                .GetProperty("error")
                .GetProperty("id")
                .GetString()
        );
    }

    [Theory]
    [InlineData("GET", "/_login/local?username=a&password=b", 404)]
    [InlineData("DELETE", "/_me", 404)]
    [InlineData("GET", "/_me/nothing", 404)]
    [InlineData("GET", "/_kuzzle", 404)]
    [InlineData("GET", "/users/some/_createRestricted", 404)]
    public async Task What_is_not_there_is_told_in_the_shape(string verb, string path, int status)
    {
        var envelope = await EnvelopeAsync(await site.SendAsync(new HttpMethod(verb), path));
        Assert.Equal(
            (status, "network.http.url_not_found", 0x03010007),
            (
                envelope.GetProperty("status").GetInt32(),
                envelope.GetProperty("error").GetProperty("id").GetString(),
                envelope.GetProperty("error").GetProperty("code").GetInt32()
            )
        );
    }

    [Theory]
    [MemberData(nameof(BadInputTests.Bodies), MemberType = typeof(BadInputTests))]
    public async Task Every_route_answers_a_bad_body_in_the_shape(string what, string type, string body)
    {
        var token = await TokenAsync();
        foreach (var (method, path) in Routes().Where(r => r.Method != HttpMethod.Get))
        {
            if (path is "/_logout")
                continue; // would end the session of the others
            using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
            var answer = await site.SendAsync(method, path, content, token);
            Assert.True((int)answer.StatusCode is < 500, $"{method} {path} with {what}: {answer.StatusCode}");
            await EnvelopeAsync(answer);
        }
    }

    [Fact]
    public async Task Too_long_a_body_is_refused_in_the_shape()
    {
        using var content = new StringContent(
            "{\"a\":\"" + new string('x', 70_000) + "\"}",
            Encoding.UTF8,
            "application/json"
        );
        var envelope = await EnvelopeAsync(await site.SendAsync(HttpMethod.Put, "/_me", content, await TokenAsync()));
        Assert.Equal(
            (413, "network.http.request_too_large"),
            (envelope.GetProperty("status").GetInt32(), envelope.GetProperty("error").GetProperty("id").GetString())
        );
    }

    [Fact]
    public async Task No_route_is_in_the_document_of_our_own_api()
    {
        var paths = (await site.Client.GetFromJsonAsync<JsonElement>("/openapi/v1.json"))
            .GetProperty("paths")
            .EnumerateObject()
            .Select(p => p.Name)
            .ToHashSet(StringComparer.Ordinal);
        Assert.DoesNotContain(Routes(), route => paths.Contains(route.Path));
    }
}

/// <summary>Where sign-up hides which addresses have an account.</summary>
public sealed class KuzzlePrivacyTests : IAsyncLifetime
{
    private sealed class PrivateSite() : RunningSite(("SignIn:RequireVerifiedEmail", "true"));

    private readonly RunningSite _site = new PrivateSite();

    public Task InitializeAsync() => _site.InitializeAsync();

    public Task DisposeAsync() => ((IAsyncLifetime)_site).DisposeAsync();

    [Fact]
    public async Task A_sign_up_answers_the_same_for_a_free_and_a_taken_address()
    {
        async Task<(HttpStatusCode, string)> CreateAsync()
        {
            var answer = await _site.Client.PostAsJsonAsync(
                "/users/_createRestricted",
                new
                {
                    content = new { city = "Lyon" },
                    credentials = new
                    {
                        local = new { username = "jane@example.com", password = "correct horse battery" },
                    },
                }
            );
            var envelope = await answer.Content.ReadFromJsonAsync<JsonElement>();
            return (answer.StatusCode, envelope.GetProperty("result").GetRawText());
        }
        var free = await CreateAsync();
        Assert.Equal(
            (HttpStatusCode.Accepted, """{"_id":null,"_source":{"city":"Lyon","profileIds":["default"]}}"""),
            free
        );
        Assert.Equal(free, await CreateAsync());
    }
}

/// <summary>Where the dialect is not listed.</summary>
public sealed class KuzzleUnlistedTests : IAsyncLifetime
{
    private sealed class OtherSite()
        : RunningSite(
            ("Api:Dialects:0", "Conduit"),
            ("Api:Dialects:1", "Conduit"),
            ("Api:Dialects:2", "Conduit"),
            ("Api:Dialects:3", "Conduit"),
            ("Api:Dialects:4", "Conduit")
        );

    private readonly RunningSite _site = new OtherSite();

    public Task InitializeAsync() => _site.InitializeAsync();

    public Task DisposeAsync() => ((IAsyncLifetime)_site).DisposeAsync();

    [Fact]
    public async Task It_does_not_exist()
    {
        foreach (var path in new[] { "/_me", "/_publicApi", "/strategies", "/users/_me" })
            Assert.Equal(HttpStatusCode.NotFound, (await _site.Client.GetAsync(path)).StatusCode);
        await Assert.ThrowsAsync<System.Net.WebSockets.WebSocketException>(() => KuzzleFrames.OpenAsync(_site));
    }
}
