using System.Security.Cryptography;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// The client script of Socket.IO, where every page of that system expects it: <c>/socket.io/socket.io.js</c>, the
/// smaller builds and their maps. They are the published files of <c>socket.io-client</c> 4.8.4, unchanged, with their
/// licence. They are public code: a page of any origin may load them, and may do no more with them than
/// <c>Api:AllowedOrigins</c> says.
/// </summary>
internal static class SocketClientFiles
{
    private const string Script = "text/javascript; charset=utf-8",
        Map = "application/json; charset=utf-8";

    private static readonly (string Name, string Type)[] All =
    [
        ("socket.io.js", Script),
        ("socket.io.js.map", Map),
        ("socket.io.min.js", Script),
        ("socket.io.min.js.map", Map),
        ("socket.io.esm.min.js", Script),
        ("socket.io.esm.min.js.map", Map),
        ("LICENSE", "text/plain; charset=utf-8"),
    ];

    public static void MapAll(IEndpointRouteBuilder routes)
    {
        foreach (var (name, type) in All)
        {
            var file = new Lazy<(byte[] Bytes, EntityTagHeaderValue Tag)>(() => Read(name));
            routes
                .MapMethods(
                    $"/socket.io/{name}",
                    ["GET", "HEAD"],
                    http => Answer(http, file.Value, type).ExecuteAsync(http)
                )
                .RequireCors(PublicDocuments.Cors)
                .ExcludeFromDescription();
        }
    }

    // The name stays when the version changes: an hour in a cache, then a question that is answered with 304.
    private static FileContentHttpResult Answer(
        HttpContext http,
        (byte[] Bytes, EntityTagHeaderValue Tag) file,
        string type
    )
    {
        http.Response.Headers.CacheControl = "public, max-age=3600";
        // also for pages that isolate themselves
        http.Response.Headers["Cross-Origin-Resource-Policy"] = "cross-origin";
        return TypedResults.File(file.Bytes, type, entityTag: file.Tag);
    }

    private static (byte[] Bytes, EntityTagHeaderValue Tag) Read(string name)
    {
        using var resource = typeof(SocketClientFiles).Assembly.GetManifestResourceStream($"socket.io/{name}")!;
        var bytes = new byte[resource.Length];
        resource.ReadExactly(bytes);
        return (bytes, new($"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 16))}\""));
    }
}
