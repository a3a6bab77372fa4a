using System.Data.Common;
using BlazorAuth.Core.Credentials;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Data;

/// <summary>The store on SQLite. Nothing outside this file knows which database there is.</summary>
public sealed class SqliteAuthDbContext(DbContextOptions<SqliteAuthDbContext> options) : AuthDbContext(options);

/// <summary>Makes the context for <c>dotnet ef migrations add</c>.</summary>
public sealed class SqliteDesign : IDesignTimeDbContextFactory<SqliteAuthDbContext>
{
    /// <inheritdoc />
    public SqliteAuthDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<SqliteAuthDbContext>().UseSqlite("Data Source=design.db")
            // Identity reads its options from here while it builds the model; the hosts do the same.
            .UseApplicationServiceProvider(new ServiceCollection().AddAuthIdentity().BuildServiceProvider()).Options);
}

internal static class Providers
{
    public static void AddAuthStore(this IServiceCollection services) =>
        services.AddDbContextPool<AuthDbContext, SqliteAuthDbContext>((provider, options) =>
        {
            var settings = provider.GetRequiredService<IOptions<AuthOptions>>().Value;
            options.UseSqlite(settings.ConnectionString).AddInterceptors(SqlitePragmas.Instance, provider.GetRequiredService<CommitBell>());
        });

    /// <summary>Applies pending migrations; safe when several processes start at once, and after a kill in the middle.</summary>
    public static async Task MigrateAsync(AuthDbContext db, AuthOptions options, CancellationToken ct)
    {
        if ((await db.Database.GetPendingMigrationsAsync(ct)).FirstOrDefault() is not { } pending) return;
        if (!options.MigrateOnStart)
            throw new ConfigurationFault($"BlazorAuth:Database: migration {pending} is pending and MigrateOnStart is false.");

        // EF Core's own lock on SQLite is a row: a process killed while it holds it locks every later start out.
        // The operating system's lock dies with its process; who holds it may remove the row.
        using var held = await HoldFileAsync(Path.Combine(options.DataPath, "migrate.lock"), ct);
        await db.Database.ExecuteSqlRawAsync("DROP TABLE IF EXISTS \"__EFMigrationsLock\"", ct);
        await db.Database.MigrateAsync(ct);
    }

    private static async Task<FileStream> HoldFileAsync(string path, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), ct);
            }
        }
    }
}

/// <summary>
/// Per connection: waits for a writer instead of failing, keeps every commit on the disk before it is answered,
/// and overwrites what is deleted, so that spent secrets do not rest in free pages. Foreign keys are switched on here because
/// only the bundled library does that by itself: on the system's one, a closed account would leave its sessions alive.
/// </summary>
internal sealed class SqlitePragmas : DbConnectionInterceptor
{
    public static readonly SqlitePragmas Instance = new();
    private const string Pragmas = "PRAGMA foreign_keys=ON; PRAGMA busy_timeout=5000; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;";

    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        using var command = connection.CreateCommand();
        command.CommandText = Pragmas;
        command.ExecuteNonQuery();
    }

    public override Task ConnectionOpenedAsync(
        DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        ConnectionOpened(connection, eventData);
        return Task.CompletedTask;
    }
}
