using System.Net;
using System.Net.Sockets;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Mail;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Credentials;

/// <summary>What attempts are counted for.</summary>
public enum Budget
{
    /// <summary>Wrong passwords for one account.</summary>
    SignInPerAccount,
    /// <summary>Wrong passwords from one network address.</summary>
    SignInPerAddress,
    /// <summary>Letters to one e-mail address.</summary>
    MailPerAddress,
    /// <summary>Letters asked for from one network address.</summary>
    MailPerCaller,
    /// <summary>Sign-ups from one network address.</summary>
    SignUpPerAddress,
    /// <summary>Wrong second factors for one account.</summary>
    SecondFactorPerAccount,
    /// <summary>Passkey ceremonies begun from one network address.</summary>
    PasskeyPerAddress,
}

/// <summary>
/// A guess at an account's password that has been counted: the one thing a password is compared for, so that no door can compare
/// without counting. Give it back when the comparison is done.
/// </summary>
public sealed class Guess : IDisposable
{
    internal Guess(HashingGate.Place place, AuthUser? user, string account) => (Place, User, Account) = (place, user, account);

    internal HashingGate.Place Place { get; }
    internal AuthUser? User { get; init; }
    internal string Account { get; }

    /// <inheritdoc />
    public void Dispose() => Place.Dispose();
}

