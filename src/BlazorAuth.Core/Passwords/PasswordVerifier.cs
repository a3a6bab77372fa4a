using System.Collections.Frozen;
using System.Text;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Passwords;

/// <summary>Password policy, and every comparison of a password (ASVS 6.2, NIST SP 800-63B-4 §3.1.1).</summary>
public sealed class PasswordVerifier(
    AuthDbContext db,
    IPasswordHasher<AuthUser> hasher,
    UserManager<AuthUser> users,
    DummyPasswordHash standIn,
    IOptions<AuthOptions> options
)
{
    private static readonly FrozenSet<string> Common = ReadCommon();

    /// <summary>
    /// Whether the password is the account's. For a missing account, or one without a password, the same work is done
    /// against a stand-in, so that the answer takes as long. A hash with older parameters is renewed.
    /// </summary>
    public async Task<bool> MatchesAsync(PasswordAttempt guess, string password, CancellationToken ct)
    {
        var user = guess.User;
        // Longer than any password can be: still one hash of work, of a text that is never right.
        var tooLong = CodePoints(password) > options.Value.Passwords.MaximumLength;
        var hash = tooLong ? null : user?.PasswordHash;
        var (result, renewed) = await guess.Place.RunAsync(
            () =>
            {
                var compared = hasher.VerifyHashedPassword(
                    user ?? standIn.User,
                    hash ?? standIn.Hash(hasher),
                    tooLong ? "" : password
                );
                return (
                    compared,
                    hash is not null && compared == PasswordVerificationResult.SuccessRehashNeeded
                        ? hasher.HashPassword(user!, password)
                        : null
                );
            },
            ct
        );
        if (hash is null || result == PasswordVerificationResult.Failed)
            return false;
        if (renewed is not null)
            await db
                .Users.Where(u => u.Id == user!.Id && u.PasswordHash == hash)
                .ExecuteUpdateAsync(set => set.SetProperty(u => u.PasswordHash, renewed), ct);
        return true;
    }

    /// <summary>Spends the work of one hash: what making an account costs, where none is made.</summary>
    public Task StandInAsync(PasswordHashingLimiter.Lease place, string password, CancellationToken ct) =>
        place.RunAsync(() => hasher.HashPassword(standIn.User, password), ct);

    /// <summary>
    /// Whether the password may be set, and if not, why not. <paramref name="field"/> is its JSON name.
    /// </summary>
    public AuthFailure? Judge(string? password, string field, string? email, string? userName)
    {
        var rules = options.Value.Passwords;
        if (string.IsNullOrEmpty(password))
            return AuthFailure.Shape(field, FieldErrorCode.Required);
        var length = CodePoints(password);
        if (length < rules.MinimumLength)
            return AuthFailure.Of(AuthError.WeakPassword, field, FieldErrorCode.TooShort, rules.MinimumLength);
        if (length > rules.MaximumLength)
            return AuthFailure.Of(AuthError.WeakPassword, field, FieldErrorCode.TooLong, rules.MaximumLength);
        string?[] own = [email, email?.Split('@')[0], userName, "blazorauth", .. SiteNames()];
        if (
            own.Any(name =>
                string.Equals(name, password, StringComparison.OrdinalIgnoreCase)
                || PasswordPatterns.IsNameWithDigits(password, name)
            )
        )
            return AuthFailure.Of(AuthError.WeakPassword, field, FieldErrorCode.Guessable);
        return
            Common.Contains(password.ToLowerInvariant())
            || PasswordPatterns.IsRepetition(password)
            || PasswordPatterns.IsRuns(password)
            ? AuthFailure.Of(AuthError.CommonPassword, field, FieldErrorCode.Common)
            : null;
    }

    // The host's name and its parts: 'login.acme.example' is 'acme' to those who guess.
    private string[] SiteNames() => [options.Value.Site.Host, .. options.Value.Site.Host.Split('.')];

    /// <summary>Adds a new account with its password to the caller's unit of work, through Identity.</summary>
    /// <exception cref="InvalidOperationException">Identity refused what <see cref="Judge"/> let pass.</exception>
    public async Task CreateAsync(
        PasswordHashingLimiter.Lease place,
        AuthUser user,
        string password,
        CancellationToken ct
    ) => (await await place.RunAsync(() => users.CreateAsync(user, password), ct)).Demand();

    /// <summary>
    /// Sets the password in the tracked user through Identity, so that its validators and its security stamp apply.
    /// Saved by the caller.
    /// </summary>
    /// <exception cref="InvalidOperationException">Identity refused what <see cref="Judge"/> let pass.</exception>
    public async Task SetAsync(PasswordHashingLimiter.Lease place, AuthUser user, string password, CancellationToken ct)
    {
        (user.PasswordHash, user.AccessFailedCount) = (null, 0);
        (await await place.RunAsync(() => users.AddPasswordAsync(user, password), ct)).Demand();
    }

    /// <summary>
    /// The form in which passwords are hashed and compared: the same emails typed on another keyboard are the same
    /// password.
    /// </summary>
    internal static string Nfc(string text)
    {
        try
        {
            return text.Normalize(NormalizationForm.FormC);
        }
        catch (ArgumentException)
        {
            return text; // not valid UTF-16; hashed as it is
        }
    }

    internal static int CodePoints(string text) => text.EnumerateRunes().Count();

    private static FrozenSet<string> ReadCommon()
    {
        using var stream = typeof(PasswordVerifier).Assembly.GetManifestResourceStream("common-passwords.txt")!;
        using var reader = new StreamReader(stream);
        return reader
            .ReadToEnd()
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .ToFrozenSet(StringComparer.Ordinal);
    }
}

internal static class IdentityResults
{
    /// <summary>For results that flow policy has already made certain: anything else is a fault of ours.</summary>
    public static void Demand(this IdentityResult result)
    {
        if (!result.Succeeded)
            throw new InvalidOperationException(
                "Identity refused: " + string.Join(", ", result.Errors.Select(e => e.Code))
            );
    }
}
