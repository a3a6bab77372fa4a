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
/// Proves that an account's address is its owner's.
/// Promises: one email, one use, by link or by the six digits beside it.
/// Reveals: nothing about an address; asking does the same work for any. To who has the link: when, where and with
/// what the account was made.
/// Revokes: the account's other verify links; what <see cref="IsVoid"/> says is void; everything older, where a new
/// password is wanted; a disowned account wholly.
/// Sends: <see cref="EmailKind.VerifyEmail"/>; <see cref="EmailKind.ResetPassword"/> where the password is void.
/// Fails with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.LinkInvalid"/>, <see cref="AuthError.LinkExpired"/>, <see cref="AuthError.LinkUsed"/>,
/// <see cref="AuthError.Conflict"/>.
/// </summary>
public sealed class VerifyEmail(
    AuthDbContext db,
    OneTimeTokens tokens,
    Revocation revocation,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit
)
{
    /// <summary>The address is verified.</summary>
    /// <param name="PasswordVoid">
    /// Whether nothing that was set counts, so that an email to choose a password is on its way.
    /// </param>
    /// <param name="ResetLink">
    /// The secret that sets a new password, where one was wanted; nothing that was set before counts.
    /// </param>
    public sealed record VerificationResult(bool PasswordVoid, string? ResetLink = null);

    /// <summary>When, with what and from where something was done.</summary>
    /// <param name="At">When.</param>
    /// <param name="Agent">The raw user agent; text of whoever did it.</param>
    /// <param name="Address">The network address.</param>
    public sealed record Origin(DateTimeOffset At, string? Agent, string? Address);

    /// <summary>What a link would do.</summary>
    /// <param name="Address">The address that it verifies.</param>
    /// <param name="UserId">Whose account it is.</param>
    /// <param name="Made">How the account was made; null where whoever looks is signed in to it.</param>
    /// <param name="PasswordVoid">
    /// Whether nothing that was set will count, because several signed up with the address.
    /// </param>
    public sealed record VerificationPreview(string Address, string UserId, Origin? Made, bool PasswordVoid);

    /// <summary>
    /// The one rule of what is kept of an account when the owner of its mailbox comes (ADR 0009). What was set is void
    /// where whoever comes is not signed in to the account, and it is more than a guess that somebody else set it:
    /// several signed up with the address; or the account, which never had an address that was verified, asked for this
    /// one from inside a session. Otherwise password and sessions stay: people open the link on another device than the
    /// one they signed up on.
    /// </summary>
    /// <param name="caller">Who comes.</param>
    /// <param name="user">The account, as it was before.</param>
    /// <param name="isFirstAddress">
    /// Whether a change of address gives the account the first address that is verified.
    /// </param>
    internal static bool IsVoid(Caller caller, AuthUser user, bool isFirstAddress = false) =>
        caller.UserId != user.Id && (user.ContestedAt is not null || isFirstAddress);

    /// <summary>Asks for the email, again.</summary>
    public async Task<Result> SendAsync(Caller caller, string? email, CancellationToken ct)
    {
        if (!EmailAddress.TryParse(email, out var address))
            return AuthFailure.Shape("email", FieldErrorCode.NotAnEmail);
        if (await throttle.TakeLetterAsync(caller, ct) is { } limited)
            return limited;
        outbox.Enqueue(EmailKind.VerifyEmail, address, caller);
        await db.SaveChangesAsync(ct);
        return Result.Done;
    }

    /// <summary>What a link would do, without doing it: mail scanners follow links.</summary>
    public async Task<Result<VerificationPreview>> PreviewAsync(Caller caller, string? link, CancellationToken ct)
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.VerifyEmail, link, ct);
        if (found.Value is not { } token)
            return found.Failure!;
        var user = await db
            .Users.AsNoTracking()
            .SingleOrDefaultAsync(u => u.Id == token.UserId && u.NormalizedEmail == token.Destination, ct);
        if (user is null)
            return AuthError.LinkInvalid;
        var isOwn = caller.UserId == user.Id;
        return new VerificationPreview(
            token.Destination,
            user.Id,
            isOwn ? null : await MadeAsync(user, ct),
            IsVoid(caller, user)
        );
    }

    /// <summary>
    /// Whether there is nothing left to do for a link: it works no more, and its address is verified. Told to who has
    /// the link.
    /// </summary>
    public async Task<bool> IsDoneAsync(Caller caller, string? link, CancellationToken ct) =>
        (await tokens.FindAnyAsync(caller, TokenPurpose.VerifyEmail, link, ct)).Value is { } token
        && await db.Users.AnyAsync(
            u => u.Id == token.UserId && u.NormalizedEmail == token.Destination && u.EmailConfirmed,
            ct
        );

    // The audit knows; an account that is older than it has only its date.
    private async Task<Origin> MadeAsync(AuthUser user, CancellationToken ct)
    {
        var entry = await db
            .AuditEntries.AsNoTracking()
            .Where(e => e.UserId == user.Id && (e.Event == AuditEvent.Registered || e.Event == AuditEvent.Upgraded))
            .OrderByDescending(e => e.Id)
            .FirstOrDefaultAsync(ct);
        return new(entry?.At ?? user.CreatedAt, entry?.Agent, entry?.Address);
    }

    /// <summary>Verifies by the link, and keeps what <see cref="IsVoid"/> does not say is void.</summary>
    public Task<Result<VerificationResult>> ConfirmAsync(Caller caller, string? link, CancellationToken ct) =>
        ConfirmAsync(caller, link, newPassword: false, ct);

    /// <summary>Verifies by the link.</summary>
    /// <param name="caller">Who opened it.</param>
    /// <param name="link">The secret of the link.</param>
    /// <param name="newPassword">
    /// Whether everything that was set before ends, and a new password is set with the link that is returned.
    /// </param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<Result<VerificationResult>> ConfirmAsync(
        Caller caller,
        string? link,
        bool newPassword,
        CancellationToken ct
    )
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.VerifyEmail, link, ct);
        return found.Value is { } token ? await SpendAsync(caller, token, newPassword, ct) : found.Failure!;
    }

    /// <summary>
    /// Verifies by the code of the email. Unknown address, wrong code and used-up attempts are one answer.
    /// </summary>
    public async Task<Result<VerificationResult>> ConfirmCodeAsync(
        Caller caller,
        string? email,
        string? code,
        CancellationToken ct
    )
    {
        if (!EmailAddress.TryParse(email, out var address))
            return AuthFailure.Shape("email", FieldErrorCode.NotAnEmail);
        if (string.IsNullOrWhiteSpace(code))
            return AuthFailure.Shape("code", FieldErrorCode.Required);
        if (await throttle.TakeAsync(caller, ct, (Budget.SignInPerAddress, Throttle.Network(caller))) is { } limited)
            return limited;
        var token = await tokens.FindByCodeAsync(TokenPurpose.VerifyEmail, address, code, ct);
        if (token is null)
        {
            var nobody = Caller.Anonymous(caller.Address, caller.Agent);
            await tokens.StopCodesAsync(nobody, address, ct);
            await throttle.NoteAsync(nobody, AuditEvent.CodeRefused, ct, reason: AuthError.LinkInvalid);
            return AuthFailure.Of(AuthError.LinkInvalid, "code", FieldErrorCode.Wrong);
        }
        await throttle.ReturnAsync(Budget.SignInPerAddress, Throttle.Network(caller), ct);
        return await SpendAsync(caller, token, newPassword: false, ct);
    }

    /// <summary>
    /// 'I did not sign up': the owner of the address removes an account that a stranger made with it, and everything
    /// set on it.
    /// </summary>
    public async Task<Result> DisownAsync(Caller caller, string? link, CancellationToken ct)
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.VerifyEmail, link, ct);
        if (found.Value is not { } token)
            return found.Failure!;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.LockUserRowAsync(token.UserId, ct);
        if (!await tokens.SpendAsync(token, ct))
            return AuthError.LinkUsed;
        await tokens.KillAsync(token.UserId, ct);
        if (await db.Users.Where(u => u.Id == token.UserId && !u.EmailConfirmed).ExecuteDeleteAsync(ct) == 1)
            await revocation.ApplyAsync(SecurityEvent.RegistrationRejected, token.UserId, null, ct);
        audit.Write(AuditEvent.EmailDisowned, caller, token.UserId);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Result.Done;
    }

    private async Task<Result<VerificationResult>> SpendAsync(
        Caller caller,
        OneTimeToken token,
        bool newPassword,
        CancellationToken ct
    )
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.LockUserRowAsync(token.UserId, ct);
        if (!await tokens.SpendAsync(token, ct))
            return AuthError.LinkUsed;
        await tokens.KillAsync(token.UserId, ct, TokenPurpose.VerifyEmail);
        // Bound to the address it was sent to: an account that has moved on is not verified by an old email.
        var user = await db.Users.SingleOrDefaultAsync(
            u => u.Id == token.UserId && u.NormalizedEmail == token.Destination,
            ct
        );
        if (user is null)
            return AuthError.LinkInvalid;
        (user.EmailConfirmed, user.WrongCodes) = (true, 0);
        var verified = new VerificationResult(PasswordVoid: IsVoid(caller, user));
        // Whoever opens the email has not shown to be any of those who signed up.
        if (verified.PasswordVoid)
            await ResetUnverifiedAccountAsync(user, ct);
        else if (newPassword)
            await EndOlderAsync(user, ct);
        if (newPassword)
            verified = new VerificationResult(
                false,
                tokens.Issue(TokenPurpose.ResetPassword, user.Id, user.NormalizedEmail!, null).Ticket
            );
        else if (verified.PasswordVoid)
            outbox.Enqueue(EmailKind.ResetPassword, user.NormalizedEmail!, caller);
        user.ContestedAt = null;
        audit.Write(AuditEvent.EmailVerified, caller, user.Id);
        if (!await db.TrySaveAsync(ct))
            return AuthError.Conflict;
        await transaction.CommitAsync(ct);
        return verified;
    }

    /// <summary>
    /// Takes from an account all that was set on it before its owner came: nothing that a stranger put there may open
    /// anything (pre-hijack, PocketBase CVE-2024-38351). Call it inside the transaction that verifies the address;
    /// saved by the caller.
    /// </summary>
    internal async Task ResetUnverifiedAccountAsync(AuthUser user, CancellationToken ct)
    {
        (user.PasswordHash, user.SecurityStamp, user.ContestedAt) = (null, Guid.NewGuid().ToString(), null);
        user.ClearProfile();
        await SignInMethods.RemoveCredentialsAsync(db, user.Id, ct);
        await revocation.ApplyAsync(SecurityEvent.RegistrationTakenOver, user.Id, null, ct);
    }

    // The account is theirs, and so is its profile. What opens it was made on another device, and they want none of it.
    private async Task EndOlderAsync(AuthUser user, CancellationToken ct)
    {
        (user.PasswordHash, user.SecurityStamp) = (null, Guid.NewGuid().ToString());
        await SignInMethods.RemoveCredentialsAsync(db, user.Id, ct);
        await revocation.ApplyAsync(SecurityEvent.OlderCredentialsEnded, user.Id, null, ct);
    }
}
