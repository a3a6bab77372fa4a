using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.TwoFactor;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Accounts;

/// <summary>
/// Hands the owner of an account what is stored of them.
/// Promises: everything that names them, and nothing that opens anything: no hash, key, code or secret (the stock's
/// export prints the authenticator's).
/// Reveals: an account to its owner only, on a recent proof, because it is all of it at once.
/// Fails with: those of <see cref="Reauthenticate"/>, <see cref="AuthError.RateLimited"/>,
/// <see cref="AuthError.SessionRevoked"/>.
/// </summary>
public sealed class ExportAccount(
    AuthDbContext db,
    ChangeProfile profiles,
    Reauthenticate stepUp,
    Throttle throttle,
    AuditLog audit,
    TimeProvider time
)
{
    /// <summary>The most events that are exported, the newest first.</summary>
    public const int MaximumEvents = 10_000;

    /// <summary>A sign-in, live or ended, or an API key.</summary>
    public sealed record SignIns(
        string Id,
        SessionKind Kind,
        string[] Methods,
        string? Description,
        string? Address,
        string? Agent,
        DateTimeOffset CreatedAt,
        DateTimeOffset LastSeenAt,
        DateTimeOffset? EndedAt,
        SessionEnd? EndReason
    );

    /// <summary>A passkey, by what its owner calls it.</summary>
    public sealed record Passkey(string? Name, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt);

    /// <summary>A browser in which the second factor is not asked for.</summary>
    public sealed record Device(
        string? Address,
        string? Agent,
        DateTimeOffset CreatedAt,
        DateTimeOffset LastSeenAt,
        DateTimeOffset EndsAt
    );

    /// <summary>All of it.</summary>
    public sealed record Export(
        DateTimeOffset ExportedAt,
        Account Account,
        bool HasPassword,
        bool HasAuthenticator,
        int RecoveryCodesLeft,
        IReadOnlyList<Passkey> Passkeys,
        IReadOnlyList<string> Providers,
        IReadOnlyList<Device> RememberedDevices,
        IReadOnlyList<SignIns> Sessions,
        IReadOnlyList<ListActivity.Entry> Activity
    );

    /// <summary>Exports the caller's account.</summary>
    public async Task<Result<Export>> ExportAsync(Caller caller, CancellationToken ct)
    {
        var owner = await stepUp.OwnerAsync(caller, ct);
        if (owner.Value is not { } user)
            return owner.Failure!;
        if (await throttle.TakeChangeAsync(caller, ct) is { } limited)
            return limited;
        audit.Write(AuditEvent.Exported, caller);
        await db.SaveChangesAsync(ct);
        var id = user.Id;
        return new Export(
            time.GetUtcNow(),
            await profiles.ViewAsync(user, ct),
            user.PasswordHash is not null,
            await db.Authenticators.AnyAsync(a => a.UserId == id && a.ConfirmedAt != null, ct),
            await db.RecoveryCodes.CountAsync(c => c.UserId == id && c.UsedAt == null, ct),
            [
                .. (
                    await db
                        .UserPasskeys.AsNoTracking()
                        .Where(p => p.UserId == id)
                        .Select(p => new
                        {
                            p.Data,
                            Used = EF.Property<DateTimeOffset?>(p, AuthDbContext.PasskeyLastUsed),
                        })
                        .ToListAsync(ct)
                ).Select(p => new Passkey(p.Data.Name, p.Data.CreatedAt, p.Used)),
            ],
            await db.UserLogins.Where(l => l.UserId == id).Select(l => l.LoginProvider).ToListAsync(ct),
            await db
                .TrustedDevices.AsNoTracking()
                .Where(d => d.UserId == id)
                .Select(d => new Device(d.Address, d.Agent, d.CreatedAt, d.LastSeenAt, d.EndsAt))
                .ToListAsync(ct),
            [
                .. (
                    await db
                        .Sessions.AsNoTracking()
                        .Where(s => s.UserId == id)
                        .OrderByDescending(s => s.CreatedAt)
                        .ToListAsync(ct)
                ).Select(s => new SignIns(
                    s.Id,
                    s.Kind,
                    s.Methods.Split(' '),
                    s.Description,
                    s.Address,
                    s.Agent,
                    s.CreatedAt,
                    s.LastSeenAt,
                    s.EndedAt,
                    s.EndReason
                )),
            ],
            await db
                .AuditEntries.AsNoTracking()
                .Where(e => e.UserId == id)
                .OrderByDescending(e => e.Id)
                .Take(MaximumEvents)
                .Select(e => new ListActivity.Entry(e.At, e.Event, e.SessionId, e.Address, e.Agent, e.Reason))
                .ToListAsync(ct)
        );
    }
}
