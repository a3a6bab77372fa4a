using System.Net;
using System.Net.Sockets;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Security;

/// <summary>
/// Attempts are counted by one conditional statement before the work they pay for, so that parallel ones cannot outrun
/// the count (Keycloak CVE-2024-4629, Devise CVE-2019-5421). Counts are in the store: restarts and other processes see
/// them.
/// </summary>
public sealed class Throttle(
    AuthDbContext db,
    TokenCodec secret,
    PasswordHashingLimiter gate,
    Outbox outbox,
    AuditLog audit,
    IOptions<AuthOptions> options,
    TimeProvider time
)
{
    /// <summary>
    /// After so many wrong passwords in a row, ever, an account's password opens nothing until it is reset
    /// (NIST SP 800-63B-4 §3.2.2).
    /// </summary>
    public const int WrongInARow = 100;

    /// <summary>
    /// After so many, only devices that the account knows may try the rest: a stranger cannot use them all up.
    /// </summary>
    public const int StrangersInARow = 90;

    /// <summary>Takes one attempt from each budget; the refusal says when the next would count.</summary>
    public async Task<AuthFailure?> TakeAsync(
        Caller caller,
        CancellationToken ct,
        params (Budget Budget, string Subject)[] attempts
    )
    {
        if (!options.Value.Throttle.Enabled)
            return null;
        foreach (var (budget, subject) in attempts)
            if (await TakeAsync(caller, null, budget, subject, ct) is { } refusal)
                return refusal;
        return null;
    }

    /// <summary>
    /// Takes one change that an owner makes to their account: each leaves rows that stay, and anybody can make an
    /// account.
    /// </summary>
    public Task<AuthFailure?> TakeChangeAsync(Caller caller, CancellationToken ct) =>
        TakeAsync(caller, ct, (Budget.ChangesPerAccount, caller.UserId ?? ""));

    /// <summary>
    /// Takes one attempt without a word: false where the budget is spent. For work that nobody waits for an answer of.
    /// </summary>
    /// <param name="budget">Which.</param>
    /// <param name="subject">What it is counted for.</param>
    /// <param name="limit">A lower limit than the budget's own, for what may use only a share of it.</param>
    /// <param name="ct">Ends the wait.</param>
    internal async Task<bool> TryTakeAsync(Budget budget, string subject, CancellationToken ct, int? limit = null)
    {
        if (!options.Value.Throttle.Enabled)
            return true;
        var (most, window) = Limit(budget);
        return await CountAsync(Key(budget, subject), Math.Min(limit ?? most, most), window, ct);
    }

    /// <summary>
    /// Takes one of the budget's places for a whole window, counted from now. In no stretch of time as long as the
    /// window are there more than the limit, which windows that begin together would allow. For small limits: each
    /// place is a row.
    /// </summary>
    /// <returns>Which place, for <see cref="FreePlaceAsync"/>; null where all are taken.</returns>
    internal async Task<int?> TryTakePlaceAsync(Budget budget, string subject, CancellationToken ct)
    {
        if (!options.Value.Throttle.Enabled)
            return 0;
        var (most, window) = Limit(budget);
        for (var place = 0; place < most; place++)
            if (await CountAsync(Key(budget, $"{subject}#{place}"), 1, window, ct))
                return place;
        return null;
    }

    /// <summary>Gives a place back that was not used.</summary>
    internal Task FreePlaceAsync(Budget budget, string subject, int place, CancellationToken ct) =>
        ClearAsync(budget, $"{subject}#{place}", ct);

    /// <summary>The most that the settings allow.</summary>
    internal int LimitOf(Budget budget) => Limit(budget).Limit;

    /// <summary>
    /// Takes a guess at an account's password, from whichever door: one budget for all of them. Beyond
    /// <see cref="StrangersInARow"/> it is taken all the same and matches nothing, as for a name that nobody has; the
    /// owner is told, once. A device that the account knows, and a session of the account itself, have a count and
    /// places of their own: a stranger's wrong passwords do not keep its owner out there.
    /// </summary>
    /// <param name="caller">Who guesses.</param>
    /// <param name="user">Whose password; null where nobody has the name.</param>
    /// <param name="account">What it is counted for: the account's id, or the name that nobody has.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <param name="device">The device that the account knows, where it is one (<c>KnownDevices</c>).</param>
    public async Task<Result<PasswordAttempt>> BeginAttemptAsync(
        Caller caller,
        AuthUser? user,
        string account,
        CancellationToken ct,
        string? device = null
    )
    {
        var lane =
            user is null ? null
            : caller.UserId == user.Id && caller.SessionId is { } session ? $"{user.Id}:session:{session}"
            : device is null ? null
            : $"{user.Id}:device:{device}";
        if (gate.TryAcquire(caller, lane ?? account) is not { } place)
            return PasswordHashingLimiter.Rejected;
        var guess = new PasswordAttempt(place, user, account, lane ?? account);
        var taken = false;
        try
        {
            if (options.Value.Throttle.Enabled)
            {
                await using var transaction = await db.Database.BeginTransactionAsync(ct);
                var refusal =
                    await TakeAsync(caller, user?.Id, Budget.SignInPerAddress, Network(caller), ct)
                    ?? await TakeAsync(caller, user?.Id, Budget.SignInPerAccount, guess.Counted, ct);
                if (
                    refusal is null
                    && !await CountInARowAsync(caller, user, lane is null ? StrangersInARow : WrongInARow, ct)
                )
                    guess = new PasswordAttempt(place, null, account, guess.Counted);
                await transaction.CommitAsync(ct);
                if (refusal is not null)
                    return refusal;
            }
            taken = true;
            return guess;
        }
        finally
        {
            if (!taken)
                place.Dispose();
        }
    }

    /// <summary>The guess was right: gives it back to the network, and ends the account's row of wrong ones.</summary>
    public async Task ReportSuccessAsync(Caller caller, PasswordAttempt guess, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await ReturnAsync(Budget.SignInPerAddress, Network(caller), ct);
        // What strangers have left in this window stays spent when the owner signs in on a device of theirs.
        await ClearAsync(Budget.SignInPerAccount, guess.Counted, ct);
        await db
            .Users.Where(u => u.Id == guess.Account && u.AccessFailedCount > 0)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.AccessFailedCount, 0), ct);
        await transaction.CommitAsync(ct);
    }

    /// <summary>
    /// Takes an email that anybody can ask for, from the network that asks. What the address may get is counted when an
    /// email is sent (<see cref="MailBudget"/>): counted here, a stranger could spend it and keep the owner of the
    /// address out.
    /// </summary>
    public Task<AuthFailure?> TakeLetterAsync(Caller caller, CancellationToken ct) =>
        TakeAsync(caller, ct, (Budget.MailPerCaller, Network(caller)));

    /// <summary>
    /// Writes down and saves a security event that a stranger can cause as often as they like. Beyond the network's
    /// budget one entry says that more came, and no more is written: the audit is kept for ever (ASVS 16.2, CWE-779).
    /// </summary>
    public async Task NoteAsync(
        Caller caller,
        AuditEvent what,
        CancellationToken ct,
        string? userId = null,
        AuthError? reason = null
    )
    {
        if (await TakeAsync(caller, ct, (Budget.EventsPerAddress, Network(caller))) is null)
            audit.Write(what, caller, userId, reason);
        await db.SaveChangesAsync(ct);
    }

    /// <summary>Gives one attempt back: it turned out to be the owner's.</summary>
    public Task ReturnAsync(Budget budget, string subject, CancellationToken ct)
    {
        var (key, limit) = (Key(budget, subject), Limit(budget).Limit);
        return db
            .ThrottleCounts.Where(c => c.Key == key && c.Count > 0)
            .ExecuteUpdateAsync(
                set => set.SetProperty(c => c.Count, c => c.Count > limit ? limit - 1 : c.Count - 1),
                ct
            );
    }

    /// <summary>
    /// Gives one attempt back, and leaves no row of it behind: what was asked for was only looked at.
    /// </summary>
    internal async Task GiveBackAsync(Budget budget, string subject, CancellationToken ct)
    {
        if (!options.Value.Throttle.Enabled)
            return;
        var key = Key(budget, subject);
        if (await db.ThrottleCounts.Where(c => c.Key == key && c.Count == 1).ExecuteDeleteAsync(ct) == 0)
            await ReturnAsync(budget, subject, ct);
    }

    /// <summary>
    /// Forgets what was counted: a right password ends a row of wrong ones (NIST SP 800-63B-4 §3.2.2).
    /// </summary>
    public Task ClearAsync(Budget budget, string subject, CancellationToken ct)
    {
        var key = Key(budget, subject);
        return db.ThrottleCounts.Where(c => c.Key == key).ExecuteDeleteAsync(ct);
    }

    /// <summary>What a network address is counted as: an IPv6 host owns a whole /64.</summary>
    public static string Network(Caller caller)
    {
        if (!IPAddress.TryParse(caller.Address, out var address))
            return "unknown";
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        return address.AddressFamily == AddressFamily.InterNetworkV6
            ? Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8))
            : address.ToString();
    }

    // False where the account has had its row of wrong ones. Nobody's name runs the same statement.
    private async Task<bool> CountInARowAsync(Caller caller, AuthUser? user, int most, CancellationToken ct)
    {
        var id = user?.Id ?? "";
        var counted = await db
            .Users.Where(u => u.Id == id && u.AccessFailedCount < most)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.AccessFailedCount, u => u.AccessFailedCount + 1), ct);
        if (user is null || counted == 1)
            return true;
        var first =
            await db
                .Users.Where(u => u.Id == id && u.AccessFailedCount == most)
                .ExecuteUpdateAsync(set => set.SetProperty(u => u.AccessFailedCount, most + 1), ct) == 1;
        if (!first)
            return false;
        if (user.Email is not null)
            outbox.Enqueue(EmailKind.PasswordStopped, user.Email, caller, user.Id);
        audit.Write(AuditEvent.PasswordStopped, caller, user.Id);
        await db.SaveChangesAsync(ct);
        return false;
    }

    private async Task<AuthFailure?> TakeAsync(
        Caller caller,
        string? userId,
        Budget budget,
        string subject,
        CancellationToken ct
    )
    {
        var key = Key(budget, subject);
        var (limit, window) = Limit(budget);
        if (await CountAsync(key, limit, window, ct))
            return null;
        // Written down once in a window: a flood is not to fill the audit as well.
        if (
            await db
                .ThrottleCounts.Where(c => c.Key == key && c.Count == limit)
                .ExecuteUpdateAsync(set => set.SetProperty(c => c.Count, limit + 1), ct) == 1
        )
        {
            audit.Write(AuditEvent.Throttled, caller, userId, AuthError.RateLimited);
            await db.SaveChangesAsync(ct);
        }
        var resets = await db
            .ThrottleCounts.Where(c => c.Key == key)
            .Select(c => (DateTimeOffset?)c.ResetsAt)
            .SingleOrDefaultAsync(ct);
        var wait = (resets ?? time.GetUtcNow()) - time.GetUtcNow();
        return new AuthFailure(AuthError.RateLimited)
        {
            RetryAfter = wait > TimeSpan.FromSeconds(1) ? wait : TimeSpan.FromSeconds(1),
        };
    }

    private async Task<bool> CountAsync(string key, int limit, TimeSpan window, CancellationToken ct)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var end = now + (long)window.TotalMilliseconds;
        // One statement: starts a window, counts in a running one, starts the next, or changes no row when the budget
        // is spent.
        return await db.Database.ExecuteSqlAsync(
                $"""
                INSERT INTO "ThrottleCounts" ("Key", "Count", "ResetsAt") VALUES ({key}, 1, {end})
                ON CONFLICT ("Key") DO UPDATE SET
                  "Count" = CASE WHEN "ThrottleCounts"."ResetsAt" <= {now} THEN 1 ELSE "ThrottleCounts"."Count" + 1 END,
                  "ResetsAt" = CASE WHEN "ThrottleCounts"."ResetsAt" <= {now} THEN {end} ELSE "ThrottleCounts"."ResetsAt" END
                WHERE "ThrottleCounts"."ResetsAt" <= {now} OR "ThrottleCounts"."Count" < {limit}
                """,
                ct
            ) > 0;
    }

    private (int Limit, TimeSpan Window) Limit(Budget budget)
    {
        var limits = options.Value.Throttle;
        return budget switch
        {
            Budget.SignInPerAccount => (limits.SignInPerAccount, TimeSpan.FromMinutes(15)),
            Budget.SignInPerAddress => (limits.SignInPerAddress, TimeSpan.FromMinutes(15)),
            Budget.MailPerAddress => (limits.MailPerAddress, TimeSpan.FromHours(1)),
            Budget.MailPerCaller => (limits.MailPerCaller, TimeSpan.FromHours(1)),
            Budget.SignUpPerAddress => (limits.SignUpPerAddress, TimeSpan.FromHours(1)),
            Budget.SecondFactorPerAccount => (limits.SecondFactorPerAccount, TimeSpan.FromMinutes(15)),
            Budget.PasskeyPerAddress => (limits.PasskeyPerAddress, TimeSpan.FromHours(1)),
            Budget.MailPerDestination => (limits.MailPerDestination, TimeSpan.FromHours(1)),
            Budget.MailPerDestinationDaily => (limits.MailPerDestinationDaily, TimeSpan.FromDays(1)),
            Budget.MailToUnverified => (limits.MailToUnverified, TimeSpan.FromHours(1)),
            Budget.MailToUnverifiedDaily => (limits.MailToUnverifiedDaily, TimeSpan.FromDays(1)),
            Budget.MailReserve => (1, TimeSpan.FromHours(1)),
            Budget.AnonymousPerAddress => (limits.AnonymousPerAddress, TimeSpan.FromHours(1)),
            Budget.EventsPerAddress => (limits.EventsPerAddress, TimeSpan.FromHours(1)),
            Budget.ChangesPerAccount => (limits.ChangesPerAccount, TimeSpan.FromHours(1)),
            Budget.LinksPerAddress => (limits.LinksPerAddress, TimeSpan.FromMinutes(15)),
            Budget.SessionsPerAccount => (limits.SessionsPerAccount, TimeSpan.FromHours(1)),
        };
    }

    private string Key(Budget budget, string subject) =>
        Convert.ToHexString(secret.Hash("throttle", $"{budget}:{subject}"));
}
