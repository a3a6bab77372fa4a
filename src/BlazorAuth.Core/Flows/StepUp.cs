using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// Proof, again, that the caller is the account's owner, before a sensitive act (ASVS 7.5.1): by password, passkey or authenticator
/// code, never by a recovery code. Guesses count in the same budgets as at sign-in. Kills: the credentials of the session from before,
/// which is renewed (ASVS 7.2.4). Refuses with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.InvalidCredentials"/>, <see cref="AuthError.SecondFactorInvalid"/>, <see cref="AuthError.PasskeyFailed"/>,
/// <see cref="AuthError.StepUpRequired"/>, <see cref="AuthError.SessionRevoked"/>; an API key with <see cref="AuthError.Forbidden"/>.
/// </summary>
public sealed class StepUp(
    AuthDbContext db, Passwords passwords, SecondFactors factors, PasskeyCeremonies ceremonies, Sessions sessions, Throttle throttle,
    Audit audit, IOptions<AuthOptions> options, TimeProvider time)
{
    /// <summary>One of the three is given: the password, the code, or a passkey's ticket and answer.</summary>
    public sealed record Input(string? Password, string? Code, string? Ticket = null, string? Credential = null);

    /// <summary>Begins the ceremony of a proof by passkey: its ticket is the caller's own, in this session.</summary>
    public async Task<Outcome<Ceremony>> BeginPasskeyAsync(Caller caller, CancellationToken ct)
    {
        if (caller.ByKey) return AuthError.Forbidden;
        var user = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        return user is null ? AuthError.SessionRevoked : await ceremonies.BeginAsync(caller, user, ct);
    }

    /// <summary>Proves it, and returns the session whose credentials must be issued anew.</summary>
    public async Task<Outcome<Session>> ProveAsync(Caller caller, Input input, CancellationToken ct)
    {
        if (caller.ByKey) return AuthError.Forbidden;
        var user = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        if (user is null) return AuthError.SessionRevoked;
        if (input.Ticket is not null || input.Credential is not null) return await WithPasskeyAsync(caller, input, ct);
        if (input.Code is null)
            return await WithPasswordAsync(caller, user, input.Password, "password", ct) is { } wrong ? wrong : await FreshenAsync(caller, "pwd", ct);
        if (string.IsNullOrWhiteSpace(input.Code)) return Refusal.Shape("code", Fault.Required);
        if (await factors.CountAsync(caller, user.Id, ct) is { } limited) return limited;
        if (await factors.SpendTotpAsync(user.Id, input.Code, ct)) return await FreshenAsync(caller, $"otp {Session.TwoFactors}", ct);
        audit.Write(AuditEvent.StepUpRefused, caller, reason: AuthError.SecondFactorInvalid);
        await db.SaveChangesAsync(ct);
        return Refusal.Of(AuthError.SecondFactorInvalid, "code", Fault.Wrong);
    }

    /// <summary>What the caller's account can be proven with.</summary>
    public Task<WaysIn> WaysAsync(Caller caller, CancellationToken ct) => WaysIn.ReadAsync(db, caller.UserId ?? "", ct);

    /// <summary>
    /// Whether the caller proved who they are so recently that a sensitive act asks for nothing. A sign-in counts at our own API
    /// and where it was made; at another dialect only a step-up does, or a token could do more there than at home.
    /// </summary>
    public bool IsFresh(Caller caller) =>
        !caller.ByKey && (caller.Door is null || caller.AtHome || caller.SteppedUp)
        && time.GetUtcNow() - caller.AuthenticatedAt < options.Value.Sessions.StepUpWindow;

    /// <summary>Renews the caller's session after a proof, which is added to what it was begun with.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="methods">RFC 8176 values of the proof.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <param name="spend">Spends, in the same transaction, what was proven with; its refusal undoes everything.</param>
    internal async Task<Outcome<Session>> FreshenAsync(
        Caller caller, string methods, CancellationToken ct, Func<Task<Refusal?>>? spend = null)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await db.HoldAsync(caller.UserId, ct)) return AuthError.SessionRevoked;
        if (spend is not null && await spend() is { } spent) return spent;
        if (await sessions.RenewAsync(caller.SessionId, ct, methods) is not { } session) return AuthError.SessionRevoked;
        audit.Write(AuditEvent.SteppedUp, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return session;
    }

    private async Task<Outcome<Session>> WithPasskeyAsync(Caller caller, Input input, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(input.Ticket)) return Refusal.Shape("ticket", Fault.Required);
        if (string.IsNullOrEmpty(input.Credential)) return Refusal.Shape("credential", Fault.Required);
        if (await ceremonies.CheckAsync(input.Ticket, input.Credential, caller, ct) is { } proven)
            return await FreshenAsync(caller, proven.Methods, ct, async () => await ceremonies.UseAsync(proven, ct) ? null : AuthError.PasskeyFailed);
        audit.Write(AuditEvent.PasskeyRefused, caller, reason: AuthError.PasskeyFailed);
        await db.SaveChangesAsync(ct);
        return AuthError.PasskeyFailed;
    }

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

    /// <summary>The caller's account, as it is stored, after the proof that <see cref="DemandAsync"/> takes. The field is <c>password</c>.</summary>
    internal async Task<Outcome<AuthUser>> OwnerAsync(Caller caller, string? password, CancellationToken ct)
    {
        var user = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        return user is null ? AuthError.SessionRevoked
            : await DemandAsync(caller, user, password, "password", ct) is { } unproven ? unproven : user;
    }

    /// <summary>
    /// Takes a password where one is given, and a recent proof where it is null. An empty one stands for the field of a form that was
    /// left empty: a recent proof then does, but only for whoever has something else than the password to give it with.
    /// </summary>
    public async Task<Refusal?> DemandAsync(Caller caller, AuthUser user, string? password, string field, CancellationToken ct) =>
        caller.ByKey ? AuthError.Forbidden
        : password is { Length: > 0 } || (password is not null && !(await WaysAsync(caller, ct)).WithoutPassword)
            ? await WithPasswordAsync(caller, user, password, field, ct)
        : IsFresh(caller) ? null
        : AuthError.StepUpRequired;
}
