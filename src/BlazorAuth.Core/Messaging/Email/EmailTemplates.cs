using System.Text;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;

namespace BlazorAuth.Core.Messaging.Email;

/// <summary>
/// Every email the service sends, as one table. What an email looks like is in Layout, what it says is here.
/// </summary>
public static class EmailTemplates
{
    internal const string Brand = "BlazorAuth";
    private const string NotMe = "This wasn't me";

    /// <summary>Renders an email. Same facts, same email: nothing is looked up, nothing random is added.</summary>
    /// <exception cref="ArgumentException">
    /// A kind that lives by its link has none, or the link leaves the origin of <see cref="EmailModel.Site"/>.
    /// </exception>
    public static RenderedEmail Render(EmailKind kind, EmailModel facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        if (facts.Site is not { IsAbsoluteUri: true, Scheme: "https" or "http" })
            throw new ArgumentException("The site has to be an absolute http or https address.", nameof(facts));
        if (facts.Link is not null && !SameOrigin(facts.Link, facts.Site))
            throw new ArgumentException("The link leaves the public origin.", nameof(facts));
        if (
            facts.Link is null
            && kind
                is EmailKind.VerifyEmail
                    or EmailKind.ResetPassword
                    or EmailKind.ConfirmEmailChange
                    or EmailKind.SignInCode
                    or EmailKind.Invited
        )
            throw new ArgumentException($"{kind} needs a link.", nameof(facts));

        var content = Content(kind, facts);
        if (facts.Times > 1)
            content = content with
            {
                Opening =
                [
                    .. content.Opening,
                    $"This happened {facts.Times} times since then. This one email tells of all of them.",
                ],
            };
        return new RenderedEmail(
            $"{Brand}: {content.Title}",
            EmailLayout.Text(content, facts),
            EmailLayout.Html(content, facts)
        );
    }

    /// <summary>
    /// An e-mail address its owner recognises and nobody else can use: <c>j***@example.org</c>.
    /// Never throws; what is no address becomes <c>***</c>.
    /// </summary>
    public static string MaskAddress(string email)
    {
        var at = email?.LastIndexOf('@') ?? -1;
        if (at <= 0)
            return "***";

        // A local part of one letter would be shown whole by its first letter.
        var first =
            at > 1 && Rune.TryGetRuneAt(email!, 0, out var rune) && Rune.IsLetterOrDigit(rune) ? rune.ToString() : "";
        var domain = string.Concat(email![(at + 1)..].Where(c => char.IsLetterOrDigit(c) || c is '.' or '-'));
        return $"{first}***@{domain}";
    }

