using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;

namespace BlazorAuth.Core.Mail;

/// <summary>
/// Promises letters. A promise is a row in the caller's own transaction: no crash loses it, and asking for a letter is the
/// same work whether or not the address is anybody's (ADR 0007).
/// </summary>
public sealed class Outbox(AuthDbContext db, Doorbell doorbell, TimeProvider time)
{
    /// <summary>Adds a letter to the caller's unit of work.</summary>
    public void Promise(
        LetterKind kind, string to, Caller caller, string? userId = null, string? newAddress = null, string? sessionId = null,
        string? detail = null, string? state = null)
    {
        var now = time.GetUtcNow();
        db.Outbox.Add(new OutboxLetter
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
        });
        doorbell.Ring();
    }
}

/// <summary>Wakes this process's Postman; others look by themselves.</summary>
public sealed class Doorbell
{
    private readonly SemaphoreSlim _rung = new(0, 1);

    internal void Ring()
    {
        try
        {
            _rung.Release();
        }
        catch (SemaphoreFullException)
        {
            // It rings already.
        }
    }

    internal Task<bool> WaitAsync(TimeSpan atMost, CancellationToken ct) => _rung.WaitAsync(atMost, ct);
}
