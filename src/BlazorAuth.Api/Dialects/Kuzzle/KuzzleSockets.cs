using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Security;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Api.Dialects.Kuzzle;

/// <summary>
/// The door for sockets, at the root where Kuzzle's clients knock, and at an address of its own. Bounded: a socket
/// costs memory as long as its other end likes.
/// </summary>
internal sealed class KuzzleSockets(
    IServiceScopeFactory scopes,
    NetworkLimiter shares,
    IAuthDatabase database,
    IHostApplicationLifetime host,
    IOptions<AuthOptions> options,
    TimeProvider time,
    ILogger<KuzzleSocket> log
)
{
    /// <summary>The address of its own.</summary>
    public const string Path = "/_kuzzle";

    /// <summary>The most sockets of a process.</summary>
    public const int Most = 4000;

    /// <summary>The most sockets of one network address.</summary>
    public const int MostOfOne = 100;

    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(20);
    private readonly Dictionary<string, int> _open = new(StringComparer.Ordinal);
    private int _count;

    /// <summary>Takes the upgrade, and stays until the socket is closed.</summary>
    public async Task AcceptAsync(HttpContext http)
    {
        if (!SocketOrigins.AreWelcome(options.Value, http.Request.Headers.Origin))
        {
            await RefuseAsync(http, KuzzleError.Forbidden("This origin may not open a socket."));
            return;
        }
        var (address, agent) = (http.Connection.RemoteIpAddress?.ToString(), http.Request.Headers.UserAgent.ToString());
        var network = Throttle.Network(Caller.Anonymous(address, agent));
        if (!TryEnter(network))
        {
            await RefuseAsync(
                http,
                new(429, "network.websocket.ratelimit_exceeded", 0x03030002, "Rejected: too many open sockets.")
                {
                    RetryAfter = Beat,
                }
            );
            return;
        }
        try
        {
            // A peer that answers no ping is gone: a half-open socket would keep its place for ever.
            using var socket = await http.WebSockets.AcceptWebSocketAsync(
                new WebSocketAcceptContext
                {
                    KeepAliveInterval = Beat,
                    KeepAliveTimeout = Beat,
                    SubProtocol = ProtocolOf(http.WebSockets.WebSocketRequestedProtocols),
                }
            );
            await new KuzzleSocket(socket, scopes, shares, database, time, log, address, agent).RunAsync(
                host.ApplicationStopping,
                http.RequestAborted
            );
        }
        finally
        {
            Leave(network);
        }
    }

    // kuzzle-sdk asks a browser for the protocol 'null', by mistake, and a browser closes a socket that does not
    // confirm what it asked for. The protocol says nothing here: the first one is confirmed, as servers of Kuzzle do,
    // where it can be a header.
    private static string? ProtocolOf(IList<string> asked) =>
        asked is [{ Length: <= 100 } first, ..] && first.All(IsTokenCharacter) ? first : null;

    private static bool IsTokenCharacter(char c) =>
        char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal);

    private bool TryEnter(string network)
    {
        lock (_open)
        {
            var own = _open.GetValueOrDefault(network);
            if (_count >= Most || own >= MostOfOne)
                return false;
            (_open[network], _count) = (own + 1, _count + 1);
            return true;
        }
    }

    private void Leave(string network)
    {
        lock (_open)
        {
            _count--;
            if (--_open[network] == 0)
                _open.Remove(network);
        }
    }

    private static Task RefuseAsync(HttpContext http, KuzzleError error) =>
        KuzzleDialect.WriteAsync(http, error, KuzzleDialect.Unnamed(http));
}

internal static class KuzzleSocketsPipeline
{
    /// <summary>
    /// Sends upgrades at the root and at the address of its own to the door; a page at the root stays a page.
    /// </summary>
    public static void UseKuzzleSockets(this IApplicationBuilder app) =>
        app.Use(
            (http, next) =>
                http.WebSockets.IsWebSocketRequest
                && (http.Request.Path == "/" || http.Request.Path == KuzzleSockets.Path)
                    ? http.RequestServices.GetRequiredService<KuzzleSockets>().AcceptAsync(http)
                    : next(http)
        );
}
