using BlazorAuth.EndToEndTests.Support;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace BlazorAuth.EndToEndTests;

/// <summary>People with a fingerprint reader: they make a passkey, use it, give up, lose it.</summary>
public sealed class ThePasskeys(Browser browser) : IClassFixture<Browser>
{
    private const string Password = "a quiet first morning",
        Ada = "ada@example.com";

    private static readonly AxeRunOptions Rules = new()
    {
        RunOnly = new()
        {
            Type = "tag",
            Values = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
        },
    };

    private static async Task RegisterAsync(IPage page)
    {
        await page.GotoAsync("/register");
        await page.FillAsync("#email", Ada);
        await page.FillAsync("#new-password", Password);
        await page.Locator("main form .actions button[type=submit]").First.ClickAsync();
    }

    // Notices go to verified addresses only.
    private static async Task VerifyAsync(Host host, IPage page)
    {
        await page.GotoAsync((await host.LetterAsync(Ada, "confirm your e-mail")).LinkTo("/verify-email"));
        await page.Locator("main form .actions button[type=submit]").First.ClickAsync();
        await page.GetByText("Your e-mail address is verified").WaitForAsync();
    }

    private static async Task AddAsync(IPage page, string name = "")
    {
        await page.GotoAsync("/account/passkeys");
        await page.FillAsync("#passkey-name", name);
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await page.Locator(".session").First.WaitForAsync();
    }

    private static async Task SignOutAsync(IPage page)
    {
        await page.ClickAsync("header form button");
        await page.WaitForURLAsync("**/");
    }

    /// <summary>The sign-in page once its autofill waits for a choice; nobody touches the reader meanwhile.</summary>
    private static async Task OpenLoginAsync(IPage page, string path = "/login")
    {
        await page.RunAndWaitForResponseAsync(() => page.GotoAsync(path), "**/login/passkey");
        await Task.Delay(300);
    }

    private static ILocator Button(IPage page) =>
        page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" });

    [Fact]
    public async Task A_passkey_made_after_sign_up_signs_in_by_the_button()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        var reader = await VirtualAuthenticator.PlugInAsync(page);
        await RegisterAsync(page);
        await page.WaitForURLAsync("**/account/passkeys/offer?*");
        Assert.Empty((await page.RunAxe(Rules)).Violations);
        await page.GetByRole(AriaRole.Button, new() { Name = "Make a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/verify-email");
        Assert.Single(await reader.PasskeysAsync());

        await reader.TouchAsync(false);
        await SignOutAsync(page);
        await OpenLoginAsync(page, "/login?returnUrl=%2Faccount%2Fsessions");
        await reader.TouchAsync(true);
        await Button(page).ClickAsync();
        await page.WaitForURLAsync("**/account/sessions");
        await page.GotoAsync("/account/passkeys");
        Assert.Contains("Last used", await page.Locator(".session").InnerTextAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PublicKeyCredential.prototype.toJSON = () => { throw new TypeError('Illegal invocation'); };")]
    [InlineData("delete PublicKeyCredential.prototype.toJSON;")]
    public async Task A_password_manager_whose_toJSON_is_broken_makes_and_uses_a_passkey(string broken)
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        await page.AddInitScriptAsync(broken);
        var reader = await VirtualAuthenticator.PlugInAsync(page);
        await RegisterAsync(page);
        await page.WaitForURLAsync("**/account/passkeys/offer?*");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/verify-email");
        await reader.TouchAsync(false);
        await SignOutAsync(page);
        await OpenLoginAsync(page);
        await reader.TouchAsync(true);
        await Button(page).ClickAsync();
        await page.WaitForURLAsync("**/account");
    }

    [Fact]
    public async Task No_passkey_is_offered_at_an_address_that_none_can_be_made_for()
    {
        await using var host = await Host.StartAsync();
        var elsewhere = host.Url.Replace("localhost", "127.0.0.1", StringComparison.Ordinal);
        var page = await browser.PersonAsync(elsewhere);
        await VirtualAuthenticator.PlugInAsync(page);
        await page.GotoAsync("/login", new() { WaitUntil = WaitUntilState.NetworkIdle });
        Assert.False(await Button(page).IsVisibleAsync());
        page = await browser.PersonAsync(host.Url);
        await VirtualAuthenticator.PlugInAsync(page);
        await OpenLoginAsync(page);
        Assert.True(await Button(page).IsVisibleAsync());
    }

    [Fact]
    public async Task A_passkey_signs_in_by_autofill_and_never_stands_in_the_way_of_typing()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        await RegisterAsync(page);
        var reader = await VirtualAuthenticator.PlugInAsync(page);
        await AddAsync(page, "key ring");
        await reader.TouchAsync(false);
        await SignOutAsync(page);
        List<string> begun = [];
        page.Request += (_, request) =>
        {
            if (request.Method == "POST")
                begun.Add(new Uri(request.Url).AbsolutePath);
        };
        await OpenLoginAsync(page);
        await page.FillAsync("#identifier", "somebody else");
        Assert.Equal(["/login/passkey"], begun); // once
        Assert.Equal("somebody else", await page.InputValueAsync("#identifier"));
        await reader.TouchAsync(true); // picks what is offered
        await page.GotoAsync("/login?returnUrl=%2Faccount%2Fkeys");
        await page.WaitForURLAsync("**/account/keys");
    }

