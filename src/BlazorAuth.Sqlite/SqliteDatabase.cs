using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Sqlite;

/// <summary>SQLite: one file beside the program, for one machine.</summary>
public sealed class SqliteDatabase : IAuthDatabase
{
    // Result codes of SQLite (sqlite3.h).
    private const int Busy = 5,
        Locked = 6,
        ReadOnly = 8,
        IoError = 10,
        Full = 13,
        CannotOpen = 14;

    // What 'another process has it' is called on Unix and on Windows; a full or read-only disk is not waited for.
    private const int WouldBlock = 11,
        SharingViolation = unchecked((int)0x80070020);

    /// <inheritdoc />
    public DatabaseProvider Provider => DatabaseProvider.Sqlite;

    /// <inheritdoc />
    public bool MigratesUnasked => true; // the file belongs to this product alone

    /// <inheritdoc />
    public string? FindError(string connectionString) => null;

    /// <inheritdoc />
    public void AddContext(IServiceCollection services) =>
        services.AddDbContextPool<AuthDbContext, SqliteAuthDbContext>(
            (from, options) =>
            {
                var settings = from.GetRequiredService<IOptions<AuthOptions>>().Value;
                var text = settings.Database.ConnectionString;
                options
                    .UseSqlite(
                        Patient(
                            text.Length > 0 ? text : $"Data Source={Path.Combine(settings.DataPath, "blazorauth.db")}"
                        )
                    )
                    .AddInterceptors(SqlitePragmas.Instance, from.GetRequiredService<SessionRevocationInterceptor>());
            }
        );

    /// <summary>
    /// Gives the file to the process's own user only, also in a folder that others may enter; the files beside it take
    /// its mode.
    /// </summary>
    public void Prepare(AuthDbContext db)
    {
        var path = new SqliteConnectionStringBuilder(db.Database.GetConnectionString()).DataSource;
        if (
            OperatingSystem.IsWindows()
            || path.Length == 0
            || path.StartsWith(':')
            || path.StartsWith("file:", StringComparison.Ordinal)
        )
            return;
        const UnixFileMode own = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (
            File.Open(
                path,
                new FileStreamOptions
                {
                    Mode = FileMode.OpenOrCreate,
                    Access = FileAccess.ReadWrite,
                    Share = FileShare.ReadWrite,
                    UnixCreateMode = own,
                }
            )
        )
            File.SetUnixFileMode(path, own);
    }

    /// <inheritdoc />
    public async Task MigrateAsync(AuthDbContext db, AuthOptions options, CancellationToken ct)
    {
        // EF Core's own lock on SQLite is a row: a process killed while it holds it locks every later start out.
        // The operating system's lock ends with its process; who holds it may remove the row.
        using var held = await LockFileAsync(Path.Combine(options.DataPath, "migrate.lock"), ct);
        await db.Database.ExecuteSqlRawAsync("DROP TABLE IF EXISTS \"__EFMigrationsLock\"", ct);
        // Readers and the writer then do not wait for each other; EF sets it only for files that it makes itself.
        await db.Database.ExecuteSqlRawAsync("PRAGMA journal_mode=WAL", ct);
        await db.Database.MigrateAsync(ct);
    }

    /// <inheritdoc />
    public string? DescribeFailure(Exception fault) => null;

    /// <inheritdoc />
    public bool IsAway(Exception? fault) =>
        fault switch
        {
            null => false,
            SqliteException told => told.SqliteErrorCode is Busy or Locked or ReadOnly or IoError or Full or CannotOpen,
            _ => IsAway(fault.InnerException),
        };

    // A writer waits its turn this long; the library's own half minute would outlast whoever asked.
    private static string Patient(string connectionString)
    {
        var connection = new SqliteConnectionStringBuilder(connectionString);
        if (!connection.ShouldSerialize("Default Timeout"))
            connection.DefaultTimeout = 10;
        return connection.ConnectionString;
    }

    private static async Task<FileStream> LockFileAsync(string path, CancellationToken ct)
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
