using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace BlazorAuth.UnitTests.Support;

/// <summary>Tests of the paths that speak OAuth, over a site of their own.</summary>
public abstract class OAuthTest(OAuthSite site) : IClassFixture<OAuthSite>, IAsyncLifetime
{
    protected static readonly AuthenticationHeaderValue Orders = OAuthSite.Basic(
        OAuthSite.Orders,
        OAuthSite.OrdersSecret
    );

    // The counts of one test are not the next one's.
    public Task InitializeAsync()
    {
        site.Clock.Move(TimeSpan.FromMinutes(16));
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => Task.CompletedTask;

    protected async Task<(JsonElement Pair, string Email)> PairAsync()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        return (await site.PairAsync(email, OAuthSite.Password), email);
    }

    protected async Task<JsonElement> SignInAsync(string email) =>
        await OAuthSite.JsonAsync(
            await site.Client.PostAsJsonAsync("/api/token", new { identifier = email, password = OAuthSite.Password })
        );

    protected async Task<JsonElement> ChangePasswordAsync(JsonElement pair)
    {
        var answer = await site.SendAsync(
            HttpMethod.Post,
            "/api/account/password",
            JsonContent.Create(new { currentPassword = OAuthSite.Password, newPassword = "an even better one" }),
            Access(pair)
        );
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await OAuthSite.JsonAsync(answer);
    }

    protected IEnumerable<string> Paths()
    {
        var paths = site.OAuthRoutes.Select(r => "/" + r.RoutePattern.RawText!.Trim('/')).ToList();
        Assert.Equal(["/oauth/introspect", "/oauth/revoke", "/oauth/token"], paths.Order());
        return paths;
    }

    protected Task<HttpResponseMessage> SendAsync(string path, string body) =>
        SendAsync(path, Encoding.UTF8.GetBytes(body));

    protected async Task<HttpResponseMessage> SendAsync(
        string path,
        byte[] body,
        AuthenticationHeaderValue? client = null
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/x-www-form-urlencoded");
        request.Headers.Authorization = client;
        return await site.Client.SendAsync(request);
    }

    protected async Task ExpectInactiveAsync(params string[] tokens)
    {
        foreach (var token in tokens)
        {
            var answer = await site.PostAsync("/oauth/introspect", Orders, ("token", token));
            Assert.Equal(
                (HttpStatusCode.OK, """{"active":false}"""),
                (answer.StatusCode, await answer.Content.ReadAsStringAsync())
            );
        }
    }

    protected static async Task ExpectAsync(
        HttpResponseMessage answer,
        int status,
        string error,
        string? description = null
    )
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(status == (int)answer.StatusCode, $"{(int)answer.StatusCode} {text}");
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        var json = JsonDocument.Parse(text).RootElement;
        Assert.Equal(["error", "error_description"], json.EnumerateObject().Select(p => p.Name));
        Assert.Equal(error, json.GetProperty("error").GetString());
        var told = json.GetProperty("error_description").GetString()!;
        Assert.Matches(@"^[\x20-\x21\x23-\x5B\x5D-\x7E]+$", told); // RFC 6749 §5.2
        if (description is not null)
            Assert.Equal(description, told);
        Assert.Equal(
            ("no-store", "no-cache"),
            (answer.Headers.CacheControl?.ToString(), answer.Headers.Pragma.ToString())
        );
        Assert.Equal(
            status == 401 ? "Basic realm=\"BlazorAuth\", charset=\"UTF-8\"" : "",
            answer.Headers.WwwAuthenticate.ToString()
        );
    }

    protected static string Access(JsonElement pair) => Text(pair, "accessToken", "access_token");

    protected static string Refresh(JsonElement pair) => Text(pair, "refreshToken", "refresh_token");

    private static string Text(JsonElement pair, string ours, string standard) =>
        (pair.TryGetProperty(ours, out var value) ? value : pair.GetProperty(standard)).GetString()!;
}
