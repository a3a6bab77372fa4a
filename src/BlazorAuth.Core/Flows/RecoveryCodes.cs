using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Mail;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// The ten codes an account has for the day its authenticator is lost; the first ten come with the app (<see cref="Totp"/>). Promises:
/// each works once, they are shown once, and only slow hashes of them are kept. Kills: the codes from before.
/// Sends: <see cref="LetterKind.RecoveryCodesMade"/>; <see cref="LetterKind.RecoveryCodeUsed"/> comes from <see cref="SecondFactor"/>.
/// Refuses with: those of <see cref="StepUp"/>, <see cref="AuthError.NotFound"/> where there is no second factor,
/// <see cref="AuthError.RateLimited"/>, <see cref="AuthError.SessionRevoked"/>.
/// </summary>
public sealed class RecoveryCodes(
    AuthDbContext db, StepUp stepUp, SecondFactors factors, HashingGate gate, Sessions sessions, Throttle throttle, Outbox outbox,
    Audit audit)
{
    /// <summary>Ten new codes: the one time they are shown.</summary>
    public sealed record Made(IReadOnlyList<string> Codes);

    /// <summary>Makes ten new ones in place of the old, on a recent proof by a factor.</summary>
    public async Task<Outcome<Made>> MakeAsync(Caller caller, CancellationToken ct)
    {
        var owner = await stepUp.OwnerByFactorAsync(caller, ct);
        if (owner.Value is not { } user) return owner.Refusal!;
        if (!await factors.AreOnAsync(user.Id, ct)) return AuthError.NotFound;
        if (await throttle.TakeChangeAsync(caller, ct) is { } limited) return limited;
        using var place = gate.Enter(caller);
        if (place is null) return HashingGate.Full;
        var fresh = await factors.MakeRecoveryCodesAsync(place, user.Id, ct);

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.HoldAsync(caller, ct)) return AuthError.SessionRevoked;
        if (!await factors.AreOnAsync(user.Id, ct)) return AuthError.NotFound;
        await factors.PutAsync(user.Id, fresh, ct);
        if (user.Email is not null) outbox.Promise(LetterKind.RecoveryCodesMade, user.Email, caller, user.Id);
        audit.Write(AuditEvent.RecoveryCodesMade, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return new Made(fresh.Codes);
    }
}
