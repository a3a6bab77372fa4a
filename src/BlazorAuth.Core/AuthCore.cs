using System.Data.Common;
using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Flows;
using BlazorAuth.Core.Mail;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Secret = BlazorAuth.Core.Credentials.Secret;

namespace BlazorAuth.Core;

/// <summary>The one registration both hosts call.</summary>
public static partial class AuthCore
{
    /// <summary>PBKDF2-HMAC-SHA512 iterations: the OWASP figure of 2026, above the 210,000 of ASVS appendix C.</summary>
    public const int HashIterations = 220_000;

    /// <summary>Adds store, credentials, flows and mail.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">Where section <c>BlazorAuth</c> is.</param>
    /// <param name="development">Whether missing settings may be filled in for a developer.</param>
    /// <param name="listeningUrl">Where the site listens, for <c>PublicUrl</c> in development.</param>
    /// <exception cref="ConfigurationFault">A setting is missing, malformed or unknown.</exception>
    public static AuthOptions AddAuthCore(
        this IServiceCollection services, IConfiguration configuration, bool development, string listeningUrl)
    {
        var options = AuthOptionsReader.Read(configuration, development, listeningUrl);
        services.AddSingleton(Options.Create(options));
        // A Host header chooses nothing here, and one that is not ours is refused before anything reads it (Zitadel CVE-2025-64101).
        services.Configure<HostFilteringOptions>(hosts =>
        {
            hosts.AllowEmptyHosts = false;
            hosts.AllowedHosts = [options.Site.Host, options.ApiSite.Host, "localhost", "127.0.0.1", "[::1]",
                .. (configuration["AllowedHosts"] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries).Where(host => host != "*")];
        });
        services.TryAddSingleton(TimeProvider.System);
        services.Insert(0, ServiceDescriptor.Singleton<IStartupFilter, HealthProbes>());
        services.AddSingleton<StoreHealth>().AddHealthChecks().AddCheck<StoreHealth>("store");
        services.AddAuthStore(options.Database.Provider);
        services.AddAuthIdentity();
        services.AddScoped<IPasskeyHandler<AuthUser>, PasskeyHandler<AuthUser>>().AddScoped<PasskeyCeremonies>();
        services.AddOptions<IdentityPasskeyOptions>().Configure<IOptions<AuthOptions>>((passkeys, auth) => RulePasskeys(passkeys, auth.Value.Site));

        services.AddSingleton<KeyRing>().AddSingleton<Secret>().AddSingleton<SigningKeys>().AddSingleton<AccessTokens>();
        services.AddHostedService<Rounds>();
        services.AddSingleton<LiveSessions>().AddSingleton<CommitBell>();
        services.AddHostedService(provider => provider.GetRequiredService<LiveSessions>());
        services.AddSingleton<NetworkShares>().AddSingleton<HashingGate>().AddSingleton<StandInHash>();
        services.AddScoped<Passwords>().AddScoped<OneTimeTokens>().AddScoped<SessionGenerations>().AddScoped<Throttle>().AddScoped<MailBudget>().AddSingleton<KnownDevices>().AddScoped<SecondFactors>().AddScoped<RememberedDevices>().AddScoped<ExternalLogins>().AddScoped<Audit>().AddSingleton<AuditChain>();
        services.AddSingleton<ProvenClients>().AddScoped<ClientSecrets>();
        services.AddDataProtection().SetApplicationName("BlazorAuth");
        services.AddOptions<KeyManagementOptions>().Configure<KeyRing>((keys, ring) => keys.XmlRepository = ring);

        services.AddSingleton<Doorbell>().AddScoped<Outbox>().AddSingleton<Postman>().AddSingleton<TestLetter>();
        services.AddSingleton(Transport);
        services.AddHostedService(provider => provider.GetRequiredService<Postman>());

        services.AddScoped<Register>().AddScoped<VerifyEmail>().AddScoped<SignIn>().AddScoped<SecondFactor>().AddScoped<EmailCode>()
            .AddScoped<SignInWithPasskey>().AddScoped<ExternalSignIn>().AddScoped<SignInAnonymously>().AddScoped<Upgrade>().AddScoped<ResetPassword>()
            .AddScoped<StepUp>().AddScoped<ChangePassword>().AddScoped<ChangeEmail>().AddScoped<ChangeProfile>().AddScoped<CloseAccount>()
            .AddScoped<Totp>().AddScoped<RecoveryCodes>().AddScoped<PasswordAlone>().AddScoped<ForgetDevice>().AddScoped<Passkeys>().AddScoped<Undo>()
            .AddScoped<Sessions>().AddScoped<RefreshTokens>().AddScoped<Introspect>().AddScoped<ApiKeys>()
            .AddScoped<ShowActivity>().AddScoped<ExportAccount>()
            .AddScoped<SetUpAdministrator>().AddScoped<Administer>().AddScoped<RotateKeys>().AddScoped<VerifyAudit>();
        return options;
    }

