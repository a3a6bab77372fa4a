using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Tokens;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.TwoFactor;

/// <summary>
/// The browsers in which an account's second factor is not asked for again. <see cref="VerifySecondFactor"/>
/// remembers one where its owner wants that; a changed password or factor forgets all.
/// Reveals: an account's browsers to its owner only; another's is simply not found.
/// Revokes: the remembrance; sessions of that browser go on.
/// Fails with: <see cref="AuthError.NotFound"/>, an API key with <see cref="AuthError.Forbidden"/>.
/// </summary>
public sealed class ManageTrustedDevices(AuthDbContext db, AuditLog audit, TimeProvider time)
{
    /// <summary>The caller's remembered browsers, the one used last first.</summary>
    public async Task<IReadOnlyList<TrustedDevice>> ListAsync(Caller caller, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        return await db
            .TrustedDevices.AsNoTracking()
            .Where(d => d.UserId == caller.UserId && d.EndsAt > now)
            .OrderByDescending(d => d.LastSeenAt)
            .ToListAsync(ct);
    }

    /// <summary>Forgets one: the second factor is asked for there again.</summary>
    public async Task<Result> ForgetAsync(Caller caller, string id, CancellationToken ct)
    {
        if (caller.ByKey)
            return AuthError.Forbidden;
        if (!TokenCodec.IsSessionId(id))
            return AuthError.NotFound;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await db.TrustedDevices.Where(d => d.Id == id && d.UserId == caller.UserId).ExecuteDeleteAsync(ct) == 0)
            return AuthError.NotFound;
        audit.Write(AuditEvent.DeviceForgotten, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Result.Done;
    }
}
