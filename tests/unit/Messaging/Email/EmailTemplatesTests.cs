using System.Net;
using System.Text.RegularExpressions;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Web;
using Xunit;

namespace BlazorAuth.UnitTests.Messaging.Email;

public class EmailTemplatesTests
{
    private const string Code = "482913";
    private static readonly Uri Site = new("https://id.example.org/");
    private static readonly Uri Link = new("https://id.example.org/x?selector=Zm9v&t=YmFy-_~#a");

    public static readonly TheoryData<EmailKind> Kinds = new(Enum.GetValues<EmailKind>());

    private static readonly EmailKind[] WithCode =
    [
        EmailKind.VerifyEmail,
        EmailKind.ConfirmEmailChange,
        EmailKind.SignInCode,
    ];
    private static readonly EmailKind[] ByLinkOnly =
    [
        EmailKind.VerifyEmail,
        EmailKind.ResetPassword,
        EmailKind.ConfirmEmailChange,
        EmailKind.SignInCode,
        EmailKind.Invited,
    ];

    // What these tell of is codes; they carry none to type in.
    private static readonly EmailKind[] AboutCodes =
    [
        EmailKind.CodesStopped,
        EmailKind.SignInCode,
        EmailKind.SecondFactorOn,
        EmailKind.SecondFactorOff,
        EmailKind.RecoveryCodesMade,
        EmailKind.RecoveryCodeUsed,
    ];
    private static readonly EmailKind[] WithoutLink =
    [
        EmailKind.AccountClosed,
        EmailKind.AccountLocked,
        EmailKind.SecondFactorReset,
        EmailKind.MailTest,
    ];

    private static EmailModel Facts() =>
        new()
        {
            Site = Site,
            At = new DateTimeOffset(2026, 3, 9, 8, 5, 0, TimeSpan.FromHours(2)),
            Link = Link,
            Code = Code,
            Lifetime = TimeSpan.FromMinutes(60),
            Address = "203.0.113.7",
            Agent =
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            NewAddress = "jane.doe@example.net",
        };

    /// <summary>What a reader of the HTML sees.</summary>
    private static string Seen(RenderedEmail letter) =>
        WebUtility.HtmlDecode(
            Regex.Replace(
                Regex.Replace(letter.Html, "<(head|style)>.*?</\\1>", "", RegexOptions.Singleline),
                "<[^>]+>",
                "\n"
            )
        );

