using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Accounts;

/// <summary>
/// Moves an account to another address, once that address confirms.
/// Promises: the old address stays until then and is told; the last change asked for is the one that counts; nothing
/// is asked for without a proof made for this act.
/// Reveals: not whether the new address is somebody's. Kills, at the change: every one-time token of the account and
/// every session but the one that asked.
/// Sends: <see cref="EmailKind.ConfirmEmailChange"/> to the new address, <see cref="EmailKind.EmailChangeAsked"/> to
/// the old, then <see cref="EmailKind.EmailChanged"/> to both; <see cref="EmailKind.ResetPassword"/> where the
/// password is void (<see cref="VerifyEmail.IsVoid"/>).
/// Fails with: those of <see cref="Reauthenticate"/>, <see cref="AuthError.LinkInvalid"/>,
/// <see cref="AuthError.LinkExpired"/>, <see cref="AuthError.LinkUsed"/>, <see cref="AuthError.EmailTaken"/>.
/// </summary>
public sealed class ChangeEmail(
    AuthDbContext db,
    Reauthenticate stepUp,
    VerifyEmail verify,
    OneTimeTokens tokens,
    SessionStore sessions,
    Revocation revocation,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit
)
{
    /// <summary>
    /// Asks for the change, on a proof made for this act. The field for the password is <c>currentPassword</c>.
    /// </summary>
    public async Task<Result> RequestAsync(
        Caller caller,
        string? newEmail,
        Reauthentication proof,
        CancellationToken ct
    )
    {
        if (!EmailAddress.TryParse(newEmail, out var address))
            return AuthFailure.Shape("newEmail", FieldErrorCode.NotAnEmail);
        var account = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        if (account is null)
            return AuthError.SessionRevoked;
        if (address == account.NormalizedEmail)
            return AuthFailure.Shape("newEmail", FieldErrorCode.Same);
        var demanded = await stepUp.RequireProofForActAsync(
            caller,
            SensitiveAct.ChangeEmail,
            proof,
            "currentPassword",
            ct
        );
        if (demanded.Value is not { User: var user } proven)
            return demanded.Failure!;
        if (await throttle.TakeLetterAsync(caller, ct) is { } limited)
            return limited;
        if (await throttle.TakeChangeAsync(caller, ct) is { } tooMany)
            return tooMany;

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        // A reset that came while the password was compared has ended the session, and this change with it.
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        if (await proven.SpendAsync(ct) is { } spent)
            return spent;
        await tokens.KillAsync(user.Id, ct, TokenPurpose.ChangeEmail);
        outbox.Enqueue(EmailKind.ConfirmEmailChange, address, caller, user.Id, sessionId: caller.SessionId);
        if (user.Email is not null)
            outbox.Enqueue(
                EmailKind.EmailChangeAsked,
                user.Email,
                caller,
                user.Id,
                newAddress: address,
                state: new RevertibleChange.EmailChangeAsked().ToJson()
            );
        audit.Write(AuditEvent.EmailChangeAsked, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Result.Done;
    }

    /// <summary>What a link would do.</summary>
    /// <param name="Destination">The address that the account would have.</param>
    /// <param name="UserId">Whose account it is.</param>
    /// <param name="Asked">
    /// When, where and with what the change was asked for; null where whoever looks is signed in to the account.
    /// </param>
    /// <param name="PasswordVoid">
    /// Whether a new password is needed afterwards, because nothing that was set counts.
    /// </param>
    public sealed record ChangePreview(string Destination, string UserId, VerifyEmail.Origin? Asked, bool PasswordVoid);

    /// <summary>What a link would do, without doing it: mail scanners follow links.</summary>
    public async Task<Result<ChangePreview>> PreviewAsync(Caller caller, string? link, CancellationToken ct)
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.ChangeEmail, link, ct);
        if (found.Value is not { } token)
            return found.Failure!;
        var user = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == token.UserId, ct);
        if (user is null)
            return AuthError.LinkInvalid;
        VerifyEmail.Origin? asked = null;
        if (caller.UserId != user.Id)
        {
            var session = await db.Sessions.AsNoTracking().SingleOrDefaultAsync(s => s.Id == token.SessionId, ct);
            asked = new(token.CreatedAt, session?.Agent, session?.Address);
        }
        return new ChangePreview(
            token.Destination,
            user.Id,
            asked,
            VerifyEmail.IsVoid(caller, user, isFirstAddress: !user.EmailConfirmed)
        );
    }

    /// <summary>
    /// Whether a link has done its work: it works no more, and its account has the address. Told to who has the link.
    /// </summary>
    public async Task<bool> IsDoneAsync(Caller caller, string? link, CancellationToken ct) =>
        (await tokens.FindAnyAsync(caller, TokenPurpose.ChangeEmail, link, ct)).Value is { UsedAt: not null } token
        && await db.Users.AnyAsync(
            u => u.Id == token.UserId && u.NormalizedEmail == token.Destination && u.EmailConfirmed,
            ct
        );

    /// <summary>'Not me': the owner of the new address refuses it. The account stays as it is.</summary>
    public async Task<Result> RefuseAsync(Caller caller, string? link, CancellationToken ct)
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.ChangeEmail, link, ct);
        if (found.Value is not { } token)
            return found.Failure!;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.LockUserRowAsync(token.UserId, ct);
        if (!await tokens.SpendAsync(token, ct))
            return AuthError.LinkUsed;
        audit.Write(AuditEvent.EmailDisowned, Caller.Anonymous(caller.Address, caller.Agent), token.UserId);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Result.Done;
    }

    /// <summary>Makes the change. Whoever opens the link is not signed in by it.</summary>
    public async Task<Result<VerifyEmail.VerificationResult>> ConfirmAsync(
        Caller caller,
        string? link,
        CancellationToken ct
    )
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.ChangeEmail, link, ct);
        if (found.Value is not { } token)
            return found.Failure!;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.LockUserRowAsync(token.UserId, ct);
        if (!await tokens.SpendAsync(token, ct))
            return AuthError.LinkUsed;
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == token.UserId, ct);
        if (user is null)
            return AuthError.LinkInvalid;
        var (old, wasVerified) = (user.Email, user.EmailConfirmed);
        (user.Email, user.NormalizedEmail, user.EmailConfirmed) = (token.Destination, token.Destination, true);
        user.SecurityStamp = Guid.NewGuid().ToString();
        var isVoid = VerifyEmail.IsVoid(caller, user, isFirstAddress: !wasVerified);
        if (isVoid)
        {
            await verify.ResetUnverifiedAccountAsync(user, ct);
            outbox.Enqueue(EmailKind.ResetPassword, token.Destination, caller);
        }
        else
        {
            await revocation.ApplyAsync(SecurityEvent.EmailChanged, user.Id, token.SessionId, ct);
        }
        (user.IsAnonymous, user.ContestedAt) = (false, null);
        outbox.Enqueue(EmailKind.EmailChanged, token.Destination, caller, user.Id, newAddress: token.Destination);
        // Only the old address gets the means to take it back: who moved an account away must not undo with the new
        // mailbox. An address that nobody verified is told nothing: it may be somebody's who never heard of this site.
        if (old is not null && wasVerified)
            outbox.Enqueue(
                EmailKind.EmailChanged,
                old,
                caller,
                user.Id,
                newAddress: token.Destination,
                state: new RevertibleChange.EmailChanged(old, wasVerified).ToJson()
            );
        audit.Write(AuditEvent.EmailChanged, caller, user.Id);
        try
        {
            if (!await db.TrySaveAsync(ct))
                return AuthError.Conflict;
        }
        catch (DbUpdateException)
        {
            // The unique index decides, not a look before: the transaction ends here and nothing of it stays.
            await transaction.RollbackAsync(ct);
            db.ChangeTracker.Clear();
            if (await db.Users.AnyAsync(u => u.NormalizedEmail == token.Destination && u.Id != token.UserId, ct))
                return AuthError.EmailTaken;
            throw;
        }
        await transaction.CommitAsync(ct);
        return new VerifyEmail.VerificationResult(isVoid);
    }
}
