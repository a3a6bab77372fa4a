namespace BlazorAuth.Core.Options;

/// <summary>Section <c>Database</c>.</summary>
public sealed class DatabaseOptions
{
    /// <summary>Which database.</summary>
    public DatabaseProvider Provider { get; set; } = DatabaseProvider.Sqlite;

    /// <summary>Connection string; required by PostgreSQL, for SQLite empty for a file in the data directory.</summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>Apply pending migrations at start; when not set, yes for SQLite and in Development.</summary>
    public bool? MigrateOnStart { get; set; }
}

/// <summary>The databases.</summary>
public enum DatabaseProvider
{
    /// <summary>A file, in process.</summary>
    Sqlite,

    /// <summary>A PostgreSQL server, for any number of processes.</summary>
    Postgres,
}
