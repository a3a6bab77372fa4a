using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Sessions;

namespace BlazorAuth.Core.Messaging.Email;

/// <summary>
/// The closed list of emails. Each name says what happened; the summary says who gets it and what its link is.
/// </summary>
public enum EmailKind
{
    /// <summary>To a new address: confirm link (required) and, when there is one, 6-digit code (M1).</summary>
    VerifyEmail,

    /// <summary>
    /// To the owner of an address somebody else tried to register or to change to: link to sign in, none means the
    /// login page (M2).
    /// </summary>
    AddressTaken,

    /// <summary>To the owner: reset link (required), never a code, which could be read out to a phisher (M3).</summary>
    ResetPassword,

    /// <summary>To the owner: the signed-in user changed the password. Optional link: "This wasn't me" (M5).</summary>
    PasswordChanged,

    /// <summary>
    /// To the owner: the password was reset by link, all devices are signed out. Optional link: "This wasn't me" (M5).
    /// </summary>
    PasswordReset,

    /// <summary>To the new address: confirm link (required) and, when there is one, 6-digit code (M6).</summary>
    ConfirmEmailChange,

    /// <summary>To the old address: a change was asked for. Optional link: "This wasn't me" (M7).</summary>
    EmailChangeAsked,

    /// <summary>
    /// To the old and to the new address: the change is done. Optional link, old address only: "This wasn't me" (M7).
    /// </summary>
    EmailChanged,

    /// <summary>To the owner: signed in from a device not seen before. Optional link: "This wasn't me" (M10).</summary>
    NewSignIn,

    /// <summary>
    /// To the owner: an old refresh token was used again, its session is ended. Optional link: sign in (M12).
    /// </summary>
    RefreshTokenReused,

    /// <summary>
    /// To the owner: the password was guessed at too often and opens nothing now. Link: reset it (M11).
    /// </summary>
    PasswordStopped,

    /// <summary>To the owner: codes of emails were guessed at too often and open nothing now. Link: sign in.</summary>
    CodesStopped,

    /// <summary>To the owner: a password alone signs in again. Optional link: "This wasn't me".</summary>
    PasswordAloneAllowed,

    /// <summary>To the owner: an administrator locked the account. No link (M14).</summary>
    AccountLocked,

    /// <summary>To the owner: the account is closed. No link (M15).</summary>
    AccountClosed,

    /// <summary>To the owner: link (required) and 6-digit code to sign in.</summary>
    SignInCode,

    /// <summary>
    /// To the owner: a passkey was added; the detail is its name. Optional link: "This wasn't me" (M8).
    /// </summary>
    PasskeyAdded,

    /// <summary>
    /// To the owner: a passkey was removed; the detail is its name. Optional link: "This wasn't me" (M8).
    /// </summary>
    PasskeyRemoved,

    /// <summary>
    /// To the owner: an authenticator app is asked for at sign-in from now on. Optional link: "This wasn't me" (M9).
    /// </summary>
    SecondFactorOn,

    /// <summary>
    /// To the owner: no authenticator app is asked for any more. Optional link: "This wasn't me" (M9).
    /// </summary>
    SecondFactorOff,

    /// <summary>
    /// To the owner: new recovery codes took the place of the old. Optional link: "This wasn't me" (M9).
    /// </summary>
    RecoveryCodesMade,

    /// <summary>
    /// To the owner: a recovery code was used; the detail is how many are left. Optional link: "This wasn't me" (M9).
    /// </summary>
    RecoveryCodeUsed,

    /// <summary>
    /// To the owner: an external provider was linked; the detail is its name. Optional link: "This wasn't me".
    /// </summary>
    ProviderLinked,

    /// <summary>
    /// To the owner: an external provider was unlinked; the detail is its name. Optional link: "This wasn't me".
    /// </summary>
    ProviderUnlinked,

    /// <summary>To somebody an administrator made an account for: link (required) to choose a password (M13).</summary>
    Invited,

    /// <summary>To the owner: an administrator removed the second factor. No link (M14).</summary>
    SecondFactorReset,

    /// <summary>To an administrator: the mail settings work. No link (M16).</summary>
    MailTest,

    /// <summary>
    /// To the owner: an API key was made; the detail is what it is for. Optional link: "This wasn't me".
    /// </summary>
    ApiKeyMade,

    /// <summary>
    /// To the owner: a browser is remembered, without the second factor. Optional link: "This wasn't me".
    /// </summary>
    DeviceRemembered,
}

/// <summary>
/// The facts an email is rendered from; null where it has none. A fact a kind has no use for is left out of it.
/// </summary>
public sealed record EmailModel
{
    /// <summary>
    /// The configured public address of the site, never taken from a request (the Host header is the caller's to
    /// choose).
    /// </summary>
    public required Uri Site { get; init; }

    /// <summary>When the thing the email tells of happened. Printed in UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Where the button leads, on the origin of <see cref="Site"/>.</summary>
    public Uri? Link { get; init; }

    /// <summary>The code to type in, printed as given.</summary>
    public string? Code { get; init; }

    /// <summary>How long link and code work, counted from sending. Printed in words, rounded down.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>The network address that asked. Left out when it is not an IP address.</summary>
    public string? Address { get; init; }

    /// <summary>The raw user agent that asked. Printed by <c>UserAgentName</c> only.</summary>
    public string? Agent { get; init; }

    /// <summary>
    /// What the email names. Text of people: printed without anything that a mail program would make a link of.
    /// </summary>
    public string? Detail { get; init; }

    /// <summary>How often it happened, where one email tells of several.</summary>
    public int Times { get; init; } = 1;

    /// <summary>The e-mail address a change leads to, unmasked. EmailTemplates to the old address mask it.</summary>
    public string? NewAddress { get; init; }
}

/// <summary>A rendered email. The two parts say the same, each is complete without the other.</summary>
/// <param name="Subject">Brand and purpose, one ASCII line, no secret: it shows on a locked screen (C2).</param>
/// <param name="Text">
/// Lines end in <c>\n</c> and hold at most 78 characters, except a URL, which has its line to itself, and an e-mail
/// address longer than that (C1).
/// </param>
/// <param name="Html">A whole HTML document that loads nothing from anywhere (C4, C8, C9).</param>
public sealed record RenderedEmail(string Subject, string Text, string Html);
