using System.Text.Json;
using System.Text.Json.Serialization;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Tokens;
using Microsoft.AspNetCore.Identity;

namespace BlazorAuth.Core.Security;

/// <summary>
/// What a notice tells of, as far as it can be taken back: the state of the email, then of its <c>TokenPurpose.Undo</c>
/// token. No secret stands in it but wrapped ones. A notice without has nothing to restore; what it opens is closed all
/// the same.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(PasskeyAdded), "passkey-added")]
[JsonDerivedType(typeof(PasskeyRemoved), "passkey-removed")]
[JsonDerivedType(typeof(SecondFactorAdded), "second-factor-added")]
[JsonDerivedType(typeof(SecondFactorRemoved), "second-factor-removed")]
[JsonDerivedType(typeof(RecoveryCodesMade), "recovery-codes-made")]
[JsonDerivedType(typeof(ProviderLinked), "provider-linked")]
[JsonDerivedType(typeof(ProviderUnlinked), "provider-unlinked")]
[JsonDerivedType(typeof(EmailChangeAsked), "email-change-asked")]
[JsonDerivedType(typeof(EmailChanged), "email-changed")]
[JsonDerivedType(typeof(PasswordAloneAllowed), "password-alone-allowed")]
[JsonDerivedType(typeof(ApiKeyMade), "api-key-made")]
[JsonDerivedType(typeof(DeviceRemembered), "device-remembered")]
public abstract record RevertibleChange
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        AllowOutOfOrderMetadataProperties = true,
    };

    private RevertibleChange() { }

    /// <summary>A passkey was added.</summary>
    /// <param name="Id">Its credential id, base64url.</param>
    public sealed record PasskeyAdded(string Id) : RevertibleChange;

    /// <summary>A passkey was removed.</summary>
    /// <param name="Id">Its credential id, base64url.</param>
    /// <param name="Data">The rest of its row, as it was.</param>
    /// <param name="AskedFor">Whether it was the last one, and was asked for after the password.</param>
    public sealed record PasskeyRemoved(string Id, IdentityPasskeyData Data, bool AskedFor = false) : RevertibleChange;

    /// <summary>A password alone signs in again, without the passkey after it.</summary>
    public sealed record PasswordAloneAllowed : RevertibleChange;

    /// <summary>An authenticator app was set up, or took the place of another.</summary>
    /// <param name="Id">The id of the other's row, which its secret is wrapped for.</param>
    /// <param name="Wrapped">The other's wrapped secret.</param>
    public sealed record SecondFactorAdded(
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Id = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] byte[]? Wrapped = null
    ) : RevertibleChange;

    /// <summary>The authenticator app was removed.</summary>
    /// <param name="Id">The id of its row, which the secret is wrapped for.</param>
    /// <param name="Wrapped">The wrapped secret.</param>
    public sealed record SecondFactorRemoved(string Id, byte[] Wrapped) : RevertibleChange;

    /// <summary>New recovery codes took the place of the old.</summary>
    public sealed record RecoveryCodesMade : RevertibleChange;

    /// <summary>An external provider was linked.</summary>
    /// <param name="Provider">Its name in the settings.</param>
    /// <param name="Key">Who the user is there.</param>
    public sealed record ProviderLinked(string Provider, string Key) : RevertibleChange;

    /// <summary>An external provider was unlinked.</summary>
    /// <param name="Provider">Its name in the settings.</param>
    /// <param name="Key">Who the user is there.</param>
    /// <param name="Name">What the link was called.</param>
    public sealed record ProviderUnlinked(string Provider, string Key, string? Name = null) : RevertibleChange;

    /// <summary>An API key was made.</summary>
    /// <param name="Id">The id of its session, which is not the key.</param>
    public sealed record ApiKeyMade(string Id) : RevertibleChange;

    /// <summary>A browser was remembered: the second factor is not asked for there.</summary>
    /// <param name="Id">The id of its row, which is half of its cookie and opens nothing.</param>
    public sealed record DeviceRemembered(string Id) : RevertibleChange;

    /// <summary>A change of address was asked for.</summary>
    public sealed record EmailChangeAsked : RevertibleChange;

    /// <summary>The address was changed.</summary>
    /// <param name="Address">The one before.</param>
    /// <param name="Verified">Whether that was verified.</param>
    public sealed record EmailChanged(string Address, bool Verified) : RevertibleChange;

    /// <summary>As it stands in a state.</summary>
    public string ToJson() => JsonSerializer.Serialize<RevertibleChange>(this, Json);

    /// <summary>What a state says; null where it says nothing that this version knows.</summary>
    public static RevertibleChange? Read(string? state)
    {
        if (state is null)
            return null;
        try
        {
            return JsonSerializer.Deserialize<RevertibleChange>(state, Json);
        }
        catch (Exception fault) when (fault is JsonException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>The state of an email whose kind says it all.</summary>
    internal static string? StateOf(EmailKind kind) =>
        kind == EmailKind.RecoveryCodesMade ? new RecoveryCodesMade().ToJson() : null;
}
