using System.IO.Compression;
using System.Net;
using System.Text.RegularExpressions;
using BlazorAuth.Core.Results;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Client;

/// <summary>
/// The browser's module as a file: its size, its declarations, and how the site serves it. What it does is in the
/// journeys.
/// </summary>
[Collection(SiteCollection.Name)]
public sealed class BrowserModuleTests(RunningSite site)
{
    private static readonly string Folder = Path.Combine(Clone.Root, "src/BlazorAuth.Web/wwwroot");

    [Fact]
    public void It_is_under_five_kilobytes_and_imports_nothing()
    {
        using var small = new MemoryStream();
        using (var gzip = new GZipStream(small, CompressionLevel.SmallestSize, leaveOpen: true))
            gzip.Write(File.ReadAllBytes(Path.Combine(Folder, "blazorauth.js")));
        Assert.InRange(small.Length, 1, 5 * 1024);
        Assert.DoesNotMatch(@"\bimport\s*[({*\w""']", Read("blazorauth.js"));
    }

    [Fact]
    public void Every_export_and_every_code_is_declared()
    {
        var declared = Read("blazorauth.d.ts");
        var exports = Regex.Matches(
            Read("blazorauth.js"),
            @"^export (?:async )?(class|function|const) (\w+)",
            RegexOptions.Multiline
        );
        Assert.Equal(["AuthError", "createClient"], exports.Select(export => export.Groups[2].Value).Order());
        Assert.Equal(exports.Count, Regex.Matches(Read("blazorauth.js"), @"\bexport\b").Count);
        Assert.All(
            exports,
            export =>
                Assert.Contains(
                    $"export {export.Groups[1].Value} {export.Groups[2].Value}",
                    declared,
                    StringComparison.Ordinal
                )
        );
        Assert.All(
            Enum.GetValues<AuthError>(),
            error => Assert.Contains($"\"{error.Code()}\"", declared, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task The_site_serves_it_as_a_script()
    {
        var answer = await site.SendAsync(HttpMethod.Get, "/blazorauth.js");
        Assert.Equal(
            (HttpStatusCode.OK, "text/javascript"),
            (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType)
        );
        Assert.Equal(Read("blazorauth.js"), await answer.Content.ReadAsStringAsync());
        var types = await site.SendAsync(HttpMethod.Get, "/blazorauth.d.ts");
        Assert.Equal(
            (HttpStatusCode.OK, "text/plain"),
            (types.StatusCode, types.Content.Headers.ContentType!.MediaType)
        );
        Assert.Equal("*", types.Headers.GetValues("Access-Control-Allow-Origin").Single());
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(Folder, file));
}
