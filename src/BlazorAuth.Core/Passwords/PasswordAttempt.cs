using BlazorAuth.Core.Accounts;

namespace BlazorAuth.Core.Passwords;

/// <summary>
/// A guess at an account's password that has been counted: the one thing a password is compared for, so that no door
/// can compare without counting. Give it back when the comparison is done.
/// </summary>
public sealed class PasswordAttempt : IDisposable
{
    internal PasswordAttempt(PasswordHashingLimiter.Lease place, AuthUser? user, string account, string counted) =>
        (Place, User, Account, Counted) = (place, user, account, counted);

    internal PasswordHashingLimiter.Lease Place { get; }
    internal AuthUser? User { get; }
    internal string Account { get; }

    /// <summary>What the attempt was counted for: the account, or one device that the account knows.</summary>
    internal string Counted { get; }

    /// <inheritdoc />
    public void Dispose() => Place.Dispose();
}
