using System.Diagnostics.CodeAnalysis;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Sessions;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace BlazorAuth.Core.Tokens;

/// <summary>An access token of ours: just signed, or its signature, issuer, audience and type were checked.</summary>
/// <param name="Text">The token itself.</param>
/// <param name="Id">Its <c>jti</c>.</param>
/// <param name="SessionId">The session that it belongs to.</param>
/// <param name="Generation">The generation of that session's credentials.</param>
/// <param name="IssuedAt">When it was signed, in whole seconds.</param>
/// <param name="ExpiresAt">When it expires, in whole seconds.</param>
public sealed record AccessToken(
    string Text,
    string Id,
    string SessionId,
    int Generation,
    DateTimeOffset IssuedAt,
    DateTimeOffset ExpiresAt
)
{
    /// <summary>
    /// Reads the claims of a token whose signature was checked; null where one of them is missing or malformed.
    /// </summary>
    public static AccessToken? Of(JsonWebToken token) =>
        token.TryGetPayloadValue<string>(AccessTokens.SessionClaim, out var sessionId)
        && token.TryGetPayloadValue<int>(AccessTokens.GenerationClaim, out var generation)
        && token.TryGetPayloadValue<long>("iat", out var issued)
        && token.TryGetPayloadValue<long>("exp", out var expires)
            ? new AccessToken(
                token.EncodedToken,
                token.Id,
                sessionId,
                generation,
                DateTimeOffset.FromUnixTimeSeconds(issued),
                DateTimeOffset.FromUnixTimeSeconds(expires)
            )
            : null;
}

/// <summary>
/// Access tokens: ES256 JWTs of type <c>at+jwt</c> (RFC 9068), never stored, tied to a session and its generation.
/// </summary>
public sealed class AccessTokens(SigningKeys keys, IOptions<AuthOptions> options, TimeProvider time)
{
    /// <summary>The one algorithm taken (RFC 8725 §3.1).</summary>
    public const string Algorithm = SecurityAlgorithms.EcdsaSha256;

    /// <summary>The one header type taken (RFC 9068 §4).</summary>
    public const string Type = "at+jwt";

    /// <summary>
    /// The one client tokens are issued to: a public one, every program that signs its own people in.
    /// </summary>
    public const string Client = "blazorauth";

    /// <summary>
    /// The largest token read; ours have about 600 characters (golang-jwt CVE-2025-30204: a megabyte of dots).
    /// </summary>
    public const int MaximumLength = 4096;

    /// <summary>The claim that carries the session's id.</summary>
    public const string SessionClaim = "sid";

    /// <summary>The claim that carries the generation of the session's credentials.</summary>
    public const string GenerationClaim = "gen";

    /// <summary>
    /// How far clocks may differ (ASVS 9.2.1); the library's own default of five minutes is half a lifetime.
    /// </summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(30);

    private const int SignatureBytes = 64;

    private static readonly JsonWebTokenHandler Handler = new()
    {
        SetDefaultTimesOnTokenCreation = false,
        MapInboundClaims = false,
    };

    /// <summary>Signs a token for the session as it stands.</summary>
    public Task<AccessToken> IssueAsync(Session session, CancellationToken ct) => IssueAsync(session, null, ct);

    /// <summary>What a token may say about its account where <see cref="TokenOptions.Claims"/> asks for it.</summary>
    /// <param name="DisplayName">The display name, or null.</param>
    /// <param name="Username">The user name that the owner chose, or null.</param>
    /// <param name="Email">The address, or null.</param>
    /// <param name="EmailVerified">Whether the address is verified.</param>
    public sealed record Holder(string? DisplayName, string? Username, string? Email, bool EmailVerified);

    /// <summary>Whether tokens say anything about the account, so that a caller must read it.</summary>
    public bool NamesHolder => options.Value.Tokens.Claims.Count > 0;

