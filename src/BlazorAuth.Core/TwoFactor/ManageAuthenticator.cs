using System.Security.Cryptography;
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
/// The authenticator app of an account: its second factor.
/// Promises: it is on only after a right code of it, the secret is shown once and nothing gives it again, a code that
/// was looked at was counted first. Kills, when it comes or goes: half-done sign-ins, every other session, every
/// remembered browser; the app and recovery codes from before. The session it is confirmed in stays what it was: to
/// enrol a factor proves nothing. Where there is a passkey or an app already, one of them must have proven who asks.
/// Sends: <see cref="EmailKind.SecondFactorOn"/>, <see cref="EmailKind.SecondFactorOff"/>.
/// Fails with: those of <see cref="Reauthenticate"/>, <see cref="AuthError.Forbidden"/> to an anonymous account,
/// which has no first factor, <see cref="AuthError.NotFound"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.SecondFactorInvalid"/>, <see cref="AuthError.RateLimited"/>,
/// <see cref="AuthError.SessionRevoked"/>.
/// </summary>
public sealed class ManageAuthenticator(
    AuthDbContext db,
    Reauthenticate stepUp,
    SecondFactorStore factors,
    PasswordHashingLimiter gate,
    SessionStore sessions,
    Revocation revocation,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit,
    TimeProvider time
)
{
    /// <summary>How long a set-up waits for its first code: somebody installs an app.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    /// <summary>So few recovery codes that their owner should make new ones.</summary>
    public const int Few = 2;

    /// <summary>A secret that waits for its first code: the one time it is shown.</summary>
    /// <param name="Id">Which set-up it is; no secret.</param>
    /// <param name="Secret">Base32, for an app that cannot read the picture.</param>
    /// <param name="Uri">The same as <c>otpauth:</c> address, for apps and QR codes.</param>
    public sealed record AuthenticatorSetup(string Id, string Secret, string Uri);

    /// <summary>The ten recovery codes made with it: the one time they are shown.</summary>
    public sealed record Confirmed(IReadOnlyList<string> RecoveryCodes);

    /// <summary>How an account stands.</summary>
    /// <param name="Since">When the app was confirmed; null where none is.</param>
    /// <param name="CodesLeft">Recovery codes left.</param>
    /// <param name="Pending">The set-up that waits for its first code.</param>
    public sealed record AuthenticatorState(DateTimeOffset? Since, int CodesLeft, string? Pending)
    {
        /// <summary>Whether sign-ins with one factor need a second.</summary>
        public bool On => Since is not null;

        /// <summary>Whether recovery codes run out.</summary>
        public bool RunsOut => On && CodesLeft <= Few;
    }

    /// <summary>How the caller's account stands. Tells no secret.</summary>
    public async Task<AuthenticatorState> PreviewAsync(Caller caller, CancellationToken ct)
    {
        var apps = await db.Authenticators.AsNoTracking().Where(a => a.UserId == caller.UserId).ToListAsync(ct);
        return new(
            apps.Find(a => a.ConfirmedAt is not null)?.ConfirmedAt,
            caller.UserId is null ? 0 : await factors.LeftAsync(caller.UserId, ct),
            apps.Find(IsPending)?.Id
        );
    }

    /// <summary>
    /// Begins a set-up, on a recent proof, by a factor where there is one. One begun before is worth nothing from then
    /// on; an app that is on stays on.
    /// </summary>
    public async Task<Result<AuthenticatorSetup>> BeginAsync(Caller caller, CancellationToken ct)
    {
        var owner = await stepUp.OwnerByFactorAsync(caller, ct);
        if (owner.Value is not { } user)
            return owner.Failure!;
        if (user.IsAnonymous)
            return AuthError.Forbidden;
        if (await throttle.TakeChangeAsync(caller, ct) is { } limited)
            return limited;

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        await db.Authenticators.Where(a => a.UserId == user.Id && a.ConfirmedAt == null).ExecuteDeleteAsync(ct);
        var (id, secret) = (Guid.CreateVersion7().ToString(), RandomNumberGenerator.GetBytes(TotpCode.SecretLength));
        db.Authenticators.Add(
            new()
            {
                Id = id,
                UserId = user.Id,
                Wrapped = factors.Wrap(id, secret),
                CreatedAt = time.GetUtcNow(),
            }
        );
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        var text = TotpCode.Base32(secret);
        var account = Uri.EscapeDataString(user.Email ?? user.ChosenUserName ?? user.Id);
        return new AuthenticatorSetup(
            id,
            text,
            $"otpauth://totp/{EmailTemplates.Brand}:{account}?secret={text}&issuer={EmailTemplates.Brand}&algorithm=SHA1&digits=6&period=30"
        );
    }

    /// <summary>
    /// Turns the app on whose set-up was begun last, by a code of it. That code then opens nothing more.
    /// </summary>
    public async Task<Result<Confirmed>> ConfirmAsync(Caller caller, string? code, CancellationToken ct)
    {
        if (caller.ByKey)
            return AuthError.Forbidden;
        if (string.IsNullOrWhiteSpace(code))
            return AuthFailure.Shape("code", FieldErrorCode.Required);
        var user = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        if (user is null)
            return AuthError.SessionRevoked;
        using var place = gate.TryAcquire(caller);
        if (place is null)
            return PasswordHashingLimiter.Rejected;
        var app = (
            await db
                .Authenticators.AsNoTracking()
                .Where(a => a.UserId == user.Id && a.ConfirmedAt == null)
                .ToListAsync(ct)
        ).Find(IsPending);
        if (app is null)
            return AuthError.NotFound;
        // The set-up stands for the proof that it was begun on. One begun before the account had a factor stands for
        // none.
        var ways = await stepUp.WaysAsync(caller, ct);
        if (ways.HasFactor && !stepUp.HadFactor(caller, app.CreatedAt))
            return AuthFailure.Of(
                AuthError.StepUpRequired,
                ways.Authenticator ? "code" : "credential",
                FieldErrorCode.Required
            );
        if (await factors.CountAsync(caller, user.Id, ct) is { } limited)
            return limited;
        if (TotpCode.StepsOf(factors.Unwrap(app), code, time.GetUtcNow()).LastOrDefault() is not (> 0 and var step))
            return await RefuseAsync(caller, ct);
        var codes = await factors.MakeRecoveryCodesAsync(place, user.Id, ct);

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        var now = time.GetUtcNow();
        if (
            await db
                .Authenticators.Where(a => a.Id == app.Id && a.ConfirmedAt == null)
                .ExecuteUpdateAsync(
                    set => set.SetProperty(a => a.ConfirmedAt, now).SetProperty(a => a.LastStep, step),
                    ct
                ) == 0
        )
            return AuthError.NotFound;
        var replaced = await TakeAsync(user.Id, app.Id, ct);
        await factors.PutAsync(user.Id, codes, ct);
        await revocation.ApplyAsync(SecurityEvent.SecondFactorChanged, user.Id, caller.SessionId, ct);
        // The code proves the app, so its owner may go on to change factors. It raises nothing: the methods stay.
        await sessions.NoteFactorAsync(caller.SessionId, ct);
        // the wrong ones were guesses at what is gone
        await throttle.ClearAsync(Budget.SecondFactorPerAccount, user.Id, ct);
        if (user.Email is not null)
            outbox.Enqueue(
                EmailKind.SecondFactorOn,
                user.Email,
                caller,
                user.Id,
                state: new RevertibleChange.SecondFactorAdded(replaced?.Id, replaced?.Wrapped).ToJson()
            );
        audit.Write(AuditEvent.TotpAdded, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return new Confirmed(codes.Codes);
    }

    /// <summary>Turns the second factor off, on a recent proof by a factor.</summary>
    public async Task<Result> RemoveAsync(Caller caller, CancellationToken ct)
    {
        var owner = await stepUp.OwnerByFactorAsync(caller, ct);
        if (owner.Value is not { } user)
            return owner.Failure!;
        if (await throttle.TakeChangeAsync(caller, ct) is { } limited)
            return limited;

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        if (await TakeAsync(user.Id, null, ct) is not { } removed)
            return AuthError.NotFound;
        await db.RecoveryCodes.Where(c => c.UserId == user.Id).ExecuteDeleteAsync(ct);
        await revocation.ApplyAsync(SecurityEvent.SecondFactorChanged, user.Id, caller.SessionId, ct);
        if (user.Email is not null)
            outbox.Enqueue(
                EmailKind.SecondFactorOff,
                user.Email,
                caller,
                user.Id,
                state: new RevertibleChange.SecondFactorRemoved(removed.Id, removed.Wrapped).ToJson()
            );
        audit.Write(AuditEvent.TotpRemoved, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Result.Done;
    }

    private bool IsPending(Authenticator app) => app.ConfirmedAt is null && time.GetUtcNow() - app.CreatedAt < Patience;

    // The app that was on until now, which goes: wrapped as it was, it stands in the notice, for its owner to take the
    // act back.
    private async Task<Authenticator?> TakeAsync(string userId, string? exceptId, CancellationToken ct)
    {
        var before = db.Authenticators.Where(a => a.UserId == userId && a.ConfirmedAt != null && a.Id != exceptId);
        var app = await before.AsNoTracking().FirstOrDefaultAsync(ct);
        if (app is not null)
            await before.ExecuteDeleteAsync(ct);
        return app;
    }

    private async Task<AuthFailure> RefuseAsync(Caller caller, CancellationToken ct)
    {
        audit.Write(AuditEvent.SecondFactorRefused, caller, reason: AuthError.SecondFactorInvalid);
        await db.SaveChangesAsync(ct);
        return AuthFailure.Of(AuthError.SecondFactorInvalid, "code", FieldErrorCode.Wrong);
    }
}
