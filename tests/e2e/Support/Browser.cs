using Microsoft.Playwright;

namespace BlazorAuth.EndToEndTests.Support;

/// <summary>One browser for a test class; each test opens people's own contexts in it.</summary>
public sealed class Browser : IAsyncLifetime
{
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    public async Task InitializeAsync()
    {
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(
            new()
            {
                ExecutablePath = Installed(), // where none is installed, Playwright's own
                Args =
                [
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-quic",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--disable-sync",
                ],
            }
        );
    }

    public async Task DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }

    /// <summary>A person with a browser of their own.</summary>
    public async Task<IPage> PersonAsync(
        string site,
        bool javaScript = true,
        ColorScheme scheme = ColorScheme.Light,
        int width = 1100,
        string? agent = null
    )
    {
        var context = await _browser.NewContextAsync(
            new()
            {
                BaseURL = site,
                JavaScriptEnabled = javaScript,
                ColorScheme = scheme,
                UserAgent = agent,
                ViewportSize = new() { Width = width, Height = 800 },
            }
        );
        context.SetDefaultTimeout(30_000); // ten recovery codes are hashed in one answer, on a machine that may be busy
        return await context.NewPageAsync();
    }

    private static string? Installed()
    {
        string[] names = ["chromium", "chromium-browser", "google-chrome"];
        return (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator)
            .SelectMany(folder => names.Select(name => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists);
    }
}
