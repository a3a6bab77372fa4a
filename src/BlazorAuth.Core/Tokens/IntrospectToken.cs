using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Tokens;

/// <summary>
/// Tells a configured client whether a token is alive, and whose (RFC 7662).
/// Promises: sees what the bearer routes see, so an ended session's tokens are dead at once.
/// Reveals: about anything not alive, nothing, not even why (§2.2). Changes nothing.
/// Fails with: <see cref="AuthError.InvalidCredentials"/> for the client, <see cref="AuthError.RateLimited"/>,
/// <see cref="AuthError.ValidationFailed"/>.
/// </summary>
public sealed class IntrospectToken(
    AuthDbContext db,
    TokenCodec secret,
    AccessTokens accessTokens,
    SessionStore sessions,
    SessionGenerations generations,
    ClientAuthentication clients,
    IOptions<AuthOptions> options,
    TimeProvider time
)
{
    /// <summary>Who asks: a client by its id and its secret.</summary>
    public sealed record Client(string? Id, string? Secret);

    /// <summary>What came of it: the token as it stands, or null where it opens nothing.</summary>
    public sealed record Answer(Token? Active);

    /// <summary>A living token. Refresh tokens have no audience, id or time of issue.</summary>
    public sealed record Token(
        bool IsRefresh,
        Session Session,
        string? Username,
        string Issuer,
        DateTimeOffset ExpiresAt,
        string? Audience = null,
        string? Id = null,
        DateTimeOffset? IssuedAt = null
    );

    /// <summary>Describes a token of either kind.</summary>
    public async Task<Result<Answer>> DescribeAsync(Caller caller, Client client, string? token, CancellationToken ct)
    {
        if (await clients.JudgeAsync(caller, client.Id, client.Secret, ct) is { } refusal)
            return refusal;
        if (string.IsNullOrEmpty(token))
            return AuthFailure.Shape("token", FieldErrorCode.Required);
        var found =
            secret.TryReadRefreshToken(token, out var sessionId, out var generation)
                ? await RefreshAsync(sessionId, generation, ct)
            : secret.TryReadApiKey(token, out var key) ? await KeyAsync(key, ct)
            : await accessTokens.ReadAsync(token) is { } access ? await AccessAsync(access, ct)
            : null;
        // A token within the leeway of clocks is still taken at the door; one that says it is over is not called active
        // (§2.2).
        if (found is null || found.ExpiresAt <= time.GetUtcNow())
            return new Answer(null);
        var user = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == found.Session.UserId, ct);
        return new Answer(user is null ? null : found with { Username = user.ChosenUserName ?? user.Email });
    }

    private async Task<Token?> RefreshAsync(string sessionId, int generation, CancellationToken ct) =>
        await FindAsync(sessionId, generation, ct) is not { } session
            ? null
            : new(
                true,
                session,
                null,
                options.Value.Issuer,
                generations.LeewayEnd(session, generation) ?? session.IdleEndsAt
            );

    private async Task<Token?> KeyAsync(string sessionId, CancellationToken ct) =>
        (await sessions.FindLiveAsync(sessionId, 1, ct)).Value is { Kind: SessionKind.Key } session
            ? new(
                false,
                session,
                null,
                options.Value.Issuer,
                session.AbsoluteEndsAt,
                options.Value.Tokens.Audience,
                session.Id,
                session.CreatedAt
            )
            : null;

    private async Task<Token?> AccessAsync(AccessToken token, CancellationToken ct) =>
        await FindAsync(token.SessionId, token.Generation, ct) is not { } session
            ? null
            : new(
                false,
                session,
                null,
                options.Value.Issuer,
                token.ExpiresAt,
                options.Value.Tokens.Audience,
                token.Id,
                token.IssuedAt
            );

    private async Task<Session?> FindAsync(string sessionId, int generation, CancellationToken ct) =>
        (await sessions.FindLiveAsync(sessionId, generation, ct)).Value is { Kind: SessionKind.Api } session
            ? session
            : null;
}
