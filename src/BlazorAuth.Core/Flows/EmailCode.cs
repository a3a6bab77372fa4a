using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Mail;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// Signs in by a letter: six digits for where it was asked for, or its link, anywhere and knowingly. Promises: asking does the same work
/// and gives the same answer for any address; a code counts only beside the ticket of its own letter, five tries and ten minutes, and
/// twenty wrong ones in a row stop all codes of the account; code and link are used up together. Reveals: that an account is locked or has a second factor, only to who has the letter. Kills: the
/// code and link of an older letter, at asking; on an address never verified, whatever the registrant set, as a reset does, because
/// who reads the letter is its owner. Sends: <see cref="LetterKind.SignInCode"/>.
/// Refuses with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>, <see cref="AuthError.TicketExpired"/>,
/// <see cref="AuthError.LinkInvalid"/>, <see cref="AuthError.LinkExpired"/>, <see cref="AuthError.LinkUsed"/>,
/// <see cref="AuthError.AccountLocked"/>, <see cref="AuthError.Conflict"/>, those of <see cref="SignIn"/>.
/// </summary>
public sealed class EmailCode(
    AuthDbContext db, SignIn signIn, VerifyEmail verify, OneTimeTokens tokens, Throttle throttle, Outbox outbox, Audit audit, TimeProvider time)
{
    /// <summary>The session that is wanted, and the cookie of a browser that the second factor is not asked for in.</summary>
    public sealed record Wish(SessionKind Door, bool Persistent = false, Dialect? Dialect = null, string? RememberedDevice = null);

    /// <summary>What a link would open, and whether it was asked for by the holder of the ticket.</summary>
    public sealed record Look(string Address, bool AskedHere);

    /// <summary>Asks for the letter. The ticket is for whoever asks, and opens nothing alone.</summary>
    public async Task<Outcome<string>> AskAsync(Caller caller, string? email, CancellationToken ct)
    {
        if (!EmailAddress.TryParse(email, out var address)) return Refusal.Shape("email", Fault.NotAnEmail);
        if (await throttle.TakeLetterAsync(caller, ct) is { } limited) return limited;
        var now = time.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        // An older letter that is still on its way would else come after this one, and kill the code in it.
        await db.Outbox.Where(l => l.To == address && l.Kind == LetterKind.SignInCode && l.DoneAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(l => l.DoneAt, now), ct);
        var (token, ticket) = tokens.Issue(TokenPurpose.EmailCodeTicket, "", address, null);
        outbox.Promise(LetterKind.SignInCode, address, caller, state: token.Id);
        await throttle.NoteAsync(Nobody(caller), AuditEvent.EmailCodeAsked, ct);
        await transaction.CommitAsync(ct);
        return ticket;
    }

    /// <summary>Signs in by the code. Wrong, of another letter, to nobody, used or too old: one answer.</summary>
    public async Task<SignInOutcome> VerifyAsync(Caller caller, string? ticket, string? code, Wish wish, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(code)) return Refused(Refusal.Shape("code", Fault.Required));
        if (await throttle.TakeAsync(caller, ct, (Budget.SignInPerAddress, Throttle.Network(caller))) is { } limited) return Refused(limited);
        var found = await tokens.FindCountedAsync(caller, TokenPurpose.EmailCodeTicket, ticket, ct);
        if (found.Value is not { } asked) return Refused(found.Refusal!);
        if (await tokens.FindByCodeAsync(TokenPurpose.EmailCode, asked.Destination, code, ct, state: asked.Id) is not { } letter)
        {
            await tokens.StopCodesAsync(Nobody(caller), asked.Destination, ct);
            await throttle.NoteAsync(Nobody(caller), AuditEvent.CodeRefused, ct, reason: AuthError.LinkInvalid);
            return Refused(Refusal.Of(AuthError.LinkInvalid, "code", Fault.Wrong));
        }
        await throttle.ReturnAsync(Budget.SignInPerAddress, Throttle.Network(caller), ct);
        return await BeginAsync(caller, letter, wish, ct);
    }

    /// <summary>What a link would do, without doing it: mail scanners follow links.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="link">The secret of the link.</param>
    /// <param name="ticket">That of whoever opens it, where they asked for a letter of late.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<Outcome<Look>> LookAsync(Caller caller, string? link, string? ticket, CancellationToken ct)
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.EmailCode, link, ct);
        if (found.Value is not { } letter) return found.Refusal!;
        var asked = (await tokens.FindAsync(caller, TokenPurpose.EmailCodeTicket, ticket, ct)).Value;
        return new Look(letter.Destination, asked?.Id == letter.State);
    }

    /// <summary>Signs in by the link.</summary>
    public async Task<SignInOutcome> OpenAsync(Caller caller, string? link, Wish wish, CancellationToken ct)
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.EmailCode, link, ct);
        return found.Value is { } letter ? await BeginAsync(caller, letter, wish, ct) : Refused(found.Refusal!);
    }

    private async Task<SignInOutcome> BeginAsync(Caller caller, OneTimeToken letter, Wish wish, CancellationToken ct)
    {
        // Bound to the address it was sent to: an account that has moved on is not opened by an old letter.
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == letter.UserId && u.NormalizedEmail == letter.Destination, ct);
        if (user is null) return Refused(AuthError.LinkInvalid);
        var proof = new SignIn.Proof(user, "otp", wish.Door, wish.Persistent, wish.Dialect, wish.RememberedDevice, OfAddress: true);
        return await signIn.BeginAsync(caller, proof, () => SpendAsync(caller, letter, user, ct), ct);
    }

    private async Task<Refusal?> SpendAsync(Caller caller, OneTimeToken letter, AuthUser user, CancellationToken ct)
    {
        if (!await tokens.SpendAsync(letter, ct)) return AuthError.LinkUsed;
        if (await db.OneTimeTokens.AsNoTracking().SingleOrDefaultAsync(t => t.Id == letter.State, ct) is { } ticket) await tokens.SpendAsync(ticket, ct);
        if (user.EmailConfirmed) return null;
        // Whoever registered never showed that the address is theirs; its owner is here now (pre-hijack). Before the session begins,
        // and whoever asks: a browser may have been signed in to the account by the stranger.
        await verify.VoidAsync(user, ct);
        user.EmailConfirmed = true;
        audit.Write(AuditEvent.EmailVerified, Nobody(caller), user.Id);
        return await db.TrySaveAsync(ct) ? null : AuthError.Conflict;
    }

    // Nothing that is asked for in an address's name is written down to whoever asks.
    private static Caller Nobody(Caller caller) => Caller.Anonymous(caller.Address, caller.Agent);

    private static SignInOutcome.Refused Refused(Refusal refusal) => new(refusal);
}
