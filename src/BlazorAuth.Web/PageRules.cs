using BlazorAuth.Api;
using BlazorAuth.Core.Options;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Diagnostics;

namespace BlazorAuth.Web;

/// <summary>What is true of every page, as small middlewares.</summary>
internal static class PageRules
{
    private static readonly HashSet<string> LinkPages = new(
        ["/verify-email", "/reset-password", "/confirm-email-change", "/login/email-link", "/undo", "/admin/setup"],
        StringComparer.OrdinalIgnoreCase
    );

    private static readonly string[] NeverShownAgain =
    [
        "password",
        "token",
        "code",
        "credential",
        "ticket",
        "_handler",
    ];

    /// <summary>What was typed into a form that was open too long; the page shows it again.</summary>
    public const string TypedItem = "typed";

    /// <summary>
    /// What was typed under a name into a form that was open too long, or that had to ask first who it is.
    /// </summary>
    public static string? Typed(this HttpContext http, string name) =>
        (
            (http.Items[TypedItem] ?? http.RequestServices.GetRequiredService<Flash>().Typed())
            as IReadOnlyDictionary<string, string>
        )?.GetValueOrDefault(name);

    /// <summary>What may be shown again of a form: no secret is ever sent back in HTML.</summary>
    public static Dictionary<string, string> Harmless(IFormCollection form) =>
        form.Where(f => !NeverShownAgain.Any(word => f.Key.Contains(word, StringComparison.OrdinalIgnoreCase)))
            .ToDictionary(f => f.Key, f => f.Value.ToString(), StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// A redirect after a POST is 303 and relative: browsers then offer to save the password, and no Host header gets
    /// into it.
    /// </summary>
    public static void UseSeeOther(this IApplicationBuilder app) =>
        app.Use(
            (http, next) =>
            {
                // as it came: a stale form is shown again as a GET
                var isPost = HttpMethods.IsPost(http.Request.Method);
                http.Response.OnStarting(() =>
                {
                    if (http.Response.StatusCode != StatusCodes.Status302Found)
                        return Task.CompletedTask;
                    if (isPost)
                        http.Response.StatusCode = StatusCodes.Status303SeeOther;
                    if (
                        Uri.TryCreate(http.Response.Headers.Location, UriKind.Absolute, out var location)
                        && location.Scheme is "http" or "https"
                        && location.Host.Equals(http.Request.Host.Host, StringComparison.OrdinalIgnoreCase)
                        && (http.Request.Host.Port is { } port ? port == location.Port : location.IsDefaultPort)
                    )
                        http.Response.Headers.Location =
                            "/" + (location.PathAndQuery + location.Fragment).TrimStart('/');
                    return Task.CompletedTask;
                });
                return next(http);
            }
        );

    /// <summary>
    /// The error page is shown, never sent to: the form that failed is not one of its own. A form the page does not
    /// have is answered by the framework with a type and no text, which would pass for a whole answer.
    /// </summary>
    public static void UseErrorPage(this IApplicationBuilder app) =>
        app.Use(
            async (http, next) =>
            {
                if (
                    http.Features.Get<IExceptionHandlerFeature>() is not null
                    || http.Features.Get<IStatusCodeReExecuteFeature>() is not null
                )
                    http.Request.Method = HttpMethods.Get;
                await next(http);
                if (
                    http.Response is
                    { StatusCode: StatusCodes.Status400BadRequest, HasStarted: false, ContentLength: null }
                )
                    http.Response.ContentType = null;
            }
        );

    /// <summary>
    /// The secret of an email's link leaves the address at once, into a cookie: it is then in no history, referrer or
    /// shared screen. Opening a link changes nothing, because mail scanners open them.
    /// </summary>
    public static void UseLinkPages(this IApplicationBuilder app) =>
        app.Use(
            (http, next) =>
            {
                if (
                    !HttpMethods.IsGet(http.Request.Method)
                    || !LinkPages.Contains(http.Request.Path.Value ?? "")
                    || http.Request.Query["token"] is not [{ Length: > 0 and <= 200 } token]
                )
                    return next(http);
                http.RequestServices.GetRequiredService<Flash>().KeepLink(http.Request.Path, token);
                http.Response.Headers.CacheControl = "no-store";
                http.Response.StatusCode = StatusCodes.Status303SeeOther;
                http.Response.Headers.Location = http.Request.Path.Value;
                return Task.CompletedTask;
            }
        );

    /// <summary>
    /// A POST to a page whose body is not a form, or one that cannot be read, or has a field twice, changes nothing: it
    /// is a GET from here on, under status 400. Read before antiforgery looks, which would fail on it. Where a script
    /// begins something the same form is refused without a page.
    /// </summary>
    public static void UseReadableForms(this IApplicationBuilder app) =>
        app.Use(
            async (http, next) =>
            {
                if (HttpMethods.IsPost(http.Request.Method) && IsOurs(http) && !await IsReadableAsync(http))
                {
                    if (http.GetEndpoint()!.Metadata.GetMetadata<ComponentTypeMetadata>() is not null)
                        ShowAgain(http, FormCollection.Empty);
                    else if (http.Request.HasFormContentType)
                    {
                        http.Response.StatusCode = StatusCodes.Status400BadRequest;
                        return;
                    }
                }
                await next(http);
            }
        );

    /// <summary>
    /// A request that may change something and comes from a page of another origin is refused, whatever form token it
    /// carries. Put it before everything that looks who asks.
    /// </summary>
    public static void UseOwnForms(this IApplicationBuilder app, AuthOptions options) =>
        app.Use(
            (http, next) =>
            {
                if (
                    !CrossSite.IsUnsafe(http.Request)
                    || !IsOurs(http)
                    || !CrossSite.IsForeignForm(options, http.Request)
                )
                    return next(http);
                http.Response.StatusCode = StatusCodes.Status403Forbidden;
                return Task.CompletedTask;
            }
        );

    // Pages, and what their scripts call. The API has rules of its own, and a path that is nobody's has an answer of
    // its own.
    private static bool IsOurs(HttpContext http) =>
        http.GetEndpoint() is RouteEndpoint && !TokenApi.Owns(http.Request.Path);

    /// <summary>
    /// A form whose antiforgery token is stale or missing, or that does not say which form it is, changes nothing: the
    /// page is shown again, with what was typed, under status 400. The framework's own answer is an empty page.
    /// </summary>
    public static void UseStaleForms(this IApplicationBuilder app) =>
        app.Use(
            (http, next) =>
            {
                if (
                    http.Features.Get<IAntiforgeryValidationFeature>() is { } checkedForm
                    && HttpMethods.IsPost(http.Request.Method)
                    && !TokenApi.Owns(http.Request.Path)
                )
                {
                    // else the framework lets nobody read the form
                    http.Features.Set<IAntiforgeryValidationFeature>(null);
                    if (!checkedForm.IsValid || http.Request.Form["_handler"] is not [{ Length: > 0 }])
                        ShowAgain(http, http.Request.Form);
                    else
                        http.Features.Set(checkedForm);
                }
                return next(http);
            }
        );

    private static void ShowAgain(HttpContext http, IFormCollection form)
    {
        http.Items[TypedItem] = Harmless(form);
        http.Request.Method = HttpMethods.Get;
        http.Response.StatusCode = StatusCodes.Status400BadRequest;
    }

    private static async Task<bool> IsReadableAsync(HttpContext http)
    {
        if (!http.Request.HasFormContentType)
            return false;
        try
        {
            return OneValueForm.Is(await http.Request.ReadFormAsync(http.RequestAborted));
        }
        catch (Exception unreadable)
            when (unreadable is InvalidDataException or IOException or NotSupportedException or ArgumentException)
        {
            return false;
        }
    }
}
