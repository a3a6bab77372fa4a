using System.Buffers.Binary;
using System.Security.Cryptography;
using BlazorAuth.EndToEndTests.Support;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace BlazorAuth.EndToEndTests;

/// <summary>An authenticator app, set up and used in a browser, with and without JavaScript.</summary>
public sealed class TheSecondFactor(Browser browser) : IClassFixture<Browser>
{
    private const string Password = "a quiet first morning",
        Ada = "ada@example.com";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Set_up_sign_in_with_a_code_then_a_recovery_code_then_take_it_off(bool javaScript)
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url, javaScript);
        var (secret, codes) = await SetUp(page, verifiedAt: host);
        await host.LetterAsync(Ada, "second factor is on");

        var other = await browser.PersonAsync(host.Url, javaScript);
        await SignIn(other, "/login?returnUrl=/account/keys");
        Assert.Equal("/login/second-factor", new Uri(other.Url).AbsolutePath);
        await other.FillAsync("#code", "000000");
        await Submit(other);
        Assert.True(await other.Locator("#error-summary").IsVisibleAsync());
        await other.FillAsync("#code", Code(secret, 30));
        await Submit(other);
        Assert.Equal("/account/keys", new Uri(other.Url).AbsolutePath);

        await other.Context.ClearCookiesAsync();
        await SignIn(other);
        await other.ClickAsync("summary");
        await other.FillAsync("#recovery-code", codes[4].ToUpperInvariant());
        await other.ClickAsync("details form button");
        Assert.Equal("/account", new Uri(other.Url).AbsolutePath);
        await host.LetterAsync(Ada, "recovery code was used");

        await page.GotoAsync("/account/two-factor");
        Assert.Contains("9 of 10 left", await page.Locator("main").InnerTextAsync(), StringComparison.Ordinal);
        await page.ClickAsync("summary:text('Remove')");
        await page.ClickAsync("button[value=remove]");
        await host.LetterAsync(Ada, "second factor is off");
        await other.GotoAsync("/account");
        Assert.Equal("/login", new Uri(other.Url).AbsolutePath); // signed out by the change
        await SignIn(other);
        Assert.Equal("/account", new Uri(other.Url).AbsolutePath);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_codes_are_kept_until_they_are_saved_and_come_as_a_file(bool javaScript)
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url, javaScript);
        var (_, codes) = await SetUp(page, save: false);
        await page.ClickAsync(".saved button"); // without the tick the browser stays
        Assert.Equal(10, await page.Locator(".codes li").CountAsync());
        var file = await page.RunAndWaitForDownloadAsync(() => page.ClickAsync("a[download]"));
        Assert.Equal("blazorauth-recovery-codes.txt", file.SuggestedFilename);
        var text = await File.ReadAllTextAsync((await file.PathAsync())!);
        Assert.All(codes, code => Assert.Contains(code, text, StringComparison.Ordinal));
        Assert.Equal(javaScript, await page.Locator("[data-print]").IsVisibleAsync());
        if (javaScript)
        {
            await page.Context.GrantPermissionsAsync(["clipboard-read", "clipboard-write"]);
            await page.ClickAsync("[data-copy]");
            await page.WaitForFunctionAsync(
                "document.querySelector('[data-copy] + [role=status]').textContent == 'Copied'"
            );
            Assert.Equal(string.Join('\n', codes), await page.EvaluateAsync<string>("navigator.clipboard.readText()"));
        }
        await page.CheckAsync("#saved");
        await page.ClickAsync(".saved button");
        Assert.Contains("10 of 10 left", await page.Locator("main").InnerTextAsync(), StringComparison.Ordinal);
        Assert.Equal("/account/two-factor", new Uri(page.Url).AbsolutePath);
    }

    [Fact]
    public async Task A_remembered_browser_is_asked_for_the_password_only_until_it_is_forgotten()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        var (secret, codes) = await SetUp(page);
        var other = await browser.PersonAsync(
            host.Url,
            agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        );
        await SignIn(other);
        Assert.False(await other.IsCheckedAsync("#remember"));
        await other.CheckAsync("#remember");
        await other.FillAsync("#code", Code(secret, 30));
        await Submit(other);
        await other.ClickAsync("header form button");
        await SignIn(other);
        Assert.Equal("/account", new Uri(other.Url).AbsolutePath);
        await other.ClickAsync("header form button");

        await page.GotoAsync("/account/sessions");
        await page.Locator(".session", new() { HasTextString = "Firefox on Linux" })
            .Locator("button[name=device]")
            .ClickAsync();
        await SignIn(other);
        Assert.Equal("/login/second-factor", new Uri(other.Url).AbsolutePath);
        await other.ClickAsync("summary");
        await other.FillAsync("#recovery-code", codes[0]);
        await other.ClickAsync("details form button");
        Assert.Equal("/account", new Uri(other.Url).AbsolutePath);
    }

    [Fact]
    public async Task Two_tabs_show_one_set_up_and_end_one_sign_in()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        await SignUp(page);
        await page.GotoAsync("/account/two-factor");
        var tab = await page.Context.NewPageAsync();
        await tab.GotoAsync("/account/two-factor");
        await page.ClickAsync("button[value=begin]");
        var secret = await SecretOf(page);
        await tab.ReloadAsync();
        Assert.Equal(secret, await SecretOf(tab));
        await tab.FillAsync("#code", "000000");
        await Submit(tab);
        Assert.Equal(secret, await SecretOf(tab));
        await tab.FillAsync("#code", Code(secret));
        await Submit(tab);
        Assert.Equal(10, await tab.Locator(".codes li").CountAsync());
        await page.FillAsync("#code", Code(secret, 30));
        await Submit(page);
        Assert.True(await page.Locator("#error-summary").IsVisibleAsync());

        await page.Context.ClearCookiesAsync();
        await SignIn(page);
        await SignIn(tab);
        await page.FillAsync("#code", Code(secret, 30));
        await Submit(page);
        Assert.Equal("/account", new Uri(page.Url).AbsolutePath);
        await tab.ReloadAsync();
        Assert.Equal("/account", new Uri(tab.Url).AbsolutePath);
    }

    [Fact]
    public async Task A_page_of_its_own_signs_in_through_the_module()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        var (secret, codes) = await SetUp(page);
        await page.Context.ClearCookiesAsync();
        await page.GotoAsync("/");
        var told = await page.EvaluateAsync<string[]>(
            """
            async ([identifier, password, code, recoveryCode]) => {
              const { createClient } = await import("/blazorauth.js"), auth = createClient(), told = [];
              let due = await auth.signIn(identifier, password);
              told.push(String(due.user), due.methods.join(" "));
              told.push((await auth.signInWithSecondFactor(due.ticket, "000000").catch(fault => fault)).code);
              told.push((await auth.signInWithSecondFactor(due.ticket, code)).user.email);
              due = await auth.signIn(identifier, password);
              told.push((await auth.signInWithRecoveryCode(due.ticket, recoveryCode)).user.email);
              return told;
            }
            """,
            new[] { Ada, Password, Code(secret, 30), codes[1] }
        );
        Assert.Equal(["null", "totp recovery_code", "second_factor_invalid", Ada, Ada], told);
    }

    [Theory]
    [InlineData(ColorScheme.Light, 1100)]
    [InlineData(ColorScheme.Dark, 320)]
    public async Task Every_state_passes_axe_and_reflows(ColorScheme scheme, int width)
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url, scheme: scheme, width: width);
        List<string> faults = [];
        page.Console += (_, message) =>
        {
            if (message.Type == "error" && !message.Text.Contains("status of 4", StringComparison.Ordinal))
                faults.Add($"{page.Url}: {message.Text}");
        };
        await SignUp(page);
        await page.GotoAsync("/account/two-factor");
        await Check("off");
        await page.ClickAsync("button[value=begin]");
        await Check("set-up");
        var secret = await SecretOf(page);
        await page.FillAsync("#code", "000000");
        await Submit(page);
        await Check("set-up-refused");
        await page.FillAsync("#code", Code(secret));
        await Submit(page);
        var codes = await page.Locator(".codes li").AllInnerTextsAsync();
        await Check("codes");
        await page.EmulateMediaAsync(new() { Media = Media.Print, ColorScheme = scheme });
        await Shot("codes-print");
        Assert.False(await page.Locator(".saved").IsVisibleAsync());
        Assert.True(await page.Locator(".codes").IsVisibleAsync());
        await page.EmulateMediaAsync(new() { Media = Media.Screen, ColorScheme = scheme });
        await page.GotoAsync("/account/two-factor");
        await Check("on");
        foreach (var summary in await page.Locator("summary").AllAsync())
            await summary.ClickAsync();
        await Check("on-open");

        var other = await browser.PersonAsync(host.Url);
        for (var i = 0; i < 8; i++)
        {
            await SignIn(other);
            await other.ClickAsync("summary");
            await other.FillAsync("#recovery-code", codes[i]);
            await other.ClickAsync("details form button");
            await other.ClickAsync("header form button");
        }
        await page.ReloadAsync();
        await Check("on-two-left");
        await page.GotoAsync("/account");
        await Check("overview");

        await page.Context.ClearCookiesAsync();
        await page.GotoAsync("/login/second-factor");
        await Check("no-ticket");
        await SignIn(page);
        await Check("code");
        await Submit(page);
        await Check("code-refused");
        await page.ClickAsync("summary");
        await Check("recovery");
        await page.ClickAsync("details form button");
        await Check("recovery-refused");
        await page.CheckAsync("#remember");
        await page.FillAsync("#code", Code(secret, 30));
        await Submit(page);
        await page.GotoAsync("/account/sessions");
        await page.ClickAsync("summary");
        await Check("sessions");
        Assert.Empty(faults);

        async Task Check(string state)
        {
            await Shot(state);
            var where = $"{state} {scheme} {width}";
            var found = await page.RunAxe(
                new AxeRunOptions
                {
                    RunOnly = new()
                    {
                        Type = "tag",
                        Values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
                    },
                }
            );
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

        async Task Shot(string state)
        {
            if (Environment.GetEnvironmentVariable("SCREENSHOTS") is { Length: > 0 } folder)
                await page.ScreenshotAsync(
                    new() { Path = Path.Combine(folder, $"{state}-{scheme}.png".ToLowerInvariant()), FullPage = true }
                );
        }
    }

    private static async Task<(string Secret, IReadOnlyList<string> Codes)> SetUp(
        IPage page,
        bool save = true,
        Host? verifiedAt = null
    )
    {
        await SignUp(page);
        if (verifiedAt is not null)
        {
            // Notices go to verified addresses only.
            await page.GotoAsync((await verifiedAt.LetterAsync(Ada, "confirm your e-mail")).LinkTo("/verify-email"));
            await Submit(page);
            await page.GetByText("Your e-mail address is verified").WaitForAsync();
        }
        await page.GotoAsync("/account/two-factor");
        await page.ClickAsync("button[value=begin]");
        var secret = await SecretOf(page);
        await page.FillAsync("#code", Code(secret));
        await Submit(page);
        var codes = await page.Locator(".codes li").AllInnerTextsAsync();
        Assert.Equal(10, codes.Count);
        if (save)
        {
            await page.CheckAsync("#saved");
            await page.ClickAsync(".saved button");
        }
        return (secret, codes);
    }

    // As shown: in groups of four.
    private static async Task<string> SecretOf(IPage page) =>
        (await page.Locator(".key code").InnerTextAsync()).Replace(" ", "", StringComparison.Ordinal);

    private static async Task SignUp(IPage page)
    {
        await page.GotoAsync("/register");
        await page.FillAsync("#email", Ada);
        await page.FillAsync("#new-password", Password);
        await Submit(page);
    }

    private static async Task SignIn(IPage page, string path = "/login")
    {
        await page.GotoAsync(path);
        await page.FillAsync("#identifier", Ada);
        await page.FillAsync("#current-password", Password);
        await Submit(page);
    }

    private static Task Submit(IPage page) => page.Locator("main form .actions button[type=submit]").First.ClickAsync();

    // RFC 6238, written down a second time: what an app shows, now or in a while.
    private static string Code(string base32, int seconds = 0)
    {
        var bits = string.Concat(
            base32.Select(c =>
                Convert
                    .ToString("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".IndexOf(c, StringComparison.Ordinal), 2)
                    .PadLeft(5, '0')
            )
        );
        var counter = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(
            counter,
            DateTimeOffset.UtcNow.AddSeconds(seconds).ToUnixTimeSeconds() / 30
        );
        var mac = HMACSHA1.HashData(
            bits.Chunk(8).Select(octet => Convert.ToByte(new string(octet), 2)).ToArray(),
            counter
        );
        return ((BinaryPrimitives.ReadInt32BigEndian(mac.AsSpan(mac[^1] & 15)) & int.MaxValue) % 1_000_000).ToString(
            "D6"
        );
    }
}
