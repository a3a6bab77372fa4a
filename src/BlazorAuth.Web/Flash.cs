using System.Text.Json;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Web;

/// <summary>Something that was done, told on the page after the redirect.</summary>
public enum Notice
{
    /// <summary>A session ended by its owner.</summary>
    SignedOut,

    /// <summary>The session was over when a page was asked for.</summary>
    SessionOver,

    /// <summary>An email with a link and a code is on its way; the detail is the address.</summary>
    VerifyLetterAsked,

    /// <summary>The address is verified.</summary>
    EmailVerified,

    /// <summary>The address is verified, and a password has to be chosen by mail.</summary>
    EmailVerifiedPasswordVoid,

    /// <summary>The address was verified before: a link was opened twice.</summary>
    EmailAlreadyVerified,

    /// <summary>The address is verified, and a new password is chosen here.</summary>
    EmailVerifiedNewPassword,

    /// <summary>The owner of an address did not want it on an account.</summary>
    EmailChangeRefused,

    /// <summary>An account that a stranger made with the address is gone.</summary>
    EmailDisowned,

    /// <summary>
    /// An email to reset the password is on its way, if there is an account; the detail is the address.
    /// </summary>
    ResetLetterAsked,

    /// <summary>The password was reset.</summary>
    PasswordReset,

    /// <summary>The password was changed.</summary>
    PasswordChanged,

    /// <summary>A change of address waits for confirmation; the detail is the new address.</summary>
    EmailChangeAsked,

    /// <summary>The address was changed.</summary>
    EmailChanged,

    /// <summary>One session was ended.</summary>
    SessionEnded,

    /// <summary>All other sessions were ended.</summary>
    OtherSessionsEnded,

    /// <summary>An API key was revoked.</summary>
    ApiKeyRevoked,

    /// <summary>The profile was saved.</summary>
    ProfileChanged,

    /// <summary>The account was closed.</summary>
    AccountClosed,

    /// <summary>An authenticator app is set up.</summary>
    SecondFactorOn,

    /// <summary>The authenticator app is removed.</summary>
    SecondFactorOff,

    /// <summary>A remembered browser is forgotten.</summary>
    DeviceForgotten,

    /// <summary>A passkey is added; the detail is its name.</summary>
    PasskeyAdded,

    /// <summary>A passkey has another name.</summary>
    PasskeyRenamed,

    /// <summary>A passkey is removed.</summary>
    PasskeyRemoved,

    /// <summary>A password alone does not sign in any more.</summary>
    PasswordAloneRefused,

    /// <summary>A password alone signs in again.</summary>
    PasswordAloneAllowed,

    /// <summary>
    /// An email with a code to sign in is on its way, if there is an account; the detail is the address.
    /// </summary>
    SignInCodeAsked,

    /// <summary>An external provider is linked; the detail is its name.</summary>
    ProviderLinked,

    /// <summary>An external provider is unlinked; the detail is its name.</summary>
    ProviderUnlinked,

    /// <summary>Somebody did not go on at an external provider; the detail is its name.</summary>
    ProviderDenied,

    /// <summary>An external provider said nothing that could be used; the detail is its name.</summary>
    ProviderFailed,

    /// <summary>The browser came back from a provider without the cookie that it left with.</summary>
    ProviderCookieMissing,

    /// <summary>What an external provider said was refused here; the detail is the sentence.</summary>
    ProviderRefused,

    /// <summary>Something was taken back; an email to choose a password is on its way.</summary>
    Undone,
}

