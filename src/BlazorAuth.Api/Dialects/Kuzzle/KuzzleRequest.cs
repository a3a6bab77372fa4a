using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Results;

namespace BlazorAuth.Api.Dialects.Kuzzle;

/// <summary>
/// One request, whichever way it came: arguments are those of the query and the route, or of the frame's root.
/// </summary>
internal sealed record KuzzleRequest(
    string? Controller,
    string? Action,
    string Id,
    JsonObject Arguments,
    JsonObject? Body,
    JsonNode? Volatile,
    string? Token
)
{
    /// <summary>The largest frame or body; deeper ones than this are refused unread.</summary>
    public const int MaximumLength = 64 * 1024;

    /// <summary>An id for a request that came without one.</summary>
    public static string NewId() => Guid.NewGuid().ToString();

    /// <summary>Reads one JSON object; null where the text is none, or could not be written again.</summary>
    public static JsonObject? Read(ReadOnlySpan<byte> json) =>
        ForeignJson.TryParse(json, out var parsed) && parsed.ValueKind == JsonValueKind.Object
            ? JsonObject.Create(parsed)
            : null;

    /// <summary>A frame of a socket.</summary>
    public static KuzzleRequest Of(JsonObject frame) =>
        new(
            TextIn(frame, "controller"),
            TextIn(frame, "action"),
            TextIn(frame, "requestId") ?? NewId(),
            frame,
            frame["body"] as JsonObject,
            frame["volatile"],
            TextIn(frame, "jwt")
        );

    /// <summary>An argument as text; numbers too, as a query has nothing else.</summary>
    public string? Text(string name) => TextIn(Arguments, name);

    /// <summary>A field of the body, where it is a text: a number is no password.</summary>
    public string? Field(string name) => FieldOf(Body, name);

    /// <summary>A field of an object, where it is a text.</summary>
    public static string? FieldOf(JsonObject? json, string name) =>
        json?[name] is JsonValue value && value.GetValueKind() == JsonValueKind.String
            ? value.GetValue<string>()
            : null;

    /// <summary>
    /// A credential of a login: in the body or, as kourou's <c>-a</c> sends it, among the arguments (the root of a
    /// frame, the query over HTTP). Kuzzle's own strategy looks there in this order, for each of the two by itself.
    /// </summary>
    public string? Credential(string name) => Field(name) is { Length: > 0 } given ? given : FieldOf(Arguments, name);

    /// <summary>A switch: the bare name in a query, true in a frame.</summary>
    public bool Flag(string name) =>
        Arguments[name] is JsonValue value && value.GetValueKind() is JsonValueKind.True or JsonValueKind.String;

    /// <summary>A whole number, or what stands for it where there is none.</summary>
    public int Number(string name, int otherwise) =>
        int.TryParse(Text(name), CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    private static string? TextIn(JsonObject json, string name) =>
        json[name] is JsonValue value
            ? value.GetValueKind() switch
            {
                JsonValueKind.String => value.GetValue<string>(),
                JsonValueKind.Number => value.ToJsonString(),
                _ => null,
            }
            : null;
}

/// <summary>A request and who makes it.</summary>
/// <param name="Request">What is asked.</param>
/// <param name="Caller">Who asks; not signed in without a token.</param>
/// <param name="Token">The living token of the request.</param>
internal sealed record KuzzleAsk(KuzzleRequest Request, Caller Caller, KuzzleToken? Token)
{
    /// <summary>The token that the answer hands out: a socket is told when that one is over.</summary>
    public KuzzleToken? Issued { get; set; }

    /// <summary>Whether the answer ended the request's own token.</summary>
    public bool SignedOut { get; set; }
}

/// <summary>What came of it: a result, or an error.</summary>
internal readonly record struct KuzzleReply(JsonNode? Result, KuzzleError? Error, int Status)
{
    /// <summary>The name of the server that answers; there is one, however many processes it has.</summary>
    public const string Node = "blazorauth";

    public static implicit operator KuzzleReply(JsonNode? result) => new(result, null, StatusCodes.Status200OK);

    public static implicit operator KuzzleReply(KuzzleError error) => new(null, error, error.Status);

    public static implicit operator KuzzleReply(AuthFailure refusal) => KuzzleError.Of(refusal);

    /// <summary>
    /// The whole answer, on the wire of either protocol. <c>room</c> is what clients find their request by.
    /// </summary>
    public JsonObject Print(KuzzleRequest request) =>
        new()
        {
            ["requestId"] = request.Id,
            ["status"] = Status,
            ["error"] = Error?.Print(),
            ["controller"] = request.Controller,
            ["action"] = request.Action,
            ["index"] = null,
            ["collection"] = null,
            ["_id"] = request.Text("_id"),
            ["volatile"] = request.Volatile?.DeepClone(),
            ["result"] = Result,
            ["node"] = Node,
            ["room"] = request.Id,
        };
}
