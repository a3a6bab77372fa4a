using System.Text.Json;
using BlazorAuth.Core.ExternalLogins;
using BlazorAuth.Core.Options;

namespace BlazorAuth.Web;

/// <summary>Reads what a provider says of somebody; what is not of the expected type is not there.</summary>
internal static class ProviderClaims
{
    private const int LongestSubject = 1000;

    /// <summary>Who it is; null where the claims do not name anybody.</summary>
    public static SignInWithProvider.Identity? Read(JsonElement claims, ExternalProviderOptions provider)
    {
        var subject = Number(claims, provider.IdClaim) ?? Text(claims, provider.IdClaim);
        if (string.IsNullOrWhiteSpace(subject) || subject.Length > LongestSubject || subject.Any(char.IsControl))
            return null;
        return new(
            new ExternalLogin(provider.Key, subject),
            Text(claims, provider.EmailClaim),
            IsVerified(claims, provider),
            Text(claims, provider.NameClaim)
        );
    }

    /// <summary>A text of an answer.</summary>
    public static string? Text(JsonDocument? answer, string name) =>
        answer is null ? null : Text(answer.RootElement, name);

    private static string? Text(JsonElement claims, string name)
    {
        if (!claims.TryGetProperty(name, out var claim) || claim.ValueKind != JsonValueKind.String)
            return null;
        try
        {
            return claim.GetString();
        }
        catch (InvalidOperationException)
        {
            return null; // half a surrogate pair
        }
    }

    private static string? Number(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var claim)
        && claim.ValueKind == JsonValueKind.Number
        && claim.TryGetInt64(out var number)
            ? number.ToString(System.Globalization.CultureInfo.InvariantCulture)
            : null;

    // Some send the text "true".
    private static bool IsVerified(JsonElement claims, ExternalProviderOptions provider) =>
        !claims.TryGetProperty(provider.EmailVerifiedClaim, out var claim) || claim.ValueKind == JsonValueKind.Null
            ? provider.TrustsEmail
            : claim.ValueKind == JsonValueKind.True
                || string.Equals(Text(claims, provider.EmailVerifiedClaim), "true", StringComparison.OrdinalIgnoreCase);
}
