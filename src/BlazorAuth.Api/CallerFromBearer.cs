using BlazorAuth.Api.Dialects;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace BlazorAuth.Api;

/// <summary>
/// Who asks, taken from the access token of the Authorization header (or the cookie, see <see cref="IBrowserSession"/>)
/// and its session.
/// </summary>
/// <param name="Caller">The caller; not signed in on routes that anyone may call.</param>
public readonly record struct CallerFromBearer(Caller Caller)
{
    /// <summary>The authentication scheme and the authorization policy.</summary>
    public const string Scheme = "Bearer";

    /// <summary>Why the request's token was refused, where one came and was.</summary>
    internal AuthError? Refused { get; private init; }

    /// <summary>Binds a handler's parameter.</summary>
    public static async ValueTask<CallerFromBearer> BindAsync(HttpContext http)
    {
        // On routes for anyone a token is welcome and not demanded: it can show that the caller is the owner.
        if (http.Items[typeof(CallerFromBearer)] is null && SendsBearer(http))
            await http.AuthenticateAsync(Scheme);
        var address = http.Connection.RemoteIpAddress?.ToString();
        var agent = http.Request.Headers.UserAgent.ToString();
        var session = http.Items[typeof(CallerFromBearer)] as Session;
        var caller = session is null
            ? Caller.Anonymous(address, agent)
            : Caller.Of(session, address, agent, DoorOf(http));
        return new(caller)
        {
            Refused =
                !SendsBearer(http) || http.Items[typeof(CallerFromBearer)] is Session
                    ? null
                    : http.Items[typeof(AuthError)] as AuthError? ?? AuthError.AccessTokenInvalid,
        };
    }

    /// <summary>The dialect whose address was called; null at our own API.</summary>
    private static Dialect? DoorOf(HttpContext http) => Dialects.DialectRegistry.At(http.Request.Path)?.Dialect;

    /// <summary>
    /// The living session of a token's text, from wherever a dialect carries it: an access token, or an API key. The
    /// same looks as at the header.
    /// </summary>
    /// <param name="services">The request's, or those of one message of a socket.</param>
    /// <param name="token">Any text.</param>
    /// <param name="door">The dialect that asks.</param>
    /// <param name="changes">Whether what is asked for may change something.</param>
    /// <param name="ct">Ends the wait.</param>
    internal static async Task<Result<Session>> FindAsync(
        IServiceProvider services,
        string? token,
        Dialect? door,
        bool changes,
        CancellationToken ct
    )
    {
        var found = await FindLiveAsync(services, token, door, changes, ct);
        return found.Value is { } live ? live.Session : found.Failure!;
    }

    /// <summary>The session of a credential, and the access token where the credential is one.</summary>
    internal sealed record Live(Session Session, AccessToken? Token);

    /// <inheritdoc cref="FindAsync(IServiceProvider, string?, Dialect?, bool, CancellationToken)"/>
    internal static async Task<Result<Live>> FindLiveAsync(
        IServiceProvider services,
        string? token,
        Dialect? door,
        bool changes,
        CancellationToken ct
    )
    {
        if (token?.StartsWith(TokenCodec.ApiKeyPrefix, StringComparison.Ordinal) is true)
        {
            var key = await services.GetRequiredService<ApiKeys>().FindAsync(token, changes, ct);
            return key.Value is { } owner ? new Live(owner, null) : key.Failure!;
        }
        var tokens = services.GetRequiredService<AccessTokens>();
        if (await tokens.ReadEvenExpiredAsync(token) is not { } read)
            return AuthError.AccessTokenInvalid;
        if (tokens.HasExpired(read))
            return AuthError.AccessTokenExpired;
        var found = await FindAsync(services, read, door, ct);
        return found.Value is { } session ? new Live(session, read) : found.Failure!;
    }

    private static async Task<Result<Session>> FindAsync(
        IServiceProvider services,
        AccessToken token,
        Dialect? door,
        CancellationToken ct
    )
    {
        var sessions = services.GetRequiredService<SessionStore>();
        var found = await sessions.FindLiveAsync(token.SessionId, token.Generation, ct);
        if (found.Value is not { } session)
            return found;
        if (session.Kind != SessionKind.Api)
            return AuthError.AccessTokenInvalid;
        await sessions.TouchAtAsync(session, door, ct);
        return session;
    }

    internal static void Add(IServiceCollection services)
    {
        services
            .AddAuthentication()
            .AddJwtBearer(
                Scheme,
                bearer =>
                    bearer.Events = new JwtBearerEvents
                    {
                        OnMessageReceived = ReadHeaderAsync,
                        OnTokenValidated = FindSessionAsync,
                        OnAuthenticationFailed = failed =>
                            Remember(
                                failed.HttpContext,
                                failed.Exception is SecurityTokenExpiredException
                                    ? AuthError.AccessTokenExpired
                                    : AuthError.AccessTokenInvalid
                            ),
                        OnChallenge = ChallengeAsync,
                    }
            );
        services
            .AddOptions<JwtBearerOptions>(Scheme)
            .Configure<AccessTokens>(
                (bearer, tokens) =>
                {
                    bearer.TokenValidationParameters = tokens.Validation();
                    bearer.MapInboundClaims = false;
                    bearer.Audience = null;
                    bearer.SaveToken = false;
                }
            );
        services
            .AddAuthorizationBuilder()
            .AddPolicy(Scheme, policy => policy.AddAuthenticationSchemes(Scheme).RequireAuthenticatedUser());
    }

    /// <summary>
    /// The session of the request's own token even when its time is over: revoking needs no fresh one (RFC 7009 §2.1).
    /// </summary>
    internal static async Task<string?> SessionOfEvenExpiredAsync(HttpContext http) =>
        (
            await http.RequestServices.GetRequiredService<AccessTokens>().ReadEvenExpiredAsync(ReadToken(http))
        )?.SessionId;

    private static async Task ReadHeaderAsync(MessageReceivedContext context)
    {
        var http = context.HttpContext;
        if (ReadToken(http) is { } token)
        {
            context.Token = token;
        }
        else if (ReadKey(http) is { } key)
        {
            await FindKeyAsync(context, key);
        }
        else if (!SendsBearer(http) && await CookieMode.SessionAsync(http) is { } session)
        {
            http.Items[typeof(CallerFromBearer)] = session;
            context.Principal = http.User;
            context.Success();
        }
        else
        {
            context.NoResult();
        }
    }

    // A header of another scheme is not for us: a proxy that asks for a name and password of its own passes its Basic
    // header on.
    private static bool SendsBearer(HttpContext http) =>
        http.Request.Headers.Authorization.Any(header =>
            header?.TrimStart().StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) is true
        );

    // The header only: a token in a query string ends up in logs (RFC 6750 §5.3).
    private static string? ReadToken(HttpContext http)
    {
        const string prefix = Scheme + " ";
        if (
            http.Request.Headers.Authorization is not [{ } header]
            || !header.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)
        )
            return null;
        var token = header[prefix.Length..].Trim();
        return AccessTokens.HasOurShape(token) ? token : null;
    }

    private static string? ReadKey(HttpContext http) =>
        http.Request.Headers.Authorization is [{ } header]
        && header.StartsWith($"{Scheme} {TokenCodec.ApiKeyPrefix}", StringComparison.OrdinalIgnoreCase)
            ? header[(Scheme.Length + 1)..].Trim()
            : null;

    private static async Task FindKeyAsync(MessageReceivedContext context, string key)
    {
        var http = context.HttpContext;
        var changes = !HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method);
        var found = await http
            .RequestServices.GetRequiredService<ApiKeys>()
            .FindAsync(key, changes, http.RequestAborted);
        if (found.Value is { } session)
        {
            http.Items[typeof(CallerFromBearer)] = session;
            context.Principal = new(new System.Security.Claims.ClaimsIdentity([new("sub", session.UserId)], Scheme));
            context.Success();
            return;
        }
        await Remember(http, found.Failure!.Error);
        context.Fail(found.Failure.Error.Code());
    }

    private static async Task FindSessionAsync(TokenValidatedContext context)
    {
        var http = context.HttpContext;
        var found =
            context.SecurityToken is JsonWebToken read && AccessToken.Of(read) is { } token
                ? await FindAsync(http.RequestServices, token, DoorOf(http), http.RequestAborted)
                : AuthError.AccessTokenInvalid;
        if (found.Value is { } session)
        {
            http.Items[typeof(CallerFromBearer)] = session;
            return;
        }
        await Remember(http, found.Failure!.Error);
        context.Fail(found.Failure.Error.Code());
    }

    private static Task Remember(HttpContext http, AuthError error)
    {
        http.Items[typeof(AuthError)] = error;
        return Task.CompletedTask;
    }

    private static Task ChallengeAsync(JwtBearerChallengeContext context)
    {
        context.HandleResponse();
        var told =
            context.HttpContext.Items[typeof(AuthError)] as AuthError?
            ?? (SendsBearer(context.HttpContext) ? AuthError.AccessTokenInvalid : null);
        if (told == AuthError.Forbidden)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer error=\"insufficient_scope\"";
            return Problems.Of(AuthError.Forbidden).ExecuteAsync(context.HttpContext);
        }
        // Without a token there is no error to name (RFC 6750 §3).
        context.Response.Headers.WWWAuthenticate = told is { } error
            ? $"Bearer error=\"invalid_token\", error_description=\"{error.Code()}\""
            : "Bearer";
        return Problems.Of(told ?? AuthError.AccessTokenInvalid).ExecuteAsync(context.HttpContext);
    }
}
