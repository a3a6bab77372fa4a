using System.Reflection;
using BlazorAuth.Core.Flows;
using BlazorAuth.Core;
using BlazorAuth.UnitTests.Support;
using BlazorAuth.Web;
using Microsoft.AspNetCore.Components;

namespace BlazorAuth.UnitTests.Laws;

/// <summary>The arrows: Web knows Api, Api knows Core, Core knows neither and no page. The client knows none of them.</summary>
public sealed class ArchitectureTests
{
    private const int LongestFile = 300;
    private static readonly string Root = Clone.Root;

    private static string[] ReferencesOf(string assembly) => [.. Assembly.Load(assembly).GetReferencedAssemblies().Select(a => a.Name!)];

    private static IEnumerable<string> Sources(string folder, params string[] endings) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*", SearchOption.AllDirectories)
            .Where(file => endings.Any(ending => file.EndsWith(ending, StringComparison.Ordinal)))
            .Where(file => !Path.GetRelativePath(Root, file).Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "Migrations"));

    [Fact]
    public void Core_knows_neither_host_and_no_page()
    {
        var references = ReferencesOf("BlazorAuth.Core");
        Assert.Contains("Microsoft.EntityFrameworkCore", references);
        Assert.DoesNotContain(references, name => name.StartsWith("BlazorAuth.", StringComparison.Ordinal));
        Assert.DoesNotContain(references, name => name.StartsWith("Microsoft.AspNetCore.Components", StringComparison.Ordinal));
        Assert.DoesNotContain(references, name => name.StartsWith("Microsoft.AspNetCore.Mvc", StringComparison.Ordinal));
    }

    [Fact]
    public void The_api_does_not_know_the_pages()
    {
        var references = ReferencesOf("BlazorAuth.Api");
        Assert.DoesNotContain("BlazorAuth.Web", references);
        Assert.DoesNotContain(references, name => name.StartsWith("Microsoft.AspNetCore.Components", StringComparison.Ordinal));
    }

    [Fact]
    public void The_client_knows_only_the_wire()
    {
        var references = ReferencesOf("BlazorAuth.Client");
        Assert.Contains("System.Net.Http", references);
        Assert.All(references, name => Assert.True(
            name.StartsWith("System.", StringComparison.Ordinal) || name == "Microsoft.Extensions.DependencyInjection.Abstractions", name));
        Assert.DoesNotContain("ProjectReference", File.ReadAllText(Path.Combine(Root, "src/BlazorAuth.Client/BlazorAuth.Client.csproj")), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_act_of_the_client_can_be_cancelled()
    {
        var acts = Assembly.Load("BlazorAuth.Client").GetExportedTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(method => typeof(Task).IsAssignableFrom(method.ReturnType)).ToList();
        Assert.True(acts.Count > 15);
        Assert.All(acts, method => Assert.Equal(typeof(CancellationToken), method.GetParameters()[^1].ParameterType));
    }

    [Fact]
    public void No_flow_sees_a_request()
    {
        foreach (var file in Sources("src/BlazorAuth.Core", ".cs").Where(f => Path.GetFileName(f) != "Hosting.cs"))
        {
            var text = File.ReadAllText(file);
            Assert.DoesNotContain("HttpRequest", text, StringComparison.Ordinal);
            Assert.DoesNotContain("IHttpContextAccessor", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void No_file_is_too_long_to_read() =>
        Assert.All(Sources("src", ".cs", ".razor"), file => Assert.True(File.ReadLines(file).Count() <= LongestFile, $"{file} is longer than {LongestFile} lines"));

    [Fact]
    public void A_component_asks_the_store_nothing_because_its_page_may_be_asking()
    {
        var asking = typeof(BrowserSession).Assembly.GetTypes().Where(type => type.Namespace == "BlazorAuth.Web.Components")
            .SelectMany(type => type.GetProperties(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public))
            .Where(property => property.GetCustomAttribute<InjectAttribute>() is not null && property.PropertyType.Namespace == typeof(Register).Namespace);
        Assert.Empty(asking);
    }

    [Fact]
    public void Every_flow_has_tests_of_its_name()
    {
        var flows = typeof(AuthCore).Assembly.GetTypes()
            .Where(type => type is { IsPublic: true, IsClass: true, Namespace: "BlazorAuth.Core.Flows" } && !IsRecord(type)).ToList();
        Assert.True(flows.Count >= 12);
        foreach (var flow in flows)
        {
            Assert.True(File.Exists(Path.Combine(Root, "src/BlazorAuth.Core/Flows", flow.Name + ".cs")), $"{flow.Name} has no file of its own");
            Assert.True(File.Exists(Path.Combine(Root, "tests/unit/Flows", flow.Name + "Tests.cs")), $"{flow.Name} has no tests");
        }
    }

    [Fact]
    public void Every_act_of_a_flow_can_be_cancelled()
    {
        var acts = typeof(AuthCore).Assembly.GetTypes().Where(type => type is { IsPublic: true, Namespace: "BlazorAuth.Core.Flows" })
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(method => typeof(Task).IsAssignableFrom(method.ReturnType));
        Assert.All(acts, method => Assert.Equal(typeof(CancellationToken), method.GetParameters()[^1].ParameterType));
    }

    private static bool IsRecord(Type type) => type.GetMethod("<Clone>$") is not null;
}
