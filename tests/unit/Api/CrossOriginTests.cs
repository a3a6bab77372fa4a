using System.Net;
using System.Text;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Api;

/// <summary>A site that lists the origins of a web app and of three kinds of app with a web view.</summary>
public sealed class CrossOriginSite()
    : RunningSite(
        ("Api:AllowedOrigins:0", "https://app.example"),
        ("Api:AllowedOrigins:1", "capacitor://localhost"),
        ("Api:AllowedOrigins:2", "ionic://localhost/"),
        ("Api:AllowedOrigins:3", "tauri://localhost")
    );

/// <summary>
/// A script of a listed origin reads every answer of the API, refusals of the framework and the server too.
/// </summary>
public sealed class CrossOriginTests(CrossOriginSite site) : IClassFixture<CrossOriginSite>
{
    private static readonly string[] Listed =
    [
        "https://app.example",
        "capacitor://localhost",
        "ionic://localhost",
        "tauri://localhost",
    ];

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method,
        string path,
        string origin,
        HttpContent? body = null
    )
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        request.Headers.TryAddWithoutValidation("Origin", origin);
        return await site.Client.SendAsync(request);
    }

    private static string? AllowedBy(HttpResponseMessage answer) =>
        answer.Headers.TryGetValues("Access-Control-Allow-Origin", out var allowed) ? Assert.Single(allowed) : null;

    [Theory]
    [InlineData("GET", "/api/nowhere", null, 404)]
    [InlineData("PUT", "/api/token", "application/json", 405)]
    [InlineData("POST", "/api/token", "text/plain", 415)]
    [InlineData("POST", "/api/token", "application/json; charset=utf-16", 415)]
    [InlineData("GET", "/api/account", null, 401)]
    [InlineData("POST", "/oauth/token", "application/json", 400)]
    [InlineData("GET", "/oauth/nowhere", null, 404)]
    public async Task A_listed_origin_reads_every_refusal(string method, string path, string? type, int status)
    {
        foreach (var origin in Listed)
        {
            using var body = type is null ? null : new StringContent("{}", Encoding.UTF8);
            if (body is not null)
                body.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse(type!);
            using var answer = await SendAsync(new HttpMethod(method), path, origin, body);
            Assert.Equal((status, origin), ((int)answer.StatusCode, AllowedBy(answer)));
        }
    }

    [Fact]
    public async Task A_listed_origin_reads_that_its_body_is_too_large()
    {
        using var body = new StringContent(
            $"{{\"identifier\":\"{new string('x', 70_000)}\"}}",
            Encoding.UTF8,
            "application/json"
        );
        using var answer = await SendAsync(HttpMethod.Post, "/api/token", Listed[0], body);
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, Listed[0]), (answer.StatusCode, AllowedBy(answer)));
    }

    [Theory]
    [InlineData("https://evil.example")]
    [InlineData("null")]
    [InlineData("capacitor://evil")]
    [InlineData("https://app.example.evil.example")]
    public async Task Another_origin_reads_nothing(string origin)
    {
        foreach (var path in new[] { "/api/account", "/api/nowhere", "/oauth/nowhere" })
        {
            using var answer = await SendAsync(HttpMethod.Get, path, origin);
            Assert.Null(AllowedBy(answer));
        }
    }

    [Fact]
    public async Task A_preflight_names_what_the_script_may_send()
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, "/api/account");
        request.Headers.TryAddWithoutValidation("Origin", Listed[1]);
        request.Headers.TryAddWithoutValidation("Access-Control-Request-Method", "PATCH");
        request.Headers.TryAddWithoutValidation("Access-Control-Request-Headers", "authorization,content-type");
        using var answer = await site.Client.SendAsync(request);
        Assert.Equal(Listed[1], AllowedBy(answer));
        Assert.Contains(
            "PATCH",
            answer.Headers.GetValues("Access-Control-Allow-Methods").Single(),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("/.well-known/jwks.json")]
    [InlineData("/.well-known/openid-configuration")]
    [InlineData("/.well-known/oauth-authorization-server")]
    [InlineData("/openapi/v1.json")]
    [InlineData("/problems/not_found")]
    public async Task A_public_document_is_for_every_origin_and_answers_HEAD(string path)
    {
        using var get = await SendAsync(HttpMethod.Get, path, "https://anywhere.example");
        Assert.Equal((HttpStatusCode.OK, "*"), (get.StatusCode, AllowedBy(get)));
        using var head = await SendAsync(HttpMethod.Head, path, "https://anywhere.example");
        Assert.Equal((HttpStatusCode.OK, "*"), (head.StatusCode, AllowedBy(head)));
        Assert.Equal(get.Content.Headers.ContentType, head.Content.Headers.ContentType);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("/.well-known/jwks.json")]
    [InlineData("/.well-known/openid-configuration")]
    [InlineData("/.well-known/oauth-authorization-server")]
    public async Task A_client_that_has_the_metadata_is_told_so(string path)
    {
        using var first = await SendAsync(HttpMethod.Get, path, "https://anywhere.example");
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var again = await site.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
        Assert.Equal("public, max-age=300", first.Headers.CacheControl!.ToString());
    }
}
