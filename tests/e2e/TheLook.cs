using System.IO.Compression;
using BlazorAuth.EndToEndTests.Support;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace BlazorAuth.EndToEndTests;

/// <summary>
/// Every page, in its states, as people meet it: no axe violation, no sideways scrolling, no console error, light and
/// dark.
/// </summary>
public sealed class TheLook(Browser browser) : IClassFixture<Browser>
{
    private const string Password = "a quiet first morning";
    private static readonly string[] Open =
    [
        "/",
        "/login",
        "/login/second-factor",
        "/login/email-code",
        "/register",
        "/verify-email",
        "/forgot-password",
        "/reset-password",
        "/confirm-email-change",
        "/no-such-page",
        "/dev/mail",
        "/admin/setup",
        "/logout",
    ];
    private static readonly string[] Own =
    [
        "/account",
        "/account/email",
        "/account/password",
        "/account/passkeys",
        "/account/two-factor",
        "/account/sessions",
        "/account/keys",
        "/account/activity",
        "/account/close",
        "/account/step-up",
    ];
    private static readonly AxeRunOptions Rules = new()
    {
        RunOnly = new()
        {
            Type = "tag",
            Values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
        },
    };

    [Theory]
    [InlineData(ColorScheme.Light, 1100)]
    [InlineData(ColorScheme.Dark, 320)]
    public async Task Every_page_in_every_state_passes_axe_and_reflows(ColorScheme scheme, int width)
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url, scheme: scheme, width: width);
        List<string> faults = [];
        page.Console += (_, message) =>
        {
            if (message.Type == "error" && !message.Text.Contains("status of 4", StringComparison.Ordinal))
                faults.Add($"{page.Url}: {message.Text}");
        };
        await SignUp(page); // so that the inbox has an email, and there is somebody to sign in
        foreach (var path in Own)
            await Check(path, null);
        await page.GotoAsync("/account/password");
        await Check(null, "refused");
        await page.Context.ClearCookiesAsync();
        foreach (var path in Open)
            await Check(path, null);
        foreach (var path in new[] { "/login", "/register", "/forgot-password" })
        {
            await page.GotoAsync(path);
            await Check(null, "refused");
        }
        var links = await host.LetterAsync("look@example.com", "confirm your e-mail");
        await Check(links.LinkTo("/verify-email"), null);
        await Check("/reset-password?token=nonsense", null);
        Assert.Empty(faults);

        async Task Check(string? path, string? state)
        {
            if (path is not null)
                await page.GotoAsync(path);
            if (state is not null)
                await page.Locator("main form .actions button[type=submit]").First.ClickAsync();
            var where = $"{path ?? page.Url} {state} {scheme} {width}";
            if (state is not null && !await page.Locator("#error-summary").IsVisibleAsync())
                faults.Add($"{where}: no error summary");
            var found = await page.RunAxe(Rules);
            faults.AddRange(
                found.Violations.Select(v => $"{where}: {v.Id}: {string.Join(' ', v.Nodes.Select(n => n.Html))}")
            );
            if (
                await page.EvaluateAsync<bool>(
                    "document.documentElement.scrollWidth > document.documentElement.clientWidth"
                )
            )
                faults.Add($"{where}: scrolls sideways");
            if (await page.Locator("h1").CountAsync() != 1 || await page.Locator("main").CountAsync() != 1)
                faults.Add($"{where}: one h1, one main");
            if (string.IsNullOrWhiteSpace(await page.TitleAsync()))
                faults.Add($"{where}: no title");
        }
    }

    [Fact]
    public async Task The_login_page_is_three_requests_and_thirty_kilobytes()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        var sizes = new List<(string Url, long Bytes)>();
        var requests = new List<IRequest>();
        page.RequestFinished += (_, request) => requests.Add(request);
        await page.GotoAsync("/login", new() { WaitUntil = WaitUntilState.NetworkIdle });
        // Autofill of passkeys asks once for more, after the page is shown.
        foreach (var request in requests.Where(r => r.Method == "GET"))
            sizes.Add((request.Url, Compressed(await (await request.ResponseAsync())!.BodyAsync())));
        Assert.Equal(3, sizes.Count);
        Assert.All(sizes, s => Assert.StartsWith(host.Url, s.Url, StringComparison.Ordinal));
        Assert.All(
            sizes,
            s => Assert.True(s.Bytes <= (s.Url.EndsWith(".css", StringComparison.Ordinal) ? 10_240 : 8_192), $"{s}")
        );
        Assert.True(sizes.Sum(s => s.Bytes) <= 30_000, string.Join(", ", sizes));
    }

    // As it is published; while developing, nothing is compressed.
    private static long Compressed(byte[] body)
    {
        using var into = new MemoryStream();
        using (var brotli = new BrotliStream(into, CompressionLevel.SmallestSize, leaveOpen: true))
            brotli.Write(body);
        return into.Length;
    }

    [Fact]
    public async Task An_error_takes_the_focus_and_its_link_leads_to_the_field()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        await page.GotoAsync("/login");
        await page.Locator("main form .actions button[type=submit]").ClickAsync();
        Assert.StartsWith("Error: ", await page.TitleAsync(), StringComparison.Ordinal);
        Assert.Equal("error-summary", await page.EvaluateAsync<string>("document.activeElement.id"));
        await page.Locator("#error-summary a").First.ClickAsync();
        Assert.Equal("identifier", await page.EvaluateAsync<string>("document.activeElement.id"));
    }

    [Fact]
    public async Task A_password_can_be_shown_and_is_hidden_again_when_it_is_sent()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        await page.GotoAsync("/login");
        await page.FillAsync("#current-password", "something");
        await page.Locator("password-reveal button").ClickAsync();
        Assert.Equal("text", await page.GetAttributeAsync("#current-password", "type"));
        await page.EvaluateAsync(
            "document.querySelector('main form').addEventListener('submit', event => event.preventDefault())"
        );
        await page.Locator("main form .actions button[type=submit]").ClickAsync();
        Assert.Equal("password", await page.GetAttributeAsync("#current-password", "type"));

        var plain = await browser.PersonAsync(host.Url, javaScript: false);
        await plain.GotoAsync("/login");
        Assert.False(await plain.Locator("password-reveal button").IsVisibleAsync());
    }

    [Fact]
    public async Task Pictures_for_the_readme()
    {
        var folder = Path.Combine(Repository.Root, "docs", "screenshots");
        var update = Environment.GetEnvironmentVariable("UPDATE_SCREENSHOTS") == "1";
        await using var host = await Host.StartAsync();
        foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
        {
            var person = $"{scheme}@example.com".ToLowerInvariant();
            var page = await browser.PersonAsync(host.Url, scheme: scheme, width: 900);
            await SignUp(page, person);
            var phone = await browser.PersonAsync(
                host.Url,
                agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1"
            );
            await phone.GotoAsync("/login");
            await SignIn(phone, person);
            await Picture(page, "/account/sessions", "sessions");
            await page.Context.ClearCookiesAsync();
            await Picture(page, "/login", "login");

            async Task Picture(IPage of, string path, string name)
            {
                await of.GotoAsync(path);
                var file = Path.Combine(folder, $"{name}-{scheme}.png".ToLowerInvariant());
                var png = await of.ScreenshotAsync();
                if (update)
                    await File.WriteAllBytesAsync(file, png);
                Assert.True(File.Exists(file), file);
            }
        }
    }

    private static async Task SignUp(IPage page, string email = "look@example.com")
    {
        await page.GotoAsync("/register");
        await page.FillAsync("#email", email);
        await page.FillAsync("#new-password", Password);
        await page.Locator("main form .actions button[type=submit]").First.ClickAsync();
    }

    private static async Task SignIn(IPage page, string email)
    {
        await page.FillAsync("#identifier", email);
        await page.FillAsync("#current-password", Password);
        await page.Locator("main form .actions button[type=submit]").First.ClickAsync();
    }
}
