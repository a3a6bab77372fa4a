using System.Security.Cryptography;
using System.Text;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using Microsoft.AspNetCore.Cryptography.KeyDerivation;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.TwoFactor;

/// <summary>
/// What an account has beside its password, and every comparison of it. A guess is counted before it is looked at, for
/// the account and whichever door, and each code is spent by one conditional statement (ASVS 6.5.1).
/// </summary>
public sealed class SecondFactorStore(
    AuthDbContext db,
    KeyRing ring,
    Throttle throttle,
    IOptions<PasswordHasherOptions> hashing,
    TimeProvider time
)
{
    /// <summary>Recovery codes made at a time.</summary>
    public const int RecoveryCodeCount = 10;

    private const int SaltLength = 16;

    // Crockford's: nothing that is mistaken for something else. Ten of them are 50 bits.
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    private const int RecoveryCodeLength = 10;

    /// <summary>Whether an authenticator app is on.</summary>
    public Task<bool> AreOnAsync(string userId, CancellationToken ct) => Confirmed(userId).AnyAsync(ct);

    /// <summary>
    /// Whether a sign-in with one factor needs a second: where an authenticator app is on, and where there is a passkey
    /// that the owner wants to be asked for. An administrator's passkey always is.
    /// </summary>
    public async Task<bool> AreDueAsync(string userId, CancellationToken ct) =>
        await AreOnAsync(userId, ct) || await IsPasskeyDueAsync(userId, ct);

    /// <summary>Whether a passkey is asked for after the password.</summary>
    internal Task<bool> IsPasskeyDueAsync(string userId, CancellationToken ct) =>
        db.Users.AnyAsync(
            u =>
                u.Id == userId
                && db.UserPasskeys.Any(p => p.UserId == userId)
                && (
                    u.PasskeyAfterPassword
                    || db.UserRoles.Any(r => r.UserId == userId && r.RoleId == AuthDbContext.Administrator)
                ),
            ct
        );

    /// <summary>
    /// What would be taken as the second factor: <c>totp</c>, <c>recovery_code</c>; <c>passkey</c> where one could sign
    /// in instead.
    /// </summary>
    public async Task<IReadOnlyList<string>> MethodsAsync(string userId, CancellationToken ct)
    {
        List<string> methods = await AreOnAsync(userId, ct) ? ["totp"] : [];
        if (await LeftAsync(userId, ct) > 0)
            methods.Add("recovery_code");
        if (await db.UserPasskeys.AnyAsync(p => p.UserId == userId, ct))
            methods.Add("passkey");
        return methods;
    }

    /// <summary>How many recovery codes are left.</summary>
    public Task<int> LeftAsync(string userId, CancellationToken ct) =>
        db.RecoveryCodes.CountAsync(c => c.UserId == userId && c.UsedAt == null, ct);

    /// <summary>Counts a guess at an account's code, before it is looked at.</summary>
    public Task<AuthFailure?> CountAsync(Caller caller, string userId, CancellationToken ct) =>
        throttle.TakeAsync(caller, ct, (Budget.SecondFactorPerAccount, userId));

    /// <summary>
    /// Takes a code of the account's authenticator app. True for one of any number of callers, and never again for a
    /// code of that step or an earlier one. A wrong one counts, at once and whatever becomes of the caller's
    /// transaction: call it outside of one.
    /// </summary>
    public async Task<bool> SpendTotpAsync(string userId, string code, CancellationToken ct)
    {
        if (await Confirmed(userId).AsNoTracking().SingleOrDefaultAsync(ct) is not { } app)
            return false;
        var row = db.Authenticators.Where(a => a.Id == app.Id);
        var counted = await row.Where(a => a.FailedCount < Throttle.WrongInARow)
            .ExecuteUpdateAsync(set => set.SetProperty(a => a.FailedCount, a => a.FailedCount + 1), ct);
        if (counted == 0)
            return false;
        foreach (var step in TotpCode.StepsOf(Unwrap(app), code, time.GetUtcNow()))
            if (
                await row.Where(a => a.LastStep < step)
                    .ExecuteUpdateAsync(
                        set => set.SetProperty(a => a.LastStep, step).SetProperty(a => a.FailedCount, 0),
                        ct
                    ) == 1
            )
            {
                await throttle.ClearAsync(Budget.SecondFactorPerAccount, userId, ct);
                return true;
            }
        return false;
    }

    /// <summary>
    /// The unused recovery code this is. Compare it before the transaction that spends it: nobody else is to wait for
    /// the hash.
    /// </summary>
    internal async Task<RecoveryCode?> FindRecoveryCodeAsync(
        PasswordHashingLimiter.Lease place,
        string userId,
        string code,
        CancellationToken ct
    )
    {
        var left = await db
            .RecoveryCodes.AsNoTracking()
            .Where(c => c.UserId == userId && c.UsedAt == null)
            .ToListAsync(ct);
        if (left.Count == 0)
            return null;
        var typed = await place.RunAsync(() => Hash(Normal(code), left[0].Salt), ct);
        return left.Find(c => CryptographicOperations.FixedTimeEquals(c.Hash, typed));
    }

    /// <summary>Spends a recovery code; true for one of any number of callers.</summary>
    internal async Task<bool> SpendRecoveryCodeAsync(RecoveryCode code, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var spent =
            await db
                .RecoveryCodes.Where(c => c.Id == code.Id && c.UsedAt == null)
                .ExecuteUpdateAsync(set => set.SetProperty(c => c.UsedAt, now), ct) == 1;
        if (spent)
            await throttle.ClearAsync(Budget.SecondFactorPerAccount, code.UserId, ct);
        return spent;
    }

    /// <summary>
    /// Recovery codes that count from <see cref="PutAsync"/> on. Their texts exist here and nowhere else.
    /// </summary>
    internal sealed record Fresh(IReadOnlyList<string> Codes, IReadOnlyList<RecoveryCode> Rows);

    /// <summary>Ten new recovery codes. Hash them before the transaction: nobody else is to wait for it.</summary>
    internal async Task<Fresh> MakeRecoveryCodesAsync(
        PasswordHashingLimiter.Lease place,
        string userId,
        CancellationToken ct
    )
    {
        var salt = RandomNumberGenerator.GetBytes(SaltLength);
        var codes = Enumerable
            .Range(0, RecoveryCodeCount)
            .Select(_ => RandomNumberGenerator.GetString(Alphabet, RecoveryCodeLength))
            .ToList();
        var hashes = await place.RunAsync(() => codes.ConvertAll(code => Hash(code, salt)), ct);
        var now = time.GetUtcNow();
        return new(
            codes.ConvertAll(code => $"{code[..(RecoveryCodeLength / 2)]}-{code[(RecoveryCodeLength / 2)..]}"),
            hashes.ConvertAll(hash => new RecoveryCode
            {
                Id = Guid.CreateVersion7().ToString(),
                UserId = userId,
                Salt = salt,
                Hash = hash,
                CreatedAt = now,
            })
        );
    }

    /// <summary>Puts them in place of all before. Saved by the caller.</summary>
    internal async Task PutAsync(string userId, Fresh fresh, CancellationToken ct)
    {
        await db.RecoveryCodes.Where(c => c.UserId == userId).ExecuteDeleteAsync(ct);
        db.RecoveryCodes.AddRange(fresh.Rows);
    }

    /// <summary>Wraps the secret of an authenticator for its id.</summary>
    internal byte[] Wrap(string id, byte[] secret) => ring.Master.Wrap(Name(id), secret);

    /// <summary>The secret of an authenticator.</summary>
    internal byte[] Unwrap(Authenticator app) => ring.Master.Unwrap(Name(app.Id), app.Wrapped);

    private static string Name(string id) => $"authenticator:{id}";

    private IQueryable<Authenticator> Confirmed(string userId) =>
        db.Authenticators.Where(a => a.UserId == userId && a.ConfirmedAt != null);

    // As slow as a password: 50 bits alone would fall in time to somebody who has the store. Keyed: who has only the
    // store has no key.
    private byte[] Hash(string code, byte[] salt) =>
        ring.Mac(
            "recovery-code",
            KeyDerivation.Pbkdf2(code, salt, KeyDerivationPrf.HMACSHA512, hashing.Value.IterationCount, 32)
        );

    // What people read off paper: capitals, spaces, O for zero.
    private static string Normal(string code) =>
        string.Concat(
            code.Normalize(NormalizationForm.FormKC)
                .ToLowerInvariant()
                .Where(char.IsAsciiLetterOrDigit)
                .Take(64)
                .Select(c =>
                    c switch
                    {
                        'o' => '0',
                        'i' or 'l' => '1',
                        _ => c,
                    }
                )
        );
}
