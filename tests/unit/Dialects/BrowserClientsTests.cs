using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>
/// What clients of dialects need in a browser: CORS for their headers, the cookie from pages that may send it, JSON at
/// unknown paths.
/// </summary>
public sealed class BrowserClientsTests : IAsyncLifetime
{
    private const string Listed = "https://app.example.com",
        Foreign = "https://evil.example",
        Own = "http://localhost:5080",
        Password = "Seven-green-bottles7";

    private sealed class ListedSite() : RunningSite(("Api:AllowedOrigins:0", Listed));

    private readonly RunningSite site = new ListedSite();

    public Task InitializeAsync() => site.InitializeAsync();

    public Task DisposeAsync() => ((IAsyncLifetime)site).DisposeAsync();

    [Theory]
    [InlineData("/auth/login", "POST", "content-type,x-skygear-access-token,x-skygear-api-key,x-skygear-sdk-version")]
    [InlineData("/_login/local", "POST", "content-type,x-kuzzle-volatile,authorization,x-kuzzle-request-id")]
    [InlineData("/authentication", "POST", "accept,content-type,authorization,x-service-method")]
    [InlineData("/authentication/user", "PATCH", "authorization,content-type")]
    [InlineData("/identity/login", "POST", "content-type,x-requested-with")]
    [InlineData("/identity/manage/info", "GET", "x-requested-with,requestverificationtoken")]
    [InlineData("/api/token", "POST", "content-type")]
    [InlineData("/no/such/path", "POST", "content-type,authorization")]
    public async Task A_listed_page_may_send_what_its_client_sends(string path, string method, string headers)
    {
        var answer = await SendAsync(
            HttpMethod.Options,
            path,
            null,
            ("Origin", Listed),
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", headers)
        );
        Assert.Equal(204, answer.Status);
        Assert.Equal(
            (Listed, "true"),
            (answer.Header("Access-Control-Allow-Origin"), answer.Header("Access-Control-Allow-Credentials"))
        );
        var allowed = answer
            .Header("Access-Control-Allow-Headers")!
            .Split(',')
            .Select(h => h.Trim().ToLowerInvariant());
        Assert.Empty(headers.Split(',').Except(allowed));
        var foreign = await SendAsync(
            HttpMethod.Options,
            path,
            null,
            ("Origin", Foreign),
            ("Access-Control-Request-Method", method)
        );
        Assert.Null(foreign.Header("Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData("/no/such/path", "code")]
    [InlineData("/favicon2.ico", "code")]
    [InlineData("/api/nothing", "code")]
    [InlineData("/identity/nothing", "status")]
    [InlineData("/users/a/b", "className")]
    [InlineData("/auth-management/a/b", "className")]
    [InlineData("/authentication/phone", "name")]
    [InlineData("/authentication/init/google", "name")]
    [InlineData("/hook/authentication/nothing", "name")]
    [InlineData("/_adminExists", "requestId")]
    [InlineData("/users/x/_replace", "requestId")]
    [InlineData("/user/nothing", "error")]
    [InlineData("/auth/nothing", "error")]
    [InlineData("/oauth/nothing", "error")]
    public async Task An_unknown_path_answers_programs_in_json_and_in_its_dialects_shape(string path, string field)
    {
        foreach (var accept in new[] { null, "*/*", "application/json", "image/avif,image/webp,*/*;q=0.8", "nonsense" })
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Post, HttpMethod.Delete })
        {
            var answer = await SendAsync(
                method,
                path,
                null,
                [("Origin", Listed), .. accept is null ? [] : new[] { ("Accept", accept) }]
            );
            Assert.True(answer.Status == 404, $"{method} {path} {accept}: {answer.Status}");
            Assert.Contains("json", answer.Header("Content-Type"), StringComparison.Ordinal);
            Assert.True(answer.Json().TryGetProperty(field, out _), answer.Body);
            Assert.Equal(Listed, answer.Header("Access-Control-Allow-Origin"));
        }
        Assert.Null(
            (await SendAsync(HttpMethod.Get, path, null, ("Origin", Foreign))).Header("Access-Control-Allow-Origin")
        );
    }

    [Theory]
    [InlineData("text/html")]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")]
    public async Task An_unknown_path_answers_people_with_a_page(string accept)
    {
        var answer = await SendAsync(HttpMethod.Get, "/no/such/path", null, ("Accept", accept));
        Assert.Equal(404, answer.Status);
        Assert.StartsWith("text/html", answer.Header("Content-Type"), StringComparison.Ordinal);
    }

    // What Microsoft's sample of standalone Blazor WebAssembly with Identity sends (CookieAuthenticationStateProvider,
    // CookieHandler).
    [Theory]
    [InlineData("same-origin", null)] // a GET of the same origin has no Origin
    [InlineData("same-origin", Own)]
    [InlineData("same-site", Listed)]
    [InlineData(null, Listed)] // browsers without fetch metadata
    [InlineData(null, null)]
    public async Task The_cookie_client_of_the_samples_signs_up_in_and_out(string? fetchSite, string? origin)
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        var page = new Page(this, fetchSite, origin);
        Assert.Equal(401, (await page.SendAsync(HttpMethod.Get, "manage/info")).Status);
        Assert.Equal(
            200,
            (await page.SendAsync(HttpMethod.Post, "register", Json(new { email, password = Password }))).Status
        );
        var again = await page.SendAsync(HttpMethod.Post, "register", Json(new { email, password = Password }));
        Assert.Equal(JsonValueKind.Object, again.Json().At("errors").ValueKind);
        Assert.Equal(
            401,
            (
                await page.SendAsync(HttpMethod.Post, "login?useCookies=true", Json(new { email, password = "wrong" }))
            ).Status
        );
        Assert.Equal(
            200,
            (
                await page.SendAsync(HttpMethod.Post, "login?useCookies=true", Json(new { email, password = Password }))
            ).Status
        );

        var info = await page.SendAsync(HttpMethod.Get, "manage/info");
        Assert.Equal((email, false), (info.Text("email"), info.Json().At("isEmailConfirmed").GetBoolean()));
        var roles = await page.SendAsync(HttpMethod.Get, "roles");
        Assert.Equal((200, "[]"), (roles.Status, roles.Body));
        var signedIn = page.Copy();

        // The sample's own call: PostAsync("logout", new StringContent("{}", Encoding.UTF8, "application/json")).
        var out_ = await page.SendAsync(
            HttpMethod.Post,
            "logout",
            new StringContent("{}", Encoding.UTF8, "application/json")
        );
        Assert.Equal((200, ""), (out_.Status, out_.Body));
        Assert.Equal(401, (await page.SendAsync(HttpMethod.Get, "manage/info")).Status);
        // the session is over, not only the cookie
        Assert.Equal(401, (await signedIn.SendAsync(HttpMethod.Get, "manage/info")).Status);
        Assert.Equal(
            401,
            (
                await page.SendAsync(
                    HttpMethod.Post,
                    "logout",
                    new StringContent("{}", Encoding.UTF8, "application/json")
                )
            ).Status
        );
    }

