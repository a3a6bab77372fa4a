using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.RegularExpressions;
using BlazorAuth.EndToEndTests.Support;
using Microsoft.Playwright;

namespace BlazorAuth.EndToEndTests;

/// <summary>
/// The module <c>/blazorauth.js</c> in pages of the site, under the site's own content security policy.
/// </summary>
public sealed class TheBrowserModule(Browser browser) : IClassFixture<Browser>
{
    private const string Password = "a quiet first morning",
        Refresh = "/api/token/refresh";
    private static readonly (string Key, string Value) Short = ("BlazorAuth__Tokens__AccessTokenLifetime", "00:00:02");

    [Fact]
    public async Task The_whole_surface()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        List<string> faults = [];
        page.Console += (_, message) =>
        {
            if (message.Type == "error" && !message.Text.Contains("status of 4", StringComparison.Ordinal))
                faults.Add(message.Text);
        };
        await OpenAsync(page, "memory");
        var told = JsonElement.Parse(
            await page.EvaluateAsync<string>(
                """
                async password => {
                  const { AuthError } = await import("/blazorauth.js"), told = {};
                  const refused = async act => { try { await act(); } catch (fault) { if (fault instanceof AuthError) return fault; throw fault; } };
                  const email = "ada@example.com";
                  told.signedUp = (await auth.signUp({ email, password, displayName: "Ada" })).email;
                  told.nobody = [auth.currentUser, await auth.whoAmI()];
                  const wrong = await refused(() => auth.signIn(email, "wrong"));
                  told.wrong = [wrong.code, wrong.status, wrong.retryAfter, wrong.traceId.length > 0];
                  told.malformed = (await refused(() => auth.signUp({ email: "no", password }))).errors.email[0];
                  told.signedIn = (await auth.signIn(email, password)).user.displayName;
                  told.current = auth.currentUser.email;
                  told.sessions = (await (await auth.fetch("/api/account/sessions")).json()).length;
                  told.patched = (await auth.fetch("/api/account", { method: "PATCH", headers: { "Content-Type": "application/json" }, body: '{"displayName":"Countess"}' })).status;
                  told.whoAmI = (await auth.whoAmI()).displayName;
                  told.notChanged = (await refused(() => auth.changePassword("wrong", "an even quieter second"))).code;
                  told.changed = (await auth.changePassword(password, "an even quieter second")).email;
                  told.after = (await auth.whoAmI()).email;
                  told.notUpgraded = await auth.upgrade({ email, password }).catch(fault => fault.name);
                  const nobody = await auth.signInAnonymously({ cart: [7] });
                  const named = await auth.upgrade({ email: "cart@example.com", password });
                  told.upgraded = [nobody.isAnonymous, named.id === nobody.id, auth.currentUser.email, named.profile.cart[0]];
                  told.out = [await auth.signOut(), auth.currentUser, (await auth.fetch("/api/account")).status];
                  told.heard = heard.map(change => change.reason).join(" ");
                  told.members = Object.keys(auth);
                  return JSON.stringify(told);
                }
                """,
                Password
            )
        );
        Assert.Equal(
            """{"signedUp":"ada@example.com","nobody":[null,null],"wrong":["invalid_credentials",401,null,true],"malformed":"Must be an e-mail address.","signedIn":"Ada","current":"ada@example.com","sessions":1,"patched":200,"whoAmI":"Countess","notChanged":"invalid_credentials","changed":"ada@example.com","after":"ada@example.com","notUpgraded":"TypeError","upgraded":[true,true,"cart@example.com",7],"out":[true,null,401],"heard":"signedIn updated signedIn updated signedOut" """.Trim(),
            told.GetRawText().Split(",\"members\"")[0]
        );
        Assert.Empty(faults);

