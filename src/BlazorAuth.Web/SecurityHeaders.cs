namespace BlazorAuth.Web;

/// <summary>Headers of every answer of the site, errors included (ASVS 3.4).</summary>
internal static class SecurityHeaders
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
        + "frame-ancestors 'none'; base-uri 'none'";

    /// <summary>The API's reference page, in Development only, styles itself inline.</summary>
    private const string ReferencePolicy =
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

    public static void UseSecurityHeaders(this IApplicationBuilder app, bool https) => app.Use((http, next) =>
    {
        http.Response.OnStarting(() =>
        {
            var headers = http.Response.Headers;
            headers.ContentSecurityPolicy = http.Request.Path.StartsWithSegments("/docs") ? ReferencePolicy
                : headers.ContentSecurityPolicy is { Count: > 0 } own ? own : Policy;
            headers.XContentTypeOptions = "nosniff";
            headers.XFrameOptions = "DENY";
            headers["Referrer-Policy"] = "no-referrer";
            headers["Cross-Origin-Opener-Policy"] = "same-origin";
            headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()";
            if (https) headers.StrictTransportSecurity = "max-age=31536000; includeSubDomains";
            // Pages are personal or carry tokens; only fingerprinted files say otherwise themselves.
            if (headers.CacheControl.Count == 0) headers.CacheControl = "no-store";
            return Task.CompletedTask;
        });
        return next(http);
    });
}
