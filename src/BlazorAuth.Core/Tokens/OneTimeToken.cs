using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using Microsoft.AspNetCore.Identity;

namespace BlazorAuth.Core.Tokens;

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

    /// <summary>Goes on with a sign-in by e-mail code, in the browser or program that asked for the email.</summary>
    EmailCodeTicket,

    /// <summary>Signs in, by the code or the link of an email.</summary>
    EmailCode,

    /// <summary>'This wasn't me': takes back what a notice told of.</summary>
    Undo,

    /// <summary>
    /// A sign-in at an external provider that was made for one act. It is found by its session; nobody has its secret.
    /// </summary>
    ProviderProof,
}

/// <summary>
/// A one-time token: only keyed hashes of its secrets are stored, and one conditional statement spends it.
/// </summary>
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

    /// <summary>Keyed hash of the six digits in the same email, where there are any.</summary>
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
