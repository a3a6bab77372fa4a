using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Mail;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// Sets a new password by mail. Promises: asking does the same work for a known and an unknown address and changes nothing;
/// a link works once. Reveals: nothing. Kills: every session and every one-time token of the account (not what takes
/// something back); what the address was told before of other accounts; on an address never verified also whatever the registrant set. A second factor of a verified account stays on (ASVS 6.4.3). Nobody is signed in by it. Sends: <see cref="LetterKind.ResetPassword"/>, then
/// <see cref="LetterKind.PasswordReset"/>.
/// Refuses with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>, <see cref="AuthError.LinkInvalid"/>,
/// <see cref="AuthError.LinkExpired"/>, <see cref="AuthError.LinkUsed"/>, <see cref="AuthError.WeakPassword"/>, <see cref="AuthError.CommonPassword"/>,
/// <see cref="AuthError.Conflict"/>.
/// </summary>
public sealed class ResetPassword(
    AuthDbContext db, Passwords passwords, HashingGate gate, OneTimeTokens tokens, RememberedDevices devices,
    Sessions sessions, Throttle throttle, Outbox outbox, Audit audit)
{
    /// <summary>Asks for the letter.</summary>
    public async Task<Outcome> AskAsync(Caller caller, string? email, CancellationToken ct)
    {
        if (!EmailAddress.TryParse(email, out var address)) return Refusal.Shape("email", Fault.NotAnEmail);
        if (await throttle.TakeLetterAsync(caller, ct) is { } limited) return limited;
        outbox.Promise(LetterKind.ResetPassword, address, caller);
        await throttle.NoteAsync(Caller.Anonymous(caller.Address, caller.Agent), AuditEvent.PasswordResetAsked, ct);
        return Outcome.Done;
    }

    /// <summary>What a link would do, without doing it.</summary>
    public Task<Outcome<OneTimeToken>> LookAsync(Caller caller, string? link, CancellationToken ct) =>
        tokens.FindAsync(caller, TokenPurpose.ResetPassword, link, ct);

    /// <summary>Sets the password.</summary>
    public Task<Outcome> SetAsync(Caller caller, string? link, string? newPassword, CancellationToken ct) =>
        SetAsync(caller, TokenPurpose.ResetPassword, link, newPassword, ct);

    /// <summary>
    /// Sets the password with the link of a letter that verifies the address: whoever opens it may choose one, as with a reset link,
    /// and what somebody else set on the account is void in the same way.
    /// </summary>
    public Task<Outcome> SetFirstAsync(Caller caller, string? link, string? newPassword, CancellationToken ct) =>
        SetAsync(caller, TokenPurpose.VerifyEmail, link, newPassword, ct);

    private async Task<Outcome> SetAsync(Caller caller, TokenPurpose purpose, string? link, string? newPassword, CancellationToken ct)
    {
        var found = await tokens.FindAsync(caller, purpose, link, ct);
        if (found.Value is not { } token) return found.Refusal!;
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == token.UserId && u.NormalizedEmail == token.Destination, ct);
        if (user is null) return AuthError.LinkInvalid;
        if (passwords.Judge(newPassword, "newPassword", user.Email, user.ChosenUserName) is { } weak) return weak;

        using (var place = gate.Enter(caller))
        {
            if (place is null) return HashingGate.Full;
            await passwords.SetAsync(place, user, newPassword!, ct); // hashed before the transaction: nobody waits for it
        }
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await db.HoldAsync(user.Id, ct)) return AuthError.LinkInvalid;
        if (!await tokens.SpendAsync(token, ct)) return AuthError.LinkUsed;
        if (!user.EmailConfirmed)
        {
            // Whoever registered never showed that the address is theirs; its owner is here now (pre-hijack).
            user.VoidProfile();
            await WaysIn.StripAsync(db, user.Id, ct);
            (user.EmailConfirmed, user.ContestedAt) = (true, null);
            await tokens.KillEverythingAsync(user.Id, ct);
        }
        await tokens.KillUndoOfOthersAsync(user.NormalizedEmail!, user.Id, ct);
        user.WrongCodes = 0;
        await tokens.KillAsync(user.Id, ct);
        await devices.ForgetAllAsync(user.Id, ct);
        await sessions.EndAllAsync(user.Id, SessionEnd.PasswordReset, ct);
        outbox.Promise(LetterKind.PasswordReset, user.Email!, caller, user.Id);
        audit.Write(AuditEvent.PasswordReset, Caller.Anonymous(caller.Address, caller.Agent), user.Id);
        if (!await db.TrySaveAsync(ct)) return AuthError.Conflict;
        await transaction.CommitAsync(ct);
        await throttle.ClearAsync(Budget.SignInPerAccount, user.Id, ct);
        return Outcome.Done;
    }
}