    [Fact]
    public async Task Who_gives_up_is_not_shouted_at_and_signs_in_otherwise()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        await RegisterAsync(page);
        var reader = await VirtualAuthenticator.PlugInAsync(page);
        await reader.KnowAsync(false);
        await page.GotoAsync("/account/passkeys");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await page.GetByText("No passkey was made.").WaitForAsync();
        await reader.KnowAsync(true);
        await AddAsync(page);
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/account/step-up?*with=factor"); // a second one needs a proof by the first
        await page.GetByRole(AriaRole.Button, new() { Name = "Confirm with a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/account/passkeys");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await page.GetByText("You already have a passkey here.").WaitForAsync();

        await reader.TouchAsync(false);
        await SignOutAsync(page);
        await OpenLoginAsync(page);
        await reader.KnowAsync(false);
        await reader.TouchAsync(true);
        await Button(page).ClickAsync();
        await page.GetByText("No passkey was used.").WaitForAsync();
        Assert.False(await page.Locator("#error-summary").IsVisibleAsync());
        await page.FillAsync("#identifier", Ada);
        await page.FillAsync("#current-password", Password);
        await page.Locator("main form .actions button[type=submit]").First.ClickAsync();
        await page.WaitForURLAsync("**/account");
    }

    [Fact]
    public async Task A_passkey_that_was_removed_elsewhere_is_refused_with_a_word_and_forgotten()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        await page.AddInitScriptAsync(
            """
            globalThis.told = [];
            for (const what of ["signalUnknownCredential", "signalAllAcceptedCredentials", "signalCurrentUserDetails"])
              PublicKeyCredential[what] = async facts => { told.push([what, facts]); };
            """
        );
        await RegisterAsync(page);
        await VerifyAsync(host, page);
        var reader = await VirtualAuthenticator.PlugInAsync(page);
        await AddAsync(page, "key ring");
        await page.GotoAsync("/account");
        Assert.Equal(
            Ada,
            await page.EvaluateAsync<string>("told.find(t => t[0] === 'signalCurrentUserDetails')[1].name")
        );
        await reader.TouchAsync(false);
        await SignOutAsync(page);

        var elsewhere = await browser.PersonAsync(host.Url);
        await elsewhere.GotoAsync((await host.LetterAsync(Ada, "passkey was added")).LinkTo("/undo"));
        await elsewhere.Locator("main form .actions button[type=submit]").First.ClickAsync();
        await elsewhere.GetByText("It is taken back").WaitForAsync();

