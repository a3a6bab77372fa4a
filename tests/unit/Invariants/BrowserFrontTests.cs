using System.Net;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using BlazorAuth.Core.Data;
using BlazorAuth.UnitTests.Support;
using BlazorAuth.Web;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.StaticAssets;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// What browsers see of a site that people reach over TLS: headers, cookies, forms and redirects, at every address it
/// has.
/// </summary>
public sealed partial class BrowserFrontTests() : AuthTest(Support.Store.File), IAsyncLifetime
{
    private const string Jane = "jane@example.net";

    private static readonly string[] Public =
    [
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ];
    private static readonly string[] Elsewhere =
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "http:/evil.example",
        "//evil.example/%2f..",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/\0/evil.example",
        "//user@evil.example",
        "https://id.example.org@evil.example",
        "https://id.example.org.evil.example",
        "//id.example.org\\@evil.example",
        "/..//evil.example",
        "/.//evil.example",
        "/x/../..//evil.example",
        "/%2e%2e//evil.example",
        "/;//evil.example/..//evil.example",
        "/%09/evil.example",
        "/%5cevil.example",
        "/\u2028/evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\\/evil.example",
        "/account\r\nLocation: https://evil.example",
        "@evil.example",
        ".evil.example",
    ];

    private static readonly Uri Here = new(AuthFixture.Site);

    private RunningSite site = null!;

    async Task IAsyncLifetime.InitializeAsync()
    {
        await InitializeAsync();
        site = await Auth.SiteAsync(("PublicUrl", AuthFixture.Site));
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await site.DisposeAsync();
        await DisposeAsync();
    }

    private async Task<Visitor> SignedInAsync()
    {
        await Auth.MemberAsync(Jane);
        var visitor = new Visitor(site);
        Assert.Equal(
            (303, "/account"),
            await visitor.PostAsync(
                "/login",
                Visitor.FormOf(await visitor.GetAsync("/login"), "login"),
                ("identifier", Jane),
                ("current-password", Password)
            )
        );
        return visitor;
    }

    [Fact]
    public async Task Every_address_by_every_verb_signed_in_or_not_sends_the_headers_and_safe_cookies()
    {
        var (nobody, jane, seen) = (new Visitor(site), await SignedInAsync(), 0);
        foreach (var route in site.Routes)
        foreach (
            var verb in route.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Append("OPTIONS")
                ?? ["GET", "POST", "PUT"]
        )
        foreach (var visitor in new[] { nobody, jane.Copy() })
        {
            var path = "/" + Parameter().Replace(route.RoutePattern.RawText!.Trim('/'), "x");
            var answer = await visitor.SendAsync(new(new HttpMethod(verb), path));
            var isFile =
                answer.Status is 200
                && (
                    route.Metadata.GetMetadata<StaticAssetDescriptor>() is not null
                    || (path.StartsWith("/socket.io/", StringComparison.Ordinal) && path.Length > "/socket.io/".Length)
                ); // the published client of Socket.IO
            ExpectFront($"{verb} {path}", answer, path, isFile);
            Assert.True(answer.Status < 500, $"{verb} {path}: {answer.Status}");
            seen++;
        }
        Assert.True(seen > 100);
    }

    [Theory]
    [InlineData("GET", "/no/such/page", "", 404)]
    [InlineData("GET", "/api/no/such/thing", "", 404)]
    [InlineData("GET", "/problems/nonsense", "", 404)]
    [InlineData("GET", "/.well-known/nonsense", "", 404)]
    [InlineData("GET", "/app.nonsense.css", "", 404)]
    [InlineData("PUT", "/api/token", "", 405)]
    [InlineData("DELETE", "/login", "", 405)]
    [InlineData("POST", "/login", "application/x-www-form-urlencoded", 400)]
    [InlineData("POST", "/api/token", "application/json", 400)]
    [InlineData("POST", "/api/token", "text/plain", 415)]
    [InlineData("POST", "/api/token", "application/json", 413)]
    [InlineData("POST", "/login", "application/x-www-form-urlencoded", 413)]
    public async Task Every_error_does_too(string verb, string path, string type, int status)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);
        if (type.Length > 0)
            request.Content = new StringContent(status == 413 ? new string('x', 70_000) : "x", Encoding.UTF8, type);
        var answer = await new Visitor(site).SendAsync(request);
        Assert.Contains(answer.Status, status == 413 && path == "/login" ? [413, 400] : new[] { status });
        ExpectFront($"{verb} {path}", answer, path);
    }

    [Theory]
    [InlineData("page", 422)]
    [InlineData("api", 401)]
    [InlineData("page", 500)]
    [InlineData("api", 500)]
    public async Task A_refusal_and_a_fault_do_too(string door, int status)
    {
        var visitor = new Visitor(site);
        var form = Visitor.FormOf(await visitor.GetAsync("/login"), "login");
        if (status == 500)
            Auth.Hashes.AfterNextVerify = () => throw new InvalidOperationException("a fault of ours");
        var answer =
            door == "page"
                ? await visitor.SendFormAsync("/login", form, ("identifier", Jane), ("current-password", Password))
                : await visitor.SendAsync(
                    new(HttpMethod.Post, "/api/token")
                    {
                        Content = new StringContent(
                            $$"""{"identifier":"{{Jane}}","password":"x y z"}""",
                            Encoding.UTF8,
                            "application/json"
                        ),
                    }
                );
        Assert.Equal(status, answer.Status);
        Assert.DoesNotContain("a fault of ours", answer.Body, StringComparison.Ordinal);
        ExpectFront(door, answer, door == "page" ? "/login" : "/api/token");
    }

    [Fact]
    public async Task A_strangers_host_name_is_refused_with_the_headers()
    {
        var answer = await new Visitor(site).SendAsync(
            new(HttpMethod.Get, "/login") { Headers = { Host = "evil.example" } }
        );
        Assert.Equal(400, answer.Status);
        Assert.DoesNotContain("evil.example", answer.Body, StringComparison.Ordinal);
        ExpectFront("evil.example", answer, "/login");
    }

    [Fact]
    public async Task Every_cookie_there_is_was_seen()
    {
        var jane = await SignedInAsync();
        var link = await Auth.ResetLinkAsync(Jane);
        List<Answer> answers = [await jane.SendAsync(new(HttpMethod.Get, "/reset-password?token=" + link))];
        answers.Add(await jane.FillInAsync("/forgot-password", "forgot", ("email", Jane)));
        answers.Add(
            await new Visitor(site).FillInAsync(
                "/login",
                "login",
                ("identifier", Jane),
                ("current-password", Password),
                ("persistent", "true")
            )
        );
        answers.Add(await new Visitor(site).SendAsync(new(HttpMethod.Get, "/login")));
        answers.Add(await jane.FillInAsync("/logout", "logout"));
        var names = answers
            .SelectMany(a => a.Cookies)
            .Select(c => c.Split('=')[0])
            .Distinct()
            .Order(StringComparer.Ordinal);
        Assert.Equal(["__Host-form", "__Host-known", "__Host-link", "__Host-notice", "__Host-session"], names);
        foreach (var answer in answers)
            ExpectFront("cookies", answer, "/login");
    }

    [Fact]
    public async Task Every_form_of_every_page_has_a_token_and_without_it_or_with_anothers_changes_nothing()
    {
        var jane = await SignedInAsync();
        var other = new Visitor(site);
        var strange = Regex
            .Match(await other.GetAsync("/login"), "__RequestVerificationToken\" value=\"([^\"]*)")
            .Groups[1]
            .Value;
        List<string> seen = [];
        foreach (var visitor in new[] { new Visitor(site), jane })
        foreach (var path in Pages())
        {
            var html = await visitor.GetAsync(path);
            foreach (
                var form in Visitor.FormsOf(html).Where(f => f.Contains("method=\"post\"", StringComparison.Ordinal))
            )
            {
                Assert.Matches("name=\"__RequestVerificationToken\" value=\"[^\"]{50,}\"", form);
                foreach (var token in new[] { "", "nonsense", strange })
                {
                    var before = await StateAsync();
                    var action = Regex.Match(form, "action=\"([^\"]*)\"").Groups[1].Value;
                    var answer = await visitor.SendFormAsync(
                        action.Length > 0 ? WebUtility.HtmlDecode(action) : path,
                        form,
                        ("__RequestVerificationToken", token),
                        ("email", "new@example.net"),
                        ("identifier", Jane),
                        ("current-password", Password),
                        ("new-password", OtherPassword),
                        ("display-name", "Evil")
                    );
                    Assert.Equal(
                        ($"{path} {Visitor.NameOf(form)}", 400),
                        ($"{path} {Visitor.NameOf(form)}", answer.Status)
                    );
                    Assert.Contains("<h1", answer.Body, StringComparison.Ordinal);
                    Assert.DoesNotContain(OtherPassword, answer.Body, StringComparison.Ordinal);
                    Assert.Equal(before, await StateAsync());
                }
                seen.Add(Visitor.NameOf(form));
            }
        }
        Assert.Superset(
            new HashSet<string>([
                "login",
                "register",
                "forgot",
                "code",
                "resend",
                "logout",
                "profile",
                "email",
                "password",
                "close",
            ]),
            seen.ToHashSet()
        );
    }

    [Fact]
    public async Task No_page_that_takes_a_return_address_leads_elsewhere()
    {
        var jane = await SignedInAsync();
        var pages = typeof(BrowserSession)
            .Assembly.GetTypes()
            .Where(type =>
                type.GetProperties(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)
                    .Any(p => p.GetCustomAttribute<SupplyParameterFromQueryAttribute>()?.Name == "returnUrl")
            )
            .Select(type => type.GetCustomAttribute<RouteAttribute>()!.Template)
            .ToList();
        Assert.Equal(
            [
                "/account/passkeys/offer",
                "/account/step-up",
                "/forgot-password",
                "/login",
                "/login/email-code",
                "/login/external/{Name}",
                "/login/second-factor",
                "/register",
                "/verify-email",
            ],
            pages.Order(StringComparer.Ordinal)
        );
        foreach (var (i, address) in Elsewhere.Index())
        foreach (var page in pages)
        {
            var path = $"{page}?returnUrl={Uri.EscapeDataString(address)}";
            var nobody = new Visitor(site);
            var shown = await nobody.SendAsync(new(HttpMethod.Get, path));
            var forms = Visitor.FormsOf(shown.Body).Where(form => Visitor.NameOf(form).Length > 0);
            List<Answer> answers = [shown, await jane.Copy().SendAsync(new(HttpMethod.Get, path))];
            foreach (var form in forms)
                answers.Add(
                    await nobody.SendFormAsync(
                        path,
                        form,
                        ("email", $"new{i}{page.Length}@example.net"),
                        ("identifier", Jane),
                        ("current-password", Password),
                        ("new-password", OtherPassword)
                    )
                );
            foreach (var answer in answers)
            // a form's own page, or the way there
            foreach (var to in Targets(answer).Where(to => to != path && to != ToSignIn(path)))
                Assert.False(LeadsElsewhere(to), $"{path} leads to {to}");
        }
    }

    private static string ToSignIn(string path) => $"/login?returnUrl={Uri.EscapeDataString(path)}";

    private static IEnumerable<string> Targets(Answer answer) =>
        Target()
            .Matches(answer.Body)
            .Select(m => WebUtility.HtmlDecode(m.Groups[1].Value))
            .Concat(answer.Location is { } to ? [to] : [])
            .Where(to => !to.StartsWith("data:image", StringComparison.Ordinal));

    // As browsers read it: control characters and spaces at the ends fall away, tabs and line ends anywhere, and '\' is
    // '/' (WHATWG URL §4.4).
    private static bool LeadsElsewhere(string address)
    {
        var read = Regex
            .Replace(address.Trim([.. Enumerable.Range(0, 0x21).Select(c => (char)c)]), "[\t\r\n]", "")
            .Replace('\\', '/');
        if (
            !Uri.TryCreate(Here, read, out var uri)
            || uri.Authority != Here.Authority
            || uri.Scheme != "https"
            || uri.AbsolutePath.StartsWith("//", StringComparison.Ordinal)
        )
            return true;
        return Regex.Match(uri.Query, "[?&]returnUrl=([^&]*)") is { Success: true } next
            && LeadsElsewhere(Uri.UnescapeDataString(next.Groups[1].Value));
    }

    private static void ExpectFront(string what, Answer answer, string path, bool isFile = false)
    {
        foreach (var cookie in answer.Cookies)
        {
            Assert.Matches("^__Host-[a-z]+=", cookie);
            Assert.Matches("; *path=/(;|$)", cookie.ToLowerInvariant());
            foreach (var attribute in new[] { "; secure", "; httponly", "; samesite=" })
                Assert.Contains(attribute, cookie, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("; domain", cookie, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("samesite=none", cookie, StringComparison.OrdinalIgnoreCase);
            Assert.True(cookie.Length < 4096, what);
        }
        var policy = answer.Header("Content-Security-Policy") ?? "";
        foreach (var directive in new[] { "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'" })
            Assert.True(policy.Contains(directive, StringComparison.Ordinal), $"{what}: {policy}");
        // The reference page of the API, in Development only.
        if (!path.StartsWith("/docs", StringComparison.Ordinal))
            Assert.True(!policy.Contains("unsafe", StringComparison.Ordinal), $"{what}: {policy}");
        Assert.Equal((what, "nosniff"), (what, answer.Header("X-Content-Type-Options")));
        Assert.Equal((what, "no-referrer"), (what, answer.Header("Referrer-Policy")));
        Assert.True(
            int.Parse(
                Regex.Match(answer.Header("Strict-Transport-Security") ?? "", "max-age=([0-9]+)").Groups[1].Value
                    is { Length: > 0 } age
                    ? age
                    : "0"
            ) >= 31_536_000,
            what
        );
        Assert.Null(answer.Header("Server"));
        Assert.Null(answer.Header("X-Powered-By"));
        if (!isFile && !(Public.Contains(path) && answer.Status == 200))
            Assert.True(
                answer.Header("Cache-Control")?.Contains("no-store", StringComparison.Ordinal),
                $"{what}: {answer.Header("Cache-Control")}"
            );
    }

    private async Task<string> StateAsync()
    {
        var users = await Auth.Use(
            (AuthDbContext db) => db.Users.Select(u => u.SecurityStamp + u.DisplayName).ToListAsync()
        );
        var open = await Auth.Use((AuthDbContext db) => db.Sessions.CountAsync(s => s.EndedAt == null));
        return $"{string.Join(", ", await Auth.RowsAsync())} {string.Join(", ", users)} {open}";
    }

    private IEnumerable<string> Pages() =>
        site
            .Routes.Where(r => r.Metadata.GetMetadata<ComponentTypeMetadata>() is not null)
            .Select(r => "/" + r.RoutePattern.RawText!.Trim('/'))
            .Where(p => !p.Contains('{', StringComparison.Ordinal))
            .Distinct();

    [GeneratedRegex("[{][^}]*[}]")]
    private static partial Regex Parameter();

    [GeneratedRegex("(?:href|action|src)=\"([^\"#]+)\"")]
    private static partial Regex Target();
}