/// <summary>
/// Carries one notice, one secret of a link, or one address across a redirect, in an encrypted cookie of this site:
/// nothing of it stands in the address bar, and nobody else can put words on a page.
/// </summary>
public sealed class Flash(
    IHttpContextAccessor accessor,
    IDataProtectionProvider protection,
    IOptions<AuthOptions> options
)
{
    private static readonly TimeSpan NoticeLifetime = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LinkLifetime = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan AddressLifetime = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan TicketLifetime = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan CodeLifetime = OneTimeTokens.Lifetime(TokenPurpose.EmailCodeTicket);
    private const int LongestTyped = 2000,
        LongestReturn = 500;
    private static readonly object TypedItem = new();

    private HttpContext Http => accessor.HttpContext ?? throw new InvalidOperationException("Only inside a request.");

    /// <summary>Leaves a notice for the next page.</summary>
    public void Leave(Notice notice, string? detail = null) => Keep("notice", $"{notice}\n{detail}", NoticeLifetime);

    /// <summary>The notice left for this page, once.</summary>
    public (Notice Notice, string? Detail)? Take()
    {
        if (Read("notice") is not { } text)
            return null;
        Drop("notice");
        var parts = text.Split('\n', 2);
        return Enum.TryParse<Notice>(parts[0], out var notice)
            ? (notice, parts[1].Length == 0 ? null : parts[1])
            : null;
    }

    /// <summary>
    /// Keeps the secret of a link, which leaves the address bar here (ASVS 14.2.1). Bound to its page.
    /// </summary>
    public void KeepLink(PathString page, string token) => Keep("link", $"{page}\n{token}", LinkLifetime);

    /// <summary>The secret of the link that led to this page, if one did.</summary>
    public string? Link()
    {
        var parts = Read("link")?.Split('\n', 2);
        return
            parts is [var page, var token] && string.Equals(page, Http.Request.Path, StringComparison.OrdinalIgnoreCase)
            ? token
            : null;
    }

    /// <summary>Forgets the link once it has done its work: the page is then itself again.</summary>
    public void DropLink() => Drop("link");

    /// <summary>Keeps the address an email was promised to, for somebody who is not signed in.</summary>
    public void KeepAddress(string email) => Keep("address", email, AddressLifetime);

    /// <summary>The address an email was promised to in this browser, of late.</summary>
    public string? Address() => Read("address");

    /// <summary>Keeps the ticket of a sign-in that needs the second factor, in this browser and nowhere else.</summary>
    public void KeepTicket(string ticket) => Keep("ticket", ticket, TicketLifetime);

    /// <summary>The ticket of the sign-in that was begun here last.</summary>
    public string? Ticket() => Read("ticket");

    /// <summary>Forgets the ticket once it is spent or worth nothing.</summary>
    public void DropTicket() => Drop("ticket");

    /// <summary>
    /// Keeps the secret of an authenticator app between the page that shows it and the code that confirms it: the page
    /// can be loaded again, in a second tab too, and nothing else has the secret any more.
    /// </summary>
    public void KeepSetUp(ManageAuthenticator.AuthenticatorSetup begun) =>
        Keep("setup", JsonSerializer.Serialize(begun), ManageAuthenticator.Patience);

    /// <summary>The set-up begun in this browser, if it is the one that waits.</summary>
    public ManageAuthenticator.AuthenticatorSetup? SetUp(string? pending) =>
        pending is not null
        && Read("setup") is { } text
        && JsonSerializer.Deserialize<ManageAuthenticator.AuthenticatorSetup>(text) is { } begun
        && begun.Id == pending
            ? begun
            : null;

    /// <summary>Forgets it once it is on or given up.</summary>
    public void DropSetUp() => Drop("setup");

    /// <summary>A sign-in by email that was asked for in this browser: to which address, and where it leads.</summary>
    public sealed record Asked(string Ticket, string Address, string? ReturnUrl);

    /// <summary>
    /// Keeps what an email that signs in was asked with: here its link needs no second thought, and its code counts.
    /// </summary>
    public void KeepCode(Asked asked)
    {
        if (asked.ReturnUrl is { Length: > LongestReturn })
            asked = asked with { ReturnUrl = null };
        Keep("code", JsonSerializer.Serialize(asked), CodeLifetime);
    }

    /// <summary>The email that was asked for here last.</summary>
    public Asked? Code() => Read("code") is { } text ? JsonSerializer.Deserialize<Asked>(text) : null;

    /// <summary>Forgets it once it is used or worth nothing.</summary>
    public void DropCode() => Drop("code");

    /// <summary>Keeps what was typed into the form of a page while its owner proves who they are.</summary>
    public void KeepTyped(PathString page, IReadOnlyDictionary<string, string> typed)
    {
        var text = JsonSerializer.Serialize(new Kept(page, typed));
        // A cookie holds no more; what is longer has to be typed again.
        if (text.Length <= LongestTyped)
            Keep("typed", text, TicketLifetime);
    }

    /// <summary>What was typed into the form of this page, once.</summary>
    public IReadOnlyDictionary<string, string>? Typed()
    {
        if (Http.Items[TypedItem] is IReadOnlyDictionary<string, string> taken)
            return taken;
        if (
            !HttpMethods.IsGet(Http.Request.Method)
            || Read("typed") is not { } text
            || JsonSerializer.Deserialize<Kept>(text) is not { } kept
            || kept.Page != Http.Request.Path
        )
            return null;
        Drop("typed");
        Http.Items[TypedItem] = kept.Typed;
        return kept.Typed;
    }

    private sealed record Kept(string Page, IReadOnlyDictionary<string, string> Typed);

    /// <summary>Forgets the address once it is verified.</summary>
    public void DropAddress() => Drop("address");

    /// <summary>
    /// Notes that the next sign-in in this browser is a good moment to offer a passkey: somebody just lost a password.
    /// </summary>
    public void KeepOffer() => Set("offer", "1", AddressLifetime);

    /// <summary>Whether such a moment is near.</summary>
    public bool Offered => Http.Request.Cookies.ContainsKey(CookieRules.Name(options.Value, "offer"));

    /// <summary>Forgets the moment once the offer was made.</summary>
    public void DropOffer() => Drop("offer");

    private void Drop(string name) => Http.Response.Cookies.Delete(CookieRules.Name(options.Value, name), Rules(null));

    private void Keep(string name, string text, TimeSpan lifetime) =>
        Set(name, Protector(name).Protect(text, lifetime), lifetime);

    // Made where one is used: most requests carry none of these. What one cookie keeps is no other's.
    private ITimeLimitedDataProtector Protector(string name) =>
        protection.CreateProtector("BlazorAuth.Flash", name).ToTimeLimitedDataProtector();

    private void Set(string name, string value, TimeSpan lifetime) =>
        Http.Response.Cookies.Append(CookieRules.Name(options.Value, name), value, Rules(lifetime));

    private string? Read(string name)
    {
        if (Http.Request.Cookies[CookieRules.Name(options.Value, name)] is not { Length: > 0 } value)
            return null;
        try
        {
            return Protector(name).Unprotect(value);
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            return null; // too old, or not ours
        }
    }

    private CookieOptions Rules(TimeSpan? lifetime) =>
        new()
        {
            HttpOnly = true,
            Secure = options.Value.Https,
            SameSite = SameSiteMode.Lax,
            Path = "/",
            MaxAge = lifetime,
        };
}
