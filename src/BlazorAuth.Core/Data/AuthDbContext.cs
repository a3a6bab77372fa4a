using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace BlazorAuth.Core.Data;

/// <summary>
/// The one store of accounts, sessions, tokens, emails, keys and events. A project for each database gives it a
/// context.
/// </summary>
public abstract class AuthDbContext(DbContextOptions options) : IdentityDbContext<AuthUser>(options)
{
    /// <summary>The one role of the product.</summary>
    public const string Administrator = "administrator";

    /// <summary>The column beside Identity's own of a passkey.</summary>
    internal const string PasskeyLastUsed = "LastUsedAt";

    /// <summary>Sessions, live and ended.</summary>
    public DbSet<Session> Sessions => Set<Session>();

    /// <summary>One-time tokens.</summary>
    public DbSet<OneTimeToken> OneTimeTokens => Set<OneTimeToken>();

    /// <summary>EmailTemplates promised.</summary>
    public DbSet<OutboxMessage> Outbox => Set<OutboxMessage>();

    /// <summary>Wrapped keys.</summary>
    public DbSet<StoredKey> Keys => Set<StoredKey>();

    /// <summary>Attempt counters.</summary>
    public DbSet<ThrottleCount> ThrottleCounts => Set<ThrottleCount>();

    /// <summary>Authenticator apps.</summary>
    public DbSet<Authenticator> Authenticators => Set<Authenticator>();

    /// <summary>Recovery codes.</summary>
    public DbSet<RecoveryCode> RecoveryCodes => Set<RecoveryCode>();

    /// <summary>Browsers that the second factor is not asked for in.</summary>
    public DbSet<TrustedDevice> TrustedDevices => Set<TrustedDevice>();

    /// <summary>Security events.</summary>
    public DbSet<AuditEntry> AuditEntries => Set<AuditEntry>();

    /// <summary>The end of their chain.</summary>
    public DbSet<AuditHead> AuditHead => Set<AuditHead>();

    /// <summary>Whether the running transaction ends or renews sessions; see <see cref="SessionCache"/>.</summary>
    internal bool EndsSessions { get; set; }

