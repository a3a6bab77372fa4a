using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>The session a socket signed in to, by the token it did so with.</summary>
internal sealed record Binding(string Token, string SessionId, string UserId, int Generation, DateTimeOffset EndsAt)
{
    public static Binding Of(string token, Session session) =>
        Authentication.PayloadOf(token) is { } payload
            ? new(
                token,
                session.Id,
                session.UserId,
                (int)payload[AccessTokens.GenerationClaim]!,
                DateTimeOffset.FromUnixTimeSeconds((long)payload["exp"]!)
            )
            // An API key: its session has the end.
            : new(token, session.Id, session.UserId, session.Generation, DateTimeOffset.MaxValue);
}

/// <summary>
/// The <c>authentication</c> service: strategies local, anonymous, jwt, and refresh, which the original lacks. Unlike
/// there, remove ends the session.
/// </summary>
internal sealed class Authentication(
    SignInWithPassword signIn,
    SignInAnonymously anonymously,
    RefreshTokens tokens,
    ChangeProfile profiles,
    IOptions<AuthOptions> options,
    IServiceProvider services
)
{
    public Task<Answer> RunAsync(Call call, CancellationToken ct) =>
        call.Method switch
        {
            "create" => CreateAsync(call, ct),
            "remove" => RemoveAsync(call, ct),
            _ => Task.FromResult<Answer>(call.Unsupported("create", "remove")),
        };

    internal static JsonObject? PayloadOf(string token)
    {
        if (token.Split('.') is not [_, var payload, _])
            return null;
        return JsonNode.Parse(Base64Url.DecodeFromChars(payload)) as JsonObject;
    }

    private Task<Answer> CreateAsync(Call call, CancellationToken ct) =>
        call.Data.Text("strategy") switch
        {
            "local" => LocalAsync(call, ct),
            "anonymous" => AnonymousAsync(call, ct),
            "jwt" => AgainAsync(call, call.Data.Text("accessToken"), ct),
            "refresh" => RefreshAsync(call, ct),
            null => Task.FromResult<Answer>(
                Failure.NotAuthenticated("Invalid authentication information (no `strategy` set)")
            ),
            _ => Task.FromResult<Answer>(
                Failure.NotAuthenticated("Invalid authentication information (strategy not allowed in authStrategies)")
            ),
        };

    private async Task<Answer> LocalAsync(Call call, CancellationToken ct)
    {
        var identifier = call.Data.Text("email") ?? call.Data.Text("username") ?? call.Data.Text("identifier");
        var outcome = await signIn.WithPasswordAsync(
            call.Stranger,
            new(identifier, call.Data.Text("password"), SessionKind.Api, Dialect: Dialect.Feathers),
            ct
        );
        // Feathers has one answer for what is missing, unknown and wrong.
        return await outcome.Match(
            async done => await PrintAsync("local", await tokens.IssueAsync(done.Session, ct), ct),
            due => Task.FromResult<Answer>(due.Failure),
            refusal =>
                Task.FromResult<Answer>(
                    refusal.Error == AuthError.ValidationFailed ? AuthError.InvalidCredentials : refusal
                )
        );
    }

    private async Task<Answer> AnonymousAsync(Call call, CancellationToken ct)
    {
        var outcome = await anonymously.BeginAsync(
            call.Stranger,
            UserRecord.ProfileOf(call.Data),
            SessionKind.Api,
            Dialect.Feathers,
            ct
        );
        return await outcome.Match(
            async done => await PrintAsync("anonymous", await tokens.IssueAsync(done.Session, ct), ct),
            due => Task.FromResult<Answer>(due.Failure),
            refusal => Task.FromResult<Answer>(refusal)
        );
    }

    private async Task<Answer> RefreshAsync(Call call, CancellationToken ct)
    {
        var outcome = await tokens.RotateAsync(call.Stranger, call.Data.Text("refreshToken") ?? "", ct);
        return await outcome.Match(
            pair => PrintAsync("refresh", pair, ct),
            refusal =>
                Task.FromResult<Answer>(
                    refusal.Error == AuthError.ValidationFailed ? AuthError.RefreshTokenInvalid : refusal
                )
        );
    }

    private async Task<Answer> PrintAsync(string strategy, RefreshTokens.Pair pair, CancellationToken ct) =>
        (await profiles.ReadAsync(Caller.Of(pair.Session, null, null), ct)).Match<Answer>(
            account => new Answer(
                new JsonObject
                {
                    ["accessToken"] = pair.AccessToken,
                    ["refreshToken"] = pair.RefreshToken,
                    ["authentication"] = new JsonObject
                    {
                        ["strategy"] = strategy,
                        ["payload"] = PayloadOf(pair.AccessToken),
                    },
                    ["user"] = UserRecord.Print(account, options.Value.Api),
                },
                null
            )
            {
                Binds = Binding.Of(pair.AccessToken, pair.Session),
            },
            refusal => refusal
        );

    private async Task<Answer> AgainAsync(Call call, string? token, CancellationToken ct)
    {
        if (token is null)
            return Failure.NotAuthenticated("No access token");
        var found = await CallerFromBearer.FindAsync(services, token, Dialect.Feathers, call.Method == "remove", ct);
        if (found.Value is not { } session)
            return found.Failure!;
        return (await profiles.ReadAsync(call.Of(session), ct)).Match<Answer>(
            account => new Answer(
                new JsonObject
                {
                    ["accessToken"] = token,
                    ["authentication"] = new JsonObject
                    {
                        ["strategy"] = "jwt",
                        ["accessToken"] = token,
                        ["payload"] = PayloadOf(token),
                    },
                    ["user"] = UserRecord.Print(account, options.Value.Api),
                },
                null
            )
            {
                Binds = Binding.Of(token, session),
            },
            refusal => refusal
        );
    }

    private async Task<Answer> RemoveAsync(Call call, CancellationToken ct)
    {
        if (call.Token is not { } token)
            return Failure.NotAuthenticated("Not authenticated");
        if (call.Id is not null && call.Id != token)
            return Failure.NotAuthenticated("Invalid access token");
        if (token.StartsWith(TokenCodec.ApiKeyPrefix, StringComparison.Ordinal))
            return AuthError.Forbidden; // a key is revoked by its owner, not signed out
        var answer = await AgainAsync(call, token, ct);
        // An expired token still says whose session is over.
        await tokens.RevokeAsync(call.Stranger, token, ct);
        return answer with { Binds = null, Unbinds = true };
    }
}
