using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.ExternalLogins;

/// <summary>
/// Somebody as an external provider names them: never by an address, which moves from one person to another (ASVS
/// 10.3.3).
/// </summary>
/// <param name="Provider">The provider's name in lower case.</param>
/// <param name="Subject">What the provider knows them by, for ever.</param>
public sealed record ExternalLogin(string Provider, string Subject)
{
    private const string Hashed = "sha256:";
    private const int LongestKey = 128;

    /// <summary>The subject as it is stored: OpenID allows 255 characters, the column holds 128.</summary>
    internal string Key =>
        Subject.Length <= LongestKey && !Subject.StartsWith(Hashed, StringComparison.Ordinal)
            ? Subject
            : Hashed + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Subject)));
}
