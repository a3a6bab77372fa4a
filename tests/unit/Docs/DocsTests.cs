using System.Text.RegularExpressions;
using BlazorAuth.Api;
using BlazorAuth.Core.Results;
using BlazorAuth.UnitTests.Invariants;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Routing;

namespace BlazorAuth.UnitTests.Docs;

[Collection(SiteCollection.Name)]
public sealed class DocsTests(RunningSite site)
{
    [Fact]
    public void Every_flow_has_its_section()
    {
        var headings = Regex
            .Matches(Read("docs/flows.md"), "^## (.+)$", RegexOptions.Multiline)
            .Select(m => m.Groups[1].Value.Trim())
            .Order();
        var flows = ArchitectureTests.Flows().Select(flow => flow.Name).Order();
        Assert.Equal(flows, headings);
    }

    /// <summary>The table repeats the code: with UPDATE_DOCS=1 it is written anew.</summary>
    [Fact]
    public void Every_code_is_in_the_api_reference_with_the_words_of_the_wire()
    {
        var path = Path.Combine(Clone.Root, "docs/api.md");
        var lines = File.ReadAllLines(path).ToList();
        var first = lines.FindIndex(line => line.StartsWith("| `validation_failed` |", StringComparison.Ordinal));
        var count = lines.Skip(first).TakeWhile(line => line.StartsWith("| `", StringComparison.Ordinal)).Count();
        string[] rows = [.. Enum.GetValues<AuthError>().Select(Row)];
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
        {
            lines.RemoveRange(first, count);
            lines.InsertRange(first, rows);
            File.WriteAllText(path, string.Join('\n', lines) + "\n");
        }
        else
        {
            Assert.Equal(rows, lines.Skip(first).Take(count));
        }

        static string Row(AuthError error)
        {
            var (status, title, detail) = BlazorAuth.Api.Problems.Describe(error);
            return $"| `{error.Code()}` | {status} | {title} {detail} |";
        }
    }

    [Fact]
    public void Every_route_is_in_the_api_reference()
    {
        var reference = Read("docs/api.md");
        foreach (var route in site.ApiRoutes.Concat(site.OAuthRoutes))
        foreach (var method in route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods)
            Assert.Contains(
                $"`{method} /{route.RoutePattern.RawText!.Trim('/')}`",
                reference,
                StringComparison.Ordinal
            );
    }

    [Fact]
    public void Every_decision_cited_in_the_code_exists_and_is_short()
    {
        var decisions = Directory
            .EnumerateFiles(Path.Combine(Clone.Root, "docs/adr"), "*.md")
            .ToDictionary(f => Path.GetFileName(f)[..4]);
        var code = Directory
            .EnumerateFiles(Path.Combine(Clone.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Concat([Path.Combine(Clone.Root, "Directory.Build.props")])
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal));
        foreach (
            var number in code.SelectMany(f => Regex.Matches(File.ReadAllText(f), @"ADR (\d{4})"))
                .Select(m => m.Groups[1].Value)
                .Distinct()
        )
            Assert.True(decisions.ContainsKey(number), $"ADR {number} is cited and not there.");
        Assert.All(decisions.Values, file => Assert.InRange(File.ReadAllLines(file).Length, 1, 40));
    }

    [Fact]
    public void Every_link_between_papers_leads_somewhere()
    {
        foreach (
            var file in Directory
                .EnumerateFiles(Clone.Root, "*.md")
                .Concat(Directory.EnumerateFiles(Path.Combine(Clone.Root, "docs"), "*.md", SearchOption.AllDirectories))
        )
        foreach (Match link in Regex.Matches(File.ReadAllText(file), @"\]\(([^)#:]+)(#[^)]*)?\)"))
            Assert.True(
                Path.Exists(Path.Combine(Path.GetDirectoryName(file)!, link.Groups[1].Value)),
                $"{file}: {link.Groups[1].Value}"
            );
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(Clone.Root, file));
}
