using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.TwoFactor;

/// <summary>
/// The ten codes an account has for the day its authenticator is lost; the first ten come with the app (<see
/// cref="ManageAuthenticator"/>).
/// Promises: each works once, they are shown once, and only slow hashes of them are kept.
/// Revokes: the codes from before.
/// Sends: <see cref="EmailKind.RecoveryCodesMade"/>; <see cref="EmailKind.RecoveryCodeUsed"/> comes from
/// <see cref="VerifySecondFactor"/>.
/// Fails with: those of <see cref="Reauthenticate"/>, <see cref="AuthError.NotFound"/> where there is no second
/// factor, <see cref="AuthError.RateLimited"/>, <see cref="AuthError.SessionRevoked"/>.
/// </summary>
public sealed class RegenerateRecoveryCodes(
    AuthDbContext db,
    Reauthenticate stepUp,
    SecondFactorStore factors,
    PasswordHashingLimiter gate,
    SessionStore sessions,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit
)
{
    /// <summary>Ten new codes: the one time they are shown.</summary>
    public sealed record NewCodes(IReadOnlyList<string> Codes);

    /// <summary>Makes ten new ones in place of the old, on a recent proof by a factor.</summary>
    public async Task<Result<NewCodes>> MakeAsync(Caller caller, CancellationToken ct)
    {
        var owner = await stepUp.OwnerByFactorAsync(caller, ct);
        if (owner.Value is not { } user)
            return owner.Failure!;
        if (!await factors.AreOnAsync(user.Id, ct))
            return AuthError.NotFound;
        if (await throttle.TakeChangeAsync(caller, ct) is { } limited)
            return limited;
        using var place = gate.TryAcquire(caller);
        if (place is null)
            return PasswordHashingLimiter.Rejected;
        var fresh = await factors.MakeRecoveryCodesAsync(place, user.Id, ct);

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        if (!await factors.AreOnAsync(user.Id, ct))
            return AuthError.NotFound;
        await factors.PutAsync(user.Id, fresh, ct);
        if (user.Email is not null)
            outbox.Enqueue(EmailKind.RecoveryCodesMade, user.Email, caller, user.Id);
        audit.Write(AuditEvent.RecoveryCodesMade, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return new NewCodes(fresh.Codes);
    }
}
