using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using BlazorAuth.Core.Data;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.Api;

/// <summary>What programs with an OAuth library read: RFC 6749 §5 and §6, RFC 7009, RFC 7662.</summary>
public sealed class OAuthEndpointsTests(OAuthSite site) : IClassFixture<OAuthSite>, IAsyncLifetime
{
    private static readonly AuthenticationHeaderValue Orders = OAuthSite.Basic(OAuthSite.Orders, OAuthSite.OrdersSecret);

    // The counts of one test are not the next one's.
    public Task InitializeAsync()
    {
        site.Clock.Move(TimeSpan.FromMinutes(16));
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_refresh_answers_with_exactly_the_standard_fields()
    {
        var (pair, _) = await PairAsync();
        var answer = await site.RefreshAsync(Refresh(pair));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(("no-store", "no-cache", "application/json"), (answer.Headers.CacheControl!.ToString(), answer.Headers.Pragma.ToString(), answer.Content.Headers.ContentType!.MediaType));
        var json = await OAuthSite.JsonAsync(answer);
        Assert.Equal(["access_token", "token_type", "expires_in", "refresh_token"], json.EnumerateObject().Select(p => p.Name));
        Assert.Equal(("Bearer", 600), (json.GetProperty("token_type").GetString(), json.GetProperty("expires_in").GetInt32()));
        Assert.Equal(HttpStatusCode.OK, (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: Access(json))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await site.RefreshAsync(Refresh(json))).StatusCode);
    }

    [Fact]
    public async Task A_refresh_sent_twice_within_the_leeway_gets_the_same_successor()
    {
        var (pair, _) = await PairAsync();
        var first = await OAuthSite.JsonAsync(await site.RefreshAsync(Refresh(pair)));
        site.Clock.Move(TimeSpan.FromSeconds(9));
        Assert.Equal(Refresh(first), Refresh(await OAuthSite.JsonAsync(await site.RefreshAsync(Refresh(pair)))));
    }

    [Fact]
    public async Task A_replay_outside_the_leeway_is_told_and_ends_the_chain()
    {
        var (pair, _) = await PairAsync();
        var next = await OAuthSite.JsonAsync(await site.RefreshAsync(Refresh(pair)));
        site.Clock.Move(TimeSpan.FromSeconds(10));
        await ExpectAsync(await site.RefreshAsync(Refresh(pair)), 400, "invalid_grant", "refresh_token_reused");
        await ExpectAsync(await site.RefreshAsync(Refresh(next)), 400, "invalid_grant", "refresh_token_reused");
        await ExpectInactiveAsync(Access(next), Refresh(next));
    }

    [Fact]
    public async Task Every_refusal_of_a_refresh_is_invalid_grant_with_our_code()
    {
        var (revoked, _) = await PairAsync();
        await site.PostAsync("/oauth/revoke", ("token", Refresh(revoked)));
        await ExpectAsync(await site.RefreshAsync(Refresh(revoked)), 400, "invalid_grant", "session_revoked");
        var (changed, _) = await PairAsync();
        await ChangePasswordAsync(changed);
        await ExpectAsync(await site.RefreshAsync(Refresh(changed)), 400, "invalid_grant", "password_changed");
        var (expired, _) = await PairAsync();
        site.Clock.Move(TimeSpan.FromDays(14));
        await ExpectAsync(await site.RefreshAsync(Refresh(expired)), 400, "invalid_grant", "refresh_token_expired");
        foreach (var junk in new[] { "x", "\u0001", "ü", "%", new string('x', 5000), Access(expired) })
            await ExpectAsync(await site.RefreshAsync(junk), 400, "invalid_grant", "refresh_token_invalid");
    }

