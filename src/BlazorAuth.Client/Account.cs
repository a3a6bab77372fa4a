using System.Text.Json;

namespace BlazorAuth.Client;

/// <summary>What proves that the owner is there: sent with the act it is made for, and spent by it.</summary>
public abstract record Proof
{
    private Proof() { }

    /// <summary>The account's password.</summary>
    public sealed record ByPassword(string Password) : Proof
    {
        /// <summary>Names the kind, never the password: records end up in logs.</summary>
        public override string ToString() => nameof(ByPassword);
    }

    /// <summary>A code of the authenticator app.</summary>
    public sealed record ByCode(string Code) : Proof
    {
        /// <summary>Names the kind, never the code: records end up in logs.</summary>
        public override string ToString() => nameof(ByCode);
    }

    /// <summary>
    /// A passkey's answer to <see cref="BlazorAuthClient.BeginPasskeyProofAsync"/>, with the ticket of that challenge.
    /// </summary>
    public sealed record ByPasskey(string Ticket, JsonElement Credential) : Proof
    {
        /// <summary>Names the kind, never the ticket: records end up in logs.</summary>
        public override string ToString() => nameof(ByPasskey);
    }
}

/// <summary>What a change of the profile sets. What is not set stays; null clears.</summary>
public sealed class ProfileChange
{
    internal Dictionary<string, JsonElement> Fields { get; } = new(StringComparer.Ordinal);

    /// <summary>The name that others see.</summary>
    public string? DisplayName
    {
        get => Text("displayName");
        init => Set("displayName", value);
    }

    /// <summary>An https address of a picture.</summary>
    public string? Avatar
    {
        get => Text("avatar");
        init => Set("avatar", value);
    }

    /// <summary>The user name, which no other account has.</summary>
    public string? Username
    {
        get => Text("username");
        init => Set("username", value);
    }

    /// <summary>A JSON object of the application's own.</summary>
    public JsonElement? Profile
    {
        get =>
            Fields.TryGetValue("profile", out var profile) && profile.ValueKind != JsonValueKind.Null ? profile : null;
        init => Fields["profile"] = value ?? JsonElement.Parse("null");
    }

    private string? Text(string name) => Fields.TryGetValue(name, out var value) ? value.GetString() : null;

    private void Set(string name, string? value) =>
        Fields[name] = value is null
            ? JsonElement.Parse("null")
            : JsonSerializer.SerializeToElement(value, WireJson.Default.String);
}

/// <summary>A living session of the account.</summary>
/// <param name="Id">Its id, for <see cref="BlazorAuthClient.EndSessionAsync"/>.</param>
/// <param name="Kind"><c>browser</c> or <c>api</c>.</param>
/// <param name="Current">Whether it is the one that asks.</param>
/// <param name="Methods">How it was signed in (RFC 8176 values).</param>
/// <param name="Address">The network address it was last seen at, where known.</param>
/// <param name="Agent">What the program called itself, where it did.</param>
/// <param name="CreatedAt">When it was signed in.</param>
/// <param name="AuthenticatedAt">When its owner last gave a proof.</param>
/// <param name="LastSeenAt">When it was last used.</param>
/// <param name="ExpiresAt">When it ends if it is not used.</param>
public sealed record SessionInfo(
    string Id,
    string Kind,
    bool Current,
    IReadOnlyList<string> Methods,
    string? Address,
    string? Agent,
    DateTimeOffset CreatedAt,
    DateTimeOffset AuthenticatedAt,
    DateTimeOffset LastSeenAt,
    DateTimeOffset ExpiresAt
);

/// <summary>What an authenticator app needs, shown this once.</summary>
/// <param name="Secret">The secret in base32.</param>
/// <param name="Uri">The same as an <c>otpauth:</c> address, for a QR code.</param>
public sealed record TotpSetup(string Secret, string Uri)
{
    /// <summary>Names the kind, never the secret: records end up in logs.</summary>
    public override string ToString() => nameof(TotpSetup);
}
