using System.Text.Json;
using System.Text.Json.Serialization;
using BlazorAuth.Api.Dialects;
using BlazorAuth.Api.Dialects.Kuzzle;
using BlazorAuth.Api.Endpoints;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;

namespace BlazorAuth.Api;

/// <summary>The JSON API as a whole: what it needs, its place in a pipeline, and its routes.</summary>
public static class TokenApi
{
    private const string Cors = "api";

    // Beside our own, what the clients of dialects send from a browser.
    private static readonly string[] Headers =
    [
        "Authorization",
        "Content-Type",
        "Accept",
        "RequestVerificationToken",
        "X-Requested-With",
        "X-Service-Method",
        "X-Skygear-API-Key",
        "X-Skygear-Access-Token",
        "X-Skygear-SDK-Version",
        "X-Kuzzle-Volatile",
        "X-Kuzzle-Request-Id",
    ];

    /// <summary>Whether the path is the API's: errors there are problems, never pages.</summary>
    public static bool Owns(PathString path) =>
        path.StartsWithSegments("/api")
        || PublicDocuments.Own(path)
        || DialectRegistry.At(path) is not null
        || OAuthErrors.Speaks(path);

    /// <summary>Registers the bearer scheme, strict JSON and the API document.</summary>
    public static void AddTokenApi(this IServiceCollection services, AuthOptions options)
    {
        CallerFromBearer.Add(services);
        services.AddHttpContextAccessor();
        ApiDocument.Add(services);
        KuzzleDialect.Add(services);
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.AllowDuplicateProperties = false; // two readers would pick two values
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
            json.SerializerOptions.MaxDepth = 32;
            json.SerializerOptions.Converters.Add(
                new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false)
            );
        });
        services.AddCors(cors =>
            cors.AddPolicy(
                PublicDocuments.Cors,
                policy => policy.AllowAnyOrigin().WithMethods("GET", "HEAD").WithExposedHeaders("ETag")
            )
        );
        services.AddCors(cors =>
            cors.AddPolicy(
                Cors,
                policy =>
                    policy
                        .WithOrigins([.. options.Api.AllowedOrigins.Select(o => o.TrimEnd('/'))])
                        .WithMethods("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
                        .WithHeaders(Headers)
                        .WithExposedHeaders("Retry-After", "RequestVerificationToken")
                        // A listed page of the same site may use the cookie (docs/dialects/identity-api.md); one of
                        // another site is sent none.
                        .AllowCredentials()
            )
        );
    }

    /// <summary>Puts the API into the pipeline; after routing, before authentication.</summary>
    /// <param name="app">The host.</param>
    /// <param name="options">The settings.</param>
    /// <param name="alone">Whether there is nothing but the API, so that every path is its own.</param>
    public static void UseTokenApi(this WebApplication app, AuthOptions options, bool alone = false)
    {
        app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.FromSeconds(20) });
        if (options.Api.Dialects.Contains(Dialect.Kuzzle))
            app.UseKuzzleSockets();
        // By path and before everything that refuses: a script may read why it was refused, also by 404, 405, 413 and
        // 415.
        app.UseWhen(
            http => alone || Owns(http.Request.Path) || http.GetEndpoint() is not RouteEndpoint,
            any => any.UseCors(Cors)
        );
        app.UseWhen(
            http => alone || Owns(http.Request.Path),
            api =>
                api.Use(next =>
                    http =>
                    {
                        http.Response.Headers.XContentTypeOptions = "nosniff";
                        // the few public documents say otherwise themselves
                        http.Response.Headers.CacheControl = "no-store";
                        if (options.Https)
                            http.Response.Headers.StrictTransportSecurity = "max-age=31536000; includeSubDomains";
                        return Problems.PrintAsync(http, next);
                    }
                )
        );
        if (app.Environment.IsDevelopment())
            app.UseSwaggerUI(ui =>
            {
                ui.RoutePrefix = "docs";
                ui.DocumentTitle = "BlazorAuth API";
                ui.SwaggerEndpoint("/openapi/v1.json", "BlazorAuth");
            });
    }

    /// <summary>
    /// Answers programs at paths that are nobody's with a problem: only who takes <c>text/html</c> gets the error page
    /// of the host. Put it into the pipeline inside that page.
    /// </summary>
    public static void UseUnknownPaths(this IApplicationBuilder app) =>
        app.Use(
            async (http, next) =>
            {
                await next(http);
                if (
                    IsNothing(http.Response)
                    && http.Response.ContentType is null
                    && http.Response.ContentLength is null or 0
                    && !Owns(http.Request.Path)
                    && !TakesPages(http.Request)
                )
                {
                    // Beside pages the routing answers 405 for paths that nothing has.
                    var known = Problems.IsKnown(http, route => route.RoutePattern.Parameters.All(p => !p.IsCatchAll));
                    if (!known)
                        http.Response.Headers.Allow = default;
                    var status = known ? StatusCodes.Status405MethodNotAllowed : StatusCodes.Status404NotFound;
                    await Problems.Of(AuthError.NotFound, status).ExecuteAsync(http);
                }
            }
        );

    private static bool IsNothing(HttpResponse response) =>
        response
            is {
                HasStarted: false,
                StatusCode: StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed
            };

    private static bool TakesPages(HttpRequest request) =>
        request
            .GetTypedHeaders()
            .Accept.Any(accepted =>
                accepted.MediaType.Equals("text/html", StringComparison.OrdinalIgnoreCase)
                || accepted.MediaType.Equals("application/xhtml+xml", StringComparison.OrdinalIgnoreCase)
            );

    /// <summary>Maps every route.</summary>
    public static void MapTokenApi(this WebApplication app, AuthOptions options)
    {
        var api = app.MapGroup("/api");
        var oauth = app.MapGroup("/oauth");
        // A page of somebody else's would sign the browser in to an account of its own.
        api.AddEndpointFilter(
            async (context, next) =>
                context.HttpContext.Request.Query["mode"] == "cookie"
                && CrossSite.IsForeignCall(options, context.HttpContext.Request)
                    ? Problems.Of(AuthError.Forbidden)
                    : await next(context)
        );
        api.MapTokens();
        api.MapAccount();
        api.MapSessions();
        api.MapSecondFactors();
        api.MapApiKeys();
        api.MapPasskeys();
        oauth.MapOAuth();
        app.MapDialects(options);
        var documents = app.MapGroup("").RequireCors(PublicDocuments.Cors);
        documents.MapKeys();
        documents.MapProblemPages();
        documents.MapOpenApi();
    }
}
