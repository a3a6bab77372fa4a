using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Mail;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// Proves that an account's address is its owner's. Promises: one letter, one use, by link or by the six digits beside it.
/// Reveals: nothing about an address; asking does the same work for any. Kills: the account's other verify links; where several
/// signed up with the address, everything they set, unless who verifies is signed in to it; a disowned account wholly.
/// Sends: <see cref="LetterKind.VerifyEmail"/>; <see cref="LetterKind.ResetPassword"/> where the password is void.
/// Refuses with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.LinkInvalid"/>, <see cref="AuthError.LinkExpired"/>, <see cref="AuthError.LinkUsed"/>, <see cref="AuthError.Conflict"/>.
/// </summary>
public sealed class VerifyEmail(AuthDbContext db, OneTimeTokens tokens, Sessions sessions, Throttle throttle, Outbox outbox, Audit audit)
{
    /// <summary>The address is verified.</summary>
    /// <param name="PasswordVoid">Whether several had signed up with it, so that a letter to choose a password is on its way.</param>
    public sealed record Verified(bool PasswordVoid);

    /// <summary>Asks for the letter, again.</summary>
    public async Task<Outcome> SendAsync(Caller caller, string? email, CancellationToken ct)
    {
        if (!EmailAddress.TryParse(email, out var address)) return Refusal.Shape("email", Fault.NotAnEmail);
        if (await throttle.TakeLetterAsync(caller, ct) is { } limited) return limited;
        outbox.Promise(LetterKind.VerifyEmail, address, caller);
        await db.SaveChangesAsync(ct);
        return Outcome.Done;
    }

    /// <summary>What a link would do, without doing it: mail scanners follow links.</summary>
    public Task<Outcome<OneTimeToken>> LookAsync(string? link, CancellationToken ct) =>
        tokens.FindAsync(TokenPurpose.VerifyEmail, link, ct);

    /// <summary>Verifies by the link.</summary>
    public async Task<Outcome<Verified>> ConfirmAsync(Caller caller, string? link, CancellationToken ct)
    {
        var found = await tokens.FindAsync(TokenPurpose.VerifyEmail, link, ct);
        return found.Value is { } token ? await SpendAsync(caller, token, ct) : found.Refusal!;
    }

    /// <summary>Verifies by the code of the letter. Unknown address, wrong code and used-up attempts are one answer.</summary>
    public async Task<Outcome<Verified>> ConfirmCodeAsync(Caller caller, string? email, string? code, CancellationToken ct)
    {
        if (!EmailAddress.TryParse(email, out var address)) return Refusal.Shape("email", Fault.NotAnEmail);
        if (string.IsNullOrWhiteSpace(code)) return Refusal.Shape("code", Fault.Required);
        if (await throttle.TakeAsync(caller, ct, (Budget.SignInPerAddress, Throttle.Network(caller))) is { } limited) return limited;
        var token = await tokens.FindByCodeAsync(TokenPurpose.VerifyEmail, address, code, ct);
        if (token is null)
        {
            var nobody = Caller.Anonymous(caller.Address, caller.Agent);
            await tokens.StopCodesAsync(nobody, address, ct);
            await throttle.NoteAsync(nobody, AuditEvent.CodeRefused, ct, reason: AuthError.LinkInvalid);
            return Refusal.Of(AuthError.LinkInvalid, "code", Fault.Wrong);
        }
        await throttle.ReturnAsync(Budget.SignInPerAddress, Throttle.Network(caller), ct);
        return await SpendAsync(caller, token, ct);
    }

    /// <summary>
    /// 'I did not sign up': the owner of the address removes an account that a stranger made with it, and everything set on it.
    /// </summary>
    public async Task<Outcome> DisownAsync(Caller caller, string? link, CancellationToken ct)
    {
        var found = await tokens.FindAsync(TokenPurpose.VerifyEmail, link, ct);
        if (found.Value is not { } token) return found.Refusal!;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.HoldAsync(token.UserId, ct);
        if (!await tokens.SpendAsync(token, ct)) return AuthError.LinkUsed;
        await tokens.KillAsync(token.UserId, ct);
        if (await db.Users.Where(u => u.Id == token.UserId && !u.EmailConfirmed).ExecuteDeleteAsync(ct) == 1)
            await sessions.EraseAllAsync(token.UserId, SessionEnd.Disowned, ct);
        audit.Write(AuditEvent.EmailDisowned, caller, token.UserId);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Outcome.Done;
    }

    private async Task<Outcome<Verified>> SpendAsync(Caller caller, OneTimeToken token, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.HoldAsync(token.UserId, ct);
        if (!await tokens.SpendAsync(token, ct)) return AuthError.LinkUsed;
        await tokens.KillAsync(token.UserId, ct, TokenPurpose.VerifyEmail);
        // Bound to the address it was sent to: an account that has moved on is not verified by an old letter.
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == token.UserId && u.NormalizedEmail == token.Destination, ct);
        if (user is null) return AuthError.LinkInvalid;
        (user.EmailConfirmed, user.WrongCodes) = (true, 0);
        var verified = new Verified(PasswordVoid: user.ContestedAt is not null && caller.UserId != user.Id);
        if (verified.PasswordVoid)
        {
            // Whoever opens the letter has not shown to be any of those who signed up: a password is chosen by mail.
            await VoidAsync(user, ct);
            outbox.Promise(LetterKind.ResetPassword, user.NormalizedEmail!, caller);
        }
        user.ContestedAt = null;
        audit.Write(AuditEvent.EmailVerified, caller, user.Id);
        if (!await db.TrySaveAsync(ct)) return AuthError.Conflict;
        await transaction.CommitAsync(ct);
        return verified;
    }

    /// <summary>
    /// Takes from an account all that was set on it before its owner came: nothing that a stranger put there may open anything
    /// (pre-hijack, PocketBase CVE-2024-38351). Call it inside the transaction that verifies the address; saved by the caller.
    /// </summary>
    internal async Task VoidAsync(AuthUser user, CancellationToken ct)
    {
        (user.PasswordHash, user.SecurityStamp, user.ContestedAt) = (null, Guid.NewGuid().ToString(), null);
        user.VoidProfile();
        await WaysIn.StripAsync(db, user.Id, ct);
        await tokens.KillAsync(user.Id, ct);
        await sessions.EndAllAsync(user.Id, SessionEnd.Disowned, ct);
    }
}
