using System.Reflection;
using BlazorAuth.Api;
using BlazorAuth.Core.Administration;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Web.Components;

namespace BlazorAuth.Web;

/// <summary>The pages as a whole: what they need, the order of their pipeline, and what they say at start.</summary>
internal static class Site
{
    public static void AddSite(this IServiceCollection services, AuthOptions options)
    {
        services.Insert(0, ServiceDescriptor.Singleton<IStartupFilter>(new SecurityHeaders(options)));
        services.AddRazorComponents();
        services.AddCascadingAuthenticationState();
        services.AddHttpContextAccessor();
        services.AddScoped<IBrowserSession>(provider => provider.GetRequiredService<BrowserSession>());
        services.AddScoped<BrowserSession>().AddScoped<Flash>().AddScoped<DevMail>().AddScoped<ExternalLoginFlow>();
        ExternalLoginFlow.Add(
            services
                .AddAuthentication(BrowserSession.Scheme)
                .AddCookie(BrowserSession.Scheme, cookie => BrowserSession.Configure(cookie, options)),
            options
        );
        services.AddAuthorization();
        services.AddAntiforgery(antiforgery =>
        {
            antiforgery.Cookie.Name = CookieRules.Name(options, "form");
            antiforgery.Cookie.SecurePolicy = CookieRules.Secure(options);
            antiforgery.SuppressXFrameOptionsHeader = true; // SecurityHeaders sends a stricter one, on every answer
        });
    }

    public static void UseSite(this WebApplication app, AuthOptions options)
    {
        var database = app.Services.GetRequiredService<IAuthDatabase>();
        app.UseSeeOther();
        app.UseWhen(
            http => !options.Api.InProcess || !TokenApi.Owns(http.Request.Path),
            pages =>
            {
                pages.UseExceptionHandler(
                    new ExceptionHandlerOptions
                    {
                        ExceptionHandlingPath = "/error",
                        CreateScopeForErrors = true,
                        StatusCodeSelector = fault =>
                            database.IsAway(fault)
                                ? StatusCodes.Status503ServiceUnavailable
                                : StatusCodes.Status500InternalServerError,
                    }
                );
                pages.UseStatusCodePagesWithReExecute("/error", createScopeForStatusCodePages: true);
                pages.UseErrorPage();
            }
        );
        app.UseUnknownPaths();
        app.UseHead();
        app.UseLinkPages();
        app.UseRouting();
        if (options.Api.InProcess)
            app.UseTokenApi(options);
        app.UseOwnForms(options);
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseReadableForms();
        app.UseAntiforgery();
        app.UseStaleForms();
    }

    public static void MapSite(this WebApplication app)
    {
        app.MapStaticAssets();
        app.MapRazorComponents<App>().WithStaticAssets();
        // The change page itself must not stand at this address (W3C, A Well-Known URL for Changing Passwords).
        app.MapGet("/.well-known/change-password", () => Results.Redirect("/account/password"));
        app.MapExport();
        app.MapCeremonies();
        if (app.Environment.IsDevelopment())
            app.MapDevMail();
    }

    /// <summary>
    /// What a developer needs to begin; the link for the first administrator only while the store is new.
    /// </summary>
    public static async Task WelcomeAsync(this WebApplication app, AuthOptions options)
    {
        await using var scope = app.Services.CreateAsyncScope();
        // In Production the console is a journal that others read.
        var setUp = app.Environment.IsDevelopment()
            ? await scope
                .ServiceProvider.GetRequiredService<CreateFirstAdministrator>()
                .OfferAsync(CancellationToken.None)
            : null;
        List<(string Name, string Value)> lines = [("Site", options.Site.ToString())];
        if (app.Environment.IsDevelopment())
        {
            lines.Add(("Mail inbox", options.Link("dev/mail").ToString()));
            if (options.Api.InProcess)
                lines.Add(("API reference", options.Link("docs").ToString()));
        }
        lines.Add(("Data", options.DataPath));
        if (setUp is not null)
            lines.Add(("First administrator", $"{setUp}  (once, within a day)"));
        var width = lines.Max(l => l.Name.Length);
        Console.WriteLine(
            $"\n  BlazorAuth {Assembly.GetExecutingAssembly().GetName().Version?.ToString(3)}, {app.Environment.EnvironmentName}"
        );
        foreach (var (name, value) in lines)
            Console.WriteLine($"    {name.PadRight(width)}  {value}");
        Console.WriteLine();
    }
}
