using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Tokens;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Clients;

/// <summary>
/// Proves which configured client asks (RFC 6749 §2.3.1). Guesses count in the budget of wrong passwords of the network
/// they come from.
/// </summary>
public sealed class ClientAuthentication(Throttle throttle, ProvenClients proven, IOptions<AuthOptions> options)
{
    private static readonly string Nobodys = TokenCodec.Random(32);

    /// <summary>
    /// Null where the secret is the client's. Else <see cref="AuthError.InvalidCredentials"/>, for unknown clients and
    /// wrong secrets alike, or <see cref="AuthError.RateLimited"/>.
    /// </summary>
    public async Task<AuthFailure?> JudgeAsync(Caller caller, string? id, string? secret, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(id) || string.IsNullOrEmpty(secret))
            return AuthError.InvalidCredentials; // no guess
        var network = Throttle.Network(caller);
        if (proven.TryTake(id, network) && Matches(id, secret))
            return Proven();
        if (await throttle.TakeAsync(caller, ct, (Budget.SignInPerAddress, network)) is { } limited)
            return limited;
        if (!Matches(id, secret))
            return AuthError.InvalidCredentials;
        await throttle.ReturnAsync(Budget.SignInPerAddress, network, ct);
        return Proven();

        AuthFailure? Proven()
        {
            proven.Note(id, network);
            return null;
        }
    }

    // Digests, because comparing texts of two lengths tells the length.
    private bool Matches(string id, string secret)
    {
        var known = options.Value.Api.IntrospectionClients.TryGetValue(id, out var client);
        return CryptographicOperations.FixedTimeEquals(Digest(secret), Digest(client?.Secret ?? Nobodys)) && known;
    }

    private static byte[] Digest(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
