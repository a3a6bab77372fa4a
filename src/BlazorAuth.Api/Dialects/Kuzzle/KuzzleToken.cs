using System.Buffers.Text;
using System.Text.Json.Nodes;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;

namespace BlazorAuth.Api.Dialects.Kuzzle;

/// <summary>A living token, as it is looked at again while a socket is open.</summary>
/// <param name="Session">Its session; that of an API key too.</param>
/// <param name="Generation">The generation it was made in.</param>
/// <param name="ExpiresAt">When it is over; null where it is not.</param>
internal sealed record KuzzleToken(Session Session, int Generation, DateTimeOffset? ExpiresAt)
{
    // As Kuzzle marks its own tokens.
    private const string LoginPrefix = "kauth-",
        KeyPrefix = "kapikey-";

    public bool IsKey => Session.Kind == SessionKind.Key;

    /// <summary>The end in milliseconds, as clients read it; -1 for none.</summary>
    public long End => ExpiresAt?.ToUnixTimeMilliseconds() ?? -1;

    /// <summary>
    /// An API key as clients of Kuzzle can carry it: they take apart whatever they send as a JWT, and read user and end
    /// from it. Nothing in front of the key proves anything, but it is compared: a changed character makes it worthless
    /// like any other.
    /// </summary>
    public static string Wrap(string key, Session session)
    {
        var payload = new JsonObject
        {
            ["_id"] = session.UserId,
            ["iat"] = session.CreatedAt.ToUnixTimeSeconds(),
            ["exp"] = session.AbsoluteEndsAt.ToUnixTimeSeconds(),
        };
        return $"{KeyPrefix}{Part("{\"typ\":\"key\"}")}.{Part(payload.ToJsonString())}.{key}";
    }

    /// <summary>
    /// The living token of a text: a login token with or without its prefix, an API key wrapped or as the API prints
    /// it.
    /// </summary>
    public static async Task<Result<KuzzleToken>> FindAsync(
        IServiceProvider services,
        string? text,
        bool changes,
        CancellationToken ct
    )
    {
        if (text is null || text.Length > AccessTokens.MaximumLength)
            return AuthError.AccessTokenInvalid;
        var token = Unwrap(text);
        var found = await CallerFromBearer.FindLiveAsync(services, token, Dialect.Kuzzle, changes, ct);
        if (found.Value is not { } live)
            return found.Failure!;
        var session = live.Session;
        if (live.Token is not { } access)
            return text == token || text == Wrap(token, session)
                ? new KuzzleToken(session, 1, ApiKeys.EndOf(session))
                : AuthError.AccessTokenInvalid;
        var read = Of(access, session);
        // To the second, where our own API forgives clocks that differ: nobody but us reads what we say of the end.
        return read.ExpiresAt <= services.GetRequiredService<TimeProvider>().GetUtcNow()
            ? AuthError.AccessTokenExpired
            : read;
    }

    /// <summary>The same of an access token of ours.</summary>
    public static KuzzleToken Of(AccessToken token, Session session) => new(session, token.Generation, token.ExpiresAt);

    /// <summary>The text without what Kuzzle's clients need around it.</summary>
    public static string Unwrap(string text) =>
        text.StartsWith(LoginPrefix, StringComparison.Ordinal) ? text[LoginPrefix.Length..]
        : text.StartsWith(KeyPrefix, StringComparison.Ordinal) ? text[(text.LastIndexOf('.') + 1)..]
        : text;

    private static string Part(string json) => Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(json));
}
