using BlazorAuth.Core.Results;
using Microsoft.AspNetCore.Http.HttpResults;

namespace BlazorAuth.Web;

/// <summary>Where a page may send people afterwards.</summary>
public static class ReturnAddress
{
    /// <summary>
    /// The address if it is a path of this site, else <c>/account</c>. Control characters make browsers disagree about
    /// that (CVE-2024-39694).
    /// </summary>
    public static string Local(string? address)
    {
        if (
            address is not ['/', ..]
            || address.Any(char.IsControl)
            || address.Contains('\\', StringComparison.Ordinal)
            || !RedirectHttpResult.IsLocalUrl(address)
        )
            return "/account";
        // As a browser will read it: dot segments fold, and '/.//evil.example' is then another host's.
        var read = new Uri(Here, address);
        return read.Host == Here.Host && !read.AbsolutePath.StartsWith("//", StringComparison.Ordinal)
            ? read.PathAndQuery + read.Fragment
            : "/account";
    }

    private static readonly Uri Here = new("http://here");

    /// <summary>Tells the page that asks who it is again that what comes next takes no password.</summary>
    public const string Factor = "factor";

    /// <summary>Where it is asked again who somebody is, on the way to an address, after a refusal.</summary>
    public static string StepUp(AuthFailure refusal, string? address) =>
        With("/account/step-up", address) + (refusal.FieldErrors.Count > 0 ? $"&with={Factor}" : "");

    /// <summary>Hands the address on to the next page of the same errand.</summary>
    public static string With(string page, string? address) =>
        string.IsNullOrEmpty(address) ? page : $"{page}?returnUrl={Uri.EscapeDataString(Local(address))}";
}
