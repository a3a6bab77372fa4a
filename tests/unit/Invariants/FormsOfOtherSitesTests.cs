using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using BlazorAuth.Api;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// What another site makes a browser send is refused by what the browser itself says, before any token of a form is
/// looked at; and a form that has a field twice is refused everywhere.
/// </summary>
public sealed class FormsOfOtherSitesTests : AuthTest
{
    private const string Jane = "jane@example.net",
        Own = "http://localhost:5080",
        Listed = "http://app.localhost:3000";

    private RunningSite site = null!;

    private static readonly (string? Site, string? Origin)[] Foreign =
    [
        ("cross-site", "https://evil.example"),
        ("cross-site", null),
        ("cross-site", "null"),
        ("same-site", Listed),
        ("same-site", null),
        (null, "https://evil.example"),
        (null, "http://localhost:5081"),
        (null, "https://localhost:5080"),
        ("same-origin", "https://evil.example"),
        ("cross-site", Own),
        ("nonsense", null),
        (null, Own + ".evil.example"),
        (null, Listed),
    ];

    private static readonly (string? Site, string? Origin)[] Ours =
    [
        ("same-origin", Own),
        ("same-origin", "null"),
        ("same-origin", null),
        ("none", null),
        (null, Own),
        (null, "null"),
        (null, null),
    ];

    private static HttpRequestMessage With(HttpRequestMessage request, string? fetchSite, string? origin)
    {
        if (fetchSite is not null)
            request.Headers.Add("Sec-Fetch-Site", fetchSite);
        if (origin is not null)
            request.Headers.Add("Origin", origin);
        return request;
    }

    private Task<RunningSite> SiteAsync() => Auth.SiteAsync(("Api:AllowedOrigins:0", Listed));

    private List<string> TakersOfForms() =>
        [
            .. site
                .Routes.Where(r =>
                    r.Metadata.GetMetadata<ComponentTypeMetadata>() is not null
                    || r.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains("POST") == true
                )
                .Select(r => "/" + Regex.Replace(r.RoutePattern.RawText!.Trim('/'), "{[^}]*}", "x"))
                .Where(path => !TokenApi.Owns(path))
                .Distinct(),
        ];

    // What a request can write; the process itself writes its keys and rounds at any moment.
    private async Task<string> RowsAsync()
    {
        var rows = await Auth.RowsAsync();
        string[] ours = ["AspNetUsers", "AspNetUserPasskeys", "Sessions", "AuditEntries", "Outbox", "ThrottleCounts"];
        var tokens = await Auth.Use(
            (AuthDbContext db) => db.OneTimeTokens.CountAsync(t => t.Purpose != TokenPurpose.SetUpAdministrator)
        );
        return string.Join(' ', ours.Select(table => $"{table}={rows[table]}").Append($"OneTimeTokens={tokens}"));
    }

    private async Task<Visitor> SignedInAsync()
    {
        await Auth.MemberAsync(Jane);
        var visitor = new Visitor(site);
        Assert.Equal(303, (await visitor.SignInAsync(Jane, Password)).Status);
        return visitor;
    }

    private static HttpRequestMessage Copy(string path, string form, params (string Name, string Value)[] more)
    {
        var inputs = Regex
            .Matches(form, "<input[^>]*>")
            .Select(m => m.Value)
            .Where(i => i.Contains("type=\"hidden\"", StringComparison.Ordinal));
        var fields = inputs.Select(i => new KeyValuePair<string, string>(
            Attribute(i, "name"),
            WebUtility.HtmlDecode(Attribute(i, "value"))
        ));
        return new(HttpMethod.Post, path)
        {
            Content = new FormUrlEncodedContent([
                .. fields,
                .. more.Select(m => new KeyValuePair<string, string>(m.Name, m.Value)),
            ]),
        };
    }

    private static string Attribute(string input, string name) =>
        Regex.Match(input, $"\\b{name}=\"([^\"]*)\"").Groups[1].Value;

