using System.Diagnostics;
using BlazorAuth.EndToEndTests.Support;

namespace BlazorAuth.EndToEndTests;

/// <summary>The quick ones of tests/faults; all of them take minutes and are run by <c>tests/faults/run</c>.</summary>
public sealed class TheFaults
{
    [Theory]
    [InlineData("two-processes")]
    [InlineData("master-key-lost")]
    [InlineData("disk-full")]
    [InlineData("terminate-under-load")]
    public async Task A_host_survives(string fault)
    {
        var program = Path.Combine(
            AppContext.BaseDirectory.Replace("/tests/e2e/", "/tests/faults/", StringComparison.Ordinal),
            "BlazorAuth.Faults.dll"
        );
        var start = new ProcessStartInfo("dotnet", [program, fault])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        using var run = Process.Start(start)!;
        var (output, errors) = (run.StandardOutput.ReadToEndAsync(), run.StandardError.ReadToEndAsync());
        await run.WaitForExitAsync();
        Assert.True(run.ExitCode == 0, $"{await output}\n{await errors}");
        Assert.Contains(fault, await output, StringComparison.Ordinal);
    }
}
