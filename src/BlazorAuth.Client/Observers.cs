namespace BlazorAuth.Client;

/// <summary>Who wants to hear of changes, and the changes not told yet, in their order.</summary>
internal sealed class Observers
{
    private readonly Lock _lock = new();
    private readonly Queue<UserChange> _untold = [];
    private readonly List<Observer> _observers = [];
    private bool _telling;

    public IDisposable Add(Action<UserChange> tell)
    {
        var observer = new Observer(this, tell);
        lock (_lock)
            _observers.Add(observer);
        return observer;
    }

    public void Enqueue(UserChange change)
    {
        lock (_lock)
            _untold.Enqueue(change);
    }

    /// <summary>
    /// Tells outside every lock, one change after the other; an observer that throws does not keep the others from
    /// hearing.
    /// </summary>
    public void Tell()
    {
        List<Exception> faults = [];
        while (true)
        {
            UserChange? change;
            Observer[] observers;
            lock (_lock)
            {
                if (_telling || !_untold.TryDequeue(out change))
                    break;
                _telling = true;
                observers = [.. _observers];
            }
            foreach (var observer in observers)
            {
                try
                {
                    observer.Tell(change);
                }
                catch (Exception fault)
                {
                    faults.Add(fault);
                }
            }
            lock (_lock)
                _telling = false;
        }
        if (faults.Count > 0)
            throw new AggregateException("An observer of the current user failed.", faults);
    }

    private sealed class Observer(Observers all, Action<UserChange> tell) : IDisposable
    {
        public void Tell(UserChange change) => tell(change);

        public void Dispose()
        {
            lock (all._lock)
                all._observers.Remove(this);
        }
    }
}
