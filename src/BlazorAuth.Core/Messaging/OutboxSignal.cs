namespace BlazorAuth.Core.Messaging;

/// <summary>Wakes this process's OutboxDispatcher; others look by themselves.</summary>
public sealed class OutboxSignal
{
    private readonly SemaphoreSlim _rung = new(0, 1);

    internal void Notify()
    {
        try
        {
            _rung.Release();
        }
        catch (SemaphoreFullException)
        {
            // It rings already.
        }
    }

    internal Task<bool> WaitAsync(TimeSpan atMost, CancellationToken ct) => _rung.WaitAsync(atMost, ct);
}
