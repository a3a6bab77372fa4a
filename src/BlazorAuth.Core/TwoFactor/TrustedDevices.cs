using System.Security.Cryptography;
using System.Text;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Tokens;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.TwoFactor;

/// <summary>
/// Browsers in which the second factor of an account is not asked for again. What the browser keeps is worth nothing
/// without the password, and nothing at all once a password or factor changes.
/// </summary>
public sealed class TrustedDevices(
    AuthDbContext db,
    TokenCodec secret,
    Outbox outbox,
    AuditLog audit,
    TimeProvider time
)
{
    /// <summary>How long a browser is remembered.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);

    /// <summary>
    /// Remembers the caller's browser and tells the account's owner, with undo; the text is for its cookie. Saved by
    /// the caller.
    /// </summary>
    internal string Remember(Caller caller, AuthUser user)
    {
        var userId = user.Id;
        var now = time.GetUtcNow();
        var id = TokenCodec.Random(16);
        db.TrustedDevices.Add(
            new TrustedDevice
            {
                Id = id,
                UserId = userId,
                CreatedAt = now,
                LastSeenAt = now,
                EndsAt = now + Lifetime,
                Address = caller.Address,
                Agent = caller.Agent,
            }
        );
        audit.Write(AuditEvent.DeviceRemembered, caller, userId);
        // In this browser the password alone signs in from now on.
        if (user.Email is not null)
            outbox.Enqueue(
                EmailKind.DeviceRemembered,
                user.Email,
                caller,
                userId,
                state: new RevertibleChange.DeviceRemembered(id).ToJson()
            );
        return $"{id}.{Proof(id)}";
    }

    /// <summary>Whether this cookie is of a browser remembered for the account; notes that it was used.</summary>
    internal async Task<bool> IsRememberedAsync(string userId, string? cookie, CancellationToken ct)
    {
        if (
            cookie?.Split('.') is not [var id, var proof]
            || !TokenCodec.IsSessionId(id)
            || !CryptographicOperations.FixedTimeEquals(
                Encoding.UTF8.GetBytes(proof),
                Encoding.UTF8.GetBytes(Proof(id))
            )
        )
            return false;
        var now = time.GetUtcNow();
        return await db
                .TrustedDevices.Where(d => d.Id == id && d.UserId == userId && d.EndsAt > now)
                .ExecuteUpdateAsync(set => set.SetProperty(d => d.LastSeenAt, now), ct) == 1;
    }

    /// <summary>Forgets one browser of an account. Call it inside the transaction of what ends it.</summary>
    internal Task<int> ForgetAsync(string userId, string id, CancellationToken ct) =>
        db.TrustedDevices.Where(d => d.UserId == userId && d.Id == id).ExecuteDeleteAsync(ct);

    /// <summary>
    /// Forgets every browser of an account. Call it inside the transaction of the change that ends them.
    /// </summary>
    internal Task ForgetAllAsync(string userId, CancellationToken ct) =>
        db.TrustedDevices.Where(d => d.UserId == userId).ExecuteDeleteAsync(ct);

    private string Proof(string id) => Convert.ToHexStringLower(secret.Hash("remembered-device", id));
}
