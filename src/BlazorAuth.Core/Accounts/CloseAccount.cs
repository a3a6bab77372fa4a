using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Accounts;

/// <summary>
/// Closes the caller's account: the row and everything that hangs on it are deleted at once, and the address is free
/// again.
/// Promises: nothing is closed without a proof made for this act; a recent sign-in is not enough.
/// Revokes: every session and one-time token.
/// Sends: <see cref="EmailKind.AccountClosed"/>.
/// Fails with: those of <see cref="Reauthenticate"/>, <see cref="AuthError.SessionRevoked"/>.
/// </summary>
public sealed class CloseAccount(
    AuthDbContext db,
    Reauthenticate stepUp,
    SessionStore sessions,
    Revocation revocation,
    Outbox outbox,
    AuditLog audit
)
{
    /// <summary>Closes it, on a proof made for this act. The field for the password is <c>password</c>.</summary>
    public async Task<Result> CloseAsync(Caller caller, Reauthentication proof, CancellationToken ct)
    {
        var demanded = await stepUp.RequireProofForActAsync(caller, SensitiveAct.CloseAccount, proof, "password", ct);
        if (demanded.Value is not { User: var user } proven)
            return demanded.Failure!;

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        if (await proven.SpendAsync(ct) is { } spent)
            return spent;
        await revocation.ApplyAsync(SecurityEvent.AccountClosed, user.Id, null, ct);
        if (await db.Users.Where(u => u.Id == user.Id).ExecuteDeleteAsync(ct) == 0)
            return AuthError.SessionRevoked;
        db.ChangeTracker.Clear();
        await EraseLettersAsync(db, user, ct);
        if (user is { Email: not null, EmailConfirmed: true })
            outbox.Enqueue(EmailKind.AccountClosed, user.Email, caller);
        audit.Write(AuditEvent.AccountClosed, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Result.Done;
    }

    /// <summary>Nothing keeps the address of somebody who left: not old links, not emails sent or promised.</summary>
    internal static async Task EraseLettersAsync(AuthDbContext db, AuthUser user, CancellationToken ct)
    {
        await db.OneTimeTokens.Where(t => t.UserId == user.Id).ExecuteDeleteAsync(ct);
        await db.Outbox.Where(l => l.UserId == user.Id || l.To == user.NormalizedEmail).ExecuteDeleteAsync(ct);
    }
}
