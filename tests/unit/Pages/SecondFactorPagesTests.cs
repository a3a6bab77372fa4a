using System.Net;
using System.Text.RegularExpressions;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.UnitTests.Pages;

/// <summary>The second factor as a person without JavaScript sets it up, gives it, and takes it off.</summary>
public sealed class SecondFactorPagesTests() : AuthTest(Store.File), IAsyncLifetime
{
    private const string Jane = "jane@example.net",
        SetUp = "/account/two-factor",
        Give = "/login/second-factor";
    private RunningSite site = null!;

    async Task IAsyncLifetime.InitializeAsync()
    {
        await InitializeAsync();
        site = await Auth.SiteAsync();
        await Auth.MemberAsync(Jane);
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await site.DisposeAsync();
        await DisposeAsync();
    }

    private async Task<Visitor> SignedInAsync()
    {
        var visitor = new Visitor(site);
        Assert.Equal("/account", (await visitor.SignInAsync(Jane, AuthFixture.Password)).Location);
        return visitor;
    }

    private static Task<Answer> ActAsync(Visitor visitor, string act, params (string, string)[] more) =>
        visitor.FillInAsync(SetUp, "two-factor", [("act", act), .. more]);

    private static string SecretIn(string html) => Regex.Match(html, "data-value=\"([A-Z2-7]{32})\"").Groups[1].Value;

    private static string[] CodesIn(string html) =>
        [.. Regex.Matches(html, "<li><code>([^<]+)</code></li>").Select(m => m.Groups[1].Value)];

    private async Task<(Visitor Visitor, byte[] App, string[] Codes)> OnAsync()
    {
        var visitor = await SignedInAsync();
        Assert.Equal((303, SetUp), Read(await ActAsync(visitor, "begin")));
        var app = AuthFixture.SecretOf(SecretIn(await visitor.GetAsync(SetUp)));
        var done = await ActAsync(visitor, "confirm", ("code", Auth.CodeOf(app)));
        Assert.Equal(200, done.Status);
        Auth.Clock.Move(TimeSpan.FromSeconds(30));
        return (visitor, app, CodesIn(done.Body));
    }

    private static (int, string?) Read(Answer answer) => (answer.Status, answer.Location);

