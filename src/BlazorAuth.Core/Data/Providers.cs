using System.Data.Common;
using BlazorAuth.Core.Credentials;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Npgsql;

namespace BlazorAuth.Core.Data;

/// <summary>The store on SQLite. Nothing outside this file knows which database there is.</summary>
public sealed class SqliteAuthDbContext(DbContextOptions<SqliteAuthDbContext> options) : AuthDbContext(options);

/// <summary>The store on PostgreSQL.</summary>
public sealed class PostgresAuthDbContext(DbContextOptions<PostgresAuthDbContext> options) : AuthDbContext(options);

/// <summary>Makes the SQLite context for <c>dotnet ef migrations add</c>.</summary>
public sealed class SqliteDesign : IDesignTimeDbContextFactory<SqliteAuthDbContext>
{
    /// <inheritdoc />
    public SqliteAuthDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<SqliteAuthDbContext>().UseSqlite("Data Source=design.db").UseIdentityModel().Options);
}

/// <summary>Makes the PostgreSQL context for <c>dotnet ef migrations add</c>.</summary>
public sealed class PostgresDesign : IDesignTimeDbContextFactory<PostgresAuthDbContext>
{
    /// <inheritdoc />
    public PostgresAuthDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<PostgresAuthDbContext>().UseNpgsql("Host=localhost;Database=design").UseIdentityModel().Options);
}

internal static class Providers
{
    // Any number nobody else uses in this database.
    private const long MigrationLock = 0x426C617A6F72;

    // A dead server is an answer within seconds, not a pile of waiting requests.
    private const int AnswerSeconds = 5;

    public static void AddAuthStore(this IServiceCollection services, DatabaseProvider provider)
    {
        switch (provider)
        {
            case DatabaseProvider.Sqlite:
                services.AddDbContextPool<AuthDbContext, SqliteAuthDbContext>((from, options) =>
                {
                    var settings = from.GetRequiredService<IOptions<AuthOptions>>().Value;
                    var text = settings.Database.ConnectionString;
                    options.UseSqlite(Patient(text.Length > 0 ? text : $"Data Source={Path.Combine(settings.DataPath, "blazorauth.db")}"))
                        .AddInterceptors(SqlitePragmas.Instance, from.GetRequiredService<CommitBell>());
                });
                break;
            case DatabaseProvider.Postgres:
                services.AddDbContextPool<AuthDbContext, PostgresAuthDbContext>((from, options) => options
                    .UseNpgsql(Hurried(from.GetRequiredService<IOptions<AuthOptions>>().Value.Database.ConnectionString),
                        server => server.CommandTimeout(AnswerSeconds))
                    .AddInterceptors(from.GetRequiredService<CommitBell>()));
                break;
        }
    }

    /// <summary>What is wrong with the connection string, in words that do not quote it: it holds a password.</summary>
    public static string? FaultOf(DatabaseOptions database)
    {
        if (database.Provider == DatabaseProvider.Sqlite) return null;
        if (string.IsNullOrWhiteSpace(database.ConnectionString))
            return "required by Postgres, such as Host=localhost;Database=blazorauth;Username=blazorauth;Password=….";
        try
        {
            return new NpgsqlConnectionStringBuilder(database.ConnectionString).Host is null ? "must name a Host." : null;
        }
        catch (Exception malformed) when (malformed is ArgumentException or FormatException or InvalidCastException or OverflowException)
        {
            return "is not a connection string of PostgreSQL (keys and values as Npgsql has them).";
        }
    }

    /// <summary>A file is this product's own; a server has an operator, who decides when its schema changes.</summary>
    public static bool MigratesUnasked(DatabaseProvider provider, bool development) => development || provider == DatabaseProvider.Sqlite;

    /// <summary>Applies pending migrations; safe when several processes start at once, and after a kill in the middle.</summary>
    /// <exception cref="ConfigurationFault">The store is away, or a migration is pending that nobody allowed.</exception>
    public static async Task MigrateAsync(AuthDbContext db, AuthOptions options, CancellationToken ct)
    {
        try
        {
            if (options.Database.Provider == DatabaseProvider.Sqlite) MakePrivate(db);
            var known = db.Database.GetMigrations().ToHashSet(StringComparer.Ordinal);
            if ((await db.Database.GetAppliedMigrationsAsync(ct)).FirstOrDefault(applied => !known.Contains(applied)) is { } newer)
                throw new ConfigurationFault($"BlazorAuth:Database: the store was made by a newer version of this program (migration {newer} "
                    + "is not known here). Start the newer version, or restore a backup that this one made.");
            if ((await db.Database.GetPendingMigrationsAsync(ct)).FirstOrDefault() is not { } pending) return;
            if (!options.MigrateOnStart)
                throw new ConfigurationFault($"BlazorAuth:Database: migration {pending} is pending and MigrateOnStart is false.");
            await (options.Database.Provider == DatabaseProvider.Sqlite ? MigrateFileAsync(db, options, ct) : MigrateServerAsync(db, ct));
        }
        catch (Exception fault) when (RefusalIn(fault) is { } refusal)
        {
            // The type or code only: the server's text may quote the connection string.
            throw new ConfigurationFault($"BlazorAuth:Database: the server cannot be used ({refusal}).");
        }
    }

