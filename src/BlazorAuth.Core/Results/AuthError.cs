using System.Collections.Frozen;
using System.Text.Json;

namespace BlazorAuth.Core.Results;

/// <summary>Every reason the product refuses for. Closed and append-only: clients switch on the codes.</summary>
public enum AuthError
{
    /// <summary>
    /// A field is missing, malformed, too short or too long; <see cref="AuthFailure.FieldErrors"/> names it.
    /// </summary>
    ValidationFailed,

    /// <summary>The body is not the JSON that was asked for.</summary>
    BadJson,

    /// <summary>The body is larger than 64 KiB.</summary>
    PayloadTooLarge,

    /// <summary>No such thing, or not the caller's to see.</summary>
    NotFound,

    /// <summary>The caller is known and may not do this.</summary>
    Forbidden,

    /// <summary>Another change came first; read again and retry.</summary>
    Conflict,

    /// <summary>Too many attempts; <see cref="AuthFailure.RetryAfter"/> says when the next one counts.</summary>
    RateLimited,

    /// <summary>A fault of ours. Nothing was changed.</summary>
    UnexpectedFailure,

    /// <summary>Unknown account or wrong password: never told apart (ASVS 6.3.8).</summary>
    InvalidCredentials,

    /// <summary>The password was right, the address is not verified yet, and this site demands it.</summary>
    EmailNotVerified,

    /// <summary>The password was right, and an administrator locked the account.</summary>
    AccountLocked,

    /// <summary>The account is closed.</summary>
    AccountDisabled,

    /// <summary>This site takes no new accounts.</summary>
    SignUpDisabled,

    /// <summary>The address has an account; told only where a sign-up signs in and so cannot hide it.</summary>
    EmailTaken,

    /// <summary>The user name is somebody's; user names are public.</summary>
    UsernameTaken,

    /// <summary>Shorter or longer than allowed, or made of the account's own name (ASVS 6.2.1, 6.2.11).</summary>
    WeakPassword,

    /// <summary>On the list of common passwords (ASVS 6.2.4).</summary>
    CommonPassword,

    /// <summary>The new password is the old one.</summary>
    SamePassword,

    /// <summary>The password was right and a second factor is due.</summary>
    SecondFactorRequired,

    /// <summary>The second factor was wrong or used before.</summary>
    SecondFactorInvalid,

    /// <summary>The sign-in was begun too long ago.</summary>
    TicketExpired,

    /// <summary>This act needs a fresher authentication.</summary>
    StepUpRequired,

    /// <summary>The passkey ceremony failed.</summary>
    PasskeyFailed,

    /// <summary>The access token is malformed, forged, or not for this API.</summary>
    AccessTokenInvalid,

    /// <summary>The access token's time is over: refresh.</summary>
    AccessTokenExpired,

    /// <summary>The refresh token is malformed, forged or unknown.</summary>
    RefreshTokenInvalid,

    /// <summary>The refresh token was unused too long, or its session reached its absolute end.</summary>
    RefreshTokenExpired,

    /// <summary>
    /// A rotated refresh token came again outside the leeway; the session was ended (RFC 9700 §4.14.2).
    /// </summary>
    RefreshTokenReused,

    /// <summary>The session was ended.</summary>
    SessionRevoked,

    /// <summary>The session was unused too long, or reached its absolute end.</summary>
    SessionExpired,

    /// <summary>The password was changed after this credential was issued.</summary>
    PasswordChanged,

    /// <summary>The link or code is not one of ours, or was cut.</summary>
    LinkInvalid,

    /// <summary>The link or code is too old, or a newer one took its place.</summary>
    LinkExpired,

    /// <summary>The link or code was used before.</summary>
    LinkUsed,
}

/// <summary>The codes of <see cref="AuthError"/> as the wire writes them.</summary>
public static class AuthErrorCodes
{
    private static readonly FrozenDictionary<AuthError, string> Codes = Enum.GetValues<AuthError>()
        .ToFrozenDictionary(e => e, e => JsonNamingPolicy.SnakeCaseLower.ConvertName(e.ToString()));

    /// <summary>The stable snake_case code.</summary>
    public static string Code(this AuthError error) => Codes[error];
}
