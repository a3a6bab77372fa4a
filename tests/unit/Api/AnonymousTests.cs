using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Api;

[Collection(SiteCollection.Name)]
public sealed class AnonymousTests(RunningSite site)
{
    private async Task<JsonElement> BeginAsync() =>
        await (
            await site.SendAsync(
                HttpMethod.Post,
                "/api/token/anonymous",
                JsonContent.Create(new { profile = new { cart = 3 } })
            )
        ).Content.ReadFromJsonAsync<JsonElement>();

    private static JsonContent Name() =>
        JsonContent.Create(new { email = $"{Guid.NewGuid():N}@example.com", password = "correct horse battery" });

    [Fact]
    public async Task An_anonymous_account_is_upgraded_with_its_token_and_keeps_it()
    {
        var pair = await BeginAsync();
        var (token, user) = (pair.GetProperty("accessToken").GetString()!, pair.GetProperty("user"));
        Assert.True(user.GetProperty("isAnonymous").GetBoolean());
        var answer = await site.SendAsync(HttpMethod.Post, "/api/account", Name(), token);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var upgraded = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(
            (user.GetProperty("id").GetString(), false, 3),
            (
                upgraded.GetProperty("id").GetString(),
                upgraded.GetProperty("isAnonymous").GetBoolean(),
                upgraded.GetProperty("profile").GetProperty("cart").GetInt32()
            )
        );
        Assert.Equal(
            HttpStatusCode.OK,
            (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: token)).StatusCode
        );
    }

    [Fact]
    public async Task A_token_that_is_over_makes_no_other_account()
    {
        var pair = await BeginAsync();
        var token = pair.GetProperty("accessToken").GetString()!;
        await site.SendAsync(HttpMethod.Post, "/api/token/revoke", null, token);
        foreach (var (bearer, code) in new[] { (token, "session_revoked"), ("nonsense", "access_token_invalid") })
        {
            var answer = await site.SendAsync(HttpMethod.Post, "/api/account", Name(), bearer);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            Assert.Equal(code, (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString());
        }
    }
}
