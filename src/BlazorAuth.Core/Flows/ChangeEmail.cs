using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Mail;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// Moves an account to another address, once that address confirms. Promises: the old address stays until then and is told;
/// the last change asked for is the one that counts; nothing is asked for without a proof made for this act. Reveals: not whether the new address is somebody's. Kills, at the change:
/// every one-time token of the account and every session but the one that asked. Sends: <see cref="LetterKind.ConfirmEmailChange"/>
/// to the new address, <see cref="LetterKind.EmailChangeAsked"/> to the old, then <see cref="LetterKind.EmailChanged"/> to both.
/// Refuses with: those of <see cref="StepUp"/>, <see cref="AuthError.LinkInvalid"/>, <see cref="AuthError.LinkExpired"/>,
/// <see cref="AuthError.LinkUsed"/>, <see cref="AuthError.EmailTaken"/>.
/// </summary>
public sealed class ChangeEmail(
    AuthDbContext db, StepUp stepUp, OneTimeTokens tokens, Sessions sessions, Throttle throttle, Outbox outbox, Audit audit)
{
    /// <summary>Asks for the change, on a proof made for this act. The field for the password is <c>currentPassword</c>.</summary>
    public async Task<Outcome> AskAsync(Caller caller, string? newEmail, Reauthentication proof, CancellationToken ct)
    {
        if (!EmailAddress.TryParse(newEmail, out var address)) return Refusal.Shape("newEmail", Fault.NotAnEmail);
        var account = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        if (account is null) return AuthError.SessionRevoked;
        if (address == account.NormalizedEmail) return Refusal.Shape("newEmail", Fault.Same);
        var demanded = await stepUp.DemandForActAsync(caller, SensitiveAct.ChangeEmail, proof, "currentPassword", ct);
        if (demanded.Value is not { User: var user } proven) return demanded.Refusal!;
        if (await throttle.TakeLetterAsync(caller, ct) is { } limited) return limited;
        if (await throttle.TakeAsync(caller, ct, (Budget.ChangesPerAccount, user.Id)) is { } tooMany) return tooMany;

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        // A reset that came while the password was compared has ended the session, and this change with it.
        if (!await sessions.HoldAsync(caller, ct)) return AuthError.SessionRevoked;
        if (await proven.SpendAsync(ct) is { } spent) return spent;
        await tokens.KillAsync(user.Id, ct, TokenPurpose.ChangeEmail);
        outbox.Promise(LetterKind.ConfirmEmailChange, address, caller, user.Id, sessionId: caller.SessionId);
        if (user.Email is not null)
            outbox.Promise(LetterKind.EmailChangeAsked, user.Email, caller, user.Id, newAddress: address, state: new Undoable.EmailChangeAsked().ToJson());
        audit.Write(AuditEvent.EmailChangeAsked, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Outcome.Done;
    }

    /// <summary>What a link would do, without doing it.</summary>
    public Task<Outcome<OneTimeToken>> LookAsync(string? link, CancellationToken ct) =>
        tokens.FindAsync(TokenPurpose.ChangeEmail, link, ct);

    /// <summary>Makes the change. Whoever opens the link is not signed in by it.</summary>
    public async Task<Outcome> ConfirmAsync(Caller caller, string? link, CancellationToken ct)
    {
        var found = await tokens.FindAsync(TokenPurpose.ChangeEmail, link, ct);
        if (found.Value is not { } token) return found.Refusal!;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.HoldAsync(token.UserId, ct);
        if (!await tokens.SpendAsync(token, ct)) return AuthError.LinkUsed;
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == token.UserId, ct);
        if (user is null) return AuthError.LinkInvalid;
        var (old, wasVerified) = (user.Email, user.EmailConfirmed);
        (user.Email, user.NormalizedEmail, user.EmailConfirmed) = (token.Destination, token.Destination, true);
        user.SecurityStamp = Guid.NewGuid().ToString();
        await tokens.KillAsync(user.Id, ct);
        // Whoever asked had no address yet, and who confirms is not signed in to their account: perhaps a stranger's, in the name of
        // this address. As after a sign-up nobody stays signed in; sessions and API keys end (pre-hijack).
        if (user.IsAnonymous && caller.UserId != user.Id) await sessions.EndAllAsync(user.Id, SessionEnd.EmailChanged, ct);
        else await sessions.EndOthersAsync(user.Id, token.SessionId, SessionEnd.EmailChanged, ct);
        user.IsAnonymous = false;
        outbox.Promise(LetterKind.EmailChanged, token.Destination, caller, user.Id, newAddress: token.Destination);
        // Only the old address gets the means to take it back: who moved an account away must not undo with the new mailbox.
        // An address that nobody verified is told nothing: it may be somebody's who never heard of this site.
        if (old is not null && wasVerified)
            outbox.Promise(LetterKind.EmailChanged, old, caller, user.Id, newAddress: token.Destination, state: new Undoable.EmailChanged(old, wasVerified).ToJson());
        audit.Write(AuditEvent.EmailChanged, caller, user.Id);
        try
        {
            if (!await db.TrySaveAsync(ct)) return AuthError.Conflict;
        }
        catch (DbUpdateException)
        {
            // The unique index decides, not a look before: the transaction ends here and nothing of it stays.
            await transaction.RollbackAsync(ct);
            db.ChangeTracker.Clear();
            if (await db.Users.AnyAsync(u => u.NormalizedEmail == token.Destination && u.Id != token.UserId, ct)) return AuthError.EmailTaken;
            throw;
        }
        await transaction.CommitAsync(ct);
        return Outcome.Done;
    }
}
