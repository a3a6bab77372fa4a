using BlazorAuth.Core.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;

namespace BlazorAuth.Postgres;

/// <summary>The store on PostgreSQL.</summary>
public sealed class PostgresAuthDbContext(DbContextOptions<PostgresAuthDbContext> options) : AuthDbContext(options);

/// <summary>Makes the context for <c>dotnet ef migrations add</c>.</summary>
public sealed class PostgresDesign : IDesignTimeDbContextFactory<PostgresAuthDbContext>
{
    /// <inheritdoc />
    public PostgresAuthDbContext CreateDbContext(string[] args) =>
        new(
            new DbContextOptionsBuilder<PostgresAuthDbContext>()
                .UseNpgsql("Host=localhost;Database=design")
                .UseIdentityModel()
                .Options
        );
}
