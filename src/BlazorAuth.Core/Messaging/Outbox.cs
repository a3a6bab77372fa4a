using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Security;

namespace BlazorAuth.Core.Messaging;

/// <summary>
/// Promises emails. A promise is a row in the caller's own transaction: no crash loses it, and asking for an email is
/// the same work whether or not the address is anybody's (ADR 0007).
/// </summary>
public sealed class Outbox(AuthDbContext db, OutboxSignal doorbell, TimeProvider time)
{
    /// <summary>Adds an email to the caller's unit of work.</summary>
    public void Enqueue(
        EmailKind kind,
        string to,
        Caller caller,
        string? userId = null,
        string? newAddress = null,
        string? sessionId = null,
        string? detail = null,
        string? state = null
    )
    {
        var now = time.GetUtcNow();
        db.Outbox.Add(
            new OutboxMessage
            {
                Id = Guid.CreateVersion7().ToString(),
                Kind = kind,
                To = to,
                UserId = userId,
                SessionId = sessionId,
                NewAddress = newAddress,
                Detail = detail,
                State = state,
                Address = caller.Address,
                Network = Throttle.Network(caller),
                Agent = caller.Agent,
                CreatedAt = now,
                NextAttemptAt = now,
            }
        );
        doorbell.Notify();
    }
}
