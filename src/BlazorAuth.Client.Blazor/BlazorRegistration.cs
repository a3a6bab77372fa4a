using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.Client.Blazor;

/// <summary>Registers what Blazor components need to know who is signed in.</summary>
public static class BlazorRegistration
{
    /// <summary>
    /// Registers <see cref="BlazorAuthStateProvider"/> as the scope's <see cref="AuthenticationStateProvider"/>, the
    /// cascading authentication state and authorization. <c>AddBlazorAuthClient</c> registers the client it listens to.
    /// </summary>
    public static IServiceCollection AddBlazorAuthState(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddAuthorizationCore();
        services.AddCascadingAuthenticationState();
        services.AddScoped<AuthenticationStateProvider, BlazorAuthStateProvider>();
        return services;
    }
}
