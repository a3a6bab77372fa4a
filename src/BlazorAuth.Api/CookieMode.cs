using BlazorAuth.Api.Dialects;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Sessions;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Api;

/// <summary>
/// The browser's cookie as the API sees it, where the host that maps the API has pages. A script of the site may sign
/// in with <c>mode=cookie</c> and keeps no token. Bearer routes then take the cookie, but only beside an antiforgery
/// header: a cookie alone is sent by whoever makes the browser send something.
/// </summary>
public interface IBrowserSession
{
    /// <summary>Gives the browser the session's cookie, and makes it the caller of this request.</summary>
    Task SignInAsync(Session session);

    /// <summary>Ends the session of the request's cookie, and takes the cookie away.</summary>
    Task SignOutAsync(CancellationToken ct);

    /// <summary>The live session of the request's cookie, or null.</summary>
    Session? Current { get; }

    /// <summary>What the browser is known by to accounts that were signed in to there, or null.</summary>
    string? KnownDevice { get; }
}

/// <summary>Checks and prints what makes a cookie count.</summary>
internal static class CookieMode
{
    /// <summary>What a script needs beside the cookie: the header's name and value.</summary>
    public sealed record Antiforgery(string Header, string Token);

    /// <summary>
    /// Marks the routes of a dialect whose clients know no antiforgery header: there the request's origin and fetch
    /// metadata tell that a page of ours or a listed one of the same site sends it.
    /// </summary>
    public sealed record TakesCookie;

    /// <summary>
    /// The session of the cookie, where the antiforgery header proves that a script of this site sends it.
    /// </summary>
    public static async Task<Session?> SessionAsync(HttpContext http)
    {
        // Before the token: a page of another site is told by the browser itself.
        var options = http.RequestServices.GetRequiredService<IOptions<AuthOptions>>().Value;
        if (CrossSite.IsForeignCall(options, http.Request))
            return null;
        if (http.RequestServices.GetService<IBrowserSession>()?.Current is not { } session)
            return null;
        if (
            http.GetEndpoint()?.Metadata.GetMetadata<TakesCookie>() is not null
            && SocketOrigins.MayUseCookie(options, http.Request)
        )
            return session;
        try
        {
            await http.RequestServices.GetRequiredService<IAntiforgery>().ValidateRequestAsync(http);
            return session;
        }
        catch (AntiforgeryValidationException)
        {
            return null;
        }
    }

    /// <summary>A fresh header for the caller of this request; its counterpart goes into a cookie.</summary>
    public static Antiforgery Tokens(HttpContext http)
    {
        var tokens = http.RequestServices.GetRequiredService<IAntiforgery>().GetAndStoreTokens(http);
        return new(tokens.HeaderName!, tokens.RequestToken!);
    }
}