    private static void Both(RenderedEmail letter, string said)
    {
        Assert.Contains(said, letter.Text.Replace('\n', ' '), StringComparison.Ordinal);
        Assert.Contains(said, Seen(letter), StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Every_email_says_what_to_do_when_it_was_not_you(EmailKind kind) =>
        Both(EmailTemplates.Render(kind, Facts()), "If this wasn't you");

    [Theory, MemberData(nameof(Kinds))]
    public void Every_email_says_that_nobody_asks_for_a_password_by_mail(EmailKind kind) =>
        Both(EmailTemplates.Render(kind, Facts()), "We never ask for your password by e-mail.");

    [Theory, MemberData(nameof(Kinds))]
    public void Every_email_says_when_from_which_device_and_from_where(EmailKind kind)
    {
        var letter = EmailTemplates.Render(kind, Facts());
        Both(letter, "9 March 2026, 06:05 UTC");
        Both(letter, "Chrome on Windows");
        Both(letter, "203.0.113.7");
        Both(letter, "BlazorAuth");
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Every_subject_is_brand_and_purpose_on_one_short_line_without_a_secret(EmailKind kind)
    {
        var subject = EmailTemplates.Render(kind, Facts()).Subject;
        Assert.StartsWith("BlazorAuth: ", subject, StringComparison.Ordinal);
        Assert.InRange(subject.Length, 20, 60);
        Assert.DoesNotContain(Code, subject, StringComparison.Ordinal);
        Assert.DoesNotContain("http", subject, StringComparison.Ordinal);
        Assert.All(subject, c => Assert.InRange(c, ' ', '~'));
    }

    [Fact]
    public void No_two_emails_share_a_subject() =>
        Assert.Distinct(Enum.GetValues<EmailKind>().Select(kind => EmailTemplates.Render(kind, Facts()).Subject));

    [Theory, MemberData(nameof(Kinds))]
    public void The_text_has_short_lines_and_each_url_on_a_line_of_its_own(EmailKind kind)
    {
        var lines = EmailTemplates.Render(kind, Facts()).Text.Split('\n');
        Assert.All(
            lines,
            line =>
                Assert.True(
                    line.StartsWith("https://", StringComparison.Ordinal)
                        ? !line.Contains(' ')
                        : line.Length <= 78 && !line.Contains("://"),
                    line
                )
        );
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_text_holds_every_address_the_html_leads_to(EmailKind kind)
    {
        var letter = EmailTemplates.Render(kind, Facts());
        var lines = letter.Text.Split('\n');
        foreach (Match href in Regex.Matches(letter.Html, "href=\"([^\"]*)\""))
            Assert.Contains(WebUtility.HtmlDecode(href.Groups[1].Value), lines);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Every_address_in_the_html_is_also_shown_as_text(EmailKind kind)
    {
        var letter = EmailTemplates.Render(kind, Facts());
        foreach (Match href in Regex.Matches(letter.Html, "href=\"([^\"]*)\""))
            Assert.Contains(WebUtility.HtmlDecode(href.Groups[1].Value), Seen(letter).Split('\n'));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Every_address_is_on_the_public_origin(EmailKind kind)
    {
        var letter = EmailTemplates.Render(kind, Facts());
        Assert.All(
            Regex.Matches(letter.Html + letter.Text, "https?://[^\\s\"<]*"),
            url => Assert.StartsWith("https://id.example.org/", url.Value, StringComparison.Ordinal)
        );
    }

    [Theory, MemberData(nameof(Kinds))]
    public void There_is_at_most_one_button(EmailKind kind) =>
        Assert.InRange(Regex.Count(EmailTemplates.Render(kind, Facts()).Html, "<a class=\"button\""), 0, 1);

    [Theory, MemberData(nameof(Kinds))]
    public void The_html_names_its_language_direction_and_title(EmailKind kind)
    {
        var letter = EmailTemplates.Render(kind, Facts());
        Assert.Contains("<html lang=\"en\" dir=\"ltr\">", letter.Html, StringComparison.Ordinal);
        Assert.Contains($"<title>{letter.Subject}</title>", letter.Html, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Every_table_is_for_layout_and_none_is_wider_than_600(EmailKind kind)
    {
        var html = EmailTemplates.Render(kind, Facts()).Html;
        Assert.All(
            Regex.Matches(html, "<table[^>]*>"),
            table => Assert.Contains("role=\"presentation\"", table.Value, StringComparison.Ordinal)
        );
        Assert.All(
            Regex.Matches(html, "\\bwidth=\"(\\d+)\""),
            width => Assert.InRange(int.Parse(width.Groups[1].Value), 1, 600)
        );
        Assert.Contains("max-width:560px", html, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void No_email_is_set_smaller_than_16_pixels(EmailKind kind)
    {
        var html = EmailTemplates.Render(kind, Facts()).Html;
        Assert.All(
            Regex.Matches(html, "font-size:(\\d+)px"),
            size => Assert.True(int.Parse(size.Groups[1].Value) >= 16, size.Value)
        );
        Assert.All(
            Regex.Matches(html, "<(p|h1|a class=\"button\")[^>]*>"),
            tag => Assert.Contains("font-size:", tag.Value, StringComparison.Ordinal)
        );
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_html_knows_light_and_dark(EmailKind kind)
    {
        var html = EmailTemplates.Render(kind, Facts()).Html;
        Assert.Contains("<meta name=\"color-scheme\" content=\"light dark\">", html, StringComparison.Ordinal);
        Assert.Contains(
            "<meta name=\"supported-color-schemes\" content=\"light dark\">",
            html,
            StringComparison.Ordinal
        );
        Assert.Contains("@media (prefers-color-scheme: dark)", html, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_html_loads_nothing_and_is_far_from_being_clipped(EmailKind kind)
    {
        var html = EmailTemplates.Render(kind, Facts()).Html;
        Assert.DoesNotMatch(
            "(?i)<(img|link|script|iframe|object|embed|video|form|svg)\\b|url\\(|@import|\\bsrc=|srcset=|background=|\\son\\w+=",
            html
        );
        Assert.InRange(html.Length, 1, 30_000);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Only_emails_to_an_address_that_is_being_proved_carry_a_code(EmailKind kind)
    {
        var letter = EmailTemplates.Render(kind, Facts());
        Assert.Equal(WithCode.Contains(kind), letter.Text.Split('\n').Contains(Code));
        Assert.Equal(WithCode.Contains(kind), letter.Html.Contains(Code, StringComparison.Ordinal));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void An_email_without_a_code_does_not_speak_of_one(EmailKind kind)
    {
        if (AboutCodes.Contains(kind))
            return;
        var letter = EmailTemplates.Render(kind, Facts() with { Code = null });
        Assert.DoesNotContain(" code", letter.Text + Seen(letter), StringComparison.OrdinalIgnoreCase);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void An_email_with_a_link_says_when_it_expires(EmailKind kind)
    {
        if (WithoutLink.Contains(kind))
            return;
        Both(
            EmailTemplates.Render(kind, Facts()),
            WithCode.Contains(kind)
                ? "The link and the code expire in 60 minutes and work once."
                : "The link expires in 60 minutes and works once."
        );
    }

    [Theory]
    [InlineData("00:00:10", "in 1 minute")]
    [InlineData("00:10:00", "in 10 minutes")]
    [InlineData("01:00:00", "in 60 minutes")]
    [InlineData("01:30:00", "in 90 minutes")]
    [InlineData("02:59:00", "in 2 hours")]
    [InlineData("1.00:00:00", "in 24 hours")]
    [InlineData("7.00:00:00", "in 7 days")]
    public void Lifetimes_are_told_in_words_and_never_promise_too_much(string lifetime, string words) =>
        Both(
            EmailTemplates.Render(EmailKind.ResetPassword, Facts() with { Lifetime = TimeSpan.Parse(lifetime) }),
            $"The link expires {words} and works once."
        );

    [Theory, MemberData(nameof(Kinds))]
    public void An_email_that_lives_by_its_link_is_not_rendered_without_one(EmailKind kind)
    {
        var bare = new EmailModel { Site = Site, At = DateTimeOffset.UnixEpoch };
        if (ByLinkOnly.Contains(kind))
            Assert.Throws<ArgumentException>(() => EmailTemplates.Render(kind, bare));
        else
            Both(EmailTemplates.Render(kind, bare), "If this wasn't you");
    }

    [Theory]
    [InlineData("https://evil.example/x", "https evil example x")]
    [InlineData("Click www.evil.example", "Click www evil example")]
    [InlineData("jane@evil.example\r\nBcc: x", "jane evil exampleBcc  x")]
    [InlineData("", "without a name")]
    public void A_name_somebody_typed_makes_no_link_and_no_line(string name, string told)
    {
        var letter = EmailTemplates.Render(EmailKind.PasskeyAdded, Facts() with { Detail = name });
        Assert.Contains(told.Split(' ')[^1], letter.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("evil.example", letter.Text + letter.Html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://evil.example/x")]
    [InlineData("http://id.example.org/x")]
    [InlineData("https://id.example.org:8443/x")]
    [InlineData("https://user@id.example.org/x")]
    [InlineData("javascript:alert(1)")]
    [InlineData("/x")]
    public void A_link_that_leaves_the_public_origin_is_not_sent(string link) =>
        Assert.Throws<ArgumentException>(() =>
            EmailTemplates.Render(
                EmailKind.ResetPassword,
                Facts() with
                {
                    Link = new Uri(link, UriKind.RelativeOrAbsolute),
                }
            )
        );

    [Theory]
    [InlineData(EmailKind.PasswordChanged)]
    [InlineData(EmailKind.PasswordReset)]
    [InlineData(EmailKind.EmailChangeAsked)]
    [InlineData(EmailKind.EmailChanged)]
    [InlineData(EmailKind.NewSignIn)]
    [InlineData(EmailKind.PasskeyAdded)]
    [InlineData(EmailKind.PasskeyRemoved)]
    [InlineData(EmailKind.SecondFactorOn)]
    [InlineData(EmailKind.SecondFactorOff)]
    [InlineData(EmailKind.RecoveryCodesMade)]
    [InlineData(EmailKind.RecoveryCodeUsed)]
    [InlineData(EmailKind.ProviderLinked)]
    [InlineData(EmailKind.ProviderUnlinked)]
    public void A_notice_leads_to_taking_it_back_and_without_its_link_to_something_else(EmailKind kind)
    {
        var with = EmailTemplates.Render(kind, Facts());
        Both(with, "This wasn't me");
        Both(with, "signs out every device");
        Assert.DoesNotContain("/forgot-password", with.Text, StringComparison.Ordinal);
        var without = EmailTemplates.Render(kind, Facts() with { Link = null, Lifetime = null });
        Assert.DoesNotContain("This wasn't me", without.Text, StringComparison.Ordinal);
        Assert.Contains(
            kind == EmailKind.EmailChanged ? "https://id.example.org/" : "https://id.example.org/forgot-password",
            without.Text.Split('\n')
        );
    }

    [Fact]
    public void Pages_stay_below_the_path_of_the_site() =>
        Both(
            EmailTemplates.Render(
                EmailKind.PasswordChanged,
                Facts() with
                {
                    Site = new Uri("https://id.example.org/auth"),
                    Link = null,
                }
            ),
            "https://id.example.org/auth/forgot-password"
        );

    [Fact]
    public void The_owner_of_a_taken_address_can_sign_in_or_reset()
    {
        var letter = EmailTemplates.Render(EmailKind.AddressTaken, Facts() with { Link = null, Lifetime = null });
        Both(letter, "You already have an account");
        Assert.Contains("https://id.example.org/login", letter.Text.Split('\n'));
        Assert.Contains("https://id.example.org/forgot-password", letter.Text.Split('\n'));
        Assert.DoesNotContain("expires", letter.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(EmailKind.EmailChangeAsked)]
    [InlineData(EmailKind.EmailChanged)]
    public void The_old_address_sees_the_new_one_masked(EmailKind kind)
    {
        var letter = EmailTemplates.Render(kind, Facts());
        Both(letter, "j***@example.net");
        Assert.DoesNotContain("jane", letter.Text + letter.Html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("jane.doe@example.org", "j***@example.org")]
    [InlineData("j@example.org", "***@example.org")]
    [InlineData("<b>@example.org", "***@example.org")]
    [InlineData("jane@<b>http://x", "j***@bhttpx")]
    [InlineData("Ünal@xn--bcher-kva.example", "Ü***@xn--bcher-kva.example")]
    [InlineData("no address", "***")]
    [InlineData("@example.org", "***")]
    [InlineData("", "***")]
    public void A_masked_address_shows_its_first_email_and_its_domain(string email, string masked) =>
        Assert.Equal(masked, EmailTemplates.MaskAddress(email));

    [Theory, MemberData(nameof(Kinds))]
    public void What_strangers_wrote_becomes_neither_markup_nor_link(EmailKind kind)
    {
        const string evil = "<a href=\"https://evil.example\">\"'&\r\n\r\nhttps://evil.example\u202e";
        var letter = EmailTemplates.Render(
            kind,
            Facts() with
            {
                Address = evil,
                Agent = evil,
                Code = evil,
                NewAddress = evil,
            }
        );
        Assert.DoesNotContain("<a href", letter.Html, StringComparison.Ordinal);
        Assert.DoesNotContain("\nhttps://evil", letter.Text, StringComparison.Ordinal);
        Assert.DoesNotContain('\u202e', letter.Html + letter.Text);
    }

    [Fact]
    public void An_ampersand_in_a_link_is_encoded_in_html_and_plain_in_text()
    {
        var letter = EmailTemplates.Render(EmailKind.ResetPassword, Facts());
        Assert.Contains("selector=Zm9v&amp;t=YmFy-_~#a\"", letter.Html, StringComparison.Ordinal);
        Assert.Contains(Link.AbsoluteUri, letter.Text.Split('\n'));
    }

    [Fact]
    public void Facts_nobody_knows_leave_no_empty_rows()
    {
        var letter = EmailTemplates.Render(EmailKind.NewSignIn, Facts() with { Address = null, Agent = null });
        Assert.DoesNotContain("Device:", letter.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Network address", letter.Text + letter.Html, StringComparison.Ordinal);
    }

    [Fact]
    public void An_ipv4_address_is_shown_as_one_on_a_dual_stack_socket() =>
        Both(
            EmailTemplates.Render(EmailKind.NewSignIn, Facts() with { Address = "::ffff:198.51.100.4" }),
            "198.51.100.4"
        );
}
