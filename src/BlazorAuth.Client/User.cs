using System.Text.Json;

namespace BlazorAuth.Client;

/// <summary>An account as its owner sees it.</summary>
public sealed record User(
    string Id,
    string? Email,
    string? Username,
    bool EmailVerified,
    string? DisplayName,
    string? Avatar,
    bool IsAnonymous,
    bool Active,
    IReadOnlyList<string> Roles,
    JsonElement Profile,
    DateTimeOffset CreatedAt
);

/// <summary>What an account is made of: an e-mail address or a user name (or both), and a password.</summary>
public sealed record NewAccount(
    string? Email,
    string Password,
    string? Username = null,
    string? DisplayName = null,
    JsonElement? Profile = null
);

/// <summary>How a sign-in went on. A refusal is a <see cref="BlazorAuthException"/>.</summary>
public abstract record SignInResult
{
    private SignInResult() { }

    /// <summary>Done; the client keeps the tokens.</summary>
    public sealed record SignedIn(User User) : SignInResult;

    /// <summary>
    /// The password was right; go on with <see cref="BlazorAuthClient.SignInWithSecondFactorAsync"/>.
    /// </summary>
    public sealed record NeedsSecondFactor(string Ticket, IReadOnlyList<string> Methods) : SignInResult;
}

/// <summary>
/// A passkey ceremony of the service: hand <see cref="Options"/> to the platform, and its answer back with the ticket.
/// </summary>
public sealed record PasskeyChallenge(string Ticket, JsonElement Options);

/// <summary>Why the current user changed.</summary>
public enum UserChangeReason
{
    /// <summary>Somebody signed in.</summary>
    SignedIn,

    /// <summary>The token store had somebody at start.</summary>
    Restored,

    /// <summary>The same account reads differently now.</summary>
    Updated,

    /// <summary>This client signed out.</summary>
    SignedOut,

    /// <summary>The service ended the session; <see cref="UserChange.Code"/> says why.</summary>
    Ended,
}

/// <summary>A change of the current user.</summary>
/// <param name="User">Who it is now; null for nobody.</param>
/// <param name="Reason">Why.</param>
/// <param name="Code">For <see cref="UserChangeReason.Ended"/>: the service's reason.</param>
public sealed record UserChange(User? User, UserChangeReason Reason, AuthErrorCode? Code = null);
