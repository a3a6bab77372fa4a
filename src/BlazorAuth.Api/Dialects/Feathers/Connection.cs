using System.Text.Json.Nodes;
using System.Threading.Channels;
using BlazorAuth.Core;
using BlazorAuth.Core.Credentials;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// One connection, whichever transport carries it at the moment. What goes out waits in a short queue; what comes in is worked off one
/// after the other, each call in a scope of its own.
/// </summary>
internal sealed class Connection(Connections all, string? address, string? agent, TimeProvider time)
{
    /// <summary>The largest payload and the largest message.</summary>
    public const int MaximumLength = 64 * 1024;

    public static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(25), PingTimeout = TimeSpan.FromSeconds(20);

    private const int MaximumQueued = 100, CallsAtOnce = 40, CallsPerSecond = 10;

    private readonly Channel<string> _out = Channel.CreateBounded<string>(MaximumQueued);
    private readonly CancellationTokenSource _closed = new();
    private readonly SemaphoreSlim _taking = new(1);
    private long _pingedAt = time.GetTimestamp();
    private bool _waitsForPong, _joined;
    private double _calls = CallsAtOnce;
    private long _countedAt = time.GetTimestamp();
    private int _polls, _upgrades;

    /// <summary>Whoever knows it speaks as this connection.</summary>
    public string Id { get; } = Secret.Random(16);

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

    /// <summary>The first packet on any transport.</summary>
    public string Handshake(bool upgradable) => "0" + new JsonObject
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
        if (!_out.Writer.TryWrite(packet)) Close();
    }

    /// <summary>Ends it. What is queued may still be read.</summary>
    public void Close()
    {
        if (!_out.Writer.TryComplete()) return;
        ClosedAt = time.GetTimestamp();
        Binding = null;
        _closed.Cancel();
    }

    /// <summary>Asks whether the other side is there, in time; closes it when there was no answer.</summary>
    public void Beat()
    {
        var since = time.GetElapsedTime(_pingedAt);
        if ((_waitsForPong || !_joined) && since > PingTimeout) Close(); // gone, or there and never said to what
        else if (!_waitsForPong && since > PingInterval)
        {
            (_waitsForPong, _pingedAt) = (true, time.GetTimestamp());
            Send("2");
        }
    }

    /// <summary>Says that the session is over, and closes: the client connects again, and finds that its token opens nothing.</summary>
    public void TellEnded(Refusal why)
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
            var known = packet switch
            {
                "3" => HearPong(),
                ['4', .. var message] => await TakeMessageAsync(message),
                _ => false, // 1 says goodbye; anything else is no client's to send
            };
            if (!known) Close();
            return known;
        }
        finally
        {
            _taking.Release();
        }
    }

    private bool HearPong()
    {
        (_waitsForPong, _pingedAt) = (false, time.GetTimestamp());
        return true;
    }

    private async Task<bool> TakeMessageAsync(string message)
    {
        if (Packet.Read(message) is not { } packet) return false;
        if (packet.Kind == PacketKind.Connect && packet.Namespace != "/")
        {
            Send($"44{packet.Namespace},{{\"message\":\"Invalid namespace\"}}");
            return true;
        }
        if (packet.Namespace != "/") return false;
        if (packet.Kind == PacketKind.Connect && !_joined)
        {
            _joined = true;
            Send($"40{new JsonObject { ["sid"] = Secret.Random(16) }.ToJsonString()}");
            return true;
        }
        if (packet.Kind != PacketKind.Event || !_joined) return false;
        var answer = MayCall() ? await AnswerAsync(packet) : Failure.Of(new Refusal(AuthError.RateLimited) { RetryAfter = TimeSpan.FromSeconds(1) });
        if (answer.Failure is null && answer.Unbinds) Binding = null;
        if (answer.Binds is not null) Binding = answer.Binds;
        if (packet.Ack is not null)
            Send($"43{packet.Ack}{new JsonArray(answer.Failure?.ToJson(), answer.Value).ToJsonString()}");
        return !Closed.IsCancellationRequested;
    }

    private async Task<Answer> AnswerAsync(Packet packet)
    {
        if (packet.ToCall() is not { } call) return Failure.Of(AuthError.BadJson);
        if (call.Method is not ("find" or "get" or "create" or "update" or "patch" or "remove")) return call.Unsupported();
        return await all.RunAsync(call with { Token = Binding?.Token, Address = address, Agent = agent }, Network, Closed);
    }

    // A bucket that fills again: a client may call a page full of things at once, but not for long.
    private bool MayCall()
    {
        _calls = Math.Min(CallsAtOnce, _calls + time.GetElapsedTime(_countedAt).TotalSeconds * CallsPerSecond);
        _countedAt = time.GetTimestamp();
        if (_calls < 1) return false;
        _calls--;
        return true;
    }
}
