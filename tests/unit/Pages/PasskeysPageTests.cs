using System.Text.Json;
using BlazorAuth.Core.Passkeys;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Pages;

/// <summary>
/// The pages with the script's part played by the test: options by POST, the answer in the page's form.
/// </summary>
[Collection(SiteCollection.Name)]
public sealed class PasskeysPageTests(RunningSite site)
{
    private const string Password = "correct horse battery";

    private readonly SoftAuthenticator device = new("http://localhost:5080") { Counter = 1 };
    private readonly string email = $"{Guid.NewGuid():N}@example.com";

    private async Task<Visitor> MemberAsync()
    {
        await site.PairAsync(email, Password);
        var visitor = new Visitor(site);
        Assert.Equal(303, (await visitor.SignInAsync(email, Password)).Status);
        return visitor;
    }

    private static async Task<Ceremony> BeginAsync(Visitor visitor, string page, string form, string options)
    {
        var answer = await visitor.SendFormAsync(options, Visitor.FormOf(await visitor.GetAsync(page), form));
        Assert.Equal(200, answer.Status);
        var json = JsonElement.Parse(answer.Body);
        return new(json.GetProperty("ticket").GetString()!, json.GetProperty("options").GetRawText());
    }

    private async Task<Visitor> WithPasskeyAsync()
    {
        var visitor = await MemberAsync();
        var begun = await BeginAsync(visitor, "/account/passkeys", "add", "/account/passkeys/begin");
        var added = await visitor.FillInAsync(
            "/account/passkeys",
            "add",
            ("ticket", begun.Ticket),
            ("credential", device.Create(begun)),
            ("passkey-name", "a <b>key</b>")
        );
        Assert.Equal((303, "/account/passkeys"), (added.Status, added.Location));
        device.Counter++;
        return visitor;
    }

    // To remove one, a passkey or an app must have proven who asks.
    private async Task ConfirmAsync(Visitor visitor)
    {
        var begun = await BeginAsync(visitor, "/account/step-up", "step-up-passkey", "/account/step-up/passkey");
        var answer = await visitor.FillInAsync(
            "/account/step-up",
            "step-up-passkey",
            ("ticket", begun.Ticket),
            ("credential", device.Get(begun))
        );
        Assert.Equal(303, answer.Status);
        device.Counter++;
    }

    private async Task<Answer> SignInAsync(Visitor visitor, string page = "/login")
    {
        var begun = await BeginAsync(visitor, page, "passkey", "/login/passkey");
        return await visitor.FillInAsync(page, "passkey", ("ticket", begun.Ticket), ("credential", device.Get(begun)));
    }

    [Fact]
    public async Task A_passkey_is_added_renamed_and_removed_on_the_pages()
    {
        var visitor = await WithPasskeyAsync();
        var list = await visitor.GetAsync("/account/passkeys");
        Assert.Contains("a &lt;b&gt;key&lt;/b&gt;", list, StringComparison.Ordinal);
        Assert.Contains("This device only", list, StringComparison.Ordinal);
        var one = "/account/passkeys/" + device.Id;
        Assert.Equal(422, (await visitor.FillInAsync(one, "rename", ("passkey-name", " "))).Status);
        Assert.Equal(
            "/account/passkeys",
            (await visitor.FillInAsync(one, "rename", ("passkey-name", "key ring"))).Location
        );
        Assert.Contains("key ring", await visitor.GetAsync("/account/passkeys"), StringComparison.Ordinal);
        var asked = await visitor.FillInAsync(one, "remove");
        Assert.EndsWith("&with=factor", asked.Location, StringComparison.Ordinal);
        await ConfirmAsync(visitor);
        var removal = Visitor.FormOf(await visitor.GetAsync(one), "remove");
        Assert.Equal((303, "/account/passkeys"), await visitor.PostAsync(one, removal));
        Assert.Contains("no passkey yet", await visitor.GetAsync("/account/passkeys"), StringComparison.Ordinal);
        Assert.Equal(422, (await visitor.PostAsync(one, removal)).Status);
        Assert.Equal("", await visitor.GetAsync(one)); // back to the list
    }