    [Fact]
    public async Task Every_form_that_another_origin_sends_is_403_and_changes_nothing()
    {
        await using var running = site = await SiteAsync();
        var takers = TakersOfForms();
        Assert.True(takers.Count > 25);
        Assert.Contains("/logout", takers);
        Assert.Contains("/login/passkey", takers);
        var before = await RowsAsync();
        foreach (var (fetchSite, origin) in Foreign)
        foreach (var path in takers)
        {
            using var content = new FormUrlEncodedContent([
                new("_handler", "login"),
                new("identifier", Jane),
                new("current-password", Password),
            ]);
            using var request = With(new(HttpMethod.Post, path) { Content = content }, fetchSite, origin);
            using var answer = await site.Client.SendAsync(request);
            var what = $"{path} from {fetchSite} {origin}: {(int)answer.StatusCode}";
            Assert.True(answer.StatusCode == HttpStatusCode.Forbidden, what);
            Assert.False(answer.Headers.Contains("Set-Cookie"), what);
        }
        Assert.Equal(before, await RowsAsync());
    }

    [Fact]
    public async Task A_right_form_token_does_not_help_another_origin()
    {
        await using var running = site = await SiteAsync();
        var visitor = await SignedInAsync();
        var form = Visitor.FormOf(await visitor.GetAsync("/logout"), "logout");
        foreach (var (fetchSite, origin) in Foreign)
        {
            var answer = await visitor.SendAsync(With(Copy("/logout", form), fetchSite, origin));
            Assert.True(answer.Status == 403, $"{fetchSite} {origin}: {answer.Status}");
            Assert.NotEqual("", await visitor.GetAsync("/account"));
        }
    }

    [Fact]
    public async Task Our_own_pages_send_their_forms()
    {
        await using var running = site = await SiteAsync();
        await Auth.MemberAsync(Jane);
        foreach (var (fetchSite, origin) in Ours)
        {
            var visitor = new Visitor(site);
            Assert.Equal(303, (await visitor.SignInAsync(Jane, Password)).Status);
            var form = Visitor.FormOf(await visitor.GetAsync("/logout"), "logout");
            var answer = await visitor.SendAsync(With(Copy("/logout", form), fetchSite, origin));
            Assert.True(answer.Status == 303, $"{fetchSite} {origin}: {answer.Status}");
            Assert.Equal("", await visitor.GetAsync("/account"));
        }
    }

    [Fact]
    public async Task A_link_from_another_site_opens_pages()
    {
        await using var running = site = await SiteAsync();
        using var answer = await site.Client.SendAsync(With(new(HttpMethod.Get, "/login"), "cross-site", null));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory]
    [InlineData("cross-site", "https://evil.example", false)]
    [InlineData("same-site", null, false)]
    [InlineData(null, "https://evil.example", false)]
    [InlineData("same-origin", Own, true)]
    [InlineData("same-site", Listed, true)]
    [InlineData(null, null, true)]
    public async Task At_the_api_a_cookie_counts_and_is_given_only_to_pages_that_may_use_it(
        string? fetchSite,
        string? origin,
        bool may
    )
    {
        await using var running = site = await SiteAsync();
        await Auth.MemberAsync(Jane);
        var visitor = new Visitor(site);
        var signIn = await visitor.SendAsync(
            With(
                new(HttpMethod.Post, "/api/token?mode=cookie")
                {
                    Content = JsonContent.Create(new { identifier = Jane, password = Password }),
                },
                fetchSite,
                origin
            )
        );
        Assert.Equal(may ? 200 : 403, signIn.Status);
        Assert.Equal(may, signIn.Cookies.Any());

        var own = await visitor.SendAsync(
            new(HttpMethod.Post, "/api/token?mode=cookie")
            {
                Content = JsonContent.Create(new { identifier = Jane, password = Password }),
            }
        );
        var antiforgery = JsonElement.Parse(own.Body).GetProperty("antiforgery");
        var change = With(
            new(HttpMethod.Patch, "/api/account") { Content = JsonContent.Create(new { displayName = "Jane" }) },
            fetchSite,
            origin
        );
        change.Headers.Add(
            antiforgery.GetProperty("header").GetString()!,
            antiforgery.GetProperty("token").GetString()
        );
        Assert.Equal(may ? 200 : 401, (await visitor.SendAsync(change)).Status);
    }

