using BlazorAuth.Client;

namespace BlazorAuth.UnitTests.Client;

/// <summary>What the papers show, compiled; <see cref="ReadmeTests"/> compares and runs it.</summary>
internal static class ReadmeSample
{
    public static async Task RunAsync(string site, string file, TextWriter Console)
    {
        // sample
        var http = new HttpClient { BaseAddress = new Uri(site) };
        var auth = new BlazorAuthClient(http, new FileTokenStore(file));
        using var watch = auth.OnUserChanged(change => Console.WriteLine($"{change.Reason}: {change.User?.Email ?? "nobody"}"));
        if (await auth.RestoreAsync() is null) // the session of the last start, or nobody
        {
            await auth.SignUpAsync(new("ada@example.com", "correct horse battery"));
            await auth.SignInAsync("ada@example.com", "correct horse battery");
        }
        var api = new HttpClient(new BlazorAuthHandler(auth)) { BaseAddress = new Uri(site) };
        Console.WriteLine(await api.GetStringAsync("/api/account/sessions"));
        // end
    }
}
