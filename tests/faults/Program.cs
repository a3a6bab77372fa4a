using System.Diagnostics;
using BlazorAuth.Faults;
using BlazorAuth.Faults.Support;

(string Name, string Invariants, Func<Task<string>> Make)[] all =
[
    ("kill-sign-up", "F1 F4", KillFaults.SignUpsAsync),
    ("kill-refresh", "F2", KillFaults.RefreshesAsync),
    ("kill-reset", "F3", KillFaults.ResetsAsync),
    ("kill-change-email", "F3", KillFaults.MovesAsync),
    ("disk-full", "F6", DiskFaults.FullAsync),
    ("permission-lost", "F7", DiskFaults.PermissionLostAsync),
    ("master-key-lost", "", DiskFaults.MasterKeyLostAsync),
    ("postgres-stopped", "F8", PostgresFaults.StoppedAsync),
    ("postgres-terminated", "F8", PostgresFaults.TerminatedAsync),
    ("postgres-cut-after-commit", "F10", PostgresFaults.CutAfterCommitAsync),
    ("smtp-down", "F11", MailFaults.DownAsync),
    ("smtp-refuses", "F11", MailFaults.RefusesAsync),
    ("smtp-hangs", "F11", MailFaults.HangsAsync),
    ("clock-steps", "F12", ClockFaults.StepsAsync),
    ("two-processes", "F13", TwoProcesses.OneFileAsync),
    ("terminate-under-load", "F23", KillFaults.TerminatedAsync),
];

var unknown = args.Where(name => !all.Any(fault => fault.Name == name)).ToList();
if (unknown.Count > 0)
{
    await Console.Error.WriteLineAsync(
        $"No fault is called {string.Join(", ", unknown)}. There are: {string.Join(' ', all.Select(fault => fault.Name))}"
    );
    return 2;
}

ThreadPool.SetMinThreads(64, 64);
var failed = 0;
foreach (var (name, invariants, make) in all.Where(fault => args.Length == 0 || args.Contains(fault.Name)))
{
    var clock = Stopwatch.StartNew();
    var (word, text) = ("ok     ", "");
    try
    {
        text = await make();
    }
    catch (Skipped why)
    {
        (word, text) = ("SKIPPED", why.Message);
    }
    catch (Exception fault)
    {
        failed++;
        (word, text) = ("FAILED ", fault is ClaimFailed ? fault.Message : fault.ToString());
    }
    Console.WriteLine($"{word} {name, -26} {invariants, -6} {clock.Elapsed.TotalSeconds, 4:0} s  {text}");
}
return failed == 0 ? 0 : 1;
