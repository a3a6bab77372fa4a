using System.Data.Common;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace BlazorAuth.UnitTests.Support;

/// <summary>Every statement sent to the store, without its values.</summary>
internal sealed class SqlLog : DbCommandInterceptor
{
    private readonly List<string> statements = [];
    private readonly HttpContextAccessor accessor = new();
    private (string Fragment, Action Act)? trap;

    /// <summary>Whether to leave out what is sent outside of a request.</summary>
    public bool OfRequestsOnly { get; init; }

    /// <summary>
    /// Runs once, just before the next statement that contains the fragment: a place for what happens in between.
    /// </summary>
    public void BeforeNext(string fragment, Action act) => trap = (fragment, act);

    public bool IsTrapSet => trap is not null;

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
        DbCommand command,
        CommandEventData eventData,
        InterceptionResult<DbDataReader> result,
        CancellationToken cancellationToken = default
    ) => new(Note(command, result));

    public override ValueTask<InterceptionResult<int>> NonQueryExecutingAsync(
        DbCommand command,
        CommandEventData eventData,
        InterceptionResult<int> result,
        CancellationToken cancellationToken = default
    ) => new(Note(command, result));

    private T Note<T>(DbCommand command, T result)
    {
        if (OfRequestsOnly && accessor.HttpContext is null)
            return result;
        lock (statements)
            statements.Add(command.CommandText);
        if (trap is { } set && command.CommandText.Contains(set.Fragment, StringComparison.Ordinal))
        {
            trap = null;
            set.Act();
        }
        return result;
    }
}
