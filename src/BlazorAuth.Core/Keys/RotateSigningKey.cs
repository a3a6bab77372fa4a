using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;

namespace BlazorAuth.Core.Keys;

/// <summary>
/// Gives the signing key a successor, before its time.
/// Promises: no valid token is refused by it: the successor is published first, and the old key stays published until
/// its last token has expired. Kills nothing.
/// Fails with: <see cref="AuthError.ValidationFailed"/>.
/// </summary>
public sealed class RotateSigningKey(AuthDbContext db, SigningKeys keys, AuditLog audit)
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
    public async Task<Result<SigningKeys.SigningKey>> RotateAsync(Caller caller, TimeSpan signsIn, CancellationToken ct)
    {
        if (signsIn < SigningKeys.ShortestNotice)
            return AuthFailure.Shape("in", FieldErrorCode.TooShort);
        var key = await keys.RotateAsync(signsIn, ct);
        audit.Write(AuditEvent.SigningKeyRotated, caller);
        await db.SaveChangesAsync(ct);
        return key;
    }
}
