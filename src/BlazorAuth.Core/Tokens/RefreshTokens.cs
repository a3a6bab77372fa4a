using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Tokens;

/// <summary>
/// Refresh tokens, and the one place that says until when a new token lasts (ADR 0018): after a proof or for a
/// refresh token as long as the client asks, for an access token alone no longer than that one, unless the session
/// was begun at the same door.
/// Promises: a token is exchanged by one conditional statement; a token rotated inside the leeway leads to the newest
/// pair, however often it was rotated since, so a second tab signs nobody out; a token whose successor was never used
/// leads to that successor for <c>TokenOptions.LostAnswerLeeway</c>, so a lost answer does not either.
/// Revokes: any other rotated token ends its session, after a restart too (RFC 9700 §4.14.2).
/// Sends: <see cref="EmailKind.RefreshTokenReused"/>.
/// Fails with: <see cref="AuthError.RefreshTokenInvalid"/>, <see cref="AuthError.RefreshTokenExpired"/>,
/// <see cref="AuthError.RefreshTokenReused"/>, <see cref="AuthError.SessionRevoked"/>,
/// <see cref="AuthError.PasswordChanged"/>; an access token alone with <see cref="AuthError.Forbidden"/>,
/// <see cref="AuthError.AccessTokenInvalid"/>.
/// </summary>
public sealed class RefreshTokens(
    AuthDbContext db,
    TokenCodec secret,
    AccessTokens accessTokens,
    SessionStore sessions,
    SessionGenerations generations,
    SessionCache live,
    Outbox outbox,
    AuditLog audit,
    TimeProvider time
)
{
    /// <summary>An access token and the refresh token beside it.</summary>
    public sealed record Pair(
        AccessToken Access,
        TimeSpan AccessLifetime,
        string RefreshToken,
        TimeSpan RefreshLifetime,
        Session Session
    )
    {
        /// <summary>The text of the access token.</summary>
        public string AccessToken => Access.Text;
    }

    /// <summary>An access token without a refresh token.</summary>
    public sealed record IssuedAccessToken(AccessToken Access, TimeSpan AccessLifetime);

    /// <summary>
    /// The pair of the session as it stands. Only for a caller who gave a proof in this very request: a password, a
    /// code, a passkey, a provider or a sign-up. Who shows no more than an access token gets
    /// <see cref="IssueAnotherAsync"/>.
    /// </summary>
    public Task<Pair> IssueAsync(Session session, CancellationToken ct) => IssueAsync(session, null, ct);

    /// <summary>
    /// The same, with an access token of the lifetime a client asks for: see <see cref="AccessTokens.Lifetime"/>.
    /// </summary>
    public async Task<Pair> IssueAsync(Session session, TimeSpan? lifetime, CancellationToken ct) =>
        new(
            await AccessTokenAsync(session, lifetime, null, ct),
            accessTokens.Lifetime(session, lifetime),
            secret.RefreshToken(session.Id, session.Generation),
            session.IdleEndsAt - time.GetUtcNow(),
            session
        );

    /// <summary>
    /// IssuedAccessToken access token of a session, for a client that shows an access token and nothing else. At the
    /// door where the session was begun it lasts as long as the client asks; at any other it ends with the token shown
    /// and has the same generation, so that it also dies with it.
    /// </summary>
    /// <param name="caller">Who asks, and at which door.</param>
    /// <param name="session">The live session of the token.</param>
    /// <param name="token">The access token shown.</param>
    /// <param name="lifetime">What the client asks for; null for what its dialect's clients expect.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<Result<IssuedAccessToken>> IssueAnotherAsync(
        Caller caller,
        Session session,
        string token,
        TimeSpan? lifetime,
        CancellationToken ct
    )
    {
        if (session.Kind != SessionKind.Api)
            return AuthError.Forbidden; // a key is not turned into a session
        if (session.Dialect == caller.Door)
            return new IssuedAccessToken(
                await AccessTokenAsync(session, lifetime, null, ct),
                accessTokens.Lifetime(session, lifetime)
            );
        if (await accessTokens.ReadAsync(token) is not { } bound || bound.SessionId != session.Id)
            return AuthError.AccessTokenInvalid;
        return new IssuedAccessToken(
            await AccessTokenAsync(session, lifetime, bound, ct),
            accessTokens.Lifetime(session, lifetime, bound)
        );
    }

    // The account is read only where the settings put something of it into tokens.
    private async Task<AccessToken> AccessTokenAsync(
        Session session,
        TimeSpan? lifetime,
        AccessToken? bound,
        CancellationToken ct
    )
    {
        var user = accessTokens.NamesHolder
            ? await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == session.UserId, ct)
            : null;
        var holder = user is null
            ? null
            : new AccessTokens.Holder(user.DisplayName, user.ChosenUserName, user.Email, user.EmailConfirmed);
        return await accessTokens.IssueAsync(session, lifetime, ct, bound, holder);
    }

    /// <summary>Exchanges a refresh token for the next pair.</summary>
    public async Task<Result<Pair>> RotateAsync(Caller caller, string? token, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(token))
            return AuthFailure.Shape("refreshToken", FieldErrorCode.Required);
        return secret.TryReadRefreshToken(token, out var sessionId, out var generation)
            ? await RotateAsync(caller, sessionId, generation, null, null, ct)
            : AuthError.RefreshTokenInvalid;
    }

    /// <summary>
    /// Exchanges the pair of a session that a living access token of it names: for clients that know no refresh token.
    /// By the token's own generation: two tabs that exchange the same token inside the leeway get the same successor,
    /// where the session's would make the first one's worthless. Only at the door where the session was begun:
    /// elsewhere its owner has the refresh token of it, which such an exchange would make a reused one.
    /// </summary>
    public async Task<Result<Pair>> RotateAsync(
        Caller caller,
        Session session,
        int generation,
        TimeSpan? lifetime,
        CancellationToken ct
    ) =>
        session.Kind == SessionKind.Api && session.Dialect == caller.Door
            ? await RotateAsync(caller, session.Id, generation, session.Dialect, lifetime, ct)
            : AuthError.Forbidden;

    private async Task<Result<Pair>> RotateAsync(
        Caller caller,
        string sessionId,
        int generation,
        Dialect? dialect,
        TimeSpan? lifetime,
        CancellationToken ct
    )
    {
        var rotated = await generations.RotateAsync(
            sessionId,
            generation,
            sessions.Lifetimes(SessionKind.Api, dialect).Idle,
            ct
        );
        var session = rotated ?? await db.Sessions.AsNoTracking().SingleOrDefaultAsync(s => s.Id == sessionId, ct);
        if (session is null)
            return AuthError.SessionRevoked;
        live.Learn(session);
        if (rotated is not null)
            return await IssueAsync(session, lifetime, ct);
        if (sessions.GetEndReason(session) is { } dead)
        {
            if (session.EndedAt is null)
                await sessions.ExpireAsync(sessionId, ct);
            return dead == AuthError.SessionExpired ? AuthError.RefreshTokenExpired : dead;
        }
        if (generation < session.RenewedGeneration)
            return session.RenewedByStepUp ? AuthError.RefreshTokenExpired : AuthError.PasswordChanged;
        if (
            generation == session.Generation
            || generations.LeewayEnd(session, generation) is not null
            || generations.IsAnswerLost(session, generation)
        )
            return await IssueAsync(session, lifetime, ct);
        // Ours, of this session, and not yet issued: the store was set back. Nobody is robbed; the session is just
        // unknown here.
        if (generation > session.Generation)
            return AuthError.RefreshTokenInvalid;
        return await EndFamilyAsync(caller, session, ct);
    }

    /// <summary>
    /// Ends the session of a token of either kind, a rotated refresh token and an expired access token too; silent
    /// about anything else (RFC 7009 §2.2).
    /// </summary>
    public async Task RevokeAsync(Caller caller, string? token, CancellationToken ct)
    {
        if (
            secret.TryReadRefreshToken(token, out var sessionId, out _)
            || (sessionId = (await accessTokens.ReadEvenExpiredAsync(token))?.SessionId) is not null
        )
            await sessions.SignOutAsync(caller, sessionId, ct);
    }

    private async Task<Result<Pair>> EndFamilyAsync(Caller caller, Session session, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await sessions.EndOneAsync(session.Id, SessionEnd.RefreshTokenReused, ct) == 1)
        {
            var email = await db.Users.Where(u => u.Id == session.UserId).Select(u => u.Email).SingleOrDefaultAsync(ct);
            if (email is not null)
                outbox.Enqueue(EmailKind.RefreshTokenReused, email, caller, session.UserId);
            audit.Write(
                AuditEvent.RefreshTokenReused,
                caller,
                session.UserId,
                AuthError.RefreshTokenReused,
                session.Id
            );
            await db.SaveChangesAsync(ct);
        }
        await transaction.CommitAsync(ct);
        return AuthError.RefreshTokenReused;
    }
}
