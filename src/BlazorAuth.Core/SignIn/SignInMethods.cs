using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.TwoFactor;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.SignIn;

/// <summary>What an account can be opened with. EmailTemplates do not count: an address can be lost too.</summary>
/// <param name="Password">Whether it has a password.</param>
/// <param name="Passkeys">How many passkeys it has.</param>
/// <param name="Providers">How many external providers are linked.</param>
/// <param name="Authenticator">Whether an authenticator app is its second factor.</param>
public sealed record SignInMethods(bool Password, int Passkeys, int Providers, bool Authenticator)
{
    /// <summary>Whether only one way is left, which nothing may remove.</summary>
    public bool IsLast => (Password ? 1 : 0) + Passkeys + Providers <= 1;

    /// <summary>Whether it has a factor that is stronger than a password: a passkey or an authenticator app.</summary>
    public bool HasFactor => Passkeys > 0 || Authenticator;

    /// <summary>Whether its owner has nothing to prove again who they are with but an external provider.</summary>
    public bool OnlyProviders => this is { Password: false, Passkeys: 0, Authenticator: false, Providers: > 0 };

    /// <summary>Those of one account.</summary>
    public static async Task<SignInMethods> ReadAsync(AuthDbContext db, string userId, CancellationToken ct) =>
        new(
            await db.Users.AnyAsync(u => u.Id == userId && u.PasswordHash != null, ct),
            await db.UserPasskeys.CountAsync(p => p.UserId == userId, ct),
            await db.UserLogins.CountAsync(l => l.UserId == userId, ct),
            await db.Authenticators.AnyAsync(a => a.UserId == userId && a.ConfirmedAt != null, ct)
        );

    /// <summary>
    /// Removes whatever somebody set beside the password: what a stranger put on an account before its owner came must
    /// open nothing afterwards (pre-hijack). Call it inside the transaction that voids the rest.
    /// </summary>
    internal static async Task RemoveCredentialsAsync(AuthDbContext db, string userId, CancellationToken ct)
    {
        await db.UserPasskeys.Where(p => p.UserId == userId).ExecuteDeleteAsync(ct);
        await db.UserLogins.Where(l => l.UserId == userId).ExecuteDeleteAsync(ct);
        await db.Authenticators.Where(a => a.UserId == userId).ExecuteDeleteAsync(ct);
        await db.RecoveryCodes.Where(c => c.UserId == userId).ExecuteDeleteAsync(ct);
        await db.TrustedDevices.Where(d => d.UserId == userId).ExecuteDeleteAsync(ct);
        await db
            .Users.Where(u => u.Id == userId && u.PasskeyAfterPassword)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.PasskeyAfterPassword, false), ct);
    }
}
