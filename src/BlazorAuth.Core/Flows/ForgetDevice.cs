using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// The browsers in which an account's second factor is not asked for again. <see cref="SecondFactor"/> remembers one where its owner
/// wants that; a changed password or factor forgets all. Reveals: an account's browsers to its owner only; another's is simply not found.
/// Kills: the remembrance; sessions of that browser go on. Refuses with: <see cref="AuthError.NotFound"/>, an API key with <see cref="AuthError.Forbidden"/>.
/// </summary>
public sealed class ForgetDevice(AuthDbContext db, Audit audit, TimeProvider time)
{
    /// <summary>The caller's remembered browsers, the one used last first.</summary>
    public async Task<IReadOnlyList<RememberedDevice>> ListAsync(Caller caller, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        return await db.RememberedDevices.AsNoTracking().Where(d => d.UserId == caller.UserId && d.EndsAt > now)
            .OrderByDescending(d => d.LastSeenAt).ToListAsync(ct);
    }

    /// <summary>Forgets one: the second factor is asked for there again.</summary>
    public async Task<Outcome> ForgetAsync(Caller caller, string id, CancellationToken ct)
    {
        if (caller.ByKey) return AuthError.Forbidden;
        if (!Secret.IsSessionId(id)) return AuthError.NotFound;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await db.RememberedDevices.Where(d => d.Id == id && d.UserId == caller.UserId).ExecuteDeleteAsync(ct) == 0) return AuthError.NotFound;
        audit.Write(AuditEvent.DeviceForgotten, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Outcome.Done;
    }
}
