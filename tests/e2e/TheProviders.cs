using BlazorAuth.EndToEndTests.Support;
using BlazorAuth.Tests;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace BlazorAuth.EndToEndTests;

/// <summary>People who come by a provider of their own, in a browser, with and without JavaScript.</summary>
public sealed class TheProviders(Browser browser) : IClassFixture<Browser>
{
    private const string Password = "a quiet first morning";

    private static async Task<(TestProvider Provider, Host Host)> StartAsync()
    {
        var provider = await TestProvider.StartAsync();
        provider.AsksConsent = true;
        var port = Host.FreePort();
        var settings = provider
            .Settings("test", $"http://localhost:{port}", ("DisplayName", "Example Works"))
            .Select(s => ("BlazorAuth__" + s.Key.Replace(":", "__", StringComparison.Ordinal), s.Value));
        return (provider, await Host.StartAsync(port: port, settings: [.. settings]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Sign_up_set_a_password_unlink_link_and_sign_in_again(bool javaScript)
    {
        var (provider, host) = await StartAsync();
        await using var ofProvider = provider;
        await using var ofHost = host;
        var page = await browser.PersonAsync(host.Url, javaScript);
        List<string> faults = [];
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
                faults.Add($"{page.Url}: {message.Text}");
        };

        await page.GotoAsync("/account/email"); // asked to sign in first, and led back
        await page.ClickAsync("text=Continue with Example Works");
        Assert.StartsWith(provider.Url, page.Url, StringComparison.Ordinal);
        await page.ClickAsync("text=Deny");
        Assert.Contains(
            "You did not go on at Example Works.",
            await page.Locator("main").InnerTextAsync(),
            StringComparison.Ordinal
        );
        Assert.DoesNotContain("forged", await page.ContentAsync(), StringComparison.Ordinal);
        await GoAsync(page, "Continue with Example Works");
        Assert.Equal("/account/email", At(page));

        await page.GotoAsync("/account/providers");
        await page.ClickAsync("text=Unlink");
        Assert.Contains(
            "This is the last way into your account.",
            await page.Locator("main").InnerTextAsync(),
            StringComparison.Ordinal
        );
        await page.GotoAsync("/account/password");
        await page.FillAsync("#new-password", Password);
        await page.ClickAsync("text=Set password");
        await GoAsync(page, "Confirm with Example Works"); // a sign-in that is made for this act
        Assert.Equal("/account/password", At(page));
        await page.FillAsync("#new-password", Password);
        await page.ClickAsync("text=Set password");
        await page.GotoAsync("/account/providers");
        await page.ClickAsync("text=Unlink");
        await host.LetterAsync("jane@example.net", "unlinked");
        await GoAsync(page, "Link");
        Assert.Equal("/account/providers", At(page));
        Assert.Contains(
            "You can now sign in with Example Works.",
            await page.Locator("main").InnerTextAsync(),
            StringComparison.Ordinal
        );
        await host.LetterAsync("jane@example.net", "provider was linked");

        await page.ClickAsync("header form button");
        await page.GotoAsync("/login");
        await GoAsync(page, "Continue with Example Works");
        Assert.Equal("/account", At(page));
        Assert.DoesNotContain(faults, fault => !fault.Contains("status of 4", StringComparison.Ordinal));
        foreach (var secret in provider.Issued.Append(TestProvider.ClientSecret))
            Assert.DoesNotContain(secret, host.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("forged", host.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_account_that_a_password_made_is_linked_by_its_verified_address()
    {
        var (provider, host) = await StartAsync();
        await using var ofProvider = provider;
        await using var ofHost = host;
        var page = await browser.PersonAsync(host.Url, javaScript: false);
        await page.GotoAsync("/register");
        await page.FillAsync("#email", "jane@example.net");
        await page.FillAsync("#new-password", Password);
        await page.Locator("main form .actions button[type=submit]").First.ClickAsync();
        await page.GotoAsync(
            (await host.LetterAsync("jane@example.net", "confirm your e-mail")).LinkTo("/verify-email")
        );
        await page.Locator("main form .actions button[type=submit]").First.ClickAsync();
        await page.ClickAsync("header form button");
        await page.GotoAsync("/register");
        await GoAsync(page, "Continue with Example Works");
        await page.GotoAsync("/account");
        Assert.Contains("Known to you only", await page.Locator("main").InnerTextAsync(), StringComparison.Ordinal);
        await host.LetterAsync("jane@example.net", "provider was linked");
    }

    [Theory]
    [InlineData(ColorScheme.Light, 1100)]
    [InlineData(ColorScheme.Dark, 320)]
    public async Task The_pages_pass_axe_and_reflow(ColorScheme scheme, int width)
    {
        var (provider, host) = await StartAsync();
        await using var ofProvider = provider;
        await using var ofHost = host;
        var page = await browser.PersonAsync(host.Url, scheme: scheme, width: width);
        var rules = new AxeRunOptions
        {
            RunOnly = new()
            {
                Type = "tag",
                Values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
            },
        };
        List<string> faults = [];
        foreach (var path in new[] { "/login", "/register", "/login/external/test" })
            await CheckAsync(path);
        await page.GotoAsync("/login");
        await page.ClickAsync("text=Continue with Example Works");
        await page.ClickAsync("text=Deny");
        await CheckAsync(null);
        await page.GotoAsync("/login");
        await GoAsync(page, "Continue with Example Works");
        foreach (var path in new[] { "/account", "/account/providers", "/account/password", "/account/step-up" })
            await CheckAsync(path);
        await page.GotoAsync("/account/providers");
        await page.ClickAsync("text=Unlink");
        await CheckAsync(null);
        Assert.Empty(faults);

        async Task CheckAsync(string? path)
        {
            if (path is not null)
                await page.GotoAsync(path);
            if (Environment.GetEnvironmentVariable("LOOK") is { } folder)
                await page.ScreenshotAsync(
                    new()
                    {
                        Path = $"{folder}/{(path ?? "told" + At(page)).Trim('/').Replace('/', '-')}-{scheme}.png",
                        FullPage = true,
                    }
                );
            faults.AddRange(
                (await page.RunAxe(rules)).Violations.Select(v =>
                    $"{page.Url} {scheme}: {v.Id}: {string.Join(' ', v.Nodes.Select(n => n.Html))}"
                )
            );
            if (
                await page.EvaluateAsync<bool>(
                    "document.documentElement.scrollWidth > document.documentElement.clientWidth"
                )
            )
                faults.Add($"{page.Url}: scrolls sideways");
        }
    }

    private static async Task GoAsync(IPage page, string button)
    {
        await page.Locator("main button", new() { HasTextString = button }).First.ClickAsync();
        await page.ClickAsync("text=Allow");
    }

    private static string At(IPage page) => new Uri(page.Url).AbsolutePath;
}
