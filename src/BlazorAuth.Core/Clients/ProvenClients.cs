using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Clients;

/// <summary>
/// The networks that gave a client's secret last time: a resource server asks at every request, and counting each time
/// would be a write each time. A mark is taken before the secret is looked at, so it is worth one uncounted guess and
/// no more.
/// </summary>
public sealed class ProvenClients
{
    private readonly ConcurrentDictionary<(string Id, string Network), bool> _marks = new();

    internal bool TryTake(string id, string network) => _marks.TryRemove((id, network), out _);

    internal void Note(string id, string network) => _marks[(id, network)] = true;
}
