using System.Data.Common;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Administration;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.ExternalLogins;
using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passkeys;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core;

/// <summary>The one registration both hosts call.</summary>
public static partial class BlazorAuthServices
{
    /// <summary>
    /// PBKDF2-HMAC-SHA512 iterations: the OWASP figure of 2026, above the 210,000 of ASVS appendix C.
    /// </summary>
    public const int HashIterations = 220_000;

    /// <summary>Adds store, credentials, flows and mail.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configuration">Where section <c>BlazorAuth</c> is.</param>
    /// <param name="development">Whether missing settings may be filled in for a developer.</param>
    /// <param name="listeningUrl">Where the site listens, for <c>PublicUrl</c> in development.</param>
    /// <param name="databases">The databases that the store can be on; the settings choose one.</param>
    /// <exception cref="ConfigurationException">A setting is missing, malformed or unknown.</exception>
    public static AuthOptions AddAuthCore(
        this IServiceCollection services,
        IConfiguration configuration,
        bool development,
        string listeningUrl,
        params IReadOnlyList<IAuthDatabase> databases
    )
    {
        var options = StrictOptionsReader.Read(configuration, development, listeningUrl, databases);
        services.AddSingleton(Microsoft.Extensions.Options.Options.Create(options));
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<StoreHealth>().AddHealthChecks().AddCheck<StoreHealth>("store");
        var database = databases.Single(known => known.Provider == options.Database.Provider);
        services.AddSingleton(database);
        database.AddContext(services);
        services.AddAuthIdentity();
        services.AddScoped<IPasskeyHandler<AuthUser>, PasskeyHandler<AuthUser>>().AddScoped<PasskeyCeremonies>();
        services
            .AddOptions<IdentityPasskeyOptions>()
            .Configure<IOptions<AuthOptions>>((passkeys, auth) => RulePasskeys(passkeys, auth.Value.Site));

        services
            .AddSingleton<KeyRing>()
            .AddSingleton<TokenCodec>()
            .AddSingleton<SigningKeys>()
            .AddSingleton<AccessTokens>();
        services.AddHostedService<ExpiredDataCleanup>();
        services.AddSingleton<SessionCache>().AddSingleton<SessionRevocationInterceptor>();
        services.AddHostedService(provider => provider.GetRequiredService<SessionCache>());
        services
            .AddSingleton<NetworkLimiter>()
            .AddSingleton<PasswordHashingLimiter>()
            .AddSingleton<DummyPasswordHash>();
        services
            .AddScoped<PasswordVerifier>()
            .AddScoped<OneTimeTokens>()
            .AddScoped<Revocation>()
            .AddScoped<SessionGenerations>()
            .AddScoped<Throttle>()
            .AddScoped<MailBudget>()
            .AddSingleton<KnownDevices>()
            .AddScoped<SecondFactorStore>()
            .AddScoped<TrustedDevices>()
            .AddScoped<ExternalLoginStore>()
            .AddScoped<AuditLog>()
            .AddSingleton<AuditChain>();
        services.AddSingleton<ProvenClients>().AddScoped<ClientAuthentication>();
        services.AddDataProtection().SetApplicationName("BlazorAuth");
        services.AddOptions<KeyManagementOptions>().Configure<KeyRing>((keys, ring) => keys.XmlRepository = ring);

        services
            .AddSingleton<OutboxSignal>()
            .AddScoped<Outbox>()
            .AddSingleton<OutboxDispatcher>()
            .AddSingleton<SendTestEmail>();
        services.AddSingleton(Transport);
        services.AddHostedService(provider => provider.GetRequiredService<OutboxDispatcher>());

        services
            .AddScoped<Register>()
            .AddScoped<VerifyEmail>()
            .AddScoped<SignInWithPassword>()
            .AddScoped<VerifySecondFactor>()
            .AddScoped<SignInWithEmailCode>()
            .AddScoped<SignInWithPasskey>()
            .AddScoped<SignInWithProvider>()
            .AddScoped<SignInAnonymously>()
            .AddScoped<UpgradeAnonymousAccount>()
            .AddScoped<ResetPassword>()
            .AddScoped<Reauthenticate>()
            .AddScoped<ChangePassword>()
            .AddScoped<ChangeEmail>()
            .AddScoped<ChangeProfile>()
            .AddScoped<CloseAccount>()
            .AddScoped<ManageAuthenticator>()
            .AddScoped<RegenerateRecoveryCodes>()
            .AddScoped<ManagePasswordOnlySignIn>()
            .AddScoped<ManageTrustedDevices>()
            .AddScoped<ManagePasskeys>()
            .AddScoped<RevertChange>()
            .AddScoped<SessionStore>()
            .AddScoped<RefreshTokens>()
            .AddScoped<IntrospectToken>()
            .AddScoped<ApiKeys>()
            .AddScoped<ListActivity>()
            .AddScoped<ExportAccount>()
            .AddScoped<CreateFirstAdministrator>()
            .AddScoped<ManageAccounts>()
            .AddScoped<RotateSigningKey>()
            .AddScoped<VerifyAuditLog>();
        return options;
    }

