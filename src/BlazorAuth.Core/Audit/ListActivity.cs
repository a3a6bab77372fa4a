using BlazorAuth.Core.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Audit;

/// <summary>
/// Shows the caller what happened to their account: sign-ins, refusals, changes, each with time, device and network
/// address (ASVS 7.5.2, 16.3).
/// Reveals: an account's events to its owner only.
/// Fails with: nothing.
/// </summary>
public sealed class ListActivity(AuthDbContext db)
{
    /// <summary>How many events one look shows.</summary>
    public const int PageSize = 50;

    /// <summary>One event. The place in the audit is left out: it would tell how busy the site is.</summary>
    public sealed record Entry(
        DateTimeOffset At,
        AuditEvent Event,
        string? SessionId,
        string? Address,
        string? Agent,
        string? Reason
    );

    /// <summary>Events, the newest first, and whether there are older ones.</summary>
    public sealed record Events(IReadOnlyList<Entry> Entries, bool More);

    /// <summary>A page of the caller's events.</summary>
    /// <param name="caller">Whose.</param>
    /// <param name="skip">How many newer ones to leave out; less than nothing counts as nothing.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<Events> ListAsync(Caller caller, int skip, CancellationToken ct)
    {
        var found = await db
            .AuditEntries.AsNoTracking()
            .Where(e => e.UserId == caller.UserId)
            .OrderByDescending(e => e.Id)
            .Skip(Math.Max(0, skip))
            .Take(PageSize + 1)
            .Select(e => new Entry(e.At, e.Event, e.SessionId, e.Address, e.Agent, e.Reason))
            .ToListAsync(ct);
        return new([.. found.Take(PageSize)], found.Count > PageSize);
    }
}