    /// <summary>Makes or opens the store: data directory, migrations, keys. Call it once, before anything is served.</summary>
    /// <exception cref="ConfigurationFault">The store cannot be opened with these settings.</exception>
    public static async Task OpenAuthStoreAsync(this IServiceProvider services, CancellationToken ct = default)
    {
        var options = services.GetRequiredService<IOptions<AuthOptions>>().Value;
        MakePrivateFolder(options.DataPath);
        try
        {
            await using var scope = services.CreateAsyncScope();
            await Providers.MigrateAsync(scope.ServiceProvider.GetRequiredService<AuthDbContext>(), options, ct);
            // Made now: the first unknown name would else cost two hashes, and tell itself by that.
            services.GetRequiredService<StandInHash>().Hash(scope.ServiceProvider.GetRequiredService<IPasswordHasher<AuthUser>>());
        }
        catch (Exception fault) when (fault is DbException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            // Without its text: that may quote the connection string.
            throw new ConfigurationFault($"BlazorAuth:Database: the store cannot be opened ({fault.GetType().Name}). "
                + "Check ConnectionString, DataDirectory, and that the disk is there, writable and not full.");
        }
        try
        {
            await services.GetRequiredService<KeyRing>().OpenAsync(ct);
            await services.GetRequiredService<SigningKeys>().ReadAsync(ct);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationFault($"BlazorAuth:Keys:MasterKeyFile: {options.MasterKeyPath} cannot be read or made ({fault.GetType().Name}).");
        }
        if (!options.Throttle.Enabled) Unlimited(services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(AuthCore)));
    }

    [LoggerMessage(1, LogLevel.Warning, "BlazorAuth:Throttle:Enabled is false: passwords and codes can be guessed without limit")]
    private static partial void Unlimited(ILogger log);

    internal static IServiceCollection AddAuthIdentity(this IServiceCollection services)
    {
        services.AddIdentityCore<AuthUser>(identity =>
            {
                identity.Stores.SchemaVersion = IdentitySchemaVersions.Version3;
                // The policy is ours (Passwords.Judge), with reasons; Identity's composition rules contradict NIST.
                identity.Password = new Microsoft.AspNetCore.Identity.PasswordOptions
                {
                    RequiredLength = 1, RequireDigit = false, RequireLowercase = false, RequireUppercase = false, RequireNonAlphanumeric = false,
                };
            })
            .AddUserStore<UserStore>();
        // Flows judge names and addresses, and the unique indexes decide. Identity's own look before the write refuses accounts
        // without an address, and loses the race it means to prevent.
        services.RemoveAll<IUserValidator<AuthUser>>();
        services.Configure<PasswordHasherOptions>(hasher => hasher.IterationCount = HashIterations);
        services.Replace(ServiceDescriptor.Scoped<IPasswordHasher<AuthUser>, NfcPasswordHasher>());
        return services.Replace(ServiceDescriptor.Scoped<ILookupNormalizer, Normalizer>());
    }

    private static void RulePasskeys(IdentityPasskeyOptions passkeys, Uri site)
    {
        // What is not said here comes from the request's Host header, or counts as one factor only.
        var origin = $"{site.Scheme}://{site.IdnHost}{(site.IsDefaultPort ? "" : $":{site.Port}")}";
        passkeys.ServerDomain = site.IdnHost;
        passkeys.UserVerificationRequirement = "required";
        passkeys.ResidentKeyRequirement = "required";
        passkeys.AuthenticatorTimeout = OneTimeTokens.Lifetime(TokenPurpose.PasskeyAssertion);
        passkeys.ValidateOrigin = asked => ValueTask.FromResult(asked is { CrossOrigin: false, TopOrigin: null } && asked.Origin == origin);
    }

    private static IMailTransport Transport(IServiceProvider provider)
    {
        var options = provider.GetRequiredService<IOptions<AuthOptions>>().Value;
        var smtp = options.Mail.Smtp;
        return options.Mail.Transport!.Value switch
        {
            MailTransport.Folder => new FolderTransport(
                options.MailPath, options.Mail.From, options.Mail.ReplyTo, provider.GetRequiredService<TimeProvider>()),
            MailTransport.Smtp => new SmtpTransport(
                new SmtpSettings(smtp.Host, smtp.Port, NullIfEmpty(smtp.User), NullIfEmpty(smtp.Password), smtp.Security, smtp.HelloName),
                options.Mail.From, options.Mail.ReplyTo, provider.GetRequiredService<TimeProvider>()),
        };
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    // The store and the master key are for the process's own user only.
    private static void MakePrivateFolder(string path)
    {
        try
        {
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
            else Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationFault($"BlazorAuth:DataDirectory: {path} cannot be made ({fault.GetType().Name}).");
        }
    }

    /// <summary>Identity's store, saving nothing by itself: a flow's changes are one unit of work.</summary>
    private sealed class UserStore : UserStore<AuthUser, IdentityRole, AuthDbContext>
    {
        public UserStore(AuthDbContext context, IdentityErrorDescriber? describer = null) : base(context, describer) =>
            AutoSaveChanges = false;
    }
}
