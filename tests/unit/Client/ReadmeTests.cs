using System.Text.RegularExpressions;
using BlazorAuth.Client;
using BlazorAuth.Client.Blazor;
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
        var shown = Regex
            .Match(Read(paper), "```csharp sample\n(.*?)```", RegexOptions.Singleline)
            .Groups[1]
            .Value.Trim();
        var compiled = Regex
            .Match(Read("tests/unit/Client/ReadmeSample.cs"), @"// sample\n(.*?)\n +// end", RegexOptions.Singleline)
            .Groups[1]
            .Value;
        shown = shown.Replace("\"http://localhost:5080\"", "site").Replace("\"session.json\"", "file");
        Assert.Equal(string.Join('\n', compiled.Split('\n').Select(line => line[8..])), shown);
        Assert.Equal(10, shown.Split('\n').Length);
    }

    [Theory]
    [InlineData("account")]
    [InlineData("blazor")]
    public void The_other_samples_are_those_that_are_compiled(string name)
    {
        var shown = Regex
            .Match(Read("src/BlazorAuth.Client/README.md"), $"```csharp {name}\n(.*?)```", RegexOptions.Singleline)
            .Groups[1]
            .Value.Trim();
        var compiled = Regex
            .Match(Read("tests/unit/Client/ReadmeSample.cs"), $@"// {name}\n(.*?)\n +// end", RegexOptions.Singleline)
            .Groups[1]
            .Value;
        shown = shown.Replace("\"https://id.example.com\"", "site").Replace("builder.Services.", "services.");
        Assert.NotEmpty(compiled);
        Assert.Equal(string.Join('\n', compiled.Split('\n').Select(line => line[8..])), shown);
    }

    [Fact]
    public void Every_name_in_the_readme_is_one_of_the_code()
    {
        var types = new[] { typeof(BlazorAuthClient).Assembly, typeof(BlazorAuthStateProvider).Assembly }
            .SelectMany(a => a.GetExportedTypes())
            .ToList();
        var names = types
            .Select(t => t.Name)
            .Concat(types.SelectMany(t => t.GetMembers()).Select(m => m.Name))
            .ToHashSet(StringComparer.Ordinal);
        // Names of .NET itself that the text uses.
        names.UnionWith([
            "AddHttpClient",
            "AuthenticationStateProvider",
            "InvokeAsync",
            "ProtectedLocalStorage",
            "OnAfterRenderAsync",
            "User",
            "Identity",
            "AuthorizeView",
            "Authorize",
        ]);
        var readme = Regex.Replace(Read("src/BlazorAuth.Client/README.md"), "```.*?```", "", RegexOptions.Singleline);
        foreach (Match name in Regex.Matches(readme, "`([A-Z][A-Za-z]+)`"))
            Assert.Contains(name.Groups[1].Value, names);
        var client = typeof(BlazorAuthClient)
            .GetMethods()
            .Where(m => m.Name.EndsWith("Async", StringComparison.Ordinal))
            .Select(m => m.Name)
            .Distinct();
        foreach (var method in client)
            Assert.Contains(method, Read("src/BlazorAuth.Client/README.md"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_account_sample_does_what_it_says()
    {
        var person = await site.PersonAsync();
        await site.PersonAsync();
        // The code is wrong on purpose: the sample's own comes from a phone.
        var refused = await Assert.ThrowsAsync<BlazorAuthException>(() =>
            ReadmeSample.AccountAsync(person.Auth, "000000")
        );
        Assert.Equal((AuthErrorCode.SecondFactorInvalid, "Ada"), (refused.Code, person.Auth.CurrentUser!.DisplayName));
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
        Assert.All(
            [first, second],
            output => Assert.Contains("\"current\":true", output.ToString(), StringComparison.Ordinal)
        );
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(Clone.Root, file));
}
