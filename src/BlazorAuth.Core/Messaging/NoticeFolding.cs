using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging.Email;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Messaging;

/// <summary>Makes one email of notices that come in numbers (ADR 0018).</summary>
internal static class NoticeFolding
{
    /// <summary>
    /// So many notices of one kind go to one owner one by one in <see cref="Window"/>; the rest become one email.
    /// </summary>
    public const int OneByOne = 3;

    public static readonly TimeSpan Window = TimeSpan.FromMinutes(15);

    /// <summary>Why a notice was not sent itself.</summary>
    public const string FoldedAway = "folded into another";

    /// <summary>What becomes of a notice.</summary>
    /// <param name="Until">It waits until then; null where it does not.</param>
    /// <param name="Away">Whether an older one tells of it.</param>
    public readonly record struct Fold(DateTimeOffset? Until, bool Away);

    // Notices that can be told together: to take the first back takes the later ones back as well.
    private static bool IsFoldable(EmailKind kind) =>
        kind
            is EmailKind.NewSignIn
                or EmailKind.PasswordChanged
                or EmailKind.RefreshTokenReused
                or EmailKind.RecoveryCodeUsed
                or EmailKind.RecoveryCodesMade
                or EmailKind.PasskeyAdded
                or EmailKind.ApiKeyMade
                or EmailKind.DeviceRemembered;

    /// <summary>
    /// Where more notices of a kind wait than may go one by one, makes one of them: the oldest, because its link takes
    /// back everything since. Neither where the email goes as it is.
    /// </summary>
    public static async Task<Fold> FoldAsync(
        OutboxMessage letter,
        AuthDbContext db,
        DateTimeOffset now,
        CancellationToken ct
    )
    {
        if (!IsFoldable(letter.Kind) || letter.UserId is null)
            return default;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await db.LockUserRowAsync(letter.UserId, ct))
            return default;
        var since = now - Window;
        var alike = db.Outbox.Where(l => l.To == letter.To && l.UserId == letter.UserId && l.Kind == letter.Kind);
        var sent = await alike
            .Where(l => l.DoneAt > since && l.LastError == null)
            .OrderByDescending(l => l.DoneAt)
            .Select(l => l.DoneAt!.Value)
            .Take(OneByOne)
            .ToListAsync(ct);
        if (sent.Count == OneByOne)
            return new(sent[^1] + Window, Away: false);
        var waiting = await alike
            .AsNoTracking()
            .Where(l =>
                l.DoneAt == null
                && l.Id != letter.Id
                && l.Attempts == 0
                && (l.ClaimedUntil == null || l.ClaimedUntil <= now)
            )
            .OrderBy(l => l.CreatedAt)
            .Select(l => new
            {
                l.Id,
                l.CreatedAt,
                l.Folded,
            })
            .ToListAsync(ct);
        var acts = 1 + letter.Folded + waiting.Sum(l => 1 + l.Folded);
        if (waiting.Count == 0 || sent.Count + acts <= OneByOne)
            return default;
        if (waiting[0] is var oldest && oldest.CreatedAt < letter.CreatedAt)
        {
            var more = 1 + letter.Folded;
            if (
                await alike
                    .Where(l => l.Id == oldest.Id && l.DoneAt == null)
                    .ExecuteUpdateAsync(
                        set =>
                            set.SetProperty(l => l.Folded, l => l.Folded + more).SetProperty(l => l.NextAttemptAt, now),
                        ct
                    ) == 0
            )
                return default;
            await transaction.CommitAsync(ct);
            return new(null, Away: true);
        }
        foreach (var later in waiting)
            if (
                await alike
                    .Where(l => l.Id == later.Id && l.DoneAt == null)
                    .ExecuteUpdateAsync(
                        set => set.SetProperty(l => l.DoneAt, now).SetProperty(l => l.LastError, FoldedAway),
                        ct
                    ) == 1
            )
                letter.Folded += 1 + later.Folded;
        var total = letter.Folded;
        await alike.Where(l => l.Id == letter.Id).ExecuteUpdateAsync(set => set.SetProperty(l => l.Folded, total), ct);
        await transaction.CommitAsync(ct);
        return default;
    }
}
