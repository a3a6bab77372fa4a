using System.Net;
using System.Net.Http.Headers;
using System.Text;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Api;

/// <summary>What a resource server is told about a token, and who is told (RFC 7662).</summary>
public sealed class OAuthIntrospectionTests(OAuthSite site) : OAuthTest(site)
{
    private readonly OAuthSite site = site;

    [Fact]
    public async Task A_living_access_token_is_described()
    {
        var (pair, email) = await PairAsync();
        var told = await site.IntrospectAsync(Access(pair));
        Assert.Equal(
            ["active", "token_type", "client_id", "username", "sub", "sid", "iss", "aud", "jti", "iat", "exp"],
            told.EnumerateObject().Select(p => p.Name)
        );
        Assert.True(told.GetProperty("active").GetBoolean());
        var user = pair.GetProperty("user").GetProperty("id").GetString();
        foreach (
            var (name, value) in new[]
            {
                ("token_type", "Bearer"),
                ("client_id", "blazorauth"),
                ("username", email),
                ("sub", user),
                ("sid", pair.GetProperty("sessionId").GetString()),
                ("iss", "http://localhost:5080"),
                ("aud", "blazorauth"),
            }
        )
            Assert.Equal(value, told.GetProperty(name).GetString());
        Assert.Equal(site.Clock.Now.ToUnixTimeSeconds(), told.GetProperty("iat").GetInt64());
        Assert.Equal(site.Clock.Now.ToUnixTimeSeconds() + 600, told.GetProperty("exp").GetInt64());
    }

    [Fact]
    public async Task A_living_refresh_token_is_described()
    {
        var (pair, email) = await PairAsync();
        var told = await site.IntrospectAsync(Refresh(pair));
        Assert.Equal(
            ["active", "token_type", "client_id", "username", "sub", "sid", "iss", "exp"],
            told.EnumerateObject().Select(p => p.Name)
        );
        Assert.Equal(
            ("refresh_token", email),
            (told.GetProperty("token_type").GetString(), told.GetProperty("username").GetString())
        );
        Assert.Equal(site.Clock.Now.AddDays(14).ToUnixTimeSeconds(), told.GetProperty("exp").GetInt64());
    }

    [Fact]
    public async Task Nothing_is_told_about_a_token_that_opens_nothing()
    {
        var (pair, _) = await PairAsync();
        await ExpectInactiveAsync(
            "x",
            "\u0001",
            "a.b.c",
            "null.null.null",
            new string('.', 5000),
            Access(pair)[..^4] + "AAAA",
            Refresh(pair) + "A",
            Access(pair) + "."
        );
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
        await site.SendAsync(
            HttpMethod.Delete,
            $"/api/account/sessions/{pair.GetProperty("sessionId").GetString()}",
            bearer: Access(other)
        );
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
        Assert.Equal(
            HttpStatusCode.OK,
            (
                await site.PostAsync("/oauth/introspect", Orders, ("token", "x"), ("client_id", OAuthSite.Orders))
            ).StatusCode
        );
        (string, string)[] form =
        [
            ("token", "x"),
            ("client_id", OAuthSite.Awkward),
            ("client_secret", OAuthSite.AwkwardSecret),
        ];
        Assert.Equal(HttpStatusCode.OK, (await site.PostAsync("/oauth/introspect", form)).StatusCode);
        Assert.Equal(
            HttpStatusCode.OK,
            (
                await site.PostAsync(
                    "/oauth/introspect",
                    OAuthSite.Basic(OAuthSite.Awkward, OAuthSite.AwkwardSecret),
                    ("token", "x")
                )
            ).StatusCode
        );
        await ExpectAsync(await site.PostAsync("/oauth/introspect", Orders, form), 400, "invalid_request");
        await ExpectAsync(
            await site.PostAsync("/oauth/introspect", Orders, ("token", "")),
            400,
            "invalid_request",
            "The parameter token is missing."
        );
    }

    public static TheoryData<string?> NoClients =>
        new()
        {
            null,
            "Basic",
            "Basic ",
            "Basic %%%",
            "Basic b3JkZXJz",
            "Basic " + Convert.ToBase64String("orders:"u8),
            "Basic " + Convert.ToBase64String(":"u8),
            "Basic " + Convert.ToBase64String("orders:wrong"u8),
            "Basic " + Convert.ToBase64String([0xFF, (byte)':', 0xFE, 0]),
            "Bearer x",
            "Digest x",
            "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("nobody:" + OAuthSite.OrdersSecret)),
        };

    [Theory]
    [MemberData(nameof(NoClients))]
    public async Task Who_proves_nothing_is_challenged_and_told_nothing(string? authorization)
    {
        var (pair, _) = await PairAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/oauth/introspect")
        {
            Content = OAuthSite.Form(("token", Access(pair))),
        };
        if (authorization is not null)
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        await ExpectAsync(await site.Client.SendAsync(request), 401, "invalid_client");
    }

    [Fact]
    public async Task A_bearer_token_is_no_client()
    {
        var (pair, _) = await PairAsync();
        await ExpectAsync(
            await site.SendAsync(
                HttpMethod.Post,
                "/oauth/introspect",
                OAuthSite.Form(("token", Access(pair))),
                Access(pair)
            ),
            401,
            "invalid_client"
        );
    }

    [Fact]
    public async Task Guesses_at_a_secret_run_out()
    {
        for (var i = 0; i < 5; i++)
            await ExpectAsync(await Guess($"wrong {i}"), 401, "invalid_client");
        foreach (var secret in new[] { "wrong", OAuthSite.OrdersSecret })
        {
            var limited = await Guess(secret);
            await ExpectAsync(limited, 429, "temporarily_unavailable", "rate_limited");
            Assert.Equal(TimeSpan.FromMinutes(15), limited.Headers.RetryAfter!.Delta);
        }

        Task<HttpResponseMessage> Guess(string secret) =>
            site.PostAsync("/oauth/introspect", OAuthSite.Basic(OAuthSite.Orders, secret), ("token", "x"));
    }
}
