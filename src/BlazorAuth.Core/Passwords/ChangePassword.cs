using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Passwords;

/// <summary>
/// Changes the password of a signed-in user, or sets the first one.
/// Promises: nothing changes without a proof made for this act; a recent sign-in is not enough.
/// Revokes: every other session, every API key unless its owner keeps them, reset and change-of-address links, and
/// every older credential of this session, which is renewed.
/// Sends: <see cref="EmailKind.PasswordChanged"/>.
/// Fails with: those of <see cref="Reauthenticate"/>, <see cref="AuthError.Forbidden"/> to an anonymous account,
/// which has no name to sign in with, <see cref="AuthError.WeakPassword"/>, <see cref="AuthError.CommonPassword"/>,
/// <see cref="AuthError.SamePassword"/>, <see cref="AuthError.SessionRevoked"/>, <see cref="AuthError.Conflict"/>.
/// </summary>
public sealed class ChangePassword(
    AuthDbContext db,
    Reauthenticate stepUp,
    PasswordVerifier passwords,
    PasswordHashingLimiter gate,
    SessionStore sessions,
    Revocation revocation,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit
)
{
    /// <summary>The same where nobody was asked about API keys: they end.</summary>
    public Task<Result<Session>> ChangeAsync(
        Caller caller,
        Reauthentication proof,
        string? newPassword,
        CancellationToken ct
    ) => ChangeAsync(caller, proof, newPassword, endKeys: true, ct);

    /// <summary>
    /// Changes it, or sets the first one, on a proof made for this act, and returns the session whose credentials must
    /// be issued anew. The field for the password is <c>currentPassword</c>.
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="proof">The proof for this act.</param>
    /// <param name="newPassword">The password from now on.</param>
    /// <param name="endKeys">
    /// Whether API keys end too. They do unless somebody says otherwise: a stranger who knew the password may have made
    /// one.
    /// </param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<Result<Session>> ChangeAsync(
        Caller caller,
        Reauthentication proof,
        string? newPassword,
        bool endKeys,
        CancellationToken ct
    )
    {
        var account = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        if (account is null)
            return AuthError.SessionRevoked;
        if (account is { IsAnonymous: true, PasswordHash: null })
            return AuthError.Forbidden;
        // Before the proof: a code of the authenticator app works once, and must not be lost to a password that is too
        // short.
        if (passwords.Judge(newPassword, "newPassword", account.Email, account.ChosenUserName) is { } weak)
            return weak;
        var demanded = await stepUp.RequireProofForActAsync(
            caller,
            SensitiveAct.ChangePassword,
            proof,
            "currentPassword",
            ct
        );
        if (demanded.Value is not { } proven)
            return demanded.Failure!;
        if (
            proof is Reauthentication.ByPassword { Password: { } current }
            && PasswordVerifier.Nfc(newPassword!) == PasswordVerifier.Nfc(current)
        )
            return AuthFailure.Of(AuthError.SamePassword, "newPassword", FieldErrorCode.Same);
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        if (user is null)
            return AuthError.SessionRevoked;
        // The proof was of the account as it was: whatever changed it meanwhile came first.
        if (user.ConcurrencyStamp != proven.User.ConcurrencyStamp || user.SecurityStamp != proven.User.SecurityStamp)
            return AuthError.Conflict;

        using (var place = gate.TryAcquire(caller))
        {
            if (place is null)
                return PasswordHashingLimiter.Rejected;
            if (await throttle.TakeChangeAsync(caller, ct) is { } limited)
                return limited;
            await passwords.SetAsync(place, user, newPassword!, ct);
        }
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await db.LockUserRowAsync(user.Id, ct))
            return AuthError.SessionRevoked;
        if (await proven.SpendAsync(ct) is { } spent)
            return spent;
        if (await sessions.RenewAsync(caller.SessionId, ct) is not { } session)
            return AuthError.SessionRevoked;
        await revocation.ApplyAsync(SecurityEvent.PasswordChanged, user.Id, session.Id, ct, keepApiKeys: !endKeys);
        if (user.Email is not null)
            outbox.Enqueue(EmailKind.PasswordChanged, user.Email, caller, user.Id);
        audit.Write(AuditEvent.PasswordChanged, caller);
        if (!await db.TrySaveAsync(ct))
            return AuthError.Conflict;
        await transaction.CommitAsync(ct);
        return session;
    }
}
