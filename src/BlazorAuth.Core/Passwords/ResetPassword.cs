using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Passwords;

/// <summary>
/// Sets a new password by mail.
/// Promises: asking does the same work for a known and an unknown address and changes nothing; a link works once.
/// Reveals: nothing.
/// Revokes: every session and every one-time token of the account (not what takes something back); what the address
/// was told before of other accounts; on an address never verified also whatever the registrant set. A second factor
/// of a verified account stays on (ASVS 6.4.3). Nobody is signed in by it.
/// Sends: <see cref="EmailKind.ResetPassword"/>, then <see cref="EmailKind.PasswordReset"/>.
/// Fails with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.LinkInvalid"/>, <see cref="AuthError.LinkExpired"/>, <see cref="AuthError.LinkUsed"/>,
/// <see cref="AuthError.WeakPassword"/>, <see cref="AuthError.CommonPassword"/>, <see cref="AuthError.Conflict"/>.
/// </summary>
public sealed class ResetPassword(
    AuthDbContext db,
    PasswordVerifier passwords,
    PasswordHashingLimiter gate,
    OneTimeTokens tokens,
    Revocation revocation,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit
)
{
    /// <summary>Asks for the email.</summary>
    public async Task<Result> RequestAsync(Caller caller, string? email, CancellationToken ct)
    {
        if (!EmailAddress.TryParse(email, out var address))
            return AuthFailure.Shape("email", FieldErrorCode.NotAnEmail);
        if (await throttle.TakeLetterAsync(caller, ct) is { } limited)
            return limited;
        outbox.Enqueue(EmailKind.ResetPassword, address, caller);
        await throttle.NoteAsync(Caller.Anonymous(caller.Address, caller.Agent), AuditEvent.PasswordResetAsked, ct);
        return Result.Done;
    }

    /// <summary>What a link would do, without doing it.</summary>
    public Task<Result<OneTimeToken>> PreviewAsync(Caller caller, string? link, CancellationToken ct) =>
        tokens.FindAsync(caller, TokenPurpose.ResetPassword, link, ct);

    /// <summary>Sets the password.</summary>
    public Task<Result> SetAsync(Caller caller, string? link, string? newPassword, CancellationToken ct) =>
        SetAsync(caller, TokenPurpose.ResetPassword, link, newPassword, ct);

    /// <summary>
    /// Sets the password with the link of an email that verifies the address: whoever opens it may choose one, as with
    /// a reset link, and what somebody else set on the account is void in the same way.
    /// </summary>
    public Task<Result> SetFirstAsync(Caller caller, string? link, string? newPassword, CancellationToken ct) =>
        SetAsync(caller, TokenPurpose.VerifyEmail, link, newPassword, ct);

    private async Task<Result> SetAsync(
        Caller caller,
        TokenPurpose purpose,
        string? link,
        string? newPassword,
        CancellationToken ct
    )
    {
        var found = await tokens.FindAsync(caller, purpose, link, ct);
        if (found.Value is not { } token)
            return found.Failure!;
        var user = await db.Users.SingleOrDefaultAsync(
            u => u.Id == token.UserId && u.NormalizedEmail == token.Destination,
            ct
        );
        if (user is null)
            return AuthError.LinkInvalid;
        if (passwords.Judge(newPassword, "newPassword", user.Email, user.ChosenUserName) is { } weak)
            return weak;

        using (var place = gate.TryAcquire(caller))
        {
            if (place is null)
                return PasswordHashingLimiter.Rejected;
            // hashed before the transaction: nobody waits for it
            await passwords.SetAsync(place, user, newPassword!, ct);
        }
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await db.LockUserRowAsync(user.Id, ct))
            return AuthError.LinkInvalid;
        if (!await tokens.SpendAsync(token, ct))
            return AuthError.LinkUsed;
        if (!user.EmailConfirmed)
        {
            // Whoever registered never showed that the address is theirs; its owner is here now (pre-hijack).
            user.ClearProfile();
            await SignInMethods.RemoveCredentialsAsync(db, user.Id, ct);
            (user.EmailConfirmed, user.ContestedAt) = (true, null);
            await tokens.KillEverythingAsync(user.Id, ct);
        }
        await tokens.KillUndoOfOthersAsync(user.NormalizedEmail!, user.Id, ct);
        user.WrongCodes = 0;
        await revocation.ApplyAsync(SecurityEvent.PasswordReset, user.Id, null, ct);
        outbox.Enqueue(EmailKind.PasswordReset, user.Email!, caller, user.Id);
        audit.Write(AuditEvent.PasswordReset, Caller.Anonymous(caller.Address, caller.Agent), user.Id);
        if (!await db.TrySaveAsync(ct))
            return AuthError.Conflict;
        await transaction.CommitAsync(ct);
        await throttle.ClearAsync(Budget.SignInPerAccount, user.Id, ct);
        return Result.Done;
    }
}