    // EF Core's own lock on SQLite is a row: a process killed while it holds it locks every later start out.
    // The operating system's lock dies with its process; who holds it may remove the row.
    private static async Task MigrateFileAsync(AuthDbContext db, AuthOptions options, CancellationToken ct)
    {
        using var held = await HoldFileAsync(Path.Combine(options.DataPath, "migrate.lock"), ct);
        await db.Database.ExecuteSqlRawAsync("DROP TABLE IF EXISTS \"__EFMigrationsLock\"", ct);
        // Readers and the writer then do not wait for each other; EF sets it only for files that it makes itself.
        await db.Database.ExecuteSqlRawAsync("PRAGMA journal_mode=WAL", ct);
        await db.Database.MigrateAsync(ct);
    }

    // For the process's own user only, also in a folder that others may enter; the files beside it take its mode.
    private static void MakePrivate(AuthDbContext db)
    {
        var path = new SqliteConnectionStringBuilder(db.Database.GetConnectionString()).DataSource;
        if (OperatingSystem.IsWindows() || path.Length == 0 || path.StartsWith(':') || path.StartsWith("file:", StringComparison.Ordinal)) return;
        const UnixFileMode own = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (File.Open(path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite, UnixCreateMode = own }))
            File.SetUnixFileMode(path, own);
    }

    // EF's own lock there ends with each migration's transaction, and two processes would take turns in the middle of the list.
    // This one ends with its connection.
    private static async Task MigrateServerAsync(AuthDbContext db, CancellationToken ct)
    {
        db.Database.SetCommandTimeout(TimeSpan.FromMinutes(10)); // a migration of many rows, or the wait for another process's
        await MakeDatabaseAsync(db, ct);
        await db.Database.OpenConnectionAsync(ct);
        try
        {
            await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_lock({MigrationLock})", ct);
            await db.Database.MigrateAsync(ct);
            await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_unlock({MigrationLock})", ct);
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
        db.Database.SetCommandTimeout(AnswerSeconds);
    }

    private static async Task MakeDatabaseAsync(AuthDbContext db, CancellationToken ct)
    {
        var server = db.GetService<IRelationalDatabaseCreator>();
        try
        {
            if (!await server.ExistsAsync(ct)) await server.CreateAsync(ct);
        }
        catch (PostgresException other) when (other.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
        {
            // Another process made it meanwhile.
        }
    }

    /// <summary>
    /// Whether the store cannot be used for the moment: away, full, read-only, or busy for too long. Trying again later may help;
    /// anything else is a fault of ours.
    /// </summary>
    public static bool IsAway(Exception? fault) => fault switch
    {
        null => false,
        SqliteException lite => lite.SqliteErrorCode is Busy or Locked or ReadOnly or IoError or Full or CannotOpen,
        PostgresException told => told.IsTransient || told.SqlState.StartsWith("57P", StringComparison.Ordinal)
                                  || told.SqlState is PostgresErrorCodes.ReadOnlySqlTransaction or PostgresErrorCodes.QueryCanceled,
        NpgsqlException => true, // no answer at all
        _ => IsAway(fault.InnerException),
    };

    private const int Busy = 5, Locked = 6, ReadOnly = 8, IoError = 10, Full = 13, CannotOpen = 14; // SQLite result codes

    private static string? RefusalIn(Exception? fault) => fault switch
    {
        null => null,
        PostgresException told => "SQLSTATE " + told.SqlState,
        NpgsqlException away => (away.InnerException ?? away).GetType().Name,
        var other => RefusalIn(other.InnerException),
    };

    // A writer waits its turn this long; the library's own half minute would outlast whoever asked.
    private static string Patient(string connectionString)
    {
        var connection = new SqliteConnectionStringBuilder(connectionString);
        if (!connection.ShouldSerialize("Default Timeout")) connection.DefaultTimeout = 10;
        return connection.ConnectionString;
    }

    private static string Hurried(string connectionString)
    {
        var connection = new NpgsqlConnectionStringBuilder(connectionString);
        // The typed builder 'contains' every key there is.
        if (!new DbConnectionStringBuilder { ConnectionString = connectionString }.ContainsKey("Timeout")) connection.Timeout = AnswerSeconds;
        return connection.ConnectionString;
    }

    // Identity reads its options from here while it builds the model; the hosts do the same.
    internal static DbContextOptionsBuilder<T> UseIdentityModel<T>(this DbContextOptionsBuilder<T> options) where T : DbContext =>
        options.UseApplicationServiceProvider(new ServiceCollection().AddAuthIdentity().BuildServiceProvider());

    // What 'another process has it' is called on Unix and on Windows; a full or read-only disk is not waited for.
    private const int WouldBlock = 11, SharingViolation = unchecked((int)0x80070020);

    private static async Task<FileStream> HoldFileAsync(string path, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException held) when (held.HResult is WouldBlock or SharingViolation)
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
