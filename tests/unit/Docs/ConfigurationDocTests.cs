using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Xml.Linq;
using BlazorAuth.Core.Options;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Docs;

/// <summary>
/// The reference of settings is written from the option types: name, default, and the summary of each property.
/// </summary>
public sealed class ConfigurationDocTests
{
    private const string Intro = """
        # Configuration

        Section `BlazorAuth` of `appsettings.json`; environment variables `BlazorAuth__Section__Key`; command line `--BlazorAuth:Section:Key=value`; later ones win.
        Unknown keys refuse to start: one plain line a fault, exit code 78. Lengths of time are `hh:mm:ss` or `days.hh:mm:ss`.
        Written from `src/BlazorAuth.Core/Options`; a test keeps it fresh.

        | key | default | |
        |---|---|---|

        """;

    [Fact]
    public void The_reference_of_settings_is_fresh()
    {
        var path = Path.Combine(Clone.Root, "docs", "configuration.md");
        var text = new StringBuilder(Intro);
        var summaries = Summaries();
        Describe(typeof(AuthOptions), new AuthOptions(), "", summaries, text);
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, text.ToString());
        Assert.Equal(text.ToString(), File.ReadAllText(path));
    }

    private static void Describe(
        Type type,
        object defaults,
        string prefix,
        Dictionary<string, string> summaries,
        StringBuilder text
    )
    {
        foreach (
            var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
                .Where(property => property.SetMethod is { IsPublic: true })
        )
        {
            var value = property.GetValue(defaults);
            if (value is IDictionary)
            {
                var named = property.PropertyType.GetGenericArguments()[1];
                Describe(named, Activator.CreateInstance(named)!, $"{prefix}{property.Name}:<id>:", summaries, text);
            }
            else if (
                property.PropertyType is { IsClass: true } nested
                && nested != typeof(string)
                && !typeof(IList).IsAssignableFrom(nested)
            )
                Describe(nested, value!, prefix + property.Name + ":", summaries, text);
            else
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"| `{prefix}{property.Name}` | {Show(value)} | {summaries[$"P:{type.FullName}.{property.Name}"]}{Choices(property.PropertyType)} |\n"
                );
        }
    }

    private static string Choices(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type.IsEnum ? " One of " + string.Join(", ", Enum.GetNames(type).Select(n => $"`{n}`")) + "." : "";
    }

    private static string Show(object? value) =>
        value switch
        {
            null or "" => "",
            IList { Count: 0 } => "none",
            bool flag => flag ? "`true`" : "`false`",
            TimeSpan span => $"`{span:c}`",
            _ => $"`{value}`",
        };

    private static Dictionary<string, string> Summaries() =>
        XDocument
            .Load(Path.ChangeExtension(typeof(AuthOptions).Assembly.Location, ".xml"))
            .Descendants("member")
            .Where(m => m.Element("summary") is not null)
            .ToDictionary(m => m.Attribute("name")!.Value, m => Plain(m.Element("summary")!), StringComparer.Ordinal);

    private static string Plain(XElement summary) =>
        string.Join(
            ' ',
            string.Concat(
                    summary
                        .Nodes()
                        .Select(n => n is XElement { Name.LocalName: "c" } code ? $"`{code.Value}`" : n.ToString())
                )
                .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        );
}
