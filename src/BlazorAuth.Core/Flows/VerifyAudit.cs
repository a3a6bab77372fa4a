using BlazorAuth.Core.Data;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// Looks whether the audit is what was written: no row changed, none taken out, none put in. Changes nothing; may run beside
/// busy hosts.
/// </summary>
public sealed class VerifyAudit(AuthDbContext db, AuditChain chain)
{
    /// <summary>Looks at every row.</summary>
    public Task<AuditChain.Found> LookAsync(CancellationToken ct) => chain.VerifyAsync(db, ct);
}