        var declared = Regex
            .Match(
                Repository.Read("src/BlazorAuth.Web/wwwroot/blazorauth.d.ts"),
                @"interface Client \{(.*?)\n\}",
                RegexOptions.Singleline
            )
            .Groups[1]
            .Value;
        Assert.Equal(
            Regex
                .Matches(declared, @"^  (?:readonly )?(\w+)[(:]", RegexOptions.Multiline)
                .Select(member => member.Groups[1].Value)
                .Order(),
            told.GetProperty("members").EnumerateArray().Select(member => member.GetString()!).Order()
        );
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)] // a browser without locks: the leeway of the service gives both tabs the same pair
    public async Task Two_tabs_that_refresh_at_once_stay_signed_in(bool locks)
    {
        await using var host = await Host.StartAsync(settings: [(Short.Key, "00:00:06")]);
        var one = await browser.PersonAsync(host.Url);
        if (!locks)
            await one.Context.AddInitScriptAsync("Object.defineProperty(navigator, 'locks', { value: undefined })");
        var sent = Watch(one.Context);
        await OpenAsync(one, "localStorage");
        await SignUpAndInAsync(one);
        var two = await TabAsync(one, "localStorage");
        Assert.Equal("ada@example.com", await two.EvaluateAsync<string>("auth.currentUser.email"));
        for (var round = 1; round <= 2; round++)
        {
            // the access token's life, long enough for a slow machine to be done within the next one
            await Task.Delay(6200);
            sent.Clear();
            var answers = await Task.WhenAll(
                new[] { one, two }.Select(tab =>
                    tab.EvaluateAsync<int[]>(
                        "async () => (await Promise.all([1,2,3,4,5].map(() => auth.fetch('/api/account')))).map(a => a.status)"
                    )
                )
            );
            Assert.All(answers.SelectMany(statuses => statuses), status => Assert.Equal(200, status));
            Assert.InRange(sent.Count(path => path == Refresh), 1, locks ? 1 : 2);
        }
        Assert.Equal(["signedIn"], await HeardAsync(one));
        Assert.Empty(await HeardAsync(two));
        var tokens = await Task.WhenAll(
            new[] { one, two }.Select(tab =>
                tab.EvaluateAsync<string>("JSON.parse(Object.values(localStorage)[0]).refreshToken")
            )
        );
        Assert.Equal(tokens[0], tokens[1]);
    }

    [Fact]
    public async Task A_sign_in_and_a_sign_out_in_one_tab_are_seen_by_the_other()
    {
        await using var host = await Host.StartAsync();
        var one = await browser.PersonAsync(host.Url);
        await OpenAsync(one, "localStorage");
        var two = await TabAsync(one, "localStorage");
        await SignUpAndInAsync(one);
        await two.WaitForFunctionAsync("auth.currentUser?.email === 'ada@example.com'");
        Assert.True(await one.EvaluateAsync<bool>("auth.signOut()"));
        await two.WaitForFunctionAsync("heard.length === 2 && auth.currentUser === null");
        Assert.Equal(["signedIn", "signedOut"], await HeardAsync(two));
        Assert.Equal(401, await two.EvaluateAsync<int>("auth.fetch('/api/account').then(a => a.status)"));
        Assert.Equal(0, await two.EvaluateAsync<int>("localStorage.length"));
    }

    [Fact]
    public async Task A_session_ended_elsewhere_is_told_with_its_reason_in_every_tab()
    {
        await using var host = await Host.StartAsync(settings: [Short]);
        var one = await browser.PersonAsync(host.Url);
        await OpenAsync(one, "localStorage");
        await SignUpAndInAsync(one);
        var two = await TabAsync(one, "localStorage");
        var elsewhere = await browser.PersonAsync(host.Url);
        await OpenAsync(elsewhere, "memory");
        await elsewhere.EvaluateAsync(
            "password => auth.signIn('ada@example.com', password).then(() => auth.fetch('/api/account/sessions', { method: 'DELETE' }))",
            Password
        );
        await Task.Delay(2500);
        Assert.Null(await one.EvaluateAsync<string?>("auth.whoAmI()"));
        foreach (var tab in new[] { one, two })
        {
            await tab.WaitForFunctionAsync("heard.at(-1)?.reason === 'ended'");
            Assert.Equal("session_revoked", await tab.EvaluateAsync<string>("heard.at(-1).code"));
        }
    }

    [Fact]
    public async Task Offline_signs_nobody_out_and_back_online_it_goes_on()
    {
        await using var host = await Host.StartAsync(settings: [Short]);
        var page = await browser.PersonAsync(host.Url);
        await OpenAsync(page, "localStorage");
        await SignUpAndInAsync(page);
        await Task.Delay(2500);
        await page.Context.SetOfflineAsync(true);
        Assert.Equal(
            "TypeError",
            await page.EvaluateAsync<string>("auth.fetch('/api/account').catch(fault => fault.name)")
        );
        Assert.Equal("ada@example.com", await page.EvaluateAsync<string>("auth.currentUser.email"));
        await page.Context.SetOfflineAsync(false);
        Assert.Equal(200, await page.EvaluateAsync<int>("auth.fetch('/api/account').then(a => a.status)"));
        Assert.Equal(["signedIn"], await HeardAsync(page));
        await page.Context.SetOfflineAsync(true);
        Assert.False(await page.EvaluateAsync<bool>("auth.signOut()"));
        Assert.True(await page.EvaluateAsync<bool>("auth.currentUser === null && localStorage.length === 0"));
    }

    [Fact]
    public async Task A_lost_refresh_answer_is_asked_for_again()
    {
        await using var host = await Host.StartAsync(settings: [Short]);
        var page = await browser.PersonAsync(host.Url);
        await OpenAsync(page, "memory");
        await SignUpAndInAsync(page);
        var lost = 0;
        await page.RouteAsync(
            "**" + Refresh,
            async route =>
            {
                if (Interlocked.Increment(ref lost) > 1)
                {
                    await route.ContinueAsync();
                    return;
                }
                Assert.True((await route.FetchAsync()).Ok); // the service has rotated it, and nobody hears
                await route.AbortAsync();
            }
        );
        await Task.Delay(2500);
        Assert.Equal(200, await page.EvaluateAsync<int>("auth.fetch('/api/account').then(a => a.status)"));
        Assert.Equal(2, lost);
        Assert.Equal(["signedIn"], await HeardAsync(page));
    }

    [Fact]
    public async Task What_is_kept_where()
    {
        await using var host = await Host.StartAsync(settings: [Short]);
        var page = await browser.PersonAsync(host.Url);
        var sent = Watch(page.Context);
        await OpenAsync(page, "memory");
        await SignUpAndInAsync(page);
        Assert.Equal(0, await page.EvaluateAsync<int>("localStorage.length + sessionStorage.length"));
        await OpenAsync(page, "memory");
        Assert.True(await page.EvaluateAsync<bool>("auth.currentUser === null"));

        await OpenAsync(page, "sessionStorage");
        await page.EvaluateAsync("password => auth.signIn('ada@example.com', password)", Password);
        await OpenAsync(page, "sessionStorage");
        Assert.Equal("ada@example.com", await page.EvaluateAsync<string>("auth.currentUser.email"));

        // A duplicated tab has a copy of the session: it must take the pair that the other one got.
        var copy = await page.RunAndWaitForPopupAsync(() => page.EvaluateAsync("void open('/')"));
        await OpenAsync(copy, "sessionStorage", go: false);
        await Task.Delay(2500);
        sent.Clear();
        Assert.Equal(200, await page.EvaluateAsync<int>("auth.fetch('/api/account').then(a => a.status)"));
        var pair = await page.EvaluateAsync<string>("Object.values(sessionStorage)[0]");
        await copy.WaitForFunctionAsync("pair => Object.values(sessionStorage)[0] === pair", pair);
        Assert.Equal(200, await copy.EvaluateAsync<int>("auth.fetch('/api/account').then(a => a.status)"));
        Assert.Equal(1, sent.Count(path => path == Refresh));
        Assert.True(await copy.EvaluateAsync<bool>("auth.signOut()"));
        await page.WaitForFunctionAsync("heard.at(-1)?.reason === 'signedOut' && sessionStorage.length === 0");
    }

    [Fact]
    public async Task The_token_goes_to_the_service_and_the_named_origins_and_nowhere_else()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        var seen = new ConcurrentDictionary<string, string?>();
        // The site's policy lets its pages connect nowhere else; an application's own page may.
        await page.RouteAsync(
            "**/app",
            route => route.FulfillAsync(new() { ContentType = "text/html", Body = "<!doctype html><title>App</title>" })
        );
        await page.RouteAsync(
            "http://*.example/**",
            async route =>
            {
                if (route.Request.Method == "GET")
                    seen[new Uri(route.Request.Url).Host] = await route.Request.HeaderValueAsync("Authorization");
                await route.FulfillAsync(
                    new()
                    {
                        Headers = new Dictionary<string, string>
                        {
                            ["Access-Control-Allow-Origin"] = "*",
                            ["Access-Control-Allow-Headers"] = "authorization",
                        },
                    }
                );
            }
        );
        await page.GotoAsync("/app");
        await CreateAsync(page, "{ storage: 'memory', origins: ['http://friend.example/'] }");
        await SignUpAndInAsync(page);
        await page.EvaluateAsync(
            "Promise.all(['friend', 'stranger'].map(name => auth.fetch(`http://${name}.example/`)))"
        );
        Assert.StartsWith("Bearer ey", seen["friend.example"], StringComparison.Ordinal);
        Assert.Null(seen["stranger.example"]);
    }

    [Fact]
    public async Task What_comes_back_late_is_nobody_elses()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        await OpenAsync(page, "localStorage");
        await SignUpAndInAsync(page);
        var told = await page.EvaluateAsync<string>(
            """
            async password => {
              const real = window.fetch, told = [];
              // What happens between a request and its answer.
              const meanwhile = (path, act) => window.fetch = async (input, init) => {
                const answer = await real(input, init);
                if (new URL(input.url ?? input, location).pathname !== path) return answer;
                window.fetch = real;
                return await act(answer) ?? answer;
              };
              const expire = () => {
                const [key] = Object.keys(localStorage), kept = JSON.parse(localStorage[key]);
                localStorage[key] = JSON.stringify({ ...kept, expiresAt: 0 });
              };
              const refused = code => new Response(JSON.stringify({ code }), { status: 401 });
              await auth.signUp({ email: "bea@example.com", password });

              meanwhile("/api/account", async () => {
                await auth.signIn("bea@example.com", password);
                return refused("access_token_expired");
              });
              told.push((await auth.fetch("/api/account")).status, auth.currentUser.email); // not answered as Bea

              expire();
              meanwhile("/api/token/refresh", async () => void await auth.signOut());
              told.push((await auth.fetch("/api/account")).status, auth.currentUser, localStorage.length); // and nobody is brought back

              await auth.signIn("bea@example.com", password);
              let beside;
              meanwhile("/api/account/password", async () => {
                beside = auth.fetch("/api/account"); // refused for the old token, before the new one is here
                await new Promise(done => setTimeout(done, 300));
              });
              await auth.changePassword(password, "an even quieter second");
              told.push((await beside).status, auth.currentUser.email);
              return JSON.stringify(told);
            }
            """,
            Password
        );
        Assert.Equal("""[401,"bea@example.com",401,null,0,200,"bea@example.com"]""", told);
        Assert.DoesNotContain("ended", await HeardAsync(page));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // a page of another origin, which the site lists
    public async Task The_sample_of_the_readme_runs(bool elsewhere)
    {
        var origin = $"http://localhost:{Host.FreePort()}";
        await using var host = await Host.StartAsync(settings: [("BlazorAuth__Api__AllowedOrigins__0", origin)]);
        var sample = Regex
            .Match(Repository.Read("README.md"), "```js sample\n(.*?)```", RegexOptions.Singleline)
            .Groups[1]
            .Value;
        Assert.Equal(10, sample.Trim().Split('\n').Length);
        var page = await browser.PersonAsync(host.Url);
        List<string> printed = [];
        page.Console += (_, message) => printed.Add(message.Text);
        sample = sample.Replace("http://localhost:5080", host.Url, StringComparison.Ordinal);
        // A real server for the other origin: a page that comes from no address may not ask a local one.
        using var server = elsewhere ? Serve(origin, sample) : null;
        if (!elsewhere)
            await page.RouteAsync(
                "**/sample.js",
                route => route.FulfillAsync(new() { ContentType = "text/javascript", Body = sample })
            );
        await page.GotoAsync(elsewhere ? origin + "/" : "/");
        await page.EvaluateAsync("import('/sample.js')");
        Assert.Equal(
            ["signedIn ada@example.com", "1 session", "signedOut nobody"],
            printed.Where(line => !line.Contains("status of 4", StringComparison.Ordinal))
        );
    }

    private static System.Net.HttpListener Serve(string origin, string script)
    {
        var listener = new System.Net.HttpListener { Prefixes = { origin + "/" } };
        listener.Start();
        _ = Task.Run(async () =>
        {
            while (listener.IsListening)
            {
                var asked = await listener.GetContextAsync(); // ends with the listener
                var isScript = asked.Request.Url!.AbsolutePath == "/sample.js";
                asked.Response.ContentType = isScript ? "text/javascript" : "text/html";
                asked.Response.Close(
                    System.Text.Encoding.UTF8.GetBytes(isScript ? script : "<!doctype html><title>App</title>"),
                    willBlock: false
                );
            }
        });
        return listener;
    }

    private static async Task OpenAsync(IPage page, string storage, bool go = true)
    {
        if (go)
            await page.GotoAsync("/");
        await CreateAsync(page, $"{{ storage: '{storage}' }}");
        Assert.Equal(storage, await page.EvaluateAsync<string>("auth.storage"));
    }

    private static Task CreateAsync(IPage page, string options) =>
        page.EvaluateAsync(
            $$"""
            async () => {
              const { createClient } = await import("/blazorauth.js");
              Object.assign(window, { auth: createClient({{options}}), heard: [] });
              auth.onUserChanged(change => heard.push(change));
            }
            """
        );

    private static async Task<IPage> TabAsync(IPage beside, string storage)
    {
        var page = await beside.Context.NewPageAsync();
        await OpenAsync(page, storage);
        return page;
    }

    private static Task SignUpAndInAsync(IPage page) =>
        page.EvaluateAsync(
            "async password => { await auth.signUp({ email: 'ada@example.com', password }); await auth.signIn('ada@example.com', password); }",
            Password
        );

    private static Task<string[]> HeardAsync(IPage page) =>
        page.EvaluateAsync<string[]>("heard.map(change => change.reason)");

    private static ConcurrentQueue<string> Watch(IBrowserContext context)
    {
        ConcurrentQueue<string> sent = [];
        context.Request += (_, request) => sent.Enqueue(new Uri(request.Url).AbsolutePath);
        return sent;
    }
}
