using System.Text;
using System.Text.Json.Nodes;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// Engine.IO 4 under Socket.IO: a handshake, long polls, and the change to a WebSocket; and Engine.IO 3 for the clients
/// of Feathers 4. Only as much of it as Feathers' clients use: one namespace, text, no compression.
/// </summary>
internal sealed class SocketDoor(Connections connections, AuthOptions options)
{
    private enum FieldErrorCode
    {
        UnknownTransport,
        UnknownSid,
        BadHandshakeMethod,
        BadRequest,
        Forbidden,
        UnsupportedProtocol,
    }

    public static void Map(IEndpointRouteBuilder routes, Connections connections)
    {
        var door = new SocketDoor(
            connections,
            routes.ServiceProvider.GetRequiredService<IOptions<AuthOptions>>().Value
        );
        routes.Map("/socket.io", door.AnswerAsync).ExcludeFromDescription();
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var query = http.Request.Query;
        var upgrade = http.WebSockets.IsWebSocketRequest;
        if (!SocketOrigins.AreWelcome(options, http.Request.Headers.Origin))
            await RefuseAsync(http, FieldErrorCode.Forbidden, StatusCodes.Status403Forbidden);
        else if (query["transport"] != (upgrade ? "websocket" : "polling"))
            await RefuseAsync(
                http,
                query["transport"] == "websocket" ? FieldErrorCode.BadRequest : FieldErrorCode.UnknownTransport
            );
        else if (!query.ContainsKey("sid"))
            await BeginAsync(http, upgrade, query["EIO"].ToString());
        else if (query["sid"] is not [{ } sid] || connections.Find(sid) is not { } connection)
            await RefuseAsync(http, FieldErrorCode.UnknownSid);
        else if (connection.IsUpgraded || (upgrade && !connection.TryBeginUpgrade()))
            await RefuseAsync(http, FieldErrorCode.BadRequest);
        else if (upgrade)
            await new SocketTransport(connections, connection).UpgradeAsync(http);
        else if (HttpMethods.IsGet(http.Request.Method))
            await PollAsync(http, connection);
        else if (HttpMethods.IsPost(http.Request.Method))
            await TakeAsync(http, connection);
        else
            await RefuseAsync(http, FieldErrorCode.BadRequest);
    }

    private async Task BeginAsync(HttpContext http, bool upgrade, string protocol)
    {
        if (!HttpMethods.IsGet(http.Request.Method))
        {
            await RefuseAsync(http, FieldErrorCode.BadHandshakeMethod);
            return;
        }
        if (protocol is not ("3" or "4"))
        {
            await RefuseAsync(http, FieldErrorCode.UnsupportedProtocol);
            return;
        }
        if (
            connections.Add(
                http.Connection.RemoteIpAddress?.ToString(),
                http.Request.Headers.UserAgent,
                protocol == "3"
            )
            is not { } connection
        )
        {
            http.Response.Headers.RetryAfter = "10";
            await Failure.Of(AuthError.RateLimited).WriteAsync(http);
            return;
        }
        if (upgrade)
            await new SocketTransport(connections, connection).RunAsync(http);
        else
            await WriteAsync(http, connection.Payload.Join([connection.Begin(upgradable: true)]));
    }

    private async Task PollAsync(HttpContext http, Connection connection)
    {
        if (!connection.TryBeginPoll())
        {
            connection.Close(); // two that read would each get half
            await RefuseAsync(http, FieldErrorCode.BadRequest);
            return;
        }
        try
        {
            var packets = new List<string>();
            var open = await connection.Outgoing.WaitToReadAsync(http.RequestAborted);
            for (
                var length = 0;
                length < Connection.MaximumLength && connection.Outgoing.TryRead(out var packet);
                length += packet.Length
            )
                packets.Add(packet);
            // The end goes alone: the client hands out packets later than it closes, and would lose those that came
            // with it.
            if (!open)
            {
                packets.Add("1");
                connections.Remove(connection);
            }
            await WriteAsync(http, connection.Payload.Join(packets));
        }
        catch (OperationCanceledException)
        {
            connection.Close(); // went away while waiting: what is said now would be lost
        }
        finally
        {
            connection.EndPoll();
        }
    }

    private static async Task TakeAsync(HttpContext http, Connection connection)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(body.GetBuffer(), 0, (int)body.Length);
        }
        catch (ArgumentException)
        {
            text = "";
        }
        foreach (var packet in connection.Payload.Split(text))
            if (!await connection.TakeAsync(packet))
            {
                await (packet == "1" ? WriteAsync(http, "ok") : RefuseAsync(http, FieldErrorCode.BadRequest));
                return;
            }
        await WriteAsync(http, "ok");
    }

    private static Task WriteAsync(HttpContext http, string payload)
    {
        http.Response.ContentType = "text/plain; charset=UTF-8";
        return http.Response.WriteAsync(payload, http.RequestAborted);
    }

    private static Task RefuseAsync(
        HttpContext http,
        FieldErrorCode fault,
        int status = StatusCodes.Status400BadRequest
    )
    {
        http.Response.StatusCode = status;
        return http.WriteJsonAsync(
            new JsonObject
            {
                ["code"] = (int)fault,
                ["message"] = fault switch
                {
                    FieldErrorCode.UnknownTransport => "Transport unknown",
                    FieldErrorCode.UnknownSid => "Session ID unknown",
                    FieldErrorCode.BadHandshakeMethod => "Bad handshake method",
                    FieldErrorCode.BadRequest => "Bad request",
                    FieldErrorCode.Forbidden => "Forbidden",
                    FieldErrorCode.UnsupportedProtocol => "Unsupported protocol version",
                    _ => throw new System.Diagnostics.UnreachableException(),
                },
            }
        );
    }
}
