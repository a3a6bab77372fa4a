using System.Diagnostics;

namespace BlazorAuth.Faults.Support;

/// <summary>An invariant does not hold.</summary>
internal sealed class ClaimFailed(string what) : Exception(what);

/// <summary>The fault cannot be made here; the run says so.</summary>
internal sealed class Skipped(string why) : Exception(why);

internal static class Claim
{
    public static void That(bool holds, string otherwise)
    {
        if (!holds)
            throw new ClaimFailed(otherwise);
    }

    /// <summary>I8: the act comes to succeed by itself.</summary>
    public static async Task<TimeSpan> WithinAsync(TimeSpan limit, Func<Task<Answer>> act, string what)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var answer = await act();
            if (answer.Ok)
                return clock.Elapsed;
            Claim.That(clock.Elapsed < limit, $"{what}: still {answer} after {limit.TotalSeconds} s");
            await Task.Delay(200);
        }
    }

    /// <summary>A tool of the system; its exit code.</summary>
    public static async Task<int> ToolAsync(string name, params string[] arguments)
    {
        try
        {
            using var tool = Process.Start(
                new ProcessStartInfo(name, arguments)
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                    UseShellExecute = false,
                    WorkingDirectory = "/",
                }
            )!;
            await Task.WhenAll(tool.StandardOutput.ReadToEndAsync(), tool.StandardError.ReadToEndAsync());
            await tool.WaitForExitAsync();
            return tool.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1; // there is no such tool
        }
    }
}
