using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// Proof, again, that the caller is the account's owner, before a sensitive act (ASVS 7.5.1). Guesses count in the same budget
/// as at sign-in. Refuses with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.InvalidCredentials"/>, <see cref="AuthError.StepUpRequired"/>.
/// </summary>
public sealed class StepUp(Passwords passwords, Throttle throttle, IOptions<AuthOptions> options, TimeProvider time)
{
    /// <summary>Compares the current password. <paramref name="field"/> is its JSON name.</summary>
    public async Task<Refusal?> WithPasswordAsync(Caller caller, AuthUser user, string? password, string field, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(password)) return Refusal.Shape(field, Fault.Required);
        if (await throttle.TakeGuessAsync(caller, user.Id, ct) is { } limited) return limited;
        if (!await passwords.MatchesAsync(user, password, ct)) return Refusal.Of(AuthError.InvalidCredentials, field, Fault.Wrong);
        await throttle.GuessedRightAsync(caller, user.Id, ct);
        return null;
    }

    /// <summary>Takes a password where one is given, else a recent sign-in.</summary>
    public async Task<Refusal?> DemandAsync(Caller caller, AuthUser user, string? password, string field, CancellationToken ct) =>
        password is not null ? await WithPasswordAsync(caller, user, password, field, ct)
        : time.GetUtcNow() - caller.AuthenticatedAt < options.Value.Sessions.StepUpWindow ? null
        : AuthError.StepUpRequired;
}