    [Theory]
    [InlineData("refresh_token=x", "invalid_request")]
    [InlineData("grant_type=&refresh_token=x", "invalid_request")]
    [InlineData("Grant_Type=refresh_token&refresh_token=x", "invalid_request")]
    [InlineData("grant_type=refresh_token", "invalid_request")]
    [InlineData("grant_type=refresh_token&refresh_token=", "invalid_request")]
    [InlineData("grant_type=refresh_token&refresh_token=x&refresh_token=x", "invalid_request")]
    [InlineData("grant_type=refresh_token&grant_type=refresh_token&refresh_token=x", "invalid_request")]
    [InlineData("grant_type=refresh_token&refresh_token=x&other=1&other=2", "invalid_request")]
    [InlineData("grant_type=password&username=a&password=b", "unsupported_grant_type")]
    [InlineData("grant_type=authorization_code&code=x", "unsupported_grant_type")]
    [InlineData("grant_type=client_credentials", "unsupported_grant_type")]
    [InlineData("grant_type=REFRESH_TOKEN&refresh_token=x", "unsupported_grant_type")]
    [InlineData("grant_type=refresh_token&refresh_token=x&scope=openid", "invalid_scope")]
    [InlineData("grant_type=refresh_token&refresh_token=x&scope=", "invalid_grant")]
    [InlineData("grant_type=refresh_token&refresh_token=x&client_id=blazorauth", "invalid_grant")]
    [InlineData("grant_type=refresh_token&refresh_token=x&client_id=", "invalid_grant")]
    [InlineData("grant_type=refresh_token&refresh_token=x&unknown=1", "invalid_grant")]
    public async Task A_refresh_request_is_judged_as_the_rfc_says(string body, string error) =>
        await ExpectAsync(await SendAsync("/oauth/token", body), 400, error);

    [Theory]
    [InlineData("client_id=somebody")]
    [InlineData("client_id=orders")]
    [InlineData("client_id=blazorauth&client_secret=x")]
    [InlineData("client_secret=x")]
    public async Task Tokens_are_for_the_client_they_were_issued_to(string client)
    {
        var (pair, _) = await PairAsync();
        await ExpectAsync(await SendAsync("/oauth/token", $"grant_type=refresh_token&refresh_token={Refresh(pair)}&{client}"), 401, "invalid_client");
        await ExpectAsync(await SendAsync("/oauth/revoke", $"token={Refresh(pair)}&{client}"), 401, "invalid_client");
        Assert.Equal(HttpStatusCode.OK, (await site.RefreshAsync(Refresh(pair))).StatusCode);
    }

    [Fact]
    public async Task A_public_client_may_name_itself_in_the_header_with_an_empty_secret()
    {
        var (pair, _) = await PairAsync();
        (string, string)[] form = [("grant_type", "refresh_token"), ("refresh_token", Refresh(pair))];
        Assert.Equal(HttpStatusCode.OK, (await site.PostAsync("/oauth/token", OAuthSite.Basic("blazorauth", ""), form)).StatusCode);
        await ExpectAsync(await site.PostAsync("/oauth/token", OAuthSite.Basic("blazorauth", "x"), form), 401, "invalid_client");
        await ExpectAsync(await site.PostAsync("/oauth/token", OAuthSite.Basic("blazorauth", ""), [.. form, ("client_id", "other")]), 400, "invalid_request");
        await ExpectAsync(await site.PostAsync("/oauth/token", OAuthSite.Basic("blazorauth", ""), [.. form, ("client_secret", "x")]), 400, "invalid_request");
    }

