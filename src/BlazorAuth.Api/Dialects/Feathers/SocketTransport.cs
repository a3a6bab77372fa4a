using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using BlazorAuth.Core.Accounts;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>Carries a connection over a WebSocket, from its beginning or from an upgrade on.</summary>
internal sealed class SocketTransport(Connections connections, Connection connection)
{
    // As the original has it: 1009 where a message is too long, else none in particular.
    private WebSocketCloseStatus _status = WebSocketCloseStatus.NormalClosure;

    private static readonly TimeSpan UpgradeTimeout = TimeSpan.FromSeconds(10),
        Goodbye = TimeSpan.FromSeconds(2),
        ReleaseEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>A connection that begins here.</summary>
    public async Task RunAsync(HttpContext http)
    {
        using var socket = await http.WebSockets.AcceptWebSocketAsync();
        connection.IsUpgraded = true;
        await SendAsync(socket, connection.Begin(upgradable: false), connection.Closed);
        await CarryAsync(socket);
    }

    /// <summary>A connection that polls: after the probe its poll is let go, and the rest comes here.</summary>
    public async Task UpgradeAsync(HttpContext http)
    {
        try
        {
            using var socket = await http.WebSockets.AcceptWebSocketAsync();
            if (await ProbeAsync(socket))
                await CarryAsync(socket);
        }
        finally
        {
            connection.EndUpgrade();
        }
    }

    private async Task<bool> ProbeAsync(WebSocket socket)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(connection.Closed);
        late.CancelAfter(UpgradeTimeout);
        try
        {
            if (await ReceiveAsync(socket, late.Token) != "2probe")
                return false;
            await SendAsync(socket, "3probe", late.Token);
            var upgrade = ReceiveAsync(socket, late.Token);
            // The client says so when no poll is under way; one that has nothing to answer would wait for the next
            // ping.
            while (await Task.WhenAny(upgrade, Task.Delay(ReleaseEvery, CancellationToken.None)) != upgrade)
                if (connection.IsPolled)
                    connection.Send("6");
            if (await upgrade != "5")
                return false;
            connection.IsUpgraded = true;
            for (; connection.IsPolled; await Task.Delay(ReleaseEvery, late.Token))
                connection.Send("6");
            return true;
        }
        catch (Exception over) when (over is OperationCanceledException or WebSocketException)
        {
            if (connection.IsUpgraded)
                connection.Close(); // else it polls on
            return false;
        }
    }

    private async Task CarryAsync(WebSocket socket)
    {
        // Cancelling a read kills the socket; what was said last shall still get out.
        using var reading = new CancellationTokenSource();
        await using var closing = connection.Closed.Register(() => reading.CancelAfter(Goodbye));
        var sending = SendAllAsync(socket, reading.Token);
        try
        {
            while (await ReceiveAsync(socket, reading.Token) is { } packet && await connection.TakeAsync(packet)) { }
        }
        catch (Exception over) when (over is OperationCanceledException or WebSocketException)
        {
            // gone, or told to go and did not
        }
        finally
        {
            connection.Close();
            await sending;
            connections.Remove(connection);
        }
    }

    private async Task SendAllAsync(WebSocket socket, CancellationToken ct)
    {
        try
        {
            await foreach (var packet in connection.Outgoing.ReadAllAsync(ct))
                await SendAsync(socket, packet, ct);
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
                await socket.CloseOutputAsync(_status, null, ct);
        }
        catch (Exception over) when (over is OperationCanceledException or WebSocketException)
        {
            connection.Close();
        }
    }

    private static Task SendAsync(WebSocket socket, string packet, CancellationToken ct) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(packet), WebSocketMessageType.Text, endOfMessage: true, ct);

    // Null where it was closed, or is not text, or is too long.
    private async Task<string?> ReceiveAsync(WebSocket socket, CancellationToken ct)
    {
        var message = new ArrayBufferWriter<byte>(1024);
        while (true)
        {
            var part = await socket.ReceiveAsync(message.GetMemory(1024), ct);
            if (part.MessageType != WebSocketMessageType.Text)
                return null;
            message.Advance(part.Count);
            if (message.WrittenCount > Connection.MaximumLength)
            {
                _status = WebSocketCloseStatus.MessageTooBig;
                return null;
            }
            if (part.EndOfMessage)
                return Encoding.UTF8.GetString(message.WrittenSpan);
        }
    }
}
