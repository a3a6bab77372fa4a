using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Postgres;
using BlazorAuth.Sqlite;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

public abstract class MigrationDriftTests(Store store) : AuthTest(store)
{
    protected abstract AuthDbContext Design();

    [StoreFact]
    public void The_migrations_make_the_model()
    {
        using var db = Design();
        Assert.False(db.Database.HasPendingModelChanges());
    }

    [StoreFact]
    public Task The_model_of_a_host_is_that_of_the_migrations() =>
        Auth.Use(
            async (AuthDbContext db) =>
            {
                Assert.False(db.Database.HasPendingModelChanges());
                Assert.Empty(await db.Database.GetPendingMigrationsAsync());
            }
        );

    [StoreFact]
    public async Task Processes_that_start_together_make_one_store()
    {
        var all = await RaceAsync(3, _ => Auth.BesideAsync());
        await Auth.RegisterAsync("jane@example.net");
        foreach (var one in all)
        {
            await one.SignInAsync("jane@example.net");
            await one.DisposeAsync();
        }
    }

    [StoreFact]
    public async Task A_store_that_a_newer_program_made_is_refused_in_one_line()
    {
        await Auth.Use(
            (AuthDbContext db) =>
                db.Database.ExecuteSqlRawAsync(
                    "INSERT INTO \"__EFMigrationsHistory\" (\"MigrationId\", \"ProductVersion\") VALUES ('29990101000000_Later', '99.0.0')"
                )
        );
        var fault = await Assert.ThrowsAsync<ConfigurationException>(() => Auth.RestartAsync());
        Assert.Contains("made by a newer version", Assert.Single(fault.Lines), StringComparison.Ordinal);
        await Auth.Use(
            (AuthDbContext db) =>
                db.Database.ExecuteSqlRawAsync(
                    "DELETE FROM \"__EFMigrationsHistory\" WHERE \"MigrationId\" = '29990101000000_Later'"
                )
        );
        await Auth.RestartAsync();
    }

    public sealed class OnSqlite() : MigrationDriftTests(Store.File)
    {
        protected override AuthDbContext Design() => new SqliteDesign().CreateDbContext([]);

        [Fact]
        public Task Each_connection_keeps_commits_and_enforces_keys() =>
            Auth.Use(
                async (AuthDbContext db) =>
                {
                    async Task<long> Pragma(FormattableString sql) =>
                        await db.Database.SqlQuery<long>(sql).SingleAsync();
                    Assert.Equal(2, await Pragma($"SELECT synchronous AS Value FROM pragma_synchronous")); // FULL
                    Assert.Equal(1, await Pragma($"SELECT foreign_keys AS Value FROM pragma_foreign_keys"));
                    Assert.Equal(1, await Pragma($"SELECT secure_delete AS Value FROM pragma_secure_delete"));
                    Assert.Equal(5000, await Pragma($"SELECT timeout AS Value FROM pragma_busy_timeout"));
                }
            );
    }

    [OnPostgres]
    public sealed class OnPostgres() : MigrationDriftTests(Store.Postgres)
    {
        protected override AuthDbContext Design() => new PostgresDesign().CreateDbContext([]);

        [StoreFact]
        public async Task Processes_that_start_together_on_a_server_without_the_database_make_it_once()
        {
            var connection = PostgresServer.NewDatabase();
            try
            {
                (string, string)[] there = [("Database:ConnectionString", connection)];
                var all = await RaceAsync(4, _ => Auth.BesideAsync(there));
                Assert.Equal(1, (await all[0].RowsAsync())["AspNetRoles"]);
                foreach (var one in all)
                    await one.DisposeAsync();
            }
            finally
            {
                await PostgresServer.DropDatabaseAsync(connection);
            }
        }

        [StoreFact]
        public async Task A_pending_migration_that_nobody_allowed_is_one_plain_line()
        {
            var fault = await Assert.ThrowsAsync<ConfigurationException>(() =>
                Auth.BesideAsync(
                    ("Database:ConnectionString", PostgresServer.NewDatabase()),
                    ("Database:MigrateOnStart", "false")
                )
            );
            Assert.Matches(
                "^BlazorAuth:Database: migration \\S+ is pending and MigrateOnStart is false.$",
                Assert.Single(fault.Lines)
            );
        }

        [StoreFact]
        public async Task A_server_that_is_away_is_one_plain_line_without_the_password()
        {
            var fault = await Assert.ThrowsAsync<ConfigurationException>(() =>
                Auth.BesideAsync(
                    ("Database:ConnectionString", "Host=127.0.0.1;Port=1;Database=x;Username=u;Password=s3cret-value")
                )
            );
            Assert.Matches("^BlazorAuth:Database: the server cannot be used \\(\\w+\\).$", Assert.Single(fault.Lines));
        }
    }
}
