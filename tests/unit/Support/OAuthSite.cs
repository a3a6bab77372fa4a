using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.Support;

/// <summary>
/// A running site with clients that may introspect, a page of another origin, and a clock that tests move.
/// </summary>
public sealed class OAuthSite()
    : RunningSite(
        ($"Api:IntrospectionClients:{Orders}:Secret", OrdersSecret),
        ($"Api:IntrospectionClients:{Awkward}:Secret", AwkwardSecret),
        ("Api:AllowedOrigins:0", Origin),
        ("Throttle:SignInPerAddress", "5")
    )
{
    public const string Orders = "orders",
        OrdersSecret = "a-secret-of-forty-characters-0123456789-";

    /// <summary>What stock libraries send encoded, and careless ones do not.</summary>
    public const string Awkward = "ordérs & more/100%",
        AwkwardSecret = "p+w:with=every&thing?that%20breaks ü€ things";

    public const string Origin = "https://app.example.org",
        Password = "correct horse battery";

    public ManualClock Clock { get; } = new();

    public Task<HttpResponseMessage> PostAsync(string path, params (string Name, string Value)[] form) =>
        PostAsync(path, null, form);

    public async Task<HttpResponseMessage> PostAsync(
        string path,
        AuthenticationHeaderValue? client,
        params (string Name, string Value)[] form
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = Form(form) };
        request.Headers.Authorization = client;
        return await Client.SendAsync(request);
    }

    public Task<HttpResponseMessage> RefreshAsync(string? token) =>
        PostAsync("/oauth/token", ("grant_type", "refresh_token"), ("refresh_token", token ?? ""));

    /// <summary>What the client 'orders' is told about a token.</summary>
    public async Task<JsonElement> IntrospectAsync(string token)
    {
        var answer = await PostAsync("/oauth/introspect", Basic(Orders, OrdersSecret), ("token", token));
        Assert.Equal(System.Net.HttpStatusCode.OK, answer.StatusCode);
        return await JsonAsync(answer);
    }

    public static AuthenticationHeaderValue Basic(string id, string secret) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Encode(id)}:{Encode(secret)}")));

    public static FormUrlEncodedContent Form(params (string Name, string Value)[] form) =>
        new(form.Select(f => KeyValuePair.Create(f.Name, f.Value)));

    public static async Task<JsonElement> JsonAsync(HttpResponseMessage answer) =>
        JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.ConfigureServices(services => services.AddSingleton<TimeProvider>(Clock));
    }

    // Appendix B of RFC 6749: a space is a plus.
    private static string Encode(string text) =>
        Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal);
}
