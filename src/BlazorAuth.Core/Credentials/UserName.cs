using System.Text.RegularExpressions;
using BlazorAuth.Core.Data;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Credentials;

/// <summary>
/// User names: 3 to 32 ASCII letters, digits, dots, hyphens or underscores, beginning with a letter; compared in lower case.
/// Never with an @, so that no name can be taken for an address.
/// </summary>
public static partial class UserName
{
    /// <summary>Whether the text is a user name.</summary>
    public static bool IsValid(string? text) => text is not null && Pattern().IsMatch(text);

    /// <summary>Tells that somebody else has the name; null where nobody has, or where there is no name.</summary>
    internal static async Task<Refusal?> WhyTakenAsync(AuthDbContext db, string? name, string? userId, CancellationToken ct)
    {
        var normalized = name?.ToLowerInvariant();
        return normalized is not null && await db.Users.AnyAsync(u => u.NormalizedUserName == normalized && u.Id != userId, ct)
            ? Refusal.Of(AuthError.UsernameTaken, "username", Fault.Taken) : null;
    }

    [GeneratedRegex(@"\A[A-Za-z][A-Za-z0-9._-]{2,31}\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 100)]
    private static partial Regex Pattern();
}

/// <summary>Makes Identity compare as we do; its own upper-casing merges look-alikes.</summary>
internal sealed class Normalizer : ILookupNormalizer
{
    public string? NormalizeEmail(string? email) => EmailAddress.TryParse(email, out var canonical) ? canonical : email;

    public string? NormalizeName(string? name) => name?.ToLowerInvariant();
}
