using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.TwoFactor;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.ExternalLogins;

/// <summary>
/// Signs in, signs up, links and unlinks through an external provider.
/// Promises: somebody is who the provider's subject says, never who an address says (ASVS 10.3.3); an account is
/// linked by its address only where both sides have verified it, and by its owner after a step-up; of any number at
/// once one account and one link come to be. Reveals what <see cref="Register"/> does.
/// Revokes: on an address never verified here, which the provider has, whatever the registrant set; on unlinking,
/// tickets, remembered browsers and every other session.
/// Sends: <see cref="EmailKind.ProviderLinked"/>, <see cref="EmailKind.ProviderUnlinked"/>,
/// <see cref="EmailKind.VerifyEmail"/> or <see cref="EmailKind.AddressTaken"/>.
/// Fails with: those of <see cref="SignInWithPassword"/> and <see cref="Reauthenticate"/>,
/// <see cref="AuthError.SignUpDisabled"/>, <see cref="AuthError.EmailTaken"/>, <see cref="AuthError.Conflict"/>,
/// <see cref="AuthError.Forbidden"/> to an anonymous account, <see cref="AuthError.NotFound"/>,
/// <see cref="AuthError.SessionRevoked"/>.
/// </summary>
public sealed class SignInWithProvider(
    AuthDbContext db,
    SignInWithPassword signIn,
    Reauthenticate stepUp,
    VerifyEmail verify,
    ExternalLoginStore logins,
    SessionStore sessions,
    Revocation revocation,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit,
    IOptions<AuthOptions> options,
    TimeProvider time
)
{
    // Of those who make the same account or link at the same moment, the later ones find it the next time.
    private const int Turns = 3;

    /// <summary>What a provider said of somebody, on a connection that this server opened itself.</summary>
    public sealed record Identity(ExternalLogin Login, string? Email, bool EmailVerified, string? Name);

    /// <summary>Who went to the provider, and in which session: nobody else may come back for them.</summary>
    public sealed record LinkRequest(string? UserId, string? SessionId);

    /// <summary>
    /// A provider that an account is linked to, what it is called, and what the link is stored under.
    /// </summary>
    public sealed record LinkedProvider(string Provider, string Label, string Key);

    private bool Hidden => options.Value.SignIn.RequireVerifiedEmail;

    /// <summary>
    /// Signs in who is linked; else links the account whose address the provider has verified; else signs up.
    /// </summary>
    public async Task<SignInOutcome> SignInAsync(
        Caller caller,
        Identity identity,
        string? rememberedDevice,
        CancellationToken ct
    )
    {
        for (var turn = 1; ; turn++)
        {
            var outcome = await TrySignInAsync(caller, identity, rememberedDevice, ct);
            if (
                outcome
                is not SignInOutcome.Refused { Failure.Error: AuthError.Conflict or AuthError.InvalidCredentials }
            )
                return outcome;
            if (turn == Turns)
                return Refuse(AuthError.Conflict);
            db.ChangeTracker.Clear();
        }
    }

    private async Task<SignInOutcome> TrySignInAsync(
        Caller caller,
        Identity identity,
        string? rememberedDevice,
        CancellationToken ct
    )
    {
        var known = await logins.FindAsync(identity.Login, ct);
        // Where sign-up hides whether an address is taken, an account that waits for its email is answered as a new
        // one.
        if (known is not null && (known.EmailConfirmed || !Hidden))
            return await signIn.CompleteSignInAsync(caller, Proof(known, null), null, ct);
        var email = EmailAddress.TryParse(identity.Email, out var address) ? address : null;
        if (email is null || !identity.EmailVerified)
            return await SignUpAsync(caller, identity, email, known, Proof, ct);
        if (await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.NormalizedEmail == email, ct) is not { } owner)
            return await SignUpAsync(caller, identity, email, known, Proof, ct);
        // A provider that gives an address to somebody new must not give them the account of who had it before.
        if (owner.EmailConfirmed && await logins.HasAsync(owner.Id, identity.Login.Provider, ct))
            return await RefuseTakenAsync(caller, identity, owner, ct);
        if (owner.EmailConfirmed)
            return await signIn.CompleteSignInAsync(caller, Proof(owner, identity.Login), null, ct);
        owner.EmailConfirmed = true;
        return await signIn.CompleteSignInAsync(
            caller,
            Proof(owner, identity.Login),
            () => TakeOverAsync(caller, owner.Id, email, ct),
            ct
        );

        SignInWithPassword.AuthenticationResult Proof(AuthUser user, ExternalLogin? link) =>
            new(user, "fed", SessionKind.Browser, TrustedDevice: rememberedDevice, Link: link);
    }

    // Whoever registered never showed that the address is theirs; its owner is here now, as after a reset by mail.
    private async Task<AuthFailure?> TakeOverAsync(Caller caller, string userId, string email, CancellationToken ct)
    {
        if (
            await db.Users.SingleOrDefaultAsync(
                u => u.Id == userId && u.NormalizedEmail == email && !u.EmailConfirmed,
                ct
            )
            is not { } user
        )
            return AuthError.Conflict;
        user.EmailConfirmed = true;
        await verify.ResetUnverifiedAccountAsync(user, ct);
        audit.Write(AuditEvent.EmailVerified, caller, user.Id);
        return null;
    }

    private async Task<SignInOutcome> SignUpAsync(
        Caller caller,
        Identity identity,
        string? email,
        AuthUser? known,
        Func<AuthUser, ExternalLogin?, SignInWithPassword.AuthenticationResult> proof,
        CancellationToken ct
    )
    {
        if (await throttle.TakeAsync(caller, ct, (Budget.SignUpPerAddress, Throttle.Network(caller))) is { } limited)
            return Refuse(limited);
        if (!options.Value.SignUp.Enabled)
            return Refuse(AuthError.SignUpDisabled);
        if (Hidden && email is null)
            return Refuse(AuthFailure.Shape("email", FieldErrorCode.Required));
        var verified = identity.EmailVerified && email is not null;
        var mayWrite =
            email is not null && !verified && (!Hidden || await throttle.TakeLetterAsync(caller, ct) is null);
        var owner =
            verified || email is null
                ? null
                : await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.NormalizedEmail == email, ct);
        if ((owner ?? known) is { } taken)
            return Hidden ? await HideAsync(taken) : await RefuseTakenAsync(caller, identity, taken, ct);

        var user = new AuthUser
        {
            Email = email,
            NormalizedEmail = email,
            EmailConfirmed = verified,
            CreatedAt = time.GetUtcNow(),
            DisplayName = NameOf(identity),
        };
        (user.UserName, user.NormalizedUserName) = (user.Id, user.Id);
        if (!await AddAsync(caller, user, identity.Login, mayWrite, ct))
            return Refuse(AuthError.Conflict);
        return Hidden && !verified
            ? Refuse(AuthError.EmailNotVerified)
            : await signIn.CompleteSignInAsync(caller, proof(user, null), null, ct);

        async Task<SignInOutcome> HideAsync(AuthUser account)
        {
            if (known is null && await IsLinkedByNowAsync(identity, ct))
                return Refuse(AuthError.Conflict);
            if (account.Id != known?.Id)
                await Register.ContestAsync(db, account.Id, time.GetUtcNow(), ct);
            if (mayWrite)
                outbox.Enqueue(EmailKind.AddressTaken, email!, caller);
            await throttle.NoteAsync(caller, AuditEvent.RegisterRefused, ct, account.Id, AuthError.EmailTaken);
            return Refuse(AuthError.EmailNotVerified);
        }
    }

    private async Task<bool> AddAsync(
        Caller caller,
        AuthUser user,
        ExternalLogin login,
        bool mayWrite,
        CancellationToken ct
    )
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        db.Users.Add(user);
        try
        {
            await db.SaveChangesAsync(ct);
        }
        catch (DbUpdateException)
        {
            await transaction.RollbackAsync(ct);
            db.ChangeTracker.Clear();
            if (user.Email is not null && await db.Users.AnyAsync(u => u.NormalizedEmail == user.Email, ct))
                return false;
            throw;
        }
        if (!await logins.TryAddAsync(user.Id, login, ct))
            return false;
        if (mayWrite)
            outbox.Enqueue(EmailKind.VerifyEmail, user.Email!, caller);
        audit.Write(AuditEvent.Registered, caller, user.Id);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    // Told where a sign-up tells it too, or to who has shown that the address is theirs.
    private async Task<SignInOutcome> RefuseTakenAsync(
        Caller caller,
        Identity identity,
        AuthUser owner,
        CancellationToken ct
    )
    {
        if (await IsLinkedByNowAsync(identity, ct))
            return Refuse(AuthError.Conflict);
        await Register.ContestAsync(db, owner.Id, time.GetUtcNow(), ct);
        await throttle.NoteAsync(caller, AuditEvent.RegisterRefused, ct, owner.Id, AuthError.EmailTaken);
        return Refuse(AuthFailure.Of(AuthError.EmailTaken, "email", FieldErrorCode.Taken));
    }

    // Whose account was made between the two looks must not be contested by themselves.
    private async Task<bool> IsLinkedByNowAsync(Identity identity, CancellationToken ct) =>
        await logins.FindAsync(identity.Login, ct) is not null;

    /// <summary>The providers that the caller's account is linked to.</summary>
    public async Task<IReadOnlyList<LinkedProvider>> ListAsync(Caller caller, CancellationToken ct) =>
        [
            .. (
                await db
                    .UserLogins.AsNoTracking()
                    .Where(l => l.UserId == caller.UserId)
                    .OrderBy(l => l.LoginProvider)
                    .ToListAsync(ct)
            ).Select(l => new LinkedProvider(
                l.LoginProvider,
                options.Value.External.ContainsKey(l.LoginProvider)
                    ? logins.LabelOf(l.LoginProvider)
                    : l.ProviderDisplayName ?? l.LoginProvider,
                l.ProviderKey
            )),
        ];

    /// <summary>
    /// Whether the caller may go to a provider to link it: only after a recent proof of who they are.
    /// </summary>
    public async Task<Result> AskToLinkAsync(Caller caller, CancellationToken ct) =>
        new((await OwnerAsync(caller, ct)).Failure);

    /// <summary>Links who came back from a provider to the account of who went there.</summary>
    public async Task<Result> LinkAsync(Caller caller, Identity identity, LinkRequest asked, CancellationToken ct)
    {
        if (!IsBack(caller, asked))
            return AuthError.SessionRevoked;
        var owner = await OwnerAsync(caller, ct);
        if (owner.Value is not { } user)
            return owner.Failure!;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        if (await logins.LinkAsync(caller, user, identity.Login, ct) is { } taken)
            return taken;
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Result.Done;
    }

    /// <summary>
    /// Proves again who the caller is, who has nothing else to do that with; the session's credentials must be issued
    /// anew.
    /// </summary>
    /// <param name="caller">Who came back.</param>
    /// <param name="identity">What the provider said.</param>
    /// <param name="asked">Who went there.</param>
    /// <param name="act">
    /// The act they went there for, which the proof is then good for, once; null for a recent proof alone.
    /// </param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<Result<Session>> StepUpAsync(
        Caller caller,
        Identity identity,
        LinkRequest asked,
        SensitiveAct? act,
        CancellationToken ct
    )
    {
        if (!IsBack(caller, asked))
            return AuthError.SessionRevoked;
        // A provider that remembers its own sign-in asks for nothing: where the account has something better, that is
        // demanded.
        if (!(await stepUp.WaysAsync(caller, ct)).OnlyProviders)
            return AuthError.Forbidden;
        if ((await logins.FindAsync(identity.Login, ct))?.Id == caller.UserId)
            return await stepUp.RenewSessionAsync(
                caller,
                "fed",
                ct,
                () =>
                {
                    if (act is { } what)
                        stepUp.NoteProviderProof(caller, what);
                    return Task.FromResult<AuthFailure?>(null);
                }
            );
        audit.Write(AuditEvent.StepUpRefused, caller, reason: AuthError.InvalidCredentials);
        await db.SaveChangesAsync(ct);
        return AuthFailure.Of(AuthError.InvalidCredentials, "provider", FieldErrorCode.Wrong);
    }

    /// <summary>Unlinks a provider, after a recent proof of who asks.</summary>
    public async Task<Result> UnlinkAsync(Caller caller, string? provider, CancellationToken ct)
    {
        var owner = await OwnerAsync(caller, ct);
        if (owner.Value is not { } user)
            return owner.Failure!;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        var linked = (await ListAsync(caller, ct)).ToList();
        if (linked.Find(l => l.Provider == provider) is not { } link)
            return AuthError.NotFound;
        // A provider that the settings have no more opens nothing, and so is no way in.
        var alive = linked.Count(l => options.Value.External.ContainsKey(l.Provider));
        if (
            options.Value.External.ContainsKey(link.Provider)
            && (await SignInMethods.ReadAsync(db, user.Id, ct) with { Providers = alive }).IsLast
        )
            return AuthFailure.Of(AuthError.Conflict, "provider", FieldErrorCode.LastWayIn);
        await db.UserLogins.Where(l => l.UserId == user.Id && l.LoginProvider == link.Provider).ExecuteDeleteAsync(ct);
        await revocation.ApplyAsync(SecurityEvent.ProviderUnlinked, user.Id, caller.SessionId, ct);
        if (user.Email is not null)
            outbox.Enqueue(
                EmailKind.ProviderUnlinked,
                user.Email,
                caller,
                user.Id,
                detail: link.Label,
                state: new RevertibleChange.ProviderUnlinked(link.Provider, link.Key, link.Label).ToJson()
            );
        audit.Write(AuditEvent.ProviderUnlinked, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Result.Done;
    }

    private async Task<Result<AuthUser>> OwnerAsync(Caller caller, CancellationToken ct)
    {
        var owner = await stepUp.OwnerByFactorAsync(caller, ct);
        return owner.Value is { IsAnonymous: true } ? AuthError.Forbidden : owner;
    }

    private static bool IsBack(Caller caller, LinkRequest asked) =>
        caller is { UserId: not null, SessionId: not null, ByKey: false }
        && caller.UserId == asked.UserId
        && caller.SessionId == asked.SessionId;

    private static string? NameOf(Identity identity) =>
        identity.Name?.Trim() is { Length: > 0 } name
        && ChangeProfile.ShapeOfText("displayName", name, ChangeProfile.MaximumNameLength) is null
            ? name
            : null;

    private static SignInOutcome.Refused Refuse(AuthFailure refusal) => new(refusal);
}
