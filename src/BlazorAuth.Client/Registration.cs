using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.Client;

/// <summary>What a client needs to know.</summary>
public sealed class BlazorAuthClientOptions
{
    /// <summary>The service's address.</summary>
    public required Uri Site { get; set; }

    /// <summary>APIs, by origin, that may see the access token besides the service.</summary>
    public IList<Uri> Origins { get; } = [];

    /// <summary>Makes the store of one user; <see cref="MemoryTokenStore"/> where nothing is said.</summary>
    public Func<IServiceProvider, ITokenStore> Store { get; set; } = _ => new MemoryTokenStore();
}

/// <summary>Registers the client.</summary>
public static class Registration
{
    /// <summary>
    /// Registers <see cref="BlazorAuthClient"/> and <see cref="BlazorAuthHandler"/> as scoped: one user for each
    /// circuit, or one in a WebAssembly or desktop program. Connections are shared, tokens never are. Make the client
    /// of an API with <c>new HttpClient(handler, disposeHandler: false)</c>.
    /// </summary>
    public static IServiceCollection AddBlazorAuthClient(
        this IServiceCollection services,
        BlazorAuthClientOptions options
    )
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        services.AddSingleton<Transport>();
        services.AddScoped(provider => new BlazorAuthClient(
            new HttpClient(provider.GetRequiredService<Transport>().Handler, disposeHandler: false)
            {
                BaseAddress = options.Site,
            },
            options.Store(provider),
            provider.GetService<TimeProvider>()
        ));
        services.AddScoped(provider => new BlazorAuthHandler(
            provider.GetRequiredService<BlazorAuthClient>(),
            new Shared(provider.GetRequiredService<Transport>().Handler),
            options.Origins
        ));
        return services;
    }

    /// <summary>Connections for all users of the program. No cookies: they would be everybody's.</summary>
    private sealed class Transport : IDisposable
    {
        public HttpMessageHandler Handler { get; } =
            OperatingSystem.IsBrowser()
                ? new HttpClientHandler()
                : new SocketsHttpHandler
                {
                    UseCookies = false,
                    AllowAutoRedirect = false,
                    PooledConnectionLifetime = TimeSpan.FromMinutes(5),
                };

        public void Dispose() => Handler.Dispose();
    }

    /// <summary>One scope's end is not the end of the connections.</summary>
    private sealed class Shared(HttpMessageHandler handler) : HttpMessageHandler
    {
        private readonly HttpMessageInvoker _invoker = new(handler, disposeHandler: false);

        protected override Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request,
            CancellationToken cancellationToken
        ) => _invoker.SendAsync(request, cancellationToken);
    }
}
