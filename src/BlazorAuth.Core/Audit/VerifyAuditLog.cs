using BlazorAuth.Core.Data;

namespace BlazorAuth.Core.Audit;

/// <summary>
/// Looks whether the audit is what was written: no row changed, none taken out, none put in. Changes nothing; may run
/// beside busy hosts.
/// Fails with: nothing.
/// </summary>
public sealed class VerifyAuditLog(AuthDbContext db, AuditChain chain)
{
    /// <summary>Looks at every row.</summary>
    public Task<AuditChain.AuditCheck> PreviewAsync(CancellationToken ct) => chain.VerifyAsync(db, ct);
}
