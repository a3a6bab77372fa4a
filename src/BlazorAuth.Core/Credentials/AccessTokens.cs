using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.IdentityModel.Tokens.Jwt;
using System.Security.Claims;
using BlazorAuth.Core.Data;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace BlazorAuth.Core.Credentials;

/// <summary>Access tokens: ES256 JWTs of type <c>at+jwt</c> (RFC 9068), never stored, tied to a session and its generation.</summary>
public sealed class AccessTokens(SigningKeys keys, IOptions<AuthOptions> options, TimeProvider time)
{
    /// <summary>The one algorithm taken (RFC 8725 §3.1).</summary>
    public const string Algorithm = SecurityAlgorithms.EcdsaSha256;

    /// <summary>The one header type taken (RFC 9068 §4).</summary>
    public const string Type = "at+jwt";

    /// <summary>The one client tokens are issued to: a public one, every program that signs its own people in.</summary>
    public const string Client = "blazorauth";

    /// <summary>The largest token read; ours have about 600 characters (golang-jwt CVE-2025-30204: a megabyte of dots).</summary>
    public const int MaximumLength = 4096;

    /// <summary>The claim that carries the session's id.</summary>
    public const string SessionClaim = "sid";

    /// <summary>The claim that carries the generation of the session's credentials.</summary>
    public const string GenerationClaim = "gen";

    /// <summary>How far clocks may differ (ASVS 9.2.1); the library's own default of five minutes is half a lifetime.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(30);

    private const int SignatureBytes = 64;

    private static readonly JwtSecurityTokenHandler Handler = new() { SetDefaultTimesOnTokenCreation = false, MapInboundClaims = false };

    /// <summary>Signs a token for the session as it stands.</summary>
    public Task<string> IssueAsync(Session session, CancellationToken ct) => IssueAsync(session, null, ct);

    /// <summary>The access token that another one is asked for with: the new one has its generation and ends no later.</summary>
    /// <param name="SessionId">Its session.</param>
    /// <param name="Generation">Its generation.</param>
    /// <param name="EndsAt">Its end, in whole seconds.</param>
    public readonly record struct Bound(string SessionId, int Generation, DateTimeOffset EndsAt);

    /// <summary>What a valid token bounds another one to; null for what is no token of ours.</summary>
    public Bound? Bounds(string? token) =>
        Read(token) is { } claims && SessionOf(claims) is var (sessionId, generation)
        && long.TryParse(claims.FindFirst("exp")?.Value, CultureInfo.InvariantCulture, out var end)
            ? new Bound(sessionId, generation, DateTimeOffset.FromUnixTimeSeconds(end)) : null;

    /// <summary>What a token may say about its account where <see cref="TokenOptions.Claims"/> asks for it.</summary>
    /// <param name="DisplayName">The display name, or null.</param>
    /// <param name="Username">The user name that the owner chose, or null.</param>
    /// <param name="Email">The address, or null.</param>
    /// <param name="EmailVerified">Whether the address is verified.</param>
    public sealed record Holder(string? DisplayName, string? Username, string? Email, bool EmailVerified);

    /// <summary>Whether tokens say anything about the account, so that a caller must read it.</summary>
    public bool NamesHolder => options.Value.Tokens.Claims.Count > 0;

    /// <summary>The same, for as long as a client asks: see <see cref="Lifetime"/>.</summary>
    public async Task<string> IssueAsync(
        Session session, TimeSpan? asked, CancellationToken ct, Bound? bound = null, Holder? holder = null)
    {
        var key = await keys.CurrentAsync(ct);
        var now = time.GetUtcNow();
        var header = new JwtHeader(new SigningCredentials(key.Key, Algorithm)) { [JwtHeaderParameterNames.Typ] = Type };
        var payload = new JwtPayload
        {
            ["iss"] = options.Value.Issuer,
            ["aud"] = options.Value.Tokens.Audience,
            ["sub"] = session.UserId,
            ["client_id"] = Client,
            ["sid"] = session.Id,
            ["gen"] = bound?.Generation ?? session.Generation,
            ["jti"] = Secret.Random(16),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["exp"] = EndOf(now + Lifetime(session, asked), bound).ToUnixTimeSeconds(),
            ["auth_time"] = session.AuthenticatedAt.ToUnixTimeSeconds(),
            ["amr"] = session.Methods.Split(' '),
        };
        if (holder is not null) Describe(payload, holder);
        if (session.Dialect == Dialect.Kuzzle) payload["_id"] = session.UserId; // what its clients read from the token themselves
        return Handler.WriteToken(new JwtSecurityToken(header, payload));
    }

