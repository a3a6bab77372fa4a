using BlazorAuth.Core.Data;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.UnitTests.Laws;

public sealed class MigrationDriftTests() : AuthTest(onDisk: true)
{
    [Fact]
    public void The_migrations_make_the_model()
    {
        using var db = new SqliteDesign().CreateDbContext([]);
        Assert.False(db.Database.HasPendingModelChanges());
    }

    [Fact]
    public Task The_model_of_a_host_is_that_of_the_migrations() => Auth.Use(async (AuthDbContext db) =>
    {
        Assert.False(db.Database.HasPendingModelChanges());
        Assert.Empty(await db.Database.GetPendingMigrationsAsync());
    });

    [Fact]
    public Task Each_connection_keeps_commits_and_enforces_keys() => Auth.Use(async (AuthDbContext db) =>
    {
        async Task<long> Pragma(FormattableString sql) => await db.Database.SqlQuery<long>(sql).SingleAsync();
        Assert.Equal(2, await Pragma($"SELECT synchronous AS Value FROM pragma_synchronous")); // FULL
        Assert.Equal(1, await Pragma($"SELECT foreign_keys AS Value FROM pragma_foreign_keys"));
        Assert.Equal(1, await Pragma($"SELECT secure_delete AS Value FROM pragma_secure_delete"));
        Assert.Equal(5000, await Pragma($"SELECT timeout AS Value FROM pragma_busy_timeout"));
    });

    [Fact]
    public async Task Two_processes_that_start_together_make_one_store()
    {
        var all = await AuthFixture.RaceAsync(3, _ => Auth.BesideAsync());
        await Auth.RegisterAsync("jane@example.net");
        foreach (var one in all)
        {
            await one.SignInAsync("jane@example.net");
            await one.DisposeAsync();
        }
    }
}
