using System.Globalization;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Tokens;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Sessions;

/// <summary>
/// The generations of a session's credentials: which of them still work, and how the next one begins (ADR 0004).
/// </summary>
public sealed class SessionGenerations(AuthDbContext db, IOptions<AuthOptions> options, TimeProvider time)
{
    // A refresh makes the pair before it worthless when the leeway ends; a renewal at once.
    internal AuthError? CheckGeneration(Session session, int generation) =>
        generation < session.RenewedGeneration
            ? session.RenewedByStepUp
                ? AuthError.AccessTokenExpired
                : AuthError.PasswordChanged
            : generation == session.Generation
                ? null
                : LeewayEnd(session, generation) is not null
                    ? null
                    : AuthError.AccessTokenInvalid;

    /// <summary>
    /// When the leeway of a rotated credential ends; null where it was not rotated, or its leeway is over.
    /// </summary>
    internal DateTimeOffset? LeewayEnd(Session session, int generation)
    {
        var leeway = options.Value.Tokens.ReuseLeeway;
        return RotatedAt(session, generation) is { } rotated && IsWithin(leeway, rotated) ? rotated + leeway : null;
    }

    /// <summary>
    /// Whether the token's successor was made a short while ago and has been used nowhere: its answer was lost on the
    /// way. A stolen copy gets no further by it than with the token itself, for two holders of one successor are told
    /// apart at the next refresh.
    /// </summary>
    internal bool IsAnswerLost(Session session, int generation) =>
        generation == session.Generation - 1
        && session.SeenGeneration < session.Generation
        && IsWithin(options.Value.Tokens.LostAnswerLeeway, session.GenerationAt);

    private static DateTimeOffset? RotatedAt(Session session, int generation)
    {
        if (generation == session.Generation - 1)
            return session.GenerationAt;
        foreach (var rotation in session.EarlierRotations?.Split(' ') ?? [])
        {
            var parts = rotation.Split(':');
            if (int.Parse(parts[0], CultureInfo.InvariantCulture) == generation)
                return DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(parts[1], CultureInfo.InvariantCulture));
        }
        return null;
    }

    // Counted both ways: a clock that was set back must not bring a rotated credential back to life.
    private bool IsWithin(TimeSpan leeway, DateTimeOffset instant)
    {
        var since = time.GetUtcNow() - instant;
        return since < leeway && since > -AccessTokens.ClockSkew;
    }

    /// <summary>
    /// Rotates the session's credentials by one conditional statement: of any number at once, one succeeds. Null where
    /// the generation is not the newest, where the session has ended, or where it was rotated too often within the
    /// leeway.
    /// </summary>
    /// <param name="sessionId">Which.</param>
    /// <param name="generation">That of the token shown.</param>
    /// <param name="idle">How long the session lasts from now on if unused.</param>
    /// <param name="ct">Ends the wait.</param>
    internal async Task<Session?> RotateAsync(string sessionId, int generation, TimeSpan idle, CancellationToken ct)
    {
        var moment = time.GetUtcNow();
        var now = moment.ToUnixTimeMilliseconds();
        var idleEnd = (moment + idle).ToUnixTimeMilliseconds();
        var leewayStart = (moment - options.Value.Tokens.ReuseLeeway).ToUnixTimeMilliseconds();
        // The change number is as SessionStore.Number makes it. Written out, because only so the new row comes back in
        // the same round trip.
        var rotated = await db
            .Sessions.FromSql(
                $"""
                UPDATE "Sessions" SET
                  "EarlierRotations" = CASE WHEN "GenerationAt" > {leewayStart} THEN
                    COALESCE("EarlierRotations" || ' ', '') || CAST("Generation" - 1 AS TEXT) || ':' || CAST("GenerationAt" AS TEXT) END,
                  "Generation" = {generation + 1},
                  "SeenGeneration" = {generation},
                  "GenerationAt" = {now},
                  "LastSeenAt" = {now},
                  "IdleEndsAt" = CASE WHEN "AbsoluteEndsAt" < {idleEnd} THEN "AbsoluteEndsAt" ELSE {idleEnd} END,
                  "ChangeNumber" = 1 + CASE WHEN "ChangeNumber" > (SELECT MAX("ChangeNumber") FROM "Sessions")
                    THEN "ChangeNumber" ELSE (SELECT MAX("ChangeNumber") FROM "Sessions") END
                WHERE "Id" = {sessionId} AND "Generation" = {generation} AND "EndedAt" IS NULL
                  AND "IdleEndsAt" > {now} AND "AbsoluteEndsAt" > {now}
                  AND ("GenerationAt" <= {leewayStart} OR LENGTH(COALESCE("EarlierRotations", '')) < {Session.MaximumEarlierRotations
                    - 50})
                RETURNING *
                """
            )
            .AsNoTracking()
            .ToListAsync(ct);
        return rotated.SingleOrDefault();
    }

    /// <summary>
    /// Notes that a credential of the newest generation has arrived where it should: its parent is then a copy, not a
    /// client that never got the answer. After <see cref="TokenOptions.LostAnswerLeeway"/> the parent is refused
    /// anyway, and nothing is written.
    /// </summary>
    internal async Task NoteUseAsync(Session session, int generation, CancellationToken ct)
    {
        var hasParent = generation > session.RenewedGeneration;
        if (
            session.Kind != SessionKind.Api
            || !hasParent
            || generation != session.Generation
            || session.SeenGeneration >= generation
            || !IsWithin(options.Value.Tokens.LostAnswerLeeway, session.GenerationAt)
        )
            return;
        await db
            .Sessions.Where(s => s.Id == session.Id && s.SeenGeneration < generation)
            .ExecuteUpdateAsync(set => set.SetProperty(s => s.SeenGeneration, generation), ct);
        session.SeenGeneration = generation;
    }
}
