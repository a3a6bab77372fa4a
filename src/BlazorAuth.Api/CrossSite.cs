using BlazorAuth.Api.Dialects;
using BlazorAuth.Core.Options;

namespace BlazorAuth.Api;

/// <summary>
/// Whether another site makes a browser send a request, told by what the browser itself says: fetch metadata, which no
/// page can write, and the Origin header. Programs send neither. Looked at before any token of a form, so that a token
/// that leaked does not help (CWE-352; OWASP Cross-Site Request Forgery Prevention, "Fetch Metadata headers").
/// </summary>
public static class CrossSite
{
    /// <summary>Whether the request may change something.</summary>
    public static bool IsUnsafe(HttpRequest request) =>
        !(
            HttpMethods.IsGet(request.Method)
            || HttpMethods.IsHead(request.Method)
            || HttpMethods.IsOptions(request.Method)
            || HttpMethods.IsTrace(request.Method)
        );

    /// <summary>
    /// Whether a page of another origin sends a form of ours. No other page may, also none of a listed origin or of the
    /// same site: our pages are the only ones that have these forms.
    /// </summary>
    public static bool IsForeignForm(AuthOptions options, HttpRequest request) =>
        // 'none' is what a browser says where a person caused it, as by loading an answer again.
        request.Headers["Sec-Fetch-Site"].ToString()
            is not ("" or "same-origin" or "none")
        || !IsOwnOrigin(options, request);

    /// <summary>
    /// Whether a page that is neither ours nor listed in <c>Api:AllowedOrigins</c> calls the API: there no cookie
    /// counts and none is given.
    /// </summary>
    public static bool IsForeignCall(AuthOptions options, HttpRequest request) =>
        IsUnsafe(request) && SocketOrigins.IsForeign(options, request);

    private static bool IsOwnOrigin(AuthOptions options, HttpRequest request)
    {
        if (request.Headers.Origin is not { Count: > 0 } origins)
            return true;
        if (origins is not [{ } origin])
            return false;
        // Under Referrer-Policy: no-referrer, browsers send this with forms of our own pages. Those of today send fetch
        // metadata beside it; for the others the form's token decides, as before.
        if (origin == "null")
            return true;
        return origin == options.Site.GetLeftPart(UriPartial.Authority)
            || (
                Uri.TryCreate(origin, UriKind.Absolute, out var uri)
                && uri.Scheme == (options.Https ? "https" : request.Scheme)
                && uri.Authority.Equals(Authority(request), StringComparison.OrdinalIgnoreCase)
            );
    }

    // Without the port that the scheme has anyway, as in an origin.
    private static string Authority(HttpRequest request) =>
        request.Host.Port is 80 or 443 ? request.Host.Host : request.Host.Value ?? "";
}
