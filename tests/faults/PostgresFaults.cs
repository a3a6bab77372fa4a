using System.Diagnostics;
using BlazorAuth.Faults.Support;
using Npgsql;

namespace BlazorAuth.Faults;

/// <summary>The database server goes away and comes back.</summary>
internal static class PostgresFaults
{
    private static readonly TimeSpan Quick = TimeSpan.FromSeconds(5.9);

    /// <summary>
    /// Everybody is answered quickly and nobody is told that a credential is wrong; all of it works again by itself.
    /// </summary>
    public static async Task<string> StoppedAsync()
    {
        var control =
            Environment.GetEnvironmentVariable("FAULTS_POSTGRES_CTL")
            ?? throw new Skipped("needs a PostgreSQL server of its own: tests/faults/run starts one");
        var folder = Environment.GetEnvironmentVariable("FAULTS_POSTGRES_DATA")!;
        var lines = new List<string>();
        foreach (var how in new[] { "fast", "immediate" })
        {
            await using var server = new Server(settings: Settings());
            using var client = new Client(server);
            await server.StartAsync();
            await Client.DoneAsync(() => client.SignUpAsync("away@example.com"));
            await Client.DoneAsync(() => client.SignUpAsync("guessed@example.com"));
            var pair = await Client.DoneAsync(() => client.SignInAsync("away@example.com"));
            for (var i = 0; i < 9; i++)
                await client.SignInAsync("guessed@example.com", "not the password");

            Claim.That(await ControlAsync("-m", how, "stop") == 0, "the server was not stopped");
            var slowest = TimeSpan.Zero;
            var statuses = new SortedSet<int>();
            var down = Stopwatch.StartNew();
            try
            {
                while (down.Elapsed < TimeSpan.FromSeconds(12))
                    foreach (
                        var answer in await Task.WhenAll(
                            client.SignInAsync("away@example.com"),
                            client.SignInAsync("guessed@example.com", "not the password"),
                            client.RefreshAsync(pair.Text("refreshToken")),
                            client.MeAsync(pair.Text("accessToken")),
                            client.SignUpAsync("lost@example.com")
                        )
                    )
                    {
                        Claim.That(answer.Status >= 500, $"with the database away: {answer}");
                        statuses.Add(answer.Status);
                        if (answer.Took > slowest)
                            slowest = answer.Took;
                    }
                Claim.That((await client.GetAsync("/login")).Ok, "the sign-in page needs the database");
            }
            finally
            {
                await ControlAsync(
                    "start",
                    "-w",
                    "-s",
                    "-l",
                    Path.Combine(Path.GetDirectoryName(folder)!, "log"),
                    "-o",
                    Options()
                );
            }
            Claim.That(slowest < Quick, $"the slowest answer took {slowest.TotalSeconds:0.0} s");
            var took = await Claim.WithinAsync(
                TimeSpan.FromSeconds(10),
                () => client.SignInAsync("away@example.com"),
                "sign-in with the database back"
            );
            var (refresh, guess, right) = (
                await client.RefreshAsync(pair.Text("refreshToken")),
                await client.SignInAsync("guessed@example.com", "not the password"),
                await client.SignInAsync("guessed@example.com")
            );
            Claim.That(refresh.Ok, $"the refresh token: {refresh}");
            Claim.That(
                guess.Code == "invalid_credentials" && right.Status == 429,
                $"the tenth guess: {guess}, and then the password: {right}"
            );
            lines.Add(
                $"{how}: {string.Join(", ", statuses)} within {slowest.TotalSeconds:0.0} s, back after {took.TotalSeconds:0.0} s"
            );
        }
        return string.Join("; ", lines);

        // As the server's own user: it refuses to run as root.
        Task<int> ControlAsync(params string[] what) =>
            Environment.UserName == "root"
                ? Claim.ToolAsync("runuser", ["-u", "postgres", "--", control, "-D", folder, .. what])
                : Claim.ToolAsync(control, ["-D", folder, .. what]);

        static string Options() => Environment.GetEnvironmentVariable("FAULTS_POSTGRES_OPTIONS")!;
    }

