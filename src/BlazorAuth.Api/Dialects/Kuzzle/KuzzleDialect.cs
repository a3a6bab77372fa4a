using System.Text;
using System.Text.Json.Nodes;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Results;

namespace BlazorAuth.Api.Dialects.Kuzzle;

/// <summary>
/// Kuzzle over HTTP: the auth controller at its newer and older addresses, and sign-up. A login by GET is not served:
/// it would begin a session, and leave the password in every log on the way.
/// </summary>
internal sealed class KuzzleDialect : IDialect
{
    private static readonly string[] Roots =
    [
        "/_login",
        "/_logout",
        "/_checkToken",
        "/_refreshToken",
        "/_createToken",
        "/_me",
        "/_checkRights",
        "/_updateSelf",
        "/strategies",
        "/credentials",
        "/api-keys",
        "/_publicApi",
        KuzzleSockets.Path,
        "/users/_me",
        "/users/_createRestricted",
    ];

    private static readonly string[] Foreign = ["/_framework", "/_content", "/_blazor", "/_vs"];

    public Dialect Dialect => Dialect.Kuzzle;

    public bool Owns(PathString path) =>
        Array.Exists(Roots, root => path.StartsWithSegments(root))
        || IsMarked(path)
        || (path.StartsWithSegments("/users", out var rest) && rest.Value!.Contains("/_", StringComparison.Ordinal));

    // Kuzzle marks its addresses by an underscore; those of a browser's Blazor are none of them.
    private static bool IsMarked(PathString path) =>
        path.Value is ['/', '_', not '/', ..] && !Array.Exists(Foreign, foreign => path.StartsWithSegments(foreign));

    /// <summary>Registers what does the actions, for each request or message.</summary>
    public static void Add(IServiceCollection services) =>
        services
            .AddScoped<KuzzleSessions>()
            .AddScoped<KuzzleAccount>()
            .AddScoped<KuzzleCredentials>()
            .AddScoped<KuzzleKeys>()
            .AddSingleton<KuzzleSockets>();

    public void Map(IEndpointRouteBuilder routes)
    {
        foreach (var action in KuzzleActions.All)
        foreach (var route in action.Routes.Concat(action.Older))
        {
            var pattern = route
                .Split(' ')[1]
                .Replace(":strategy", "{strategy}", StringComparison.Ordinal)
                .Replace(":_id", "{_id}", StringComparison.Ordinal);
            routes
                .MapMethods(pattern, [route.Split(' ')[0]], http => AnswerAsync(http, action))
                .ExcludeFromDescription();
        }
    }

    public Task WriteAsync(HttpContext http, AuthFailure refusal, int status) =>
        WriteAsync(http, KuzzleError.Of(refusal, status), Unnamed(http));

    /// <summary>Prints an answer under its status.</summary>
    public static Task WriteAsync(HttpContext http, KuzzleReply reply, KuzzleRequest request)
    {
        http.Response.StatusCode = reply.Status;
        http.Response.Headers.CacheControl = "no-store";
        if (reply.Status == StatusCodes.Status401Unauthorized)
            http.Response.Headers.WWWAuthenticate = CallerFromBearer.Scheme;
        http.Response.SayRetryAfter(reply.Error?.RetryAfter);
        http.Response.ContentType = "application/json; charset=utf-8";
        return http.Response.WriteAsync(reply.Print(request).ToJsonString(), http.RequestAborted);
    }

    /// <summary>A request of which nothing is known but that it came.</summary>
    public static KuzzleRequest Unnamed(HttpContext http) =>
        new(null, null, IdOf(http), new JsonObject(), null, null, null);

    private static async Task AnswerAsync(HttpContext http, KuzzleAction action)
    {
        var request = Unnamed(http) with
        {
            Controller = action.Controller,
            Action = action.Name,
            Arguments = ArgumentsOf(http),
            Token = TokenOf(http.Request.Headers.Authorization),
        };
        if (await ReadBodyAsync(http) is var (body, unreadable) && unreadable is not null)
        {
            await WriteAsync(http, unreadable, request);
            return;
        }
        var header = http.Request.Headers["X-Kuzzle-Volatile"].ToString();
        var told = header.Length == 0 ? null : KuzzleRequest.Read(Encoding.UTF8.GetBytes(header));
        if (header.Length > 0 && told is null)
        {
            await WriteAsync(
                http,
                new KuzzleError(
                    400,
                    "network.http.volatile_parse_failed",
                    0x0301000b,
                    "Unable to convert the \"x-kuzzle-volatile\" HTTP header to JSON."
                ),
                request
            );
            return;
        }
        request = request with { Body = body, Volatile = told };
        var address = http.Connection.RemoteIpAddress?.ToString();
        var (reply, _) = await KuzzleActions.AnswerAsync(
            http.RequestServices,
            request,
            address,
            http.Request.Headers.UserAgent.ToString(),
            http.RequestAborted
        );
        await WriteAsync(http, reply, request);
    }

    private static string IdOf(HttpContext http) =>
        http.Request.Headers["X-Kuzzle-Request-Id"] is [{ Length: > 0 } id] ? id : KuzzleRequest.NewId();

    private static JsonObject ArgumentsOf(HttpContext http)
    {
        var arguments = new JsonObject();
        foreach (var (name, values) in http.Request.Query)
            arguments[name] = values.ToString();
        foreach (var (name, value) in http.Request.RouteValues)
            arguments[name] = value?.ToString();
        return arguments;
    }

    private static string? TokenOf(string? header) =>
        header?.StartsWith(CallerFromBearer.Scheme + " ", StringComparison.OrdinalIgnoreCase) is true
            ? header[(CallerFromBearer.Scheme.Length + 1)..].Trim()
            : null;

    private static async Task<(JsonObject? Body, KuzzleError? Error)> ReadBodyAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted); // the host bounds its length
        if (body.Length == 0)
            return (null, null);
        if (http.Request.ContentType is not null && !http.Request.HasJsonContentType())
            return (
                null,
                new(
                    400,
                    "network.http.unsupported_content",
                    0x03010008,
                    "Invalid request content-type. Expected \"application/json\"."
                )
            );
        return KuzzleRequest.Read(body.ToArray()) is { } json ? (json, null) : (null, KuzzleError.Unreadable());
    }
}
