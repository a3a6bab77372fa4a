using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Tokens;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Query;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Sessions;

/// <summary>
/// Sessions: what a sign-in leaves behind under a cookie or a chain of refresh tokens.
/// Promises: an ended session opens nothing from the next request on at any door of this process, and within a second
/// at those of others.
/// Reveals: a user's sessions to that user only; another's id is simply not found.
/// Revokes: what it is asked to.
/// Fails with: <see cref="AuthError.NotFound"/>; a dead credential with the reason it is dead.
/// </summary>
public sealed class SessionStore(
    AuthDbContext db,
    SessionGenerations generations,
    SessionCache live,
    AuditLog audit,
    IOptions<AuthOptions> options,
    TimeProvider time
)
{
    private static readonly TimeSpan SeenEvery = TimeSpan.FromMinutes(1);

    /// <summary>Adds a session to the caller's unit of work.</summary>
    public Session Begin(
        string userId,
        Caller caller,
        SessionKind kind,
        string methods,
        bool persistent = false,
        Dialect? dialect = null
    )
    {
        var now = time.GetUtcNow();
        var (idle, absolute) = Lifetimes(kind, dialect);
        var session = new Session
        {
            Id = TokenCodec.Random(16),
            UserId = userId,
            Kind = kind,
            Methods = methods,
            Persistent = persistent,
            Dialect = dialect,
            CreatedAt = now,
            AuthenticatedAt = now,
            LastSeenAt = now,
            Address = caller.Address,
            Agent = caller.Agent,
            FactorAt = Session.AreTwoFactors(methods) ? now : null,
            IdleEndsAt = now + idle,
            AbsoluteEndsAt = now + absolute,
            Generation = 1,
            RenewedGeneration = 1,
            GenerationAt = now,
        };
        db.Sessions.Add(session);
        return session;
    }

    /// <summary>The most living sessions of an account, API keys apart.</summary>
    public const int Most = 100;

    /// <summary>
    /// Ends the oldest sessions of an account that has as many as there may be. Call it inside the transaction that
    /// begins one more, which holds the account: two at once see each other.
    /// </summary>
    internal async Task MakeRoomAsync(string userId, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var living = db.Sessions.Where(s =>
            s.UserId == userId
            && s.Kind != SessionKind.Key
            && s.EndedAt == null
            && s.IdleEndsAt > now
            && s.AbsoluteEndsAt > now
        );
        if (await living.CountAsync(ct) < Most)
            return;
        var newest = living
            .OrderByDescending(s => s.CreatedAt)
            .ThenByDescending(s => s.Id)
            .Take(Most - 1)
            .Select(s => s.Id);
        await EndWhereAsync(
            s => s.Where(x => x.UserId == userId && x.Kind != SessionKind.Key && !newest.Contains(x.Id)),
            SessionEnd.Revoked,
            ct
        );
    }

    /// <summary>The session a credential belongs to, if both are alive; else why not.</summary>
    /// <param name="sessionId">From a cookie or token that is proven to be ours.</param>
    /// <param name="generation">The generation the credential was made in.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<Result<Session>> FindLiveAsync(string sessionId, int generation, CancellationToken ct)
    {
        var session = await live.FindAsync(sessionId, generation, ct);
        // Unused for too long, as far as this process knows: another one may have seen it since.
        if (session is not null && GetEndReason(session) == AuthError.SessionExpired)
            session = await live.FindAgainAsync(sessionId, ct);
        if (session is { EndedAt: null } && GetEndReason(session) is not null)
            await ExpireAsync(sessionId, ct);
        if (session is null)
            return AuthError.SessionRevoked;
        if (GetEndReason(session) is { } dead)
            return dead;
        if (generations.CheckGeneration(session, generation) is { } stale)
            return stale;
        await generations.NoteUseAsync(session, generation, ct);
        return session;
    }

    /// <summary>
    /// Whether nothing has ended the session yet. Call it inside the transaction of what only a live session may do.
    /// </summary>
    internal Task<bool> IsOpenAsync(string? sessionId, CancellationToken ct) =>
        db.Sessions.AnyAsync(s => s.Id == sessionId && s.EndedAt == null, ct);

    /// <summary>
    /// Takes the caller's account until the transaction ends; false where it is gone, or where something has ended the
    /// session that they act in. The first statements of every change that only its owner may make.
    /// </summary>
    internal async Task<bool> LockUserRowAsync(Caller caller, CancellationToken ct) =>
        await db.LockUserRowAsync(caller.UserId, ct) && await IsOpenAsync(caller.SessionId, ct);

    /// <summary>Notes that a browser session is in use and moves its idle end, at most once a minute.</summary>
    public async Task TouchAsync(Session session, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        if (now - session.LastSeenAt < SeenEvery)
            return;
        var idleEnd = Earlier(now + Lifetimes(session.Kind, session.Dialect).Idle, session.AbsoluteEndsAt);
        var seen = await db
            .Sessions.Where(s => s.Id == session.Id && s.EndedAt == null)
            .ExecuteUpdateAsync(
                set => Number(set).SetProperty(s => s.LastSeenAt, now).SetProperty(s => s.IdleEndsAt, idleEnd),
                ct
            );
        if (seen == 1)
            (session.LastSeenAt, session.IdleEndsAt) = (now, idleEnd);
    }

    /// <summary>
    /// The same for a session whose access token was used at a door. Clients of a dialect refresh nothing, so that the
    /// use of a token keeps their session; at another door, or begun at our own API, it keeps nothing, or a stolen
    /// token would.
    /// </summary>
    public Task TouchAtAsync(Session session, Dialect? door, CancellationToken ct) =>
        session.Dialect is { } home && home == door ? TouchAsync(session, ct) : Task.CompletedTask;

    /// <summary>The caller's live sessions, the current one first, then by last use.</summary>
    public async Task<IReadOnlyList<Session>> ListAsync(Caller caller, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var found = await db
            .Sessions.AsNoTracking()
            .Where(s =>
                s.UserId == caller.UserId
                && s.Kind != SessionKind.Key
                && s.EndedAt == null
                && s.IdleEndsAt > now
                && s.AbsoluteEndsAt > now
            )
            .OrderByDescending(s => s.LastSeenAt)
            .ToListAsync(ct);
        return [.. found.OrderByDescending(s => s.Id == caller.SessionId)];
    }

    /// <summary>Ends one of the caller's sessions.</summary>
    public async Task<Result> EndAsync(Caller caller, string sessionId, CancellationToken ct)
    {
        if (caller.ByKey)
            return AuthError.Forbidden;
        if (!TokenCodec.IsSessionId(sessionId))
            return AuthError.NotFound; // a NUL in the route is a fault to some databases, not an unknown id
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (
            await EndWhereAsync(
                s => s.Where(x => x.Id == sessionId && x.UserId == caller.UserId && x.Kind != SessionKind.Key),
                SessionEnd.Revoked,
                ct
            ) == 0
        )
            return AuthError.NotFound;
        audit.Write(AuditEvent.SessionEnded, caller, sessionId: sessionId);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Result.Done;
    }

    /// <summary>
    /// Signs out everywhere else: ends all of the caller's sessions but the one the request came in, and every API key.
    /// Whoever does this has lost sight of who uses the account, and a key is the longest way in that a stranger can
    /// leave behind.
    /// </summary>
    public async Task<Result> EndOthersAsync(Caller caller, CancellationToken ct)
    {
        if (caller.ByKey)
            return AuthError.Forbidden;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await db.LockUserRowAsync(caller.UserId, ct))
            return AuthError.SessionRevoked;
        // Where there were none, nothing has happened that the audit could tell.
        if (await EndOthersAsync(caller.UserId!, caller.SessionId, SessionEnd.Revoked, ct, keysToo: true) > 0)
            audit.Write(AuditEvent.OtherSessionsEnded, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Result.Done;
    }

    /// <summary>
    /// Ends a session by its own credential. Nothing is said about whether it was alive (RFC 7009 §2.2).
    /// </summary>
    public async Task SignOutAsync(Caller caller, string sessionId, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        var owner = await db.Sessions.Where(s => s.Id == sessionId).Select(s => s.UserId).SingleOrDefaultAsync(ct);
        if (
            owner is null
            || await EndWhereAsync(
                s => s.Where(x => x.Id == sessionId && x.Kind != SessionKind.Key),
                SessionEnd.SignedOut,
                ct
            ) == 0
        )
            return; // a key is revoked, on a step-up
        audit.Write(AuditEvent.SignedOut, caller, owner, sessionId: sessionId);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
    }

    /// <summary>
    /// Ends every session and API key of an account. Call it inside the transaction of what ends them.
    /// </summary>
    internal Task<int> EndAllAsync(string userId, SessionEnd reason, CancellationToken ct) =>
        EndWhereAsync(s => s.Where(x => x.UserId == userId), reason, ct);

    /// <summary>
    /// Ends every session of an account but the one its owner acts in, and its API keys where that is wanted. Call it
    /// inside the transaction of what ends them.
    /// </summary>
    internal Task<int> EndOthersAsync(
        string userId,
        string? exceptSessionId,
        SessionEnd reason,
        CancellationToken ct,
        bool keysToo = false
    ) =>
        EndWhereAsync(
            s => s.Where(x => x.UserId == userId && x.Id != exceptSessionId && (keysToo || x.Kind != SessionKind.Key)),
            reason,
            ct
        );

    /// <summary>Ends one of an account's API keys. Call it inside the transaction of what ends it.</summary>
    internal Task<int> EndKeyAsync(string userId, string id, CancellationToken ct) =>
        EndWhereAsync(
            s => s.Where(x => x.Id == id && x.UserId == userId && x.Kind == SessionKind.Key),
            SessionEnd.Revoked,
            ct
        );

    /// <summary>
    /// Writes down that the time of a session is over: on a clock that is set back it would live again.
    /// </summary>
    internal async Task ExpireAsync(string sessionId, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await EndWhereAsync(
            s => s.Where(x => x.Id == sessionId && (x.IdleEndsAt <= now || x.AbsoluteEndsAt <= now)),
            SessionEnd.Expired,
            ct
        );
        await transaction.CommitAsync(ct);
    }

    /// <summary>Ends one session. Call it inside the transaction of what ends it.</summary>
    internal Task<int> EndOneAsync(string sessionId, SessionEnd reason, CancellationToken ct) =>
        EndWhereAsync(s => s.Where(x => x.Id == sessionId), reason, ct);

    /// <summary>
    /// Makes every credential of a live session worthless but those issued from now on: the session survives what its
    /// owner did, a copied cookie or token does not. Null where something ended it. Call it inside the transaction of
    /// what renews it.
    /// </summary>
    /// <param name="sessionId">Which.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <param name="proof">
    /// RFC 8176 values of a proof that was given now; added to those the session was begun with.
    /// </param>
    internal async Task<Session?> RenewAsync(string? sessionId, CancellationToken ct, string? proof = null)
    {
        var now = time.GetUtcNow();
        var byStepUp = proof is not null;
        db.EndsSessions = true;
        if (proof is not null)
            await AddAsync(sessionId, proof, now, ct);
        var renewed = await db
            .Sessions.Where(s => s.Id == sessionId && s.EndedAt == null)
            .ExecuteUpdateAsync(
                set =>
                    Number(set)
                        .SetProperty(s => s.Generation, s => s.Generation + 1)
                        .SetProperty(s => s.RenewedGeneration, s => s.Generation + 1)
                        .SetProperty(s => s.RenewedByStepUp, byStepUp)
                        .SetProperty(s => s.GenerationAt, now)
                        .SetProperty(s => s.AuthenticatedAt, now)
                        .SetProperty(s => s.LastSeenAt, now),
                ct
            );
        return renewed == 0 ? null : await db.Sessions.AsNoTracking().SingleAsync(s => s.Id == sessionId, ct);
    }

    /// <summary>
    /// Notes that a code of the second factor was given in a session, for the changes of factors that follow. What the
    /// session was begun with stays as it is. Call it inside the transaction of what the code was given for.
    /// </summary>
    internal Task NoteFactorAsync(string? sessionId, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        return db
            .Sessions.Where(s => s.Id == sessionId && s.EndedAt == null)
            .ExecuteUpdateAsync(set => Number(set).SetProperty(s => s.FactorAt, now), ct);
    }

    // Only what was proven just now: to enrol a factor proves nothing, and must not raise the session it is done in.
    private async Task AddAsync(string? sessionId, string proof, DateTimeOffset now, CancellationToken ct)
    {
        var before = await db
            .Sessions.Where(s => s.Id == sessionId)
            .Select(s => new { s.Methods, s.FactorAt })
            .SingleOrDefaultAsync(ct);
        if (before is null)
            return;
        var (methods, factorAt) = (
            Session.Together(before.Methods, proof),
            Session.AreTwoFactors(proof) ? now : before.FactorAt
        );
        await db
            .Sessions.Where(s => s.Id == sessionId && s.EndedAt == null)
            .ExecuteUpdateAsync(
                set => Number(set).SetProperty(s => s.Methods, methods).SetProperty(s => s.FactorAt, factorAt),
                ct
            );
    }

    internal AuthError? GetEndReason(Session session)
    {
        var now = time.GetUtcNow();
        return session.EndReason is { } reason ? Told(reason)
            : session.IdleEndsAt <= now || session.AbsoluteEndsAt <= now ? AuthError.SessionExpired
            : null;
    }

    private static AuthError Told(SessionEnd reason) =>
        reason switch
        {
            SessionEnd.PasswordChanged or SessionEnd.PasswordReset => AuthError.PasswordChanged,
            SessionEnd.RefreshTokenReused => AuthError.RefreshTokenReused,
            SessionEnd.Expired => AuthError.SessionExpired,
            SessionEnd.SignedOut
            or SessionEnd.Revoked
            or SessionEnd.EmailChanged
            or SessionEnd.AccountClosed
            or SessionEnd.Disowned
            or SessionEnd.AccountLocked => AuthError.SessionRevoked,
        };

    internal (TimeSpan Idle, TimeSpan Absolute) Lifetimes(SessionKind kind, Dialect? dialect) =>
        kind switch
        {
            // A token that nobody refreshes must not outlive its session's patience.
            SessionKind.Api
                when dialect is { } spoken
                    && options.Value.Tokens.DialectAccessLifetimes.Of(spoken) is var access
                    && access > options.Value.Tokens.RefreshTokenIdleLifetime => (
                access,
                options.Value.Tokens.RefreshTokenAbsoluteLifetime
            ),
            SessionKind.Key => (ApiKeys.Longest, ApiKeys.Longest),
            SessionKind.Browser => (options.Value.Sessions.IdleLifetime, options.Value.Sessions.AbsoluteLifetime),
            SessionKind.Api => (
                options.Value.Tokens.RefreshTokenIdleLifetime,
                options.Value.Tokens.RefreshTokenAbsoluteLifetime
            ),
        };

    internal static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;

    /// <summary>
    /// Ends every session of an account that goes, and forgets where all of them came from. The rows stay, without a
    /// person in them: other processes learn from them that the sessions ended.
    /// </summary>
    internal async Task<int> EraseAllAsync(string userId, SessionEnd reason, CancellationToken ct)
    {
        var ended = await EndAllAsync(userId, reason, ct);
        await db
            .Sessions.Where(s => s.UserId == userId)
            .ExecuteUpdateAsync(
                set => set.SetProperty(s => s.Address, (string?)null).SetProperty(s => s.Agent, (string?)null),
                ct
            );
        return ended;
    }

    private Task<int> EndWhereAsync(
        Func<IQueryable<Session>, IQueryable<Session>> which,
        SessionEnd reason,
        CancellationToken ct
    )
    {
        var now = time.GetUtcNow();
        db.EndsSessions = true;
        return which(db.Sessions)
            .Where(s => s.EndedAt == null)
            .ExecuteUpdateAsync(
                set => Number(set).SetProperty(s => s.EndedAt, now).SetProperty(s => s.EndReason, reason),
                ct
            );
    }

    /// <summary>
    /// Part of every statement that changes a session. Above the row's own number too: a statement that waited for
    /// another change of the row knows an older maximum, and an end numbered below that change would never be believed.
    /// </summary>
    internal UpdateSettersBuilder<Session> Number(UpdateSettersBuilder<Session> set) =>
        set.SetProperty(s => s.ChangeNumber, s => Math.Max(s.ChangeNumber, db.Sessions.Max(x => x.ChangeNumber)) + 1);
}
