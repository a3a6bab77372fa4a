using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Core;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// A method of a service, called over HTTP or over a socket: everything from here on is the same for both.
/// </summary>
internal sealed record Call(string Service, string Method)
{
    public string? Id { get; init; }

    public JsonElement Data { get; init; }

    /// <summary>What stands beside the data: filters and the fields to answer.</summary>
    public JsonObject Query { get; init; } = [];

    /// <summary>The access token of the header, or the one that the socket signed in with.</summary>
    public string? Token { get; init; }

    public string? Address { get; init; }

    public string? Agent { get; init; }

    public bool Changes => Method is not ("find" or "get");

    /// <summary>Answers it.</summary>
    /// <param name="services">A scope of its own.</param>
    /// <param name="ct">Ends the work.</param>
    public async Task<Answer> RunAsync(IServiceProvider services, CancellationToken ct) =>
        Service switch
        {
            _ when Data.ValueKind == JsonValueKind.Array => Failure.NotAllowed($"Can not {Method} multiple entries"),
            _ when Method is "create" or "update" or "patch" && Data.ValueKind != JsonValueKind.Object => Failure.Of(
                AuthError.BadJson
            ),
            "users" => await ActivatorUtilities
                .CreateInstance<Users>(services)
                .RunAsync(this, await CallerAsync(services, ct), ct),
            "authentication" => await ActivatorUtilities
                .CreateInstance<Authentication>(services, services)
                .RunAsync(this, ct),
            _ when Management.ActionOf(Service) is { } action => await ActivatorUtilities
                .CreateInstance<Management>(services)
                .RunAsync(this, action, (await CallerAsync(services, ct)).Caller, ct),
            _ => new Failure(404, "Service not found") { Reason = AuthError.NotFound },
        };

    /// <summary>Somebody who is not signed in.</summary>
    public Caller Stranger => Caller.Anonymous(Address, Agent);

    public Caller Of(Session session) => Caller.Of(session, Address, Agent, Dialect.Feathers);

    /// <summary>A method that the service does not have.</summary>
    public Failure Unsupported(params string[] supported) =>
        Failure.NotAllowed("Method is not supported by this endpoint") with
        {
            Allow = string.Join(
                ", ",
                supported
                    .Select(m =>
                        m switch
                        {
                            "create" => "POST",
                            "update" => "PUT",
                            "patch" => "PATCH",
                            "remove" => "DELETE",
                            _ => "GET",
                        }
                    )
                    .Distinct()
            ),
        };

    // A token that opens nothing leaves a stranger; who needs a caller is told why there is none.
    private async Task<(Caller Caller, Failure? Refused)> CallerAsync(IServiceProvider services, CancellationToken ct)
    {
        if (Token is null)
            return (Stranger, Failure.NotAuthenticated("Not authenticated"));
        var found = await CallerFromBearer.FindAsync(services, Token, Dialect.Feathers, Changes, ct);
        return found.Value is { } session ? (Of(session), null) : (Stranger, Failure.Of(found.Failure!));
    }
}

/// <summary>What a call came to.</summary>
internal sealed record Answer(JsonNode? Value, Failure? Failure)
{
    /// <summary>The session that a socket is bound to from now on.</summary>
    public Binding? Binds { get; init; }

    /// <summary>Whether a socket belongs to nobody from now on.</summary>
    public bool Unbinds { get; init; }

    /// <summary>What is told to the sockets that may see it, where the call has changed a user.</summary>
    public UserEvent? Event { get; init; }

    public static implicit operator Answer(JsonNode value) => new(value, null);

    public static implicit operator Answer(Failure failure) => new(null, failure);

    public static implicit operator Answer(AuthFailure refusal) => new(null, Failure.Of(refusal));

    public static implicit operator Answer(AuthError error) => new(null, Failure.Of(error));
}

/// <summary>Reads what others send: types are looked at before values.</summary>
internal static class Given
{
    /// <summary>The text of a field; null where there is none, or something else.</summary>
    public static string? Text(this JsonElement data, string field) =>
        data.ValueKind == JsonValueKind.Object
        && data.TryGetProperty(field, out var value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    public static JsonElement Field(this JsonElement data, string field) =>
        data.ValueKind == JsonValueKind.Object && data.TryGetProperty(field, out var value) ? value : default;

    /// <summary>Whether a field that must be a text is something else.</summary>
    public static bool IsMistyped(
        this JsonElement data,
        [NotNullWhen(true)] out Failure? failure,
        params string[] fields
    )
    {
        var wrong = Array.Find(
            fields,
            field =>
                data.Field(field).ValueKind
                    is not (JsonValueKind.Undefined or JsonValueKind.Null or JsonValueKind.String)
        );
        failure = wrong is null ? null : Failure.BadRequest($"{wrong} must be a text.", (wrong, "Must be a text."));
        return wrong is not null;
    }

    public static JsonNode? ToNode(this JsonElement value) =>
        value.ValueKind switch
        {
            JsonValueKind.Object => JsonObject.Create(value),
            JsonValueKind.Array => JsonArray.Create(value),
            JsonValueKind.Null or JsonValueKind.Undefined => null,
            _ => JsonValue.Create(value),
        };

    public static Task WriteJsonAsync(this HttpContext http, JsonNode json)
    {
        http.Response.ContentType = "application/json; charset=utf-8";
        return http.Response.WriteAsync(json.ToJsonString(), http.RequestAborted);
    }
}
