using System.Text.RegularExpressions;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Client;

/// <summary>The C# of the papers is compiled, and does what they say.</summary>
public sealed class ReadmeTests(ClientSite site) : IClassFixture<ClientSite>
{
    [Theory]
    [InlineData("README.md")]
    [InlineData("src/BlazorAuth.Client/README.md")]
    public void The_sample_is_the_one_that_is_compiled(string paper)
    {
        var shown = Regex.Match(Read(paper), "```csharp sample\n(.*?)```", RegexOptions.Singleline).Groups[1].Value.Trim();
        var compiled = Regex.Match(Read("tests/unit/Client/ReadmeSample.cs"), @"// sample\n(.*?)\n +// end", RegexOptions.Singleline).Groups[1].Value;
        shown = shown.Replace("\"http://localhost:5080\"", "site").Replace("\"session.json\"", "file");
        Assert.Equal(string.Join('\n', compiled.Split('\n').Select(line => line[8..])), shown);
        Assert.Equal(10, shown.Split('\n').Length);
    }

    [Fact]
    public async Task The_sample_signs_up_once_and_is_still_signed_in_after_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("sample-").FullName;
        var (first, second) = (new StringWriter(), new StringWriter());
        await ReadmeSample.RunAsync(site.Client.BaseAddress!.ToString(), Path.Combine(folder, "session.json"), first);
        await ReadmeSample.RunAsync(site.Client.BaseAddress!.ToString(), Path.Combine(folder, "session.json"), second);
        Directory.Delete(folder, recursive: true);
        Assert.StartsWith("SignedIn: ada@example.com", first.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("Restored: ada@example.com", second.ToString(), StringComparison.Ordinal);
        Assert.All([first, second], output => Assert.Contains("\"current\":true", output.ToString(), StringComparison.Ordinal));
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(Clone.Root, file));
}
