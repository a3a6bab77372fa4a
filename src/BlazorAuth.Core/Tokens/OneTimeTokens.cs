using System.Text;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Tokens;

/// <summary>
/// One-time tokens of emails: minted when the email is sent, stored as keyed hashes, bound to purpose and destination,
/// spent by one conditional statement. Identity's own stateless tokens can be replayed (ADR 0006).
/// </summary>
public sealed class OneTimeTokens(
    AuthDbContext db,
    TokenCodec secret,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit,
    TimeProvider time
)
{
    /// <summary>How often a code may be tried before its email is worth nothing: five in a million.</summary>
    public const int MaximumAttempts = 5;

    /// <summary>
    /// After so many wrong codes in a row, whatever email and purpose they were guessed for, no code opens anything for
    /// the account until its owner proves who they are. Each email alone allows five tries, and there is always a next
    /// email.
    /// </summary>
    public const int WrongCodesInARow = 20;

    /// <summary>How long a link of each purpose opens something, with its reason.</summary>
    public static TimeSpan Lifetime(TokenPurpose purpose) =>
        purpose switch
        {
            TokenPurpose.VerifyEmail => TimeSpan.FromHours(24), // people read mail the next morning
            // takes the account over: as short as slow mail allows
            TokenPurpose.ResetPassword => TimeSpan.FromMinutes(60),
            TokenPurpose.ChangeEmail => TimeSpan.FromMinutes(60), // the asker is waiting for it
            TokenPurpose.SetUpAdministrator => TimeSpan.FromHours(24), // stands in a console, is asked for once
            TokenPurpose.SecondFactor => TimeSpan.FromMinutes(5), // half signed in (ASVS 6.6.2)
            // as the browser waits, and its owner finds the key
            TokenPurpose.PasskeyAssertion or TokenPurpose.PasskeyCreation => TimeSpan.FromMinutes(5),
            TokenPurpose.EmailCode => TimeSpan.FromMinutes(10), // out of band (ASVS 6.5.5)
            // the email may take ten of them; alone it opens nothing
            TokenPurpose.EmailCodeTicket => TimeSpan.FromMinutes(20),
            TokenPurpose.Undo => TimeSpan.FromDays(7), // people read mail after a holiday
            // its owner is on the way back to the form it was made for
            TokenPurpose.ProviderProof => TimeSpan.FromMinutes(5),
        };

    /// <summary>The secrets of a fresh token; they exist in the email and nowhere else.</summary>
    public sealed record Minted(string Link, string? Code);

    /// <summary>Makes a token and kills every older one of the same purpose and account. Saved by the caller.</summary>
    public async Task<Minted> MintAsync(
        TokenPurpose purpose,
        string userId,
        string destination,
        bool withCode,
        string? sessionId,
        CancellationToken ct,
        string? state = null
    )
    {
        await KillIssuedAsync(userId, [purpose], ct);
        return Add(purpose, userId, destination, withCode, sessionId, state).Minted;
    }

    /// <summary>
    /// Makes a token that takes an act back. Each is of an act of its own: an older one stays good. Saved by the
    /// caller.
    /// </summary>
    /// <param name="userId">Whose act.</param>
    /// <param name="destination">Who is told of it.</param>
    /// <param name="state">What it was.</param>
    /// <param name="at">When it was: the token counts as made then, however late its email goes.</param>
    internal Minted MintUndo(string userId, string destination, string? state, DateTimeOffset at) =>
        Add(TokenPurpose.Undo, userId, destination, withCode: false, sessionId: null, state, at).Minted;

    /// <summary>
    /// Makes a ticket: what a program or browser goes on with itself, so that no older one dies of it (two tabs). Saved
    /// by the caller.
    /// </summary>
    public (OneTimeToken Token, string Ticket) Issue(
        TokenPurpose purpose,
        string userId,
        string destination,
        string? state,
        string? sessionId = null
    )
    {
        var (token, minted) = Add(purpose, userId, destination, withCode: false, sessionId, state);
        return (token, minted.Link);
    }

    private (OneTimeToken Token, Minted Minted) Add(
        TokenPurpose purpose,
        string userId,
        string destination,
        bool withCode,
        string? sessionId,
        string? state,
        DateTimeOffset? at = null
    )
    {
        var minted = new Minted(TokenCodec.Random(32), withCode ? TokenCodec.SixDigits() : null);
        var now = time.GetUtcNow();
        var token = new OneTimeToken
        {
            // The key of the one there can be: of two new processes that offer it at once, one collides here.
            Id =
                purpose == TokenPurpose.SetUpAdministrator
                    ? nameof(TokenPurpose.SetUpAdministrator)
                    : Guid.CreateVersion7().ToString(),
            Purpose = purpose,
            UserId = userId,
            Destination = destination,
            SecretHash = HashLink(purpose, minted.Link),
            CodeHash = minted.Code is null ? null : HashCode(purpose, destination, minted.Code),
            SessionId = sessionId,
            State = state,
            CreatedAt = at ?? now,
            ExpiresAt = now + Lifetime(purpose),
        };
        db.OneTimeTokens.Add(token);
        return (token, minted);
    }

    /// <summary>
    /// The live token of a ticket whose every try is counted before anything is compared. Refused with
    /// <see cref="AuthError.TicketExpired"/> where there is none, or no try left, and with
    /// <see cref="AuthError.RateLimited"/>.
    /// </summary>
    public async Task<Result<OneTimeToken>> FindCountedAsync(
        Caller caller,
        TokenPurpose purpose,
        string? ticket,
        CancellationToken ct
    )
    {
        var found = await FindAsync(caller, purpose, ticket, ct);
        if (found.Value is not { } token)
            return found.Failure!.Error == AuthError.RateLimited ? found.Failure : AuthError.TicketExpired;
        return
            await db
                .OneTimeTokens.Where(t =>
                    t.Id == token.Id && t.UsedAt == null && t.RevokedAt == null && t.Attempts < MaximumAttempts
                )
                .ExecuteUpdateAsync(set => set.SetProperty(t => t.Attempts, t => t.Attempts + 1), ct) == 1
            ? token
            : AuthError.TicketExpired;
    }

    /// <summary>The live token of a link, or why it is none: only a holder of the link learns that.</summary>
    public async Task<Result<OneTimeToken>> FindAsync(
        Caller caller,
        TokenPurpose purpose,
        string? link,
        CancellationToken ct
    )
    {
        var found = await FindAnyAsync(caller, purpose, link, ct);
        if (found.Value is not { } token)
            return found.Failure!;
        if (token.UsedAt is not null)
            return AuthError.LinkUsed;
        if (token.RevokedAt is not null)
            return AuthError.LinkExpired;
        var now = time.GetUtcNow();
        if (token.ExpiresAt > now)
            return token;
        await ExpireAsync(db.OneTimeTokens.Where(t => t.Id == token.Id), now, ct);
        return AuthError.LinkExpired;
    }

    /// <summary>
    /// The token of a link, alive or not. The one place where the secret of a link or ticket is looked up, and so the
    /// one place where it is counted: before the look, for the network that asks. A text that is a token of ours, also
    /// a dead one, is given back: somebody sent it to whoever asks.
    /// </summary>
    internal async Task<Result<OneTimeToken>> FindAnyAsync(
        Caller caller,
        TokenPurpose purpose,
        string? link,
        CancellationToken ct
    )
    {
        if (string.IsNullOrEmpty(link) || link.Length > 100)
            return AuthError.LinkInvalid;
        var network = Throttle.Network(caller);
        if (await throttle.TakeAsync(caller, ct, (Budget.LinksPerAddress, network)) is { } limited)
            return limited;
        var hash = HashLink(purpose, link);
        var token = await db
            .OneTimeTokens.AsNoTracking()
            .SingleOrDefaultAsync(t => t.SecretHash == hash && t.Purpose == purpose, ct);
        if (token is null)
            return AuthError.LinkInvalid;
        await throttle.GiveBackAsync(Budget.LinksPerAddress, network, ct);
        return token;
    }

    /// <summary>
    /// The live token whose code was sent to the destination. The attempt is counted before the code is looked at, and
    /// an unknown destination runs the same statements. Where a state is given, only a token of that state is tried.
    /// </summary>
    public async Task<OneTimeToken?> FindByCodeAsync(
        TokenPurpose purpose,
        string destination,
        string code,
        CancellationToken ct,
        string? state = null
    )
    {
        var now = time.GetUtcNow();
        await ExpireAsync(db.OneTimeTokens.Where(t => t.Destination == destination && t.Purpose == purpose), now, ct);
        var live = db.OneTimeTokens.Where(t =>
            t.Destination == destination
            && t.Purpose == purpose
            && t.UsedAt == null
            && t.RevokedAt == null
            && t.ExpiresAt > now
        );
        if (state is not null)
            live = live.Where(t => t.State == state);
        // Counted for the account first, and only where something could be guessed: nobody stops the codes of an
        // address that has none.
        var allowed = await db
            .Users.Where(u => u.NormalizedEmail == destination && u.WrongCodes < WrongCodesInARow)
            .Where(_ => live.Any(t => t.Attempts < MaximumAttempts))
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.WrongCodes, u => u.WrongCodes + 1), ct);
        var counted = await live.Where(t => t.Attempts < MaximumAttempts)
            .ExecuteUpdateAsync(set => set.SetProperty(t => t.Attempts, t => t.Attempts + 1), ct);
        var hash = HashCode(purpose, destination, TokenCodec.DigitsIn(code));
        var token = await live.AsNoTracking().FirstOrDefaultAsync(t => t.CodeHash == hash, ct);
        var right = counted > 0 && allowed > 0 ? token : null;
        // A right code ends the row. A wrong one runs the same statement, for an address that nobody has too.
        var isRight = right is not null;
        await db
            .Users.Where(u => u.NormalizedEmail == destination && isRight && u.WrongCodes > 0)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.WrongCodes, 0), ct);
        return right;
    }

    /// <summary>
    /// Notes the end of the row: codes have stopped, and the owner is told by an email, once. Call it after a wrong
    /// code, for any address. Saved by the caller.
    /// </summary>
    public async Task StopCodesAsync(Caller caller, string destination, CancellationToken ct)
    {
        var stopped = await db
            .Users.Where(u => u.NormalizedEmail == destination && u.WrongCodes == WrongCodesInARow)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.WrongCodes, WrongCodesInARow + 1), ct);
        if (stopped == 0)
            return;
        var userId = await db
            .Users.Where(u => u.NormalizedEmail == destination)
            .Select(u => u.Id)
            .SingleOrDefaultAsync(ct);
        outbox.Enqueue(EmailKind.CodesStopped, destination, caller, userId);
        audit.Write(AuditEvent.CodesStopped, caller, userId);
    }

    /// <summary>
    /// Lets codes work again: the account's owner has proven who they are, by something else than a code of an email.
    /// </summary>
    internal static Task AllowCodesAsync(AuthDbContext db, string userId, CancellationToken ct) =>
        db
            .Users.Where(u => u.Id == userId && u.WrongCodes > 0)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.WrongCodes, 0), ct);

    /// <summary>
    /// Spends the token: true for exactly one of any number of callers. Call it inside the transaction of what it
    /// opens.
    /// </summary>
    public async Task<bool> SpendAsync(OneTimeToken token, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        return await db
                .OneTimeTokens.Where(t =>
                    t.Id == token.Id && t.UsedAt == null && t.RevokedAt == null && t.ExpiresAt > now
                )
                .ExecuteUpdateAsync(set => set.SetProperty(t => t.UsedAt, now), ct) == 1;
    }

    /// <summary>
    /// Kills the account's live tokens of these purposes; where none is named, of every purpose but
    /// <see cref="TokenPurpose.Undo"/>: who changes something must not take from the owner the means to take it back.
    /// An email to a new address that is promised and not yet sent is withdrawn with them.
    /// </summary>
    public async Task KillAsync(string userId, CancellationToken ct, params TokenPurpose[] purposes)
    {
        await KillIssuedAsync(userId, purposes, ct);
        if (purposes.Length > 0 && !purposes.Contains(TokenPurpose.ChangeEmail))
            return;
        var now = time.GetUtcNow();
        await db
            .Outbox.Where(l => l.UserId == userId && l.Kind == EmailKind.ConfirmEmailChange && l.DoneAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(l => l.DoneAt, now), ct);
    }

    /// <summary>
    /// Kills what would take back the same act once more, and, sent to another address since, whatever would give the
    /// account to who reads that. Older ones stay: whoever moved an account on must not take it from the address it
    /// came from.
    /// </summary>
    internal async Task KillUndoAsync(OneTimeToken used, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await db
            .OneTimeTokens.Where(t =>
                t.UserId == used.UserId && t.Purpose == TokenPurpose.Undo && t.UsedAt == null && t.RevokedAt == null
            )
            .Where(t =>
                t.Destination == used.Destination
                    ? t.CreatedAt == used.CreatedAt && t.State == used.State
                    : t.CreatedAt >= used.CreatedAt
            )
            .ExecuteUpdateAsync(set => set.SetProperty(t => t.RevokedAt, now), ct);
        await db
            .Outbox.Where(l =>
                l.UserId == used.UserId && l.To != used.Destination && l.CreatedAt >= used.CreatedAt && l.DoneAt == null
            )
            .ExecuteUpdateAsync(set => set.SetProperty(l => l.DoneAt, now), ct);
    }

    /// <summary>
    /// Ends what could still be taken back by an address for other accounts: whoever resets an account is the owner of
    /// its address now, and what that address was told before, of accounts that had it, was told to somebody else.
    /// </summary>
    internal async Task KillUndoOfOthersAsync(string destination, string userId, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await db
            .OneTimeTokens.Where(t =>
                t.Destination == destination && t.UserId != userId && t.Purpose == TokenPurpose.Undo
            )
            .Where(t => t.UsedAt == null && t.RevokedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(t => t.RevokedAt, now), ct);
        await db
            .Outbox.Where(l => l.To == destination && l.UserId != null && l.UserId != userId && l.DoneAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(l => l.DoneAt, now), ct);
    }

    /// <summary>
    /// Ends every token of an account, also those that take something back: call it where all that was done on it was
    /// done by somebody who had not shown that its address is theirs.
    /// </summary>
    internal async Task KillEverythingAsync(string userId, CancellationToken ct)
    {
        await KillAsync(userId, ct);
        await KillAsync(userId, ct, TokenPurpose.Undo);
    }

    private Task KillIssuedAsync(string userId, TokenPurpose[] purposes, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        return db
            .OneTimeTokens.Where(t => t.UserId == userId && t.UsedAt == null && t.RevokedAt == null)
            .Where(t => purposes.Length == 0 ? t.Purpose != TokenPurpose.Undo : purposes.Contains(t.Purpose))
            .ExecuteUpdateAsync(set => set.SetProperty(t => t.RevokedAt, now), ct);
    }

    // Written down when it is told: on a clock that is set back it would open something again.
    private static Task ExpireAsync(IQueryable<OneTimeToken> tokens, DateTimeOffset now, CancellationToken ct) =>
        tokens
            .Where(t => t.UsedAt == null && t.RevokedAt == null && t.ExpiresAt <= now)
            .ExecuteUpdateAsync(set => set.SetProperty(t => t.RevokedAt, now), ct);

    private byte[] HashLink(TokenPurpose purpose, string link) => secret.Hash($"link:{purpose}", link);

    private byte[] HashCode(TokenPurpose purpose, string destination, string code) =>
        secret.Hash($"code:{purpose}", $"{destination}:{code}");
}
