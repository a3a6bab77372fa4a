using BlazorAuth.Core.Options;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Data;

/// <summary>Brings the schema of the store up to this program, or says in one line why that cannot be.</summary>
internal static class StoreMigration
{
    /// <summary>
    /// Applies pending migrations; safe when several processes start at once, and after a kill in the middle.
    /// </summary>
    /// <exception cref="ConfigurationException">
    /// The store is away or newer, or a migration is pending that nobody allowed.
    /// </exception>
    public static async Task RunAsync(
        IAuthDatabase database,
        AuthDbContext db,
        AuthOptions options,
        CancellationToken ct
    )
    {
        try
        {
            database.Prepare(db);
            var known = db.Database.GetMigrations().ToHashSet(StringComparer.Ordinal);
            var applied = await db.Database.GetAppliedMigrationsAsync(ct);
            if (applied.FirstOrDefault(migration => !known.Contains(migration)) is { } newer)
                throw new ConfigurationException(
                    $"BlazorAuth:Database: the store was made by a newer version of this program "
                        + $"(migration {newer} is not known here). Start the newer version, or restore a backup that this one made."
                );
            if ((await db.Database.GetPendingMigrationsAsync(ct)).FirstOrDefault() is not { } pending)
                return;
            if (!options.MigrateOnStart)
                throw new ConfigurationException(
                    $"BlazorAuth:Database: migration {pending} is pending and MigrateOnStart is false."
                );
            await database.MigrateAsync(db, options, ct);
        }
        catch (Exception fault) when (database.DescribeFailure(fault) is { } failure)
        {
            throw new ConfigurationException($"BlazorAuth:Database: the server cannot be used ({failure}).");
        }
    }
}
