using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Pages;

/// <summary>The pages that emails lead to: the code and the link that sign in, and the link that takes back.</summary>
public sealed class LetterPagesTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private RunningSite site = null!;

    private async Task<RunningSite> SiteAsync()
    {
        site = await Auth.SiteAsync();
        await Auth.MemberAsync(Jane);
        return site;
    }

    private async Task<Visitor> RequestAsync(string path = "/login/email-code")
    {
        var visitor = new Visitor(site);
        Assert.Equal(303, (await visitor.FillInAsync(path, "ask-code", ("email", Jane))).Status);
        await Auth.DeliverAsync();
        return visitor;
    }

    [Fact]
    public async Task The_code_signs_in_where_it_was_asked_for_and_leads_to_where_one_was_going()
    {
        await using var running = await SiteAsync();
        var visitor = await RequestAsync("/login/email-code?returnUrl=/account/sessions");
        var page = await visitor.GetAsync("/login/email-code?returnUrl=/account/sessions");
        Assert.Contains($"<strong dir=\"ltr\">{Jane}</strong>", page, StringComparison.Ordinal);
        Assert.Contains("name=\"code\"", page, StringComparison.Ordinal);
        var wrong = await visitor.SendFormAsync("/login/email-code", Visitor.FormOf(page, "email-code"), ("code", "x"));
        Assert.Equal(422, wrong.Status);
        Assert.Contains("The code is not right", wrong.Body, StringComparison.Ordinal);
        var done = await visitor.SendFormAsync(
            "/login/email-code?returnUrl=/account/sessions",
            Visitor.FormOf(page, "email-code"),
            ("code", CodeIn(Auth.LastEmailTo(Jane)))
        );
        Assert.Equal((303, "/account/sessions"), (done.Status, done.Location));
        Assert.Contains("<h1", await visitor.GetAsync("/account"), StringComparison.Ordinal);
        Assert.Equal("", await visitor.GetAsync("/login/email-code")); // signed in already
    }

    [Fact]
    public async Task In_another_browser_the_code_page_knows_nothing()
    {
        await using var running = await SiteAsync();
        await RequestAsync();
        Assert.Contains(
            "name=\"email\"",
            await new Visitor(site).GetAsync("/login/email-code"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_code_form_that_was_open_too_long_says_so_and_begins_again()
    {
        await using var running = await SiteAsync();
        var visitor = await RequestAsync();
        var form = Visitor.FormOf(await visitor.GetAsync("/login/email-code"), "email-code");
        Auth.Clock.Move(TimeSpan.FromMinutes(21));
        var answer = await visitor.SendFormAsync("/login/email-code", form, ("code", CodeIn(Auth.LastEmailTo(Jane))));
        Assert.Equal(422, answer.Status);
        Assert.Contains("too long ago", answer.Body, StringComparison.Ordinal);
        Assert.Contains("name=\"email\"", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_email_can_be_sent_and_another_address_chosen()
    {
        await using var running = await SiteAsync();
        var visitor = await RequestAsync();
        var first = CodeIn(Auth.LastEmailTo(Jane));
        Assert.Equal(303, (await visitor.FillInAsync("/login/email-code", "another-code")).Status);
        Assert.Contains(
            "an email with a code is on its way",
            await visitor.GetAsync("/login/email-code"),
            StringComparison.Ordinal
        );
        await Auth.DeliverAsync();
        Assert.Equal(422, (await visitor.FillInAsync("/login/email-code", "email-code", ("code", first))).Status);
        Assert.Contains(
            "name=\"email\"",
            await visitor.GetAsync("/login/email-code?another=true"),
            StringComparison.Ordinal
        );
        Assert.Equal(
            303,
            (
                await visitor.FillInAsync("/login/email-code", "email-code", ("code", CodeIn(Auth.LastEmailTo(Jane))))
            ).Status
        );
    }

    [Fact]
    public async Task Forms_sent_without_having_asked_are_answered_with_the_page()
    {
        await using var running = await SiteAsync();
        var visitor = new Visitor(site);
        var form = Visitor.FormOf(await visitor.GetAsync("/login/email-code"), "ask-code");
        foreach (var name in new[] { "email-code", "another-code" })
        {
            var answer = await visitor.SendFormAsync(
                "/login/email-code",
                form.Replace("value=\"ask-code\"", $"value=\"{name}\"", StringComparison.Ordinal),
                ("code", "123456")
            );
            Assert.Equal(422, answer.Status);
            Assert.Contains("name=\"email\"", answer.Body, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_link_signs_in_by_a_button_and_elsewhere_only_knowingly(bool here)
    {
        await using var running = await SiteAsync();
        var asker = await RequestAsync("/login/email-code?returnUrl=/account/sessions");
        var visitor = here ? asker : new Visitor(site);
        var opened = await visitor.SendAsync(
            new(HttpMethod.Get, "/login/email-link?token=" + LinkTokenIn(Auth.LastEmailTo(Jane)))
        );
        Assert.Equal((303, "/login/email-link"), (opened.Status, opened.Location)); // the secret leaves the address bar
        var page = await visitor.GetAsync("/login/email-link");
        Assert.Contains($"<strong dir=\"ltr\">{Jane}</strong>", page, StringComparison.Ordinal);
        Assert.Equal(!here, page.Contains("You asked for this in another browser", StringComparison.Ordinal));
        var done = await visitor.SendFormAsync("/login/email-link", Visitor.FormOf(page, "email-link"));
        Assert.Equal((303, here ? "/account/sessions" : "/account"), (done.Status, done.Location));
        Assert.Contains("<h1", await visitor.GetAsync("/account"), StringComparison.Ordinal);
        // Used up, for the code as well.
        if (!here)
            Assert.Equal(
                422,
                (
                    await asker.FillInAsync("/login/email-code", "email-code", ("code", CodeIn(Auth.LastEmailTo(Jane))))
                ).Status
            );
        var again = new Visitor(site);
        await again.GetAsync("/login/email-link?token=" + LinkTokenIn(Auth.LastEmailTo(Jane)));
        Assert.Contains("used already", await again.GetAsync("/login/email-link"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/login/email-link")]
    [InlineData("/undo")]
    [InlineData("/hook/authentication/magic-link/")]
    public async Task Scanners_that_follow_links_consume_nothing(string page)
    {
        await using var running = await SiteAsync();
        var session = await Auth.SignInAsync(Jane);
        if (page == "/undo")
        {
            Assert.Null(
                (
                    await Auth.Use(
                        (ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default)
                    )
                ).Failure
            );
            await Auth.DeliverAsync();
        }
        else
            await RequestAsync();
        var link = LinkTokenIn(Auth.LastEmailTo(Jane));
        var address = page.EndsWith('/') ? page + link : $"{page}?token={link}";
        foreach (var method in new[] { HttpMethod.Head, HttpMethod.Get, HttpMethod.Get })
        {
            var scanner = new Visitor(site);
            Assert.InRange((await scanner.SendAsync(new(method, address))).Status, 200, 405);
            await scanner.SendAsync(new(method, page.EndsWith('/') ? "/login/email-link" : page));
            using var program = new HttpRequestMessage(method, address);
            program.Headers.Add("Accept", "application/json");
            await scanner.SendAsync(program);
        }
        Assert.Empty(
            await Auth.Use(
                (AuthDbContext db) =>
                    db
                        .OneTimeTokens.Where(t =>
                            (t.Purpose == TokenPurpose.EmailCode || t.Purpose == TokenPurpose.Undo)
                            && (t.UsedAt != null || t.Attempts > 0)
                        )
                        .ToListAsync()
            )
        );
        if (page == "/undo")
            Assert.Null((await Auth.Use((RevertChange flow) => flow.RevertAsync(Auth.Caller, link, default))).Failure);
        else
            Assert.IsType<SignInOutcome.SignedIn>(
                await Auth.Use(
                    (SignInWithEmailCode flow) => flow.OpenAsync(Auth.Caller, link, new(SessionKind.Browser), default)
                )
            );
    }

    [Fact]
    public async Task Where_a_second_factor_is_on_the_link_leads_to_it()
    {
        await using var running = await SiteAsync();
        await Auth.AuthenticatorAsync(await Auth.UserAsync(Jane));
        var visitor = await RequestAsync();
        await visitor.GetAsync("/login/email-link?token=" + LinkTokenIn(Auth.LastEmailTo(Jane)));
        Assert.Equal("/login/second-factor", (await visitor.FillInAsync("/login/email-link", "email-link")).Location);
        Assert.Equal("", await visitor.GetAsync("/account")); // nothing is open yet
    }

    [Fact]
    public async Task Undo_tells_what_it_would_do_and_does_it_by_its_button()
    {
        await using var running = await SiteAsync();
        var thief = new Visitor(site);
        await thief.SignInAsync(Jane, Password);
        var session = await Auth.SignInAsync(Jane);
        var move = await Auth.EmailChangeLinkAsync(session, "evil@example.net");
        Assert.Null((await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.In(session), move, default))).Failure);
        await Auth.DeliverAsync();
        var owner = new Visitor(site);
        await owner.GetAsync("/undo?token=" + LinkTokenIn(Auth.LastEmailTo(Jane)));
        var page = await owner.GetAsync("/undo");
        Assert.Contains($"The account uses <strong dir=\"ltr\">{Jane}</strong> again", page, StringComparison.Ordinal);
        var done = await owner.SendFormAsync("/undo", Visitor.FormOf(page, "undo"));
        Assert.Equal((303, "/login"), (done.Status, done.Location));
        Assert.Contains(
            "It is taken back, and every device is signed out. We sent you an email",
            await owner.GetAsync("/login"),
            StringComparison.Ordinal
        );
        Assert.Equal("", await thief.GetAsync("/account"));
        Assert.Equal("", await owner.GetAsync("/account")); // nobody is signed in by it
        Assert.Contains(
            "used already",
            (await owner.SendFormAsync("/undo", Visitor.FormOf(page, "undo"))).Body,
            StringComparison.Ordinal
        );
        await Auth.DeliverAsync();
        Assert.Equal("Reset your password", Auth.SubjectsTo(Jane)[^1]);
    }

    [Fact]
    public async Task A_link_that_is_dead_says_so_and_shows_no_button()
    {
        await using var running = await SiteAsync();
        foreach (var page in new[] { "/undo", "/login/email-link" })
        {
            var visitor = new Visitor(site);
            await visitor.GetAsync($"{page}?token=nonsense");
            var html = await visitor.GetAsync(page);
            Assert.Contains("There is a problem", html, StringComparison.Ordinal);
            Assert.DoesNotContain("name=\"token\"", html, StringComparison.Ordinal);
        }
    }
}
