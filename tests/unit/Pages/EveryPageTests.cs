using System.Net;
using System.Text.RegularExpressions;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.Pages;

/// <summary>What is true of every page, over all pages of the running site: a new page cannot forget.</summary>
[Collection(SiteCollection.Name)]
public sealed partial class EveryPageTests(RunningSite site)
{
    private static readonly string[] Hostile =
    [
        "/.//evil.example",
        "/x/..//evil.example",
        "/account/../..//evil.example/x?y",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:x=1",
        "/\t/evil.example",
        "%00",
        "<script>alert(1)</script>",
        "\"><svg onload=alert(1)>",
        "%C3%28",
        "[]",
        new string('a', 3000),
    ];

    [Fact]
    public async Task No_page_has_a_style_or_script_of_its_own()
    {
        var pages = Pages().Append("/no/such/page").ToList();
        Assert.True(pages.Count > 15);
        foreach (var path in pages)
        {
            var answer = await site.SendAsync(HttpMethod.Get, path);
            Assert.Equal("same-origin", Assert.Single(answer.Headers.GetValues("Cross-Origin-Opener-Policy")));
            Assert.DoesNotMatch(Inline(), await answer.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task Every_post_without_a_form_token_is_400_with_a_page_and_changes_nothing()
    {
        var before = await RowsAsync();
        foreach (var path in Pages())
        {
            foreach (var handler in new[] { "login", "register", "reset-password", "logout", "no-such-form", "" })
            {
                using var form = new FormUrlEncodedContent([
                    new("_handler", handler),
                    new("email", "csrf@example.com"),
                    new("new-password", "correct horse battery"),
                    new("identifier", "a"),
                    new("current-password", "b"),
                ]);
                using var request = new HttpRequestMessage(HttpMethod.Post, path)
                {
                    Content = form,
                    Headers = { Accept = { new("text/html") } },
                };
                var answer = await site.Client.SendAsync(request);
                var html = await answer.Content.ReadAsStringAsync();
                // These ask to sign in first.
                if (
                    answer.Headers.Location is not null
                    && (path.StartsWith("/account", StringComparison.Ordinal) || path == "/logout")
                )
                    continue;
                Assert.True((int)answer.StatusCode is >= 400 and < 500, $"{path} {handler}: {(int)answer.StatusCode}");
                Assert.Contains("<h1", html, StringComparison.Ordinal);
                Assert.DoesNotContain("correct horse battery", html, StringComparison.Ordinal);
            }
        }
        Assert.Equal(before, await RowsAsync());
    }

    [Fact]
    public async Task No_hostile_query_makes_a_fault_or_an_open_redirect()
    {
        foreach (var path in Pages())
        foreach (var value in Hostile)
        foreach (var name in new[] { "returnUrl", "token", "status", "to", "id", "email" })
        {
            var answer = await site.SendAsync(
                HttpMethod.Get,
                $"{path}?{name}={(value.Contains('%', StringComparison.Ordinal) ? value : Uri.EscapeDataString(value))}"
            );
            Assert.True((int)answer.StatusCode < 500, $"{path}?{name}={value}: {(int)answer.StatusCode}");
            if (answer.Headers.Location is { } location)
                Assert.StartsWith("/", location.OriginalString, StringComparison.Ordinal);
            var html = await answer.Content.ReadAsStringAsync();
            Assert.DoesNotContain("<script>alert", html, StringComparison.Ordinal);
            Assert.DoesNotContain("<svg onload", html, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task No_bad_form_makes_a_fault()
    {
        var visitor = new Visitor(site);
        foreach (var path in new[] { "/login", "/register", "/forgot-password", "/verify-email" })
        {
            var html = await visitor.GetAsync(path);
            foreach (
                Match form in Form().Matches(html).Where(f => f.Value.Contains("_handler", StringComparison.Ordinal))
            )
            {
                var names = Input()
                    .Matches(form.Value)
                    .Select(m => m.Groups[1].Value)
                    .Where(n => n is not ("_handler" or "__RequestVerificationToken"))
                    .ToList();
                foreach (
                    var value in new[]
                    {
                        "",
                        "\0",
                        "a\0b@example.com",
                        "\ud800",
                        new string('x', 20_000),
                        "<script>alert(1)</script>",
                        "Ünïcödé@example.com",
                        "a@b@c.example",
                        "a\r\nBcc: x@example.com",
                    }
                )
                {
                    var (status, body) = await visitor.PostAsync(path, form.Value, [.. names.Select(n => (n, value))]);
                    Assert.True(
                        status is >= 200 and < 500,
                        $"{path} {names[0]}={value[..Math.Min(20, value.Length)]}: {status}"
                    );
                    if (status != 303)
                        Assert.Contains("<h1", body, StringComparison.Ordinal);
                    Assert.DoesNotContain("<script>alert", body, StringComparison.Ordinal);
                }
                // Several values for one name.
                var (twice, _) = await visitor.PostAsync(
                    path,
                    form.Value,
                    [.. names.SelectMany(n => new[] { (n, "one"), (n, "two") })]
                );
                Assert.True(twice < 500);
            }
        }
    }

    [Theory]
    [InlineData("application/json", "{}")]
    [InlineData("text/plain", "x")]
    [InlineData("multipart/form-data; boundary=x", "--x\r\njunk")]
    [InlineData("multipart/form-data", "")]
    [InlineData("application/x-www-form-urlencoded; charset=utf-7", "a=b")]
    [InlineData("application/x-www-form-urlencoded; charset=nonsense", "a=b")]
    [InlineData("application/x-www-form-urlencoded", "%00=%00&%=%&=&a")]
    public async Task A_body_that_is_no_form_is_400_with_the_page(string type, string body)
    {
        foreach (var path in Pages())
        foreach (var header in new[] { false, true })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path)
            {
                Content = new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(body)),
            };
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
            if (header)
                request.Headers.Add("RequestVerificationToken", "nonsense");
            var answer = await site.Client.SendAsync(request);
            Assert.True((int)answer.StatusCode < 500, $"{path} {type}: {(int)answer.StatusCode}");
        }
    }

    [Theory]
    [InlineData("/no/such/page")]
    [InlineData("//api/token")]
    public async Task What_is_sent_where_no_page_is_was_no_unreadable_form(string path)
    {
        using var content = new StringContent("{}", System.Text.Encoding.UTF8, "application/json");
        var address = new Uri(
            site.Client.BaseAddress!.GetLeftPart(UriPartial.Authority) + path,
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }
        );
        using var request = new HttpRequestMessage(HttpMethod.Post, address)
        {
            Content = content,
            Headers = { Accept = { new("text/html") } },
        };
        var answer = await site.Client.SendAsync(request);
        Assert.Contains(answer.StatusCode, new[] { HttpStatusCode.NotFound, HttpStatusCode.MethodNotAllowed });
        var html = await answer.Content.ReadAsStringAsync();
        Assert.Contains("<h1", html, StringComparison.Ordinal);
        Assert.DoesNotContain("not readable", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_fields_than_a_form_may_have_are_no_fault()
    {
        using var content = new FormUrlEncodedContent(
            Enumerable.Range(0, 3000).Select(i => new KeyValuePair<string, string>($"f{i}", "x"))
        );
        Assert.True((int)(await site.SendAsync(HttpMethod.Post, "/login", content)).StatusCode is >= 400 and < 500);
    }

    [Fact]
    public async Task A_get_changes_no_row()
    {
        var before = await RowsAsync();
        foreach (var path in Pages())
        {
            await site.SendAsync(HttpMethod.Get, path);
            await site.SendAsync(HttpMethod.Get, path + "?token=Z1GN1Q7Ytk018A_FXETezHu5uxNvk1ligAbGBy4bK");
            Assert.NotEqual(
                HttpStatusCode.NotFound,
                path == "/not-found" || path == "/error"
                    ? HttpStatusCode.OK
                    : (await site.SendAsync(HttpMethod.Head, path)).StatusCode
            );
        }
        Assert.Equal(before, await RowsAsync());
    }

    [Fact]
    public async Task Signing_in_leads_only_to_addresses_of_this_site()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        await site.PairAsync(email);
        foreach (var value in Hostile.Where(h => !h.Contains('\0', StringComparison.Ordinal) && h != "[]"))
        {
            var visitor = new Visitor(site);
            var path =
                $"/login?returnUrl={(value.Contains('%', StringComparison.Ordinal) ? value : Uri.EscapeDataString(value))}";
            var form = Form()
                .Matches(await visitor.GetAsync(path))
                .First(f => f.Value.Contains("current-password", StringComparison.Ordinal))
                .Value;
            var (status, location) = await visitor.PostAsync(
                path,
                form,
                ("identifier", email),
                ("current-password", "correct horse battery")
            );
            Assert.Equal((303, "/account"), (status, location));
        }
    }

    [Fact]
    public async Task A_copied_cookie_opens_nothing_after_sign_out()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        await site.PairAsync(email);
        var visitor = new Visitor(site);
        var form = Form()
            .Matches(await visitor.GetAsync("/login"))
            .First(f => f.Value.Contains("current-password", StringComparison.Ordinal))
            .Value;
        await visitor.PostAsync("/login", form, ("identifier", email), ("current-password", "correct horse battery"));
        Assert.Contains("<h1", await visitor.GetAsync("/account"), StringComparison.Ordinal);
        var thief = visitor.Copy();
        var signOut = Form()
            .Matches(await visitor.GetAsync("/logout"))
            .First(f => f.Value.Contains("logout", StringComparison.Ordinal))
            .Value;
        await visitor.PostAsync("/logout", signOut);
        Assert.Equal("", await thief.GetAsync("/account")); // a redirect to the sign-in page
    }

    private IEnumerable<string> Pages() =>
        site
            .Routes.Where(r => r.Metadata.GetMetadata<ComponentTypeMetadata>() is not null)
            .Select(r => "/" + r.RoutePattern.RawText!.Trim('/'))
            .Where(p => !p.Contains('{', StringComparison.Ordinal))
            .Distinct();

    private async Task<string> RowsAsync()
    {
        await using var scope = site.Services.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<AuthDbContext>();
        // EmailTemplates promised before are on their way, and each mints its token when it goes.
        while (await db.Outbox.AnyAsync(l => l.DoneAt == null))
            await Task.Delay(20);
        return $"{await db.Users.CountAsync()} {await db.Sessions.CountAsync(s => s.EndedAt == null)} {await db.OneTimeTokens.CountAsync(t => t.UsedAt == null)} {await db.AuditEntries.CountAsync()} {await db.Outbox.CountAsync()} {await db.ThrottleCounts.SumAsync(c => c.Count)}";
    }

    [GeneratedRegex(@"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=")]
    private static partial Regex Inline();

    [GeneratedRegex("<form.*?</form>", RegexOptions.Singleline)]
    private static partial Regex Form();

    [GeneratedRegex("<input[^>]*\\bname=\"([^\"]+)\"")]
    private static partial Regex Input();
}
