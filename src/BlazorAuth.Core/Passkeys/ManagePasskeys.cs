using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Passkeys;

/// <summary>
/// The passkeys of an account.
/// Promises: the ticket that adds one is of the account and session that asked for it, and adds one; the last way in
/// stays; where the account has a passkey or an app, one of them must have proven who adds or removes one.
/// Reveals: a user's passkeys to that user only; another's id is simply not found. Kills, on removal: every other
/// session, what is half signed in, remembered browsers.
/// Sends: <see cref="EmailKind.PasskeyAdded"/>, <see cref="EmailKind.PasskeyRemoved"/>.
/// Fails with: those of <see cref="Reauthenticate"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.PasskeyFailed"/>, <see cref="AuthError.NotFound"/>, <see cref="AuthError.Conflict"/>; an
/// anonymous account, which has no name, with <see cref="AuthError.Forbidden"/>.
/// </summary>
public sealed class ManagePasskeys(
    AuthDbContext db,
    PasskeyCeremonies ceremonies,
    Reauthenticate stepUp,
    OneTimeTokens tokens,
    SessionStore sessions,
    Revocation revocation,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit,
    TimeProvider time
)
{
    /// <summary>Passkeys of one account.</summary>
    public const int Most = 20;

    /// <summary>Longest name, in code points.</summary>
    public const int MaximumName = 200;

    /// <summary>
    /// The ticket of the ceremony, the browser's answer as JSON, and what to call the passkey; its provider's name
    /// where that is empty.
    /// </summary>
    public sealed record Input(string? Ticket, string? Credential, string? Name = null);

    /// <summary>A passkey as its owner sees it.</summary>
    /// <param name="Id">Base64url of the credential's id.</param>
    /// <param name="Name">What its owner calls it.</param>
    /// <param name="CreatedAt">When it was added.</param>
    /// <param name="LastUsedAt">When it last proved something; null where it never did.</param>
    /// <param name="Synced">Whether it is on several devices; else on the one that made it only.</param>
    /// <param name="Provider">Who keeps it, where that is known.</param>
    public sealed record Passkey(
        string Id,
        string Name,
        DateTimeOffset CreatedAt,
        DateTimeOffset? LastUsedAt,
        bool Synced,
        string? Provider
    );

    /// <summary>Begins to add one, on a recent proof.</summary>
    public async Task<Result<Ceremony>> BeginAsync(Caller caller, CancellationToken ct)
    {
        var (user, refused) = await OwnerAsync(caller, ct);
        return refused is null ? await ceremonies.BeginCreationAsync(caller, user!, ct) : refused;
    }

    /// <summary>Adds it.</summary>
    public async Task<Result<Passkey>> AddAsync(Caller caller, Input input, CancellationToken ct)
    {
        if (ChangeProfile.ShapeOfText("name", input.Name, MaximumName) is { } malformed)
            return malformed;
        var checkedTicket = await ceremonies.CheckCreationAsync(input.Ticket, input.Credential, caller, ct);
        if (checkedTicket.Value is not { } made)
        {
            if (checkedTicket.Failure is { Error: AuthError.RateLimited } limited)
                return limited;
            // The ticket stands for the proof that it was given on; who has none is asked for that first.
            if ((await OwnerAsync(caller, ct)).Refused is { } unproven)
                return unproven;
            audit.Write(AuditEvent.PasskeyRefused, caller, reason: AuthError.PasskeyFailed);
            await db.SaveChangesAsync(ct);
            return AuthError.PasskeyFailed;
        }

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        if (!await tokens.SpendAsync(made.Ticket, ct))
            return AuthError.PasskeyFailed;
        // A ticket from before the account had a factor stands for no proof by one.
        var ways = await stepUp.WaysAsync(caller, ct);
        if (ways.HasFactor && !stepUp.HadFactor(caller, made.Ticket.CreatedAt))
            return AuthFailure.Of(
                AuthError.StepUpRequired,
                ways.Authenticator ? "code" : "credential",
                FieldErrorCode.Required
            );
        if (await db.UserPasskeys.CountAsync(p => p.UserId == caller.UserId, ct) >= Most)
            return AuthFailure.Of(AuthError.Conflict, "passkeys", FieldErrorCode.TooLong, Most);
        var passkey = Row(caller.UserId!, made.Passkey, input.Name);
        db.UserPasskeys.Add(passkey);
        await TellAsync(
            EmailKind.PasskeyAdded,
            caller,
            passkey,
            new RevertibleChange.PasskeyAdded(PasskeyCeremonies.Text(passkey.CredentialId)),
            ct
        );
        audit.Write(AuditEvent.PasskeyAdded, caller);
        try
        {
            await db.SaveChangesAsync(ct);
        }
        catch (DbUpdateException)
        {
            // The key decides whether somebody has it already, not the look before.
            await transaction.RollbackAsync(ct);
            db.ChangeTracker.Clear();
            if (await db.UserPasskeys.AnyAsync(p => p.CredentialId == made.Passkey.CredentialId, ct))
                return AuthError.PasskeyFailed;
            throw;
        }
        await transaction.CommitAsync(ct);
        return View(passkey, null);
    }

    /// <summary>The caller's passkeys, the newest first.</summary>
    public async Task<IReadOnlyList<Passkey>> ListAsync(Caller caller, CancellationToken ct)
    {
        var rows = await db
            .UserPasskeys.AsNoTracking()
            .Where(p => p.UserId == caller.UserId)
            .Select(p => new { Row = p, LastUsed = EF.Property<DateTimeOffset?>(p, AuthDbContext.PasskeyLastUsed) })
            .ToListAsync(ct);
        return [.. rows.Select(p => View(p.Row, p.LastUsed)).OrderByDescending(p => p.CreatedAt)];
    }

    /// <summary>Gives one another name, on a recent proof.</summary>
    public async Task<Result<Passkey>> RenameAsync(Caller caller, string? id, string? name, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(name))
            return AuthFailure.Shape("name", FieldErrorCode.Required);
        if (ChangeProfile.ShapeOfText("name", name, MaximumName) is { } malformed)
            return malformed;
        if ((await OwnerAsync(caller, stepUp.OwnerAsync, ct)).Refused is { } unproven)
            return unproven;
        if (await throttle.TakeChangeAsync(caller, ct) is { } limited)
            return limited;

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        if (await FindAsync(caller, id, ct) is not { } passkey)
            return AuthError.NotFound;
        passkey.Data.Name = name.Trim();
        audit.Write(AuditEvent.PasskeyRenamed, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return View(passkey, (DateTimeOffset?)db.Entry(passkey).Property(AuthDbContext.PasskeyLastUsed).CurrentValue);
    }

    /// <summary>Removes one, on a recent proof.</summary>
    public async Task<Result> RemoveAsync(Caller caller, string? id, CancellationToken ct)
    {
        if ((await OwnerAsync(caller, ct)).Refused is { } unproven)
            return unproven;
        if (await throttle.TakeChangeAsync(caller, ct) is { } limited)
            return limited;

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        if (await FindAsync(caller, id, ct) is not { } passkey)
            return AuthError.NotFound;
        if ((await SignInMethods.ReadAsync(db, caller.UserId!, ct)).IsLast)
            return AuthFailure.Of(AuthError.Conflict, "id", FieldErrorCode.LastWayIn);
        db.UserPasskeys.Remove(passkey);
        await revocation.ApplyAsync(SecurityEvent.PasskeyRemoved, caller.UserId!, caller.SessionId, ct);
        // With the last passkey the choice falls away that asks for one: it would otherwise come back with the next
        // one, unasked.
        var isLast = !await db.UserPasskeys.AnyAsync(
            p => p.UserId == caller.UserId && p.CredentialId != passkey.CredentialId,
            ct
        );
        var wasAskedFor =
            isLast
            && await db
                .Users.Where(u => u.Id == caller.UserId && u.PasskeyAfterPassword)
                .ExecuteUpdateAsync(set => set.SetProperty(u => u.PasskeyAfterPassword, false), ct) == 1;
        var act = new RevertibleChange.PasskeyRemoved(
            PasskeyCeremonies.Text(passkey.CredentialId),
            passkey.Data,
            wasAskedFor
        );
        await TellAsync(EmailKind.PasskeyRemoved, caller, passkey, act, ct);
        audit.Write(AuditEvent.PasskeyRemoved, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Result.Done;
    }

    // A passkey that is added or removed is a way in; another name is none.
    private Task<(AuthUser? User, AuthFailure? Refused)> OwnerAsync(Caller caller, CancellationToken ct) =>
        OwnerAsync(caller, stepUp.OwnerByFactorAsync, ct);

    private async Task<(AuthUser? User, AuthFailure? Refused)> OwnerAsync(
        Caller caller,
        Func<Caller, CancellationToken, Task<Result<AuthUser>>> prove,
        CancellationToken ct
    )
    {
        var user = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        return user is null ? (null, AuthError.SessionRevoked)
            : user.IsAnonymous ? (null, AuthError.Forbidden)
            : (user, (await prove(caller, ct)).Failure);
    }

    private async Task<IdentityUserPasskey<string>?> FindAsync(Caller caller, string? id, CancellationToken ct) =>
        PasskeyCeremonies.Id(id) is { } key
            ? await db.UserPasskeys.SingleOrDefaultAsync(p => p.UserId == caller.UserId && p.CredentialId == key, ct)
            : null;

    private async Task TellAsync(
        EmailKind kind,
        Caller caller,
        IdentityUserPasskey<string> passkey,
        RevertibleChange act,
        CancellationToken ct
    )
    {
        if (await db.Users.Where(u => u.Id == caller.UserId).Select(u => u.Email).SingleAsync(ct) is { } email)
            outbox.Enqueue(kind, email, caller, caller.UserId, detail: View(passkey, null).Name, state: act.ToJson());
    }

    private IdentityUserPasskey<string> Row(string userId, UserPasskeyInfo made, string? name) =>
        new()
        {
            UserId = userId,
            CredentialId = made.CredentialId,
            Data = new()
            {
                PublicKey = made.PublicKey,
                Name = string.IsNullOrWhiteSpace(name) ? null : name.Trim(),
                CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds()),
                SignCount = made.SignCount,
                Transports = made.Transports,
                IsUserVerified = made.IsUserVerified,
                IsBackupEligible = made.IsBackupEligible,
                IsBackedUp = made.IsBackedUp,
                AttestationObject = made.AttestationObject,
                ClientDataJson = made.ClientDataJson,
            },
        };

    private static Passkey View(IdentityUserPasskey<string> row, DateTimeOffset? lastUsed)
    {
        var provider = AuthenticatorNames.NameOf(row.Data.AttestationObject);
        return new(
            PasskeyCeremonies.Text(row.CredentialId),
            row.Data.Name ?? provider ?? "Passkey",
            row.Data.CreatedAt,
            lastUsed,
            row.Data.IsBackedUp,
            provider
        );
    }
}
