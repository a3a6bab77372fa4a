using System.Collections.Concurrent;
using System.Data.Common;
using BlazorAuth.Core.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BlazorAuth.Core.Sessions;

/// <summary>
/// Tells <see cref="SessionCache"/> when a transaction that ended or renewed sessions is committed: no flow can forget
/// to.
/// </summary>
public sealed class SessionRevocationInterceptor(SessionCache sessions) : DbTransactionInterceptor
{
    /// <inheritdoc />
    public override void TransactionCommitted(DbTransaction transaction, TransactionEndEventData eventData) =>
        Tell(eventData);

    /// <inheritdoc />
    public override Task TransactionCommittedAsync(
        DbTransaction transaction,
        TransactionEndEventData eventData,
        CancellationToken cancellationToken = default
    )
    {
        Tell(eventData);
        return Task.CompletedTask;
    }

    private void Tell(TransactionEndEventData committed)
    {
        if (committed.Context is not AuthDbContext { EndsSessions: true } db)
            return;
        db.EndsSessions = false;
        sessions.Ended();
    }
}
