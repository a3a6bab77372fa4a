using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Tokens;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Messaging;

/// <summary>
/// Sends promised emails: claims a row conditionally (any number of processes may run one), decides whether there is
/// anybody to write to, mints the link, renders, sends, and tries again with growing pauses for two days.
/// </summary>
public sealed partial class OutboxDispatcher(
    IServiceScopeFactory scopes,
    OutboxSignal doorbell,
    IEmailTransport transport,
    IOptions<AuthOptions> options,
    TimeProvider time,
    ILogger<OutboxDispatcher> log
) : BackgroundService
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(1);
    private const int Hands = 3;
    private static readonly TimeSpan CommitTakes = TimeSpan.FromMilliseconds(50);

    // Short, and renewed while a slow server answers: after a kill the next OutboxDispatcher waits for no more than
    // this.
    private static readonly TimeSpan InHand = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);
    private static readonly TimeSpan GivenUpAfter = TimeSpan.FromDays(2);

    private const string OverBudget = "over the budget",
        FoldedAway = NoticeFolding.FoldedAway;

    private string _turn = "";

    /// <summary>Delivers every email that is due now, and returns how many were tried.</summary>
    public async Task<int> DeliverDueAsync(CancellationToken ct)
    {
        var tried = 0;
        while (await ClaimAsync(ct) is { } letter)
        {
            await DeliverAsync(letter, ct);
            tried++;
        }
        return tried;
    }

    /// <inheritdoc />
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        // Several at once: a server that hangs for one email does not hold up the others.
        Task.WhenAll(Enumerable.Range(0, Hands).Select(_ => WorkAsync(stoppingToken)));

    private async Task WorkAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await DeliverDueAsync(stoppingToken);
                // Rung when an email is promised; the transaction that promises it commits a moment later.
                if (await doorbell.WaitAsync(Round, stoppingToken))
                    await Task.Delay(CommitTakes, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault) when (fault is not OutOfMemoryException)
            {
                // The store may be away for a while; emails wait for it.
                Interrupted(log, fault.GetType().Name);
                await Task.Delay(Round, time, stoppingToken);
            }
        }
    }

    private async Task<OutboxMessage?> ClaimAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<AuthDbContext>();
        while (true)
        {
            var now = time.GetUtcNow();
            // One at a time to an address: a server that hangs for it takes one hand, and notices to it are seen
            // together.
            var due = db.Outbox.Where(l =>
                l.DoneAt == null
                && l.NextAttemptAt <= now
                && (l.ClaimedUntil == null || l.ClaimedUntil <= now)
                && !db.Outbox.Any(other => other.To == l.To && other.DoneAt == null && other.ClaimedUntil > now)
            );
            // Networks in turn, or whoever asks for thousands would hold up everybody else's.
            var last = Volatile.Read(ref _turn);
            var letter = await FirstAsync(due.Where(l => string.Compare(l.Network, last) > 0)) ?? await FirstAsync(due);
            if (letter is null)
                return null;
            var claimed = await due.Where(l => l.Id == letter.Id)
                .ExecuteUpdateAsync(
                    set =>
                        set.SetProperty(l => l.ClaimedUntil, now + InHand)
                            .SetProperty(l => l.Attempts, l => l.Attempts + 1),
                    ct
                );
            if (claimed != 1)
                continue;
            Volatile.Write(ref _turn, letter.Network);
            return letter;
        }

        Task<OutboxMessage?> FirstAsync(IQueryable<OutboxMessage> letters) =>
            letters
                .AsNoTracking()
                .OrderBy(l => l.Network)
                .ThenBy(l => l.NextAttemptAt)
                .ThenBy(l => l.CreatedAt)
                .FirstOrDefaultAsync(ct);
    }

    private async Task DeliverAsync(OutboxMessage letter, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<AuthDbContext>();
        var now = time.GetUtcNow();
        var row = db.Outbox.Where(l => l.Id == letter.Id);
        try
        {
            var notSent = await PrepareAsync(letter, scope.ServiceProvider, ct) switch
            {
                Prepared.Wait(var until) => await PutOffAsync(row, letter, until),
                Prepared.Done(var why) => why,
                Prepared.Go(var mail) => await SendAsync(mail, row, ct),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
            if (notSent == PutOff)
                return;
            await row.Where(l => l.DoneAt == null)
                .ExecuteUpdateAsync(
                    set => set.SetProperty(l => l.DoneAt, now).SetProperty(l => l.LastError, notSent),
                    CancellationToken.None
                );
        }
        catch (Exception fault) when (fault is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            // The fault's text may quote the email and its link; what is kept are types and codes.
            var reason = Reason(fault);
            var attempts = letter.Attempts + 1;
            var pause = TimeSpan.FromSeconds(Math.Min(LongestPause.TotalSeconds, 2 * Math.Pow(2, attempts)));
            DateTimeOffset? givenUp = now - letter.CreatedAt > GivenUpAfter ? now : null;
            NotSent(log, letter.Kind, letter.Id, attempts, reason, givenUp is not null);
            // Not where it was withdrawn meanwhile: an email that something killed must not come back to life.
            await row.Where(l => l.DoneAt == null)
                .ExecuteUpdateAsync(
                    set =>
                        set.SetProperty(l => l.NextAttemptAt, now + pause)
                            .SetProperty(l => l.ClaimedUntil, (DateTimeOffset?)null)
                            .SetProperty(l => l.DoneAt, givenUp)
                            .SetProperty(l => l.LastError, reason),
                    CancellationToken.None
                );
        }
    }

    // What becomes of an email that is claimed.
    private abstract record Prepared
    {
        public sealed record Go(OutgoingEmail Mail) : Prepared;

        public sealed record Done(string? Why) : Prepared;

        public sealed record Wait(DateTimeOffset Until) : Prepared;
    }

    private const string PutOff = "put off";

    // Not an attempt: the budgets are asked again as for a new one.
    private static async Task<string> PutOffAsync(
        IQueryable<OutboxMessage> row,
        OutboxMessage letter,
        DateTimeOffset until
    )
    {
        await row.Where(l => l.DoneAt == null)
            .ExecuteUpdateAsync(
                set =>
                    set.SetProperty(l => l.NextAttemptAt, until)
                        .SetProperty(l => l.ClaimedUntil, (DateTimeOffset?)null)
                        .SetProperty(l => l.Attempts, letter.Attempts),
                CancellationToken.None
            );
        return PutOff;
    }

    private async Task<string?> SendAsync(OutgoingEmail mail, IQueryable<OutboxMessage> row, CancellationToken ct)
    {
        var sending = transport.SendAsync(mail, ct);
        while (await Task.WhenAny(sending, Task.Delay(Renewal, ct)) != sending && !ct.IsCancellationRequested)
        {
            var until = time.GetUtcNow() + InHand;
            await row.ExecuteUpdateAsync(set => set.SetProperty(l => l.ClaimedUntil, until), ct);
        }
        await sending;
        return null;
    }

    private async Task<Prepared> PrepareAsync(OutboxMessage letter, IServiceProvider services, CancellationToken ct)
    {
        var (db, tokens) = (services.GetRequiredService<AuthDbContext>(), services.GetRequiredService<OneTimeTokens>());
        var (site, folded) = (options.Value, letter.Folded);
        // Written to the address on file, which the one comparison makes the address asked for (Django CVE-2019-19844).
        var owner = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.NormalizedEmail == letter.To, ct);
        var kind = letter.Kind switch
        {
            // Somebody signs up again with an address that was never verified: what they need is the link.
            EmailKind.AddressTaken when owner is { EmailConfirmed: false } => EmailKind.VerifyEmail,
            EmailKind.ConfirmEmailChange when owner is not null => EmailKind.AddressTaken,
            var asked => asked,
        };
        if (IsForNobody(kind, owner))
            return new Prepared.Done(null);
        if (letter.Attempts == 0) // a retry was counted
        {
            var verified = await IsVerifiedAsync(letter, kind, owner, db, ct);
            var fold = verified ? await NoticeFolding.FoldAsync(letter, db, time.GetUtcNow(), ct) : default;
            if (fold.Until is { } until)
                return new Prepared.Wait(until);
            if (fold.Away)
                return new Prepared.Done(FoldedAway);
            switch (await services.GetRequiredService<MailBudget>().TakeAsync(letter, kind, verified, ct))
            {
                case MailBudget.Verdict.Drop:
                    return new Prepared.Done(OverBudget);
                case MailBudget.Verdict.Later:
                    return new Prepared.Wait(time.GetUtcNow() + NoticeFolding.Window);
                case MailBudget.Verdict.Send:
                    break;
            }
            folded = letter.Folded;
        }
        var facts = new EmailModel
        {
            Times = 1 + folded,
            Site = site.Site,
            At = letter.CreatedAt,
            Address = letter.Address,
            Agent = letter.Agent,
            NewAddress = letter.NewAddress,
            Detail = letter.Detail,
        };
        return
            await (
                kind switch
                {
                    EmailKind.VerifyEmail when owner is { EmailConfirmed: false } => WithTokenAsync(
                        TokenPurpose.VerifyEmail,
                        owner.Id,
                        "verify-email",
                        withCode: true
                    ),
                    EmailKind.ResetPassword when owner is not null => WithTokenAsync(
                        TokenPurpose.ResetPassword,
                        owner.Id,
                        "reset-password",
                        withCode: false
                    ),
                    EmailKind.Invited when owner is not null => WithTokenAsync(
                        TokenPurpose.ResetPassword,
                        owner.Id,
                        "reset-password",
                        withCode: false
                    ),
                    EmailKind.ConfirmEmailChange => WithTokenAsync(
                        TokenPurpose.ChangeEmail,
                        letter.UserId!,
                        "confirm-email-change",
                        withCode: false
                    ),
                    // Not one whose code would come when the asker has given up.
                    EmailKind.SignInCode
                        when owner is not null
                            && time.GetUtcNow() - letter.CreatedAt < OneTimeTokens.Lifetime(TokenPurpose.EmailCode) =>
                        WithTokenAsync(TokenPurpose.EmailCode, owner.Id, "login/email-link", withCode: true),
                    EmailKind.AddressTaken when owner is not null => Task.FromResult<OutgoingEmail?>(
                        Mail(facts with { Link = site.Link("login") })
                    ),
                    // The new address is told as well; only the old one gets the means to take it back.
                    EmailKind.EmailChanged when letter.State is null => Task.FromResult<OutgoingEmail?>(Mail(facts)),
                    EmailKind.PasswordChanged
                    or EmailKind.PasswordReset
                    or EmailKind.EmailChangeAsked
                    or EmailKind.EmailChanged
                    or EmailKind.NewSignIn
                    or EmailKind.PasskeyAdded
                    or EmailKind.PasskeyRemoved
                    or EmailKind.SecondFactorOn
                    or EmailKind.SecondFactorOff
                    or EmailKind.RecoveryCodesMade
                    or EmailKind.RecoveryCodeUsed
                    or EmailKind.ProviderLinked
                    or EmailKind.ProviderUnlinked
                    or EmailKind.PasswordAloneAllowed
                    or EmailKind.ApiKeyMade
                    or EmailKind.DeviceRemembered when letter.UserId is { } user => WithTokenAsync(
                        TokenPurpose.Undo,
                        user,
                        "undo",
                        withCode: false
                    ),
                    EmailKind.PasswordChanged
                    or EmailKind.PasswordReset
                    or EmailKind.EmailChangeAsked
                    or EmailKind.EmailChanged
                    or EmailKind.NewSignIn
                    or EmailKind.RefreshTokenReused
                    or EmailKind.PasswordStopped
                    or EmailKind.CodesStopped
                    or EmailKind.PasswordAloneAllowed
                    or EmailKind.ApiKeyMade
                    or EmailKind.DeviceRemembered
                    or EmailKind.AccountLocked
                    or EmailKind.AccountClosed
                    or EmailKind.PasskeyAdded
                    or EmailKind.PasskeyRemoved
                    or EmailKind.SecondFactorOn
                    or EmailKind.SecondFactorOff
                    or EmailKind.RecoveryCodesMade
                    or EmailKind.RecoveryCodeUsed
                    or EmailKind.ProviderLinked
                    or EmailKind.ProviderUnlinked
                    or EmailKind.SecondFactorReset
                    or EmailKind.MailTest => Task.FromResult<OutgoingEmail?>(Mail(facts)),
                    // Asked for by somebody who does not know that there is nobody to write to.
                    EmailKind.VerifyEmail
                    or EmailKind.ResetPassword
                    or EmailKind.AddressTaken
                    or EmailKind.SignInCode
                    or EmailKind.Invited => Task.FromResult<OutgoingEmail?>(null),
                }
            )
                is { } mail
            ? new Prepared.Go(mail)
            : new Prepared.Done(null);

        async Task<OutgoingEmail?> WithTokenAsync(TokenPurpose purpose, string userId, string page, bool withCode)
        {
            // Mints only while the promise stands: what kills a token also withdraws its email, and may do so just now.
            await using var transaction = await db.Database.BeginTransactionAsync(ct);
            if (!await db.LockUserRowAsync(userId, ct))
                return null;
            if (
                await db
                    .Outbox.Where(l => l.Id == letter.Id && l.DoneAt == null)
                    .ExecuteUpdateAsync(set => set.SetProperty(l => l.NextAttemptAt, l => l.NextAttemptAt), ct) == 0
            )
                return null;
            var minted =
                purpose == TokenPurpose.Undo
                    ? tokens.MintUndo(
                        userId,
                        letter.To,
                        letter.State ?? RevertibleChange.StateOf(letter.Kind),
                        letter.CreatedAt
                    )
                    : await tokens.MintAsync(purpose, userId, letter.To, withCode, letter.SessionId, ct, letter.State);
            await db.SaveChangesAsync(ct);
            await transaction.CommitAsync(ct);
            return Mail(
                facts with
                {
                    Link = site.Link($"{page}?token={minted.Link}"),
                    Code = minted.Code,
                    Lifetime = OneTimeTokens.Lifetime(purpose),
                }
            );
        }

        OutgoingEmail Mail(EmailModel with) => new(letter.To, letter.Id, EmailTemplates.Render(kind, with));
    }

    private static bool IsForNobody(EmailKind kind, AuthUser? owner) =>
        kind switch
        {
            EmailKind.VerifyEmail => owner is not { EmailConfirmed: false },
            EmailKind.ResetPassword or EmailKind.SignInCode or EmailKind.AddressTaken or EmailKind.Invited => owner
                is null,
            _ => false,
        };

    // Whether somebody has shown that the address is theirs. One that an account has moved away from was verified where
    // the notice of the move was promised to it.
    private static async Task<bool> IsVerifiedAsync(
        OutboxMessage letter,
        EmailKind kind,
        AuthUser? owner,
        AuthDbContext db,
        CancellationToken ct
    ) =>
        // That an address is taken is told to its owner, about an account that is somebody else's.
        owner is not null
        && (letter.UserId is null || letter.UserId == owner.Id || kind == EmailKind.AddressTaken)
            ? owner.EmailConfirmed
            : letter.Kind == EmailKind.AccountClosed
                || (
                    letter.UserId is not null
                    && await db.Outbox.AnyAsync(
                        l =>
                            l.UserId == letter.UserId
                            && l.To == letter.To
                            && l.Kind == EmailKind.EmailChanged
                            && l.State != null,
                        ct
                    )
                );

    internal static string Reason(Exception fault) =>
        fault switch
        {
            EmailException refused => refused.Message,
            _ => Innermost(fault).GetType().Name,
        };

    private static Exception Innermost(Exception fault) => fault.InnerException is { } inner ? Innermost(inner) : fault;

    [LoggerMessage(
        1,
        LogLevel.Warning,
        "Email {Kind} {Id} was not sent at attempt {Attempt}: {Fault}; given up: {GivenUp}"
    )]
    private static partial void NotSent(
        ILogger log,
        EmailKind kind,
        string id,
        int attempt,
        string fault,
        bool givenUp
    );

    [LoggerMessage(2, LogLevel.Warning, "The OutboxDispatcher was interrupted: {Fault}; tries again")]
    private static partial void Interrupted(ILogger log, string fault);
}
