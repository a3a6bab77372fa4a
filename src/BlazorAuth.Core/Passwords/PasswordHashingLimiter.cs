using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;

namespace BlazorAuth.Core.Passwords;

/// <summary>
/// Lets as many password hashes run at once as there are processors, on threads of their own, and a bounded number
/// wait. The rest of the site keeps answering, and a flood is turned away before it costs anything. The places are
/// shared fairly: one network has at most a tenth of them, one account two, and networks that wait are served in turn
/// (ADR 0012).
/// </summary>
public sealed class PasswordHashingLimiter
{
    // At a tenth to a sixth of a second each, the last one let in waits ten to twenty seconds; more than that nobody
    // waits for.
    private const int PlacesPerProcessor = 100;

    /// <summary>The most places of one account: the owner and one more. Right passwords take a place too.</summary>
    public const int PerAccount = 2;

    // One lock for all of it. Nothing is awaited and no hash runs while it is held.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Share> _networks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _accounts = new(StringComparer.Ordinal);
    private readonly Queue<Share> _turns = new();
    private int _taken,
        _running;

    // What one network has: its places, and those of its hashes that wait for a processor.
    private sealed class Share
    {
        public int Taken { get; set; }
        public bool HasTurn { get; set; }
        public LinkedList<TaskCompletionSource> Waiting { get; } = new();
    }

    /// <summary>What is answered where there is no place: to anybody, whatever was asked for.</summary>
    public static AuthFailure Rejected { get; } = new(AuthError.RateLimited) { RetryAfter = TimeSpan.FromSeconds(10) };

    /// <summary>How many places there are.</summary>
    public static int Places { get; } = PlacesPerProcessor * Environment.ProcessorCount;

    /// <summary>The most places of one network (one IPv4 address, one IPv6 /64).</summary>
    public static int PerNetwork { get; } = Places / 10;

    /// <summary>A place inside; null where all are taken, or all that this network or account may have.</summary>
    /// <param name="caller">Who asks; places are counted for their network.</param>
    /// <param name="account">
    /// Whose password is compared, where somebody without a proof chose the account: its id, or the name that nobody
    /// has, so that both are answered alike. Null where the caller has proven something already.
    /// </param>
    public Lease? TryAcquire(Caller caller, string? account = null)
    {
        var network = Throttle.Network(caller);
        lock (_lock)
        {
            var own = account is null ? 0 : _accounts.GetValueOrDefault(account);
            if (_taken >= Places || own >= PerAccount || _networks.GetValueOrDefault(network)?.Taken >= PerNetwork)
                return null;
            if (!_networks.TryGetValue(network, out var share))
                _networks[network] = share = new();
            if (account is not null)
                _accounts[account] = own + 1;
            share.Taken++;
            _taken++;
        }
        return new Lease(this, network, account);
    }

    private void Leave(string network, string? account)
    {
        lock (_lock)
        {
            _taken--;
            if (--_networks[network].Taken == 0)
                _networks.Remove(network);
            if (account is not null && --_accounts[account] == 0)
                _accounts.Remove(account);
        }
    }

    // Completes when a processor is free and it is this network's turn.
    private Task WaitAsync(string network, CancellationToken ct)
    {
        LinkedListNode<TaskCompletionSource> waiting;
        lock (_lock)
        {
            if (_running < Environment.ProcessorCount)
            {
                _running++;
                return Task.CompletedTask;
            }
            var share = _networks[network];
            waiting = share.Waiting.AddLast(
                new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
            );
            if (!share.HasTurn)
                _turns.Enqueue(share);
            share.HasTurn = true;
        }
        return AwaitAsync(waiting, ct);
    }

    private async Task AwaitAsync(LinkedListNode<TaskCompletionSource> waiting, CancellationToken ct)
    {
        await using var giveUp = ct.UnsafeRegister(
            _ =>
            {
                lock (_lock)
                {
                    // Not in the queue any more: it was given a processor, and gives that back itself.
                    if (waiting.List is not { } queue)
                        return;
                    queue.Remove(waiting);
                }
                waiting.Value.TrySetCanceled(ct);
            },
            null
        );
        await waiting.Value.Task;
    }

    // Hands the processor to the next network that waits, one hash of each in turn.
    private void Release()
    {
        TaskCompletionSource? next = null;
        lock (_lock)
        {
            while (next is null && _turns.TryDequeue(out var share))
            {
                share.HasTurn = false;
                if (share.Waiting.First is not { } first)
                    continue; // all of them gave up
                share.Waiting.Remove(first);
                next = first.Value;
                if (share.Waiting.Count == 0)
                    continue;
                share.HasTurn = true;
                _turns.Enqueue(share);
            }
            if (next is null)
                _running--;
        }
        next?.SetResult();
    }

    /// <summary>A place inside. Password hashes run in one and nowhere else.</summary>
    public sealed class Lease : IDisposable
    {
        private readonly string _network;
        private readonly string? _account;
        private PasswordHashingLimiter? _gate;

        internal Lease(PasswordHashingLimiter gate, string network, string? account) =>
            (_gate, _network, _account) = (gate, network, account);

        /// <summary>Runs the work when its turn comes.</summary>
        /// <exception cref="ObjectDisposedException">The place was given back.</exception>
        /// <exception cref="OperationCanceledException">The caller gave up; the turn goes to somebody else.</exception>
        internal async Task<T> RunAsync<T>(Func<T> hash, CancellationToken ct)
        {
            var gate = _gate ?? throw new ObjectDisposedException(nameof(Lease));
            ct.ThrowIfCancellationRequested();
            await gate.WaitAsync(_network, ct);
            try
            {
                // The pool has as many threads as processors to begin with: hashing on them, nothing else would be
                // answered.
                return await Task.Factory.StartNew(hash, ct, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            finally
            {
                gate.Release();
            }
        }

        /// <inheritdoc />
        public void Dispose()
        {
            if (Interlocked.Exchange(ref _gate, null) is { } gate)
                gate.Leave(_network, _account);
        }
    }
}
