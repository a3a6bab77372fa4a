using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Core.Results;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Api;

/// <summary>What programs read: field names, statuses and headers exactly as the contract writes them.</summary>
[Collection(SiteCollection.Name)]
public sealed class TokenEndpointsTests(RunningSite site)
{
    private static readonly string[] UserFields =
    [
        "id",
        "email",
        "username",
        "emailVerified",
        "displayName",
        "avatar",
        "isAnonymous",
        "active",
        "roles",
        "profile",
        "createdAt",
    ];

    [Fact]
    public async Task A_sign_in_answers_with_exactly_the_documented_fields()
    {
        var pair = await site.PairAsync();
        Assert.Equal(
            ["accessToken", "tokenType", "expiresIn", "refreshToken", "refreshExpiresIn", "sessionId", "user"],
            Names(pair)
        );
        Assert.Equal(UserFields, Names(pair.GetProperty("user")));
        Assert.Equal("Bearer", pair.GetProperty("tokenType").GetString());
        Assert.Equal(600, pair.GetProperty("expiresIn").GetInt32());
        Assert.Equal(14 * 24 * 3600, pair.GetProperty("refreshExpiresIn").GetInt32());
    }

    [Fact]
    public async Task A_token_answer_is_never_stored_by_a_cache()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        await site.PairAsync(email);
        var answer = await site.Client.PostAsJsonAsync(
            "/api/token",
            new { identifier = email, password = "correct horse battery" }
        );
        Assert.Equal("no-store", answer.Headers.CacheControl!.ToString());
    }

    [Fact]
    public async Task Sign_up_answers_201_with_the_account_as_it_reads_later()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        var made = await site.Client.PostAsJsonAsync(
            "/api/account",
            new
            {
                email,
                password = "correct horse battery",
                displayName = "Ada",
                profile = new { a = new[] { 1, 2 } },
            }
        );
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        var signedIn = await site.Client.PostAsJsonAsync(
            "/api/token",
            new { identifier = email.ToUpperInvariant(), password = "correct horse battery" }
        );
        var bearer = (await signedIn.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("accessToken").GetString();
        var read = await site.SendAsync(HttpMethod.Get, "/api/account", bearer: bearer);
        Assert.Equal(await made.Content.ReadAsStringAsync(), await read.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_taken_address_is_told_where_sign_up_signs_in()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        await site.PairAsync(email);
        var again = await site.Client.PostAsJsonAsync(
            "/api/account",
            new { email = " " + email.ToUpperInvariant(), password = "correct horse battery" }
        );
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        var problem = await again.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal("email_taken", problem.GetProperty("code").GetString());
        Assert.Equal(["email"], Names(problem.GetProperty("errors")));
    }

    [Fact]
    public async Task Unknown_user_and_wrong_password_are_one_answer()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        await site.PairAsync(email);
        var wrong = await AuthFailure(email, "not the right one");
        var unknown = await AuthFailure($"{Guid.NewGuid():N}@example.com", "not the right one");
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.Status);
        Assert.Equal(wrong, unknown);

        async Task<(HttpStatusCode Status, string Body, string Headers)> AuthFailure(string identifier, string password)
        {
            var answer = await site.Client.PostAsJsonAsync("/api/token", new { identifier, password });
            var body = await answer.Content.ReadFromJsonAsync<Dictionary<string, JsonElement>>();
            body!.Remove("traceId");
            return (
                answer.StatusCode,
                JsonSerializer.Serialize(body),
                string.Join(',', answer.Headers.Select(h => h.Key))
            );
        }
    }

    [Fact]
    public async Task A_revoked_session_is_refused_at_once_with_its_reason()
    {
        var pair = await site.PairAsync();
        var bearer = pair.GetProperty("accessToken").GetString();
        Assert.Equal(
            HttpStatusCode.NoContent,
            (await site.SendAsync(HttpMethod.Post, "/api/token/revoke", bearer: bearer)).StatusCode
        );
        var refused = await site.SendAsync(HttpMethod.Get, "/api/account", bearer: bearer);
        Assert.Equal(
            "session_revoked",
            (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString()
        );
        var refresh = await site.Client.PostAsJsonAsync(
            "/api/token/refresh",
            new { refreshToken = pair.GetProperty("refreshToken").GetString() }
        );
        Assert.Equal(
            "session_revoked",
            (await refresh.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString()
        );
    }

    [Theory]
    [InlineData("""{"refreshToken":"nonsense"}""")]
    [InlineData("{}")]
    [InlineData(null)]
    public async Task Revoking_says_204_whatever_the_token(string? body)
    {
        using var content = body is null
            ? null
            : new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        Assert.Equal(
            HttpStatusCode.NoContent,
            (await site.SendAsync(HttpMethod.Post, "/api/token/revoke", content)).StatusCode
        );
    }

    [Fact]
    public async Task A_changed_password_gives_this_session_new_tokens_and_kills_the_old_ones()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        var pair = await site.PairAsync(email);
        var bearer = pair.GetProperty("accessToken").GetString();
        var answer = await site.SendAsync(
            HttpMethod.Post,
            "/api/account/password",
            JsonContent.Create(new { currentPassword = "correct horse battery", newPassword = "an even better one" }),
            bearer
        );
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var renewed = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("accessToken").GetString();
        Assert.Equal(
            HttpStatusCode.OK,
            (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: renewed)).StatusCode
        );
        var refused = await site.SendAsync(HttpMethod.Get, "/api/account", bearer: bearer);
        Assert.Equal(
            "password_changed",
            (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString()
        );
    }

    private static string[] Names(JsonElement json) => [.. json.EnumerateObject().Select(p => p.Name)];
}
