using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Api;

/// <summary>Headers that are not for the product, or not UTF-8, break nothing.</summary>
[Collection(SiteCollection.Name)]
public sealed class ForeignHeadersTests(RunningSite site)
{
    private const string OfTheProxy = "Basic b3BlcmF0b3I6c2VjcmV0";

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path)
        {
            Content = body is null ? null : JsonContent.Create(body),
        };
        request.Headers.TryAddWithoutValidation("Authorization", OfTheProxy);
        return await site.Client.SendAsync(request);
    }

    [Fact]
    public async Task The_basic_header_of_a_proxy_does_not_stop_a_sign_up_or_a_sign_in()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        const string password = "correct horse battery";
        Assert.Equal(
            HttpStatusCode.Created,
            (await SendAsync(HttpMethod.Post, "/api/account", new { email, password })).StatusCode
        );
        Assert.Equal(
            HttpStatusCode.OK,
            (await SendAsync(HttpMethod.Post, "/api/token", new { identifier = email, password })).StatusCode
        );
    }

    [Fact]
    public async Task The_basic_header_of_a_proxy_does_not_hide_the_cookie()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        const string password = "correct horse battery";
        using var browser = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false })
        {
            BaseAddress = site.ClientOptions.BaseAddress,
        };
        browser.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", OfTheProxy);
        await browser.PostAsJsonAsync("/api/account", new { email, password });
        var answer = await browser.PostAsJsonAsync("/api/token?mode=cookie", new { identifier = email, password });
        var antiforgery = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("antiforgery");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/account");
        request.Headers.Add(
            antiforgery.GetProperty("header").GetString()!,
            antiforgery.GetProperty("token").GetString()!
        );
        Assert.Equal(HttpStatusCode.OK, (await browser.SendAsync(request)).StatusCode);
    }

    [Fact]
    public async Task A_bearer_route_asks_for_a_token_where_only_a_basic_header_came()
    {
        using var answer = await SendAsync(HttpMethod.Get, "/api/account");
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "Bearer"),
            (answer.StatusCode, answer.Headers.WwwAuthenticate.ToString())
        );
    }

    [Theory]
    [InlineData("GET /api/account HTTP/1.1", "User-Agent: Grüße", 401, "access_token_invalid")]
    [InlineData("GET /api/account HTTP/1.1", "Authorization: Bearer é", 401, "access_token_invalid")]
    [InlineData("GET /api/nowhere?name=%00 HTTP/1.1", "Accept: */*", 404, "not_found")]
    public async Task Bytes_that_are_not_utf8_get_a_problem(string request, string header, int status, string code)
    {
        var address = site.ClientOptions.BaseAddress;
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(
            Encoding.Latin1.GetBytes($"{request}\r\nHost: localhost\r\n{header}\r\nConnection: close\r\n\r\n")
        );
        var answer = await new StreamReader(stream, Encoding.Latin1).ReadToEndAsync();
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains($"\"code\":\"{code}\"", answer, StringComparison.Ordinal);
    }
}