/// <summary>
/// Attempts are counted by one conditional statement before the work they pay for, so that parallel ones cannot outrun the
/// count (Keycloak CVE-2024-4629, Devise CVE-2019-5421). Counts are in the store: restarts and other processes see them.
/// </summary>
public sealed class Throttle(
    AuthDbContext db, Secret secret, HashingGate gate, Outbox outbox, Audit audit, IOptions<AuthOptions> options, TimeProvider time)
{
    /// <summary>
    /// After so many wrong passwords in a row, ever, an account's password opens nothing until it is reset
    /// (NIST SP 800-63B-4 §3.2.2).
    /// </summary>
    public const int WrongInARow = 100;

    /// <summary>Takes one attempt from each budget; the refusal says when the next would count.</summary>
    public async Task<Refusal?> TakeAsync(Caller caller, CancellationToken ct, params (Budget Budget, string Subject)[] attempts)
    {
        if (!options.Value.Throttle.Enabled) return null;
        foreach (var (budget, subject) in attempts)
            if (await TakeAsync(caller, null, budget, subject, ct) is { } refusal) return refusal;
        return null;
    }

    /// <summary>
    /// Takes a guess at an account's password, from whichever door: one budget for all of them. Beyond <see cref="WrongInARow"/>
    /// it is taken all the same and matches nothing, as for a name that nobody has; the owner is told, once.
    /// </summary>
    /// <param name="caller">Who guesses.</param>
    /// <param name="user">Whose password; null where nobody has the name.</param>
    /// <param name="account">What it is counted for: the account's id, or the name that nobody has.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<Outcome<Guess>> TakeGuessAsync(Caller caller, AuthUser? user, string account, CancellationToken ct)
    {
        if (gate.Enter() is not { } place) return HashingGate.Full;
        var guess = new Guess(place, user, account);
        var taken = false;
        try
        {
            if (options.Value.Throttle.Enabled)
            {
                await using var transaction = await db.Database.BeginTransactionAsync(ct);
                var refusal = await TakeAsync(caller, user?.Id, Budget.SignInPerAddress, Network(caller), ct)
                              ?? await TakeAsync(caller, user?.Id, Budget.SignInPerAccount, account, ct);
                if (refusal is null && !await CountInARowAsync(caller, user, ct)) guess = new Guess(place, null, account);
                await transaction.CommitAsync(ct);
                if (refusal is not null) return refusal;
            }
            taken = true;
            return guess;
        }
        finally
        {
            if (!taken) place.Dispose();
        }
    }

    /// <summary>The guess was right: gives it back to the network, and ends the account's row of wrong ones.</summary>
    public async Task GuessedRightAsync(Caller caller, Guess guess, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await ReturnAsync(Budget.SignInPerAddress, Network(caller), ct);
        await ClearAsync(Budget.SignInPerAccount, guess.Account, ct);
        await db.Users.Where(u => u.Id == guess.Account && u.AccessFailedCount > 0)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.AccessFailedCount, 0), ct);
        await transaction.CommitAsync(ct);
    }

    /// <summary>Takes a letter that anybody can ask for to this address.</summary>
    public Task<Refusal?> TakeLetterAsync(Caller caller, string address, CancellationToken ct) =>
        TakeAsync(caller, ct, (Budget.MailPerCaller, Network(caller)), (Budget.MailPerAddress, address));

    /// <summary>Gives one attempt back: it turned out to be the owner's.</summary>
    public Task ReturnAsync(Budget budget, string subject, CancellationToken ct)
    {
        var (key, limit) = (Key(budget, subject), Limit(budget).Limit);
        return db.ThrottleCounts.Where(c => c.Key == key && c.Count > 0)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.Count, c => c.Count > limit ? limit - 1 : c.Count - 1), ct);
    }

    /// <summary>Forgets what was counted: a right password ends a row of wrong ones (NIST SP 800-63B-4 §3.2.2).</summary>
    public Task ClearAsync(Budget budget, string subject, CancellationToken ct)
    {
        var key = Key(budget, subject);
        return db.ThrottleCounts.Where(c => c.Key == key).ExecuteDeleteAsync(ct);
    }

    /// <summary>What a network address is counted as: an IPv6 host owns a whole /64.</summary>
    public static string Network(Caller caller)
    {
        if (!IPAddress.TryParse(caller.Address, out var address)) return "unknown";
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return address.AddressFamily == AddressFamily.InterNetworkV6
            ? Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)) : address.ToString();
    }

    // False where the account has had its row of wrong ones. Nobody's name runs the same statement.
    private async Task<bool> CountInARowAsync(Caller caller, AuthUser? user, CancellationToken ct)
    {
        var id = user?.Id ?? "";
        var counted = await db.Users.Where(u => u.Id == id && u.AccessFailedCount < WrongInARow)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.AccessFailedCount, u => u.AccessFailedCount + 1), ct);
        if (user is null || counted == 1) return true;
        var first = await db.Users.Where(u => u.Id == id && u.AccessFailedCount == WrongInARow)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.AccessFailedCount, WrongInARow + 1), ct) == 1;
        if (!first) return false;
        if (user.Email is not null) outbox.Promise(LetterKind.PasswordStopped, user.Email, caller, user.Id);
        audit.Write(AuditEvent.PasswordStopped, caller, user.Id);
        await db.SaveChangesAsync(ct);
        return false;
    }

    private async Task<Refusal?> TakeAsync(Caller caller, string? userId, Budget budget, string subject, CancellationToken ct)
    {
        var key = Key(budget, subject);
        var (limit, window) = Limit(budget);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var end = now + (long)window.TotalMilliseconds;
        // One statement: starts a window, counts in a running one, starts the next, or changes no row when the budget is spent.
        var taken = await db.Database.ExecuteSqlAsync(
            $"""
             INSERT INTO "ThrottleCounts" ("Key", "Count", "ResetsAt") VALUES ({key}, 1, {end})
             ON CONFLICT ("Key") DO UPDATE SET
               "Count" = CASE WHEN "ThrottleCounts"."ResetsAt" <= {now} THEN 1 ELSE "ThrottleCounts"."Count" + 1 END,
               "ResetsAt" = CASE WHEN "ThrottleCounts"."ResetsAt" <= {now} THEN {end} ELSE "ThrottleCounts"."ResetsAt" END
             WHERE "ThrottleCounts"."ResetsAt" <= {now} OR "ThrottleCounts"."Count" < {limit}
             """, ct);
        if (taken > 0) return null;
        // Written down once in a window: a flood is not to fill the audit as well.
        if (await db.ThrottleCounts.Where(c => c.Key == key && c.Count == limit).ExecuteUpdateAsync(set => set.SetProperty(c => c.Count, limit + 1), ct) == 1)
        {
            audit.Write(AuditEvent.Throttled, caller, userId, AuthError.RateLimited);
            await db.SaveChangesAsync(ct);
        }
        var resets = await db.ThrottleCounts.Where(c => c.Key == key).Select(c => (DateTimeOffset?)c.ResetsAt).SingleOrDefaultAsync(ct);
        var wait = (resets ?? time.GetUtcNow()) - time.GetUtcNow();
        return new Refusal(AuthError.RateLimited) { RetryAfter = wait > TimeSpan.FromSeconds(1) ? wait : TimeSpan.FromSeconds(1) };
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
        };
    }

    private string Key(Budget budget, string subject) => Convert.ToHexString(secret.Hash("throttle", $"{budget}:{subject}"));
}