    [Theory]
    [InlineData("cross-site", Foreign, true)]
    [InlineData(null, Foreign, true)]
    [InlineData("same-site", Foreign, true)]
    [InlineData("same-origin", Foreign, true)]
    [InlineData("same-site", null, true)] // a page of another host of this site, by a GET or a form
    [InlineData("cross-site", Listed, true)]
    [InlineData("cross-site", null, true)]
    [InlineData("none", null, true)]
    [InlineData(null, "null", true)]
    [InlineData(null, null, false)] // nothing that a form could not send
    public async Task A_page_that_is_neither_ours_nor_listed_cannot_use_the_cookie(
        string? fetchSite,
        string? origin,
        bool marked
    )
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        var mine = new Page(this, "same-origin", Own);
        await mine.SendAsync(HttpMethod.Post, "register", Json(new { email, password = Password }));
        await mine.SendAsync(HttpMethod.Post, "login?useCookies=true", Json(new { email, password = Password }));
        var theirs = mine.Copy(fetchSite, origin, marked);
        foreach (
            var (method, path, body) in new (HttpMethod, string, object?)[]
            {
                (HttpMethod.Get, "manage/info", null),
                (HttpMethod.Get, "roles", null),
                (HttpMethod.Post, "logout", new { }),
                (HttpMethod.Post, "manage/info", new { newEmail = "thief@example.com" }),
                (HttpMethod.Post, "manage/2fa", new { }),
            }
        )
            Assert.Equal(401, (await theirs.SendAsync(method, path, body is null ? null : Json(body))).Status);
        Assert.Equal(200, (await mine.SendAsync(HttpMethod.Get, "manage/info")).Status);
    }

    [Theory]
    [InlineData("cross-site", Foreign)]
    [InlineData("cross-site", null)]
    [InlineData(null, Foreign)]
    public async Task A_foreign_page_signs_no_browser_in(string? fetchSite, string? origin)
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        await new Page(this, "same-origin", Own).SendAsync(
            HttpMethod.Post,
            "register",
            Json(new { email, password = Password })
        );
        var answer = await new Page(this, fetchSite, origin).SendAsync(
            HttpMethod.Post,
            "login?useCookies=true",
            Json(new { email, password = Password })
        );
        Assert.Equal(403, answer.Status);
        Assert.Empty(answer.Cookies);
    }

    [Fact]
    public async Task The_routes_of_our_own_api_still_want_the_antiforgery_header()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        var page = new Page(this, "same-origin", Own);
        await page.SendAsync(HttpMethod.Post, "register", Json(new { email, password = Password }));
        var login = await page.SendAsync(
            HttpMethod.Post,
            "login?useCookies=true",
            Json(new { email, password = Password })
        );
        Assert.Equal(401, (await page.SendAsync(HttpMethod.Get, "/api/account")).Status);
        Assert.Equal(401, (await page.SendAsync(HttpMethod.Get, "/authentication/user")).Status);
        page.Antiforgery = login.Header("RequestVerificationToken");
        Assert.Equal(200, (await page.SendAsync(HttpMethod.Get, "/api/account")).Status);
    }

    [Fact]
    public async Task A_token_signs_out_by_the_same_call_and_a_key_does_not()
    {
        var pair = await site.PairAsync();
        var bearer = pair.At("accessToken").GetString()!;
        var key = await SendAsync(
            HttpMethod.Post,
            "/api/account/keys",
            Json(new { description = "ci", password = "correct horse battery" }),
            ("Authorization", $"Bearer {bearer}")
        );
        Assert.Equal(
            403,
            (
                await SendAsync(
                    HttpMethod.Post,
                    "/identity/logout",
                    Json(new { }),
                    ("Authorization", $"Bearer {key.Text("key")}")
                )
            ).Status
        );
        Assert.Equal(
            200,
            (
                await SendAsync(
                    HttpMethod.Post,
                    "/identity/logout",
                    Json(new { }),
                    ("Authorization", $"Bearer {bearer}")
                )
            ).Status
        );
        Assert.Equal(
            401,
            (
                await SendAsync(HttpMethod.Get, "/identity/manage/info", null, ("Authorization", $"Bearer {bearer}"))
            ).Status
        );
        Assert.Equal(401, (await SendAsync(HttpMethod.Post, "/identity/logout", Json(new { }))).Status);
    }

    private static HttpContent Json(object body) => JsonContent.Create(body);

    private async Task<Answer> SendAsync(
        HttpMethod method,
        string path,
        HttpContent? body,
        params (string Name, string Value)[] headers
    )
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var answer = await site.Client.SendAsync(request);
        return await Answer.OfAsync(answer);
    }

    /// <summary>A page in a browser: its cookies, and what the browser says of where it is from.</summary>
    private sealed class Page(BrowserClientsTests tests, string? fetchSite, string? origin, bool marked = true)
    {
        private Dictionary<string, string> Cookies { get; init; } = [];

        public string? Antiforgery { get; set; }

        public Page Copy() => Copy(fetchSite, origin, marked);

        public Page Copy(string? otherSite, string? otherOrigin, bool otherMarked) =>
            new(tests, otherSite, otherOrigin, otherMarked) { Cookies = new(Cookies) };

        public async Task<Answer> SendAsync(HttpMethod method, string path, HttpContent? body = null)
        {
            List<(string, string)> headers = [];
            if (Cookies.Count > 0)
                headers.Add(("Cookie", string.Join("; ", Cookies.Select(c => $"{c.Key}={c.Value}"))));
            if (marked)
                headers.Add(("X-Requested-With", "XMLHttpRequest"));
            if (fetchSite is not null)
                headers.Add(("Sec-Fetch-Site", fetchSite));
            if (origin is not null)
                headers.Add(("Origin", origin));
            if (Antiforgery is not null)
                headers.Add(("RequestVerificationToken", Antiforgery));
            var answer = await tests.SendAsync(
                method,
                path.StartsWith('/') ? path : "/identity/" + path,
                body,
                [.. headers]
            );
            foreach (var cookie in answer.Cookies)
            {
                var pair = cookie.Split(';')[0].Split('=', 2);
                if (pair[1].Length == 0)
                    Cookies.Remove(pair[0]);
                else
                    Cookies[pair[0]] = pair[1];
            }
            return answer;
        }
    }
}
