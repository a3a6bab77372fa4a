using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passkeys;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.SignIn;

/// <summary>
/// Proof, again, that the caller is the account's owner, before a sensitive act (ASVS 7.5.1): by password, passkey or
/// authenticator code, never by a recovery code. A flow demands one of three things: a recent proof, a recent proof
/// by a factor, or a proof made for this one act (ADR 0020). Guesses count in the same budgets as at sign-in.
/// Revokes: the credentials of the session from before, which is renewed (ASVS 7.2.4).
/// Fails with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.InvalidCredentials"/>, <see cref="AuthError.SecondFactorInvalid"/>,
/// <see cref="AuthError.PasskeyFailed"/>, <see cref="AuthError.StepUpRequired"/>,
/// <see cref="AuthError.SessionRevoked"/>; an API key with <see cref="AuthError.Forbidden"/>.
/// </summary>
public sealed class Reauthenticate(
    AuthDbContext db,
    PasswordVerifier passwords,
    SecondFactorStore factors,
    PasskeyCeremonies ceremonies,
    OneTimeTokens tokens,
    SessionStore sessions,
    Throttle throttle,
    AuditLog audit,
    IOptions<AuthOptions> options,
    TimeProvider time
)
{
    /// <summary>
    /// How old a session may be for an act in a dialect whose published clients send no proof with it. It counts from
    /// the sign-in that began the session, in that same dialect (ADR 0020).
    /// </summary>
    public static readonly TimeSpan Moment = TimeSpan.FromMinutes(2);

    /// <summary>The account of a caller who proved to own it, and what the proof was made with.</summary>
    internal sealed class ReauthenticationResult(
        AuthUser user,
        Func<CancellationToken, Task<AuthFailure?>>? spend = null
    )
    {
        /// <summary>The account as it was when the proof was looked at. It is not tracked.</summary>
        public AuthUser User { get; } = user;

        /// <summary>Spends the proof. Call it inside the transaction of the act, which holds the account.</summary>
        public Task<AuthFailure?> SpendAsync(CancellationToken ct) =>
            spend is null ? Task.FromResult<AuthFailure?>(null) : spend(ct);
    }

    /// <summary>Begins the ceremony of a proof by passkey: its ticket is the caller's own, in this session.</summary>
    public async Task<Result<Ceremony>> BeginPasskeyAsync(Caller caller, CancellationToken ct)
    {
        if (caller.ByKey)
            return AuthError.Forbidden;
        return await FindAsync(caller, ct) is not { } user
            ? AuthError.SessionRevoked
            : await ceremonies.BeginAsync(caller, user, ct);
    }

    /// <summary>Proves it, and returns the session whose credentials must be issued anew.</summary>
    public async Task<Result<Session>> ReauthenticateAsync(Caller caller, Reauthentication proof, CancellationToken ct)
    {
        if (caller.ByKey)
            return AuthError.Forbidden;
        if (await FindAsync(caller, ct) is not { } user)
            return AuthError.SessionRevoked;
        if (await throttle.TakeChangeAsync(caller, ct) is { } limited)
            return limited;
        switch (proof)
        {
            case Reauthentication.ByPassword { Password: var password }:
                return await WithPasswordAsync(caller, user, password, "password", ct) is { } wrong
                    ? wrong
                    : await RenewSessionAsync(caller, "pwd", ct);
            case Reauthentication.ByCode { Code: var code }:
                return await WithCodeAsync(caller, user, code, ct) is { } refused
                    ? refused
                    : await RenewSessionAsync(caller, ByCodeMethods, ct);
            case Reauthentication.ByPasskey passkey:
                var checkedPasskey = await WithPasskeyAsync(caller, passkey, ct);
                return checkedPasskey.Value is not { } proven
                    ? checkedPasskey.Failure!
                    : await RenewSessionAsync(caller, proven.Methods, ct, () => UseAsync(proven, ct));
            case Reauthentication.RecentOnly:
                return AuthFailure.Shape("password", FieldErrorCode.Required);
            default:
                throw new InvalidOperationException("The family is closed.");
        }
    }

    /// <summary>What the caller's account can be proven with.</summary>
    public Task<SignInMethods> WaysAsync(Caller caller, CancellationToken ct) =>
        SignInMethods.ReadAsync(db, caller.UserId ?? "", ct);

    /// <summary>
    /// Whether the caller proved who they are so recently that a sensitive act asks for nothing. A sign-in counts at
    /// our own API and where it was made; at another dialect only a step-up does, or a token could do more there than
    /// at home.
    /// </summary>
    private bool IsRecentlyAuthenticated(Caller caller) =>
        !caller.ByKey
        && (caller.Door is null || caller.AtHome || caller.SteppedUp)
        && time.GetUtcNow() - caller.AuthenticatedAt < options.Value.Sessions.StepUpWindow;

    /// <summary>Renews the caller's session after a proof, which is added to what it was begun with.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="methods">RFC 8176 values of the proof.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <param name="spend">
    /// Spends, in the same transaction, what was proven with; its refusal undoes everything.
    /// </param>
    internal async Task<Result<Session>> RenewSessionAsync(
        Caller caller,
        string methods,
        CancellationToken ct,
        Func<Task<AuthFailure?>>? spend = null
    )
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await db.LockUserRowAsync(caller.UserId, ct))
            return AuthError.SessionRevoked;
        if (spend is not null && await spend() is { } spent)
            return spent;
        if (await sessions.RenewAsync(caller.SessionId, ct, methods) is not { } session)
            return AuthError.SessionRevoked;
        await OneTimeTokens.AllowCodesAsync(db, caller.UserId!, ct);
        audit.Write(AuditEvent.SteppedUp, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return session;
    }

    private async Task<Result<PasskeyCeremonies.Assertion>> WithPasskeyAsync(
        Caller caller,
        Reauthentication.ByPasskey proof,
        CancellationToken ct
    )
    {
        if (string.IsNullOrEmpty(proof.Ticket))
            return AuthFailure.Shape(
                string.IsNullOrEmpty(proof.Credential) ? "credential" : "ticket",
                FieldErrorCode.Required
            );
        if (string.IsNullOrEmpty(proof.Credential))
            return AuthFailure.Shape("credential", FieldErrorCode.Required);
        var looked = await ceremonies.CheckAsync(caller, proof.Ticket, proof.Credential, caller, ct);
        if (looked.Value is { } proven)
            return proven;
        if (looked.Failure is { Error: AuthError.RateLimited } tooMany)
            return tooMany;
        await throttle.NoteAsync(caller, AuditEvent.PasskeyRefused, ct, reason: AuthError.PasskeyFailed);
        return AuthError.PasskeyFailed;
    }

    private async Task<AuthFailure?> UseAsync(PasskeyCeremonies.Assertion proven, CancellationToken ct) =>
        await ceremonies.UseAsync(proven, ct) ? null : AuthError.PasskeyFailed;

    // A right code is spent by this very call, whatever becomes of the act: it never proves anything again.
    private async Task<AuthFailure?> WithCodeAsync(Caller caller, AuthUser user, string? code, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(code))
            return AuthFailure.Shape("code", FieldErrorCode.Required);
        if (await factors.CountAsync(caller, user.Id, ct) is { } limited)
            return limited;
        if (await factors.SpendTotpAsync(user.Id, code, ct))
            return null;
        audit.Write(AuditEvent.StepUpRefused, caller, reason: AuthError.SecondFactorInvalid);
        await db.SaveChangesAsync(ct);
        return AuthFailure.Of(AuthError.SecondFactorInvalid, "code", FieldErrorCode.Wrong);
    }

    /// <summary>Compares the current password. <paramref name="field"/> is its JSON name.</summary>
    private async Task<AuthFailure?> WithPasswordAsync(
        Caller caller,
        AuthUser user,
        string? password,
        string field,
        CancellationToken ct
    )
    {
        if (caller.ByKey)
            return AuthError.Forbidden;
        if (string.IsNullOrEmpty(password))
            return AuthFailure.Shape(field, FieldErrorCode.Required);
        var taken = await throttle.BeginAttemptAsync(caller, user, user.Id, ct);
        if (taken.Value is not { } guess)
            return taken.Failure;
        using (guess)
            if (!await passwords.MatchesAsync(guess, password, ct))
            {
                await throttle.NoteAsync(caller, AuditEvent.StepUpRefused, ct, reason: AuthError.InvalidCredentials);
                return AuthFailure.Of(AuthError.InvalidCredentials, field, FieldErrorCode.Wrong);
            }
        await throttle.ReportSuccessAsync(caller, guess, ct);
        return null;
    }

    /// <summary>
    /// The caller's account, for an act that a recent proof of any kind is enough for. A proof that was sent is
    /// checked, and must be right.
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="proof">What was sent.</param>
    /// <param name="field">The JSON name of the field for the password.</param>
    /// <param name="ct">Ends the wait.</param>
    internal async Task<Result<ReauthenticationResult>> RequireRecentAuthenticationAsync(
        Caller caller,
        Reauthentication proof,
        string field,
        CancellationToken ct
    )
    {
        if (caller.ByKey)
            return AuthError.Forbidden;
        if (await FindAsync(caller, ct) is not { } user)
            return AuthError.SessionRevoked;
        if (proof is not Reauthentication.RecentOnly)
            return await DemandSentAsync(caller, user, proof, field, ct);
        return IsRecentlyAuthenticated(caller) ? new ReauthenticationResult(user) : AuthError.StepUpRequired;
    }

    /// <summary>The same where nothing was sent: the caller's account after a recent proof.</summary>
    internal async Task<Result<AuthUser>> OwnerAsync(Caller caller, CancellationToken ct) =>
        (await RequireRecentAuthenticationAsync(caller, new Reauthentication.RecentOnly(), "password", ct)).Match<
            Result<AuthUser>
        >(proven => proven.User, refusal => refusal);

    /// <summary>
    /// The caller's account, for an act that adds or removes a way to prove who they are. Where the account has a
    /// passkey or an authenticator app, one of them must have proven the caller recently: who knows the password alone
    /// must not add a factor of their own and remove the owner's.
    /// </summary>
    internal async Task<Result<AuthUser>> OwnerByFactorAsync(Caller caller, CancellationToken ct)
    {
        if (caller.ByKey)
            return AuthError.Forbidden;
        if (await FindAsync(caller, ct) is not { } user)
            return AuthError.SessionRevoked;
        var ways = await WaysAsync(caller, ct);
        if (!ways.HasFactor)
            return IsRecentlyAuthenticated(caller) ? user : AuthError.StepUpRequired;
        return HadFactor(caller, time.GetUtcNow())
            ? user
            : AuthFailure.Of(
                AuthError.StepUpRequired,
                ways.Authenticator ? "code" : "credential",
                FieldErrorCode.Required
            );
    }

    /// <summary>Whether the caller may add or remove a factor without being asked for a proof first.</summary>
    public async Task<bool> MayChangeFactorsAsync(Caller caller, CancellationToken ct) =>
        (await OwnerByFactorAsync(caller, ct)).Value is not null;

    /// <summary>Whether a passkey or the authenticator app had proven the caller not long before this moment.</summary>
    internal bool HadFactor(Caller caller, DateTimeOffset at) =>
        !caller.ByKey && caller.FactorAt is { } proven && at - proven < options.Value.Sessions.StepUpWindow;

    /// <summary>
    /// The caller's account, for an act that needs a proof made for it. However recent the sign-in is, it is not
    /// enough: an unlocked screen or a copied token must not take the account. The proof is spent by the act.
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="act">What for.</param>
    /// <param name="proof">What was sent.</param>
    /// <param name="field">The JSON name of the field for the password.</param>
    /// <param name="ct">Ends the wait.</param>
    internal async Task<Result<ReauthenticationResult>> RequireProofForActAsync(
        Caller caller,
        SensitiveAct act,
        Reauthentication proof,
        string field,
        CancellationToken ct
    )
    {
        if (caller.ByKey)
            return AuthError.Forbidden;
        if (await FindAsync(caller, ct) is not { } user)
            return AuthError.SessionRevoked;
        var ways = await WaysAsync(caller, ct);
        // An anonymous account has nothing to prove anything with but its session.
        if (user.IsAnonymous && ways is { Password: false, HasFactor: false, Providers: 0 })
            return new ReauthenticationResult(user);
        switch (proof)
        {
            case Reauthentication.ByPassword { Password: null or "" }:
                return Missing(ways, field);
            case Reauthentication.RecentOnly { In: { } dialect }:
                return caller.Dialect == dialect && time.GetUtcNow() - caller.BegunAt < Moment
                    ? new ReauthenticationResult(user)
                    : AuthError.StepUpRequired;
            case Reauthentication.RecentOnly when ways.OnlyProviders && await ProviderProofs(caller, act).AnyAsync(ct):
                return new ReauthenticationResult(
                    user,
                    async done => await SpendProviderProofAsync(caller, act, done) ? null : AuthError.StepUpRequired
                );
            case Reauthentication.RecentOnly:
                return Missing(ways, field);
            default:
                return await DemandSentAsync(caller, user, proof, field, ct);
        }
    }

    /// <summary>
    /// Notes that the caller signed in at their provider for one act. It is bound to the account, the session and the
    /// act, and the act spends it. Saved by the caller.
    /// </summary>
    internal void NoteProviderProof(Caller caller, SensitiveAct act) =>
        tokens.Issue(TokenPurpose.ProviderProof, caller.UserId!, "", act.ToString(), caller.SessionId);

    private IQueryable<OneTimeToken> ProviderProofs(Caller caller, SensitiveAct act)
    {
        var (now, what) = (time.GetUtcNow(), act.ToString());
        return db.OneTimeTokens.Where(t =>
            t.UserId == caller.UserId
            && t.SessionId == caller.SessionId
            && t.Purpose == TokenPurpose.ProviderProof
            && t.State == what
            && t.UsedAt == null
            && t.RevokedAt == null
            && t.ExpiresAt > now
        );
    }

    // One statement, and every proof of the act at once: none is left for a second one.
    private async Task<bool> SpendProviderProofAsync(Caller caller, SensitiveAct act, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        return await ProviderProofs(caller, act).ExecuteUpdateAsync(set => set.SetProperty(t => t.UsedAt, now), ct) > 0;
    }

    private async Task<Result<ReauthenticationResult>> DemandSentAsync(
        Caller caller,
        AuthUser user,
        Reauthentication proof,
        string field,
        CancellationToken ct
    )
    {
        switch (proof)
        {
            case Reauthentication.ByPassword { Password: var password }:
                return await WithPasswordAsync(caller, user, password, field, ct) is { } wrong
                    ? wrong
                    : new ReauthenticationResult(user);
            case Reauthentication.ByCode { Code: var code }:
                return await WithCodeAsync(caller, user, code, ct) is { } refused
                    ? refused
                    : new ReauthenticationResult(user);
            case Reauthentication.ByPasskey passkey:
                var looked = await WithPasskeyAsync(caller, passkey, ct);
                return looked.Value is { } proven
                    ? new ReauthenticationResult(user, done => UseAsync(proven, done))
                    : looked.Failure!;
            default:
                throw new InvalidOperationException("The family is closed.");
        }
    }

    // Names the field that would prove it. Who has none of the three proves it at their provider, or sets a password by
    // email first.
    private static AuthFailure Missing(SignInMethods ways, string field) =>
        ways.Password ? AuthFailure.Shape(field, FieldErrorCode.Required)
        : ways.Authenticator ? AuthFailure.Shape("code", FieldErrorCode.Required)
        : ways.Passkeys > 0 ? AuthFailure.Shape("credential", FieldErrorCode.Required)
        : AuthError.StepUpRequired;

    private Task<AuthUser?> FindAsync(Caller caller, CancellationToken ct) =>
        db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);

    private static readonly string ByCodeMethods = $"otp {Session.TwoFactors}";
}
