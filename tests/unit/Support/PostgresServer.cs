using BlazorAuth.Core.Data;
using BlazorAuth.Postgres;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BlazorAuth.UnitTests.Support;

/// <summary>
/// The PostgreSQL server of the tests: a database for each test, copied from one that was migrated once.
/// </summary>
internal static class PostgresServer
{
    public const string Variable = "BLAZORAUTH_TEST_POSTGRES";

    public static readonly string ConnectionString = Environment.GetEnvironmentVariable(Variable) ?? "";

    private static readonly Lazy<Task<string>> Template = new(MigrateAsync);

    // A template is copied by one at a time.
    private static readonly SemaphoreSlim Copying = new(1);

    /// <summary>A migrated, empty database; its connection string.</summary>
    public static async Task<string> CreateDatabaseAsync()
    {
        var template = await Template.Value;
        await Copying.WaitAsync();
        try
        {
            var name = NewName();
            await RunAsync($"CREATE DATABASE {name} TEMPLATE {template}");
            return Of(name);
        }
        finally
        {
            Copying.Release();
        }
    }

    /// <summary>The connection string of a database that does not exist yet.</summary>
    public static string NewDatabase() => Of(NewName());

    public static async Task DropDatabaseAsync(string connectionString)
    {
        await using (var pool = new NpgsqlConnection(connectionString))
            NpgsqlConnection.ClearPool(pool);
        await RunAsync(
            $"DROP DATABASE IF EXISTS {new NpgsqlConnectionStringBuilder(connectionString).Database} WITH (FORCE)"
        );
    }

    private static string NewName() => "test_" + Guid.NewGuid().ToString("N");

    private static string Of(string database) =>
        new NpgsqlConnectionStringBuilder(ConnectionString) { Database = database, Timeout = 15 }.ConnectionString;

    private static async Task<string> MigrateAsync()
    {
        var name = NewName();
        await using var db = new PostgresAuthDbContext(
            new DbContextOptionsBuilder<PostgresAuthDbContext>()
                .UseNpgsql(Of(name) + ";Pooling=false")
                .UseIdentityModel()
                .Options
        );
        await db.Database.MigrateAsync();
        return name;
    }

    private static async Task RunAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(Of("postgres") + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
