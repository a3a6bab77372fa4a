using System.Text.RegularExpressions;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Accounts;

/// <summary>
/// User names: 3 to 32 ASCII letters, digits, dots, hyphens or underscores, beginning with a letter; compared in lower
/// case. Never with an @, so that no name can be taken for an address.
/// </summary>
public static partial class UserName
{
    /// <summary>Whether the text is a user name.</summary>
    public static bool IsValid(string? text) => text is not null && Pattern().IsMatch(text);

    /// <summary>Tells that somebody else has the name; null where nobody has, or where there is no name.</summary>
    internal static async Task<AuthFailure?> WhyTakenAsync(
        AuthDbContext db,
        string? name,
        string? userId,
        CancellationToken ct
    )
    {
        var normalized = name?.ToLowerInvariant();
        return
            normalized is not null
            && await db.Users.AnyAsync(u => u.NormalizedUserName == normalized && u.Id != userId, ct)
            ? AuthFailure.Of(AuthError.UsernameTaken, "username", FieldErrorCode.Taken)
            : null;
    }

    [GeneratedRegex(
        @"\A[A-Za-z][A-Za-z0-9._-]{2,31}\z",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 100
    )]
    private static partial Regex Pattern();
}
