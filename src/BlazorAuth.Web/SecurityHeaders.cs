using BlazorAuth.Core.Options;

namespace BlazorAuth.Web;

/// <summary>
/// Headers of every answer of the site, errors included (ASVS 3.4). The outermost of all: the framework's own refusal
/// of a foreign host name comes before any middleware of ours.
/// </summary>
internal sealed class SecurityHeaders(AuthOptions options) : IStartupFilter
{
    private static readonly PathString BrowserModule = "/blazorauth.js",
        ModuleTypes = "/blazorauth.d.ts";

    // Browsers hold a form's redirects to form-action too: the buttons of providers lead there.
    private readonly string _policy =
        $"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action {string.Join(' ', FormTargets(options))}; {Nowhere}";

    // Said although default-src covers the first: what audits look for (ASVS 3.4.3).
    private const string Nowhere = "object-src 'none'; frame-ancestors 'none'; base-uri 'none'";

    /// <summary>
    /// An email of the development inbox styles itself inline, as emails must; it may do nothing else.
    /// </summary>
    public const string LetterPolicy =
        "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-top-navigation-by-user-activation; " + Nowhere;

    /// <summary>The API's reference page, in Development only, styles itself inline.</summary>
    private const string ReferencePolicy =
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " + Nowhere;

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) =>
        app =>
        {
            app.Use(SendAsync);
            next(app);
        };

    private static IEnumerable<string> FormTargets(AuthOptions options) =>
        options
            .External.Values.Select(provider =>
                new Uri(provider.AuthorizationEndpoint).GetLeftPart(UriPartial.Authority)
            )
            .Distinct()
            .Prepend("'self'");

    private Task SendAsync(HttpContext http, RequestDelegate next)
    {
        http.Response.OnStarting(() =>
        {
            var headers = http.Response.Headers;
            headers.ContentSecurityPolicy =
                http.Request.Path.StartsWithSegments("/docs") ? ReferencePolicy
                : headers.ContentSecurityPolicy is { Count: > 0 } own ? own
                : _policy;
            headers.XContentTypeOptions = "nosniff";
            headers.XFrameOptions = "DENY";
            headers["Referrer-Policy"] = "no-referrer";
            headers["Cross-Origin-Opener-Policy"] = "same-origin";
            headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()";
            // Public code; a page of another origin imports it, and may do no more with it than Api:AllowedOrigins
            // says.
            var isTypes = http.Request.Path.Equals(ModuleTypes, StringComparison.OrdinalIgnoreCase);
            if (isTypes || http.Request.Path.Equals(BrowserModule, StringComparison.OrdinalIgnoreCase))
                headers.AccessControlAllowOrigin = "*";
            // By its name the file would be a video (MPEG transport stream).
            if (isTypes && http.Response.StatusCode == StatusCodes.Status200OK)
                headers.ContentType = "text/plain; charset=utf-8";
            if (options.Https)
                headers.StrictTransportSecurity = "max-age=31536000; includeSubDomains";
            // Pages are personal or carry tokens; only fingerprinted files say otherwise themselves.
            if (headers.CacheControl.Count == 0)
                headers.CacheControl = "no-store";
            return Task.CompletedTask;
        });
        return next(http);
    }
}
