using System.Net;
using BlazorAuth.Core.Data;
using BlazorAuth.Tests;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>The way to a provider and back as a stranger would bend it, over HTTP on both sides.</summary>
public sealed class ProvidersTests() : AuthTest(Store.File), IAsyncLifetime
{
    private const string Jane = "jane@example.net",
        John = "john@example.net",
        Here = "http://localhost:5080";

    private readonly HttpClient outside = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private TestProvider provider = null!,
        other = null!;
    private RunningSite site = null!;

    async Task IAsyncLifetime.InitializeAsync()
    {
        await InitializeAsync();
        (provider, other) = (await TestProvider.StartAsync(), await TestProvider.StartAsync());
        site = await Auth.SiteAsync([
            .. provider.Settings("test", Here),
            .. other.Settings("Other", Here, ("DisplayName", "The <other> one")),
        ]);
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await site.DisposeAsync();
        await provider.DisposeAsync();
        await other.DisposeAsync();
        outside.Dispose();
        await DisposeAsync();
    }

    private Visitor Somebody() => new(site);

    /// <summary>Presses the button; the address of the provider.</summary>
    private static async Task<string> ChallengeAsync(Visitor visitor, string name = "test", string? returnUrl = null)
    {
        var login = await visitor.GetAsync(
            "/login" + (returnUrl is null ? "" : $"?returnUrl={Uri.EscapeDataString(returnUrl)}")
        );
        var form = Visitor.FormsOf(login).Single(f => f.Contains($"/login/external/{name}", StringComparison.Ordinal));
        var action = WebUtility.HtmlDecode(
            System.Text.RegularExpressions.Regex.Match(form, "action=\"([^\"]*)\"").Groups[1].Value
        );
        var answer = await visitor.SendFormAsync(action, form);
        Assert.Equal(303, answer.Status);
        return answer.Location!;
    }

    /// <summary>What the provider sends the browser back to, as a path of the site.</summary>
    private async Task<string> AtProviderAsync(string address)
    {
        using var answer = await outside.GetAsync(address);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.StartsWith(Here + "/login/external/", answer.Headers.Location!.OriginalString, StringComparison.Ordinal);
        return answer.Headers.Location.PathAndQuery;
    }

    private static Task<Answer> BackAsync(Visitor visitor, string path) => visitor.SendAsync(new(HttpMethod.Get, path));

    private async Task<Answer> RoundAsync(Visitor visitor, string name = "test", string? returnUrl = null) =>
        await BackAsync(visitor, await AtProviderAsync(await ChallengeAsync(visitor, name, returnUrl)));

    private static async Task<bool> IsInAsync(Visitor visitor) =>
        (await visitor.GetAsync("/account")).Contains("<h1>Your account</h1>", StringComparison.Ordinal);

    // Without what the host itself makes when it begins.
    private async Task<string> RowsAsync() =>
        string.Join(", ", (await Auth.RowsAsync()).Where(row => row.Key is not ("Keys" or "OneTimeTokens")));

    private static async Task ExpectNothingAsync(
        Visitor visitor,
        Answer answer,
        string sentence,
        string page = "/login"
    )
    {
        Assert.Equal((302, page), (answer.Status, answer.Location));
        Assert.Contains(sentence, WebUtility.HtmlDecode(await visitor.GetAsync(page)), StringComparison.Ordinal);
        if (page == "/login")
            Assert.False(await IsInAsync(visitor));
    }

    private const string NotConfirmed = "test did not confirm who you are, or it took too long. Nothing was changed.";
    private const string NoCookie =
        "This way back from test was used already, began in another browser, or your browser keeps no cookies. Nothing was changed.";

    [Fact]
    public async Task Claims_behind_a_byte_order_mark_and_claims_of_a_hundred_kilobytes_are_read()
    {
        foreach (var (mark, groups) in new[] { ("\ufeff", 1), ("", 100_000) })
        {
            var claims =
                $$"""{{mark}}{"sub":"u-{{groups}}","email":"{{groups}}@example.net","email_verified":true,"groups":"{{new string('g', groups)}}"}""";
            provider.Instead["/userinfo"] = http =>
            {
                http.Response.ContentType = "application/json";
                return http.Response.Body.WriteAsync(System.Text.Encoding.UTF8.GetBytes(claims)).AsTask();
            };
            Assert.Equal("/account", (await RoundAsync(Somebody())).Location);
        }
    }