    [Theory]
    [InlineData("refresh_token", null)]
    [InlineData("refresh_token", "access_token")]
    [InlineData("access_token", null)]
    [InlineData("access_token", "refresh_token")]
    [InlineData("access_token", "nonsense")]
    public async Task Revoking_either_token_ends_the_session_whatever_the_hint(string kind, string? hint)
    {
        var (pair, _) = await PairAsync();
        var answer = await site.PostAsync("/oauth/revoke", ("token", kind == "refresh_token" ? Refresh(pair) : Access(pair)), ("token_type_hint", hint ?? ""));
        Assert.Equal((HttpStatusCode.OK, ""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        await ExpectAsync(await site.RefreshAsync(Refresh(pair)), 400, "invalid_grant", "session_revoked");
        await ExpectInactiveAsync(Access(pair), Refresh(pair));
        Assert.Equal(HttpStatusCode.Unauthorized, (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: Access(pair))).StatusCode);
    }

    [Fact]
    public async Task An_expired_access_token_still_revokes()
    {
        var (pair, _) = await PairAsync();
        site.Clock.Move(TimeSpan.FromHours(2));
        Assert.Equal(HttpStatusCode.OK, (await site.PostAsync("/oauth/revoke", ("token", Access(pair)))).StatusCode);
        await ExpectAsync(await site.RefreshAsync(Refresh(pair)), 400, "invalid_grant", "session_revoked");
    }

    [Fact]
    public async Task Revoking_what_nobody_issued_is_200_and_ends_nothing()
    {
        var (pair, _) = await PairAsync();
        foreach (var token in new[] { "x", "\u0001", "a.b.c", Access(pair)[..^4] + "AAAA", Refresh(pair)[..^1], new string('.', 60_000) })
        {
            var answer = await site.PostAsync("/oauth/revoke", ("token", token));
            Assert.Equal((HttpStatusCode.OK, ""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        }
        Assert.Equal(HttpStatusCode.OK, (await site.RefreshAsync(Refresh(pair))).StatusCode);
    }

    [Fact]
    public async Task Revoking_again_is_200_and_without_a_token_400()
    {
        var (pair, _) = await PairAsync();
        for (var i = 0; i < 2; i++) Assert.Equal(HttpStatusCode.OK, (await site.PostAsync("/oauth/revoke", ("token", Refresh(pair)))).StatusCode);
        await ExpectAsync(await site.PostAsync("/oauth/revoke", ("token", "")), 400, "invalid_request");
        await ExpectAsync(await SendAsync("/oauth/revoke", "token=a&token=b"), 400, "invalid_request");
    }

    [Fact]
    public async Task A_store_that_fails_is_never_answered_as_done()
    {
        var (pair, _) = await PairAsync();
        await RunSqlAsync("""ALTER TABLE "Sessions" RENAME TO "Gone" """);
        try
        {
            foreach (var answer in new[] { await site.PostAsync("/oauth/revoke", ("token", Refresh(pair))), await site.RefreshAsync(Refresh(pair)) })
                await ExpectAsync(answer, answer.StatusCode == HttpStatusCode.ServiceUnavailable ? 503 : 500,
                    answer.StatusCode == HttpStatusCode.ServiceUnavailable ? "temporarily_unavailable" : "server_error");
        }
        finally
        {
            await RunSqlAsync("""ALTER TABLE "Gone" RENAME TO "Sessions" """);
        }
        Assert.Equal(HttpStatusCode.OK, (await site.RefreshAsync(Refresh(pair))).StatusCode);
    }

    [Fact]
    public async Task A_living_access_token_is_described()
    {
        var (pair, email) = await PairAsync();
        var told = await site.IntrospectAsync(Access(pair));
        Assert.Equal(["active", "token_type", "client_id", "username", "sub", "sid", "iss", "aud", "jti", "iat", "exp"], told.EnumerateObject().Select(p => p.Name));
        Assert.True(told.GetProperty("active").GetBoolean());
        var user = pair.GetProperty("user").GetProperty("id").GetString();
        foreach (var (name, value) in new[] { ("token_type", "Bearer"), ("client_id", "blazorauth"), ("username", email), ("sub", user), ("sid", pair.GetProperty("sessionId").GetString()), ("iss", "http://localhost:5080"), ("aud", "blazorauth") })
            Assert.Equal(value, told.GetProperty(name).GetString());
        Assert.Equal(site.Clock.Now.ToUnixTimeSeconds(), told.GetProperty("iat").GetInt64());
        Assert.Equal(site.Clock.Now.ToUnixTimeSeconds() + 600, told.GetProperty("exp").GetInt64());
    }

    [Fact]
    public async Task A_living_refresh_token_is_described()
    {
        var (pair, email) = await PairAsync();
        var told = await site.IntrospectAsync(Refresh(pair));
        Assert.Equal(["active", "token_type", "client_id", "username", "sub", "sid", "iss", "exp"], told.EnumerateObject().Select(p => p.Name));
        Assert.Equal(("refresh_token", email), (told.GetProperty("token_type").GetString(), told.GetProperty("username").GetString()));
        Assert.Equal(site.Clock.Now.AddDays(14).ToUnixTimeSeconds(), told.GetProperty("exp").GetInt64());
    }

    [Fact]
    public async Task Nothing_is_told_about_a_token_that_opens_nothing()
    {
        var (pair, _) = await PairAsync();
        await ExpectInactiveAsync("x", "\u0001", "a.b.c", "null.null.null", new string('.', 5000), Access(pair)[..^4] + "AAAA", Refresh(pair) + "A", Access(pair) + ".");
        site.Clock.Move(TimeSpan.FromMinutes(10));
        await ExpectInactiveAsync(Access(pair));
        site.Clock.Move(TimeSpan.FromDays(14));
        await ExpectInactiveAsync(Refresh(pair));
    }

    [Fact]
    public async Task A_sign_out_by_any_door_is_seen_at_once()
    {
        var (pair, email) = await PairAsync();
        var other = await SignInAsync(email);
        Assert.True((await site.IntrospectAsync(Access(pair))).GetProperty("active").GetBoolean());
        await site.SendAsync(HttpMethod.Delete, $"/api/account/sessions/{pair.GetProperty("sessionId").GetString()}", bearer: Access(other));
        await ExpectInactiveAsync(Access(pair), Refresh(pair));
        Assert.True((await site.IntrospectAsync(Access(other))).GetProperty("active").GetBoolean());
        await site.SendAsync(HttpMethod.Post, "/api/token/revoke", bearer: Access(other));
        await ExpectInactiveAsync(Access(other), Refresh(other));
    }

    [Fact]
    public async Task A_changed_password_kills_every_older_token_at_once()
    {
        var (pair, email) = await PairAsync();
        var other = await SignInAsync(email);
        var renewed = await ChangePasswordAsync(pair);
        await ExpectInactiveAsync(Access(pair), Refresh(pair), Access(other), Refresh(other));
        Assert.True((await site.IntrospectAsync(Access(renewed))).GetProperty("active").GetBoolean());
        Assert.True((await site.IntrospectAsync(Refresh(renewed))).GetProperty("active").GetBoolean());
    }

    [Fact]
    public async Task A_client_proves_itself_in_the_header_or_in_the_form_and_not_in_both()
    {
        Assert.Equal(HttpStatusCode.OK, (await site.PostAsync("/oauth/introspect", Orders, ("token", "x"))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await site.PostAsync("/oauth/introspect", Orders, ("token", "x"), ("client_id", OAuthSite.Orders))).StatusCode);
        (string, string)[] form = [("token", "x"), ("client_id", OAuthSite.Awkward), ("client_secret", OAuthSite.AwkwardSecret)];
        Assert.Equal(HttpStatusCode.OK, (await site.PostAsync("/oauth/introspect", form)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await site.PostAsync("/oauth/introspect", OAuthSite.Basic(OAuthSite.Awkward, OAuthSite.AwkwardSecret), ("token", "x"))).StatusCode);
        await ExpectAsync(await site.PostAsync("/oauth/introspect", Orders, form), 400, "invalid_request");
        await ExpectAsync(await site.PostAsync("/oauth/introspect", Orders, ("token", "")), 400, "invalid_request", "The parameter token is missing.");
    }

    public static TheoryData<string?> NoClients => new()
    {
        null, "Basic", "Basic ", "Basic %%%", "Basic b3JkZXJz", "Basic " + Convert.ToBase64String("orders:"u8), "Basic " + Convert.ToBase64String(":"u8),
        "Basic " + Convert.ToBase64String("orders:wrong"u8), "Basic " + Convert.ToBase64String([0xFF, (byte)':', 0xFE, 0]), "Bearer x", "Digest x",
        "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("nobody:" + OAuthSite.OrdersSecret)),
    };

    [Theory]
    [MemberData(nameof(NoClients))]
    public async Task Who_proves_nothing_is_challenged_and_told_nothing(string? authorization)
    {
        var (pair, _) = await PairAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/oauth/introspect") { Content = OAuthSite.Form(("token", Access(pair))) };
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        await ExpectAsync(await site.Client.SendAsync(request), 401, "invalid_client");
    }

    [Fact]
    public async Task A_bearer_token_is_no_client()
    {
        var (pair, _) = await PairAsync();
        await ExpectAsync(await site.SendAsync(HttpMethod.Post, "/oauth/introspect", OAuthSite.Form(("token", Access(pair))), Access(pair)), 401, "invalid_client");
    }

    [Fact]
    public async Task Guesses_at_a_secret_run_out()
    {
        for (var i = 0; i < 5; i++) await ExpectAsync(await Guess($"wrong {i}"), 401, "invalid_client");
        foreach (var secret in new[] { "wrong", OAuthSite.OrdersSecret })
        {
            var limited = await Guess(secret);
            await ExpectAsync(limited, 429, "temporarily_unavailable", "rate_limited");
            Assert.Equal(TimeSpan.FromMinutes(15), limited.Headers.RetryAfter!.Delta);
        }

        Task<HttpResponseMessage> Guess(string secret) => site.PostAsync("/oauth/introspect", OAuthSite.Basic(OAuthSite.Orders, secret), ("token", "x"));
    }

    public static TheoryData<string?, string> Hostile => new()
    {
        { null, "token=x" }, { "application/json", """{"token":"x","grant_type":"refresh_token"}""" }, { "text/plain", "token=x" }, { "nonsense", "token=x" },
        { "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nx\r\n--x--\r\n" }, { "multipart/form-data", "" },
        { "application/x-www-form-urlencoded; charset=utf-7", "token=x" }, { "application/x-www-form-urlencoded; charset=nonsense", "token=x" },
        { "application/x-www-form-urlencoded", "" }, { "application/x-www-form-urlencoded", "&&&" }, { "application/x-www-form-urlencoded", "%00=%00&%=%&=&a" },
        { "application/x-www-form-urlencoded", "token=%00&refresh_token=a%00&grant_type=refresh_token" },
        { "application/x-www-form-urlencoded", "token=a&TOKEN=b&grant_type=refresh_token&grant_type=x" },
        { "application/x-www-form-urlencoded", string.Join('&', Enumerable.Range(0, 3000).Select(i => $"f{i}=x")) },
        { "application/x-www-form-urlencoded", new string('k', 5000) + "=x" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task A_body_that_is_no_such_form_is_an_invalid_request(string? type, string body)
    {
        foreach (var path in Paths())
        {
            using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            if (type is not null) content.Headers.TryAddWithoutValidation("Content-Type", type);
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
            request.Headers.Authorization = path.EndsWith("introspect", StringComparison.Ordinal) ? Orders : null;
            await ExpectAsync(await site.Client.SendAsync(request), 400, "invalid_request");
        }
    }

    [Fact]
    public async Task Malformed_utf8_is_a_token_nobody_issued()
    {
        foreach (var raw in new byte[][] { [0xFF, 0xC3, 0x28], "%FF%C3%28"u8.ToArray(), "%ED%A0%80"u8.ToArray(), "%u0000"u8.ToArray() })
        {
            await ExpectAsync(await SendAsync("/oauth/token", [.. "grant_type=refresh_token&refresh_token="u8, .. raw]), 400, "invalid_grant", "refresh_token_invalid");
            Assert.Equal(HttpStatusCode.OK, (await SendAsync("/oauth/revoke", [.. "token="u8, .. raw])).StatusCode);
            Assert.Equal("""{"active":false}""", await (await SendAsync("/oauth/introspect", [.. "token="u8, .. raw], Orders)).Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task A_body_over_64_kib_is_refused_as_too_large()
    {
        foreach (var path in Paths()) await ExpectAsync(await SendAsync(path, "token=" + new string('x', 70_000)), 413, "invalid_request");
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("PROPFIND")]
    [InlineData("NONSENSE")]
    public async Task Another_verb_is_405_in_the_same_shape(string verb)
    {
        foreach (var path in Paths())
        {
            var answer = await site.SendAsync(new HttpMethod(verb), path + "?token=x");
            await ExpectAsync(answer, 405, "invalid_request");
        }
        await ExpectAsync(await site.SendAsync(new HttpMethod(verb), "/oauth/nothing"), 404, "invalid_request");
    }

    [Fact]
    public async Task A_token_in_the_address_is_not_read()
    {
        var (pair, _) = await PairAsync();
        await ExpectAsync(await SendAsync($"/oauth/revoke?token={Refresh(pair)}", ""), 400, "invalid_request");
        await ExpectAsync(await SendAsync($"/oauth/token?grant_type=refresh_token&refresh_token={Refresh(pair)}", ""), 400, "invalid_request");
        Assert.Equal(HttpStatusCode.OK, (await site.RefreshAsync(Refresh(pair))).StatusCode);
    }

    [Theory]
    [InlineData(OAuthSite.Origin, OAuthSite.Origin)]
    [InlineData("https://evil.example", null)]
    public async Task Pages_of_configured_origins_only_may_call(string origin, string? allowed)
    {
        foreach (var path in Paths())
        {
            using var preflight = new HttpRequestMessage(HttpMethod.Options, path) { Headers = { { "Origin", origin }, { "Access-Control-Request-Method", "POST" }, { "Access-Control-Request-Headers", "content-type" } } };
            var answer = await site.Client.SendAsync(preflight);
            Assert.Equal(allowed, answer.Headers.TryGetValues("Access-Control-Allow-Origin", out var told) ? told.Single() : null);
        }
    }

    private async Task<(JsonElement Pair, string Email)> PairAsync()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        return (await site.PairAsync(email, OAuthSite.Password), email);
    }

    private async Task<JsonElement> SignInAsync(string email) =>
        await OAuthSite.JsonAsync(await site.Client.PostAsJsonAsync("/api/token", new { identifier = email, password = OAuthSite.Password }));

    private async Task<JsonElement> ChangePasswordAsync(JsonElement pair)
    {
        var answer = await site.SendAsync(HttpMethod.Post, "/api/account/password",
            JsonContent.Create(new { currentPassword = OAuthSite.Password, newPassword = "an even better one" }), Access(pair));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await OAuthSite.JsonAsync(answer);
    }

    private IEnumerable<string> Paths()
    {
        var paths = site.OAuthRoutes.Select(r => "/" + r.RoutePattern.RawText!.Trim('/')).ToList();
        Assert.Equal(["/oauth/introspect", "/oauth/revoke", "/oauth/token"], paths.Order());
        return paths;
    }

    private Task<HttpResponseMessage> SendAsync(string path, string body) => SendAsync(path, Encoding.UTF8.GetBytes(body));

    private async Task<HttpResponseMessage> SendAsync(string path, byte[] body, AuthenticationHeaderValue? client = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/x-www-form-urlencoded");
        request.Headers.Authorization = client;
        return await site.Client.SendAsync(request);
    }

    private async Task ExpectInactiveAsync(params string[] tokens)
    {
        foreach (var token in tokens)
        {
            var answer = await site.PostAsync("/oauth/introspect", Orders, ("token", token));
            Assert.Equal((HttpStatusCode.OK, """{"active":false}"""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        }
    }

    private static async Task ExpectAsync(HttpResponseMessage answer, int status, string error, string? description = null)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(status == (int)answer.StatusCode, $"{(int)answer.StatusCode} {text}");
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        var json = JsonDocument.Parse(text).RootElement;
        Assert.Equal(["error", "error_description"], json.EnumerateObject().Select(p => p.Name));
        Assert.Equal(error, json.GetProperty("error").GetString());
        var told = json.GetProperty("error_description").GetString()!;
        Assert.Matches(@"^[\x20-\x21\x23-\x5B\x5D-\x7E]+$", told); // RFC 6749 §5.2
        if (description is not null) Assert.Equal(description, told);
        Assert.Equal(("no-store", "no-cache"), (answer.Headers.CacheControl?.ToString(), answer.Headers.Pragma.ToString()));
        Assert.Equal(status == 401 ? "Basic realm=\"BlazorAuth\", charset=\"UTF-8\"" : "", answer.Headers.WwwAuthenticate.ToString());
    }

    private async Task RunSqlAsync(string sql)
    {
        await using var scope = site.Services.CreateAsyncScope();
#pragma warning disable EF1002 // the test's own text
        await scope.ServiceProvider.GetRequiredService<AuthDbContext>().Database.ExecuteSqlRawAsync(sql);
#pragma warning restore EF1002
    }

    private static string Access(JsonElement pair) => Text(pair, "accessToken", "access_token");

    private static string Refresh(JsonElement pair) => Text(pair, "refreshToken", "refresh_token");

    private static string Text(JsonElement pair, string ours, string standard) =>
        (pair.TryGetProperty(ours, out var value) ? value : pair.GetProperty(standard)).GetString()!;
}