    [Fact]
    public async Task A_person_sets_it_up_and_sees_secret_and_codes_once()
    {
        var visitor = await SignedInAsync();
        Assert.Contains("It is off", await visitor.GetAsync(SetUp), StringComparison.Ordinal);
        Assert.Equal((303, SetUp), Read(await ActAsync(visitor, "begin")));
        var page = await visitor.GetAsync(SetUp);
        var secret = SecretIn(page);
        Assert.Contains(
            $">{string.Join(' ', secret.Chunk(4).Select(c => new string(c)))}<",
            page,
            StringComparison.Ordinal
        );
        Assert.Contains(
            $"href=\"otpauth://totp/BlazorAuth:jane%40example.net?secret={secret}&amp;",
            page,
            StringComparison.Ordinal
        );
        Assert.Matches("<div class=\"qr\" role=\"img\" aria-label=\"[^\"]+\"><svg", page);
        Assert.DoesNotMatch("<style|\\sstyle=", page);

        var wrong = await ActAsync(visitor, "confirm", ("code", "000000"));
        Assert.Equal(422, wrong.Status);
        Assert.Contains("href=\"#code\"", wrong.Body, StringComparison.Ordinal);
        Assert.Equal(secret, SecretIn(wrong.Body)); // the same picture, to try again
        Assert.DoesNotContain("000000", wrong.Body, StringComparison.Ordinal);

        var done = await ActAsync(visitor, "confirm", ("code", Auth.CodeOf(AuthFixture.SecretOf(secret))));
        var codes = CodesIn(done.Body);
        Assert.Equal((200, 10), (done.Status, codes.Length));
        var file = WebUtility.HtmlDecode(
            Regex
                .Match(done.Body, "href=\"(data:text/plain[^\"]+)\" download=\"blazorauth-recovery-codes.txt\"")
                .Groups[1]
                .Value
        );
        Assert.All(codes, code => Assert.Contains(code, Uri.UnescapeDataString(file), StringComparison.Ordinal));

        var after = await visitor.GetAsync(SetUp);
        Assert.Contains("10 of 10 left", after, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, after, StringComparison.Ordinal);
        Assert.DoesNotContain(codes[0], after, StringComparison.Ordinal);
        Assert.Contains("On: an authenticator app", await visitor.GetAsync("/account"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_secret_is_in_no_other_browser_and_nowhere_after_a_while_or_when_given_up()
    {
        var (visitor, elsewhere) = (await SignedInAsync(), await SignedInAsync());
        var begun = await ActAsync(visitor, "begin");
        Assert.DoesNotContain(begun.Cookies, c => Regex.IsMatch(c, "[A-Z2-7]{32}(;|$)"));
        Assert.NotEmpty(SecretIn(await visitor.GetAsync(SetUp)));
        Assert.Empty(SecretIn(await elsewhere.GetAsync(SetUp)));
        var old = visitor.Copy();
        await ActAsync(visitor, "cancel");
        Assert.Empty(SecretIn(await visitor.GetAsync(SetUp)));
        await ActAsync(elsewhere, "begin");
        Assert.Empty(SecretIn(await old.GetAsync(SetUp))); // begun again elsewhere
        Assert.NotEmpty(SecretIn(await elsewhere.GetAsync(SetUp)));
        Auth.Clock.Move(ManageAuthenticator.Patience);
        Assert.Empty(SecretIn(await elsewhere.GetAsync(SetUp)));
        var late = await ActAsync(elsewhere, "confirm", ("code", "123456"));
        Assert.Equal(422, late.Status);
        Assert.Contains("This set-up is over", late.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_code_leads_to_where_the_person_wanted_to_go()
    {
        var (_, app, _) = await OnAsync();
        var visitor = new Visitor(site);
        var due = await visitor.FillInAsync(
            "/login?returnUrl=%2Faccount%2Fkeys",
            "login",
            ("identifier", Jane),
            ("current-password", AuthFixture.Password)
        );
        Assert.Equal((303, "/login/second-factor?returnUrl=%2Faccount%2Fkeys"), Read(due));
        Assert.Equal("", await visitor.GetAsync("/account")); // nothing is open yet
        var page = await visitor.GetAsync(due.Location!);
        Assert.Contains("autocomplete=\"one-time-code\"", page, StringComparison.Ordinal);
        Assert.DoesNotContain("checked", page, StringComparison.Ordinal);

        var wrong = await visitor.FillInAsync(due.Location!, "second-factor", ("code", "000000"));
        Assert.Equal(422, wrong.Status);
        Assert.Contains("The code is incorrect or was used before.", wrong.Body, StringComparison.Ordinal);
        var empty = await visitor.FillInAsync(due.Location!, "second-factor", ("code", " "));
        Assert.Contains("Enter the code.", empty.Body, StringComparison.Ordinal);
        var right = await visitor.FillInAsync(due.Location!, "second-factor", ("code", Auth.CodeOf(app)));
        Assert.Equal((303, "/account/keys"), Read(right));
        Assert.NotEqual("", await visitor.GetAsync("/account"));
        Assert.DoesNotContain(right.Cookies, c => c.StartsWith("blazorauth-device", StringComparison.Ordinal));
        // it is done
        Assert.Equal((303, "/account"), Read(await visitor.SendAsync(new(HttpMethod.Get, Give))) with { Item1 = 303 });
    }

    [Fact]
    public async Task A_recovery_code_does_as_well_and_two_left_are_warned_of()
    {
        var (own, _, codes) = await OnAsync();
        for (var i = 0; i < 8; i++)
        {
            var visitor = new Visitor(site);
            await visitor.SignInAsync(Jane, AuthFixture.Password);
            if (i == 0)
            {
                var wrong = await visitor.FillInAsync(Give, "recovery-code", ("recovery-code", "not one"));
                Assert.Equal(422, wrong.Status);
                Assert.Contains("href=\"#recovery-code\"", wrong.Body, StringComparison.Ordinal);
                Assert.DoesNotContain("not one", wrong.Body, StringComparison.Ordinal);
                Assert.Contains("<details open", wrong.Body, StringComparison.Ordinal);
            }
            Assert.Equal(
                (303, "/account"),
                Read(await visitor.FillInAsync(Give, "recovery-code", ("recovery-code", codes[i].ToUpperInvariant())))
            );
        }
        foreach (var path in new[] { "/account", SetUp })
            Assert.Contains("You have 2 recovery codes left.", await own.GetAsync(path), StringComparison.Ordinal);
        var made = await ActAsync(own, "make");
        Assert.Equal(10, CodesIn(made.Body).Length);
        Assert.DoesNotContain("recovery codes left", await own.GetAsync("/account"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_living_ticket_the_page_says_to_start_again()
    {
        await OnAsync();
        var nobody = new Visitor(site);
        var answer = await nobody.SendAsync(new(HttpMethod.Get, Give));
        Assert.Equal(200, answer.Status);
        Assert.Contains("href=\"/login\"", answer.Body, StringComparison.Ordinal);

        var visitor = new Visitor(site);
        await visitor.SignInAsync(Jane, AuthFixture.Password);
        var form = Visitor.FormOf(await visitor.GetAsync(Give), "second-factor");
        Auth.Clock.Move(TimeSpan.FromMinutes(5));
        answer = await visitor.SendFormAsync(Give, form, ("code", "123456"));
        Assert.Equal(422, answer.Status);
        Assert.Contains("begun too long ago", answer.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("one-time-code", answer.Body, StringComparison.Ordinal);
        answer = await visitor.SendFormAsync(Give, form, ("code", "123456")); // the ticket's cookie is gone
        Assert.Equal(422, answer.Status);
        Assert.Equal(200, (await visitor.SendAsync(new(HttpMethod.Get, Give))).Status);
    }

    [Fact]
    public async Task A_ticket_is_of_the_browser_that_gave_the_password()
    {
        var (_, app, _) = await OnAsync();
        var visitor = new Visitor(site);
        await visitor.SignInAsync(Jane, AuthFixture.Password);
        var form = Visitor.FormOf(await visitor.GetAsync(Give), "second-factor");
        Assert.DoesNotContain("ticket", form, StringComparison.Ordinal);
        var other = new Visitor(site);
        await other.GetAsync(Give);
        Assert.NotEqual(303, (await other.SendFormAsync(Give, form, ("code", Auth.CodeOf(app)))).Status);
    }

    [Fact]
    public async Task Too_many_codes_say_how_long_to_wait_at_this_door_for_those_of_the_other()
    {
        var (_, app, _) = await OnAsync();
        for (var i = 0; i < 10; i++)
            await Auth.VerifyAsync(await Auth.TicketAsync(Jane, SessionKind.Api), "000000");
        var visitor = new Visitor(site);
        await visitor.SignInAsync(Jane, AuthFixture.Password);
        var answer = await visitor.FillInAsync(Give, "second-factor", ("code", Auth.CodeOf(app)));
        Assert.Equal(429, answer.Status);
        Assert.NotNull(answer.Header("Retry-After"));
        Assert.Matches("Wait [0-9]+ minutes", answer.Body);
    }

    [Fact]
    public async Task A_remembered_browser_is_not_asked_again_until_it_is_forgotten_on_the_page()
    {
        var (own, app, _) = await OnAsync();
        var visitor = new Visitor(site);
        await visitor.SignInAsync(Jane, AuthFixture.Password);
        var given = await visitor.FillInAsync(Give, "second-factor", ("code", Auth.CodeOf(app)), ("remember", "true"));
        Assert.Contains(
            "httponly",
            given.Cookies.Single(c => c.StartsWith("blazorauth-device", StringComparison.Ordinal)),
            StringComparison.OrdinalIgnoreCase
        );
        var stranger = visitor.Copy();
        Assert.Contains("by password and code", await visitor.GetAsync("/account/sessions"), StringComparison.Ordinal);
        await visitor.FillInAsync("/logout", "logout");
        Assert.Equal("/account", (await visitor.SignInAsync(Jane, AuthFixture.Password)).Location);

        var page = await own.GetAsync("/account/sessions");
        Assert.Contains("Remembered browsers", page, StringComparison.Ordinal);
        var device = Regex.Match(page, "name=\"device\" value=\"([^\"]+)\"").Groups[1].Value;
        Assert.Equal(
            (303, "/account/sessions"),
            Read(await own.FillInAsync("/account/sessions", "forget", ("device", device)))
        );
        page = await own.GetAsync("/account/sessions");
        Assert.Contains("That browser is forgotten.", page, StringComparison.Ordinal);
        Assert.DoesNotContain("Remembered browsers", page, StringComparison.Ordinal);
        Assert.Equal(422, (await own.FillInAsync("/account/sessions", "forget", ("device", device))).Status);
        Assert.NotEqual("", await stranger.GetAsync("/login"));
        Assert.Equal(Give, (await new Visitor(site).SignInAsync(Jane, AuthFixture.Password)).Location);
    }

    [Fact]
    public async Task It_is_removed_on_the_page_after_a_fresh_proof()
    {
        var (own, app, _) = await OnAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        var asked = await ActAsync(own, "remove");
        Assert.StartsWith(
            "/account/step-up?returnUrl=%2Faccount%2Ftwo-factor",
            asked.Location,
            StringComparison.Ordinal
        );
        Assert.Equal(
            (303, SetUp),
            Read(await own.FillInAsync(asked.Location!, "step-up-code", ("code", Auth.CodeOf(app))))
        );
        Assert.Equal((303, SetUp), Read(await ActAsync(own, "remove")));
        var page = await own.GetAsync(SetUp);
        Assert.Contains("Your authenticator app is removed.", page, StringComparison.Ordinal);
        Assert.Contains("It is off", page, StringComparison.Ordinal);
        Assert.Equal(422, (await ActAsync(own, "remove")).Status);
        Assert.Equal(422, (await ActAsync(own, "make")).Status);
        Assert.Equal(0, await Auth.Use((AuthDbContext db) => db.RecoveryCodes.CountAsync()));
    }

    [Fact]
    public async Task Two_tabs_of_one_sign_in_both_end_signed_in()
    {
        var (_, app, _) = await OnAsync();
        var visitor = new Visitor(site);
        await visitor.SignInAsync(Jane, AuthFixture.Password);
        var first = Visitor.FormOf(await visitor.GetAsync(Give), "second-factor");
        await visitor.SignInAsync(Jane, AuthFixture.Password);
        var second = Visitor.FormOf(await visitor.GetAsync(Give), "second-factor");
        Assert.Equal((303, "/account"), Read(await visitor.SendFormAsync(Give, first, ("code", Auth.CodeOf(app)))));
        var late = await visitor.SendFormAsync(Give, second, ("code", Auth.CodeOf(app)));
        // its form token was of nobody: shown again, and leads on
        Assert.True(late.Status is 303 or 400, $"{late.Status}");
        Assert.Equal("/account", late.Location ?? (await visitor.SendAsync(new(HttpMethod.Get, Give))).Location);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("<script>alert(1)</script>")]
    [InlineData("\ud83d")]
    public async Task Bad_forms_are_answered_with_the_page(string value)
    {
        var visitor = await SignedInAsync();
        var answer = await ActAsync(visitor, value, ("code", value));
        Assert.Equal(422, answer.Status);
        Assert.Contains("<h1", answer.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>alert", answer.Body, StringComparison.Ordinal);
        var due = new Visitor(site);
        await OnAsync();
        await due.SignInAsync(Jane, AuthFixture.Password);
        foreach (var form in new[] { "second-factor", "recovery-code" })
        {
            answer = await due.FillInAsync(Give, form, ("code", value), ("recovery-code", value), ("remember", value));
            Assert.Equal(422, answer.Status);
            Assert.DoesNotContain("<script>alert", answer.Body, StringComparison.Ordinal);
        }
    }
}
