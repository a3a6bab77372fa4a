using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.TwoFactor;

/// <summary>
/// Whether a password alone signs in to an account that has a passkey. Where it does not, the passkey is asked for
/// after it, as an authenticator app is.
/// Promises: the owner chooses, on a recent proof by a factor; an administrator who has a passkey has no choice;
/// without a passkey the password signs in, so that nobody is locked out. Kills, where it is refused from now on:
/// sign-ins that are half done, remembered browsers and every other session.
/// Sends: <see cref="EmailKind.PasswordAloneAllowed"/>.
/// Fails with: those of <see cref="Reauthenticate"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.Conflict"/> without a passkey, <see cref="AuthError.Forbidden"/> to an administrator who
/// wants it allowed, <see cref="AuthError.SessionRevoked"/>.
/// </summary>
public sealed class ManagePasswordOnlySignIn(
    AuthDbContext db,
    Reauthenticate stepUp,
    SecondFactorStore factors,
    SessionStore sessions,
    Revocation revocation,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit
)
{
    /// <summary>How an account stands.</summary>
    /// <param name="Allowed">Whether a password signs in without a passkey after it.</param>
    /// <param name="MayChange">Whether its owner can choose: there is a passkey, and they are no administrator.</param>
    public sealed record State(bool Allowed, bool MayChange);

    /// <summary>How the caller's account stands.</summary>
    public async Task<State> ReadAsync(Caller caller, CancellationToken ct)
    {
        var id = caller.UserId ?? "";
        var hasPasskey = await db.UserPasskeys.AnyAsync(p => p.UserId == id, ct);
        var isAdministrator = await db.UserRoles.AnyAsync(
            r => r.UserId == id && r.RoleId == AuthDbContext.Administrator,
            ct
        );
        return new(!await factors.IsPasskeyDueAsync(id, ct), hasPasskey && !isAdministrator);
    }

    /// <summary>Chooses.</summary>
    public async Task<Result<State>> ChooseAsync(Caller caller, bool? allowed, CancellationToken ct)
    {
        if (allowed is not { } alone)
            return AuthFailure.Shape("passwordAlone", FieldErrorCode.Required);
        var owner = await stepUp.OwnerByFactorAsync(caller, ct);
        if (owner.Value is not { } user)
            return owner.Failure!;
        if (await throttle.TakeChangeAsync(caller, ct) is { } limited)
            return limited;

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        if (!await db.UserPasskeys.AnyAsync(p => p.UserId == user.Id, ct))
            return AuthError.Conflict;
        if (alone && !(await ReadAsync(caller, ct)).MayChange)
            return AuthError.Forbidden;
        var changed =
            await db
                .Users.Where(u => u.Id == user.Id && u.PasskeyAfterPassword == alone)
                .ExecuteUpdateAsync(set => set.SetProperty(u => u.PasskeyAfterPassword, !alone), ct) == 1;
        if (changed && !alone)
        {
            await revocation.ApplyAsync(SecurityEvent.PasswordAloneRefused, user.Id, caller.SessionId, ct);
        }
        if (changed && alone && user.Email is not null)
            outbox.Enqueue(
                EmailKind.PasswordAloneAllowed,
                user.Email,
                caller,
                user.Id,
                state: new RevertibleChange.PasswordAloneAllowed().ToJson()
            );
        if (changed)
            audit.Write(alone ? AuditEvent.PasswordAloneAllowed : AuditEvent.PasswordAloneRefused, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return await ReadAsync(caller, ct);
    }
}
