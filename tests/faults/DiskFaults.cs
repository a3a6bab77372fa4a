using BlazorAuth.Faults.Support;

namespace BlazorAuth.Faults;

/// <summary>The disk is full, or not ours any more.</summary>
internal static class DiskFaults
{
    private static readonly (string, string) Unlimited = ("BlazorAuth__Throttle__Enabled", "false");

    /// <summary>
    /// Writes are refused as faults of ours, who is signed in goes on, and with space all of it works again.
    /// </summary>
    public static async Task<string> FullAsync()
    {
        var disk = Directory.CreateTempSubdirectory("blazorauth-faults-disk-").FullName;
        if (await Claim.ToolAsync("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk) != 0)
        {
            Directory.Delete(disk);
            throw new Skipped("a small disk can be mounted by root only");
        }
        try
        {
            await using var server = new Server(Path.Combine(disk, "data"), settings: Unlimited);
            using var client = new Client(server);
            await server.StartAsync();
            await Client.DoneAsync(() => client.SignUpAsync("full@example.com"));
            var pair = await Client.DoneAsync(() => client.SignInAsync("full@example.com"));
            Fill(Path.Combine(disk, "fill"));

            var (statuses, told) = (new SortedSet<int>(), new List<string>());
            for (var i = 0; i < 40 && statuses.Count(s => s >= 500) == 0; i++)
                await SignUp($"squeeze{i}@example.com");
            Claim.That(statuses.Any(s => s >= 500), "the disk is full and sign-ups go on");
            for (var i = 0; i < 5; i++)
                await SignUp($"full{i}@example.com");
            var (me, page, wrong, refresh) = (
                await client.MeAsync(pair.Text("accessToken")),
                await client.GetAsync("/login"),
                await client.SignInAsync("full@example.com", "not the password"),
                await client.RefreshAsync(pair.Text("refreshToken"))
            );
            Claim.That(me.Ok, $"who is signed in is refused: {me}");
            Claim.That(page.Ok, $"the sign-in page: {page}");
            Claim.That(!wrong.Ok, "a wrong password signs in");
            Claim.That(refresh.Ok || refresh.Status >= 500, $"a refresh is told to be wrong: {refresh}");

            File.Delete(Path.Combine(disk, "fill"));
            var took = await Claim.WithinAsync(
                TimeSpan.FromSeconds(10),
                () => client.SignUpAsync("space@example.com"),
                "sign-up with space again"
            );
            foreach (var email in told)
                Claim.That((await client.SignInAsync(email)).Ok, $"{email} was told to have an account");
            Claim.That(
                (await client.RefreshAsync(pair.Text("refreshToken"))).Ok,
                "the refresh token did not outlive the full disk"
            );
            await client.LetterAsync("space@example.com", "verify-email");
            await server.KillAsync();
            server.IsWhole();
            return $"refused with {string.Join(", ", statuses.Where(s => s >= 400))}, sign-in {wrong.Status}, refresh {refresh.Status}; works again after {took.TotalSeconds:0.0} s";

            async Task SignUp(string email)
            {
                var answer = await client.SignUpAsync(email);
                statuses.Add(answer.Status);
                if (answer.Ok)
                    told.Add(email);
                else
                    Claim.That(answer.Status >= 500, $"a sign-up on the full disk: {answer}");
            }
        }
        finally
        {
            await Claim.ToolAsync("umount", disk);
            Directory.Delete(disk);
        }
    }

    /// <summary>
    /// A store that must not be written opens nothing wrong, and one plain line tells the next start why.
    /// </summary>
    public static async Task<string> PermissionLostAsync()
    {
        if (Environment.UserName != "root" || await Claim.ToolAsync("runuser", "-u", "nobody", "--", "true") != 0)
            throw new Skipped("needs root, to run the host as somebody who can be denied a file");
        var folder = Directory.CreateTempSubdirectory("blazorauth-faults-nobody-").FullName;
        try
        {
            await Claim.ToolAsync("chown", "nobody", folder);
            await using var server = new Server(Path.Combine(folder, "data"), settings: Unlimited)
            {
                Prefix = ["runuser", "-u", "nobody", "--"],
            };
            using var client = new Client(server);
            await server.StartAsync();
            await Client.DoneAsync(() => client.SignUpAsync("denied@example.com"));
            var (kept, ended) = (
                await Client.DoneAsync(() => client.SignInAsync("denied@example.com")),
                await Client.DoneAsync(() => client.SignInAsync("denied@example.com"))
            );
            await Client.DoneAsync(() =>
                client.PostAsync("/api/token/revoke", new { refreshToken = ended.Text("refreshToken") })
            );

            await Claim.ToolAsync("chown", "-R", "root", server.Data);
            await Claim.ToolAsync("chmod", "-R", "a+rX,go-w", server.Data);
            var (dead, wrong, again) = (
                await client.MeAsync(ended.Text("accessToken")),
                await client.SignInAsync("denied@example.com", "not the password"),
                await client.SignUpAsync("later@example.com")
            );
            Claim.That(!dead.Ok, "an ended session opens something");
            Claim.That(!wrong.Ok, "a wrong password signs in");
            Claim.That(again.Ok || again.Status >= 500, $"a sign-up: {again}");
            await server.KillAsync();
            server.Launch();
            var exit = await server.ExitAsync(TimeSpan.FromSeconds(30));
            Claim.That(exit == 78, $"a start over a store that cannot be written ended with {exit}:\n{server.Output}");
            Claim.That(
                !server.Output.Contains("   at ", StringComparison.Ordinal),
                $"a stack trace is no line for an operator:\n{server.Output}"
            );

            await server.KillAsync();
            await Claim.ToolAsync("chown", "-R", "nobody", server.Data);
            await server.StartAsync();
            Claim.That((await client.RefreshAsync(kept.Text("refreshToken"))).Ok, "the session is lost");
            Claim.That(
                (await client.SignInAsync("later@example.com")).Ok == again.Ok,
                "the answer to the sign-up was not true"
            );
            await server.KillAsync();
            server.IsWhole();
            return $"while it ran: sign-up {again.Status}, wrong password {wrong.Status}, ended session {dead.Status}; the next start ends with 78";
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>
    /// No host starts over keys it cannot open, none makes new ones over them, and the way out is told.
    /// </summary>
    public static async Task<string> MasterKeyLostAsync()
    {
        await using var server = new Server();
        using var client = new Client(server);
        await server.StartAsync();
        await Client.DoneAsync(() => client.SignUpAsync("key@example.com"));
        var pair = await Client.DoneAsync(() => client.SignInAsync("key@example.com"));
        await server.KillAsync();
        var (key, safe) = (Path.Combine(server.Data, "master.key"), Path.Combine(server.Data, "safe"));
        File.Move(key, safe);
        for (var i = 0; i < 2; i++)
        {
            server.Launch();
            var exit = await server.ExitAsync(TimeSpan.FromSeconds(30));
            Claim.That(exit == 78, $"without its master key the host ended with {exit}:\n{server.Output}");
            Claim.That(!File.Exists(key), "a new master key was made over a store that another one wrapped");
            await server.KillAsync();
        }
        Claim.That(
            server.Output.Contains("MasterKeyFile", StringComparison.Ordinal)
                && server.Output.Contains(key, StringComparison.Ordinal),
            $"the file is not named:\n{server.Output}"
        );
        Claim.That(
            !server.Output.Contains("   at ", StringComparison.Ordinal),
            $"a stack trace is no line for an operator:\n{server.Output}"
        );
        File.Move(safe, key);
        await server.StartAsync();
        Claim.That((await client.RefreshAsync(pair.Text("refreshToken"))).Ok, "with the key back the session is lost");
        return "exit 78 twice, the file named, no other key made; with the key back everything works";
    }

    private static void Fill(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        foreach (var size in new[] { 64 * 1024, 4096, 256 })
        {
            try
            {
                while (true)
                    file.Write(new byte[size]);
            }
            catch (IOException)
            {
                // full, in steps of this size
            }
        }
    }
}
