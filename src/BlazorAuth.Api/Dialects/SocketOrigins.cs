using BlazorAuth.Core;
using Microsoft.Extensions.Primitives;

namespace BlazorAuth.Api.Dialects;

/// <summary>Whose pages may open a socket: browsers let any page do it, no CORS stands before it. Programs send no origin.</summary>
internal static class SocketOrigins
{
    /// <summary>Whether the Origin header is absent, one of our own, or one of <c>Api:AllowedOrigins</c>.</summary>
    public static bool AreWelcome(AuthOptions options, StringValues origin) =>
        origin.Count == 0 || (origin is [{ } text] && (text == Own(options.Site) || text == Own(options.ApiSite)
                                                       || options.Api.AllowedOrigins.Exists(allowed => allowed.TrimEnd('/') == text)));

    private static string Own(Uri site) => site.GetLeftPart(UriPartial.Authority);
}
