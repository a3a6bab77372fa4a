namespace BlazorAuth.Core.Credentials;

/// <summary>
/// Lets as many password hashes run at once as there are processors, on threads of their own, and a bounded number wait. The
/// rest of the site keeps answering, and a flood is turned away before it costs anything (ADR 0012).
/// </summary>
public sealed class HashingGate
{
    // At a tenth to a sixth of a second each, the last one let in waits ten to twenty seconds; more than that nobody waits for.
    private const int PlacesPerProcessor = 100;

    private readonly SemaphoreSlim _running = new(Environment.ProcessorCount);
    private readonly int _places = PlacesPerProcessor * Environment.ProcessorCount;
    private int _taken;

    /// <summary>What is answered where there is no place: to anybody, whatever was asked for.</summary>
    public static Refusal Full { get; } = new(AuthError.RateLimited) { RetryAfter = TimeSpan.FromSeconds(10) };

    /// <summary>A place inside; null where all are taken. Take it before anything is counted or written.</summary>
    public Place? Enter()
    {
        if (Interlocked.Increment(ref _taken) <= _places) return new Place(this);
        Interlocked.Decrement(ref _taken);
        return null;
    }

    /// <summary>A place inside. Password hashes run in one and nowhere else.</summary>
    public sealed class Place : IDisposable
    {
        private HashingGate? _gate;

        internal Place(HashingGate gate) => _gate = gate;

        /// <summary>Runs the work when its turn comes.</summary>
        /// <exception cref="ObjectDisposedException">The place was given back.</exception>
        internal async Task<T> RunAsync<T>(Func<T> hash, CancellationToken ct)
        {
            var gate = _gate ?? throw new ObjectDisposedException(nameof(Place));
            await gate._running.WaitAsync(ct);
            try
            {
                // The pool has as many threads as processors to begin with: hashing on them, nothing else would be answered.
                return await Task.Factory.StartNew(hash, ct, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            finally
            {
                gate._running.Release();
            }
        }

        /// <inheritdoc />
        public void Dispose()
        {
            if (Interlocked.Exchange(ref _gate, null) is { } gate) Interlocked.Decrement(ref gate._taken);
        }
    }
}
