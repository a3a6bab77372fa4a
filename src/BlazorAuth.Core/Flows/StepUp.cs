using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// Proof, again, that the caller is the account's owner, before a sensitive act (ASVS 7.5.1). Guesses count in the same budget
/// as at sign-in. Refuses with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.InvalidCredentials"/>, <see cref="AuthError.StepUpRequired"/>; an API key with <see cref="AuthError.Forbidden"/>.
/// </summary>
public sealed class StepUp(
    AuthDbContext db, Passwords passwords, Throttle throttle, Audit audit, IOptions<AuthOptions> options, TimeProvider time)
{
    /// <summary>Compares the current password. <paramref name="field"/> is its JSON name.</summary>
    public async Task<Refusal?> WithPasswordAsync(Caller caller, AuthUser user, string? password, string field, CancellationToken ct)
    {
        if (caller.ByKey) return AuthError.Forbidden;
        if (string.IsNullOrEmpty(password)) return Refusal.Shape(field, Fault.Required);
        var taken = await throttle.TakeGuessAsync(caller, user, user.Id, ct);
        if (taken.Value is not { } guess) return taken.Refusal;
        using (guess)
            if (!await passwords.MatchesAsync(guess, password, ct))
            {
                audit.Write(AuditEvent.StepUpRefused, caller, reason: AuthError.InvalidCredentials);
                await db.SaveChangesAsync(ct);
                return Refusal.Of(AuthError.InvalidCredentials, field, Fault.Wrong);
            }
        await throttle.GuessedRightAsync(caller, guess, ct);
        return null;
    }

    /// <summary>Takes a password where one is given, else a recent sign-in.</summary>
    public async Task<Refusal?> DemandAsync(Caller caller, AuthUser user, string? password, string field, CancellationToken ct) =>
        caller.ByKey ? AuthError.Forbidden
        : password is not null ? await WithPasswordAsync(caller, user, password, field, ct)
        : time.GetUtcNow() - caller.AuthenticatedAt < options.Value.Sessions.StepUpWindow ? null
        : AuthError.StepUpRequired;
}
