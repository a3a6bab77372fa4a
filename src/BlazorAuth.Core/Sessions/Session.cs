using BlazorAuth.Core.Clients;
using Microsoft.AspNetCore.Identity;

namespace BlazorAuth.Core.Sessions;

/// <summary>Which door a session came in by.</summary>
public enum SessionKind
{
    /// <summary>A cookie.</summary>
    Browser,

    /// <summary>A refresh token.</summary>
    Api,

    /// <summary>An API key.</summary>
    Key,
}

/// <summary>Why a session ended.</summary>
public enum SessionEnd
{
    /// <summary>Its owner signed out.</summary>
    SignedOut,

    /// <summary>Its owner ended it from another session.</summary>
    Revoked,

    /// <summary>The password was changed elsewhere.</summary>
    PasswordChanged,

    /// <summary>The password was reset by mail.</summary>
    PasswordReset,

    /// <summary>The e-mail address was changed elsewhere.</summary>
    EmailChanged,

    /// <summary>A rotated refresh token came again.</summary>
    RefreshTokenReused,

    /// <summary>The account was closed.</summary>
    AccountClosed,

    /// <summary>The owner of the address disowned what a stranger had registered.</summary>
    Disowned,

    /// <summary>An administrator locked the account.</summary>
    AccountLocked,

    /// <summary>It was unused too long, or reached its absolute end, and somebody came with it.</summary>
    Expired,
}

/// <summary>A sign-in that lasts, under a cookie or under a chain of refresh tokens.</summary>
public sealed class Session
{
    /// <summary>
    /// Most characters of <see cref="EarlierRotations"/>: about a hundred rotations. Whoever refreshes more often
    /// within one leeway gets the newest pair without a rotation.
    /// </summary>
    internal const int MaximumEarlierRotations = 2000;

    /// <summary>Among <see cref="Methods"/>: two factors were proven (RFC 8176 §2).</summary>
    public const string TwoFactors = "mfa";

    /// <summary>Whether <see cref="Methods"/> tell of two factors.</summary>
    internal static bool AreTwoFactors(string methods) => methods.Split(' ').Contains(TwoFactors);

    /// <summary>What was proven before and what is proven now, each named once.</summary>
    internal static string Together(string before, string now) =>
        string.Join(' ', before.Split(' ').Union(now.Split(' ')));

    /// <summary>
    /// 128 random bits. Public: a credential also carries a proof (cookie encryption, token signature, refresh MAC).
    /// </summary>
    public required string Id { get; init; }

    /// <summary>Whose it is.</summary>
    public required string UserId { get; init; }

    /// <summary>The door it came in by.</summary>
    public required SessionKind Kind { get; init; }

    /// <summary>The dialect it was begun in, where it was one.</summary>
    public Dialect? Dialect { get; init; }

    /// <summary>What the owner of an API key calls it; at most 200 code points.</summary>
    public string? Description { get; init; }

    /// <summary>What an API key may do, separated by spaces; null for everything but what needs a step-up.</summary>
    public string? Scopes { get; init; }

    /// <summary>How the owner proved who they are: RFC 8176 values, separated by spaces.</summary>
    public required string Methods { get; set; }

    /// <summary>When it began.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the owner last proved who they are.</summary>
    public required DateTimeOffset AuthenticatedAt { get; set; }

    /// <summary>When a passkey or a code of the second factor last proved it; null where none did.</summary>
    public DateTimeOffset? FactorAt { get; set; }

    /// <summary>When it was last used; kept to about a minute.</summary>
    public required DateTimeOffset LastSeenAt { get; set; }

    /// <summary>Network address of the sign-in.</summary>
    public string? Address { get; init; }

    /// <summary>User-Agent of the sign-in.</summary>
    public string? Agent { get; init; }

    /// <summary>Whether the cookie outlives the browser.</summary>
    public bool Persistent { get; init; }

    /// <summary>It dies here if unused.</summary>
    public required DateTimeOffset IdleEndsAt { get; set; }

    /// <summary>It dies here in any case.</summary>
    public required DateTimeOffset AbsoluteEndsAt { get; init; }

    /// <summary>The generation of its credentials; each refresh and each renewal makes a new one.</summary>
    public required int Generation { get; set; }

    /// <summary>Credentials of an earlier generation than this died when the session was renewed.</summary>
    public required int RenewedGeneration { get; set; }

    /// <summary>Whether it was last renewed by a step-up; else by a changed password.</summary>
    public bool RenewedByStepUp { get; set; }

    /// <summary>When the current generation began: the leeway for the one before counts from here.</summary>
    public required DateTimeOffset GenerationAt { get; set; }

    /// <summary>
    /// When generations before the last one were rotated, as <c>generation:milliseconds</c> separated by spaces; only
    /// those of one unbroken row of rotations that followed each other within the leeway.
    /// </summary>
    public string? EarlierRotations { get; set; }

    /// <summary>The newest generation of which a credential has been used at an endpoint of ours.</summary>
    public int SeenGeneration { get; set; }

    /// <summary>
    /// Grows with every change of any session: other processes read what is above the number they know.
    /// </summary>
    public long ChangeNumber { get; set; }

    /// <summary>When it was ended, or null.</summary>
    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>Why it was ended.</summary>
    public SessionEnd? EndReason { get; set; }
}
