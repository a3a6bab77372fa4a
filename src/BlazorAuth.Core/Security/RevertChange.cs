using System.Buffers.Text;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Security;

/// <summary>
/// 'This wasn't me': takes back what a notice told of.
/// Promises: a link works once, in any browser and without a sign-in, for seven days; opening it changes nothing; the
/// password is void, because whoever was there knows it; what was added since to sign in with goes too. An account
/// that has moved on to another address comes back to the one that was told, with everything done meanwhile undone.
/// Reveals: nothing but to who has the link.
/// Revokes: every session, API key and remembered browser, every one-time link but the older and the address's own
/// notices. Nobody is signed in by it, and it sets no password: the email that follows does.
/// Sends: <see cref="EmailKind.ResetPassword"/>.
/// Fails with: <see cref="AuthError.LinkInvalid"/>, <see cref="AuthError.LinkExpired"/>,
/// <see cref="AuthError.LinkUsed"/>, <see cref="AuthError.Conflict"/>.
/// </summary>
public sealed class RevertChange(
    AuthDbContext db,
    OneTimeTokens tokens,
    TrustedDevices devices,
    SessionStore sessions,
    Revocation revocation,
    Outbox outbox,
    AuditLog audit,
    TimeProvider time
)
{
    /// <summary>What a link would take back.</summary>
    /// <param name="Address">The address that was told, which keeps the account or gets it back.</param>
    /// <param name="Act">The act; null where it leaves nothing to restore.</param>
    /// <param name="Moved">Whether the account has another address by now.</param>
    /// <param name="Taken">
    /// Whether the address is verified as another account's by now, so that it cannot come back.
    /// </param>
    public sealed record RevertPreview(string Address, RevertibleChange? Act, bool Moved, bool Taken);

    /// <summary>What a link would do, without doing it: mail scanners follow links.</summary>
    public async Task<Result<RevertPreview>> PreviewAsync(Caller caller, string? link, CancellationToken ct)
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.Undo, link, ct);
        if (found.Value is not { } token)
            return found.Failure!;
        var owner = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == token.UserId, ct);
        if (owner is null)
            return AuthError.LinkInvalid;
        return new RevertPreview(
            token.Destination,
            RevertibleChange.Read(token.State),
            owner.NormalizedEmail != token.Destination,
            await db.Users.AnyAsync(
                u => u.NormalizedEmail == token.Destination && u.Id != token.UserId && u.EmailConfirmed,
                ct
            )
        );
    }

    /// <summary>Takes it back.</summary>
    public async Task<Result<RevertPreview>> RevertAsync(Caller caller, string? link, CancellationToken ct)
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.Undo, link, ct);
        if (found.Value is not { } token)
            return found.Failure!;
        try
        {
            return await RevertAsync(Caller.Anonymous(caller.Address, caller.Agent), token, ct);
        }
        catch (DbUpdateException)
        {
            // Somebody changed the account or took the address in the same moment; nothing of this stayed, and the link
            // is good.
            db.ChangeTracker.Clear();
            return AuthError.Conflict;
        }
    }

    private async Task<Result<RevertPreview>> RevertAsync(Caller nobody, OneTimeToken token, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await db.LockUserRowAsync(token.UserId, ct))
            return AuthError.LinkInvalid;
        if (!await tokens.SpendAsync(token, ct))
            return AuthError.LinkUsed;
        var user = await db.Users.SingleAsync(u => u.Id == token.UserId, ct);
        var moved = user.NormalizedEmail != token.Destination;
        await StripSinceAsync(token, ct);
        foreach (var act in moved ? await ActsElsewhereAsync(token, ct) : [])
            await RestoreAsync(token, act, ct);
        if (RevertibleChange.Read(token.State) is { } told)
            await RestoreAsync(token, told, ct);
        // Links carry no date: one that was made where its owner was not told may be anybody's.
        if (moved)
            await db.UserLogins.Where(l => l.UserId == user.Id).ExecuteDeleteAsync(ct);
        var taken = moved && !await ReturnAsync(token, user, ct);
        (user.PasswordHash, user.SecurityStamp) = (null, Guid.NewGuid().ToString());
        await revocation.ApplyAsync(SecurityEvent.ChangeReverted, user.Id, null, ct);
        await tokens.KillUndoAsync(token, ct);
        if (user.Email is not null)
            outbox.Enqueue(EmailKind.ResetPassword, user.Email, nobody);
        audit.Write(AuditEvent.Undone, nobody, user.Id);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return new RevertPreview(token.Destination, RevertibleChange.Read(token.State), moved, taken);
    }

    /// <summary>
    /// Gives the address back to the account. An account that nobody has verified yields: it may be the stranger's,
    /// made to be in the way. A verified one does not; then this account has no address, rather than the stranger's.
    /// </summary>
    private async Task<bool> ReturnAsync(OneTimeToken token, AuthUser user, CancellationToken ct)
    {
        var others = db.Users.Where(u => u.NormalizedEmail == token.Destination && u.Id != user.Id);
        await others
            .Where(u => !u.EmailConfirmed)
            .ExecuteUpdateAsync(
                set =>
                    set.SetProperty(u => u.Email, (string?)null)
                        .SetProperty(u => u.NormalizedEmail, (string?)null)
                        .SetProperty(u => u.ConcurrencyStamp, Guid.NewGuid().ToString()),
                ct
            );
        var free = !await others.AnyAsync(ct);
        var address = free ? token.Destination : null;
        (user.Email, user.NormalizedEmail, user.EmailConfirmed) = (
            address,
            address,
            free && await WasVerifiedAsync(token, ct)
        );
        return free;
    }

    // Told by the notice of the change, which may be another than the one that is used. Where there is none, not: a
    // reset then voids more.
    private async Task<bool> WasVerifiedAsync(OneTimeToken token, CancellationToken ct)
    {
        var states = await db
            .OneTimeTokens.Where(t =>
                t.UserId == token.UserId
                && t.Purpose == TokenPurpose.Undo
                && t.Destination == token.Destination
                && t.CreatedAt >= token.CreatedAt
            )
            .OrderBy(t => t.CreatedAt)
            .Select(t => t.State)
            .ToListAsync(ct);
        return states.Select(RevertibleChange.Read).OfType<RevertibleChange.EmailChanged>().FirstOrDefault()
            is { Verified: true };
    }

    // What other addresses were told since, the newest first; also what was taken back there, and what is not told yet.
    private async Task<IEnumerable<RevertibleChange>> ActsElsewhereAsync(OneTimeToken token, CancellationToken ct)
    {
        var told = await db
            .OneTimeTokens.Where(t =>
                t.UserId == token.UserId
                && t.Purpose == TokenPurpose.Undo
                && t.Destination != token.Destination
                && t.CreatedAt >= token.CreatedAt
            )
            .Select(t => new { t.CreatedAt, t.State })
            .ToListAsync(ct);
        var promised = await db
            .Outbox.Where(l =>
                l.UserId == token.UserId
                && l.To != token.Destination
                && l.CreatedAt >= token.CreatedAt
                && l.DoneAt == null
            )
            .Select(l => new { l.CreatedAt, l.State })
            .ToListAsync(ct);
        return told.Concat(promised)
            .OrderByDescending(a => a.CreatedAt)
            .Select(a => RevertibleChange.Read(a.State))
            .OfType<RevertibleChange>();
    }

    private async Task StripSinceAsync(OneTimeToken token, CancellationToken ct)
    {
        var (user, since) = (token.UserId, token.CreatedAt);
        var passkeys = await db.UserPasskeys.AsNoTracking().Where(p => p.UserId == user).ToListAsync(ct);
        foreach (var passkey in passkeys.Where(p => p.Data.CreatedAt >= since))
            await db.UserPasskeys.Where(p => p.CredentialId == passkey.CredentialId).ExecuteDeleteAsync(ct);
        await db
            .Authenticators.Where(a => a.UserId == user && (a.CreatedAt >= since || a.ConfirmedAt >= since))
            .ExecuteDeleteAsync(ct);
        await db
            .RecoveryCodes.Where(c =>
                c.UserId == user
                && (c.CreatedAt >= since || !db.Authenticators.Any(a => a.UserId == user && a.ConfirmedAt != null))
            )
            .ExecuteDeleteAsync(ct);
    }

    private Task RestoreAsync(OneTimeToken token, RevertibleChange act, CancellationToken ct)
    {
        var user = token.UserId;
        return act switch
        {
            RevertibleChange.PasskeyAdded added => RemovePasskeyAsync(user, CredentialOf(added.Id), ct),
            RevertibleChange.PasskeyRemoved removed => PutBackAsync(token, removed, ct),
            RevertibleChange.SecondFactorAdded { Id: { } id, Wrapped: { } wrapped } => PutBackAsync(
                user,
                id,
                wrapped,
                ct
            ),
            RevertibleChange.SecondFactorAdded => RemoveSecondFactorAsync(user, ct),
            RevertibleChange.SecondFactorRemoved removed => PutBackAsync(user, removed.Id, removed.Wrapped, ct),
            RevertibleChange.RecoveryCodesMade => db.RecoveryCodes.Where(c => c.UserId == user).ExecuteDeleteAsync(ct),
            RevertibleChange.ProviderLinked linked => db
                .UserLogins.Where(l =>
                    l.UserId == user && l.LoginProvider == linked.Provider && l.ProviderKey == linked.Key
                )
                .ExecuteDeleteAsync(ct),
            RevertibleChange.ProviderUnlinked unlinked => PutBackAsync(user, unlinked, ct),
            RevertibleChange.PasswordAloneAllowed => AskForPasskeyAsync(user, ct),
            RevertibleChange.ApiKeyMade made => sessions.EndKeyAsync(user, made.Id, ct),
            RevertibleChange.DeviceRemembered remembered => devices.ForgetAsync(user, remembered.Id, ct),
            // The address comes back by the link's own; a change that waits dies with every other link.
            RevertibleChange.EmailChanged or RevertibleChange.EmailChangeAsked => Task.CompletedTask,
            _ => throw new InvalidOperationException("The family is closed."),
        };
    }

    private Task RemovePasskeyAsync(string user, byte[]? id, CancellationToken ct) =>
        id is null
            ? Task.CompletedTask
            : db.UserPasskeys.Where(p => p.UserId == user && p.CredentialId == id).ExecuteDeleteAsync(ct);

    private async Task RemoveSecondFactorAsync(string user, CancellationToken ct)
    {
        await db.Authenticators.Where(a => a.UserId == user).ExecuteDeleteAsync(ct);
        await db.RecoveryCodes.Where(c => c.UserId == user).ExecuteDeleteAsync(ct);
    }

    private async Task PutBackAsync(OneTimeToken token, RevertibleChange.PasskeyRemoved passkey, CancellationToken ct)
    {
        // One that came and went while the account was elsewhere was the stranger's.
        if (
            passkey.Data.CreatedAt >= token.CreatedAt
            || CredentialOf(passkey.Id) is not { } id
            || await db.UserPasskeys.AnyAsync(p => p.CredentialId == id, ct)
        )
            return;
        db.UserPasskeys.Add(
            new IdentityUserPasskey<string>
            {
                UserId = token.UserId,
                CredentialId = id,
                Data = passkey.Data,
            }
        );
        await db.SaveChangesAsync(ct);
        if (passkey.AskedFor)
            await AskForPasskeyAsync(token.UserId, ct);
    }

    private Task AskForPasskeyAsync(string user, CancellationToken ct) =>
        db
            .Users.Where(u => u.Id == user)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.PasskeyAfterPassword, true), ct);

    private async Task PutBackAsync(string user, string id, byte[] wrapped, CancellationToken ct)
    {
        await RemoveSecondFactorAsync(user, ct);
        var now = time.GetUtcNow();
        // Which codes it had given is not known any more: those there are by now count as used.
        db.Authenticators.Add(
            new Authenticator
            {
                Id = id,
                UserId = user,
                Wrapped = wrapped,
                CreatedAt = now,
                ConfirmedAt = now,
                LastStep = TotpCode.StepOf(now),
            }
        );
        await db.SaveChangesAsync(ct);
    }

    private async Task PutBackAsync(string user, RevertibleChange.ProviderUnlinked link, CancellationToken ct)
    {
        if (await db.UserLogins.AnyAsync(l => l.LoginProvider == link.Provider && l.ProviderKey == link.Key, ct))
            return;
        db.UserLogins.Add(
            new IdentityUserLogin<string>
            {
                UserId = user,
                LoginProvider = link.Provider,
                ProviderKey = link.Key,
                ProviderDisplayName = link.Name,
            }
        );
        await db.SaveChangesAsync(ct);
    }

    private static byte[]? CredentialOf(string id)
    {
        try
        {
            return Base64Url.DecodeFromChars(id);
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
