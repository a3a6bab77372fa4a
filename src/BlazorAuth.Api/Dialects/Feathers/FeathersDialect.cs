using System.Text.RegularExpressions;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Results;
using Microsoft.Extensions.Primitives;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// Feathers: its services over HTTP, and the same over Socket.IO (see <see cref="SocketDoor"/>). A status says what
/// became of a call: 201 for create, 204 without a result, else 200.
/// </summary>
internal sealed partial class FeathersDialect : IDialect
{
    public Dialect Dialect => Dialect.Feathers;

    // Others have paths below: /users/_me, /authentication/local. Ids of ours begin with no underscore, tokens have
    // dots.
    public bool Owns(PathString path) => OwnPath().IsMatch(path.Value ?? "");

    public void Map(IEndpointRouteBuilder routes)
    {
        var connections = new Connections(routes.ServiceProvider);
        Map("/users", "users");
        Map("/users/{id:regex(^[^_])}", "users");
        Map("/authentication", "authentication");
        Map("/authentication/{id:regex(\\.)}", "authentication");
        Map("/auth-management/{action?}", "auth-management");
        Map("/authManagement/{action?}", "authManagement");
        SocketDoor.Map(routes, connections);
        SocketClientFiles.MapAll(routes);

        void Map(string pattern, string service) =>
            routes
                .Map(
                    pattern,
                    http =>
                        AnswerAsync(
                            http,
                            connections,
                            http.GetRouteValue("action") is string action ? $"{service}/{action}" : service,
                            (string?)http.GetRouteValue("id")
                        )
                )
                .ExcludeFromDescription();
    }

    public Task WriteAsync(HttpContext http, AuthFailure refusal, int status) =>
        Failure.Of(refusal, status).WriteAsync(http);

    private static async Task AnswerAsync(HttpContext http, Connections connections, string service, string? id)
    {
        var answer =
            await ReadAsync(http, service, id) is var (call, failure) && call is not null
                ? await call.RunAsync(http.RequestServices, http.RequestAborted)
                : failure!;
        connections.Publish(answer);
        if (answer.Failure is not null)
        {
            await answer.Failure.WriteAsync(http);
            return;
        }
        http.Response.StatusCode =
            answer.Value is null ? StatusCodes.Status204NoContent
            : HttpMethods.IsPost(http.Request.Method) ? StatusCodes.Status201Created
            : StatusCodes.Status200OK;
        if (answer.Value is not null)
            await http.WriteJsonAsync(answer.Value);
    }

    private static async Task<(Call? Call, Failure? Failure)> ReadAsync(HttpContext http, string service, string? id)
    {
        var request = http.Request;
        var method = request.Method switch
        {
            "GET" or "HEAD" => id is null ? "find" : "get",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "remove",
            _ => "",
        };
        // A header that names the method to run: the original looked it up among all there are, inherited ones too.
        if (request.Headers.ContainsKey("X-Service-Method"))
            method = "";
        if (QueryText.Read(request.Query) is not { } query)
            return (null, Failure.BadRequest("Invalid query parameter", ("query", "Is not readable.")));
        var call = new Call(service, method)
        {
            Id = id,
            Token = TokenOf(request.Headers.Authorization),
            Query = query,
            Address = http.Connection.RemoteIpAddress?.ToString(),
            Agent = request.Headers.UserAgent,
        };
        if (method is "" or "find" or "get" || (method == "remove" && request.ContentLength is null or 0))
            return (call, null);
        if (!request.HasJsonContentType())
            return (null, Failure.Of(AuthError.BadJson, StatusCodes.Status415UnsupportedMediaType));
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, http.RequestAborted);
        return ForeignJson.TryParse(body.GetBuffer().AsSpan(0, (int)body.Length), out var data)
            ? (call with { Data = data }, null)
            : (null, Failure.Of(AuthError.BadJson));
    }

    // 'Bearer x', 'JWT x', or the token alone.
    private static string? TokenOf(StringValues header)
    {
        if (header is not [{ Length: > 0 } text])
            return null;
        return text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) switch
        {
            [var token] => token,
            [var scheme, var token]
                when scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase)
                    || scheme.Equals("JWT", StringComparison.OrdinalIgnoreCase) => token,
            _ => null,
        };
    }

    [GeneratedRegex(
        @"\A(/users(/([^_].*)?)?|/authentication(/([^/]*\.[^/]*)?)?|/auth-?management(/.*)?|/socket\.io(/.*)?)\z",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 100
    )]
    private static partial Regex OwnPath();
}
