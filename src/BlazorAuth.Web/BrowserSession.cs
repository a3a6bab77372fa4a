using System.Globalization;
using System.Security.Claims;
using BlazorAuth.Api;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Web;

/// <summary>
/// Cookie and session row: the cookie carries a session's id and generation, encrypted, and every request looks whether
/// the session lives. A copied cookie dies with its session, which Identity's own cookie does not for half an hour.
/// </summary>
public sealed class BrowserSession(
    IHttpContextAccessor accessor,
    SessionStore sessions,
    KnownDevices known,
    IOptions<AuthOptions> options
) : IBrowserSession
{
    /// <summary>The authentication scheme.</summary>
    public const string Scheme = "Browser";

    private HttpContext Http => accessor.HttpContext ?? throw new InvalidOperationException("Only inside a request.");

    /// <summary>The live session of this request, or null.</summary>
    public Session? Current => Http.Items[typeof(Session)] as Session;

    /// <summary>Who asks.</summary>
    public Caller Caller => CallerOf(Http, Current);

    /// <summary>
    /// Gives the browser the session's cookie. Also after a renewal: the older cookie is then worthless.
    /// </summary>
    public async Task SignInAsync(Session session)
    {
        // Whoever was signed in here before is not any more, also by a copy of the old cookie (ASVS 7.2.4).
        if (Current is { } before && before.Id != session.Id)
            await sessions.SignOutAsync(Caller, before.Id, Http.RequestAborted);
        Http.Items[typeof(Session)] = session;
        Know(session.UserId);
        var identity = new ClaimsIdentity(
            [
                new Claim("sub", session.UserId),
                new Claim(AccessTokens.SessionClaim, session.Id),
                new Claim(AccessTokens.GenerationClaim, session.Generation.ToString(CultureInfo.InvariantCulture)),
            ],
            Scheme,
            "sub",
            "role"
        );
        Http.User = new ClaimsPrincipal(identity); // form tokens made in this very answer are the new owner's
        await Http.SignInAsync(
            Scheme,
            Http.User,
            new AuthenticationProperties
            {
                IsPersistent = session.Persistent,
                ExpiresUtc = session.AbsoluteEndsAt,
                AllowRefresh = false,
            }
        );
    }

    /// <summary>
    /// Ends the session, not only the cookie: the same cookie value opens nothing afterwards (ASVS 7.4.1).
    /// </summary>
    public async Task SignOutAsync(CancellationToken ct)
    {
        if (Current is { } session)
            await sessions.SignOutAsync(Caller, session.Id, ct);
        await ForgetAsync();
    }

    /// <summary>Takes the cookie away where the session is ended already.</summary>
    public Task ForgetAsync()
    {
        Http.Items.Remove(typeof(Session));
        // What the back button shows afterwards must not come from the cache (ASVS 14.3.1).
        Http.Response.Headers["Clear-Site-Data"] = "\"cache\"";
        return Http.SignOutAsync(Scheme);
    }

    /// <summary>What this browser is remembered by, where its owner asked for that.</summary>
    public string? TrustedDevice => Http.Request.Cookies[CookieRules.Name(options.Value, "device")];

    /// <summary>Remembers this browser: the cookie opens nothing, it only stands in for a second factor.</summary>
    public void Remember(string device) =>
        Http.Response.Cookies.Append(
            CookieRules.Name(options.Value, "device"),
            device,
            new CookieOptions
            {
                HttpOnly = true,
                Secure = options.Value.Https,
                SameSite = SameSiteMode.Lax,
                Path = "/",
                MaxAge = TrustedDevices.Lifetime,
            }
        );

    /// <inheritdoc />
    public string? KnownDevice => Http.Request.Cookies[CookieRules.Name(options.Value, "known")];

    /// <summary>
    /// Makes this browser known to an account whose owner has proven themselves here. The cookie stays when they sign
    /// out: wrong passwords of strangers then do not keep them out here.
    /// </summary>
    public void Know(string userId)
    {
        var text = known.Note(KnownDevice, userId);
        Http.Response.Cookies.Append(
            CookieRules.Name(options.Value, "known"),
            text,
            new CookieOptions
            {
                HttpOnly = true,
                Secure = options.Value.Https,
                SameSite = SameSiteMode.Lax,
                Path = "/",
                MaxAge = KnownDevices.Lifetime,
            }
        );
    }

    internal static void Configure(CookieAuthenticationOptions cookie, AuthOptions options)
    {
        cookie.Cookie.Name = CookieRules.Name(options, "session");
        cookie.Cookie.HttpOnly = true;
        cookie.Cookie.SameSite = SameSiteMode.Lax; // Strict would sign people out on the way from an email
        cookie.Cookie.SecurePolicy = CookieRules.Secure(options);
        cookie.SlidingExpiration = false;
        cookie.Events.OnValidatePrincipal = ValidateAsync;
        cookie.Events.OnRedirectToLogin = context =>
        {
            if (context.HttpContext.Items[typeof(AuthError)] is AuthError)
                context.HttpContext.RequestServices.GetRequiredService<Flash>().Leave(Notice.SessionOver);
            // Relative: an absolute one would be built from the Host header.
            var here = context.Request.PathBase + context.Request.Path + context.Request.QueryString;
            context.Response.Redirect($"/login?returnUrl={Uri.EscapeDataString(here)}");
            return Task.CompletedTask;
        };
    }

    private static async Task ValidateAsync(CookieValidatePrincipalContext context)
    {
        if (context.HttpContext.Features.Get<IExceptionHandlerFeature>() is not null)
        {
            // The error page is shown to nobody in particular: to look who asks may be what failed.
            context.RejectPrincipal();
            return;
        }
        var sessions = context.HttpContext.RequestServices.GetRequiredService<SessionStore>();
        var ct = context.HttpContext.RequestAborted;
        var found = Named(context.Principal!) is { } named
            ? await sessions.FindLiveAsync(named.SessionId, named.Generation, ct)
            : AuthError.SessionRevoked;
        if (found.Value is not { Kind: SessionKind.Browser } session)
        {
            // Told by whoever refuses the request: the sign-in page, or the API.
            context.HttpContext.Items[typeof(AuthError)] = found.Failure?.Error ?? AuthError.SessionRevoked;
            context.RejectPrincipal();
            await context.HttpContext.SignOutAsync(Scheme);
            return;
        }
        context.HttpContext.Items[typeof(Session)] = session;
        await sessions.TouchAsync(session, ct);
    }

    // The claims that SignInAsync put into the cookie.
    private static (string SessionId, int Generation)? Named(ClaimsPrincipal cookie) =>
        cookie.FindFirst(AccessTokens.SessionClaim)?.Value is { } sessionId
        && int.TryParse(
            cookie.FindFirst(AccessTokens.GenerationClaim)?.Value,
            CultureInfo.InvariantCulture,
            out var generation
        )
            ? (sessionId, generation)
            : null;

    private static Caller CallerOf(HttpContext http, Session? session)
    {
        var address = http.Connection.RemoteIpAddress?.ToString();
        var agent = http.Request.Headers.UserAgent.ToString();
        return session is null ? Caller.Anonymous(address, agent) : Caller.Of(session, address, agent);
    }
}

/// <summary>What every cookie of the site has in common (ASVS 3.3).</summary>
internal static class CookieRules
{
    /// <summary>
    /// Over TLS the name binds the cookie to this host and path; browsers refuse that name over plain http.
    /// </summary>
    public static string Name(AuthOptions options, string name) => (options.Https ? "__Host-" : "blazorauth-") + name;

    public static CookieSecurePolicy Secure(AuthOptions options) =>
        options.Https ? CookieSecurePolicy.Always : CookieSecurePolicy.None;
}
