using System.Diagnostics;
using BlazorAuth.EndToEndTests.Support;

namespace BlazorAuth.EndToEndTests;

/// <summary>A TypeScript client generated from the API document; the C# one is in the unit tests.</summary>
public sealed class TheGeneratedClient
{
    [NodeFact]
    public async Task A_generated_typescript_client_compiles_signs_in_and_reads_the_code_of_a_refusal()
    {
        await using var host = await Host.StartAsync();
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "tests/clients/run"), [host.Url])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        using var run = Process.Start(start)!;
        var errors = run.StandardError.ReadToEndAsync();
        var output = await run.StandardOutput.ReadToEndAsync();
        await run.WaitForExitAsync();
        Assert.True(run.ExitCode == 0, $"{output}\n{await errors}");
        Assert.Equal("true Typed 1 401 invalid_credentials validation_failed email", output.Trim());
    }

    private sealed class NodeFactAttribute : FactAttribute
    {
        public NodeFactAttribute()
        {
            if (!OnPath("node") || !OnPath("npm"))
                Skip = "Node.js and npm are not installed.";
        }

        private static bool OnPath(string program) =>
            (Environment.GetEnvironmentVariable("PATH") ?? "")
                .Split(Path.PathSeparator)
                .Any(folder => File.Exists(Path.Combine(folder, program)));
    }
}
