namespace BlazorAuth.Core.TwoFactor;

/// <summary>An authenticator app of an account: a shared secret of which a stolen database can read nothing.</summary>
public sealed class Authenticator
{
    /// <summary>UUID v7; the secret is wrapped for it and no other.</summary>
    public required string Id { get; init; }

    /// <summary>Whose it is.</summary>
    public required string UserId { get; init; }

    /// <summary>AES-256-GCM under a key derived from the master key, bound to the id.</summary>
    public required byte[] Wrapped { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When a right code showed that its owner has it; null until then, and it counts for nothing.</summary>
    public DateTimeOffset? ConfirmedAt { get; set; }

    /// <summary>
    /// The last time step whose code was taken: that one and those before it are never taken again (RFC 6238 §5.2).
    /// </summary>
    public long LastStep { get; set; }

    /// <summary>Wrong codes in a row.</summary>
    public int FailedCount { get; set; }
}

/// <summary>One of the codes an account has for the day the authenticator is lost.</summary>
public sealed class RecoveryCode
{
    /// <summary>UUID v7.</summary>
    public required string Id { get; init; }

    /// <summary>Whose it is.</summary>
    public required string UserId { get; init; }

    /// <summary>The salt that the codes made together share: one guess is one hash of work, not ten.</summary>
    public required byte[] Salt { get; init; }

    /// <summary>A slow, salted and keyed hash (ASVS 6.5.2).</summary>
    public required byte[] Hash { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was spent.</summary>
    public DateTimeOffset? UsedAt { get; set; }
}

/// <summary>
/// A browser in which the second factor is not asked for again, until its time is over or a password or factor changes.
/// </summary>
public sealed class TrustedDevice
{
    /// <summary>128 random bits. The cookie also carries their MAC.</summary>
    public required string Id { get; init; }

    /// <summary>Whose sign-ins.</summary>
    public required string UserId { get; init; }

    /// <summary>When it was remembered.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it last stood in for the second factor.</summary>
    public required DateTimeOffset LastSeenAt { get; set; }

    /// <summary>It counts for nothing from here on.</summary>
    public required DateTimeOffset EndsAt { get; init; }

    /// <summary>Network address it was remembered from.</summary>
    public string? Address { get; init; }

    /// <summary>User-Agent it was remembered with.</summary>
    public string? Agent { get; init; }
}
