using System.Reflection;
using System.Text.RegularExpressions;
using BlazorAuth.Core;
using BlazorAuth.UnitTests.Support;
using BlazorAuth.Web;
using Microsoft.AspNetCore.Components;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// The arrows between the projects, as ARCHITECTURE.md draws them, and where a flow and its tests are.
/// </summary>
public sealed class ArchitectureTests
{
    private const int LongestFile = 600,
        WidestLine = 120;
    private static readonly string Root = Clone.Root;

    private static string[] ReferencesOf(string assembly) =>
        [.. Assembly.Load(assembly).GetReferencedAssemblies().Select(a => a.Name!)];

    private static IEnumerable<string> Sources(string folder, params string[] endings) =>
        Directory
            .EnumerateFiles(Path.Combine(Root, folder), "*", SearchOption.AllDirectories)
            .Where(file => endings.Any(ending => file.EndsWith(ending, StringComparison.Ordinal)))
            .Where(file =>
                !Path.GetRelativePath(Root, file)
                    .Split(Path.DirectorySeparatorChar)
                    .Any(part => part is "bin" or "obj" or "Migrations")
            );

    [Theory]
    [InlineData("BlazorAuth.Core")]
    [InlineData("BlazorAuth.Sqlite", "BlazorAuth.Core")]
    [InlineData("BlazorAuth.Postgres", "BlazorAuth.Core")]
    [InlineData("BlazorAuth.Hosting", "BlazorAuth.Core", "BlazorAuth.Postgres", "BlazorAuth.Sqlite")]
    [InlineData("BlazorAuth.Api", "BlazorAuth.Core", "BlazorAuth.Hosting")]
    [InlineData("BlazorAuth.Web", "BlazorAuth.Api", "BlazorAuth.Core", "BlazorAuth.Hosting")]
    public void A_project_knows_only_these(string project, params string[] known) =>
        Assert.Equal(
            known,
            ReferencesOf(project).Where(name => name.StartsWith("BlazorAuth.", StringComparison.Ordinal)).Order()
        );

