using System.Security.Claims;
using BlazorAuth.Client;
using BlazorAuth.Client.Blazor;
using BlazorAuth.Core.Results;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server.ProtectedBrowserStorage;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.JSInterop;

namespace BlazorAuth.UnitTests.Client;

/// <summary>
/// The client in Blazor Server: what components are told, and the session in protected browser storage.
/// </summary>
public sealed class BlazorStateTests(ClientSite site) : IClassFixture<ClientSite>
{
    private readonly BrowserStorage _browser = new();
    private readonly IDataProtectionProvider _keys = new EphemeralDataProtectionProvider();

    /// <summary>A circuit of a Blazor Server program, wired as the README shows.</summary>
    private AsyncServiceScope Circuit(IDataProtectionProvider? keys = null)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton(keys ?? _keys).AddSingleton<IJSRuntime>(_browser).AddScoped<ProtectedLocalStorage>();
        ReadmeSample.AddBlazor(services, site.Client.BaseAddress!.ToString());
        return services.BuildServiceProvider().CreateAsyncScope();
    }

    [Fact]
    public async Task Components_are_told_who_is_signed_in_at_every_change()
    {
        var email = await site.AccountAsync();
        await using var circuit = Circuit();
        var auth = circuit.ServiceProvider.GetRequiredService<BlazorAuthClient>();
        var provider = circuit.ServiceProvider.GetRequiredService<AuthenticationStateProvider>();
        List<string?> told = [];
        provider.AuthenticationStateChanged += state => told.Add(state.Result.User.Identity!.Name);
        Assert.False((await provider.GetAuthenticationStateAsync()).User.Identity!.IsAuthenticated);

        await auth.SignInAsync(email, Person.Password);
        var user = (await provider.GetAuthenticationStateAsync()).User;
        Assert.Equal(
            (true, email, auth.CurrentUser!.Id, email),
            (
                user.Identity!.IsAuthenticated,
                user.Identity.Name,
                user.FindFirstValue(ClaimTypes.NameIdentifier),
                user.FindFirstValue(ClaimTypes.Email)
            )
        );
        await auth.ChangeProfileAsync(new() { DisplayName = "admin" });
        user = (await provider.GetAuthenticationStateAsync()).User;
        // whoever calls themselves admin is not
        Assert.Equal((email, "admin"), (user.Identity!.Name, user.FindFirstValue("name")));
        await auth.SignOutAsync();
        Assert.Equal([email, email, null], told);
        Assert.False((await provider.GetAuthenticationStateAsync()).User.Identity!.IsAuthenticated);
    }

    [Fact]
    public async Task The_session_outlives_the_circuit_and_no_script_can_read_it()
    {
        var email = await site.AccountAsync();
        await using (var first = Circuit())
        {
            var auth = first.ServiceProvider.GetRequiredService<BlazorAuthClient>();
            await auth.SignInAsync(email, Person.Password);
            var kept = Assert.Single(_browser.Items).Value;
            Assert.DoesNotContain(email, kept, StringComparison.Ordinal);
        }
        await using (var second = Circuit())
        {
            var auth = second.ServiceProvider.GetRequiredService<BlazorAuthClient>();
            Assert.Equal(email, (await auth.RestoreAsync())!.Email);
            Assert.Equal(email, (await auth.WhoAmIAsync())!.Email);
        }
        await using (var others = Circuit(new EphemeralDataProtectionProvider()))
            Assert.Null(await others.ServiceProvider.GetRequiredService<BlazorAuthClient>().RestoreAsync());
        _browser.Items[Assert.Single(_browser.Items).Key] = "nonsense";
        await using (var spoiled = Circuit())
        {
            var auth = spoiled.ServiceProvider.GetRequiredService<BlazorAuthClient>();
            Assert.Null(await auth.RestoreAsync());
            await auth.SignInAsync(email, Person.Password);
            await auth.SignOutAsync();
        }
        Assert.Empty(_browser.Items);
    }

    /// <summary>The browser's localStorage behind the interop calls of ProtectedLocalStorage.</summary>
    private sealed class BrowserStorage : IJSRuntime
    {
        public Dictionary<string, string> Items { get; } = [];

        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, object?[]? args) =>
            InvokeAsync<TValue>(identifier, default, args);

        public ValueTask<TValue> InvokeAsync<TValue>(
            string identifier,
            CancellationToken cancellationToken,
            object?[]? args
        )
        {
            var key = (string)args![0]!;
            switch (identifier)
            {
                case "localStorage.getItem":
                    return ValueTask.FromResult((TValue)(object)Items.GetValueOrDefault(key)!);
                case "localStorage.setItem":
                    Items[key] = (string)args[1]!;
                    break;
                case "localStorage.removeItem":
                    Items.Remove(key);
                    break;
                default:
                    throw new NotSupportedException(identifier);
            }
            return ValueTask.FromResult(default(TValue)!);
        }
    }
}
