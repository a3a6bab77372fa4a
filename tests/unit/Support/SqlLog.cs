using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace BlazorAuth.UnitTests.Support;

/// <summary>Every statement sent to the store, without its values.</summary>
internal sealed class SqlLog : DbCommandInterceptor
{
    private readonly List<string> statements = [];

    /// <summary>What was sent since the last call.</summary>
    public string[] Take()
    {
        lock (statements)
        {
            string[] taken = [.. statements];
            statements.Clear();
            return taken;
        }
    }

    public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default) =>
        new(Note(command, result));

    public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
        DbCommand command, CommandEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default) =>
        new(Note(command, result));

    private T Note<T>(DbCommand command, T result)
    {
        lock (statements) statements.Add(command.CommandText);
        return result;
    }
}
