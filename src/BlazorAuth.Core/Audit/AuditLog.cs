using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;

namespace BlazorAuth.Core.Audit;

/// <summary>
/// The one writer of security events. An entry is saved with the change it tells of, in the same transaction.
/// </summary>
public sealed class AuditLog(AuthDbContext db, TimeProvider time)
{
    private long _unplaced;

    /// <summary>Adds an entry to the caller's unit of work.</summary>
    public void Write(
        AuditEvent what,
        Caller caller,
        string? userId = null,
        AuthError? reason = null,
        string? sessionId = null
    ) =>
        db.AuditEntries.Add(
            new AuditEntry
            {
                Id = --_unplaced, // until the chain gives it its place
                At = time.GetUtcNow(),
                Event = what,
                UserId = userId ?? caller.UserId,
                SessionId = sessionId ?? caller.SessionId,
                Address = caller.Address,
                Agent = caller.Agent,
                Reason = reason?.Code(),
            }
        );
}
