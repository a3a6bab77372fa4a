using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// Gives the signing key a successor, before its time. Promises: no valid token is refused by it: the successor is published
/// first, and the old key stays published until its last token has expired. Kills nothing. Refuses with:
/// <see cref="AuthError.ValidationFailed"/>.
/// </summary>
public sealed class RotateKeys(AuthDbContext db, SigningKeys keys, Audit audit)
{
    /// <summary>Every published key, the oldest first.</summary>
    public async Task<IReadOnlyList<SigningKeys.SigningKey>> ListAsync(CancellationToken ct)
    {
        await keys.ReadAsync(ct);
        return keys.Published;
    }

    /// <summary>Makes the successor; of several that ask together, all get the same one.</summary>
    /// <param name="caller">The operator.</param>
    /// <param name="signsIn">How long it is published before it signs; a minute or more.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<Outcome<SigningKeys.SigningKey>> RotateAsync(Caller caller, TimeSpan signsIn, CancellationToken ct)
    {
        if (signsIn < SigningKeys.ShortestNotice) return Refusal.Shape("in", Fault.TooShort);
        var key = await keys.RotateAsync(signsIn, ct);
        audit.Write(AuditEvent.SigningKeyRotated, caller);
        await db.SaveChangesAsync(ct);
        return key;
    }
}
