using BlazorAuth.Core.Credentials;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.Core;

/// <summary>
/// How much of one network is worked on at once. A database server's pool has a hundred connections (Npgsql's default), and
/// requests that wait for one row hold one each: without a share, one network's flood takes them all, and everybody else gets
/// 503. What is beyond the share waits for what came before it from the same network, and is answered then.
/// </summary>
public sealed class NetworkShares
{
    /// <summary>
    /// The most requests and socket calls of one network (one IPv4 address, one IPv6 /64) that run at once: each holds at most
    /// two connections, for a moment.
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
            if (!_networks.TryGetValue(network, out share!)) _networks[network] = share = new();
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
            if (--share.Users == 0) _networks.Remove(network);
    }

    private sealed class Turn(NetworkShares shares, string network, Share share) : IDisposable
    {
        private bool _done;

        public void Dispose()
        {
            if (_done) return;
            _done = true;
            share.Running.Release();
            shares.Leave(network, share);
        }
    }
}

/// <summary>Puts the shares into a host's pipeline.</summary>
public static class NetworkSharesPipeline
{
    /// <summary>
    /// Every request takes a turn of its network, but those that stay open: sockets and polls have limits of their own, and
    /// what they call takes a turn by itself. Call it after <see cref="Hosting.UseConfiguredProxies"/>.
    /// </summary>
    public static void UseNetworkShares(this IApplicationBuilder app)
    {
        var shares = app.ApplicationServices.GetRequiredService<NetworkShares>();
        app.Use(async (http, next) =>
        {
            if (StaysOpen(http.Request))
            {
                await next(http);
                return;
            }
            var network = Throttle.Network(Caller.Anonymous(http.Connection.RemoteIpAddress?.ToString(), null));
            IDisposable turn;
            try
            {
                turn = await shares.EnterAsync(network, http.RequestAborted);
            }
            catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
            {
                return; // nobody waits for an answer any more
            }
            using (turn) await next(http);
        });
    }

    // Also a POST of polls: the calls in it take a turn each, and one that held a turn meanwhile could wait for itself.
    private static bool StaysOpen(HttpRequest request) =>
        request.Path.StartsWithSegments("/socket.io")
        || (HttpMethods.IsGet(request.Method) && request.Path.Value is "/" or "/_kuzzle"
            && request.Headers.Upgrade.ToString().Equals("websocket", StringComparison.OrdinalIgnoreCase));
}
