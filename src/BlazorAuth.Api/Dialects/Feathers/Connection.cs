using System.Text.Json.Nodes;
using System.Threading.Channels;
using BlazorAuth.Core;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Tokens;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// One connection, whichever transport carries it at the moment. What goes out waits in a short queue; what comes in is
/// worked off one after the other, each call in a scope of its own.
/// </summary>
internal sealed class Connection(
    Connections all,
    string? address,
    string? agent,
    TimeProvider time,
    bool isVersion3 = false
)
{
    /// <summary>The largest payload and the largest message.</summary>
    public const int MaximumLength = 64 * 1024;

    public static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(25),
        PingTimeout = TimeSpan.FromSeconds(20);

    private const int MaximumQueued = 100,
        CallsAtOnce = 400,
        CallsPerSecond = 50;

    private readonly Channel<string> _out = Channel.CreateBounded<string>(MaximumQueued);
    private readonly CancellationTokenSource _closed = new();
    private readonly SemaphoreSlim _taking = new(1);
    private long _pingedAt = time.GetTimestamp(),
        _heardAt = time.GetTimestamp();
    private readonly long _begunAt = time.GetTimestamp();
    private bool _waitsForPong,
        _joined,
        _hasJoined;
    private double _calls = CallsAtOnce;
    private long _countedAt = time.GetTimestamp();
    private int _polls,
        _upgrades;

    /// <summary>Whoever knows it speaks as this connection.</summary>
    public string Id { get; } = TokenCodec.Random(16);

    public string Network { get; } = Throttle.Network(Caller.Anonymous(address, null));

    public Binding? Binding { get; private set; }

    public ChannelReader<string> Outgoing => _out.Reader;

    /// <summary>When it was closed, or null.</summary>
    public long? ClosedAt { get; private set; }

    /// <summary>Ends the work on its calls.</summary>
    public CancellationToken Closed => _closed.Token;

    /// <summary>Whether a WebSocket carries it, and polls are over.</summary>
    public bool IsUpgraded { get; set; }

    /// <summary>One attempt to upgrade at a time: false where there is one already.</summary>
    public bool TryBeginUpgrade() => Interlocked.CompareExchange(ref _upgrades, 1, 0) == 0;

    public void EndUpgrade() => Volatile.Write(ref _upgrades, 0);

    public bool IsPolled => Volatile.Read(ref _polls) > 0;

    /// <summary>How several packets are put into one poll.</summary>
    public Payload Payload => isVersion3 ? Payload.Version3 : Payload.Version4;

    /// <summary>
    /// The first packet on any transport. A client of Engine.IO 3 is then in the namespace without asking, as Socket.IO
    /// 2 had it.
    /// </summary>
    public string Begin(bool upgradable)
    {
        if (isVersion3)
            Join();
        return Handshake(upgradable);
    }

    private string Handshake(bool upgradable) =>
        "0"
        + new JsonObject
        {
            ["sid"] = Id,
            ["upgrades"] = upgradable ? new JsonArray("websocket") : [],
            ["pingInterval"] = (int)PingInterval.TotalMilliseconds,
            ["pingTimeout"] = (int)PingTimeout.TotalMilliseconds,
            ["maxPayload"] = MaximumLength,
        }.ToJsonString();

    /// <summary>One poll at a time: false where there is one already.</summary>
    public bool TryBeginPoll() => Interlocked.CompareExchange(ref _polls, 1, 0) == 0;

    public void EndPoll() => Volatile.Write(ref _polls, 0);

    /// <summary>Queues a packet. Whoever does not read what they asked for is let go.</summary>
    public void Send(string packet)
    {
        if (!_out.Writer.TryWrite(packet))
            Close();
    }

    /// <summary>Queues an event that nobody waits for: one who has much to read already gets none.</summary>
    public void SendEvent(string packet)
    {
        if (_joined && Outgoing.Count < MaximumQueued / 2)
            _out.Writer.TryWrite(packet);
    }

    /// <summary>Ends it. What is queued may still be read.</summary>
    public void Close()
    {
        if (!_out.Writer.TryComplete())
            return;
        ClosedAt = time.GetTimestamp();
        Binding = null;
        _closed.Cancel();
    }

    /// <summary>Asks whether the other side is there, in time; closes it when there was no answer.</summary>
    public void Beat()
    {
        var since = time.GetElapsedTime(_pingedAt);
        // Whatever arrives shows that somebody is there: a pong waits behind the calls that were made before it.
        var silent = time.GetElapsedTime(_heardAt);
        if (!_hasJoined && time.GetElapsedTime(_begunAt) > PingTimeout)
            Close(); // there, and never said to what
        else if (isVersion3)
        {
            if (silent > PingInterval + PingTimeout)
                Close(); // it pings, not we
        }
        else if (_waitsForPong && since > PingTimeout && silent > PingTimeout)
            Close();
        else if (!_waitsForPong && since > PingInterval)
        {
            (_waitsForPong, _pingedAt) = (true, time.GetTimestamp());
            Send("2");
        }
    }

    /// <summary>
    /// Says that the session is over, and closes: the client connects again, and finds that its token opens nothing.
    /// </summary>
    public void TellEnded(AuthFailure why)
    {
        Send($"42{new JsonArray("logout", Failure.Of(why).ToJson()).ToJsonString()}");
        Close();
    }

    /// <summary>Takes one packet of Engine.IO.</summary>
    /// <returns>False where the connection is over.</returns>
    public async Task<bool> TakeAsync(string packet)
    {
        try
        {
            await _taking.WaitAsync(Closed);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        try
        {
            _heardAt = time.GetTimestamp();
            var known = packet switch
            {
                "3" when !isVersion3 => HearPong(),
                ['2', .. var probe] when isVersion3 => Say("3" + probe),
                ['4', .. var message] => await TakeMessageAsync(message),
                _ => false, // 1 says goodbye; anything else is no client's to send
            };
            if (!known)
                Close();
            return known;
        }
        finally
        {
            _heardAt = time.GetTimestamp();
            _taking.Release();
        }
    }

    private bool HearPong()
    {
        (_waitsForPong, _pingedAt) = (false, time.GetTimestamp());
        return true;
    }

    private bool Say(string packet)
    {
        Send(packet);
        return true;
    }

    private void Join()
    {
        (_joined, _hasJoined) = (true, true);
        Send(isVersion3 ? "40" : $"40{new JsonObject { ["sid"] = TokenCodec.Random(16) }.ToJsonString()}");
    }

    // As the original: only the namespace is left. The connection stays, and belongs to nobody.
    private bool Leave()
    {
        (_joined, Binding) = (false, null);
        return true;
    }

    private async Task<bool> TakeMessageAsync(string message)
    {
        if (Packet.Read(message) is not { } packet)
            return false;
        if (packet.Kind == PacketKind.Connect && packet.Namespace != "/")
            return Say(
                $"44{packet.Namespace},{(isVersion3 ? "\"Invalid namespace\"" : "{\"message\":\"Invalid namespace\"}")}"
            );
        // Version 3 is in the namespace already; its client may say so once more.
        if (packet is { Kind: PacketKind.Connect, Namespace: "/" } && (!_joined || isVersion3))
        {
            if (!_joined)
                Join();
            return true;
        }
        if (packet.Namespace != "/" || !_joined)
            return false;
        if (packet.Kind == PacketKind.Disconnect)
            return Leave();
        if (packet.Kind == PacketKind.Acknowledgement)
            return true; // of nothing that we asked; the original ignores it too
        if (packet.Kind != PacketKind.Event)
            return false;
        var answer = MayCall()
            ? await AnswerAsync(packet)
            : Failure.Of(new AuthFailure(AuthError.RateLimited) { RetryAfter = TimeSpan.FromSeconds(1) });
        if (answer.Failure is null && answer.Unbinds)
            Binding = null;
        if (answer.Binds is not null)
            Binding = answer.Binds;
        // Many calls at once have many answers: the next call waits until there is room, and a ping that finds none
        // ends it.
        if (packet.Ack is not null)
            await SendInTurnAsync(
                $"43{packet.Ack}{new JsonArray(answer.Failure?.ToJson(), answer.Value).ToJsonString()}"
            );
        return !Closed.IsCancellationRequested;
    }

    private async Task SendInTurnAsync(string packet)
    {
        try
        {
            await _out.Writer.WriteAsync(packet, Closed);
        }
        catch (Exception over) when (over is ChannelClosedException or OperationCanceledException)
        {
            // closed meanwhile: nobody reads it any more
        }
    }

    private async Task<Answer> AnswerAsync(Packet packet)
    {
        if (packet.ToCall() is not { } call)
            return Failure.Of(AuthError.BadJson);
        if (call.Method is not ("find" or "get" or "create" or "update" or "patch" or "remove"))
            return call.Unsupported();
        return await all.RunAsync(
            call with
            {
                Token = Binding?.Token,
                Address = address,
                Agent = agent,
            },
            Network,
            Closed
        );
    }

    // A bucket that fills again: a client may call a page full of things at once, but not for long.
    private bool MayCall()
    {
        _calls = Math.Min(CallsAtOnce, _calls + time.GetElapsedTime(_countedAt).TotalSeconds * CallsPerSecond);
        _countedAt = time.GetTimestamp();
        if (_calls < 1)
            return false;
        _calls--;
        return true;
    }
}
