using System.Collections.Concurrent;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// The connections of this process: so many in all and from one network, and once a second a look at each.
/// </summary>
internal sealed partial class Connections
{
    /// <summary>The most in this process.</summary>
    public const int Maximum = 2000;

    /// <summary>The most from one network address: an office has one for all its people.</summary>
    public const int MaximumPerNetwork = 100;

    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);

    // What was said last is kept for the next poll.
    private static readonly TimeSpan KeptClosed = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, Connection> _all = new(StringComparer.Ordinal);
    private readonly Lock _adding = new();
    private readonly IServiceScopeFactory _scopes;
    private readonly TimeProvider _time;
    private readonly IAuthDatabase _database;
    private readonly ILogger _log;
    private readonly NetworkLimiter _shares;
    private readonly UserEvents _events = new();

    public Connections(IServiceProvider services)
    {
        (_scopes, _time) = (
            services.GetRequiredService<IServiceScopeFactory>(),
            services.GetRequiredService<TimeProvider>()
        );
        _database = services.GetRequiredService<IAuthDatabase>();
        _shares = services.GetRequiredService<NetworkLimiter>();
        _log = services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(Connections).FullName!);
        var life = services.GetRequiredService<IHostApplicationLifetime>();
        life.ApplicationStarted.Register(() => _ = RunAsync(life.ApplicationStopping));
        life.ApplicationStarted.Register(() => _ = SendEventsAsync(life.ApplicationStopping));
    }

    public Connection? Find(string id) => _all.GetValueOrDefault(id);

    public void Remove(Connection connection) => _all.TryRemove(connection.Id, out _);

    /// <summary>A new one; null where there are enough.</summary>
    public Connection? Add(string? address, string? agent, bool isVersion3)
    {
        var connection = new Connection(this, address, agent, _time, isVersion3);
        lock (_adding)
        {
            if (_all.Count >= Maximum || _all.Values.Count(c => c.Network == connection.Network) >= MaximumPerNetwork)
                return null;
            _all[connection.Id] = connection;
        }
        return connection;
    }

    /// <summary>
    /// Answers a call in a scope of its own. What fails is an answer too, so that nobody waits for one.
    /// </summary>
    public async Task<Answer> RunAsync(Call call, string network, CancellationToken ct)
    {
        try
        {
            using var turn = await _shares.EnterAsync(network, ct);
            await using var scope = _scopes.CreateAsyncScope();
            var answer = await call.RunAsync(scope.ServiceProvider, ct);
            Publish(answer);
            return answer;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return Failure.Of(AuthError.UnexpectedFailure); // nobody is listening any more
        }
        catch (Exception fault) when (fault is not OutOfMemoryException)
        {
            Failed(_log, fault, call.Method);
            return Failure.Of(
                AuthError.UnexpectedFailure,
                _database.IsAway(fault) ? StatusCodes.Status503ServiceUnavailable : null
            );
        }
    }

    /// <summary>Tells the sockets that may see it what a call has changed, soon after.</summary>
    public void Publish(Answer answer)
    {
        if (answer is { Failure: null, Event: { } happened })
            _events.Add(happened, _all.Values);
    }

    private async Task SendEventsAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                var events = await _events.TakeAsync(stopping);
                await using var scope = _scopes.CreateAsyncScope();
                await UserEvents.SendAsync(events, _all.Values, scope.ServiceProvider, _time.GetUtcNow(), stopping);
            }
            catch (Exception fault) when (fault is not OutOfMemoryException)
            {
                if (!stopping.IsCancellationRequested)
                    NotTold(_log, fault.GetType().Name);
            }
        }
    }

    private async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Round);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
                await PreviewAsync(stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            foreach (var connection in _all.Values)
                connection.Close(); // a host that stops waits for requests, and polls are long ones
        }
    }

    private async Task PreviewAsync(CancellationToken ct)
    {
        try
        {
            await using var scope = _scopes.CreateAsyncScope();
            var sessions = scope.ServiceProvider.GetRequiredService<SessionStore>();
            foreach (var connection in _all.Values)
            {
                connection.Beat();
                if (connection.Binding is { } binding && await WhyEndedAsync(sessions, binding, ct) is { } why)
                    connection.TellEnded(why);
                if (connection.ClosedAt is { } at && _time.GetElapsedTime(at) > KeptClosed)
                    Remove(connection);
            }
        }
        catch (Exception fault) when (fault is not OperationCanceledException and not OutOfMemoryException)
        {
            // Nothing is granted meanwhile: every call looks for its session itself.
            NotLooked(_log, fault.GetType().Name);
        }
    }

    private async Task<AuthFailure?> WhyEndedAsync(SessionStore sessions, Binding binding, CancellationToken ct) =>
        binding.EndsAt <= _time.GetUtcNow()
            ? AuthError.AccessTokenExpired
            : (await sessions.FindLiveAsync(binding.SessionId, binding.Generation, ct)).Failure;

    [LoggerMessage(1, LogLevel.Error, "A call over a socket failed: {Method}")]
    private static partial void Failed(ILogger log, Exception fault, string method);

    [LoggerMessage(2, LogLevel.Warning, "The sessions of sockets could not be looked at: {Fault}; tries again")]
    private static partial void NotLooked(ILogger log, string fault);

    [LoggerMessage(3, LogLevel.Warning, "Events of users were not sent to sockets: {Fault}")]
    private static partial void NotTold(ILogger log, string fault);
}
