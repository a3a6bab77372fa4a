using System.Security.Cryptography;
using System.Text.Json;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Tokens;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace BlazorAuth.Api.Endpoints;

/// <summary>
/// Publishes the public keys and where they are (RFC 7517, RFC 8414): a resource API needs nothing else.
/// </summary>
internal static class KeyEndpoints
{
    public sealed record PublicKey(string Kty, string Crv, string X, string Y, string Use, string Alg, string Kid);

    public sealed record KeySet(IEnumerable<PublicKey> Keys);

    private static readonly string[] PublicClient = ["none"];

    private static readonly string[] Claims =
    [
        "iss",
        "aud",
        "sub",
        "client_id",
        "sid",
        "jti",
        "iat",
        "exp",
        "auth_time",
        "amr",
    ];

    public static void MapKeys(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/.well-known").WithTags("Metadata");

        group
            .MapGet(
                "/jwks.json",
                async (HttpContext http, SigningKeys keys, CancellationToken ct) =>
                {
                    await keys.CurrentAsync(ct);
                    return PublicDocuments.Json(
                        http,
                        new KeySet(keys.Published.Select(k => Public(k.Key))),
                        JsonSerializerOptions.Web
                    );
                }
            )
            .WithName("getSigningKeys")
            .WithSummary("The keys that access tokens are signed with.")
            .Answers<KeySet>(200);

        foreach (
            var (document, name) in new[]
            {
                ("/openid-configuration", "getOpenIdConfiguration"),
                ("/oauth-authorization-server", "getOAuthMetadata"),
            }
        )
            group
                .MapGet(
                    document,
                    (HttpContext http, IOptions<AuthOptions> options) =>
                        PublicDocuments.Json(http, Metadata(options.Value), JsonSerializerOptions.Default)
                )
                .WithName(name)
                .WithSummary("Where the keys are, and what the tokens look like.")
                .Answers<Dictionary<string, object>>(200);
    }

    // Names are the wire's own (RFC 8414 §2), so no naming policy may touch them.
    private static Dictionary<string, object> Metadata(AuthOptions options) =>
        new(StringComparer.Ordinal)
        {
            ["issuer"] = options.Issuer,
            ["jwks_uri"] = new Uri(options.ApiSite, ".well-known/jwks.json").ToString(),
            ["service_documentation"] = new Uri(options.ApiSite, "openapi/v1.json").ToString(),
            ["response_types_supported"] = Array.Empty<string>(),
            ["grant_types_supported"] = new[] { OAuthEndpoints.RefreshGrant },
            ["token_endpoint"] = new Uri(options.ApiSite, "oauth/token").ToString(),
            ["token_endpoint_auth_methods_supported"] = PublicClient,
            ["revocation_endpoint"] = new Uri(options.ApiSite, "oauth/revoke").ToString(),
            ["revocation_endpoint_auth_methods_supported"] = PublicClient,
            ["introspection_endpoint"] = new Uri(options.ApiSite, "oauth/introspect").ToString(),
            ["introspection_endpoint_auth_methods_supported"] = new[] { "client_secret_basic", "client_secret_post" },
            ["subject_types_supported"] = new[] { "public" },
            ["id_token_signing_alg_values_supported"] = new[] { AccessTokens.Algorithm },
            ["claims_supported"] = Claims
                .Concat(
                    options.Tokens.Claims.SelectMany(claim =>
                        claim switch
                        {
                            TokenClaim.Name => new[] { "name", "unique_name" },
                            TokenClaim.Email => ["email", "email_verified"],
                        }
                    )
                )
                .ToArray(),
        };

    private static PublicKey Public(ECDsaSecurityKey key)
    {
        var point = key.ECDsa.ExportParameters(includePrivateParameters: false).Q;
        return new(
            "EC",
            "P-256",
            Base64UrlEncoder.Encode(point.X),
            Base64UrlEncoder.Encode(point.Y),
            "sig",
            AccessTokens.Algorithm,
            key.KeyId
        );
    }
}
