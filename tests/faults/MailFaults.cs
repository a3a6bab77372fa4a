using System.Text.RegularExpressions;
using BlazorAuth.Faults.Support;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.Faults;

/// <summary>The mail server is away, refuses, or says nothing.</summary>
internal static partial class MailFaults
{
    public static Task<string> DownAsync() =>
        TroubleAsync((wire, _) => wire.Down(), (wire, _) => wire.Up(), kill: true);

    public static Task<string> RefusesAsync() =>
        TroubleAsync((_, mail) => mail.Refuse(SmtpStage.Rcpt, 451), (_, mail) => mail.Recover(), kill: false);

    public static Task<string> HangsAsync() =>
        TroubleAsync((_, mail) => mail.Stall(SmtpStage.Message), (_, mail) => mail.Recover(), kill: false);

    /// <summary>
    /// Nobody who asks waits for the mail server; every email comes when it is back, also over a kill, and one that
    /// comes twice says by its Message-ID that it is the same.
    /// </summary>
    private static async Task<string> TroubleAsync(
        Action<Wire, SmtpListener> begin,
        Action<Wire, SmtpListener> end,
        bool kill
    )
    {
        await using var mail = new SmtpListener();
        await using var wire = new Wire(mail.Port);
        wire.Up();
        await using var server = new Server(
            settings:
            [
                ("BlazorAuth__Mail__Transport", "Smtp"),
                ("BlazorAuth__Mail__Smtp__Host", "127.0.0.1"),
                ("BlazorAuth__Mail__Smtp__Port", $"{wire.Port}"),
                ("BlazorAuth__Mail__Smtp__Security", "None"),
                ("BlazorAuth__Mail__From", "no-reply@example.com"),
            ]
        );
        using var client = new Client(server);
        await server.StartAsync();
        // One email an account: an address that nobody verified gets few.
        var before = Enumerable.Range(0, 3).Select(i => $"before{i}@example.com").ToList();
        var during = Enumerable.Range(0, 3).Select(i => $"during{i}@example.com").ToList();
        foreach (var email in before.Concat(during))
            await Client.DoneAsync(() => client.SignUpAsync(email));
        await mail.WaitFor(6, TimeSpan.FromSeconds(10));
        var usual = await MedianAsync(client, before);
        await mail.WaitFor(9, TimeSpan.FromSeconds(10));

        begin(wire, mail);
        var troubled = await MedianAsync(client, during);
        string[] emails = ["sick0@example.com", "sick1@example.com"];
        foreach (var email in emails)
            await Client.DoneAsync(() => client.SignUpAsync(email));
        Claim.That(
            troubled < usual + TimeSpan.FromMilliseconds(250),
            $"asking takes {troubled.TotalMilliseconds:0} ms instead of {usual.TotalMilliseconds:0}"
        );
        await Task.Delay(TimeSpan.FromSeconds(3));
        if (kill)
        {
            await server.KillAsync();
            server.IsWhole();
            await server.StartAsync();
        }
        end(wire, mail);
        var all = await mail.WaitFor(9 + 3 + emails.Length, TimeSpan.FromSeconds(75));
        await Task.Delay(TimeSpan.FromSeconds(3));
        foreach (var email in emails)
            Claim.That(
                mail.Received.Any(m => m.Contains($"To: {email}", StringComparison.OrdinalIgnoreCase)),
                $"no email came to {email}"
            );
        var ids = mail.Received.Select(m => Id().Match(m).Value).ToList();
        Claim.That(ids.TrueForAll(id => id.Length > 0), "an email has no Message-ID");
        Claim.That(
            ids.Distinct().Count() == 9 + 3 + emails.Length,
            $"{ids.Distinct().Count()} emails came for {9 + 3 + emails.Length} that were promised"
        );
        return $"asking took {troubled.TotalMilliseconds:0} ms (before: {usual.TotalMilliseconds:0}); all {all.Count} emails came{(kill ? ", over a kill" : "")}, {ids.Count - ids.Distinct().Count()} of them twice";
    }

    private static async Task<TimeSpan> MedianAsync(Client client, IEnumerable<string> emails)
    {
        var times = new List<TimeSpan>();
        foreach (var email in emails)
            times.Add((await Client.DoneAsync(() => client.ForgetAsync(email))).Took);
        return times.Order().ElementAt(1);
    }

    [GeneratedRegex("^Message-ID: .*$", RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex Id();
}
