using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace BlazorAuth.UnitTests.Support;

/// <summary>How often passwords were hashed and compared.</summary>
public sealed class HashLog
{
    private int hashed,
        verified;

    public int Hashed => hashed;
    public int Verified => verified;

    /// <summary>Runs once, after the next comparison: a place for what happens while a sign-in is under way.</summary>
    public Action? AfterNextVerify { get; set; }

    /// <summary>How much longer each comparison takes.</summary>
    public TimeSpan Slow { get; set; }

    internal void Hash() => Interlocked.Increment(ref hashed);

    internal void Verify()
    {
        Interlocked.Increment(ref verified);
        if (Slow > TimeSpan.Zero)
            Thread.Sleep(Slow);
        var act = AfterNextVerify;
        AfterNextVerify = null;
        act?.Invoke();
    }
}

/// <summary>The product's own hasher, counted.</summary>
internal sealed class CountingHasher(IOptions<PasswordHasherOptions> options, HashLog log) : IPasswordHasher<AuthUser>
{
    private readonly NfcPasswordHasher inner = new(options);

    public string HashPassword(AuthUser user, string password)
    {
        log.Hash();
        return inner.HashPassword(user, password);
    }

    public PasswordVerificationResult VerifyHashedPassword(
        AuthUser user,
        string hashedPassword,
        string providedPassword
    )
    {
        var result = inner.VerifyHashedPassword(user, hashedPassword, providedPassword);
        log.Verify();
        return result;
    }
}
