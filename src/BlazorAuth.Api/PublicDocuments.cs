using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace BlazorAuth.Api;

/// <summary>
/// The documents that any program may read from anywhere: keys, metadata, the API document, the words of the problem
/// codes. Scripts of every origin may read them, a HEAD is answered, and the metadata carries an ETag, so that a client
/// asks again for little.
/// </summary>
public static class PublicDocuments
{
    /// <summary>The CORS policy of these documents: every origin, without credentials.</summary>
    public const string Cors = "public";

    private static readonly string[] Prefixes =
    [
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/openapi",
        "/problems",
    ];

    /// <summary>Whether a public document lies under the path.</summary>
    public static bool Own(PathString path) => Array.Exists(Prefixes, prefix => path.StartsWithSegments(prefix));

    /// <summary>
    /// A JSON document that may be kept for five minutes; 304 where the client has it (RFC 9110 §13.1.2).
    /// </summary>
    internal static FileContentHttpResult Json<T>(HttpContext http, T document, JsonSerializerOptions options)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(document, options);
        http.Response.Headers.CacheControl = "public, max-age=300";
        var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 16))}\"");
        return TypedResults.File(bytes, "application/json; charset=utf-8", entityTag: tag);
    }

    /// <summary>
    /// Answers a HEAD as the GET it asks about; the server leaves the body out. Not on the other routes of the API:
    /// there a program that sends it has mistaken the address.
    /// </summary>
    public static void UseHead(this IApplicationBuilder app) =>
        app.Use(
            (http, next) =>
            {
                if (
                    HttpMethods.IsHead(http.Request.Method)
                    && (!TokenApi.Owns(http.Request.Path) || Own(http.Request.Path))
                )
                    http.Request.Method = HttpMethods.Get;
                return next(http);
            }
        );
}