    /// <summary>
    /// All connections are cut under load: whoever was under way may ask again, and what was answered is true.
    /// </summary>
    public static async Task<string> TerminatedAsync()
    {
        await using var server = new Server(settings: Settings());
        using var client = new Client(server);
        await server.StartAsync();
        await Client.DoneAsync(() => client.SignUpAsync("cut@example.com"));
        var held = (await Client.DoneAsync(() => client.SignInAsync("cut@example.com"))).Text("refreshToken");
        var (answered, refused, told) = (0, 0, new List<string>());
        using var storm = new CancellationTokenSource();
        var refreshes = Task.Run(async () =>
        {
            while (!storm.IsCancellationRequested)
                Count(await client.RefreshAsync(held), answer => held = answer.Text("refreshToken"));
        });
        var signUps = Task.Run(async () =>
        {
            for (var i = 0; !storm.IsCancellationRequested; i++)
                Count(await client.SignUpAsync($"cut{i}@example.com"), _ => told.Add($"cut{i}@example.com"));
        });
        for (var i = 0; i < 10; i++)
        {
            await Task.Delay(200);
            await TerminateAllAsync();
        }
        await storm.CancelAsync();
        await Task.WhenAll(refreshes, signUps);
        await Claim.WithinAsync(TimeSpan.FromSeconds(5), () => client.RefreshAsync(held), "refresh afterwards");
        foreach (var email in told)
            Claim.That((await client.SignInAsync(email)).Ok, $"{email} was told to have an account");
        return $"10 times; {answered} answered, {refused} asked to come again, all answers true";

        void Count(Answer answer, Action<Answer> done)
        {
            Claim.That(answer.Ok || answer.Status is 409 or >= 500, $"under cut connections: {answer}");
            if (answer.Ok)
                done(answer);
            Interlocked.Increment(ref answer.Ok ? ref answered : ref refused);
        }
    }

    /// <summary>A commit is made and its answer never comes: asking again ends where one answer would have.</summary>
    public static async Task<string> CutAfterCommitAsync()
    {
        var target = new NpgsqlConnectionStringBuilder(Name("wire"));
        await using var wire = new Wire(target.Port);
        wire.Up();
        target.Port = wire.Port;
        target.Host = "127.0.0.1";
        target.SslMode = SslMode.Disable;
        await using var server = new Server(settings: Settings(target.ConnectionString));
        using var client = new Client(server);
        await server.StartAsync();
        await Client.DoneAsync(() => client.SignUpAsync("twice@example.com"));
        var pair = await Client.DoneAsync(() => client.SignInAsync("twice@example.com"));
        var cut = 0;
        for (var i = 0; i < 5; i++)
        {
            var email = $"commit{i}@example.com";
            var first = await CutAsync("COMMIT", () => client.SignUpAsync(email));
            var entered = await client.SignInAsync(email);
            Claim.That(
                entered.Ok || (await client.SignUpAsync(email)).Ok,
                $"{email} heard {first}, cannot sign in and not sign up again"
            );

            // A refresh is one statement, committed by itself.
            var lost = await CutAsync("UPDATE \"Sessions\"", () => client.RefreshAsync(pair.Text("refreshToken")));
            pair = lost.Ok ? lost : await client.RefreshAsync(pair.Text("refreshToken"));
            Claim.That(pair.Ok, $"a refresh whose answer was lost, again: {pair}");
            cut += (first.Ok ? 0 : 1) + (lost.Ok ? 0 : 1);
        }
        Claim.That(cut > 0, "nothing was cut");
        return $"{wire.Cuts} connections cut, {cut} answers lost; repeated, each ended as if it had not been";

        async Task<Answer> CutAsync(string words, Func<Task<Answer>> act)
        {
            wire.CutAfter(words);
            var answer = await act();
            wire.CutAfter(null);
            return answer;
        }
    }

    private static (string, string)[] Settings(string? connection = null) =>
        [
            ("BlazorAuth__Database__Provider", "Postgres"),
            ("BlazorAuth__Database__ConnectionString", connection ?? Name(Guid.NewGuid().ToString("N"))),
        ];

    private static string Name(string database) =>
        new NpgsqlConnectionStringBuilder(
            Environment.GetEnvironmentVariable("BLAZORAUTH_TEST_POSTGRES") is { Length: > 0 } named
                ? named
                : throw new Skipped("there is no PostgreSQL server")
        )
        {
            Database = $"faults_{database}_{Environment.ProcessId}",
        }.ConnectionString;

    private static async Task TerminateAllAsync()
    {
        await using var connection = new NpgsqlConnection(
            Environment.GetEnvironmentVariable("BLAZORAUTH_TEST_POSTGRES") + ";Database=postgres;Pooling=false"
        );
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname LIKE 'faults%'",
            connection
        );
        await command.ExecuteNonQueryAsync();
    }
}
