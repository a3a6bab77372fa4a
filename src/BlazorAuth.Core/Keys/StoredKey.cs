namespace BlazorAuth.Core.Keys;

/// <summary>What a stored key is for.</summary>
public enum KeyPurpose
{
    /// <summary>Signs access tokens (P-256).</summary>
    Signing,

    /// <summary>Keys the MACs of refresh tokens, links and codes.</summary>
    Mac,

    /// <summary>An element of the data-protection ring (cookies, antiforgery).</summary>
    DataProtection,
}

/// <summary>A key, wrapped by the master key that is not in the database.</summary>
public sealed class StoredKey
{
    /// <summary>Purpose and ordinal: two processes that make the same next key collide here, and one wins.</summary>
    public required string Id { get; init; }

    /// <summary>What it is for.</summary>
    public required KeyPurpose Purpose { get; init; }

    /// <summary>The name it has outside (the JWT <c>kid</c>), never used twice.</summary>
    public required string KeyId { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it begins to be used; it is published before.</summary>
    public required DateTimeOffset ActiveFrom { get; init; }

    /// <summary>AES-256-GCM under a key derived from the master key, bound to purpose and id.</summary>
    public required byte[] Wrapped { get; init; }
}
