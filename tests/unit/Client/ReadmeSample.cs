using BlazorAuth.Client;
using BlazorAuth.Client.Blazor;
using BlazorAuth.Web;
using Microsoft.Extensions.DependencyInjection;

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

    public static async Task AccountAsync(BlazorAuthClient auth, string app)
    {
        // account
        await auth.ChangeProfileAsync(new() { DisplayName = "Ada" });
        foreach (var session in await auth.ListSessionsAsync())
            if (!session.Current) await auth.EndSessionAsync(session.Id);
        var setup = await auth.BeginTotpAsync(); // show setup.Uri as a QR code, and take the code that the app shows
        var recoveryCodes = await auth.ConfirmTotpAsync(CodeOf(setup));
        await auth.ChangePasswordAsync(new Proof.ByPassword("correct horse battery"), "a better one, seven words");
        await auth.CloseAccountAsync(new Proof.ByPassword("a better one, seven words"));
        // end

        string CodeOf(TotpSetup begun) => begun.Secret.Length > 0 ? app : "";
    }

    public static void AddBlazor(IServiceCollection services, string site)
    {
        // blazor
        services.AddBlazorAuthClient(new() { Site = new Uri(site), Store = ProtectedLocalTokenStore.Of });
        services.AddBlazorAuthState();
        // end
    }
}
