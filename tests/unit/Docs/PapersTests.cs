using System.Text.RegularExpressions;
using BlazorAuth.Core;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Routing;

namespace BlazorAuth.UnitTests.Docs;

[Collection(SiteCollection.Name)]
public sealed class PapersTests(RunningSite site)
{
    [Fact]
    public void Every_flow_has_its_section()
    {
        var headings = Regex.Matches(Read("docs/flows.md"), "^## (.+)$", RegexOptions.Multiline).Select(m => m.Groups[1].Value.Trim()).Order();
        var flows = Directory.EnumerateFiles(Path.Combine(Clone.Root, "src/BlazorAuth.Core/Flows"), "*.cs").Select(Path.GetFileNameWithoutExtension).Order();
        Assert.Equal(flows, headings);
    }

    [Fact]
    public void Every_code_is_in_the_api_reference_with_its_status()
    {
        var reference = Read("docs/api.md");
        foreach (var error in Enum.GetValues<AuthError>())
            Assert.Contains($"| `{error.Code()}` | {BlazorAuth.Api.Problems.Describe(error).Status} |", reference, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_route_is_in_the_api_reference()
    {
        var reference = Read("docs/api.md");
        foreach (var route in site.ApiRoutes.Concat(site.OAuthRoutes))
            foreach (var method in route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods)
                Assert.Contains($"`{method} /{route.RoutePattern.RawText!.Trim('/')}`", reference, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_decision_cited_in_the_code_exists_and_is_short()
    {
        var decisions = Directory.EnumerateFiles(Path.Combine(Clone.Root, "docs/adr"), "*.md").ToDictionary(f => Path.GetFileName(f)[..4]);
        var code = Directory.EnumerateFiles(Path.Combine(Clone.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Concat([Path.Combine(Clone.Root, "Directory.Build.props")]).Where(f => !f.Contains("/obj/", StringComparison.Ordinal));
        foreach (var number in code.SelectMany(f => Regex.Matches(File.ReadAllText(f), @"ADR (\d{4})")).Select(m => m.Groups[1].Value).Distinct())
            Assert.True(decisions.ContainsKey(number), $"ADR {number} is cited and not there.");
        Assert.All(decisions.Values, file => Assert.InRange(File.ReadAllLines(file).Length, 1, 40));
    }

    [Fact]
    public void Every_link_between_papers_leads_somewhere()
    {
        foreach (var file in Directory.EnumerateFiles(Clone.Root, "*.md").Concat(Directory.EnumerateFiles(Path.Combine(Clone.Root, "docs"), "*.md", SearchOption.AllDirectories)))
            foreach (Match link in Regex.Matches(File.ReadAllText(file), @"\]\(([^)#:]+)(#[^)]*)?\)"))
                Assert.True(Path.Exists(Path.Combine(Path.GetDirectoryName(file)!, link.Groups[1].Value)), $"{file}: {link.Groups[1].Value}");
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(Clone.Root, file));
}
