using System.Diagnostics;
using System.Text.RegularExpressions;
using BlazorAuth.EndToEndTests.Support;

namespace BlazorAuth.EndToEndTests;

/// <summary>What the README tells to type is typed.</summary>
public sealed partial class TheReadme
{
    [Fact]
    public async Task The_tour_with_curl_does_what_it_says()
    {
        await using var host = await Host.StartAsync();
        var tour = Tour().Match(Repository.Read("README.md")).Groups[1].Value;
        Assert.Equal(10, tour.Trim().Split('\n').Length);
        var script = "set -e\n" + tour.Replace("http://localhost:5080", host.Url, StringComparison.Ordinal);
        var start = new ProcessStartInfo("bash")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        using var shell = Process.Start(start)!;
        await shell.StandardInput.WriteAsync(script);
        shell.StandardInput.Close();
        var output = await shell.StandardOutput.ReadToEndAsync();
        var errors = await shell.StandardError.ReadToEndAsync();
        await shell.WaitForExitAsync();
        Assert.True(shell.ExitCode == 0, $"{output}\n{errors}");
        Assert.Contains("\"email\":\"ada@example.com\"", output, StringComparison.Ordinal);
        Assert.Contains("\"current\":true", output, StringComparison.Ordinal);
        Assert.EndsWith("}", output.Trim(), StringComparison.Ordinal);
        Assert.Contains("session_revoked", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_command_of_the_readme_names_something_that_exists()
    {
        foreach (Match project in Project().Matches(Repository.Read("README.md")))
            Assert.True(Directory.Exists(Path.Combine(Repository.Root, project.Groups[1].Value)), project.Value);
        Assert.True(File.Exists(Path.Combine(Repository.Root, "test.sh")));
    }

    [GeneratedRegex("```sh tour\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Tour();

    [GeneratedRegex("--project (src/[A-Za-z.]+)")]
    private static partial Regex Project();
}
