using System.Net;
using BlazorAuth.Core.Data;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.Api;

/// <summary>What programs with an OAuth library read: RFC 6749 §5 and §6, RFC 7009.</summary>
public sealed class OAuthEndpointsTests(OAuthSite site) : OAuthTest(site)
{
    private readonly OAuthSite site = site;

    [Fact]
    public async Task A_refresh_answers_with_exactly_the_standard_fields()
    {
        var (pair, _) = await PairAsync();
        var answer = await site.RefreshAsync(Refresh(pair));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(
            ("no-store", "no-cache", "application/json"),
            (
                answer.Headers.CacheControl!.ToString(),
                answer.Headers.Pragma.ToString(),
                answer.Content.Headers.ContentType!.MediaType
            )
        );
        var json = await OAuthSite.JsonAsync(answer);
        Assert.Equal(
            ["access_token", "token_type", "expires_in", "refresh_token"],
            json.EnumerateObject().Select(p => p.Name)
        );
        Assert.Equal(
            ("Bearer", 600),
            (json.GetProperty("token_type").GetString(), json.GetProperty("expires_in").GetInt32())
        );
        Assert.Equal(
            HttpStatusCode.OK,
            (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: Access(json))).StatusCode
        );
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
        site.Clock.Move(TimeSpan.FromMinutes(2));
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
        await ExpectAsync(
            await SendAsync("/oauth/token", $"grant_type=refresh_token&refresh_token={Refresh(pair)}&{client}"),
            401,
            "invalid_client"
        );
        await ExpectAsync(await SendAsync("/oauth/revoke", $"token={Refresh(pair)}&{client}"), 401, "invalid_client");
        Assert.Equal(HttpStatusCode.OK, (await site.RefreshAsync(Refresh(pair))).StatusCode);
    }

    [Fact]
    public async Task A_public_client_may_name_itself_in_the_header_with_an_empty_secret()
    {
        var (pair, _) = await PairAsync();
        (string, string)[] form = [("grant_type", "refresh_token"), ("refresh_token", Refresh(pair))];
        Assert.Equal(
            HttpStatusCode.OK,
            (await site.PostAsync("/oauth/token", OAuthSite.Basic("blazorauth", ""), form)).StatusCode
        );
        await ExpectAsync(
            await site.PostAsync("/oauth/token", OAuthSite.Basic("blazorauth", "x"), form),
            401,
            "invalid_client"
        );
        await ExpectAsync(
            await site.PostAsync("/oauth/token", OAuthSite.Basic("blazorauth", ""), [.. form, ("client_id", "other")]),
            400,
            "invalid_request"
        );
        await ExpectAsync(
            await site.PostAsync("/oauth/token", OAuthSite.Basic("blazorauth", ""), [.. form, ("client_secret", "x")]),
            400,
            "invalid_request"
        );
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
        var answer = await site.PostAsync(
            "/oauth/revoke",
            ("token", kind == "refresh_token" ? Refresh(pair) : Access(pair)),
            ("token_type_hint", hint ?? "")
        );
        Assert.Equal((HttpStatusCode.OK, ""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        await ExpectAsync(await site.RefreshAsync(Refresh(pair)), 400, "invalid_grant", "session_revoked");
        await ExpectInactiveAsync(Access(pair), Refresh(pair));
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: Access(pair))).StatusCode
        );
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
        foreach (
            var token in new[]
            {
                "x",
                "\u0001",
                "a.b.c",
                Access(pair)[..^4] + "AAAA",
                Refresh(pair)[..^1],
                new string('.', 60_000),
            }
        )
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
        for (var i = 0; i < 2; i++)
            Assert.Equal(
                HttpStatusCode.OK,
                (await site.PostAsync("/oauth/revoke", ("token", Refresh(pair)))).StatusCode
            );
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
            foreach (
                var answer in new[]
                {
                    await site.PostAsync("/oauth/revoke", ("token", Refresh(pair))),
                    await site.RefreshAsync(Refresh(pair)),
                }
            )
                await ExpectAsync(
                    answer,
                    answer.StatusCode == HttpStatusCode.ServiceUnavailable ? 503 : 500,
                    answer.StatusCode == HttpStatusCode.ServiceUnavailable ? "temporarily_unavailable" : "server_error"
                );
        }
        finally
        {
            await RunSqlAsync("""ALTER TABLE "Gone" RENAME TO "Sessions" """);
        }
        Assert.Equal(HttpStatusCode.OK, (await site.RefreshAsync(Refresh(pair))).StatusCode);
    }

    private async Task RunSqlAsync(string sql)
    {
        await using var scope = site.Services.CreateAsyncScope();
#pragma warning disable EF1002 // the test's own text
        await scope.ServiceProvider.GetRequiredService<AuthDbContext>().Database.ExecuteSqlRawAsync(sql);
#pragma warning restore EF1002
    }
}
