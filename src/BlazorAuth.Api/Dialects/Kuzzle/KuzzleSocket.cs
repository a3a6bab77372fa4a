using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;

namespace BlazorAuth.Api.Dialects.Kuzzle;

/// <summary>
/// One socket: a JSON object a frame, each answered in a scope of its own. Who speaks is told by the token in the
/// frame; the token used last is looked at every second, and when it is over the client is told and the socket stays
/// open for whoever is not signed in.
/// </summary>
internal sealed partial class KuzzleSocket(
    WebSocket socket,
    IServiceScopeFactory scopes,
    NetworkLimiter shares,
    IAuthDatabase database,
    TimeProvider time,
    ILogger<KuzzleSocket> log,
    string? address,
    string? agent
)
{
    private const int AtOnce = 4,
        PerSecond = 50,
        FirstRead = 4096;

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1),
        Idle = TimeSpan.FromMinutes(15),
        Patience = TimeSpan.FromSeconds(10);

    private readonly string _network = Throttle.Network(Caller.Anonymous(address, null));
    private readonly SemaphoreSlim _sending = new(1),
        _working = new(AtOnce);
    private KuzzleToken? _token;
    private long _heard = time.GetTimestamp();
    private (long Since, int Count) _pace;

    /// <summary>Stays until either end leaves.</summary>
    public async Task RunAsync(CancellationToken stopping, CancellationToken gone)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(gone);
        var watching = WatchAsync(end, stopping);
        try
        {
            await ListenAsync(end.Token);
        }
        catch (Exception left) when (left is WebSocketException or OperationCanceledException)
        {
            // The other end is gone, and with it what it waited for.
        }
        await end.CancelAsync();
        await watching;
        for (var i = 0; i < AtOnce; i++)
            await _working.WaitAsync(CancellationToken.None);
    }

    private async Task ListenAsync(CancellationToken ct)
    {
        var frame = new ArrayBufferWriter<byte>(FirstRead);
        while (true)
        {
            var received = await socket.ReceiveAsync(frame.GetMemory(FirstRead), ct);
            frame.Advance(received.Count);
            var refused = received.MessageType switch
            {
                WebSocketMessageType.Close => WebSocketCloseStatus.NormalClosure,
                WebSocketMessageType.Binary => WebSocketCloseStatus.InvalidMessageType,
                WebSocketMessageType.Text when frame.WrittenCount > KuzzleRequest.MaximumLength =>
                    WebSocketCloseStatus.MessageTooBig,
                _ => (WebSocketCloseStatus?)null,
            };
            if (refused is { } status)
            {
                await CloseAsync(status, null, ct);
                return;
            }
            if (!received.EndOfMessage)
                continue;
            Volatile.Write(ref _heard, time.GetTimestamp());
            await SlowDownAsync(ct);
            await HearAsync(KuzzleRequest.Read(frame.WrittenSpan), ct);
            if (frame.Capacity > 4 * FirstRead)
                frame = new(FirstRead);
            else
                frame.ResetWrittenCount();
        }
    }

    private async Task HearAsync(JsonObject? frame, CancellationToken ct)
    {
        if (frame is { Count: 1 } && frame["p"]?.ToJsonString() == "1")
        {
            await SendAsync(new() { ["p"] = 2 }, ct); // a browser cannot send the protocol's own ping
            return;
        }
        await _working.WaitAsync(ct);
        _ = WorkAsync(frame, ct);
    }

    private async Task WorkAsync(JsonObject? frame, CancellationToken ct)
    {
        try
        {
            var request = KuzzleRequest.Of(frame ?? []);
            var reply = frame is null ? KuzzleError.UnreadableFrame() : await AnswerAsync(request, ct);
            await SendAsync(reply.Print(request), ct);
        }
        finally
        {
            _working.Release();
        }
    }

    private async Task<KuzzleReply> AnswerAsync(KuzzleRequest request, CancellationToken ct)
    {
        try
        {
            using var turn = await shares.EnterAsync(_network, ct);
            await using var scope = scopes.CreateAsyncScope();
            var (reply, ask) = await KuzzleActions.AnswerAsync(scope.ServiceProvider, request, address, agent, ct);
            Follow(ask);
            return reply;
        }
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            if (!ct.IsCancellationRequested)
                Failed(log, fault, request.Action);
            return KuzzleError.Of(
                AuthError.UnexpectedFailure,
                database.IsAway(fault) ? StatusCodes.Status503ServiceUnavailable : null
            );
        }
    }

    private void Follow(KuzzleAsk ask)
    {
        var known = Volatile.Read(ref _token);
        if (ask.SignedOut)
            Volatile.Write(ref _token, null);
        // A request that was under way with the token before an exchange says nothing of the one after it.
        else if (
            (ask.Issued ?? ask.Token) is { } used
            && (known?.Session.Id != used.Session.Id || known.Generation <= used.Generation)
        )
            Volatile.Write(ref _token, used);
    }

    private async Task WatchAsync(CancellationTokenSource end, CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(end.Token, stopping);
        try
        {
            while (true)
            {
                await Task.Delay(Look, either.Token);
                var token = Volatile.Read(ref _token);
                if (token is null && time.GetElapsedTime(Volatile.Read(ref _heard)) > Idle)
                    break;
                if (token is null || await LivesAsync(token, either.Token))
                    continue;
                // Unless it was exchanged meanwhile.
                if (ReferenceEquals(Interlocked.CompareExchange(ref _token, null, token), token))
                    await SendAsync(TokenExpired(), either.Token);
            }
        }
        catch (OperationCanceledException)
        {
            if (end.IsCancellationRequested)
                return;
        }
        await CloseAsync(
            WebSocketCloseStatus.EndpointUnavailable,
            stopping.IsCancellationRequested ? "the server stops" : "idle",
            CancellationToken.None
        );
        end.CancelAfter(Look); // for the other end's goodbye
    }

    private async Task<bool> LivesAsync(KuzzleToken token, CancellationToken ct)
    {
        if (token.ExpiresAt <= time.GetUtcNow())
            return false;
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            return (
                await scope
                    .ServiceProvider.GetRequiredService<SessionStore>()
                    .FindLiveAsync(token.Session.Id, token.Generation, ct)
            ).Failure
                is null;
        }
        catch (Exception fault) when (fault is not (OperationCanceledException or OutOfMemoryException))
        {
            return true; // the store is away: nobody is told that they are signed out before that is known
        }
    }

    // Whoever sends too fast is read more slowly; its own network buffers hold the rest.
    private async Task SlowDownAsync(CancellationToken ct)
    {
        var since = time.GetElapsedTime(_pace.Since);
        if (since < Look && _pace.Count < PerSecond)
        {
            _pace.Count++;
            return;
        }
        // Not left to the next message to see: what is left of a millisecond is no delay, and many would pass in it.
        if (since < Look)
            await Task.Delay(Look - since, ct);
        _pace = (time.GetTimestamp(), 1);
    }

    private Task SendAsync(JsonObject json, CancellationToken ct) =>
        AloneAsync(
            patience =>
                socket.SendAsync(
                    Encoding.UTF8.GetBytes(json.ToJsonString()),
                    WebSocketMessageType.Text,
                    endOfMessage: true,
                    patience
                ),
            ct
        );

    private Task CloseAsync(WebSocketCloseStatus status, string? why, CancellationToken ct) =>
        AloneAsync(patience => socket.CloseOutputAsync(status, why, patience), ct);

    // A peer that does not read would otherwise hold a place, and what is sent to it, for ever.
    private async Task AloneAsync(Func<CancellationToken, Task> send, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        try
        {
            await _sending.WaitAsync(patience.Token);
            try
            {
                await send(patience.Token);
            }
            finally
            {
                _sending.Release();
            }
        }
        catch (Exception left)
            when (left is WebSocketException or OperationCanceledException or InvalidOperationException)
        {
            socket.Abort(); // whoever listens on it learns of it there
        }
    }

    private static JsonObject TokenExpired() =>
        new()
        {
            ["type"] = "TokenExpired",
            ["status"] = 200,
            ["message"] = "Authentication Token Expired",
            ["info"] = "This is an automated server notification",
            ["room"] = "kuzzle:notification:server",
            ["node"] = KuzzleReply.Node,
        };

    [LoggerMessage(1, LogLevel.Error, "A message of a socket failed: {Action}")]
    private static partial void Failed(ILogger log, Exception fault, string? action);
}