    [Fact]
    public async Task Somebody_signs_up_and_in_and_comes_to_an_address_of_this_site()
    {
        foreach (
            var (returnUrl, to) in new (string?, string)[]
            {
                (null, "/account"),
                ("/account/email", "/account/email"),
                ("//evil.example", "/account"),
                ("https://evil.example/x", "/account"),
                ("/\t/evil.example", "/account"),
            }
        )
        {
            var visitor = Somebody();
            var answer = await RoundAsync(visitor, returnUrl: returnUrl);
            Assert.Equal((302, to), (answer.Status, answer.Location));
            Assert.True(await IsInAsync(visitor));
        }
        Assert.Equal(Jane, Assert.Single(await Auth.Use((AuthDbContext db) => db.Users.ToListAsync())).Email);
    }

    [Fact]
    public async Task What_is_asked_of_the_provider_is_the_code_flow_with_pkce_and_nothing_else()
    {
        var address = new Uri(await ChallengeAsync(Somebody()));
        Assert.Equal(provider.Url + "/authorize", address.GetLeftPart(UriPartial.Path));
        var query = QueryHelpers.ParseQuery(address.Query).ToDictionary(q => q.Key, q => q.Value.ToString());
        Assert.Equal(
            ["client_id", "code_challenge", "code_challenge_method", "redirect_uri", "response_type", "scope", "state"],
            query.Keys.Order()
        );
        Assert.Equal(
            (TestProvider.ClientId, "S256", $"{Here}/login/external/test/callback", "code", "openid email profile"),
            (
                query["client_id"],
                query["code_challenge_method"],
                query["redirect_uri"],
                query["response_type"],
                query["scope"]
            )
        );
        Assert.DoesNotContain("/account", query["state"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_secret_that_is_taken_in_the_body_only_is_sent_there()
    {
        provider.SecretInBody = true;
        foreach (var _ in new[] { 1, 2 })
            Assert.Equal("/account", (await RoundAsync(Somebody())).Location);
        Assert.Equal(3, provider.Requests.Count(r => r == "/token")); // found out once
    }

    [Fact]
    public async Task No_header_says_where_to_come_back()
    {
        foreach (var header in new[] { "Host", "X-Forwarded-Host", "X-Original-Host", "Forwarded" })
            await ComesBackHereAsync(header);
    }

    private async Task ComesBackHereAsync(string header)
    {
        var visitor = Somebody();
        var form = Visitor
            .FormsOf(await visitor.GetAsync("/login"))
            .First(f => f.Contains("/login/external/test", StringComparison.Ordinal));
        var token = System
            .Text.RegularExpressions.Regex.Match(form, "__RequestVerificationToken\" value=\"([^\"]*)")
            .Groups[1]
            .Value;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/login/external/test")
        {
            Content = new FormUrlEncodedContent([
                new("_handler", "external"),
                new("__RequestVerificationToken", token),
            ]),
        };
        request.Headers.TryAddWithoutValidation(
            header,
            header == "Forwarded" ? "host=evil.example;proto=https"
                : header == "Host" ? "localhost:6666"
                : "evil.example"
        );
        var answer = await visitor.SendAsync(request);
        Assert.Equal(303, answer.Status);
        var uri = QueryHelpers.ParseQuery(new Uri(answer.Location!).Query)["redirect_uri"];
        Assert.Equal($"{Here}/login/external/test/callback", uri);
        // At the exchange too, where the handler of the framework would say the same as the browser's host.
        Assert.Equal("/account", (await BackAsync(visitor, await AtProviderAsync(answer.Location!))).Location);
    }

    [Fact]
    public async Task A_get_or_a_form_without_its_token_goes_nowhere_and_changes_nothing()
    {
        const string path = "/login/external/test?returnUrl=/account";
        var before = await RowsAsync();
        var shown = await Somebody().SendAsync(new(HttpMethod.Get, path));
        Assert.Equal((200, null), (shown.Status, shown.Location));
        Assert.DoesNotContain(shown.Cookies, cookie => cookie.Contains("external", StringComparison.Ordinal));
        var forged = await Somebody()
            .SendAsync(
                new(HttpMethod.Post, path) { Content = new FormUrlEncodedContent([new("_handler", "external")]) }
            );
        Assert.Equal((400, null), (forged.Status, forged.Location));
        Assert.Contains("Continue with test", forged.Body, StringComparison.Ordinal);
        Assert.Equal(before, await RowsAsync());
    }

    [Fact]
    public async Task A_provider_that_is_not_configured_is_not_there()
    {
        var visitor = Somebody();
        var form = Visitor.FormOf(await visitor.GetAsync("/login/external/test"), "external");
        foreach (var name in new[] { "nobody", "External.test", "Browser", "nobody/callback?code=x&state=y" })
        {
            Assert.Equal(404, (await visitor.SendAsync(new(HttpMethod.Get, "/login/external/" + name))).Status);
            Assert.InRange((await visitor.SendFormAsync("/login/external/" + name, form)).Status, 400, 499);
        }
    }

    [Fact]
    public async Task A_callback_in_a_browser_that_did_not_begin_it_is_refused()
    {
        var evil = Somebody();
        // the stranger's own code and state, sent to the victim
        var back = await AtProviderAsync(await ChallengeAsync(evil));
        var victim = Somebody();
        await ChallengeAsync(victim);
        var before = await RowsAsync();
        await ExpectNothingAsync(victim, await BackAsync(victim, back), NotConfirmed);
        Assert.Equal(before, await RowsAsync());
        Assert.DoesNotContain("/token", provider.Requests);
    }

    [Fact]
    public async Task A_callback_works_once_also_with_the_cookies_of_before()
    {
        var visitor = Somebody();
        var back = await AtProviderAsync(await ChallengeAsync(visitor));
        var thief = visitor.Copy();
        Assert.Equal("/account", (await BackAsync(visitor, back)).Location);
        await ExpectNothingAsync(thief, await BackAsync(thief, back), NotConfirmed);
        Assert.Equal("/login", (await BackAsync(visitor, back)).Location); // tells it, and stays signed in
        Assert.True(await IsInAsync(visitor));
        Assert.Equal(1, await Auth.Use((AuthDbContext db) => db.Sessions.CountAsync()));
    }

    [Fact]
    public async Task Of_twenty_callbacks_at_once_one_signs_in()
    {
        var visitor = Somebody();
        var back = await AtProviderAsync(await ChallengeAsync(visitor));
        var answers = await RaceAsync(20, _ => BackAsync(visitor.Copy(), back));
        Assert.Equal(
            [("/account", 1), ("/login", 19)],
            answers.GroupBy(a => a.Location!).Select(g => (g.Key, g.Count())).OrderBy(g => g.Key)
        );
        Assert.Equal(1, await Auth.Use((AuthDbContext db) => db.Sessions.CountAsync()));
    }

    [Fact]
    public async Task Somebody_elses_code_is_refused()
    {
        provider.Person = new()
        {
            ["sub"] = "victim",
            ["email"] = John,
            ["email_verified"] = true,
        };
        var stolen = QueryHelpers
            .ParseQuery(new Uri(Here + await AtProviderAsync(await ChallengeAsync(Somebody()))).Query)["code"]
            .ToString();
        var evil = Somebody();
        var own = await AtProviderAsync(await ChallengeAsync(evil));
        await ExpectNothingAsync(
            evil,
            await BackAsync(
                evil,
                QueryHelpers.AddQueryString(
                    "/login/external/test/callback",
                    new Dictionary<string, string?>
                    {
                        ["code"] = stolen,
                        ["state"] = QueryHelpers.ParseQuery(new Uri(Here + own).Query)["state"],
                    }
                )
            ),
            NotConfirmed
        ); // the code is bound to the browser that asked for it (RFC 7636)
        Assert.Empty(await Auth.Use((AuthDbContext db) => db.Users.ToListAsync()));
    }

    [Fact]
    public async Task What_one_provider_said_is_not_taken_for_anothers()
    {
        var visitor = Somebody();
        var back = await AtProviderAsync(await ChallengeAsync(visitor));
        var mixed = back.Replace("/external/test/", "/external/Other/", StringComparison.Ordinal);
        await ExpectNothingAsync(
            visitor,
            await BackAsync(visitor, mixed),
            "The <other> one did not confirm who you are"
        );
        Assert.DoesNotContain("/token", other.Requests);
        Assert.Equal("/account", (await RoundAsync(visitor, "Other")).Location);
        Assert.Equal("other", (await Auth.Use((AuthDbContext db) => db.UserLogins.SingleAsync())).LoginProvider);
    }

    [Fact]
    public async Task A_callback_of_nobody_is_told_plainly()
    {
        var visitor = Somebody();
        foreach (
            var query in new[]
            {
                "",
                "?code=x",
                "?state=x&code=x",
                "?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E",
                "?state=%00&code=%00",
                "?state=a&state=b&code=c&code=d",
                "?state[]=a&code=%C3%28",
                "?state=" + new string('x', 5000),
            }
        )
        {
            await ExpectNothingAsync(
                visitor,
                await BackAsync(visitor, "/login/external/test/callback" + query),
                NoCookie
            );
            Assert.Equal(
                404,
                (await visitor.SendAsync(new(HttpMethod.Post, "/login/external/test/callback" + query))).Status
            );
        }
    }

    [Fact]
    public async Task A_refusal_of_the_provider_is_told_in_words_of_ours_and_forgets_no_return_address()
    {
        foreach (
            var (error, sentence) in new[]
            {
                ("access_denied", "You did not go on at test. Nothing was changed."),
                ("server_error", NotConfirmed),
                ("invalid_scope\r\nforged", NotConfirmed),
            }
        )
        {
            provider.Refuses = error;
            var visitor = Somebody();
            var answer = await RoundAsync(visitor, returnUrl: "/account/email");
            Assert.Equal((302, "/login?returnUrl=%2Faccount%2Femail"), (answer.Status, answer.Location));
            var page = await visitor.GetAsync(answer.Location!);
            Assert.Contains(sentence, page, StringComparison.Ordinal);
            foreach (var theirs in new[] { "forged", "alert(1)" })
                Assert.DoesNotContain(theirs, page, StringComparison.Ordinal);
        }
    }

    private static readonly string[] NoToken =
    [
        "500",
        "text",
        "empty",
        "array",
        "huge",
        "deep",
        "redirect",
        "cut",
        """{"access_token":null}""",
        """{"access_token":["a"]}""",
        """{"access_token":"a\r\nX-Evil: 1"}""",
        """{"access_token":"\ud800"}""",
        """{"access_token":"\u20ac"}""",
        """{"error":"bad_verification_code"}""",
    ];

    private static readonly string[] NoClaims =
    [
        "500",
        "text",
        "empty",
        "array",
        "huge",
        "redirect",
        "cut",
        "{}",
        """{"sub":null}""",
        """{"sub":""}""",
        """{"sub":"  "}""",
        """{"sub":{"a":1}}""",
        """{"sub":true}""",
        """{"sub":1.5}""",
        """{"sub":1e400}""",
        """{"sub":"a\u0000b"}""",
        """{"sub":"\ud800"}""",
    ];

    [Theory]
    [InlineData("/token")]
    [InlineData("/userinfo")]
    public async Task A_provider_that_answers_nonsense_is_no_fault_of_ours_and_changes_nothing(string path)
    {
        var visitor = Somebody();
        foreach (var nonsense in path == "/token" ? NoToken : NoClaims)
        {
            provider.Instead[path] = http => AnswerAsync(http, nonsense);
            await ExpectNothingAsync(visitor, await RoundAsync(visitor), NotConfirmed);
            Assert.Empty(await Auth.Use((AuthDbContext db) => db.Users.ToListAsync()));
        }
        provider.Instead.Clear();
        Assert.Equal("/account", (await RoundAsync(visitor)).Location);
    }

    private static async Task AnswerAsync(HttpContext http, string answer)
    {
        http.Response.ContentType = answer == "text" ? "text/html" : "application/json";
        if (answer == "500")
            http.Response.StatusCode = 500;
        if (answer == "redirect")
            http.Response.Redirect("/elsewhere");
        else if (answer == "cut")
        {
            http.Response.ContentLength = 100;
            await http.Response.WriteAsync("{");
            await http.Response.Body.FlushAsync();
            http.Abort();
        }
        else if (answer != "empty")
            await http.Response.WriteAsync(
                answer switch
                {
                    "500" => """{"sub":"x","access_token":"x"}""",
                    "text" => "<p>down for maintenance</p>",
                    "array" => """[{"sub":"x","access_token":"x"}]""",
                    "huge" => $$"""{"sub":"x","access_token":"x","more":"{{new string('x', 1_100_000)}}"}""",
                    "deep" => new string('[', 5000),
                    var json => json,
                }
            );
    }

    [Fact]
    public async Task A_provider_that_does_not_answer_is_waited_for_no_longer_than_ten_seconds()
    {
        provider.Instead["/token"] = http => Task.Delay(TimeSpan.FromSeconds(30), http.RequestAborted);
        var visitor = Somebody();
        var back = await AtProviderAsync(await ChallengeAsync(visitor));
        var began = System.Diagnostics.Stopwatch.StartNew();
        await ExpectNothingAsync(visitor, await BackAsync(visitor, back), NotConfirmed);
        Assert.InRange(began.Elapsed.TotalSeconds, 9, 20);
        var later = await AtProviderAsync(await ChallengeAsync(visitor));
        await provider.DisposeAsync(); // and one that is away, at once
        provider = await TestProvider.StartAsync();
        await ExpectNothingAsync(visitor, await BackAsync(visitor, later), NotConfirmed);
    }

    [Fact]
    public async Task A_round_that_took_too_long_is_refused()
    {
        var visitor = Somebody();
        var back = await AtProviderAsync(await ChallengeAsync(visitor));
        Auth.Clock.Move(TimeSpan.FromMinutes(10) + TimeSpan.FromSeconds(1));
        await ExpectNothingAsync(visitor, await BackAsync(visitor, back), NotConfirmed);
        Assert.DoesNotContain("/token", provider.Requests);
    }

    [Fact]
    public async Task An_address_is_verified_where_the_provider_says_so()
    {
        foreach (
            var (i, (said, verified)) in new (object?, bool)[]
            {
                ("yes", false),
                ("true", true),
                ("True", true),
                (true, true),
                (1, false),
                (false, false),
                (null, false),
            }.Index()
        )
        {
            provider.Person = new()
            {
                ["sub"] = 12345678900L + i,
                ["email"] = $"{i}@example.net",
                ["email_verified"] = said,
            };
            Assert.Equal("/account", (await RoundAsync(Somebody())).Location);
            Assert.Equal((i, verified), (i, (await Auth.UserAsync($"{i}@example.net")).EmailConfirmed));
        }
        Assert.Contains(
            "12345678906",
            await Auth.Use((AuthDbContext db) => db.UserLogins.Select(l => l.ProviderKey).ToListAsync())
        );
    }

    [Fact]
    public async Task Nothing_of_the_providers_secrets_is_kept()
    {
        await Auth.MemberAsync(Jane);
        Assert.Equal("/account", (await RoundAsync(Somebody())).Location);
        provider.Instead["/userinfo"] = http => AnswerAsync(http, "text");
        await RoundAsync(Somebody());
        await Auth.DeliverAsync();
        Assert.NotEmpty(provider.Issued);
        foreach (var file in Directory.EnumerateFiles(Auth.Folder, "*", SearchOption.AllDirectories))
        {
            var text = System.Text.Encoding.Latin1.GetString(await ReadAsync(file));
            Assert.All(
                provider.Issued.Append(TestProvider.ClientSecret),
                secret => Assert.DoesNotContain(secret, text, StringComparison.Ordinal)
            );
        }
        Assert.Empty(await Auth.Use((AuthDbContext db) => db.UserTokens.ToListAsync()));
        Assert.Empty(await Auth.Use((AuthDbContext db) => db.UserClaims.ToListAsync()));
        Assert.All(
            Auth.Mail.Sent,
            mail =>
                Assert.All(
                    provider.Issued,
                    secret => Assert.DoesNotContain(secret, mail.Content.Text, StringComparison.Ordinal)
                )
        );
    }

    private static async Task<byte[]> ReadAsync(string path)
    {
        await using var file = new FileStream(
            path,
            FileMode.Open,
            FileAccess.Read,
            FileShare.ReadWrite | FileShare.Delete
        );
        using var copy = new MemoryStream();
        await file.CopyToAsync(copy);
        return copy.ToArray();
    }

    [Fact]
    public async Task The_second_factor_is_asked_for_on_the_way()
    {
        await Auth.AuthenticatorAsync(await Auth.MemberAsync(Jane));
        var visitor = Somebody();
        Assert.Equal(
            "/login/second-factor?returnUrl=%2Faccount%2Femail",
            (await RoundAsync(visitor, returnUrl: "/account/email")).Location
        );
        Assert.False(await IsInAsync(visitor));
        Assert.Empty(await Auth.Use((AuthDbContext db) => db.UserLogins.ToListAsync()));
    }

    [Fact]
    public async Task A_signed_in_browser_links_and_unlinks_and_nobody_else_comes_back_for_it()
    {
        await Auth.MemberAsync(John);
        await Auth.MemberAsync(Jane, OtherPassword);
        var john = Somebody();
        await john.SignInAsync(John, Password);
        provider.Person = new() { ["sub"] = "u-9" };
        var left = await john.FillInAsync("/account/providers", "providers", ("link", "test"));
        Assert.Equal(303, left.Status);
        var back = await AtProviderAsync(left.Location!);

        var jane = john.Copy(); // the same browser, where somebody else signs in meanwhile
        await jane.FillInAsync("/logout", "logout");
        await jane.SignInAsync(Jane, OtherPassword);
        var taken = await BackAsync(jane, back);
        Assert.Equal("/account/providers", taken.Location);
        Assert.Contains("Your session has ended", await jane.GetAsync("/account/providers"), StringComparison.Ordinal);
        Assert.Empty(await Auth.Use((AuthDbContext db) => db.UserLogins.ToListAsync()));

        await john.SignInAsync(John, Password);
        var again = await john.FillInAsync("/account/providers", "providers", ("link", "test"));
        Assert.Equal("/account/providers", (await BackAsync(john, await AtProviderAsync(again.Location!))).Location);
        Assert.Contains(
            "You can now sign in with test.",
            await john.GetAsync("/account/providers"),
            StringComparison.Ordinal
        );
        Assert.Equal("/account", (await RoundAsync(Somebody())).Location); // the provider gave no address at all
        Assert.Equal(
            "/account/providers",
            (await john.FillInAsync("/account/providers", "providers", ("unlink", "test"))).Location
        );
        Assert.Contains(
            "You can no longer sign in with test.",
            await john.GetAsync("/account/providers"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Linking_asks_first_who_it_is_and_who_has_nothing_else_confirms_by_the_provider()
    {
        var visitor = Somebody();
        await RoundAsync(visitor);
        Assert.Contains("<dt>Password</dt><dd>None</dd>", await visitor.GetAsync("/account"), StringComparison.Ordinal);
        Auth.Clock.Move(TimeSpan.FromMinutes(16));
        var asked = await visitor.FillInAsync("/account/providers", "providers", ("link", "Other"));
        Assert.Equal("/account/step-up?returnUrl=%2Faccount%2Fproviders", asked.Location);
        var left = await visitor.FillInAsync(asked.Location!, "step-up-provider", ("provider", "test"));
        Assert.Equal("login", QueryHelpers.ParseQuery(new Uri(left.Location!).Query)["prompt"]);

        var person = provider.Person;
        provider.Person = new() { ["sub"] = "another" };
        await ExpectNothingAsync(
            visitor,
            await BackAsync(visitor, await AtProviderAsync(left.Location!)),
            "That is not the test account that is linked to yours.",
            asked.Location!
        );
        provider.Person = person;
        left = await visitor.FillInAsync(asked.Location!, "step-up-provider", ("provider", "test"));
        var old = visitor.Copy();
        Assert.Equal("/account/providers", (await BackAsync(visitor, await AtProviderAsync(left.Location!))).Location);
        Assert.Equal("", await old.GetAsync("/account")); // the cookie from before is worthless

        // The first password needs a sign-in at the provider that is made for it, however fresh the other one is.
        var act = await visitor.FillInAsync("/account/password", "password", ("new-password", Password));
        Assert.Equal("/account/step-up?returnUrl=%2Faccount%2Fpassword", act.Location);
        left = await visitor.FillInAsync(act.Location!, "step-up-provider", ("provider", "test"));
        Assert.Equal("/account/password", (await BackAsync(visitor, await AtProviderAsync(left.Location!))).Location);
        Assert.Equal(
            "/account",
            (await visitor.FillInAsync("/account/password", "password", ("new-password", Password))).Location
        );
        await Somebody().SignInAsync(Jane, Password);
        var last = await visitor.FillInAsync("/account/providers", "providers", ("unlink", "test"));
        Assert.Equal((303, "/account/providers"), (last.Status, last.Location));
    }

    [Fact]
    public async Task The_last_way_in_and_a_link_that_is_not_there_are_told_on_the_page()
    {
        var visitor = Somebody();
        await RoundAsync(visitor);
        var last = await visitor.FillInAsync("/account/providers", "providers", ("unlink", "test"));
        Assert.Equal(422, last.Status);
        Assert.Contains("This is the last way into your account.", last.Body, StringComparison.Ordinal);
        foreach (
            var (button, value) in new[] { ("unlink", "Other"), ("unlink", ""), ("link", "nobody"), ("other", "test") }
        )
            Assert.Equal(
                (button, value, 422),
                (button, value, (await visitor.FillInAsync("/account/providers", "providers", (button, value))).Status)
            );
    }

    [Fact]
    public async Task A_taken_address_is_told_and_where_to_go()
    {
        await Auth.MemberAsync(Jane);
        provider.Person = new() { ["sub"] = "u-1", ["email"] = Jane };
        var visitor = Somebody();
        await ExpectNothingAsync(visitor, await RoundAsync(visitor), "Sign in to it first, then link test there.");
    }

    [Fact]
    public async Task Over_tls_the_cookie_of_a_round_is_of_this_host_only_and_the_policy_lets_the_form_go()
    {
        await using var secure = await Auth.SiteAsync([
            ("PublicUrl", AuthFixture.Site),
            .. provider.Settings("test", AuthFixture.Site),
        ]);
        var visitor = new Visitor(secure);
        var answer = await visitor.FillInAsync("/login/external/test", "external");
        var cookie = Assert.Single(answer.Cookies, c => c.Contains("external", StringComparison.Ordinal));
        Assert.Matches("^__Host-external\\.[A-Za-z0-9_-]{43}=N;", cookie);
        foreach (var attribute in new[] { "path=/;", "secure", "httponly", "samesite=lax" })
            Assert.Contains(attribute, cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("domain", cookie, StringComparison.OrdinalIgnoreCase);
        var page = await visitor.SendAsync(new(HttpMethod.Get, "/login"));
        Assert.Contains(
            $"form-action 'self' {provider.Url};",
            page.Header("Content-Security-Policy"),
            StringComparison.Ordinal
        );
        Assert.Equal(
            $"{AuthFixture.Site}/login/external/test/callback",
            QueryHelpers.ParseQuery(new Uri(answer.Location!).Query)["redirect_uri"]
        );
    }
}