    private static EmailBody Content(EmailKind kind, EmailModel facts)
    {
        var site = Page(facts.Site, "");
        var login = Page(facts.Site, "login");
        var forgot = Page(facts.Site, "forgot-password");
        var masked = facts.NewAddress is null ? "another address" : MaskAddress(facts.NewAddress);

        var named = Named(facts.Detail);

        // What was done to the account, and the way to take it back.
        EmailBody Notice(
            string title,
            IReadOnlyList<Line> opening,
            string takesBack = "takes this back and",
            string resets = "which"
        ) =>
            new(title)
            {
                Opening = opening,
                Button = NotMe,
                Link = facts.Link,
                NotYou = facts.Link is null
                    ?
                    [
                        $"If this wasn't you, someone else can use your account. Choose a new password now, {resets} signs out every device:",
                        forgot,
                    ]
                    :
                    [
                        $"If this wasn't you, someone else can use your account. Open \"{NotMe}\" above at once: it {takesBack} signs out every device, and you choose a new password.",
                    ],
            };

        return kind switch
        {
            EmailKind.VerifyEmail => new("Confirm your e-mail address")
            {
                Opening =
                [
                    $"Someone, hopefully you, signed up for {Brand} with this address. Confirm that it is yours to finish.",
                ],
                Button = "Confirm my address",
                Link = facts.Link,
                CodeLabel = "Or type this code on the page where you signed up:",
                NotYou =
                [
                    "If this wasn't you, open the link and choose \"Not me\": the account is then removed. Please don't pass this email on to anybody.",
                ],
            },
            EmailKind.AddressTaken => new("You already have an account")
            {
                Opening =
                [
                    $"Someone asked to use your address for a {Brand} account. You already have an account with it, so nothing was changed.",
                ],
                Button = "Sign in",
                Link = facts.Link ?? login,
                Closing = ["If you forgot your password, choose a new one here:", forgot],
                NotYou = ["If this wasn't you, you don't have to do anything: your account is as it was."],
            },
            EmailKind.ResetPassword => new("Reset your password")
            {
                Opening = [$"Someone, hopefully you, asked to reset the password of your {Brand} account."],
                Button = "Choose a new password",
                Link = facts.Link,
                NotYou =
                [
                    "If this wasn't you, you don't have to do anything: your password stays as it is. Please don't pass this email on to anybody.",
                ],
            },
            EmailKind.PasswordChanged => Notice(
                "Your password was changed",
                [
                    $"The password of your {Brand} account was changed from a device that was signed in. Your other devices were signed out.",
                ],
                takesBack: "stops the new password,"
            ),
            EmailKind.PasswordReset => new("Your password was reset")
            {
                Opening =
                [
                    $"The password of your {Brand} account was reset with a link sent to this address. All devices were signed out. Sign in with your new password.",
                ],
                Button = NotMe,
                Link = facts.Link,
                NotYou = facts.Link is null
                    ?
                    [
                        "If this wasn't you, someone else may be reading your e-mail. Secure your mailbox first, then choose a new password here:",
                        forgot,
                    ]
                    :
                    [
                        $"If this wasn't you, someone else may be reading your e-mail. Secure your mailbox first, then open \"{NotMe}\" above: it stops the new password, signs out every device, and you choose another one.",
                    ],
            },
            EmailKind.ConfirmEmailChange => new("Confirm your new e-mail address")
            {
                Opening =
                [
                    $"Someone, hopefully you, asked to use {EmailLayout.OneLine(facts.NewAddress ?? "this address")} for a {Brand} account.",
                    "The account keeps its old address until you confirm this one.",
                ],
                Button = "Confirm my new address",
                Link = facts.Link,
                CodeLabel = "Or type this code on the page where you asked for the change:",
                NotYou =
                [
                    "If this wasn't you, you don't have to do anything. Please don't pass this email on to anybody.",
                ],
            },
            EmailKind.EmailChangeAsked => Notice(
                "A new e-mail address was asked for",
                [
                    $"Someone, hopefully you, asked to change the e-mail address of your {Brand} account to {masked}.",
                    "Your address stays as it is until the new one is confirmed.",
                ],
                takesBack: "stops the change,",
                resets: "which stops the change and"
            ),
            EmailKind.EmailChanged => new("Your e-mail address was changed")
            {
                Opening =
                [
                    $"The e-mail address of your {Brand} account is now {masked}. Your other devices were signed out.",
                ],
                Button = NotMe,
                Link = facts.Link,
                // The old address opens no reset any more, so without an undo link only people can help.
                NotYou = facts.Link is null
                    ?
                    [
                        "If this wasn't you, someone else can use your account. Tell the people who run this site at once:",
                        site,
                    ]
                    :
                    [
                        $"If this wasn't you, someone else can use your account. Open \"{NotMe}\" above at once: it puts this address back, signs out every device, and you choose a new password.",
                    ],
            },
            EmailKind.NewSignIn => Notice(
                "New sign-in to your account",
                [
                    $"Your {Brand} account was signed in to from a device we had not seen before. If it was you, all is well.",
                ],
                takesBack: "stops the password,"
            ),
            EmailKind.RefreshTokenReused => new("We ended one of your sessions")
            {
                Opening =
                [
                    $"An old key of one of your {Brand} sessions (a refresh token) was used again. It may have been copied, so we ended that session as a precaution.",
                    "Your other sessions go on. On the device that was signed out, sign in again.",
                ],
                Button = "Sign in",
                Link = facts.Link,
                NotYou =
                [
                    "If this wasn't you, or you are not sure, choose a new password, which signs out every device:",
                    forgot,
                ],
            },
            EmailKind.PasswordStopped => new("Your password was stopped")
            {
                Opening =
                [
                    $"Someone tried too many wrong passwords for your {Brand} account. None of them was right.",
                    "To be safe, your password opens nothing now on a device that has not been signed in before. Devices that are signed in stay signed in. To sign in elsewhere, choose a new password.",
                ],
                Button = "Choose a new password",
                Link = facts.Link ?? forgot,
                NotYou = ["If this wasn't you, nobody has come in: choosing a new password is all there is to do."],
            },
            EmailKind.CodesStopped => new("Sign-in codes were stopped")
            {
                Opening =
                [
                    $"Someone entered too many wrong codes for your {Brand} account. None of them was right.",
                    "To be safe, codes from our emails open nothing now. Links in our emails still work. Codes work again when you sign in with a link, your password or a passkey.",
                ],
                Button = "Sign in",
                Link = facts.Link ?? new Uri(facts.Site, "login"),
                NotYou = ["If this wasn't you, nobody has come in, and there is nothing else to do."],
            },
            EmailKind.PasswordAloneAllowed => Notice(
                "A password alone signs in again",
                [
                    $"Your {Brand} account asked for a passkey after the password. It does not any more: the password alone signs in.",
                ],
                takesBack: "asks for the passkey again,"
            ),
            EmailKind.AccountLocked => new("Your account was locked")
            {
                Opening =
                [
                    $"An administrator locked your {Brand} account. All devices were signed out, and it can't be used to sign in for now.",
                ],
                NotYou =
                [
                    "If this wasn't you who asked for it, or you think that it is a mistake, write to the people who run this site:",
                    site,
                ],
            },
            EmailKind.AccountClosed => new("Your account was closed")
            {
                Opening =
                [
                    $"Your {Brand} account was closed. All devices were signed out, and it can't be used to sign in any more.",
                ],
                NotYou = ["If this wasn't you, tell the people who run this site at once:", site],
            },
            EmailKind.SignInCode => new("Your code to sign in")
            {
                Opening =
                [
                    $"Someone, hopefully you, asked to sign in to {Brand} with a code. Type it on the page where you asked for it, or open the link.",
                ],
                Button = "Sign in",
                Link = facts.Link,
                CodeLabel = "Type this code on the page where you asked for it:",
                NotYou =
                [
                    "If this wasn't you, you don't have to do anything: nobody comes in without this email. Never read the code out to anybody, and don't pass the email on.",
                ],
            },
            EmailKind.PasskeyAdded => Notice(
                "A passkey was added",
                [$"The passkey {named} was added to your {Brand} account. It signs in without a password."]
            ),
            EmailKind.PasskeyRemoved => Notice(
                "A passkey was removed",
                [
                    $"The passkey {named} was removed from your {Brand} account and signs in no more. Your other devices were signed out.",
                ]
            ),
            EmailKind.SecondFactorOn => Notice(
                "Your second factor is on",
                [
                    $"Signing in to your {Brand} account with a password now also needs a code of an authenticator app. Your other devices were signed out.",
                ]
            ),
            EmailKind.SecondFactorOff => Notice(
                "Your second factor is off",
                [
                    $"Signing in to your {Brand} account no longer needs a code of an authenticator app. Your other devices were signed out.",
                ]
            ),
            EmailKind.RecoveryCodesMade => Notice(
                "You have new recovery codes",
                [$"Ten new recovery codes were made for your {Brand} account. The old ones no longer work."]
            ),
            EmailKind.RecoveryCodeUsed => Notice(
                "A recovery code was used",
                [
                    $"Your {Brand} account was signed in to with a recovery code in place of the authenticator app. Codes left: {facts.Detail ?? "unknown"}.",
                    "Make new ones before you run out.",
                ]
            ),
            EmailKind.ProviderLinked => Notice(
                "A sign-in provider was linked",
                [$"Your {Brand} account can now be signed in to through {named}."]
            ),
            EmailKind.ProviderUnlinked => Notice(
                "A sign-in provider was unlinked",
                [
                    $"Your {Brand} account can no longer be signed in to through {named}. Your other devices were signed out.",
                ]
            ),
            EmailKind.ApiKeyMade => Notice(
                "An API key was made",
                [
                    $"The API key {named} was made for your {Brand} account. A program that has it can use your account without your password.",
                ],
                takesBack: "revokes the key,"
            ),
            EmailKind.DeviceRemembered => Notice(
                "A browser is remembered",
                [
                    $"A browser asked to be remembered for 30 days: signing in to your {Brand} account there needs the password only, and not your second factor.",
                ],
                takesBack: "forgets the browser,"
            ),
            EmailKind.Invited => new("You are invited")
            {
                Opening =
                [
                    $"An administrator made a {Brand} account for you with this address. Choose a password to begin.",
                ],
                Button = "Choose a password",
                Link = facts.Link,
                NotYou =
                [
                    "If this wasn't you who is meant, you don't have to do anything: nobody can use the account without this email.",
                ],
            },
            EmailKind.SecondFactorReset => new("Your second factor was removed")
            {
                Opening =
                [
                    $"An administrator removed the second factor of your {Brand} account. All devices were signed out.",
                    "Sign in with your password, then set up a new one.",
                ],
                NotYou = ["If this wasn't you who asked for it, write to the people who run this site:", site],
            },
            EmailKind.MailTest => new("This is a test email")
            {
                Opening = [$"The mail settings of {Brand} work: this email reached you. There is nothing to do."],
                NotYou =
                [
                    "If this wasn't you who asked for it, an operator of the site typed your address. You can ignore it.",
                ],
            },
        };
    }

