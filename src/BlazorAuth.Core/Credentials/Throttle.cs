using System.Net;
using System.Net.Sockets;
using BlazorAuth.Core.Data;
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
}

/// <summary>
/// Attempts are counted by one conditional statement before the work they pay for, so that parallel ones cannot outrun the
/// count (Keycloak CVE-2024-4629, Devise CVE-2019-5421). Counts are in the store: restarts and other processes see them.
/// </summary>
public sealed class Throttle(AuthDbContext db, Secret secret, IOptions<AuthOptions> options, TimeProvider time)
{
    /// <summary>Takes one attempt from each budget; the refusal says when the next would count.</summary>
    public async Task<Refusal?> TakeAsync(CancellationToken ct, params (Budget Budget, string Subject)[] attempts)
    {
        if (!options.Value.Throttle.Enabled) return null;
        foreach (var (budget, subject) in attempts)
            if (await TakeAsync(budget, subject, ct) is { } refusal) return refusal;
        return null;
    }

    /// <summary>Takes a guess at an account's password, from whichever door: one budget for all of them.</summary>
    public Task<Refusal?> TakeGuessAsync(Caller caller, string account, CancellationToken ct) =>
        TakeAsync(ct, (Budget.SignInPerAddress, Network(caller)), (Budget.SignInPerAccount, account));

    /// <summary>The guess was right: gives it back to the network, and ends the account's row of wrong ones.</summary>
    public async Task GuessedRightAsync(Caller caller, string account, CancellationToken ct)
    {
        await ReturnAsync(Budget.SignInPerAddress, Network(caller), ct);
        await ClearAsync(Budget.SignInPerAccount, account, ct);
    }

    /// <summary>Takes a letter that anybody can ask for to this address.</summary>
    public Task<Refusal?> TakeLetterAsync(Caller caller, string address, CancellationToken ct) =>
        TakeAsync(ct, (Budget.MailPerCaller, Network(caller)), (Budget.MailPerAddress, address));

    /// <summary>Gives one attempt back: it turned out to be the owner's.</summary>
    public Task ReturnAsync(Budget budget, string subject, CancellationToken ct)
    {
        var key = Key(budget, subject);
        return db.ThrottleCounts.Where(c => c.Key == key && c.Count > 0)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.Count, c => c.Count - 1), ct);
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

    private async Task<Refusal?> TakeAsync(Budget budget, string subject, CancellationToken ct)
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
        };
    }

    private string Key(Budget budget, string subject) => Convert.ToHexString(secret.Hash("throttle", $"{budget}:{subject}"));
}
