using System.Data.Common;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Sessions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Npgsql;

namespace BlazorAuth.Postgres;

/// <summary>PostgreSQL: for several processes, and for an operator who backs it up.</summary>
public sealed class PostgresDatabase : IAuthDatabase
{
    // Any number nobody else uses in this database.
    private const long MigrationLock = 0x426C617A6F72;

    // A dead server is an answer within seconds, not a pile of waiting requests.
    private const int AnswerSeconds = 5;

    /// <inheritdoc />
    public DatabaseProvider Provider => DatabaseProvider.Postgres;

    /// <inheritdoc />
    public bool MigratesUnasked => false; // a server has an operator, who decides when its schema changes

    /// <inheritdoc />
    public string? FindError(string connectionString)
    {
        if (string.IsNullOrWhiteSpace(connectionString))
            return "required by Postgres, such as Host=localhost;Database=blazorauth;Username=blazorauth;Password=….";
        try
        {
            return new NpgsqlConnectionStringBuilder(connectionString).Host is null ? "must name a Host." : null;
        }
        catch (Exception malformed)
            when (malformed is ArgumentException or FormatException or InvalidCastException or OverflowException)
        {
            return "is not a connection string of PostgreSQL (keys and values as Npgsql has them).";
        }
    }

    /// <inheritdoc />
    public void AddContext(IServiceCollection services) =>
        services.AddDbContextPool<AuthDbContext, PostgresAuthDbContext>(
            (from, options) =>
                options
                    .UseNpgsql(
                        Hurried(from.GetRequiredService<IOptions<AuthOptions>>().Value.Database.ConnectionString),
                        server => server.CommandTimeout(AnswerSeconds)
                    )
                    .AddInterceptors(from.GetRequiredService<SessionRevocationInterceptor>())
        );

    /// <inheritdoc />
    public void Prepare(AuthDbContext db) { }

    /// <inheritdoc />
    public async Task MigrateAsync(AuthDbContext db, AuthOptions options, CancellationToken ct)
    {
        // a migration of many rows, or the wait for another process's
        db.Database.SetCommandTimeout(TimeSpan.FromMinutes(10));
        await MakeDatabaseAsync(db, ct);
        await db.Database.OpenConnectionAsync(ct);
        try
        {
            // EF's own lock there ends with each migration's transaction, and two processes would take turns in the
            // middle of the list. This one ends with its connection.
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

    /// <inheritdoc />
    public string? DescribeFailure(Exception? fault) =>
        fault switch
        {
            null => null,
            PostgresException told => "SQLSTATE " + told.SqlState,
            NpgsqlException away => (away.InnerException ?? away).GetType().Name,
            var other => DescribeFailure(other.InnerException),
        };

    /// <inheritdoc />
    public bool IsAway(Exception? fault) =>
        fault switch
        {
            null => false,
            PostgresException told => told.IsTransient
                || told.SqlState.StartsWith("57P", StringComparison.Ordinal)
                || told.SqlState is PostgresErrorCodes.ReadOnlySqlTransaction or PostgresErrorCodes.QueryCanceled,
            NpgsqlException => true, // no answer at all
            _ => IsAway(fault.InnerException),
        };

    private static async Task MakeDatabaseAsync(AuthDbContext db, CancellationToken ct)
    {
        var server = db.GetService<IRelationalDatabaseCreator>();
        try
        {
            if (!await server.ExistsAsync(ct))
                await server.CreateAsync(ct);
        }
        catch (PostgresException other)
            when (other.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
        {
            // Another process made it meanwhile.
        }
    }

    private static string Hurried(string connectionString)
    {
        var connection = new NpgsqlConnectionStringBuilder(connectionString);
        // The typed builder 'contains' every key there is.
        if (!new DbConnectionStringBuilder { ConnectionString = connectionString }.ContainsKey("Timeout"))
            connection.Timeout = AnswerSeconds;
        return connection.ConnectionString;
    }
}
