using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.SignIn;

/// <summary>
/// Signs in by an email: six digits for where it was asked for, or its link, anywhere and knowingly.
/// Promises: asking does the same work and gives the same answer for any address; a code counts only beside the
/// ticket of its own email, five tries and ten minutes, and twenty wrong ones in a row stop all codes of the
/// account; code and link are used up together.
/// Reveals: that an account is locked or has a second factor, only to who has the email.
/// Revokes: the code and link of an older email, at asking; on an address never verified, whatever the registrant
/// set, as a reset does, because who reads the email is its owner.
/// Sends: <see cref="EmailKind.SignInCode"/>.
/// Fails with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.TicketExpired"/>, <see cref="AuthError.LinkInvalid"/>, <see cref="AuthError.LinkExpired"/>,
/// <see cref="AuthError.LinkUsed"/>, <see cref="AuthError.AccountLocked"/>, <see cref="AuthError.Conflict"/>, those
/// of <see cref="SignInWithPassword"/>.
/// </summary>
public sealed class SignInWithEmailCode(
    AuthDbContext db,
    SignInWithPassword signIn,
    VerifyEmail verify,
    OneTimeTokens tokens,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit,
    TimeProvider time
)
{
    /// <summary>
    /// The session that is wanted, and the cookie of a browser that the second factor is not asked for in.
    /// </summary>
    public sealed record SessionRequest(
        SessionKind Door,
        bool Persistent = false,
        Dialect? Dialect = null,
        string? TrustedDevice = null
    );

    /// <summary>What a link would open, and whether it was asked for by the holder of the ticket.</summary>
    public sealed record CodePreview(string Address, bool AskedHere);

    /// <summary>Asks for the email. The ticket is for whoever asks, and opens nothing alone.</summary>
    public async Task<Result<string>> RequestAsync(Caller caller, string? email, CancellationToken ct)
    {
        if (!EmailAddress.TryParse(email, out var address))
            return AuthFailure.Shape("email", FieldErrorCode.NotAnEmail);
        if (await throttle.TakeLetterAsync(caller, ct) is { } limited)
            return limited;
        var now = time.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        // An older email that is still on its way would else come after this one, and kill the code in it.
        await db
            .Outbox.Where(l => l.To == address && l.Kind == EmailKind.SignInCode && l.DoneAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(l => l.DoneAt, now), ct);
        var (token, ticket) = tokens.Issue(TokenPurpose.EmailCodeTicket, "", address, null);
        outbox.Enqueue(EmailKind.SignInCode, address, caller, state: token.Id);
        await throttle.NoteAsync(Nobody(caller), AuditEvent.EmailCodeAsked, ct);
        await transaction.CommitAsync(ct);
        return ticket;
    }

    /// <summary>Signs in by the code. Wrong, of another email, to nobody, used or too old: one answer.</summary>
    public async Task<SignInOutcome> VerifyAsync(
        Caller caller,
        string? ticket,
        string? code,
        SessionRequest wish,
        CancellationToken ct
    )
    {
        if (string.IsNullOrWhiteSpace(code))
            return Refused(AuthFailure.Shape("code", FieldErrorCode.Required));
        if (await throttle.TakeAsync(caller, ct, (Budget.SignInPerAddress, Throttle.Network(caller))) is { } limited)
            return Refused(limited);
        var found = await tokens.FindCountedAsync(caller, TokenPurpose.EmailCodeTicket, ticket, ct);
        if (found.Value is not { } asked)
            return Refused(found.Failure!);
        if (
            await tokens.FindByCodeAsync(TokenPurpose.EmailCode, asked.Destination, code, ct, state: asked.Id)
            is not { } letter
        )
        {
            await tokens.StopCodesAsync(Nobody(caller), asked.Destination, ct);
            await throttle.NoteAsync(Nobody(caller), AuditEvent.CodeRefused, ct, reason: AuthError.LinkInvalid);
            return Refused(AuthFailure.Of(AuthError.LinkInvalid, "code", FieldErrorCode.Wrong));
        }
        await throttle.ReturnAsync(Budget.SignInPerAddress, Throttle.Network(caller), ct);
        return await BeginAsync(caller, letter, wish, ct);
    }

    /// <summary>What a link would do, without doing it: mail scanners follow links.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="link">The secret of the link.</param>
    /// <param name="ticket">That of whoever opens it, where they asked for an email of late.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<Result<CodePreview>> PreviewAsync(
        Caller caller,
        string? link,
        string? ticket,
        CancellationToken ct
    )
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.EmailCode, link, ct);
        if (found.Value is not { } letter)
            return found.Failure!;
        var asked = (await tokens.FindAsync(caller, TokenPurpose.EmailCodeTicket, ticket, ct)).Value;
        return new CodePreview(letter.Destination, asked?.Id == letter.State);
    }

    /// <summary>Signs in by the link.</summary>
    public async Task<SignInOutcome> OpenAsync(Caller caller, string? link, SessionRequest wish, CancellationToken ct)
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.EmailCode, link, ct);
        return found.Value is { } letter ? await BeginAsync(caller, letter, wish, ct) : Refused(found.Failure!);
    }

    private async Task<SignInOutcome> BeginAsync(
        Caller caller,
        OneTimeToken letter,
        SessionRequest wish,
        CancellationToken ct
    )
    {
        // Bound to the address it was sent to: an account that has moved on is not opened by an old email.
        var user = await db.Users.SingleOrDefaultAsync(
            u => u.Id == letter.UserId && u.NormalizedEmail == letter.Destination,
            ct
        );
        if (user is null)
            return Refused(AuthError.LinkInvalid);
        var proof = new SignInWithPassword.AuthenticationResult(
            user,
            "otp",
            wish.Door,
            wish.Persistent,
            wish.Dialect,
            wish.TrustedDevice,
            OfAddress: true
        );
        return await signIn.CompleteSignInAsync(caller, proof, () => SpendAsync(caller, letter, user, ct), ct);
    }

    private async Task<AuthFailure?> SpendAsync(Caller caller, OneTimeToken letter, AuthUser user, CancellationToken ct)
    {
        if (!await tokens.SpendAsync(letter, ct))
            return AuthError.LinkUsed;
        if (await db.OneTimeTokens.AsNoTracking().SingleOrDefaultAsync(t => t.Id == letter.State, ct) is { } ticket)
            await tokens.SpendAsync(ticket, ct);
        if (user.EmailConfirmed)
            return null;
        // Whoever registered never showed that the address is theirs; its owner is here now (pre-hijack). Before the
        // session begins, and whoever asks: a browser may have been signed in to the account by the stranger.
        await verify.ResetUnverifiedAccountAsync(user, ct);
        user.EmailConfirmed = true;
        audit.Write(AuditEvent.EmailVerified, Nobody(caller), user.Id);
        return await db.TrySaveAsync(ct) ? null : AuthError.Conflict;
    }

    // Nothing that is asked for in an address's name is written down to whoever asks.
    private static Caller Nobody(Caller caller) => Caller.Anonymous(caller.Address, caller.Agent);

    private static SignInOutcome.Refused Refused(AuthFailure refusal) => new(refusal);
}
