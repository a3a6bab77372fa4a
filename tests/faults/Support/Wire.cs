using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BlazorAuth.Faults.Support;

/// <summary>
/// A wire between a host and what it talks to, which can be down, or cut after a word went over it and before its
/// answer.
/// </summary>
internal sealed class Wire : IAsyncDisposable
{
    private readonly int target;
    private readonly CancellationTokenSource stop = new();
    private readonly List<TcpClient> open = [];
    private TcpListener? listener;
    private volatile byte[]? word;
    private int cuts;

    public Wire(int target)
    {
        this.target = target;
        Port = Server.FreePort();
    }

    public int Port { get; }

    /// <summary>How often it was cut.</summary>
    public int Cuts => cuts;

    /// <summary>From now on cuts a connection as soon as these words went to the target; null mends it.</summary>
    public void CutAfter(string? words) => word = words is null ? null : Encoding.ASCII.GetBytes(words);

    public void Up()
    {
        listener = new TcpListener(IPAddress.Loopback, Port);
        listener.Start();
        _ = AcceptAsync(listener);
    }

    public void Down()
    {
        listener?.Stop();
        lock (open)
        {
            foreach (var client in open)
                client.Dispose();
            open.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        Down();
        stop.Dispose();
    }

    private async Task AcceptAsync(TcpListener from)
    {
        try
        {
            while (true)
                _ = CarryAsync(await from.AcceptTcpClientAsync(stop.Token));
        }
        catch (Exception over) when (over is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // It is down.
        }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using var far = new TcpClient();
        using var near = client;
        lock (open)
            open.AddRange([near, far]);
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, target, stop.Token);
            await Task.WhenAny(
                CopyAsync(near.GetStream(), far.GetStream(), mayCut: true),
                CopyAsync(far.GetStream(), near.GetStream(), mayCut: false)
            );
        }
        catch (Exception over)
            when (over
                    is IOException
                        or OperationCanceledException
                        or SocketException
                        or ObjectDisposedException
                        or InvalidOperationException
            )
        {
            // One side hung up.
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to, bool mayCut)
    {
        var buffer = new byte[16 * 1024];
        int count;
        try
        {
            while ((count = await from.ReadAsync(buffer, stop.Token)) > 0)
            {
                var cut = mayCut && word is { } now && buffer.AsSpan(0, count).IndexOf(now) >= 0;
                await to.WriteAsync(buffer.AsMemory(0, count), stop.Token);
                if (!cut)
                    continue;
                Interlocked.Increment(ref cuts);
                return; // at once: the answer may not get ahead of the cut
            }
        }
        catch (Exception over) when (over is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // One side hung up.
        }
    }
}
