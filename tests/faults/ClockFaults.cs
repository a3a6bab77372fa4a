using BlazorAuth.Faults.Support;

namespace BlazorAuth.Faults;

/// <summary>The clock of the machine is set forward and back under a running host.</summary>
internal static class ClockFaults
{
    private static readonly EnumerationOptions Anywhere = new()
    {
        RecurseSubdirectories = true,
        MaxRecursionDepth = 3,
        IgnoreInaccessible = true,
    };

    public static async Task<string> StepsAsync()
    {
        var library = Directory.Exists("/usr/lib")
            ? Directory.EnumerateFiles("/usr/lib", "libfaketimeMT.so.1", Anywhere).FirstOrDefault()
            : null;
        if (library is null)
            throw new Skipped("faketime is not installed; the law is tested in ClockStepsTests");
        var clock = Path.GetTempFileName();
        await SetAsync("+0");
        try
        {
            (string, string)[] settings =
            [
                ("LD_PRELOAD", library),
                ("FAKETIME_TIMESTAMP_FILE", clock),
                ("FAKETIME_NO_CACHE", "1"),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
                ("BlazorAuth__Throttle__SignInPerAccount", "3"),
            ];
            await using var server = new Server(settings: settings);
            using var client = new Client(server);
            await server.StartAsync();
            foreach (var email in new[] { "clock@example.com", "guessed@example.com", "left@example.com" })
                await Client.DoneAsync(() => client.SignUpAsync(email));
            var (pair, left) = (
                await Client.DoneAsync(() => client.SignInAsync("clock@example.com")),
                await Client.DoneAsync(() => client.SignInAsync("left@example.com"))
            );
            await Client.DoneAsync(() => client.ForgetAsync("clock@example.com"));
            var link = (await client.LetterAsync("clock@example.com", "reset-password")).Token;

            await SetAsync("+2h");
            var old = await client.MeAsync(pair.Text("accessToken"));
            Claim.That(old.Code == "access_token_expired", $"an access token two hours later: {old}");
            var late = await client.ResetAsync(link, Client.Next);
            Claim.That(late.Code == "link_expired", $"a reset link two hours later: {late}");
            var next = await Client.DoneAsync(() => client.RefreshAsync(pair.Text("refreshToken")));
            await SetAsync("+16d");
            var unused = await client.RefreshAsync(left.Text("refreshToken"));
            Claim.That(
                unused.Code is "refresh_token_expired" or "session_expired",
                $"a refresh token sixteen days later: {unused}"
            );
            await SetAsync("+1h");
            for (var i = 0; i < 3; i++)
                await client.SignInAsync("guessed@example.com", "not the password");

            await SetAsync("+0");
            var (reset, replay, family, again, guess) = (
                await client.ResetAsync(link, Client.Next),
                await client.RefreshAsync(pair.Text("refreshToken")),
                await client.RefreshAsync(next.Text("refreshToken")),
                await client.RefreshAsync(left.Text("refreshToken")),
                await client.SignInAsync("guessed@example.com")
            );
            Claim.That(!reset.Ok, $"an expired reset link works again on a clock set back: {reset}");
            Claim.That(
                !replay.Ok && !family.Ok,
                $"a rotated refresh token on a clock set back: {replay}, its successor: {family}"
            );
            Claim.That(!again.Ok, $"an expired refresh token works again on a clock set back: {again}");
            Claim.That(guess.Status == 429, $"guesses are forgotten on a clock set back: {guess}");
            var fresh = await client.SignInAsync("clock@example.com");
            Claim.That(
                fresh.Ok && (await client.MeAsync(fresh.Text("accessToken"))).Ok,
                $"nobody can sign in on a clock set back: {fresh}"
            );
            await server.KillAsync();
            server.IsWhole();
            return "+2 h, +16 d, back: expired links, sessions and counts stayed, a rotated token was a replay, sign-in went on";
        }
        finally
        {
            File.Delete(clock);
        }

        async Task SetAsync(string offset)
        {
            await File.WriteAllTextAsync(clock, offset + "\n");
            await Task.Delay(1500); // beyond what the host believes of sessions
        }
    }
}
