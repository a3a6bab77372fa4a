using System.Collections.Frozen;
using System.Text.Json;

namespace BlazorAuth.Client;

/// <summary>
/// Why the service refuses: its closed list of codes. The list only grows; what this version does not know is
/// <see cref="Unknown"/>.
/// </summary>
public enum AuthErrorCode
{
    /// <summary>
    /// The answer carries no code this version knows; see <see cref="BlazorAuthException.CodeText"/>.
    /// </summary>
    Unknown,

    /// <summary>A field is missing or malformed; <see cref="BlazorAuthException.Errors"/> names it.</summary>
    ValidationFailed,

    /// <summary>The body is not the JSON the route takes.</summary>
    BadJson,

    /// <summary>The body is larger than 64 KiB.</summary>
    PayloadTooLarge,

    /// <summary>No such thing, or not the caller's to see.</summary>
    NotFound,

    /// <summary>The caller is known and may not do this.</summary>
    Forbidden,

    /// <summary>Another change came first; read again and retry.</summary>
    Conflict,

    /// <summary>
    /// Too many attempts; <see cref="BlazorAuthException.RetryAfter"/> says when the next one counts.
    /// </summary>
    RateLimited,

    /// <summary>A fault of the service. Nothing was changed.</summary>
    UnexpectedFailure,

    /// <summary>Unknown account or wrong password: never told apart.</summary>
    InvalidCredentials,

    /// <summary>The address is not verified yet, and the site demands it.</summary>
    EmailNotVerified,

    /// <summary>An administrator locked the account.</summary>
    AccountLocked,

    /// <summary>The account is closed.</summary>
    AccountDisabled,

    /// <summary>The site takes no new accounts.</summary>
    SignUpDisabled,

    /// <summary>The address has an account.</summary>
    EmailTaken,

    /// <summary>The user name is somebody's.</summary>
    UsernameTaken,

    /// <summary>The password is too short, too long, or the account's own name.</summary>
    WeakPassword,

    /// <summary>The password is on the list of common ones.</summary>
    CommonPassword,

    /// <summary>The new password is the old one.</summary>
    SamePassword,

    /// <summary>A second factor is due.</summary>
    SecondFactorRequired,

    /// <summary>The second factor was wrong or used before.</summary>
    SecondFactorInvalid,

    /// <summary>The sign-in was begun too long ago.</summary>
    TicketExpired,

    /// <summary>The act needs a fresher authentication.</summary>
    StepUpRequired,

    /// <summary>The passkey was not accepted.</summary>
    PasskeyFailed,

    /// <summary>The access token is missing, malformed or forged.</summary>
    AccessTokenInvalid,

    /// <summary>The access token's time is over.</summary>
    AccessTokenExpired,

    /// <summary>The refresh token is malformed, forged or unknown.</summary>
    RefreshTokenInvalid,

    /// <summary>The refresh token was unused too long.</summary>
    RefreshTokenExpired,

    /// <summary>A rotated refresh token came again; the session was ended.</summary>
    RefreshTokenReused,

    /// <summary>The session was ended.</summary>
    SessionRevoked,

    /// <summary>The session has expired.</summary>
    SessionExpired,

    /// <summary>The password was changed after the credential was issued.</summary>
    PasswordChanged,

    /// <summary>The link or code is not a valid one.</summary>
    LinkInvalid,

    /// <summary>The link or code is too old.</summary>
    LinkExpired,

    /// <summary>The link or code was used before.</summary>
    LinkUsed,
}

internal static class AuthErrorCodes
{
    private static readonly FrozenDictionary<string, AuthErrorCode> Known = Enum.GetValues<AuthErrorCode>()
        .Where(c => c != AuthErrorCode.Unknown)
        .ToFrozenDictionary(c => JsonNamingPolicy.SnakeCaseLower.ConvertName(c.ToString()), StringComparer.Ordinal);

    public static AuthErrorCode Read(string? code) =>
        code is not null && Known.TryGetValue(code, out var known) ? known : AuthErrorCode.Unknown;

    /// <summary>Whether a session refused so will never be accepted again.</summary>
    public static bool EndsSession(this AuthErrorCode code) =>
        code
            is AuthErrorCode.RefreshTokenInvalid
                or AuthErrorCode.RefreshTokenExpired
                or AuthErrorCode.RefreshTokenReused
                or AuthErrorCode.SessionRevoked
                or AuthErrorCode.SessionExpired
                or AuthErrorCode.PasswordChanged;
}
