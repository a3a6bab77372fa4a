using System.Text;
using BlazorAuth.Core;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Security;
using BlazorAuth.Postgres;
using BlazorAuth.Sqlite;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BlazorAuth.Hosting;

/// <summary>What both hosts do before they serve.</summary>
public static class AuthHost
{
    /// <summary>Exit code of a configuration that cannot be served (sysexits.h, EX_CONFIG).</summary>
    public const int BadConfiguration = 78;

    /// <summary>The largest body any route takes. Forms and JSON of this product are far smaller.</summary>
    public const int MaximumBodyLength = 64 * 1024;

    private static readonly Encoding Lenient = new UTF8Encoding(
        encoderShouldEmitUTF8Identifier: false,
        throwOnInvalidBytes: false
    );

    /// <summary>A builder with our defaults: configuration beside the program, our port, small limits.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="defaultUrl">Where to listen when nothing says so.</param>
    public static WebApplicationBuilder CreateBuilder(string[] args, string defaultUrl)
    {
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions
            {
                Args = args,
                // not the caller's folder, which 'dotnet run --project' leaves as it is
                ContentRootPath = AppContext.BaseDirectory,
                EnvironmentName = DefaultEnvironment(args),
            }
        );
        if (
            string.IsNullOrEmpty(builder.Configuration["urls"])
            && string.IsNullOrEmpty(builder.Configuration["http_ports"])
            && string.IsNullOrEmpty(builder.Configuration["https_ports"])
        )
            builder.WebHost.UseUrls(defaultUrl);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // By default a header that is not UTF-8 is refused with an empty answer, before the product can say why.
            kestrel.RequestHeaderEncodingSelector = _ => Lenient;
            kestrel.Limits.MaxRequestBodySize = MaximumBodyLength;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        });
        // At Information it writes every address with its query, and the query of an email's link is its secret.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.Warning);
        // Stored keys are wrapped by the master key as a whole; the framework cannot see that and warns.
        builder.Logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        return builder;
    }

    /// <summary>Adds the product on either database, the health addresses, and the check of the Host header.</summary>
    /// <param name="builder">The host's builder.</param>
    /// <param name="siteUrl">Where the site listens, for <c>PublicUrl</c> in development.</param>
    /// <exception cref="ConfigurationException">A setting is missing, malformed or unknown.</exception>
    public static AuthOptions AddAuth(this WebApplicationBuilder builder, string siteUrl)
    {
        var options = builder.Services.AddAuthCore(
            builder.Configuration,
            builder.Environment.IsDevelopment(),
            siteUrl,
            new SqliteDatabase(),
            new PostgresDatabase()
        );
        builder.Services.Insert(0, ServiceDescriptor.Singleton<IStartupFilter, HealthProbes>());
        // A Host header chooses nothing here, and one that is not ours is refused before anything reads it (Zitadel
        // CVE-2025-64101).
        builder.Services.Configure<HostFilteringOptions>(hosts =>
        {
            hosts.AllowEmptyHosts = false;
            hosts.AllowedHosts =
            [
                options.Site.Host,
                options.ApiSite.Host,
                "localhost",
                "127.0.0.1",
                "[::1]",
                .. (builder.Configuration["AllowedHosts"] ?? "")
                    .Split(';', StringSplitOptions.RemoveEmptyEntries)
                    .Where(host => host != "*"),
            ];
        });
        return options;
    }

    /// <summary>Where the process will listen, as an address a person on this machine can open.</summary>
    public static string ListeningUrl(this WebApplicationBuilder builder, string defaultUrl)
    {
        var port = builder.Configuration["http_ports"]?.Split(';')[0];
        var url = (
            builder.Configuration["urls"] ?? (string.IsNullOrEmpty(port) ? defaultUrl : $"http://localhost:{port}")
        )
            .Split(';')[0]
            .TrimEnd('/');
        foreach (var any in new[] { "0.0.0.0", "[::]", "*", "+" })
            url = url.Replace($"//{any}:", "//localhost:", StringComparison.Ordinal);
        return url;
    }

    /// <summary>
    /// In development the site notes its address beside the store, wherever it listens, so that an API alone over the
    /// same store issues the same tokens and sends the same links.
    /// </summary>
    public static void NoteSiteAddress(this AuthOptions options) =>
        File.WriteAllText(SiteAddressFile(options), options.PublicUrl);

    /// <summary>Takes the address that the site noted, where no setting names one.</summary>
    public static void RecallSiteAddress(this AuthOptions options, IConfiguration configuration)
    {
        if (
            string.IsNullOrEmpty(configuration[$"{AuthOptions.Section}:{nameof(AuthOptions.PublicUrl)}"])
            && File.Exists(SiteAddressFile(options))
        )
            options.PublicUrl = File.ReadAllText(SiteAddressFile(options)).Trim();
    }

    private static string SiteAddressFile(AuthOptions options) => Path.Combine(options.DataPath, "site-address");

    /// <summary>
    /// Believes forwarded headers from the configured proxies only: anybody else's would choose the network address
    /// that attempts are counted for (ASVS 4.1.3).
    /// </summary>
    public static void UseConfiguredProxies(this IApplicationBuilder app, AuthOptions options)
    {
        // What people see is PublicUrl; a proxy that takes TLS off needs no header for that.
        if (options.Https)
            app.Use(
                (http, next) =>
                {
                    http.Request.Scheme = Uri.UriSchemeHttps;
                    return next(http);
                }
            );
        if (options.Proxy.KnownProxies.Count + options.Proxy.KnownNetworks.Count == 0)
            return;
        var forwarded = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto,
            // Walks from the right while the hop is a known proxy. With the default of one hop, everybody behind two
            // proxies would be counted as the inner one.
            ForwardLimit = null,
        };
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        foreach (var proxy in options.Proxy.KnownProxies)
            forwarded.KnownProxies.Add(System.Net.IPAddress.Parse(proxy));
        foreach (var network in options.Proxy.KnownNetworks)
            forwarded.KnownIPNetworks.Add(System.Net.IPNetwork.Parse(network));
        app.UseForwardedHeaders(forwarded);
    }

    /// <summary>
    /// Every request takes a turn of its network, but those that stay open: sockets and polls have limits of their own,
    /// and what they call takes a turn by itself. Call it after <see cref="UseConfiguredProxies"/>.
    /// </summary>
    public static void UseNetworkLimiter(this IApplicationBuilder app)
    {
        var shares = app.ApplicationServices.GetRequiredService<NetworkLimiter>();
        app.Use(
            async (http, next) =>
            {
                if (StaysOpen(http.Request))
                {
                    await next(http);
                    return;
                }
                var network = Throttle.Network(Caller.Anonymous(http.Connection.RemoteIpAddress?.ToString(), null));
                IDisposable turn;
                try
                {
                    turn = await shares.EnterAsync(network, http.RequestAborted);
                }
                catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
                {
                    return; // nobody waits for an answer any more
                }
                using (turn)
                    await next(http);
            }
        );
    }

    // Also a POST of polls: the calls in it take a turn each, and one that held a turn meanwhile could wait for itself.
    private static bool StaysOpen(HttpRequest request) =>
        request.Path.StartsWithSegments("/socket.io")
        || (
            HttpMethods.IsGet(request.Method)
            && request.Path.Value is "/" or "/_kuzzle"
            && request.Headers.Upgrade.ToString().Equals("websocket", StringComparison.OrdinalIgnoreCase)
        );

    /// <summary>
    /// Serves until told to stop. What keeps a host from starting is told in plain lines, not as a stack trace: an
    /// operator reads them in a journal.
    /// </summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(Func<Task<int>> serve)
    {
        try
        {
            return await serve();
        }
        catch (ConfigurationException fault)
        {
            foreach (var line in fault.Lines)
                await Console.Error.WriteLineAsync(line);
            return BadConfiguration;
        }
        catch (InvalidDataException fault)
        {
            await Console.Error.WriteLineAsync($"appsettings.json: {fault.InnerException?.Message ?? fault.Message}");
            return BadConfiguration;
        }
        catch (IOException fault) when (fault.InnerException is AddressInUseException)
        {
            await Console.Error.WriteLineAsync(
                $"{fault.Message} Stop the other program, or choose another address with --urls."
            );
            return BadConfiguration;
        }
    }

    // A debug build is a developer's (ADR 0008); what is published is Production. Either variable decides otherwise.
    private static string? DefaultEnvironment(string[] args)
    {
#if DEBUG
        var chosen =
            Environment.GetEnvironmentVariable("ASPNETCORE_ENVIRONMENT")
            ?? Environment.GetEnvironmentVariable("DOTNET_ENVIRONMENT");
        return chosen is null && !args.Any(a => a.Contains("environment", StringComparison.OrdinalIgnoreCase))
            ? Environments.Development
            : null;
#else
        return null;
#endif
    }
}