        await OpenLoginAsync(page);
        await reader.TouchAsync(true);
        await Button(page).ClickAsync();
        await page.Locator("#error-summary").WaitForAsync();
        Assert.Contains(
            "The passkey was not accepted",
            await page.Locator("#error-summary").InnerTextAsync(),
            StringComparison.Ordinal
        );
        var id = (await reader.PasskeysAsync())[0]
            .GetProperty("credentialId")
            .GetString()!
            .TrimEnd('=')
            .Replace('+', '-')
            .Replace('/', '_');
        Assert.Equal(
            id,
            await page.EvaluateAsync<string>("told.find(t => t[0] === 'signalUnknownCredential')[1].credentialId")
        );
    }

    [Fact]
    public async Task A_proof_by_passkey_comes_back_to_the_form_as_it_was()
    {
        await using var host = await Host.StartAsync(settings: ("BlazorAuth__Sessions__StepUpWindow", "00:00:06"));
        var page = await browser.PersonAsync(host.Url);
        await RegisterAsync(page);
        var reader = await VirtualAuthenticator.PlugInAsync(page);
        await AddAsync(page, "first");
        await page.AddInitScriptAsync(
            "globalThis.told = []; PublicKeyCredential.signalAllAcceptedCredentials = async facts => { told.push(facts); };"
        );
        await Task.Delay(6100);
        await page.GetByRole(AriaRole.Link, new() { Name = "Rename or remove" }).ClickAsync();
        await page.FillAsync("#passkey-name", "renamed");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save the name" }).ClickAsync();
        await page.WaitForURLAsync("**/account/step-up?*");
        await page.GetByRole(AriaRole.Button, new() { Name = "Confirm with a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/account/passkeys/*");
        Assert.Equal("renamed", await page.InputValueAsync("#passkey-name"));
        await page.GetByRole(AriaRole.Button, new() { Name = "Save the name" }).ClickAsync();
        await page.GetByText("The passkey has its new name.").WaitForAsync();

        await Task.Delay(6100);
        await page.FillAsync("#passkey-name", "second");
        await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/account/step-up?*"); // the script sends the form, and the page asks
        await page.GetByRole(AriaRole.Button, new() { Name = "Confirm with a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/account/passkeys");
        Assert.Equal("second", await page.InputValueAsync("#passkey-name"));

        await page.GetByRole(AriaRole.Link, new() { Name = "Rename or remove" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Remove this passkey" }).ClickAsync();
        await page.GetByText("You have no passkey yet.").WaitForAsync();
        Assert.Equal(0, await page.EvaluateAsync<int>("told.at(-1).allAcceptedCredentialIds.length"));
        Assert.NotEmpty(await reader.PasskeysAsync());
    }

    [Fact]
    public async Task Two_tabs_finish_what_each_began()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url);
        await RegisterAsync(page);
        var reader = await VirtualAuthenticator.PlugInAsync(page);
        await AddAsync(page);
        await reader.TouchAsync(false);
        await SignOutAsync(page);
        await OpenLoginAsync(page);
        var (begun, other) = (new TaskCompletionSource(), new TaskCompletionSource());
        await page.RouteAsync(
            "**/login/passkey",
            async route =>
            {
                var answer = await route.FetchAsync();
                begun.SetResult();
                await other.Task;
                await route.FulfillAsync(new() { Response = answer });
            }
        );
        await reader.TouchAsync(true);
        await Button(page).ClickAsync();
        await begun.Task;
        var second = await page.Context.NewPageAsync();
        await second.RunAndWaitForResponseAsync(() => second.GotoAsync("/login"), "**/login/passkey");
        other.SetResult();
        await page.WaitForURLAsync("**/account");
    }

    [Fact]
    public async Task Without_scripts_there_is_a_word_instead_of_a_dead_button()
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url, javaScript: false);
        await page.GotoAsync("/login");
        Assert.False(await Button(page).IsVisibleAsync());
        await RegisterAsync(page);
        await page.GotoAsync("/account/passkeys");
        Assert.False(await page.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).IsVisibleAsync());
        Assert.True(await page.GetByText("open this page in a browser that knows them").IsVisibleAsync());
        await page.GotoAsync("/account/passkeys/offer?returnUrl=%2Faccount%2Fsessions");
        await page.GetByRole(AriaRole.Link, new() { Name = "Not now" }).ClickAsync();
        Assert.EndsWith("/account/sessions", page.Url);
    }

    [Theory]
    [InlineData(ColorScheme.Light, 1100)]
    [InlineData(ColorScheme.Dark, 320)]
    public async Task The_pages_pass_axe_and_reflow(ColorScheme scheme, int width)
    {
        await using var host = await Host.StartAsync();
        var page = await browser.PersonAsync(host.Url, scheme: scheme, width: width);
        await RegisterAsync(page);
        var reader = await VirtualAuthenticator.PlugInAsync(page);
        await AddAsync(page, "The phone I always have with me, whatever happens");
        await reader.TouchAsync(false);
        var one = await page.GetByRole(AriaRole.Link, new() { Name = "Rename or remove" }).GetAttributeAsync("href");
        foreach (var path in new[] { "/account/passkeys", one!, "/account/step-up", "/account" })
        {
            await page.GotoAsync(path);
            Assert.Empty((await page.RunAxe(Rules)).Violations);
            Assert.False(
                await page.EvaluateAsync<bool>(
                    "document.documentElement.scrollWidth > document.documentElement.clientWidth"
                ),
                path
            );
            if (Environment.GetEnvironmentVariable("PICTURES") is { Length: > 0 } folder)
                await page.ScreenshotAsync(
                    new()
                    {
                        Path = Path.Combine(
                            folder,
                            $"{scheme}-{width}-{path.Trim('/').Replace('/', '-')[..Math.Min(18, path.Length - 1)]}.png"
                        ),
                        FullPage = true,
                    }
                );
        }
    }
}
