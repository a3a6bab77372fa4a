using BlazorAuth.EndToEndTests.Support;
using Microsoft.Playwright;

namespace BlazorAuth.EndToEndTests;

/// <summary>One person's way through every page, with and without JavaScript.</summary>
public sealed class TheWholeWayInABrowser(Browser browser) : IClassFixture<Browser>
{
    private const string FirstPassword = "a quiet first morning",
        SecondPassword = "an even quieter second";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Register_verify_sign_out_reset_sign_in_change_address_end_the_other_session(bool javaScript)
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url, javaScript);
        var (old, moved) = ("ada@example.com", "ada@elsewhere.example");

        await page.GotoAsync("/register");
        await page.FillAsync("#email", old);
        await page.FillAsync("#new-password", FirstPassword);
        await Submit(page);
        Assert.EndsWith("/verify-email", page.Url);

        await page.GotoAsync((await host.LetterAsync(old, "confirm your e-mail")).LinkTo("/verify-email"));
        Assert.DoesNotContain("token", page.Url); // the secret leaves the address
        await Submit(page);
        await page.GotoAsync("/account");
        Assert.Equal("/account", new Uri(page.Url).AbsolutePath);

        await page.ClickAsync("header form button");
        await page.GotoAsync("/account");
        Assert.Equal("/login", new Uri(page.Url).AbsolutePath);

        await page.GotoAsync("/forgot-password");
        await page.FillAsync("#email", old);
        await Submit(page);
        await page.GotoAsync((await host.LetterAsync(old, "reset")).LinkTo("/reset-password"));
        await page.FillAsync("#new-password", SecondPassword);
        await Submit(page);
        Assert.Equal("/login", new Uri(page.Url).AbsolutePath); // no automatic sign-in

        await SignIn(page, old, FirstPassword);
        Assert.True(await page.Locator("#error-summary").IsVisibleAsync());
        await SignIn(page, old, SecondPassword);
        Assert.Equal("/account", new Uri(page.Url).AbsolutePath);

        await page.GotoAsync("/account/email");
        await page.FillAsync("#email", moved);
        await page.FillAsync("#current-password", SecondPassword);
        await Submit(page);
        var confirm = await host.LetterAsync(moved, "confirm");
        await host.LetterAsync(old, "asked for"); // the old address is told before anything happens
        await page.GotoAsync(confirm.LinkTo("/confirm-email-change"));
        await Submit(page);
        await host.LetterAsync(moved, "changed");
        await host.LetterAsync(old, "changed");
        await page.GotoAsync("/account");
        Assert.Contains(moved, await page.ContentAsync(), StringComparison.Ordinal);

        var other = await browser.PersonAsync(
            host.Url,
            javaScript,
            agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        );
        await other.GotoAsync("/login");
        await SignIn(other, moved, SecondPassword);
        Assert.Equal("/account", new Uri(other.Url).AbsolutePath);
        await host.LetterAsync(moved, "sign-in");

        await page.GotoAsync("/account/sessions");
        Assert.Contains("Firefox on Linux", await page.ContentAsync(), StringComparison.Ordinal);
        await page.Locator(".session", new() { HasTextString = "Firefox on Linux" }).Locator("button").ClickAsync();
        Assert.DoesNotContain(
            "Firefox on Linux",
            await page.Locator("main").InnerTextAsync(),
            StringComparison.Ordinal
        );
        await other.GotoAsync("/account");
        Assert.Equal("/login", new Uri(other.Url).AbsolutePath);

        await page.GotoAsync("/account/close");
        await page.FillAsync("#current-password", SecondPassword);
        await Submit(page);
        await page.GotoAsync("/login");
        await SignIn(page, moved, SecondPassword);
        Assert.True(await page.Locator("#error-summary").IsVisibleAsync());
    }

    [Fact]
    public async Task A_password_change_signs_the_other_browser_out_and_keeps_this_one()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        await Register(page, "grace@example.com");
        var other = await browser.PersonAsync(host.Url);
        await other.GotoAsync("/login");
        await SignIn(other, "grace@example.com", FirstPassword);

        await page.GotoAsync("/account/password");
        await page.FillAsync("#current-password", FirstPassword);
        await page.FillAsync("#new-password", SecondPassword);
        await Submit(page);
        await page.GotoAsync("/account");
        Assert.Equal("/account", new Uri(page.Url).AbsolutePath);
        await other.GotoAsync("/account/sessions");
        Assert.Equal("/login", new Uri(other.Url).AbsolutePath);
    }

    [Fact]
    public async Task A_browser_is_still_signed_in_after_the_host_was_killed_and_started_again()
    {
        var port = Host.FreePort();
        var first = await Host.StartAsync(port: port);
        var page = await browser.PersonAsync(first.Url);
        await Register(page, "still@example.com");
        await first.KillAsync();
        await using var again = await Host.StartAsync(data: first.Data, port: port);
        await page.GotoAsync("/account");
        Assert.Equal("/account", new Uri(page.Url).AbsolutePath);
    }

    [Fact]
    public async Task Two_tabs_with_two_links_each_do_their_own_thing()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        await Register(page, "tab@example.com");
        var verify = (await host.LetterAsync("tab@example.com", "confirm your e-mail")).LinkTo("/verify-email");
        await page.GotoAsync("/forgot-password");
        await page.FillAsync("#email", "tab@example.com");
        await Submit(page);
        var reset = (await host.LetterAsync("tab@example.com", "reset")).LinkTo("/reset-password");

        var second = await page.Context.NewPageAsync();
        await page.GotoAsync(verify);
        await second.GotoAsync(reset);
        await Submit(page);
        Assert.False(await page.Locator("#error-summary").IsVisibleAsync());
        await second.FillAsync("#new-password", SecondPassword);
        await Submit(second);
        Assert.Equal("/login", new Uri(second.Url).AbsolutePath);
    }

    [Fact]
    public async Task A_form_that_was_open_while_another_tab_signed_out_is_shown_again_with_what_was_typed()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        await page.GotoAsync("/login");
        await page.Context.ClearCookiesAsync();
        await page.FillAsync("#identifier", "somebody@example.com");
        await page.FillAsync("#current-password", "whatever it was");
        await Submit(page);
        Assert.Equal("somebody@example.com", await page.InputValueAsync("#identifier"));
        Assert.Equal("", await page.InputValueAsync("#current-password"));
        Assert.Contains("sent no cookie", await page.Locator("main").InnerTextAsync(), StringComparison.Ordinal);

        await page.Context.ClearCookiesAsync();
        await page.Context.AddCookiesAsync([
            new()
            {
                Name = "another",
                Value = "1",
                Url = host.Url,
            },
        ]);
        await page.FillAsync("#identifier", "somebody@example.com");
        await Submit(page);
        Assert.Contains("open too long", await page.Locator("main").InnerTextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_console_link_makes_the_first_administrator_once()
    {
        await using var host = await Host.StartAsync();
        var link = (await host.LineAsync("/admin/setup"))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .First(w => w.StartsWith("http", StringComparison.Ordinal));
        var page = await browser.PersonAsync(host.Url);
        await page.GotoAsync(link);
        await page.FillAsync("#email", "root@example.com");
        await page.FillAsync("#new-password", FirstPassword);
        await Submit(page);
        Assert.Equal("/account", new Uri(page.Url).AbsolutePath);

        var late = await browser.PersonAsync(host.Url);
        await late.GotoAsync(link);
        Assert.Equal(0, await late.Locator("#new-password").CountAsync());
    }

    private static async Task Register(IPage page, string email)
    {
        await page.GotoAsync("/register");
        await page.FillAsync("#email", email);
        await page.FillAsync("#new-password", FirstPassword);
        await Submit(page);
    }

    private static async Task SignIn(IPage page, string identifier, string password)
    {
        await page.FillAsync("#identifier", identifier);
        await page.FillAsync("#current-password", password);
        await Submit(page);
    }

    private static Task Submit(IPage page) => page.Locator("main form .actions button[type=submit]").First.ClickAsync();
}
