using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using BlazorAuth.EndToEndTests.Support;
using Microsoft.Data.Sqlite;

namespace BlazorAuth.Faults.Support;

/// <summary>A store on the disk and the hosts that run over it, one after the other or several at once.</summary>
internal sealed class Server : IAsyncDisposable
{
    private readonly bool owner;
    private readonly List<(string Key, string Value)> settings;
    private readonly ConcurrentQueue<string> output = new();
    private Process? process;

    public Server(string? data = null, int? port = null, params (string Key, string Value)[] settings)
    {
        owner = data is null;
        Data = data ?? Directory.CreateTempSubdirectory("blazorauth-faults-").FullName;
        Port = port ?? FreePort();
        this.settings = [.. settings];
    }

    public string Data { get; }
    public int Port { get; }
    public Uri Url => new($"http://localhost:{Port}");
    public string Output => string.Join('\n', output);

    /// <summary>Put before <c>dotnet</c>: another user, another clock.</summary>
    public string[] Prefix { get; init; } = [];

    public string Database => Path.Combine(Data, "blazorauth.db");

    /// <summary>Starts the host and waits until it answers; returns how long that took.</summary>
    public async Task<TimeSpan> StartAsync()
    {
        var clock = Stopwatch.StartNew();
        Launch();
        using var client = new HttpClient { BaseAddress = Url, Timeout = TimeSpan.FromSeconds(2) };
        while (true)
        {
            Claim.That(
                !process!.HasExited,
                $"the host ended with {(process.HasExited ? process.ExitCode : 0)} instead of starting:\n{Output}"
            );
            Claim.That(clock.Elapsed < TimeSpan.FromSeconds(60), $"the host did not answer within a minute:\n{Output}");
            try
            {
                using var answer = await client.GetAsync("/.well-known/jwks.json");
                if (answer.IsSuccessStatusCode)
                    return clock.Elapsed;
            }
            catch (Exception early) when (early is HttpRequestException or TaskCanceledException)
            {
                await Task.Delay(50);
            }
        }
    }

    public void Launch()
    {
        string[] line = [.. Prefix, "dotnet", Repository.Program("BlazorAuth.Web"), "--urls", Url.ToString()];
        var start = new ProcessStartInfo(line[0], line[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = "/",
        };
        start.Environment["BlazorAuth__DataDirectory"] = Data;
        start.Environment["BlazorAuth__PublicUrl"] = "http://localhost:5080";
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        start.Environment["Logging__LogLevel__Default"] = "Warning";
        foreach (var (key, value) in settings)
            start.Environment[key] = value;
        process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>As <c>kill -9</c>.</summary>
    public async Task KillAsync()
    {
        if (process is null)
            return;
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
        process = null;
    }

    /// <summary>As an init system stops it.</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", process!.Id.ToString()]);
        kill.WaitForExit();
    }

    public async Task<int> ExitAsync(TimeSpan within)
    {
        using var patience = new CancellationTokenSource(within);
        try
        {
            await process!.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new ClaimFailed($"the host did not end within {within}:\n{Output}");
        }
        return process.ExitCode;
    }

    /// <summary>
    /// I5, I7: the file is whole and so is everybody in it. Looked at while nothing runs, so that all of it is on the
    /// disk.
    /// </summary>
    public void IsWhole()
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        connection.Open();
        Is("ok", "PRAGMA integrity_check");
        Is(0L, "SELECT COUNT(*) FROM pragma_foreign_key_check");
        Is(
            0L,
            "SELECT COUNT(*) FROM AspNetUsers WHERE PasswordHash IS NULL OR SecurityStamp IS NULL OR Email IS NOT NormalizedEmail"
        );
        Is(
            0L,
            "SELECT COUNT(*) FROM (SELECT NormalizedEmail FROM AspNetUsers GROUP BY NormalizedEmail HAVING COUNT(*) > 1)"
        );

        void Is<T>(T expected, string sql)
        {
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            var found = command.ExecuteScalar();
            Claim.That(Equals(expected, found), $"{sql}: {found}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        if (owner)
            Directory.Delete(Data, recursive: true);
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private void Keep(string? line)
    {
        if (line is not null)
            output.Enqueue(line);
    }
}