    [Fact]
    public async Task Every_form_of_every_page_that_has_a_field_twice_is_400_and_changes_nothing()
    {
        await using var running = site = await SiteAsync();
        var (stranger, owner) = (new Visitor(site), await SignedInAsync());
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use((Core.Tokens.ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("ci"), default));
        await Auth.ApiPairAsync(Jane);
        var pages = site
            .Routes.Where(r => r.Metadata.GetMetadata<ComponentTypeMetadata>() is not null)
            .Select(r => "/" + r.RoutePattern.RawText!.Trim('/'))
            .Where(p => !p.Contains('{', StringComparison.Ordinal))
            .Distinct()
            .ToList();
        var forms = 0;
        foreach (var (visitor, path) in pages.SelectMany(p => new[] { (stranger, p), (owner, p) }))
        {
            var html = await visitor.GetAsync(path);
            foreach (
                var form in Visitor.FormsOf(html).Where(f => f.Contains("method=\"post\"", StringComparison.Ordinal))
            )
            {
                var target = Regex.Match(form, "^<form[^>]*action=\"([^\"]*)\"").Groups[1].Value
                    is { Length: > 0 } action
                    ? WebUtility.HtmlDecode(action)
                    : path;
                var names = Regex
                    .Matches(form, "<(?:input|button|select|textarea)[^>]*\\bname=\"([^\"]+)\"")
                    .Select(m => m.Groups[1].Value)
                    .Distinct()
                    .ToList();
                foreach (var name in names)
                {
                    forms++;
                    var before = await RowsAsync();
                    var others = names.Where(n =>
                        n != name && !form.Contains($"type=\"hidden\" name=\"{n}\"", StringComparison.Ordinal)
                    );
                    var hidden = Regex.IsMatch(
                        form,
                        $"<input[^>]*type=\"hidden\"[^>]*name=\"{name}\"|<input[^>]*name=\"{name}\"[^>]*type=\"hidden\""
                    );
                    var twice = hidden ? new[] { (name, "x") } : [(name, "x"), (name, "y")];
                    var answer = await visitor.SendAsync(Copy(target, form, twice));
                    Assert.True(answer.Status == 400, $"{path} {Visitor.NameOf(form)} {name}: {answer.Status}");
                    Assert.Contains("<h1", answer.Body, StringComparison.Ordinal);
                    Assert.Equal(before, await RowsAsync());
                }
            }
        }
        Assert.True(forms > 60, $"{forms}");
    }

    [Theory]
    [InlineData("/login/passkey")]
    [InlineData("/account/step-up/passkey")]
    [InlineData("/account/passkeys/begin")]
    [InlineData("/oauth/token")]
    [InlineData("/oauth/revoke")]
    [InlineData("/oauth/introspect")]
    public async Task Forms_without_a_page_that_have_a_field_twice_are_400(string path)
    {
        await using var running = site = await SiteAsync();
        var owner = await SignedInAsync();
        var token = Regex
            .Match(
                await owner.GetAsync("/account/passkeys"),
                "name=\"__RequestVerificationToken\"[^>]*value=\"([^\"]*)\""
            )
            .Groups[1]
            .Value;
        var before = await RowsAsync();
        var answer = await owner.SendAsync(
            new(HttpMethod.Post, path)
            {
                Content = new FormUrlEncodedContent([
                    new("__RequestVerificationToken", token),
                    new("token", "a"),
                    new("token", "b"),
                ]),
            }
        );
        Assert.Equal(400, answer.Status);
        Assert.Equal(before, await RowsAsync());
    }
}
