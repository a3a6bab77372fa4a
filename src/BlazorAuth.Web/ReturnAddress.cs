using Microsoft.AspNetCore.Http.HttpResults;

namespace BlazorAuth.Web;

/// <summary>Where a page may send people afterwards.</summary>
public static class ReturnAddress
{
    /// <summary>The address if it is a path of this site, else <c>/account</c>. Control characters make browsers disagree about that (CVE-2024-39694).</summary>
    public static string Local(string? address) =>
        address is ['/', ..] && !address.Any(char.IsControl) && !address.Contains('\\', StringComparison.Ordinal)
        && RedirectHttpResult.IsLocalUrl(address) ? address : "/account";

    /// <summary>Hands the address on to the next page of the same errand.</summary>
    public static string With(string page, string? address) =>
        string.IsNullOrEmpty(address) ? page : $"{page}?returnUrl={Uri.EscapeDataString(Local(address))}";
}
