using System.Net;
using System.Text.Json;

namespace BlazorAuth.Client;

/// <summary>
/// The session a client keeps: one at a time, replaced whole. Promises: many that need a fresh token cause one refresh;
/// a token that arrives for a session that is no longer kept is thrown away; observers are told in the order of the
/// changes.
/// </summary>
internal sealed class KeptSession(
    Uri site,
    ITokenStore store,
    Func<StoredSession, Task<TokenAnswer>> exchange,
    TimeProvider time
)
{
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly Observers _observers = new();
    private StoredSession? _current;
    private Task? _turn; // whatever is replacing the tokens right now

    public StoredSession? Current
    {
        get
        {
            lock (_lock)
                return _current;
        }
    }

    /// <summary>The origin the tokens are for.</summary>
    public string Origin { get; } = site.GetLeftPart(UriPartial.Authority);

    public IDisposable Observe(Action<UserChange> tell) => _observers.Add(tell);

    /// <summary>Takes what the store has, where it is of this service.</summary>
    public async Task<User?> RestoreAsync(CancellationToken ct)
    {
        var stored = await store.ReadAsync(ct).ConfigureAwait(false);
        lock (_lock)
        {
            if (stored is null || stored.Site != Origin || _current is not null)
                return _current?.User;
            Set(stored, UserChangeReason.Restored);
        }
        _observers.Tell();
        return stored.User;
    }

    /// <summary>Keeps the pair of a sign-in.</summary>
    public async Task<User> BeginAsync(TokenAnswer tokens, CancellationToken ct)
    {
        lock (_lock)
            Set(Pair(tokens), UserChangeReason.SignedIn);
        await SaveAsync(ct).ConfigureAwait(false);
        _observers.Tell();
        return tokens.User!;
    }

    /// <summary>Takes the next pair of a session; false where that session is not kept any more.</summary>
    public async Task<StoredSession?> RenewAsync(StoredSession before, TokenAnswer tokens, CancellationToken ct)
    {
        var next = Pair(tokens);
        lock (_lock)
        {
            if (_current?.SessionId != before.SessionId || next.SessionId != before.SessionId)
                return null;
            Set(next, Same(_current.User, next.User) ? null : UserChangeReason.Updated);
        }
        await SaveAsync(ct).ConfigureAwait(false);
        _observers.Tell();
        return next;
    }

    /// <summary>The account reads differently now.</summary>
    public async Task UpdateAsync(User user, CancellationToken ct)
    {
        lock (_lock)
        {
            if (_current is null || _current.User.Id != user.Id || Same(_current.User, user))
                return;
            Set(_current with { User = user }, UserChangeReason.Updated);
        }
        await SaveAsync(ct).ConfigureAwait(false);
        _observers.Tell();
    }

    /// <summary>Forgets the session; the refresh token of what was kept, or null.</summary>
    public async Task<string?> ForgetAsync(
        UserChangeReason reason,
        AuthErrorCode? code = null,
        StoredSession? only = null
    )
    {
        string? token;
        lock (_lock)
        {
            if (_current is null || (only is not null && _current.RefreshToken != only.RefreshToken))
                return null;
            token = _current.RefreshToken;
            Set(null, reason, code);
        }
        // Not the caller's to cancel: half a sign-out would come back at the next start.
        await SaveAsync(CancellationToken.None).ConfigureAwait(false);
        _observers.Tell();
        return token;
    }

    /// <summary>
    /// The session to begin a request with: refreshed where its access token ends soon. What fails here shows in the
    /// request itself.
    /// </summary>
    public async Task<StoredSession?> FreshAsync(CancellationToken ct)
    {
        var begun = Current;
        if (begun is null)
            return null;
        var lifetime = begun.ExpiresAt - begun.IssuedAt;
        var margin = lifetime / 10 < TimeSpan.FromSeconds(30) ? lifetime / 10 : TimeSpan.FromSeconds(30);
        if (time.GetUtcNow() < begun.ExpiresAt - margin)
            return begun;
        try
        {
            return await RefreshAsync(begun, ct).ConfigureAwait(false) ?? begun;
        }
        catch (Exception transient) when (transient is HttpRequestException or BlazorAuthException or TimeoutException)
        {
            return begun;
        }
    }

    /// <summary>What to try again with after a 401; null where the refusal stands.</summary>
    /// <param name="begun">What the request was begun with: it is never tried again as somebody else.</param>
    /// <param name="code">The service's reason; null where another API refused.</param>
    /// <param name="ct">Cancels the wait, not the refresh that others wait for too.</param>
    public async Task<StoredSession?> AfterRefusalAsync(StoredSession begun, AuthErrorCode? code, CancellationToken ct)
    {
        // A change of password elsewhere in this program kills the token before its successor has arrived.
        await TurnAsync(ct).ConfigureAwait(false);
        var current = Current;
        if (current is null || current.User.Id != begun.User.Id)
            return null;
        if (current.AccessToken != begun.AccessToken)
            return current;
        if (code?.EndsSession() == true)
        {
            if (await AdoptAsync(begun).ConfigureAwait(false) is { } adopted)
                return adopted;
            await ForgetAsync(UserChangeReason.Ended, code, only: begun).ConfigureAwait(false);
            return null;
        }
        if (code is not (null or AuthErrorCode.AccessTokenExpired or AuthErrorCode.AccessTokenInvalid))
            return null;
        // An API that refuses every token must not make every request a refresh.
        var lifetime = begun.ExpiresAt - begun.IssuedAt;
        var settled = lifetime / 2 < Settled ? lifetime / 2 : Settled;
        if (time.GetUtcNow() - begun.IssuedAt < settled)
            return null;
        return await RefreshAsync(current, ct).ConfigureAwait(false);
    }

    /// <summary>An act that replaces the tokens by itself; refreshes wait for it, and it for them.</summary>
    public async Task<T> InTurnAsync<T>(Func<Task<T>> act, CancellationToken ct)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        while (true)
        {
            await TurnAsync(ct).ConfigureAwait(false);
            lock (_lock)
            {
                if (_turn is not null)
                    continue;
                _turn = done.Task;
                break;
            }
        }
        try
        {
            return await act().ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
                _turn = null;
            done.SetResult();
        }
    }

    private async Task TurnAsync(CancellationToken ct)
    {
        Task? turn;
        lock (_lock)
            turn = _turn;
        if (turn is not null)
            // its own callers hear of its failure
            await turn.WaitAsync(ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ct.ThrowIfCancellationRequested();
    }

    private async Task<StoredSession?> RefreshAsync(StoredSession stale, CancellationToken ct)
    {
        while (true)
        {
            Task turn;
            lock (_lock)
            {
                if (_current?.User.Id != stale.User.Id)
                    return null;
                if (_current.AccessToken != stale.AccessToken)
                    return _current;
                turn = _turn ??= StartRefresh(_current);
            }
            await turn.WaitAsync(ct).ConfigureAwait(false);
            if (turn is Task<StoredSession?> refresh)
                return await refresh.ConfigureAwait(false);
        }
    }

    // Not in the context, and not under the token, of whoever happened to be the first: the others wait for it too.
    private Task<StoredSession?> StartRefresh(StoredSession stale) =>
        Task.Run(async () =>
        {
            try
            {
                return await ExchangeAsync(stale).ConfigureAwait(false);
            }
            finally
            {
                lock (_lock)
                    _turn = null;
            }
        });

    private async Task<StoredSession?> ExchangeAsync(StoredSession stale)
    {
        if (await AdoptAsync(stale).ConfigureAwait(false) is { } adopted)
        {
            if (time.GetUtcNow() < adopted.ExpiresAt)
                return adopted;
            stale = adopted;
        }
        try
        {
            return await RenewAsync(stale, await exchange(stale).ConfigureAwait(false), CancellationToken.None)
                .ConfigureAwait(false);
        }
        catch (BlazorAuthException refused)
            when (refused.Status == HttpStatusCode.Unauthorized && refused.Code.EndsSession())
        {
            await ForgetAsync(UserChangeReason.Ended, refused.Code, only: stale).ConfigureAwait(false);
            return null;
        }
    }

    /// <summary>
    /// Another process may share the store: the pair it got there is ours, and the token it used for it is spent.
    /// </summary>
    private async Task<StoredSession?> AdoptAsync(StoredSession stale)
    {
        var stored = await store.ReadAsync(CancellationToken.None).ConfigureAwait(false);
        if (
            stored is null
            || stored.Site != Origin
            || stored.SessionId != stale.SessionId
            || stored.IssuedAt <= stale.IssuedAt
        )
            return null;
        lock (_lock)
        {
            if (_current?.RefreshToken != stale.RefreshToken)
                return null;
            Set(stored, Same(stale.User, stored.User) ? null : UserChangeReason.Updated);
        }
        _observers.Tell();
        return stored;
    }

    private StoredSession Pair(TokenAnswer tokens)
    {
        var now = time.GetUtcNow();
        return new(
            Origin,
            tokens.SessionId!,
            tokens.AccessToken!,
            tokens.RefreshToken!,
            now,
            now.AddSeconds(tokens.ExpiresIn),
            tokens.User!
        );
    }

    // Only ever under the lock, so that the queue has the order of the changes.
    private void Set(StoredSession? next, UserChangeReason? reason, AuthErrorCode? code = null)
    {
        _current = next;
        if (reason is { } why)
            _observers.Enqueue(new(next?.User, why, code));
    }

    private async Task SaveAsync(CancellationToken ct)
    {
        await _writing.WaitAsync(ct).ConfigureAwait(false);
        try
        {
            // What is current now, not when the wait began: the last writer must not bring an older session back.
            await (Current is { } session ? store.WriteAsync(session, ct) : store.ClearAsync(ct)).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    private static bool Same(User one, User other) =>
        JsonSerializer.Serialize(one, WireJson.Default.User) == JsonSerializer.Serialize(other, WireJson.Default.User);
}