    /// <summary>
    /// Makes or opens the store: data directory, migrations, keys. Call it once, before anything is served.
    /// </summary>
    /// <exception cref="ConfigurationException">The store cannot be opened with these settings.</exception>
    public static async Task OpenAuthStoreAsync(this IServiceProvider services, CancellationToken ct = default)
    {
        var options = services.GetRequiredService<IOptions<AuthOptions>>().Value;
        MakePrivateFolder(options.DataPath);
        try
        {
            await using var scope = services.CreateAsyncScope();
            await StoreMigration.RunAsync(
                services.GetRequiredService<IAuthDatabase>(),
                scope.ServiceProvider.GetRequiredService<AuthDbContext>(),
                options,
                ct
            );
            // Made now: the first unknown name would else cost two hashes, and tell itself by that.
            services
                .GetRequiredService<DummyPasswordHash>()
                .Hash(scope.ServiceProvider.GetRequiredService<IPasswordHasher<AuthUser>>());
        }
        catch (Exception fault)
            when (fault is DbException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            // Without its text: that may quote the connection string.
            throw new ConfigurationException(
                $"BlazorAuth:Database: the store cannot be opened ({fault.GetType().Name}). "
                    + "Check ConnectionString, DataDirectory, and that the disk is there, writable and not full."
            );
        }
        try
        {
            await services.GetRequiredService<KeyRing>().OpenAsync(ct);
            await services.GetRequiredService<SigningKeys>().ReadAsync(ct);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"BlazorAuth:Keys:MasterKeyFile: {options.MasterKeyPath} cannot be read or made ({fault.GetType().Name})."
            );
        }
        if (!options.Throttle.Enabled)
            Unlimited(services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(BlazorAuthServices)));
    }

    [LoggerMessage(
        1,
        LogLevel.Warning,
        "BlazorAuth:Throttle:Enabled is false: passwords and codes can be guessed without limit"
    )]
    private static partial void Unlimited(ILogger log);

    internal static IServiceCollection AddAuthIdentity(this IServiceCollection services)
    {
        services
            .AddIdentityCore<AuthUser>(identity =>
            {
                identity.Stores.SchemaVersion = IdentitySchemaVersions.Version3;
                // The policy is ours (PasswordVerifier.Judge), with reasons; Identity's composition rules contradict
                // NIST.
                identity.Password = new Microsoft.AspNetCore.Identity.PasswordOptions
                {
                    RequiredLength = 1,
                    RequireDigit = false,
                    RequireLowercase = false,
                    RequireUppercase = false,
                    RequireNonAlphanumeric = false,
                };
            })
            .AddUserStore<UserStore>();
        // Flows judge names and addresses, and the unique indexes decide. Identity's own look before the write refuses
        // accounts without an address, and loses the race it means to prevent.
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
        passkeys.ValidateOrigin = asked =>
            ValueTask.FromResult(asked is { CrossOrigin: false, TopOrigin: null } && asked.Origin == origin);
    }

    private static IEmailTransport Transport(IServiceProvider provider)
    {
        var options = provider.GetRequiredService<IOptions<AuthOptions>>().Value;
        var smtp = options.Mail.Smtp;
        return options.Mail.Transport!.Value switch
        {
            MailTransport.Folder => new FolderTransport(
                options.MailPath,
                options.Mail.From,
                options.Mail.ReplyTo,
                provider.GetRequiredService<TimeProvider>()
            ),
            MailTransport.Smtp => new SmtpTransport(
                new SmtpSettings(
                    smtp.Host,
                    smtp.Port,
                    NullIfEmpty(smtp.User),
                    NullIfEmpty(smtp.Password),
                    smtp.Security,
                    smtp.HelloName
                ),
                options.Mail.From,
                options.Mail.ReplyTo,
                provider.GetRequiredService<TimeProvider>()
            ),
        };
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    // The store and the master key are for the process's own user only.
    private static void MakePrivateFolder(string path)
    {
        try
        {
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(path);
            else
                Directory.CreateDirectory(
                    path,
                    UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                );
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"BlazorAuth:DataDirectory: {path} cannot be made ({fault.GetType().Name})."
            );
        }
    }

    /// <summary>Identity's store, saving nothing by itself: a flow's changes are one unit of work.</summary>
    private sealed class UserStore : UserStore<AuthUser, IdentityRole, AuthDbContext>
    {
        public UserStore(AuthDbContext context, IdentityErrorDescriber? describer = null)
            : base(context, describer) => AutoSaveChanges = false;
    }
}
