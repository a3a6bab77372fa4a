using System.Collections.Frozen;
using System.Text.Json;

namespace BlazorAuth.Core;

/// <summary>Every reason the product refuses for. Closed and append-only: clients switch on the codes.</summary>
public enum AuthError
{
    /// <summary>A field is missing, malformed, too short or too long; <see cref="Refusal.Faults"/> names it.</summary>
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
    /// <summary>Too many attempts; <see cref="Refusal.RetryAfter"/> says when the next one counts.</summary>
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
    /// <summary>A rotated refresh token came again outside the leeway; the session was ended (RFC 9700 §4.14.2).</summary>
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

/// <summary>What is wrong with one field.</summary>
public enum Fault
{
    /// <summary>Nothing was given.</summary>
    Required,
    /// <summary>Fewer than <see cref="FieldFault.Limit"/> code points.</summary>
    TooShort,
    /// <summary>More than <see cref="FieldFault.Limit"/> code points (or bytes of JSON).</summary>
    TooLong,
    /// <summary>Not an e-mail address this product takes (see <see cref="Credentials.EmailAddress"/>).</summary>
    NotAnEmail,
    /// <summary>Not a user name: 3 to 32 letters, digits, dot, hyphen or underscore, beginning with a letter.</summary>
    NotAUserName,
    /// <summary>Not an absolute https address.</summary>
    NotAUrl,
    /// <summary>Not a JSON object.</summary>
    NotAnObject,
    /// <summary>Not a way to sign in that this host has.</summary>
    NotAMode,
    /// <summary>Contains control characters.</summary>
    HasControlCharacters,
    /// <summary>Somebody has it already.</summary>
    Taken,
    /// <summary>On the list of common passwords.</summary>
    Common,
    /// <summary>Is the account's own address, name, or the name of the product.</summary>
    Guessable,
    /// <summary>Is what it was before.</summary>
    Same,
    /// <summary>Is not the current password.</summary>
    Wrong,
    /// <summary>Has to be changed by itself.</summary>
    Alone,
    /// <summary>Is the last way into the account, which nothing may remove.</summary>
    LastWayIn,
}

/// <summary>One field and what is wrong with it. <see cref="Field"/> is the JSON name.</summary>
public sealed record FieldFault(string Field, Fault Fault, int? Limit = null);

/// <summary>A refusal: a value, never an exception. Nothing was changed when one is returned.</summary>
public sealed record Refusal(AuthError Error)
{
    /// <summary>The fields at fault, if any.</summary>
    public IReadOnlyList<FieldFault> Faults { get; init; } = [];

    /// <summary>For <see cref="AuthError.RateLimited"/>: how long to wait.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>A refusal about one field.</summary>
    public static Refusal Of(AuthError error, string field, Fault fault, int? limit = null) =>
        new(error) { Faults = [new(field, fault, limit)] };

    /// <summary>A refusal about the shape of one field.</summary>
    public static Refusal Shape(string field, Fault fault, int? limit = null) =>
        Of(AuthError.ValidationFailed, field, fault, limit);

    /// <summary>The bare error as a refusal.</summary>
    public static implicit operator Refusal(AuthError error) => new(error);
}

/// <summary>Done, or refused.</summary>
public readonly record struct Outcome(Refusal? Refusal)
{
    /// <summary>It was done.</summary>
    public static readonly Outcome Done;

    /// <summary>Whether it was done.</summary>
    public bool Ok => Refusal is null;

    /// <summary>A refusal as an outcome.</summary>
    public static implicit operator Outcome(Refusal refusal) => new(refusal);

    /// <summary>An error as an outcome.</summary>
    public static implicit operator Outcome(AuthError error) => new(error);
}

/// <summary>A value, or a refusal.</summary>
public readonly record struct Outcome<T> where T : class
{
    private Outcome(T? value, Refusal? refusal) => (Value, Refusal) = (value, refusal);

    /// <summary>The value, where it was not refused.</summary>
    public T? Value { get; }

    /// <summary>The refusal, where there is no value.</summary>
    public Refusal? Refusal { get; }

    /// <summary>One of the two branches, with its value.</summary>
    public TResult Match<TResult>(Func<T, TResult> done, Func<Refusal, TResult> refused) =>
        Value is { } value ? done(value) : refused(Refusal!);

    /// <summary>A value as an outcome.</summary>
    public static implicit operator Outcome<T>(T value) => new(value, null);

    /// <summary>A refusal as an outcome.</summary>
    public static implicit operator Outcome<T>(Refusal refusal) => new(null, refusal);

    /// <summary>An error as an outcome.</summary>
    public static implicit operator Outcome<T>(AuthError error) => new(null, error);
}

/// <summary>The codes of <see cref="AuthError"/> as the wire writes them.</summary>
public static class AuthErrorCodes
{
    private static readonly FrozenDictionary<AuthError, string> Codes = Enum.GetValues<AuthError>()
        .ToFrozenDictionary(e => e, e => JsonNamingPolicy.SnakeCaseLower.ConvertName(e.ToString()));

    /// <summary>The stable snake_case code.</summary>
    public static string Code(this AuthError error) => Codes[error];
}
