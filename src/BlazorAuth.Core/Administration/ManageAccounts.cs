using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.TwoFactor;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Administration;

/// <summary>
/// What an administrator does with the accounts of others.
/// Revokes: locking and deleting end every session, key and one-time token of the account at once.
/// Sends: <see cref="EmailKind.AccountLocked"/>, <see cref="EmailKind.AccountClosed"/>.
/// Fails with: <see cref="AuthError.Forbidden"/> whoever is no administrator or has no second factor, and API keys;
/// <see cref="AuthError.NotFound"/>; <see cref="AuthError.StepUpRequired"/> without the second factor, and for
/// changes without a recent proof; <see cref="AuthError.Conflict"/> where nobody would be left who can administer.
/// </summary>
public sealed class ManageAccounts(
    AuthDbContext db,
    ChangeProfile profiles,
    Reauthenticate stepUp,
    SessionStore sessions,
    Revocation revocation,
    Outbox outbox,
    AuditLog audit,
    TimeProvider time
)
{
    /// <summary>The most accounts one look shows.</summary>
    public const int PageSize = 100;

    /// <summary>Which accounts, in which order: all, the newest first, where nothing is said.</summary>
    public sealed record Query(
        AccountFilter? Filter = null,
        IReadOnlyList<AccountOrder>? Order = null,
        int Skip = 0,
        int Take = PageSize
    );

    /// <summary>Accounts in the order that was asked for, and how many there are in all.</summary>
    public sealed record Page(IReadOnlyList<Account> Accounts, int Total);

    /// <summary>Looks for accounts.</summary>
    public async Task<Result<Page>> ListAsync(Caller caller, Query query, CancellationToken ct) =>
        await WhyNotAsync(caller, ct) is { } refusal ? refusal : await PageAsync(db.Users.AsNoTracking(), query, ct);

    /// <summary>
    /// Looks for accounts among those that the caller may see: all for an administrator, the own one for everybody
    /// else. A search can so tell nothing about other accounts.
    /// Fails with: <see cref="AuthError.SessionRevoked"/> without an account.
    /// </summary>
    public async Task<Result<Page>> FindAsync(Caller caller, Query query, CancellationToken ct)
    {
        if (await MayAsync(caller, ct))
            return await PageAsync(db.Users.AsNoTracking(), query, ct);
        var own = db.Users.AsNoTracking().Where(u => u.Id == caller.UserId);
        return await own.AnyAsync(ct) ? await PageAsync(own, query, ct) : AuthError.SessionRevoked;
    }

    /// <summary>Whether the caller may see the accounts of others: an administrator who proved two factors.</summary>
    public async Task<bool> MayAsync(Caller caller, CancellationToken ct) => await WhyNotAsync(caller, ct) is null;

    /// <summary>The ids of all administrators.</summary>
    public async Task<IReadOnlySet<string>> IdsAsync(CancellationToken ct) =>
        await db.UserRoles.Where(r => r.RoleId == AuthDbContext.Administrator).Select(r => r.UserId).ToHashSetAsync(ct);

    private async Task<Page> PageAsync(IQueryable<AuthUser> users, Query query, CancellationToken ct)
    {
        var found = query.Filter is { } filter ? users.Where(filter.ToPredicate()) : users;
        var page = await AccountFilter
            .Sort(found, query.Order ?? [])
            .Skip(Math.Max(0, query.Skip))
            .Take(Math.Clamp(query.Take, 0, PageSize))
            .ToListAsync(ct);
        var accounts = new List<Account>();
        foreach (var user in page)
            accounts.Add(await profiles.ViewAsync(user, ct));
        return new(accounts, await found.CountAsync(ct));
    }

    /// <summary>One account.</summary>
    public async Task<Result<Account>> ReadAsync(Caller caller, string id, CancellationToken ct)
    {
        if (await WhyNotAsync(caller, ct) is { } refusal)
            return refusal;
        var user = Guid.TryParse(id, out _)
            ? await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == id, ct)
            : null;
        return user is null ? AuthError.NotFound : await profiles.ViewAsync(user, ct);
    }

    /// <summary>Locks an account, or unlocks it.</summary>
    public Task<Result> LockAsync(Caller caller, string id, bool locked, CancellationToken ct) =>
        ChangeAsync(
            caller,
            id,
            async user =>
            {
                if (locked == user.LockedAt is not null)
                    return Result.Done;
                if (locked && await IsLastAdministratorAsync(user.Id, ct))
                    return AuthError.Conflict;
                user.LockedAt = locked ? time.GetUtcNow() : null;
                audit.Write(locked ? AuditEvent.AccountLocked : AuditEvent.AccountUnlocked, caller, user.Id);
                if (!locked)
                    return Result.Done;
                await revocation.ApplyAsync(SecurityEvent.AccountLocked, user.Id, null, ct);
                if (user.Email is not null)
                    outbox.Enqueue(
                        EmailKind.AccountLocked,
                        user.Email,
                        caller with
                        {
                            Address = null,
                            Agent = null,
                        },
                        user.Id
                    );
                return Result.Done;
            },
            ct
        );

    /// <summary>Deletes an account and everything in it.</summary>
    public Task<Result> DeleteAsync(Caller caller, string id, CancellationToken ct) =>
        ChangeAsync(
            caller,
            id,
            async user =>
            {
                if (await IsLastAdministratorAsync(user.Id, ct))
                    return AuthError.Conflict;
                await revocation.ApplyAsync(SecurityEvent.AccountClosed, user.Id, null, ct);
                await CloseAccount.EraseLettersAsync(db, user, ct);
                db.Users.Remove(user);
                if (user is { Email: not null, EmailConfirmed: true })
                    outbox.Enqueue(
                        EmailKind.AccountClosed,
                        user.Email,
                        caller with
                        {
                            Address = null,
                            Agent = null,
                        },
                        user.Id
                    );
                audit.Write(AuditEvent.AccountDeleted, caller, user.Id);
                return Result.Done;
            },
            ct
        );

    /// <summary>Gives an account the administrator's role, or takes it away.</summary>
    public Task<Result> MakeAdministratorAsync(Caller caller, string id, bool administrator, CancellationToken ct) =>
        MakeAdministratorsAsync(caller, [id], administrator, ct);

    /// <summary>
    /// Does the same to several accounts, in one transaction: where one of them is refused, none has changed.
    /// </summary>
    public Task<Result> MakeAdministratorsAsync(
        Caller caller,
        IReadOnlyList<string> ids,
        bool administrator,
        CancellationToken ct
    ) =>
        ChangeAsync(
            caller,
            ids,
            async user =>
            {
                var role = await db.UserRoles.SingleOrDefaultAsync(
                    r => r.UserId == user.Id && r.RoleId == AuthDbContext.Administrator,
                    ct
                );
                if (administrator == role is not null)
                    return Result.Done;
                if (role is not null && await IsLastAdministratorAsync(user.Id, ct))
                    return AuthError.Conflict;
                if (role is null)
                    db.UserRoles.Add(
                        new IdentityUserRole<string> { UserId = user.Id, RoleId = AuthDbContext.Administrator }
                    );
                else
                    db.UserRoles.Remove(role);
                audit.Write(
                    administrator ? AuditEvent.AdministratorMade : AuditEvent.AdministratorUnmade,
                    caller,
                    user.Id
                );
                return Result.Done;
            },
            ct
        );

    private Task<Result> ChangeAsync(
        Caller caller,
        string id,
        Func<AuthUser, Task<Result>> change,
        CancellationToken ct
    ) => ChangeAsync(caller, [id], change, ct);

    private async Task<Result> ChangeAsync(
        Caller caller,
        IReadOnlyList<string> ids,
        Func<AuthUser, Task<Result>> change,
        CancellationToken ct
    )
    {
        if (await WhyNotAsync(caller, ct) is { } refusal)
            return refusal;
        if ((await stepUp.OwnerAsync(caller, ct)).Failure is { } unproven)
            return unproven;
        if (!ids.All(id => Guid.TryParse(id, out _)))
            return AuthError.NotFound;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        // Administrators change one after the other: two that unmake each other must not both be last.
        await db
            .Roles.Where(r => r.Id == AuthDbContext.Administrator)
            .ExecuteUpdateAsync(set => set.SetProperty(r => r.Name, r => r.Name), ct);
        if (!await sessions.IsOpenAsync(caller.SessionId, ct) || !await IsAdministratorAsync(caller, ct))
            return AuthError.Forbidden;
        // Always in the same order, or two such changes could wait for each other in a circle.
        foreach (var id in ids.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            if (!await db.LockUserRowAsync(id, ct))
                return AuthError.NotFound;
            var user = await db.Users.SingleAsync(u => u.Id == id, ct);
            var outcome = await change(user);
            if (!outcome.Ok)
                return outcome;
            // At once: the next one is judged by what is so then, or the last two administrators could go together.
            if (!await db.TrySaveAsync(ct))
                return AuthError.Conflict;
        }
        await transaction.CommitAsync(ct);
        return Result.Done;
    }

    // One factor is not enough for the accounts of others, whichever door: a stolen password would open them all.
    private async Task<AuthFailure?> WhyNotAsync(Caller caller, CancellationToken ct) =>
        !await IsAdministratorAsync(caller, ct) ? AuthError.Forbidden
        : caller.TwoFactors ? null
        : await stepUp.WaysAsync(caller, ct) is { Authenticator: true } or { Passkeys: > 0 } ? AuthError.StepUpRequired
        : AuthError.Forbidden;

    private async Task<bool> IsAdministratorAsync(Caller caller, CancellationToken ct) =>
        caller is { UserId: { } id, ByKey: false }
        && await db.UserRoles.AnyAsync(r => r.UserId == id && r.RoleId == AuthDbContext.Administrator, ct);

    private async Task<bool> IsLastAdministratorAsync(string userId, CancellationToken ct)
    {
        var able = db.UserRoles.Where(r =>
            r.RoleId == AuthDbContext.Administrator && db.Users.Any(u => u.Id == r.UserId && u.LockedAt == null)
        );
        return await able.AnyAsync(r => r.UserId == userId, ct) && !await able.AnyAsync(r => r.UserId != userId, ct);
    }
}