    /// <summary>The same, for as long as a client asks: see <see cref="Lifetime"/>.</summary>
    /// <param name="session">The session.</param>
    /// <param name="asked">The lifetime that the client asks for.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <param name="bound">
    /// The token that this one is asked for with: the new one has its generation and ends no later.
    /// </param>
    /// <param name="holder">What the token says about the account.</param>
    public async Task<AccessToken> IssueAsync(
        Session session,
        TimeSpan? asked,
        CancellationToken ct,
        AccessToken? bound = null,
        Holder? holder = null
    )
    {
        var key = await keys.CurrentAsync(ct);
        var now = DateTimeOffset.FromUnixTimeSeconds(time.GetUtcNow().ToUnixTimeSeconds());
        var end = DateTimeOffset.FromUnixTimeSeconds(
            EndOf(time.GetUtcNow() + Lifetime(session, asked), bound).ToUnixTimeSeconds()
        );
        var (id, generation) = (TokenCodec.Random(16), bound?.Generation ?? session.Generation);
        var payload = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["iss"] = options.Value.Issuer,
            ["aud"] = options.Value.Tokens.Audience,
            ["sub"] = session.UserId,
            ["client_id"] = Client,
            [SessionClaim] = session.Id,
            [GenerationClaim] = generation,
            ["jti"] = id,
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = end.ToUnixTimeSeconds(),
            ["auth_time"] = session.AuthenticatedAt.ToUnixTimeSeconds(),
            ["amr"] = session.Methods.Split(' '),
        };
        if (holder is not null)
            Describe(payload, holder);
        if (session.Dialect == Dialect.Kuzzle)
            payload["_id"] = session.UserId; // what its clients read from the token themselves
        var text = Handler.CreateToken(
            new SecurityTokenDescriptor
            {
                Claims = payload,
                TokenType = Type,
                SigningCredentials = new SigningCredentials(key.Key, Algorithm),
            }
        );
        return new AccessToken(text, id, session.Id, generation, now, end);
    }

    // The stock handlers map unique_name to ClaimTypes.Name, some of them name too, and take the first. It must be the
    // one that no other account can have: an API that compares names would be deceived by a chosen display name.
    private void Describe(Dictionary<string, object> payload, Holder holder)
    {
        foreach (var claim in options.Value.Tokens.Claims)
            switch (claim)
            {
                case TokenClaim.Name when (holder.Username ?? holder.Email) is { } unique:
                    payload["unique_name"] = unique;
                    payload["name"] = holder.DisplayName ?? unique;
                    break;
                case TokenClaim.Email when holder.Email is { } email:
                    payload["email"] = email;
                    payload["email_verified"] = holder.EmailVerified;
                    break;
                default:
                    break; // an anonymous account has neither
            }
    }

    /// <summary>
    /// How long a token of the session opens something: as the client asks or else as its dialect's clients expect, but
    /// never longer than the session, nor than the token it is asked for with where that bounds it.
    /// </summary>
    public TimeSpan Lifetime(Session session, TimeSpan? asked = null, AccessToken? bound = null)
    {
        var lifetime =
            asked
            ?? (
                session.Dialect is { } dialect
                    ? options.Value.Tokens.DialectAccessLifetimes.Of(dialect)
                    : options.Value.Tokens.AccessTokenLifetime
            );
        var now = time.GetUtcNow();
        var left = EndOf(session.AbsoluteEndsAt, bound) - now;
        return left < lifetime ? left : lifetime;
    }

    private static DateTimeOffset EndOf(DateTimeOffset end, AccessToken? bound) =>
        bound is { ExpiresAt: var latest } && latest < end ? latest : end;

    /// <summary>
    /// What makes a token ours: signature, algorithm, type, issuer, audience and times. Nothing is taken from the
    /// token's own header but the key's name.
    /// </summary>
    public TokenValidationParameters Validation() =>
        new()
        {
            ValidTypes = [Type],
            ValidAlgorithms = [Algorithm],
            ValidIssuer = options.Value.Issuer,
            ValidAudience = options.Value.Tokens.Audience,
            ClockSkew = ClockSkew,
            RequireExpirationTime = true,
            RequireSignedTokens = true,
            ValidateIssuerSigningKey = true,
            NameClaimType = "sub",
            // The library takes a token at exactly exp + skew; here it has expired then.
            LifetimeValidator = (notBefore, expires, _, _) => InTime(notBefore, expires),
            IssuerSigningKeyResolver = (_, _, keyId, _) =>
                [.. keys.Published.Where(k => k.Key.KeyId == keyId).Select(k => k.Key)],
        };

    /// <summary>
    /// The token of a text that is ours and has not expired, or null. Whether its session lives is not checked.
    /// </summary>
    /// <param name="token">Any text.</param>
    public async Task<AccessToken?> ReadAsync(string? token) =>
        await ReadEvenExpiredAsync(token) is { } read && !HasExpired(read) ? read : null;

    /// <summary>The same, also of an expired token: revoking needs no fresh one (RFC 7009 §2.1).</summary>
    /// <param name="token">Any text.</param>
    public async Task<AccessToken?> ReadEvenExpiredAsync(string? token)
    {
        if (!HasOurShape(token))
            return null;
        var parameters = Validation();
        (parameters.ValidateLifetime, parameters.LifetimeValidator) = (false, null);
        var read = await Handler.ValidateTokenAsync(token, parameters);
        return read is { IsValid: true, SecurityToken: JsonWebToken ours } ? AccessToken.Of(ours) : null;
    }

    /// <summary>Whether the token has expired, clocks that differ by <see cref="ClockSkew"/> included.</summary>
    public bool HasExpired(AccessToken token) => token.ExpiresAt + ClockSkew <= time.GetUtcNow();

    /// <summary>
    /// Whether the text can be a token at all. The bits that the last character of a signature has left over are not
    /// signed, and the library does not look at them: a signature that is not spelled as we write it is a changed
    /// token.
    /// </summary>
    public static bool HasOurShape([NotNullWhen(true)] string? token) =>
        token is { Length: > 0 and <= MaximumLength }
        && token.AsSpan().Count('.') == 2
        && TokenCodec.TryDecode(token.AsSpan(token.LastIndexOf('.') + 1), new byte[SignatureBytes]);

    private bool InTime(DateTime? notBefore, DateTime? expires)
    {
        var now = time.GetUtcNow().UtcDateTime;
        if (expires is null || notBefore > now + ClockSkew)
            return false;
        return expires + ClockSkew > now ? true : throw new SecurityTokenExpiredException("The token has expired.");
    }
}
