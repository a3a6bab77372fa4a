using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>What a Socket.IO packet is (protocol 5).</summary>
internal enum PacketKind
{
    Connect,
    Disconnect,
    Event,
    Acknowledgement,
    Other,
}

/// <summary>
/// A Socket.IO packet in a message of Engine.IO: a digit, a namespace, the number of the answer that is waited for,
/// JSON.
/// </summary>
internal sealed partial record Packet(PacketKind Kind, string Namespace, string? Ack, string Json)
{
    /// <summary>Reads it; null where it is none, or one with binary parts.</summary>
    public static Packet? Read(string text)
    {
        var match = Shape().Match(text);
        if (!match.Success)
            return null;
        var kind = match.Groups["kind"].Value switch
        {
            "0" => PacketKind.Connect,
            "1" => PacketKind.Disconnect,
            "2" => PacketKind.Event,
            "3" => PacketKind.Acknowledgement,
            _ => PacketKind.Other,
        };
        var (space, ack) = (match.Groups["space"].Value, match.Groups["ack"].Value);
        var json = match.Groups["json"].Value;
        return IsPayload(kind, json)
            ? new(kind, space.Length == 0 ? "/" : space, ack.Length == 0 ? null : ack, json)
            : null;
    }

    // As the original's parser has it: another payload ends the connection, it is no call that could be answered.
    private static bool IsPayload(PacketKind kind, string json)
    {
        if (json.Length == 0)
            return kind != PacketKind.Event;
        try
        {
            using var document = JsonDocument.Parse(json, new() { MaxDepth = Connection.MaximumLength });
            var root = document.RootElement;
            return (kind, root.ValueKind) switch
            {
                (PacketKind.Connect, JsonValueKind.Object) => true,
                (PacketKind.Acknowledgement, JsonValueKind.Array) => true,
                (PacketKind.Event, JsonValueKind.Array) when root.GetArrayLength() > 0 => root[0].ValueKind
                    == JsonValueKind.Number
                    || (root[0].ValueKind == JsonValueKind.String && !Reserved.Contains(root[0].GetString()!)),
                (PacketKind.Other, _) => true,
                _ => false,
            };
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException or ArgumentException)
        {
            return false;
        }
    }

    // Names of the client's own events: nobody sends them.
    private static readonly HashSet<string> Reserved = new(StringComparer.Ordinal)
    {
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    };

    /// <summary>
    /// The call in an event: the method, the service, then what Feathers' client passes for that method.
    /// </summary>
    /// <returns>Null where it is no call of ours.</returns>
    public Call? ToCall()
    {
        if (!ForeignJson.TryParse(Encoding.UTF8.GetBytes(Json), out var json) || json.ValueKind != JsonValueKind.Array)
            return null;
        if (
            json.EnumerateArray().ToList()
            is not [{ ValueKind: JsonValueKind.String } name, { ValueKind: JsonValueKind.String } service, .. var rest]
        )
            return null;
        var call = new Call(service.GetString()!.Trim('/'), name.GetString()!);
        var (hasId, hasData) = (
            call.Method is "get" or "update" or "patch" or "remove",
            call.Method is "create" or "update" or "patch"
        );
        if (hasId && !TryId(rest.FirstOrDefault(), out var id))
            return null;
        var data = rest.ElementAtOrDefault(hasId ? 1 : 0);
        var query = rest.ElementAtOrDefault((hasId ? 1 : 0) + (hasData ? 1 : 0));
        return call with { Id = hasId ? IdOf(rest[0]) : null, Data = hasData ? data : default, Query = QueryOf(query) };

        static bool TryId(JsonElement given, out string? id) =>
            (id = given.ValueKind is JsonValueKind.String or JsonValueKind.Number ? IdOf(given) : null) is not null
            || given.ValueKind == JsonValueKind.Null;
    }

    private static string? IdOf(JsonElement id) =>
        id.ValueKind switch
        {
            JsonValueKind.String => id.GetString(),
            JsonValueKind.Number => id.GetRawText(),
            _ => null,
        };

    private static JsonObject QueryOf(JsonElement query) => query.ToNode() as JsonObject ?? [];

    [GeneratedRegex(
        @"\A(?<kind>[0-4])(?<space>/[^,\p{Cc}]{0,63}(?=,|\z))?,?(?<ack>[0-9]{1,9})?(?<json>[\[{""].*)?\z",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture | RegexOptions.Singleline,
        matchTimeoutMilliseconds: 200
    )]
    private static partial Regex Shape();
}
