using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using BlazorAuth.Core.Tokens;

namespace BlazorAuth.Core.Sessions;

/// <summary>
/// Browsers in which an account was signed in to before. Wrong passwords typed there have a count of their own, so that
/// a stranger who uses up the account's does not keep its owner out. The browser keeps a random id and, for each
/// account, a MAC over id and account: nothing is stored here, and whoever reads the cookie learns no account from it.
/// It opens nothing, and stands in for nothing.
/// </summary>
public sealed class KnownDevices(TokenCodec secret)
{
    /// <summary>How long a browser stays known after the last sign-in there; browsers keep no cookie longer.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(400);

    /// <summary>The most accounts of one browser; the one that signed in longest ago goes.</summary>
    public const int MaximumAccounts = 5;

    private const int ProofBytes = 16;

    /// <summary>The cookie's text after a sign-in, from what it was before.</summary>
    /// <param name="cookie">The text before; null or anything that is not ours begins anew.</param>
    /// <param name="userId">Who signed in.</param>
    public string Note(string? cookie, string userId)
    {
        var (id, proofs) = Read(cookie) ?? (TokenCodec.Random(16), []);
        var proof = Proof(id, userId);
        return string.Join('.', [id, proof, .. proofs.Where(p => p != proof).Take(MaximumAccounts - 1)]);
    }

    /// <summary>The browser's id, where the account was signed in to there; else null.</summary>
    internal string? Find(string? cookie, string userId)
    {
        var (id, proofs) = Read(cookie) ?? ("", []);
        var proof = Encoding.UTF8.GetBytes(Proof(id, userId));
        var known = false;
        foreach (var candidate in proofs)
            known |= CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(candidate), proof);
        return known ? id : null;
    }

    private static (string Id, string[] Proofs)? Read(string? cookie) =>
        cookie?.Split('.') is [var id, .. var proofs] && TokenCodec.IsSessionId(id) && proofs.Length <= MaximumAccounts
            ? (id, proofs)
            : null;

    private string Proof(string id, string userId) =>
        Base64Url.EncodeToString(secret.Hash("known-device", $"{id}:{userId}").AsSpan(0, ProofBytes));
}