    [Fact]
    public async Task A_passkey_signs_in_and_leads_where_the_page_was_asked_to()
    {
        await WithPasskeyAsync();
        var visitor = new Visitor(site);
        var answer = await SignInAsync(visitor, "/login?returnUrl=%2Faccount%2Fsessions");
        Assert.Equal((303, "/account/sessions"), (answer.Status, answer.Location));
        Assert.Contains("<h1", await visitor.GetAsync("/account"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_removed_passkey_is_refused_with_a_word_and_the_browser_is_told_to_forget_it()
    {
        var owner = await WithPasskeyAsync();
        var known = await SignInAsync(new Visitor(site));
        Assert.Equal(303, known.Status);
        var again = await SignInAsync(new Visitor(site)); // the counter stands still
        Assert.Equal(422, again.Status);
        Assert.DoesNotContain("passkey-signal", again.Body, StringComparison.Ordinal);
        device.Counter++;
        await ConfirmAsync(owner);
        await owner.FillInAsync("/account/passkeys/" + device.Id, "remove");
        device.Counter++;
        var refused = await SignInAsync(new Visitor(site));
        Assert.Equal(422, refused.Status);
        Assert.Contains("The passkey was not accepted", refused.Body, StringComparison.Ordinal);
        Assert.Contains($"data-unknown=\"{device.Id}\"", refused.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_passkey_confirms_on_the_step_up_page()
    {
        var visitor = await WithPasskeyAsync();
        var begun = await BeginAsync(visitor, "/account/step-up", "step-up-passkey", "/account/step-up/passkey");
        var answer = await visitor.FillInAsync(
            "/account/step-up?returnUrl=%2Faccount%2Fkeys",
            "step-up-passkey",
            ("ticket", begun.Ticket),
            ("credential", device.Get(begun))
        );
        Assert.Equal((303, "/account/keys"), (answer.Status, answer.Location));
        Assert.Equal(
            422,
            (
                await visitor.FillInAsync(
                    "/account/step-up",
                    "step-up-passkey",
                    ("ticket", begun.Ticket),
                    ("credential", "{}")
                )
            ).Status
        );
    }

    [Theory]
    [InlineData("/login/passkey")]
    [InlineData("/account/passkeys/begin")]
    [InlineData("/account/step-up/passkey")]
    public async Task A_ceremony_begins_only_with_the_forms_token(string path)
    {
        var visitor = await MemberAsync();
        using var content = new FormUrlEncodedContent([new("__RequestVerificationToken", "nonsense")]);
        foreach (
            var body in new HttpContent?[]
            {
                null,
                content,
                new StringContent("{}", System.Text.Encoding.UTF8, "application/json"),
            }
        )
        {
            var answer = await visitor.SendAsync(new(HttpMethod.Post, path) { Content = body });
            Assert.Equal(400, answer.Status);
            Assert.DoesNotContain("ticket", answer.Body, StringComparison.Ordinal);
        }
        Assert.True((await visitor.SendAsync(new(HttpMethod.Get, path))).Status is 302 or 404 or 405);
    }

    [Fact]
    public async Task Who_is_not_signed_in_begins_nothing_of_an_account()
    {
        var visitor = new Visitor(site);
        var form = Visitor.FormOf(await visitor.GetAsync("/login"), "passkey");
        foreach (var path in new[] { "/account/passkeys/begin", "/account/step-up/passkey" })
            Assert.Equal(422, (await visitor.SendFormAsync(path, form)).Status);
    }

    [Fact]
    public async Task The_offer_comes_after_sign_up_where_the_device_can_keep_one_and_once()
    {
        var able = new Visitor(site);
        var signedUp = await able.FillInAsync(
            "/register",
            "register",
            ("email", email),
            ("new-password", Password),
            ("passkeys", "1")
        );
        Assert.Equal("/account/passkeys/offer?returnUrl=%2Fverify-email", signedUp.Location);
        Assert.Contains("href=\"/verify-email\"", await able.GetAsync(signedUp.Location!), StringComparison.Ordinal);
        var begun = await BeginAsync(able, signedUp.Location!, "offer", "/account/passkeys/begin");
        var made = await able.FillInAsync(
            signedUp.Location!,
            "offer",
            ("ticket", begun.Ticket),
            ("credential", device.Create(begun))
        );
        Assert.Equal((303, "/verify-email"), (made.Status, made.Location));
        Assert.Equal("/verify-email", (await able.SendAsync(new(HttpMethod.Get, signedUp.Location))).Location);

        var unable = new Visitor(site);
        var plain = await unable.FillInAsync(
            "/register",
            "register",
            ("email", "x" + email),
            ("new-password", Password)
        );
        Assert.Equal("/verify-email", plain.Location);
    }

    [Fact]
    public async Task The_offer_stands_on_the_way_from_a_reset_only_where_the_device_can_keep_one()
    {
        await using var auth = await AuthFixture.StartAsync();
        await using var own = await auth.SiteAsync();
        await auth.MemberAsync(email);
        foreach (var able in new[] { true, false })
        {
            var visitor = new Visitor(own);
            await visitor.FillInAsync("/forgot-password", "forgot", ("email", email));
            await auth.DeliverAsync();
            await visitor.GetAsync("/reset-password?token=" + AuthFixture.LinkTokenIn(auth.LastEmailTo(email)));
            await visitor.FillInAsync("/reset-password", "reset", ("new-password", Password));
            Assert.Equal(
                able ? "/account/passkeys/offer?returnUrl=%2Faccount%2Fkeys" : "/account/keys",
                await LocationAsync(visitor)
            );
            await visitor.GetAsync("/account/passkeys/offer");
            await visitor.FillInAsync("/logout", "logout");
            Assert.Equal("/account/keys", await LocationAsync(visitor)); // offered once

            async Task<string?> LocationAsync(Visitor who) =>
                (
                    await who.FillInAsync(
                        "/login?returnUrl=%2Faccount%2Fkeys",
                        "login",
                        ("identifier", email),
                        ("current-password", Password),
                        ("passkeys", able ? "1" : "")
                    )
                ).Location;
        }
    }

    [Fact]
    public async Task Password_managers_find_the_page()
    {
        var json = JsonElement.Parse(await site.Client.GetStringAsync("/.well-known/passkey-endpoints"));
        Assert.Equal("http://localhost:5080/account/passkeys", json.GetProperty("enroll").GetString());
        Assert.Equal("http://localhost:5080/account/passkeys", json.GetProperty("manage").GetString());
    }
}
