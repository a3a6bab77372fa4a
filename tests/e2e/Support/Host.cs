using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace BlazorAuth.EndToEndTests.Support;

/// <summary>
/// A host as its own process: the built program, a data directory, a port. Killed without warning when disposed.
/// </summary>
public sealed class Host : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();

    private Host(Process process, string url, string data)
    {
        (_process, Url, Data) = (process, url, data);
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Url { get; }

    public string Data { get; }

    public string Output => string.Join('\n', _output);

    /// <summary>Starts <c>BlazorAuth.Web</c> or <c>BlazorAuth.Api</c> and waits until it answers.</summary>
    public static async Task<Host> StartAsync(
        string program = "BlazorAuth.Web",
        string? data = null,
        int? port = null,
        params (string Key, string Value)[] settings
    )
    {
        var host = Launch(program, data, port, settings);
        await host.ReadyAsync();
        return host;
    }

    /// <summary>Starts a program and does not wait.</summary>
    public static Host Launch(string program, string? data, int? port, params (string Key, string Value)[] settings)
    {
        var url = $"http://localhost:{port ?? FreePort()}";
        data ??= Directory.CreateTempSubdirectory("blazorauth-").FullName;
        var start = new ProcessStartInfo("dotnet", [Repository.Program(program), "--urls", url])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = Path.GetTempPath(), // nothing may depend on where it is started
        };
        start.Environment["BlazorAuth__DataDirectory"] = data;
        foreach (var (key, value) in settings)
            start.Environment[key] = value;
        return new Host(Process.Start(start)!, url, data);
    }

    /// <summary>Runs an operator's verb to its end.</summary>
    public static async Task<(int Code, string Out, string Error)> OperateAsync(
        string data,
        string verb,
        params (string Key, string Value)[] settings
    )
    {
        var start = new ProcessStartInfo("dotnet", [Repository.Program("BlazorAuth.Web"), .. verb.Split(' ')])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = Path.GetTempPath(),
        };
        start.Environment["BlazorAuth__DataDirectory"] = data;
        foreach (var (key, value) in settings)
            start.Environment[key] = value;
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    public HttpClient Client() =>
        new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new Uri(Url) };

    /// <summary>The newest email to an address whose subject has these words, from the folder on the disk.</summary>
    public async Task<Letter> LetterAsync(string to, string subject)
    {
        using var client = Client();
        for (var i = 0; i < 100; i++)
        {
            var all = await client.GetStringAsync($"/dev/mail.json?to={Uri.EscapeDataString(to)}");
            using var json = JsonDocument.Parse(all);
            foreach (var mail in json.RootElement.EnumerateArray())
                if (mail.GetProperty("subject").GetString()!.Contains(subject, StringComparison.OrdinalIgnoreCase))
                    return new Letter(
                        mail.GetProperty("subject").GetString()!,
                        mail.GetProperty("text").GetString()!,
                        [.. mail.GetProperty("links").EnumerateArray().Select(l => l.GetString()!)]
                    );
            await Task.Delay(100);
        }
        throw new TimeoutException($"No email '{subject}' to {to}.\n{Output}");
    }

    /// <summary>The line of the output with these words; it is printed just after the host begins to listen.</summary>
    public async Task<string> LineAsync(string words)
    {
        for (var i = 0; i < 100; i++)
        {
            if (_output.FirstOrDefault(l => l.Contains(words, StringComparison.Ordinal)) is { } line)
                return line;
            await Task.Delay(100);
        }
        throw new TimeoutException($"No '{words}' in\n{Output}");
    }

    /// <summary>As <c>kill -9</c>.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
    }

    public async Task<int> ExitAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task ReadyAsync()
    {
        using var client = Client();
        for (var i = 0; i < 300 && !_process.HasExited; i++)
        {
            try
            {
                using var answer = await client.GetAsync("/.well-known/jwks.json");
                if (answer.IsSuccessStatusCode || answer.StatusCode == HttpStatusCode.NotFound)
                    return;
            }
            catch (HttpRequestException)
            {
                // not listening yet
            }
            await Task.Delay(100);
        }
        throw new InvalidOperationException($"The host did not start.\n{Output}");
    }

    private void Keep(string? line)
    {
        if (line is not null)
            _output.Enqueue(line);
    }
}

/// <summary>One email.</summary>
public sealed record Letter(string Subject, string Text, IReadOnlyList<string> Links)
{
    public string LinkTo(string page) => Links.First(l => l.Contains(page, StringComparison.Ordinal));

    public string Token(string page) => LinkTo(page).Split("token=")[1];
}
