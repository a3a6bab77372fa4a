namespace BlazorAuth.Core.Security;

/// <summary>
/// How much of one network is worked on at once. A database server's pool has a hundred connections (Npgsql's default),
/// and requests that wait for one row hold one each: without a share, one network's flood takes them all, and everybody
/// else gets
/// 503. What is beyond the share waits for what came before it from the same network, and is answered then.
/// </summary>
public sealed class NetworkLimiter
{
    /// <summary>
    /// The most requests and socket calls of one network (one IPv4 address, one IPv6 /64) that run at once: each holds
    /// at most two connections, for a moment.
    /// </summary>
    public const int AtOnce = 30;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Share> _networks = new(StringComparer.Ordinal);

    private sealed class Share
    {
        public SemaphoreSlim Running { get; } = new(AtOnce);
        public int Users { get; set; }
    }

    /// <summary>Waits for the network's turn. Dispose what comes back when the work is done.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up; nothing is taken.</exception>
    public async Task<IDisposable> EnterAsync(string network, CancellationToken ct)
    {
        Share share;
        lock (_lock)
        {
            if (!_networks.TryGetValue(network, out share!))
                _networks[network] = share = new();
            share.Users++;
        }
        try
        {
            await share.Running.WaitAsync(ct);
        }
        catch
        {
            Leave(network, share);
            throw;
        }
        return new Turn(this, network, share);
    }

    private void Leave(string network, Share share)
    {
        lock (_lock)
            if (--share.Users == 0)
                _networks.Remove(network);
    }

    private sealed class Turn(NetworkLimiter shares, string network, Share share) : IDisposable
    {
        private bool _done;

        public void Dispose()
        {
            if (_done)
                return;
            _done = true;
            share.Running.Release();
            shares.Leave(network, share);
        }
    }
}