    [Fact]
    public void Core_knows_no_page_and_no_database()
    {
        var references = ReferencesOf("BlazorAuth.Core");
        Assert.Contains("Microsoft.EntityFrameworkCore", references);
        foreach (
            var unknown in new[]
            {
                "Microsoft.AspNetCore.Components",
                "Microsoft.AspNetCore.Mvc",
                "Microsoft.AspNetCore.Server",
                "Npgsql",
                "Microsoft.Data.Sqlite",
            }
        )
            Assert.DoesNotContain(references, name => name.StartsWith(unknown, StringComparison.Ordinal));
        Assert.DoesNotContain(
            ReferencesOf("BlazorAuth.Api"),
            name => name.StartsWith("Microsoft.AspNetCore.Components", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Only_the_programs_know_Hosting()
    {
        foreach (
            var file in Sources("src/BlazorAuth.Api", ".cs").Concat(Sources("src/BlazorAuth.Web", ".cs", ".razor"))
        )
            if (Path.GetFileName(file) != "Program.cs")
                Assert.DoesNotContain("BlazorAuth.Hosting", File.ReadAllText(file), StringComparison.Ordinal);
    }

    [Fact]
    public void No_project_of_the_product_sees_the_internals_of_another()
    {
        foreach (var file in Sources("src", ".csproj"))
        foreach (Match friends in Regex.Matches(File.ReadAllText(file), "InternalsVisibleTo Include=\"([^\"]*)\""))
            Assert.Equal("BlazorAuth.UnitTests", friends.Groups[1].Value);
    }

    [Fact]
    public void The_namespace_of_a_file_is_its_folder()
    {
        foreach (var file in Sources("src/BlazorAuth.Core", ".cs"))
        {
            var folder = Path.GetRelativePath(Path.Combine(Root, "src"), Path.GetDirectoryName(file)!)
                .Replace(Path.DirectorySeparatorChar, '.');
            Assert.Contains($"\nnamespace {folder};", "\n" + File.ReadAllText(file), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_client_knows_only_the_wire()
    {
        var references = ReferencesOf("BlazorAuth.Client");
        Assert.Contains("System.Net.Http", references);
        Assert.All(
            references,
            name =>
                Assert.True(
                    name.StartsWith("System.", StringComparison.Ordinal)
                        || name == "Microsoft.Extensions.DependencyInjection.Abstractions",
                    name
                )
        );
        Assert.DoesNotContain(
            "ProjectReference",
            File.ReadAllText(Path.Combine(Root, "src/BlazorAuth.Client/BlazorAuth.Client.csproj")),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Every_act_of_the_client_can_be_cancelled()
    {
        var acts = Assembly
            .Load("BlazorAuth.Client")
            .GetExportedTypes()
            .SelectMany(type =>
                type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            )
            .Where(method => typeof(Task).IsAssignableFrom(method.ReturnType))
            .ToList();
        Assert.True(acts.Count > 15);
        Assert.All(acts, method => Assert.Equal(typeof(CancellationToken), method.GetParameters()[^1].ParameterType));
    }

    [Fact]
    public void No_flow_sees_a_request()
    {
        foreach (var file in Sources("src/BlazorAuth.Core", ".cs"))
        {
            var text = File.ReadAllText(file);
            Assert.DoesNotContain("HttpRequest", text, StringComparison.Ordinal);
            Assert.DoesNotContain("IHttpContextAccessor", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void No_file_is_too_long_to_read() =>
        Assert.All(
            Sources("src", ".cs", ".razor"),
            file =>
                Assert.True(File.ReadLines(file).Count() <= LongestFile, $"{file} is longer than {LongestFile} lines")
        );

    [Fact]
    public void No_line_is_wider_than_a_screen_but_one_with_a_long_text()
    {
        foreach (var file in Sources("src", ".cs"))
        foreach (var line in File.ReadLines(file))
            Assert.True(
                line.Length <= WidestLine || line.Contains('"', StringComparison.Ordinal),
                $"{file}: a line of {line.Length} columns: {line.Trim()}"
            );
    }

    [Fact]
    public void A_component_asks_the_store_nothing_because_its_page_may_be_asking()
    {
        var asking = typeof(BrowserSession)
            .Assembly.GetTypes()
            .Where(type => type.Namespace == "BlazorAuth.Web.Components")
            .SelectMany(type =>
                type.GetProperties(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)
            )
            .Where(property =>
                property.GetCustomAttribute<InjectAttribute>() is not null
                && Flows().Any(flow => flow.Name == property.PropertyType.Name)
            );
        Assert.Empty(asking);
    }

    [Fact]
    public void Every_flow_has_tests_of_its_name_in_a_folder_of_the_same_name()
    {
        var flows = Flows().ToList();
        Assert.True(flows.Count >= 30);
        foreach (var (folder, name) in flows)
            Assert.True(
                File.Exists(Path.Combine(Root, "tests/unit", folder, name + "Tests.cs")),
                $"{folder}/{name} has no tests"
            );
    }

    [Fact]
    public void Every_act_of_a_flow_can_be_cancelled()
    {
        var names = Flows().Select(flow => flow.Name).ToHashSet();
        var acts = typeof(BlazorAuthServices)
            .Assembly.GetTypes()
            .Where(type => type.IsPublic && names.Contains(type.Name))
            .SelectMany(type =>
                type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            )
            .Where(method => typeof(Task).IsAssignableFrom(method.ReturnType))
            .ToList();
        Assert.True(acts.Count >= 60);
        Assert.All(acts, method => Assert.Equal(typeof(CancellationToken), method.GetParameters()[^1].ParameterType));
    }

    /// <summary>
    /// The files of Core whose header says what the flow fails with: one flow each, of the file's name.
    /// </summary>
    internal static IEnumerable<(string Folder, string Name)> Flows() =>
        from file in Sources("src/BlazorAuth.Core", ".cs")
        where File.ReadAllText(file).Contains("/// Fails with:", StringComparison.Ordinal)
        select (
            Path.GetRelativePath(Path.Combine(Root, "src/BlazorAuth.Core"), Path.GetDirectoryName(file)!),
            Path.GetFileNameWithoutExtension(file)
        );
}
