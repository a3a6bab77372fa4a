using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Credentials;

/// <summary>Proves which configured client asks (RFC 6749 §2.3.1). Guesses count in the budget of wrong passwords of the network they come from.</summary>
public sealed class ClientSecrets(Throttle throttle, ProvenClients proven, IOptions<AuthOptions> options)
{
    private static readonly string Nobodys = Secret.Random(32);

    /// <summary>
    /// Null where the secret is the client's. Else <see cref="AuthError.InvalidCredentials"/>, for unknown clients and wrong secrets
    /// alike, or <see cref="AuthError.RateLimited"/>.
    /// </summary>
    public async Task<Refusal?> JudgeAsync(Caller caller, string? id, string? secret, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(id) || string.IsNullOrEmpty(secret)) return AuthError.InvalidCredentials; // no guess
        var network = Throttle.Network(caller);
        if (proven.TryTake(id, network) && Matches(id, secret)) return Proven();
        if (await throttle.TakeAsync(caller, ct, (Budget.SignInPerAddress, network)) is { } limited) return limited;
        if (!Matches(id, secret)) return AuthError.InvalidCredentials;
        await throttle.ReturnAsync(Budget.SignInPerAddress, network, ct);
        return Proven();

        Refusal? Proven()
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

/// <summary>
/// The networks that gave a client's secret last time: a resource server asks at every request, and counting each time would be
/// a write each time. A mark is taken before the secret is looked at, so it is worth one uncounted guess and no more.
/// </summary>
public sealed class ProvenClients
{
    private readonly ConcurrentDictionary<(string Id, string Network), bool> _marks = new();

    internal bool TryTake(string id, string network) => _marks.TryRemove((id, network), out _);

    internal void Note(string id, string network) => _marks[(id, network)] = true;
}
