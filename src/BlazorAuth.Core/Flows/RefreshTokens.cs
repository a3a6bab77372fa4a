using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Mail;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// Refresh tokens. Promises: a token is exchanged by one conditional statement; the same token inside the leeway gets the same
/// successor, so a lost answer or a second tab signs nobody out. Kills: outside the leeway a rotated token ends its session,
/// after a restart too (RFC 9700 §4.14.2). Sends: <see cref="LetterKind.RefreshTokenReused"/>.
/// Refuses with: <see cref="AuthError.RefreshTokenInvalid"/>, <see cref="AuthError.RefreshTokenExpired"/>,
/// <see cref="AuthError.RefreshTokenReused"/>, <see cref="AuthError.SessionRevoked"/>, <see cref="AuthError.PasswordChanged"/>.
/// </summary>
public sealed class RefreshTokens(
    AuthDbContext db, Secret secret, AccessTokens accessTokens, Sessions sessions, LiveSessions live, Outbox outbox, Audit audit,
    IOptions<AuthOptions> options, TimeProvider time)
{
    /// <summary>An access token and the refresh token beside it.</summary>
    public sealed record Pair(
        string AccessToken, TimeSpan AccessLifetime, string RefreshToken, TimeSpan RefreshLifetime, Session Session);

    /// <summary>The pair of the session as it stands.</summary>
    public async Task<Pair> IssueAsync(Session session, CancellationToken ct) => new(
        await accessTokens.IssueAsync(session, ct), options.Value.Tokens.AccessTokenLifetime,
        secret.RefreshToken(session.Id, session.Generation), session.IdleEndsAt - time.GetUtcNow(), session);

    /// <summary>Exchanges a refresh token for the next pair.</summary>
    public async Task<Outcome<Pair>> RotateAsync(Caller caller, string? token, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(token)) return Refusal.Shape("refreshToken", Fault.Required);
        if (!secret.TryReadRefreshToken(token, out var sessionId, out var generation)) return AuthError.RefreshTokenInvalid;

        var now = time.GetUtcNow();
        var idleEnd = now + options.Value.Tokens.RefreshTokenIdleLifetime;
        var rotated = await db.Sessions
            .Where(s => s.Id == sessionId && s.Generation == generation && s.EndedAt == null && s.IdleEndsAt > now && s.AbsoluteEndsAt > now)
            .ExecuteUpdateAsync(set => sessions.Number(set)
                .SetProperty(s => s.Generation, generation + 1)
                .SetProperty(s => s.GenerationAt, now)
                .SetProperty(s => s.LastSeenAt, now)
                .SetProperty(s => s.IdleEndsAt, s => s.AbsoluteEndsAt < idleEnd ? s.AbsoluteEndsAt : idleEnd), ct) == 1;
        var session = await db.Sessions.AsNoTracking().SingleOrDefaultAsync(s => s.Id == sessionId, ct);
        if (session is null) return AuthError.SessionRevoked;
        live.Learn(session);
        if (rotated) return await IssueAsync(session, ct);
        if (sessions.WhyDead(session) is { } dead)
        {
            if (session.EndedAt is null) await sessions.ExpireAsync(sessionId, ct);
            return dead == AuthError.SessionExpired ? AuthError.RefreshTokenExpired : dead;
        }
        if (generation < session.RenewedGeneration) return AuthError.PasswordChanged;
        if (generation == session.Generation - 1 && sessions.InLeeway(session)) return await IssueAsync(session, ct);
        // Ours, of this session, and not yet issued: the store was set back. Nobody is robbed; the session is just unknown here.
        if (generation > session.Generation) return AuthError.RefreshTokenInvalid;
        return await EndFamilyAsync(caller, session, ct);
    }

    /// <summary>Ends the session of a refresh token, whatever its generation; silent about anything else.</summary>
    public async Task RevokeAsync(Caller caller, string? token, CancellationToken ct)
    {
        if (secret.TryReadRefreshToken(token, out var sessionId, out _)) await sessions.SignOutAsync(caller, sessionId, ct);
    }

    private async Task<Outcome<Pair>> EndFamilyAsync(Caller caller, Session session, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await sessions.EndOneAsync(session.Id, SessionEnd.RefreshTokenReused, ct) == 1)
        {
            var email = await db.Users.Where(u => u.Id == session.UserId).Select(u => u.Email).SingleOrDefaultAsync(ct);
            if (email is not null) outbox.Promise(LetterKind.RefreshTokenReused, email, caller, session.UserId);
            audit.Write(AuditEvent.RefreshTokenReused, caller, session.UserId, AuthError.RefreshTokenReused, session.Id);
            await db.SaveChangesAsync(ct);
        }
        await transaction.CommitAsync(ct);
        return AuthError.RefreshTokenReused;
    }
}
