using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Mail;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// Changes the password of a signed-in user. Kills: every other session, reset and change-of-address links, and every older
/// credential of this session, which is renewed. Sends: <see cref="LetterKind.PasswordChanged"/>.
/// Refuses with: those of <see cref="StepUp"/>, <see cref="AuthError.Forbidden"/> to an anonymous account, which has no name to sign in with,
/// <see cref="AuthError.WeakPassword"/>, <see cref="AuthError.CommonPassword"/>, <see cref="AuthError.SamePassword"/>, <see cref="AuthError.SessionRevoked"/>, <see cref="AuthError.Conflict"/>.
/// </summary>
public sealed class ChangePassword(
    AuthDbContext db, StepUp stepUp, Passwords passwords, HashingGate gate, OneTimeTokens tokens, RememberedDevices devices,
    Sessions sessions, Outbox outbox, Audit audit)
{
    /// <summary>
    /// Changes it, on the current one (on a recent proof where there is none, or something else to give it with), and returns the session whose credentials must be issued anew.
    /// </summary>
    public Task<Outcome<Session>> ChangeAsync(Caller caller, string? currentPassword, string? newPassword, CancellationToken ct) =>
        ChangeCoreAsync(caller, currentPassword ?? "", newPassword, ct);

    /// <summary>
    /// The same on a recent sign-in, for doors whose clients have no current password to give. Not for an anonymous account: it has no
    /// name to sign in with.
    /// </summary>
    public Task<Outcome<Session>> ChangeFreshlyAsync(Caller caller, string? newPassword, CancellationToken ct) =>
        ChangeCoreAsync(caller, null, newPassword, ct);

    private async Task<Outcome<Session>> ChangeCoreAsync(Caller caller, string? currentPassword, string? newPassword, CancellationToken ct)
    {
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        if (user is null) return AuthError.SessionRevoked;
        if (user.IsAnonymous && string.IsNullOrEmpty(currentPassword)) return AuthError.Forbidden;
        if (await stepUp.DemandAsync(caller, user, currentPassword, "currentPassword", ct) is { } unproven) return unproven;
        if (passwords.Judge(newPassword, "newPassword", user.Email, user.ChosenUserName) is { } weak) return weak;
        if (!string.IsNullOrEmpty(currentPassword) && Passwords.Nfc(newPassword!) == Passwords.Nfc(currentPassword)) return Refusal.Of(AuthError.SamePassword, "newPassword", Fault.Same);

        using (var place = gate.Enter(caller))
        {
            if (place is null) return HashingGate.Full;
            await passwords.SetAsync(place, user, newPassword!, ct);
        }
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await db.HoldAsync(user.Id, ct)) return AuthError.SessionRevoked;
        if (await sessions.RenewAsync(caller.SessionId, ct) is not { } session) return AuthError.SessionRevoked;
        await sessions.EndOthersAsync(user.Id, session.Id, SessionEnd.PasswordChanged, ct);
        await tokens.KillAsync(user.Id, ct, TokenPurpose.ResetPassword, TokenPurpose.ChangeEmail, TokenPurpose.SecondFactor, TokenPurpose.EmailCode);
        await devices.ForgetAllAsync(user.Id, ct);
        if (user.Email is not null) outbox.Promise(LetterKind.PasswordChanged, user.Email, caller, user.Id);
        audit.Write(AuditEvent.PasswordChanged, caller);
        if (!await db.TrySaveAsync(ct)) return AuthError.Conflict;
        await transaction.CommitAsync(ct);
        return session;
    }
}
