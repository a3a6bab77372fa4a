using System.Security.Cryptography;
using System.Text;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.ExternalLogins;

/// <summary>
/// The external providers that accounts are linked to: one account for a provider's subject, which the table's key
/// decides, and one subject of a provider for an account.
/// </summary>
public sealed class ExternalLoginStore(AuthDbContext db, Outbox outbox, AuditLog audit, IOptions<AuthOptions> options)
{
    /// <summary>The account that is linked; as it is stored, not tracked.</summary>
    public async Task<AuthUser?> FindAsync(ExternalLogin login, CancellationToken ct)
    {
        var (provider, key) = (login.Provider, login.Key);
        return await db
            .UserLogins.Where(l => l.LoginProvider == provider && l.ProviderKey == key)
            .Join(db.Users, l => l.UserId, u => u.Id, (_, user) => user)
            .AsNoTracking()
            .SingleOrDefaultAsync(ct);
    }

    /// <summary>Whether the account is linked to somebody at the provider.</summary>
    public Task<bool> HasAsync(string userId, string provider, CancellationToken ct) =>
        db.UserLogins.AnyAsync(l => l.UserId == userId && l.LoginProvider == provider, ct);

    /// <summary>
    /// Adds the link; false where the subject is somebody's already. Call it inside the transaction that holds the
    /// account.
    /// </summary>
    internal async Task<bool> TryAddAsync(string userId, ExternalLogin login, CancellationToken ct) =>
        // One statement: whoever comes second waits for the first, and gets no exception that would end the
        // transaction.
        await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO "AspNetUserLogins" ("LoginProvider", "ProviderKey", "ProviderDisplayName", "UserId")
            VALUES ({login.Provider}, {login.Key}, {LabelOf(login.Provider)}, {userId}) ON CONFLICT DO NOTHING
            """,
            ct
        ) == 1;

    /// <summary>
    /// Links an account that was there before, and tells its owner. What is linked to it already is no fault. Call it
    /// inside the transaction that holds the account; saved by the caller.
    /// </summary>
    internal async Task<AuthFailure?> LinkAsync(Caller caller, AuthUser user, ExternalLogin login, CancellationToken ct)
    {
        if (await FindAsync(login, ct) is { } owner)
            return owner.Id == user.Id ? null : AuthFailure.Of(AuthError.Conflict, "provider", FieldErrorCode.Taken);
        if (await HasAsync(user.Id, login.Provider, ct))
            return AuthFailure.Of(AuthError.Conflict, "provider", FieldErrorCode.Alone);
        if (!await TryAddAsync(user.Id, login, ct))
            return AuthFailure.Of(AuthError.Conflict, "provider", FieldErrorCode.Taken);
        if (user.Email is not null)
            outbox.Enqueue(
                EmailKind.ProviderLinked,
                user.Email,
                caller,
                user.Id,
                detail: LabelOf(login.Provider),
                state: new RevertibleChange.ProviderLinked(login.Provider, login.Key).ToJson()
            );
        audit.Write(AuditEvent.ProviderLinked, caller, user.Id);
        return null;
    }

    /// <summary>What people know a provider by; its bare name where the settings have it no more.</summary>
    internal string LabelOf(string provider) => options.Value.External.GetValueOrDefault(provider)?.Label ?? provider;
}
