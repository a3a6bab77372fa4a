using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Api;

/// <summary>A script of the site signs in with a cookie and keeps no token.</summary>
[Collection(SiteCollection.Name)]
public sealed class CookieModeTests(RunningSite site)
{
    private const string Password = "correct horse battery";

    [Fact]
    public async Task A_cookie_opens_bearer_routes_only_beside_the_antiforgery_header()
    {
        using var browser = NewBrowser();
        var (header, token) = await SignInAsync(browser);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(browser, HttpMethod.Get, header, token)).StatusCode);
        foreach (var wrong in new[] { null, "", "nonsense", token[..^3] + "AAA" })
            Assert.Equal(
                HttpStatusCode.Unauthorized,
                (await SendAsync(browser, HttpMethod.Get, header, wrong)).StatusCode
            );
    }

    [Fact]
    public async Task The_answer_carries_no_token_that_a_script_could_lose()
    {
        using var browser = NewBrowser();
        var answer = await SignInAnswerAsync(browser);
        Assert.Equal(["sessionId", "user", "antiforgery"], answer.EnumerateObject().Select(p => p.Name));
    }

    [Fact]
    public async Task Another_persons_antiforgery_header_does_not_serve()
    {
        using var mine = NewBrowser();
        using var theirs = NewBrowser();
        await SignInAsync(mine);
        var (header, token) = await SignInAsync(theirs);
        Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(mine, HttpMethod.Get, header, token)).StatusCode);
    }

    [Fact]
    public async Task The_header_can_be_fetched_again_and_the_page_knows_the_same_session()
    {
        using var browser = NewBrowser();
        await SignInAsync(browser);
        var again = await browser.GetFromJsonAsync<JsonElement>("/api/token/antiforgery");
        Assert.Equal(
            HttpStatusCode.OK,
            (
                await SendAsync(
                    browser,
                    HttpMethod.Get,
                    again.GetProperty("header").GetString()!,
                    again.GetProperty("token").GetString()!
                )
            ).StatusCode
        );
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/account")).StatusCode);
        using var nobody = NewBrowser();
        Assert.Equal(HttpStatusCode.NotFound, (await nobody.GetAsync("/api/token/antiforgery")).StatusCode);
    }

    [Fact]
    public async Task Revoking_ends_the_session_of_the_cookie()
    {
        using var browser = NewBrowser();
        var (header, token) = await SignInAsync(browser);
        using var revoke = new HttpRequestMessage(HttpMethod.Post, "/api/token/revoke");
        revoke.Headers.Add(header, token);
        Assert.Equal(HttpStatusCode.NoContent, (await browser.SendAsync(revoke)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await SendAsync(browser, HttpMethod.Get, header, token)).StatusCode);
    }

    [Fact]
    public async Task A_changed_password_renews_the_cookie()
    {
        using var browser = NewBrowser();
        var (header, token) = await SignInAsync(browser);
        using var change = new HttpRequestMessage(HttpMethod.Post, "/api/account/password")
        {
            Content = JsonContent.Create(new { currentPassword = Password, newPassword = "an even better one" }),
        };
        change.Headers.Add(header, token);
        var answer = await browser.SendAsync(change);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var renewed = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("antiforgery");
        Assert.Equal(
            HttpStatusCode.OK,
            (
                await SendAsync(
                    browser,
                    HttpMethod.Get,
                    renewed.GetProperty("header").GetString()!,
                    renewed.GetProperty("token").GetString()!
                )
            ).StatusCode
        );
    }

    [Fact]
    public async Task A_mode_that_does_not_exist_is_refused()
    {
        var answer = await site.Client.PostAsJsonAsync(
            "/api/token?mode=carrier-pigeon",
            new { identifier = "a@example.com", password = "b" }
        );
        Assert.Equal(
            "validation_failed",
            (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString()
        );
    }

    private HttpClient NewBrowser() =>
        new(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = site.ClientOptions.BaseAddress };

    private async Task<JsonElement> SignInAnswerAsync(HttpClient browser)
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        await site.PairAsync(email, Password);
        var answer = await browser.PostAsJsonAsync(
            "/api/token?mode=cookie",
            new { identifier = email, password = Password }
        );
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    private async Task<(string Header, string Token)> SignInAsync(HttpClient browser)
    {
        var antiforgery = (await SignInAnswerAsync(browser)).GetProperty("antiforgery");
        return (antiforgery.GetProperty("header").GetString()!, antiforgery.GetProperty("token").GetString()!);
    }

    private static async Task<HttpResponseMessage> SendAsync(
        HttpClient browser,
        HttpMethod method,
        string header,
        string? token
    )
    {
        using var request = new HttpRequestMessage(method, "/api/account");
        if (token is not null)
            request.Headers.TryAddWithoutValidation(header, token);
        return await browser.SendAsync(request);
    }
}
