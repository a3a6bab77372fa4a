using BlazorAuth.Core.Options;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.Core.Data;

/// <summary>
/// A database that the store can be on. Each one is a project of its own (BlazorAuth.Sqlite, BlazorAuth.Postgres) with
/// a thin context, its migrations and its few raw statements. Nothing else asks which database there is.
/// </summary>
public interface IAuthDatabase
{
    /// <summary>The value of <c>Database:Provider</c> that chooses it.</summary>
    DatabaseProvider Provider { get; }

    /// <summary>Whether pending migrations are applied at start where no setting says so, also in Production.</summary>
    bool MigratesUnasked { get; }

    /// <summary>
    /// What is wrong with a connection string, in words that do not quote it, or null. It holds a password.
    /// </summary>
    string? FindError(string connectionString);

    /// <summary>Registers the context.</summary>
    void AddContext(IServiceCollection services);

    /// <summary>What must be done before the first connection is opened.</summary>
    void Prepare(AuthDbContext db);

    /// <summary>
    /// Makes the database where it is missing and applies pending migrations. Safe in processes that start together.
    /// </summary>
    /// <param name="db">The context that <see cref="AddContext"/> registered.</param>
    /// <param name="options">The settings.</param>
    /// <param name="ct">Ends the wait.</param>
    Task MigrateAsync(AuthDbContext db, AuthOptions options, CancellationToken ct);

    /// <summary>
    /// What keeps the server from being used, without its text: that may quote the connection string. Null for another
    /// fault.
    /// </summary>
    string? DescribeFailure(Exception fault);

    /// <summary>
    /// Whether the store cannot be used for the moment: away, full, read-only, or busy for too long. Trying again later
    /// may help; anything else is a fault of ours.
    /// </summary>
    bool IsAway(Exception fault);
}