    /// <summary>
    /// Takes the account's row until the transaction ends; false where the account is gone. The first statement of
    /// every transaction that begins, ends or opens something of an account: a look inside it then stays true until the
    /// commit, and no two such transactions wait for each other in a circle.
    /// </summary>
    internal async Task<bool> LockUserRowAsync(string? userId, CancellationToken ct) =>
        // A database that reads only what is committed lets a sign-in and the reset that ends all sessions pass each
        // other unseen.
        await Users
            .Where(u => u.Id == userId)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.SecurityStamp, u => u.SecurityStamp), ct) == 1;

    /// <inheritdoc />
    public override Task<int> SaveChangesAsync(
        bool acceptAllChangesOnSuccess,
        CancellationToken cancellationToken = default
    )
    {
        // Every change of an account is seen by whoever read it before: Identity writes all columns back, and would
        // undo a change of address that was confirmed while a password was being hashed.
        foreach (var user in ChangeTracker.Entries<AuthUser>())
            if (
                user.State == EntityState.Modified
                && user.Property(u => u.ConcurrencyStamp) is { } stamp
                && stamp.CurrentValue == stamp.OriginalValue
            )
                stamp.CurrentValue = Guid.NewGuid().ToString();
        var events = ChangeTracker
            .Entries<AuditEntry>()
            .Where(e => e.State == EntityState.Added)
            .Select(e => e.Entity)
            .ToList();
        return events.Count == 0
            ? base.SaveChangesAsync(acceptAllChangesOnSuccess, cancellationToken)
            : SaveAsync(events, cancellationToken);
    }

    // The events last, and the head of their chain with them: whoever holds the head waits for nobody, and holds it for
    // as long as a commit takes.
    private async Task<int> SaveAsync(List<AuditEntry> events, CancellationToken ct)
    {
        foreach (var added in events)
            Entry(added).State = EntityState.Detached;
        await using var own = Database.CurrentTransaction is null ? await Database.BeginTransactionAsync(ct) : null;
        var saved = await base.SaveChangesAsync(true, ct);
        await this.GetService<AuditChain>().AppendAsync(this, events, ct);
        saved += await base.SaveChangesAsync(true, ct);
        if (own is not null)
            await own.CommitAsync(ct);
        return saved;
    }

    /// <summary>Saves; false where another change of the same row came first, and then nothing was saved.</summary>
    public async Task<bool> TrySaveAsync(CancellationToken ct)
    {
        try
        {
            await SaveChangesAsync(ct);
            return true;
        }
        catch (DbUpdateConcurrencyException)
        {
            ChangeTracker.Clear();
            return false;
        }
    }

    /// <inheritdoc />
    protected override void ConfigureConventions(ModelConfigurationBuilder configuration)
    {
        // SQLite cannot compare DateTimeOffset in SQL (ADR 0005): one sortable instant on every database.
        configuration.Properties<DateTimeOffset>().HaveConversion<UnixMilliseconds>();
        configuration.Properties<Enum>().HaveConversion<string>().HaveMaxLength(40);
    }

    /// <inheritdoc />
    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.Entity<AuthUser>(user =>
        {
            user.Property(u => u.DisplayName).HasMaxLength(200);
            user.Property(u => u.Avatar).HasMaxLength(2048);
            user.Ignore(u => u.ChosenUserName);
            // Identity leaves this index not unique: two confirmed rows with one address break recovery for ever.
            user.HasIndex(u => u.NormalizedEmail).IsUnique().HasDatabaseName("EmailIndex");
        });
        builder
            .Entity<IdentityRole>()
            .HasData(
                new IdentityRole
                {
                    Id = Administrator,
                    Name = Administrator,
                    NormalizedName = Administrator,
                    ConcurrencyStamp = Administrator,
                }
            );
        builder.Entity<Session>(session =>
        {
            session.ToTable("Sessions");
            session.HasIndex(s => new { s.UserId, s.EndedAt });
            session.HasIndex(s => new { s.ChangeNumber, s.Id });
            session.Property(s => s.Description).HasMaxLength(200);
            session.Property(s => s.EarlierRotations).HasMaxLength(Session.MaximumEarlierRotations);
            session.Property(s => s.Scopes).HasMaxLength(1000);
            // No foreign key: the ended sessions of a deleted account stay, so that every process learns that they
            // ended.
        });
        builder.Entity<OneTimeToken>(token =>
        {
            token.ToTable("OneTimeTokens");
            token.HasIndex(t => t.SecretHash).IsUnique();
            token.HasIndex(t => new { t.UserId, t.Purpose });
            token.HasIndex(t => new { t.Destination, t.Purpose });
        });
        builder.Entity<OutboxMessage>(letter =>
        {
            letter.ToTable("Outbox");
            letter.HasIndex(l => new
            {
                l.DoneAt,
                l.Network,
                l.NextAttemptAt,
            });
            letter.HasIndex(l => new { l.To, l.DoneAt });
        });
        builder.Entity<Authenticator>(authenticator => OfUser(authenticator, "Authenticators"));
        builder.Entity<RecoveryCode>(code => OfUser(code, "RecoveryCodes"));
        builder.Entity<TrustedDevice>(device => OfUser(device, "TrustedDevices"));
        // Identity's row does not say when a passkey was last used; its owner wants to know.
        builder.Entity<IdentityUserPasskey<string>>().Property<DateTimeOffset?>(PasskeyLastUsed);
        builder.Entity<StoredKey>(key =>
        {
            key.ToTable("Keys");
            key.HasIndex(k => k.KeyId).IsUnique();
        });
        builder.Entity<ThrottleCount>(count =>
        {
            count.ToTable("ThrottleCounts");
            count.HasKey(c => c.Key);
            count.HasIndex(c => c.ResetsAt);
        });
        builder.Entity<AuditEntry>(entry =>
        {
            entry.ToTable("AuditEntries");
            entry.Property(e => e.Id).ValueGeneratedNever();
            entry.HasIndex(e => new { e.UserId, e.Id });
        });
        builder.Entity<AuditHead>(head =>
        {
            head.ToTable("AuditHead");
            head.Property(h => h.Id).ValueGeneratedNever();
        });
    }

    private static void OfUser<T>(EntityTypeBuilder<T> row, string table)
        where T : class
    {
        row.ToTable(table);
        row.HasIndex("UserId");
        row.HasOne<AuthUser>().WithMany().HasForeignKey("UserId").OnDelete(DeleteBehavior.Cascade);
    }

    private sealed class UnixMilliseconds()
        : ValueConverter<DateTimeOffset, long>(
            instant => instant.ToUnixTimeMilliseconds(),
            value => DateTimeOffset.FromUnixTimeMilliseconds(value)
        );
}
