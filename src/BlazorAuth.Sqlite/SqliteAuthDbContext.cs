using BlazorAuth.Core.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace BlazorAuth.Sqlite;

/// <summary>The store on SQLite.</summary>
public sealed class SqliteAuthDbContext(DbContextOptions<SqliteAuthDbContext> options) : AuthDbContext(options);

/// <summary>Makes the context for <c>dotnet ef migrations add</c>.</summary>
public sealed class SqliteDesign : IDesignTimeDbContextFactory<SqliteAuthDbContext>
{
    /// <inheritdoc />
    public SqliteAuthDbContext CreateDbContext(string[] args) =>
        new(
            new DbContextOptionsBuilder<SqliteAuthDbContext>()
                .UseSqlite("Data Source=design.db")
                .UseIdentityModel()
                .Options
        );
}
