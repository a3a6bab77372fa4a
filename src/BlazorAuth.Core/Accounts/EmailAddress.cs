using System.Buffers;
using System.Globalization;
using System.Text;

namespace BlazorAuth.Core.Accounts;

/// <summary>
/// The one comparison of e-mail addresses, used at every door: NFC, trimmed, ASCII local part of dot-atom characters or
/// refused, IDNA-mapped domain, all in lower case. Look-alikes (ſ for s, K for k) are refused, never merged: a case
/// mapping that merges them mails a reset link to a stranger (Django CVE-2019-19844).
/// </summary>
public static class EmailAddress
{
    /// <summary>Longest address (RFC 5321 §4.5.3.1.3, errata 1690).</summary>
    public const int MaximumLength = 254;

    private const int MaximumLocalLength = 64;
    private static readonly SearchValues<char> AtomCharacters = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~."
    );
    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = true };

    /// <summary>The canonical form, under which an address is stored, compared and written to.</summary>
    public static bool TryParse(string? text, out string canonical)
    {
        canonical = "";
        var trimmed = text?.Trim();
        if (string.IsNullOrEmpty(trimmed) || trimmed.Length > MaximumLength)
            return false;
        var at = trimmed.IndexOf('@');
        if (at is < 1 or > MaximumLocalLength || at != trimmed.LastIndexOf('@'))
            return false;
        var local = trimmed.AsSpan(0, at);
        if (local.ContainsAnyExcept(AtomCharacters) || local[0] == '.' || local[^1] == '.' || local.IndexOf("..") >= 0)
            return false;
        if (!TryMapDomain(trimmed[(at + 1)..], out var domain))
            return false;
        canonical = $"{local.ToString().ToLowerInvariant()}@{domain}";
        return canonical.Length <= MaximumLength;
    }

    private static bool TryMapDomain(string text, out string domain)
    {
        domain = "";
        try
        {
            domain = Idn.GetAscii(text.Normalize(NormalizationForm.FormC)).ToLowerInvariant();
        }
        catch (ArgumentException)
        {
            return false;
        }
        return domain.Contains('.') && !domain.EndsWith('.') && !domain.All(c => char.IsAsciiDigit(c) || c == '.');
    }
}
