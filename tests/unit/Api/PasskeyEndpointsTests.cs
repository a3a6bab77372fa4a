using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Client;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Api;

[Collection(SiteCollection.Name)]
public sealed class PasskeyEndpointsTests(RunningSite site)
{
    private const string Origin = "http://localhost:5080";

    private readonly SoftAuthenticator device = new(Origin);

    private async Task<JsonElement> Post(string path, object? body = null, string? bearer = null, int status = 200)
    {
        using var content = body is null ? null : JsonContent.Create(body);
        var answer = await site.SendAsync(HttpMethod.Post, path, content, bearer);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(status == (int)answer.StatusCode, $"{path}: {(int)answer.StatusCode} {text}");
        return JsonElement.Parse(text);
    }

    private static string Ticket(JsonElement ceremony) => ceremony.GetProperty("ticket").GetString()!;

    private JsonElement Get(JsonElement ceremony) =>
        JsonElement.Parse(device.Get(ceremony.GetProperty("options").GetRawText()));

    private async Task<(string Bearer, JsonElement Passkey)> EnrolAsync(string? name = null)
    {
        var bearer = (await site.PairAsync()).GetProperty("accessToken").GetString()!;
        var begun = await Post("/api/account/passkeys/options", null, bearer);
        var credential = JsonElement.Parse(device.Create(begun.GetProperty("options").GetRawText()));
        return (
            bearer,
            await Post(
                "/api/account/passkeys",
                new
                {
                    ticket = Ticket(begun),
                    credential,
                    name,
                },
                bearer,
                201
            )
        );
    }

    [Fact]
    public async Task A_passkey_is_added_listed_renamed_used_and_removed()
    {
        var (bearer, added) = await EnrolAsync("my key");
        Assert.Equal("my key", added.GetProperty("name").GetString());
        var id = added.GetProperty("id").GetString();
        using var name = JsonContent.Create(new { name = "another" });
        Assert.Equal(
            HttpStatusCode.OK,
            (await site.SendAsync(HttpMethod.Patch, $"/api/account/passkeys/{id}", name, bearer)).StatusCode
        );

        var ceremony = await Post("/api/token/passkey/options");
        var tokens = await Post("/api/token/passkey", new { ticket = Ticket(ceremony), credential = Get(ceremony) });
        var signedIn = tokens.GetProperty("accessToken").GetString()!;
        var listed = JsonElement.Parse(
            await (
                await site.SendAsync(HttpMethod.Get, "/api/account/passkeys", bearer: signedIn)
            ).Content.ReadAsStringAsync()
        )[0];
        Assert.Equal(
            ["id", "name", "createdAt", "lastUsedAt", "synced", "provider"],
            listed.EnumerateObject().Select(p => p.Name)
        );
        Assert.Equal(("another", id), (listed.GetProperty("name").GetString(), listed.GetProperty("id").GetString()));

        Assert.Equal(
            HttpStatusCode.NoContent,
            (await site.SendAsync(HttpMethod.Delete, $"/api/account/passkeys/{id}", bearer: signedIn)).StatusCode
        );
        Assert.Equal(
            HttpStatusCode.NotFound,
            (await site.SendAsync(HttpMethod.Delete, $"/api/account/passkeys/{id}", bearer: signedIn)).StatusCode
        );
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: bearer)).StatusCode
        );
    }

    [Fact]
    public async Task A_passkey_signs_a_browser_in_with_a_cookie()
    {
        await EnrolAsync();
        var ceremony = await Post("/api/token/passkey/options");
        using var body = JsonContent.Create(new { ticket = Ticket(ceremony), credential = Get(ceremony) });
        var answer = await site.SendAsync(HttpMethod.Post, "/api/token/passkey?mode=cookie", body);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains(
            answer.Headers.GetValues("Set-Cookie"),
            cookie => cookie.Contains("session", StringComparison.Ordinal)
        );
        using var again = JsonContent.Create(new { ticket = Ticket(ceremony), credential = Get(ceremony) });
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await site.SendAsync(HttpMethod.Post, "/api/token/passkey", again)).StatusCode
        );
        await Post("/api/token/passkey?mode=carrier-pigeon", new { ticket = "t", credential = new { } }, status: 400);
    }

    [Fact]
    public async Task A_passkey_makes_the_session_fresher()
    {
        var (bearer, _) = await EnrolAsync();
        var ceremony = await Post("/api/account/step-up/options", null, bearer);
        var tokens = await Post(
            "/api/account/step-up",
            new { ticket = Ticket(ceremony), credential = Get(ceremony) },
            bearer
        );
        Assert.NotEqual(bearer, tokens.GetProperty("accessToken").GetString());
    }

    [Theory]
    [InlineData("""{"ticket":"t","credential":"text"}""", "passkey_failed")]
    [InlineData("""{"ticket":"t","credential":{"id":"\ud800"}}""", "passkey_failed")]
    [InlineData("""{"ticket":"t","credential":{}}""", "passkey_failed")]
    [InlineData("""{"ticket":7,"credential":{}}""", "bad_json")]
    [InlineData("""{"ticket":"t"}""", "validation_failed")]
    [InlineData("{}", "validation_failed")]
    public async Task What_is_no_answer_of_a_ceremony_gets_its_code(string body, string code)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        var answer = await site.SendAsync(HttpMethod.Post, "/api/token/passkey", content);
        Assert.Equal(code, (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString());
    }

    [Fact]
    public async Task The_client_signs_in_with_a_passkey()
    {
        await EnrolAsync();
        var person = new Person(site.Client.BaseAddress!, new MemoryTokenStore());
        var challenge = await person.Auth.BeginPasskeyAsync();
        var result = await person.Auth.SignInWithPasskeyAsync(
            challenge.Ticket,
            JsonElement.Parse(device.Get(challenge.Options.GetRawText()))
        );
        Assert.IsType<SignInResult.SignedIn>(result);
    }
}