    // The stock handlers map unique_name to ClaimTypes.Name, some of them name too, and take the first. It must be the one that
    // no other account can have: an API that compares names would be deceived by a chosen display name.
    private void Describe(JwtPayload payload, Holder holder)
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
    /// How long a token of the session opens something: as the client asks or else as its dialect's clients expect, but never longer
    /// than the session, nor than the token it is asked for with where that bounds it.
    /// </summary>
    public TimeSpan Lifetime(Session session, TimeSpan? asked = null, Bound? bound = null)
    {
        var lifetime = asked ?? (session.Dialect is { } dialect ? options.Value.Tokens.DialectAccessLifetimes.Of(dialect) : options.Value.Tokens.AccessTokenLifetime);
        var now = time.GetUtcNow();
        var left = EndOf(session.AbsoluteEndsAt, bound) - now;
        return left < lifetime ? left : lifetime;
    }

    private static DateTimeOffset EndOf(DateTimeOffset end, Bound? bound) =>
        bound is { EndsAt: var latest } && latest < end ? latest : end;

    /// <summary>What makes a token ours: signature, issuer, audience, times, and nothing taken from the token's own header but the key's name.</summary>
    public TokenValidationParameters Validation() => new()
    {
        ValidIssuer = options.Value.Issuer,
        ValidAudience = options.Value.Tokens.Audience,
        ClockSkew = ClockSkew,
        RequireExpirationTime = true,
        RequireSignedTokens = true,
        ValidateIssuerSigningKey = true,
        NameClaimType = "sub",
        LifetimeValidator = (notBefore, expires, _, _) => InTime(notBefore, expires),
        IssuerSigningKeyResolver = (_, _, keyId, _) => [.. keys.Published.Where(k => k.Key.KeyId == keyId).Select(k => k.Key)],
    };

    /// <summary>The claims of a token that is ours, or null. Whether its session lives is not looked at.</summary>
    /// <param name="token">Any text.</param>
    /// <param name="evenExpired">Whether its time may be over: revoking needs no fresh one (RFC 7009 §2.1).</param>
    public ClaimsPrincipal? Read(string? token, bool evenExpired = false)
    {
        if (!HasOurShape(token)) return null;
        var parameters = Validation();
        if (evenExpired) (parameters.ValidateLifetime, parameters.LifetimeValidator) = (false, null);
        try
        {
            var principal = Handler.ValidateToken(token, parameters, out var read);
            return HasOurHeader((JwtSecurityToken)read) ? principal : null;
        }
        catch (Exception refused) when (refused is not OutOfMemoryException)
        {
            return null; // the library fails in many ways on what is no token; none of them is a fault here
        }
    }

    /// <summary>
    /// Whether the text can be a token at all. The bits that the last character of a signature has left over are not signed, and the
    /// library does not look at them: a signature that is not spelled as we write it is a changed token.
    /// </summary>
    public static bool HasOurShape([NotNullWhen(true)] string? token) =>
        token is { Length: > 0 and <= MaximumLength } && token.AsSpan().Count('.') == 2
        && Secret.TryDecode(token.AsSpan(token.LastIndexOf('.') + 1), new byte[SignatureBytes]);

    /// <summary>Whether the header is one of ours: the algorithm and the type, exactly.</summary>
    public static bool HasOurHeader(JwtSecurityToken token) =>
        token.Header.Alg == Algorithm && token.Header.Typ == Type;

    /// <summary>The session a validated token belongs to.</summary>
    public static (string SessionId, int Generation)? SessionOf(ClaimsPrincipal principal) =>
        principal.FindFirst(SessionClaim)?.Value is { } sid
        && int.TryParse(principal.FindFirst(GenerationClaim)?.Value, CultureInfo.InvariantCulture, out var generation) ? (sid, generation) : null;

    private bool InTime(DateTime? notBefore, DateTime? expires)
    {
        var now = time.GetUtcNow().UtcDateTime;
        if (expires is null || notBefore > now + ClockSkew) return false;
        return expires + ClockSkew > now ? true : throw new SecurityTokenExpiredException("The token has expired.");
    }
}