    // Names are typed by whoever is signed in: one that reads as an address must not become a link in an email of ours.
    private static string Named(string? detail)
    {
        var plain = string.Concat(
                EmailLayout
                    .OneLine(detail ?? "")
                    .EnumerateRunes()
                    .Select(r => r.Value is '.' or ':' or '/' or '@' ? new Rune(' ') : r)
                    .Take(60)
            )
            .Trim();
        return plain.Length == 0 ? "without a name" : $"\"{plain}\"";
    }

    private static Uri Page(Uri site, string path) => new(site.GetLeftPart(UriPartial.Path).TrimEnd('/') + "/" + path);

    private static bool SameOrigin(Uri link, Uri site) =>
        link.IsAbsoluteUri
        && Uri.Compare(
            link,
            site,
            UriComponents.SchemeAndServer | UriComponents.UserInfo,
            UriFormat.SafeUnescaped,
            StringComparison.OrdinalIgnoreCase
        ) == 0;
}

/// <summary>What one email says, before it has a look.</summary>
internal sealed record EmailBody(string Title)
{
    public required IReadOnlyList<Line> Opening { get; init; }
    public string? Button { get; init; }
    public Uri? Link { get; init; }
    public string? CodeLabel { get; init; }
    public IReadOnlyList<Line> Closing { get; init; } = [];
    public required IReadOnlyList<Line> NotYou { get; init; }
}

/// <summary>A paragraph, or a URL with a line to itself.</summary>
internal readonly record struct Line(string Text, bool IsUrl)
{
    public static implicit operator Line(string text) => new(text, IsUrl: false);

    public static implicit operator Line(Uri url) => new(url.AbsoluteUri, IsUrl: true);
}
