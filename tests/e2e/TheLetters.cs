using System.Text.RegularExpressions;
using BlazorAuth.EndToEndTests.Support;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace BlazorAuth.EndToEndTests;

/// <summary>Emails that sign in, and emails that take something back, read from the folder on the disk.</summary>
public sealed class TheLetters(Browser browser) : IClassFixture<Browser>
{
    private const string Ada = "ada@example.com",
        Password = "a quiet first morning",
        Thiefs = "an even quieter second",
        Next = "a third and last one";

    private static readonly AxeRunOptions Rules = new()
    {
        RunOnly = new()
        {
            Type = "tag",
            Values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
        },
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Sign_in_by_the_code_of_a_email(bool javaScript)
    {
        await using var host = await Host.StartAsync();
        await MemberAsync(host);
        var page = await browser.PersonAsync(host.Url, javaScript);
        await page.GotoAsync("/account/sessions"); // asks to sign in, and is where one wants to be
        await page.ClickAsync("text=E-mail me a code");
        await page.FillAsync("#email", Ada);
        await Submit(page);
        Assert.Contains(
            $"If there is an account with {Ada}",
            await page.Locator(".banner").InnerTextAsync(),
            StringComparison.Ordinal
        );
        await page.FillAsync("#code", "000 000");
        await Submit(page);
        Assert.True(await page.Locator("#error-summary").IsVisibleAsync());
        var code = CodeIn(await host.LetterAsync(Ada, "code to sign in"));
        await page.FillAsync("#code", $"{code[..3]} {code[3..]}");
        await Submit(page);
        Assert.Equal("/account/sessions", new Uri(page.Url).AbsolutePath);
    }

    [Fact]
    public async Task Sign_in_by_the_link_in_the_browser_that_asked_and_knowingly_in_another()
    {
        await using var host = await Host.StartAsync();
        await MemberAsync(host);
        foreach (var elsewhere in new[] { false, true })
        {
            var page = await browser.PersonAsync(host.Url, javaScript: false);
            await page.GotoAsync("/login/email-code");
            await page.FillAsync("#email", Ada);
            await Submit(page);
            await Task.Delay(TimeSpan.FromSeconds(2)); // the newest email is the one just asked for
            var link = (await host.LetterAsync(Ada, "code to sign in")).LinkTo("/login/email-link");
            var reader = elsewhere ? await browser.PersonAsync(host.Url, javaScript: false) : page;
            await reader.GotoAsync(link);
            Assert.DoesNotContain("token", reader.Url, StringComparison.Ordinal);
            Assert.Contains(Ada, await reader.Locator("main").InnerTextAsync(), StringComparison.Ordinal);
            Assert.Equal(
                elsewhere ? 1 : 0,
                await reader.GetByText("You asked for this in another browser").CountAsync()
            );
            await Submit(reader);
            Assert.Equal("/account", new Uri(reader.Url).AbsolutePath);
            await page.GotoAsync("/account");
            Assert.Equal(elsewhere ? "/login" : "/account", new Uri(page.Url).AbsolutePath);
        }
    }

    [Fact]
    public async Task A_password_that_somebody_else_changed_is_taken_back_and_the_owner_chooses_one()
    {
        await using var host = await Host.StartAsync();
        var thief = await MemberAsync(host);
        await thief.GotoAsync("/account/password");
        await thief.FillAsync("#current-password", Password);
        await thief.FillAsync("#new-password", Thiefs);
        await Submit(thief);
        var owner = await browser.PersonAsync(host.Url, javaScript: false);
        await TakeBackAsync(owner, await host.LetterAsync(Ada, "password was changed"));
        await thief.GotoAsync("/account");
        Assert.Equal("/login", new Uri(thief.Url).AbsolutePath);
        await SignIn(thief, Ada, Thiefs);
        Assert.True(await thief.Locator("#error-summary").IsVisibleAsync());
        await ResetAsync(host, owner);
    }

    [Fact]
    public async Task An_address_that_somebody_else_changed_comes_back_and_the_owner_chooses_a_password()
    {
        await using var host = await Host.StartAsync();
        var thief = await MemberAsync(host);
        await thief.GotoAsync("/account/email");
        await thief.FillAsync("#email", "evil@example.com");
        await thief.FillAsync("#current-password", Password);
        await Submit(thief);
        await thief.GotoAsync((await host.LetterAsync("evil@example.com", "confirm")).LinkTo("/confirm-email-change"));
        await Submit(thief);
        var owner = await browser.PersonAsync(host.Url, javaScript: false);
        await TakeBackAsync(owner, await host.LetterAsync(Ada, "address was changed"));
        await thief.GotoAsync("/account");
        Assert.Equal("/login", new Uri(thief.Url).AbsolutePath);
        await ResetAsync(host, owner);
        await owner.GotoAsync("/account");
        Assert.Contains(Ada, await owner.ContentAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_browser_module_signs_in_by_a_code()
    {
        await using var host = await Host.StartAsync();
        await MemberAsync(host);
        var page = await browser.PersonAsync(host.Url);
        await page.GotoAsync("/login");
        await page.EvaluateAsync(
            "async email => { window.auth = (await import('/blazorauth.js')).createClient(); window.ticket = await auth.sendEmailCode(email); }",
            Ada
        );
        var code = CodeIn(await host.LetterAsync(Ada, "code to sign in"));
        Assert.Equal(
            Ada,
            await page.EvaluateAsync<string>(
                "async code => (await auth.signInWithEmailCode(ticket, code)).user.email",
                code
            )
        );
    }

    [Theory]
    [InlineData(ColorScheme.Light, 1100)]
    [InlineData(ColorScheme.Dark, 320)]
    public async Task Their_pages_pass_axe_and_reflow(ColorScheme scheme, int width)
    {
        await using var host = await Host.StartAsync();
        var thief = await MemberAsync(host);
        await thief.GotoAsync("/account/email");
        await thief.FillAsync("#email", "evil@example.com");
        await thief.FillAsync("#current-password", Password);
        await Submit(thief);
        await thief.GotoAsync((await host.LetterAsync("evil@example.com", "confirm")).LinkTo("/confirm-email-change"));
        await Submit(thief);
        var page = await browser.PersonAsync(host.Url, scheme: scheme, width: width);
        List<string> faults = [];
        foreach (
            var path in new[]
            {
                "/login",
                "/login/email-code",
                "/login/email-link",
                "/login/email-link?token=nonsense",
                "/undo",
                "/undo?token=nonsense",
            }
        )
            await CheckAsync(path);
        await CheckAsync((await host.LetterAsync(Ada, "address was changed")).LinkTo("/undo"));
        await page.GotoAsync("/login/email-code");
        await Submit(page);
        await CheckAsync(null); // without an address
        await page.FillAsync("#email", "evil@example.com");
        await Submit(page);
        await CheckAsync(null); // the code is asked for
        await Submit(page);
        await CheckAsync(null); // without one
        var link = (await host.LetterAsync("evil@example.com", "code to sign in")).LinkTo("/login/email-link");
        await CheckAsync(link);
        await page.Context.ClearCookiesAsync();
        await CheckAsync(link); // as another browser sees it
        Assert.Empty(faults);

        async Task CheckAsync(string? path)
        {
            if (path is not null)
                await page.GotoAsync(path);
            var where = $"{path ?? page.Url} {scheme} {width}";
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
            if (await page.Locator("h1").CountAsync() != 1)
                faults.Add($"{where}: one h1");
        }
    }

    /// <summary>Somebody with a verified address, signed in.</summary>
    private async Task<IPage> MemberAsync(Host host)
    {
        var page = await browser.PersonAsync(host.Url, javaScript: false);
        await page.GotoAsync("/register");
        await page.FillAsync("#email", Ada);
        await page.FillAsync("#new-password", Password);
        await Submit(page);
        await page.GotoAsync((await host.LetterAsync(Ada, "confirm your e-mail")).LinkTo("/verify-email"));
        await Submit(page);
        return page;
    }

    private static async Task TakeBackAsync(IPage page, Letter letter)
    {
        await page.GotoAsync(letter.LinkTo("/undo"));
        Assert.DoesNotContain("token", page.Url, StringComparison.Ordinal);
        await Submit(page);
        Assert.Equal("/login", new Uri(page.Url).AbsolutePath);
        Assert.Contains("It is taken back", await page.Locator(".banner").InnerTextAsync(), StringComparison.Ordinal);
    }

    private static async Task ResetAsync(Host host, IPage page)
    {
        await page.GotoAsync((await host.LetterAsync(Ada, "reset")).LinkTo("/reset-password"));
        await page.FillAsync("#new-password", Next);
        await Submit(page);
        await SignIn(page, Ada, Next);
        Assert.Equal("/account", new Uri(page.Url).AbsolutePath);
    }

    private static string CodeIn(Letter letter) =>
        Regex.Match(letter.Text, "^([0-9]{6})\\r?$", RegexOptions.Multiline).Groups[1].Value;

    private static async Task SignIn(IPage page, string email, string password)
    {
        await page.GotoAsync("/login");
        await page.FillAsync("#identifier", email);
        await page.FillAsync("#current-password", password);
        await Submit(page);
    }

    private static Task Submit(IPage page) => page.Locator("main form .actions button[type=submit]").First.ClickAsync();
}
