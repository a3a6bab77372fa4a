using System.Text.Json.Nodes;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Api.Dialects.Kuzzle;

/// <summary>Tokens: given, looked at, exchanged and ended.</summary>
internal sealed class KuzzleSessions(
    SignInWithPassword signIn,
    RefreshTokens tokens,
    AccessTokens access,
    SessionStore sessions,
    IServiceProvider services,
    IOptions<AuthOptions> options
)
{
    // A token's end is written in whole seconds: with one more, it is never over before the time that was asked for.
    private static readonly TimeSpan Rounding = TimeSpan.FromSeconds(1);

    public async Task<KuzzleReply> LoginAsync(KuzzleAsk ask, CancellationToken ct)
    {
        var request = ask.Request;
        if (KuzzleAccount.Refuse(request) is { } unknown)
            return unknown;
        if (request.Flag("cookieAuth"))
            return KuzzleError.NoCookies();
        if (Refuse(request, KuzzleError.TooLong(), out var lifetime) is { } refused)
            return refused;
        var (name, password) = (request.Credential("username"), request.Credential("password"));
        var input = new SignInWithPassword.Input(name, password, SessionKind.Api, Dialect: Dialect.Kuzzle);
        return await (await signIn.WithPasswordAsync(ask.Caller, input, ct)).Match<Task<KuzzleReply>>(
            async done => Print(ask, await tokens.IssueAsync(done.Session, lifetime + Rounding, ct), lifetime),
            due => Task.FromResult<KuzzleReply>(due.Failure),
            refusal => Task.FromResult<KuzzleReply>(refusal)
        );
    }

    /// <summary>
    /// Ends the session of the token, even of an expired one; with <c>global</c> every other session of its owner too.
    /// </summary>
    public async Task<KuzzleReply> LogoutAsync(KuzzleAsk ask, CancellationToken ct)
    {
        var request = ask.Request;
        if (request.Flag("cookieAuth"))
            return KuzzleError.NoCookies();
        if (request.Token is null)
            return KuzzleError.Unauthorized(request);
        var found = await KuzzleToken.FindAsync(services, request.Token, changes: true, ct);
        if (found.Value is { IsKey: true })
            return KuzzleError.Forbidden("An API key is deleted, not logged out.");
        var ended = found.Value?.Session.Id;
        if (found.Failure is { } refusal)
        {
            if (refusal.Error != AuthError.AccessTokenExpired || request.Flag("global"))
                return refusal;
            ended = (await access.ReadEvenExpiredAsync(KuzzleToken.Unwrap(request.Token)))!.SessionId;
        }
        else if (request.Flag("global"))
        {
            var owner = Caller.Of(found.Value!.Session, ask.Caller.Address, ask.Caller.Agent, Dialect.Kuzzle);
            var others = await sessions.EndOthersAsync(owner, ct);
            if (others.Failure is { } kept)
                return kept;
        }
        await sessions.SignOutAsync(ask.Caller, ended!, ct);
        ask.SignedOut = true;
        return new JsonObject { ["acknowledged"] = true };
    }

    /// <summary>Whether a token lives; without one the answer is about nobody.</summary>
    public async Task<KuzzleReply> CheckAsync(KuzzleAsk ask, CancellationToken ct)
    {
        if (ask.Request.Flag("cookieAuth"))
            return KuzzleError.NoCookies();
        if (ask.Request.Body?["token"] is not null && ask.Request.Field("token") is null)
            return KuzzleError.Wrong("body.token", "a text");
        if (string.IsNullOrEmpty(ask.Request.Field("token")))
            return new JsonObject
            {
                ["valid"] = true,
                ["expiresAt"] = -1,
                ["kuid"] = KuzzleAccount.Nobody,
            };
        var found = await KuzzleToken.FindAsync(services, ask.Request.Field("token"), changes: false, ct);
        if (found.Value is { } token)
            return new JsonObject
            {
                ["valid"] = true,
                ["expiresAt"] = token.End,
                ["kuid"] = token.Session.UserId,
            };
        var error = KuzzleError.Of(found.Failure!);
        return error.Status == StatusCodes.Status401Unauthorized
            ? new JsonObject { ["valid"] = false, ["state"] = error.Message }
            : error;
    }

    /// <summary>
    /// Exchanges the token for another one, for as long as is asked but not beyond its session. A token of a session
    /// that was begun elsewhere is refused as Kuzzle refuses tokens that it does not refresh.
    /// </summary>
    public async Task<KuzzleReply> RefreshAsync(KuzzleAsk ask, CancellationToken ct)
    {
        if (ask.Request.Flag("cookieAuth"))
            return KuzzleError.NoCookies();
        if (ask.Token!.IsKey)
            return KuzzleError.NoRefresh();
        if (Refuse(ask.Request, KuzzleError.TooLong(), out var lifetime) is { } refused)
            return refused;
        var rotated = await tokens.RotateAsync(
            ask.Caller,
            ask.Token.Session,
            ask.Token.Generation,
            lifetime + Rounding,
            ct
        );
        return rotated.Match<KuzzleReply>(
            pair => Print(ask, pair, lifetime),
            refusal => refusal.Error == AuthError.Forbidden ? KuzzleError.NoRefresh() : refusal
        );
    }

    /// <summary>
    /// Another token of the same session: it ends with that one, and with the token shown where the session was begun
    /// elsewhere.
    /// </summary>
    public async Task<KuzzleReply> CreateAsync(KuzzleAsk ask, CancellationToken ct)
    {
        if (ask.Token!.IsKey)
            return KuzzleError.Forbidden("An API key makes no tokens.");
        if (ask.Request.Flag("singleUse"))
            return KuzzleError.Wrong("singleUse", "false: a token here may be used until it or its session is over");
        if (
            Refuse(ask.Request, KuzzleError.NotADuration("a duration that has an end"), out var lifetime) is { } refused
        )
            return refused;
        var session = ask.Token.Session;
        var another = await tokens.IssueAnotherAsync(
            ask.Caller,
            session,
            KuzzleToken.Unwrap(ask.Request.Token!),
            lifetime + Rounding,
            ct
        );
        return another.Match<KuzzleReply>(
            made =>
            {
                var ttl = Math.Min((long)made.AccessLifetime.TotalMilliseconds, Milliseconds(session, lifetime));
                return new JsonObject
                {
                    ["token"] = made.Access.Text,
                    ["expiresAt"] = KuzzleToken.Of(made.Access, session).End,
                    ["ttl"] = ttl,
                    ["singleUse"] = false,
                };
            },
            refusal => refusal
        );
    }

    /// <summary>What a client signs in with from now on; a socket is told when it is over.</summary>
    public JsonObject Print(KuzzleAsk ask, RefreshTokens.Pair pair, TimeSpan? asked)
    {
        ask.Issued = KuzzleToken.Of(pair.Access, pair.Session);
        return new()
        {
            ["_id"] = pair.Session.UserId,
            ["jwt"] = pair.AccessToken,
            ["expiresAt"] = ask.Issued.End,
            ["ttl"] = Milliseconds(pair.Session, asked),
        };
    }

    private long Milliseconds(Session session, TimeSpan? asked) =>
        (long)access.Lifetime(session, asked).TotalMilliseconds;

    private KuzzleError? Refuse(KuzzleRequest request, KuzzleError endless, out TimeSpan? lifetime)
    {
        lifetime = null;
        if (request.Arguments["expiresIn"] is null || request.Text("expiresIn") is "")
            return null;
        if (KuzzleDuration.IsEndless(request.Text("expiresIn")))
            return endless;
        if (!KuzzleDuration.TryRead(request.Text("expiresIn") ?? "", out var asked))
            return KuzzleError.NotADuration("milliseconds, or a number and a unit");
        lifetime = asked;
        return asked > options.Value.Tokens.RefreshTokenAbsoluteLifetime ? KuzzleError.TooLong() : null;
    }
}
