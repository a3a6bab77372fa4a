using System.Text.Json.Nodes;
using System.Threading.Channels;
using BlazorAuth.Core;
using BlazorAuth.Core.Administration;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Sessions;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>What a call of the users service has changed.</summary>
/// <param name="Name"><c>created</c>, <c>patched</c>, <c>updated</c> or <c>removed</c>.</param>
/// <param name="UserId">Whose record it is.</param>
/// <param name="Record">The record, without anything that only the one who called may know.</param>
internal sealed record UserEvent(string Name, string UserId, JsonNode Record)
{
    public string ToPacket() => Packet(Record);

    /// <summary>The event with nothing but the id.</summary>
    public string ToPacketWithIdOnly() => Packet(new JsonObject { ["id"] = UserId });

    private string Packet(JsonNode record) => $"42{new JsonArray($"users {Name}", record.DeepClone()).ToJsonString()}";
}

/// <summary>
/// Tells the sockets of this process what happened to users: the owner's own sockets, and those of administrators. What
/// it costs is bounded: so many events wait, more are dropped; ten times a second at most it looks who is an
/// administrator; a socket that does not keep up is left out.
/// </summary>
internal sealed class UserEvents
{
    private const int MaximumWaiting = 1000,
        MaximumAtOnce = 100;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly Channel<(UserEvent Event, IReadOnlyList<(Connection, Binding)> Owners)> _waiting =
        Channel.CreateBounded<(UserEvent, IReadOnlyList<(Connection, Binding)>)>(
            new BoundedChannelOptions(MaximumWaiting)
            {
                FullMode = BoundedChannelFullMode.DropWrite,
                SingleReader = true,
            }
        );

    /// <summary>
    /// Takes an event. The owner's sockets are looked up now: an account that closes has none a moment later.
    /// </summary>
    public void Add(UserEvent happened, IEnumerable<Connection> all)
    {
        var bound = all.Select(connection => (connection, connection.Binding))
            .Where(pair => pair.Binding is not null)
            .ToList();
        if (bound.Count > 0)
            _waiting.Writer.TryWrite(
                (
                    happened,
                    [.. bound.Where(p => p.Binding!.UserId == happened.UserId).Select(p => (p.connection, p.Binding!))]
                )
            );
    }

    /// <summary>Waits for events, and takes some of them.</summary>
    public async Task<IReadOnlyList<(UserEvent Event, IReadOnlyList<(Connection, Binding)> Owners)>> TakeAsync(
        CancellationToken ct
    )
    {
        await Task.Delay(Pause, ct);
        await _waiting.Reader.WaitToReadAsync(ct);
        var taken = new List<(UserEvent, IReadOnlyList<(Connection, Binding)>)>();
        while (taken.Count < MaximumAtOnce && _waiting.Reader.TryRead(out var one))
            taken.Add(one);
        return taken;
    }

    /// <summary>Sends events to whoever may see them at this moment.</summary>
    public static async Task SendAsync(
        IReadOnlyList<(UserEvent Event, IReadOnlyList<(Connection, Binding)> Owners)> events,
        IEnumerable<Connection> all,
        IServiceProvider scope,
        DateTimeOffset now,
        CancellationToken ct
    )
    {
        var (sessions, administer) = (
            scope.GetRequiredService<SessionStore>(),
            scope.GetRequiredService<ManageAccounts>()
        );
        var ids = await administer.IdsAsync(ct);
        var administrators = new List<Connection>();
        var allowed = new Dictionary<(string, int), bool>();
        foreach (var connection in all)
        {
            if (connection.Binding is not { } binding || !ids.Contains(binding.UserId))
                continue;
            var key = (binding.SessionId, binding.Generation);
            if (!allowed.TryGetValue(key, out var may))
                allowed[key] = may =
                    await LiveAsync(sessions, binding, now, ct) is { } session
                    && await administer.MayAsync(Caller.Of(session, null, null, Dialect.Feathers), ct);
            if (may && binding.EndsAt > now)
                administrators.Add(connection);
        }
        foreach (var (happened, owners) in events)
        {
            var packet = happened.ToPacket();
            foreach (var connection in administrators)
                connection.SendEvent(packet);
            foreach (var (connection, binding) in owners.Where(owner => !administrators.Contains(owner.Item1)))
            {
                // A removed account has no session any more: its sockets learn that it is gone, and nothing else.
                if (await LiveAsync(sessions, binding, now, ct) is not null)
                    connection.SendEvent(packet);
                else if (happened.Name == "removed")
                    connection.SendEvent(happened.ToPacketWithIdOnly());
            }
        }
    }

    private static async Task<Core.Sessions.Session?> LiveAsync(
        SessionStore sessions,
        Binding binding,
        DateTimeOffset now,
        CancellationToken ct
    ) => binding.EndsAt <= now ? null : (await sessions.FindLiveAsync(binding.SessionId, binding.Generation, ct)).Value;
}
