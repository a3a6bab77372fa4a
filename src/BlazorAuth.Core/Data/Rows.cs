using Microsoft.AspNetCore.Identity;

namespace BlazorAuth.Core.Data;

/// <summary>An account. The key is a UUID v7; the tables are ASP.NET Core Identity's own, so that an existing store can be adopted.</summary>
public sealed class AuthUser : IdentityUser
{
    /// <summary>A new account with its key and its stamp.</summary>
    public AuthUser()
    {
        Id = Guid.CreateVersion7().ToString();
        SecurityStamp = Guid.NewGuid().ToString();
    }

    /// <summary>The name others see; at most 200 code points.</summary>
    public string? DisplayName { get; set; }

    /// <summary>An https address of a picture.</summary>
    public string? Avatar { get; set; }

    /// <summary>Any JSON object up to 16 KiB, kept as it came.</summary>
    public string? Profile { get; set; }

    /// <summary>Whether nobody has yet given the account an address, a name or a password.</summary>
    public bool IsAnonymous { get; set; }

    /// <summary>When the account was made, in whole milliseconds: what is answered at sign-up is what is stored.</summary>
    public DateTimeOffset CreatedAt
    {
        get;
        set => field = DateTimeOffset.FromUnixTimeMilliseconds(value.ToUnixTimeMilliseconds());
    }

    /// <summary>When somebody signed up again with the address before anybody had verified it, or null.</summary>
    public DateTimeOffset? ContestedAt { get; set; }

    /// <summary>When an administrator locked the account, or null.</summary>
    public DateTimeOffset? LockedAt { get; set; }

    /// <summary>Whether its owner chose that a password alone does not sign in: a passkey is asked for after it, while there is one.</summary>
    public bool PasskeyAfterPassword { get; set; }

    /// <summary>Wrong codes of emails in a row; see <see cref="Credentials.OneTimeTokens.WrongCodesInARow"/>.</summary>
    public int WrongCodes { get; set; }

    /// <summary>Takes away what a registrant said of themselves, the user name included.</summary>
    internal void VoidProfile()
    {
        (DisplayName, Avatar, Profile) = (null, null, null);
        (UserName, NormalizedUserName) = (Id, Id);
    }

    /// <summary>
    /// The user name somebody chose, or null. Identity demands one of everybody, so an account without carries its key there.
    /// </summary>
    public string? ChosenUserName => UserName == Id || UserName == Email ? null : UserName;
}

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
    /// Most characters of <see cref="EarlierRotations"/>: about a hundred rotations. Whoever refreshes more often within one leeway
    /// gets the newest pair without a rotation.
    /// </summary>
    internal const int MaximumEarlierRotations = 2000;

    /// <summary>Among <see cref="Methods"/>: two factors were proven (RFC 8176 §2).</summary>
    public const string TwoFactors = "mfa";

    /// <summary>Whether <see cref="Methods"/> tell of two factors.</summary>
    internal static bool AreTwoFactors(string methods) => methods.Split(' ').Contains(TwoFactors);

    /// <summary>What was proven before and what is proven now, each named once.</summary>
    internal static string Together(string before, string now) => string.Join(' ', before.Split(' ').Union(now.Split(' ')));

    /// <summary>128 random bits. Public: a credential also carries a proof (cookie encryption, token signature, refresh MAC).</summary>
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
    /// When generations before the last one were rotated, as <c>generation:milliseconds</c> separated by spaces; only those of one
    /// unbroken row of rotations that followed each other within the leeway.
    /// </summary>
    public string? EarlierRotations { get; set; }
    /// <summary>The newest generation of which a credential has been used at an endpoint of ours.</summary>
    public int SeenGeneration { get; set; }
    /// <summary>Grows with every change of any session: other processes read what is above the number they know.</summary>
    public long ChangeNumber { get; set; }
    /// <summary>When it was ended, or null.</summary>
    public DateTimeOffset? EndedAt { get; set; }
    /// <summary>Why it was ended.</summary>
    public SessionEnd? EndReason { get; set; }
}

/// <summary>What a one-time token opens.</summary>
public enum TokenPurpose
{
    /// <summary>Proves that the holder reads the account's address.</summary>
    VerifyEmail,
    /// <summary>Sets a password.</summary>
    ResetPassword,
    /// <summary>Makes the destination the account's address.</summary>
    ChangeEmail,
    /// <summary>Makes the first administrator.</summary>
    SetUpAdministrator,
    /// <summary>Goes on with a sign-in whose first factor was right.</summary>
    SecondFactor,
    /// <summary>Finishes a passkey ceremony that signs in, or proves again who asks.</summary>
    PasskeyAssertion,
    /// <summary>Finishes a passkey ceremony that adds one.</summary>
    PasskeyCreation,
    /// <summary>Goes on with a sign-in by e-mail code, in the browser or program that asked for the letter.</summary>
    EmailCodeTicket,
    /// <summary>Signs in, by the code or the link of a letter.</summary>
    EmailCode,
    /// <summary>'This wasn't me': takes back what a notice told of.</summary>
    Undo,
    /// <summary>A sign-in at an external provider that was made for one act. It is found by its session; nobody has its secret.</summary>
    ProviderProof,
}

/// <summary>A one-time token: only keyed hashes of its secrets are stored, and one conditional statement spends it.</summary>
public sealed class OneTimeToken
{
    /// <summary>UUID v7.</summary>
    public required string Id { get; init; }
    /// <summary>What it opens.</summary>
    public required TokenPurpose Purpose { get; init; }
    /// <summary>Whose account; empty where that is not known before the token is spent.</summary>
    public required string UserId { get; init; }
    /// <summary>The address it was sent to; it opens nothing else.</summary>
    public required string Destination { get; init; }
    /// <summary>Keyed hash of the link's secret.</summary>
    public required byte[] SecretHash { get; init; }
    /// <summary>Keyed hash of the six digits in the same letter, where there are any.</summary>
    public byte[]? CodeHash { get; init; }
    /// <summary>How often a code was tried against it.</summary>
    public int Attempts { get; set; }
    /// <summary>The session that asked for it, where that one survives its use.</summary>
    public string? SessionId { get; init; }
    /// <summary>What the act it opens goes on from, as JSON of that flow. No secret stands in it.</summary>
    public string? State { get; init; }
    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
    /// <summary>It opens nothing from here on.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }
    /// <summary>When it was spent.</summary>
    public DateTimeOffset? UsedAt { get; set; }
    /// <summary>When something else killed it: a newer one, a changed password or address.</summary>
    public DateTimeOffset? RevokedAt { get; set; }
}

/// <summary>A counter of attempts.</summary>
public sealed class ThrottleCount
{
    /// <summary>Keyed hash of what is counted: what people type in the wrong field is not kept.</summary>
    public required string Key { get; init; }
    /// <summary>Attempts in the running window.</summary>
    public required int Count { get; set; }
    /// <summary>When the window ends.</summary>
    public required DateTimeOffset ResetsAt { get; set; }
}
