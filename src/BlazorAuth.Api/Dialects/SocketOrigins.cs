using BlazorAuth.Core.Options;
using Microsoft.Extensions.Primitives;

namespace BlazorAuth.Api.Dialects;

/// <summary>
/// Whose pages may open a socket, or send the browser's cookie where the client knows no antiforgery header: browsers
/// let any page do the first, and send the cookie for any page of the same site. Programs send no origin.
/// </summary>
internal static class SocketOrigins
{
    /// <summary>
    /// Whether a page of ours, or a listed one of the same site, makes the request: by fetch metadata, which no page
    /// can write, and by the origin. A browser that sends neither must send a header that no form and no foreign page
    /// can.
    /// </summary>
    public static bool MayUseCookie(AuthOptions options, HttpRequest request) =>
        AreWelcome(options, request.Headers.Origin)
        && request.Headers["Sec-Fetch-Site"].ToString() switch
        {
            "same-origin" => true,
            "same-site" => request.Headers.Origin.Count > 0,
            "" => request.Headers.Origin.Count > 0 || request.Headers.XRequestedWith == "XMLHttpRequest",
            _ => false, // cross-site, or typed by a person, which no client does
        };

    /// <summary>Whether a page that is neither ours nor listed makes the request.</summary>
    public static bool IsForeign(AuthOptions options, HttpRequest request) =>
        !AreWelcome(options, request.Headers.Origin)
        || (
            request.Headers.Origin.Count == 0
            && request.Headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site"
        );

    /// <summary>Whether the Origin header is absent, one of our own, or one of <c>Api:AllowedOrigins</c>.</summary>
    public static bool AreWelcome(AuthOptions options, StringValues origin) =>
        origin.Count == 0
        || (
            origin is [{ } text]
            && (
                text == Own(options.Site)
                || text == Own(options.ApiSite)
                || options.Api.AllowedOrigins.Exists(allowed => allowed.TrimEnd('/') == text)
            )
        );

    private static string Own(Uri site) => site.GetLeftPart(UriPartial.Authority);
}
