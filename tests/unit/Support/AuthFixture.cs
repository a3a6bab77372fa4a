using System.Text.RegularExpressions;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.Postgres;
using BlazorAuth.Sqlite;
using BlazorAuth.Web;
using Microsoft.AspNetCore.Identity;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace BlazorAuth.UnitTests.Support;

/// <summary>
/// Core as the hosts register it, over a database of its own. Only the edges of the process are replaced: the clock,
/// the last hop of mail, and the cost of a password hash.
/// </summary>
public sealed class AuthFixture : IAsyncDisposable
{
    public const string Site = "https://id.example.org";
    public const string Password = "seven green bottles";
    public const string OtherPassword = "eight brown bottles";

    private static readonly Lazy<SqliteConnection> Migrated = new(Migrate);
    private readonly Store store;

    private readonly Dictionary<string, string?> settings = new() { ["BlazorAuth:PublicUrl"] = Site };
    private readonly bool owner;
    private SqliteConnection? keeper;
    private ServiceProvider services = null!;

    private AuthFixture(Store store, string? folder, ManualClock clock, CapturedMail mail)
    {
        this.store = store;
        owner = folder is null;
        Folder = folder ?? Directory.CreateTempSubdirectory("auth-").FullName;
        (Clock, Mail) = (clock, mail);
    }

    /// <summary>The data directory.</summary>
    public string Folder { get; }
    public ManualClock Clock { get; }
    public CapturedMail Mail { get; }
    public HashLog Hashes { get; } = new();
    public IServiceProvider Services => services;
    internal SqlLog Sql { get; } = new();
    private readonly CapturedLog log = new();
    internal IReadOnlyDictionary<string, string?> Settings => settings;

    /// <summary>Somebody who is not signed in.</summary>
    public Caller Caller { get; set; } =
        Caller.Anonymous("203.0.113.7", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");

    /// <summary>
    /// A new store: in memory, or a file or a server's database where connections have to meet real locks.
    /// </summary>
    public static async Task<AuthFixture> StartAsync(
        Store store = Store.Memory,
        params (string Key, string Value)[] settings
    )
    {
        var fixture = new AuthFixture(store, null, new ManualClock(), new CapturedMail());
        foreach (var (key, value) in settings)
            fixture.settings["BlazorAuth:" + key] = value;
        if (store == Store.Postgres)
        {
            fixture.settings["BlazorAuth:Database:Provider"] = "Postgres";
            fixture.settings["BlazorAuth:Database:ConnectionString"] = await PostgresServer.CreateDatabaseAsync();
        }
        else if (store == Store.Memory)
        {
            var source = $"Data Source={Guid.NewGuid():N};Mode=Memory;Cache=Shared";
            fixture.settings["BlazorAuth:Database:ConnectionString"] = source;
            fixture.keeper = new SqliteConnection(source);
            fixture.keeper.Open();
            lock (Migrated)
                Migrated.Value.BackupDatabase(fixture.keeper);
        }
        await fixture.OpenAsync();
        return fixture;
    }

    /// <summary>A second process on the same store, with other settings where some are given.</summary>
    public async Task<AuthFixture> BesideAsync(params (string Key, string Value)[] changed)
    {
        var beside = new AuthFixture(store, Folder, Clock, Mail) { Caller = Caller };
        foreach (var (key, value) in settings)
            beside.settings[key] = value;
        foreach (var (key, value) in changed)
            beside.settings["BlazorAuth:" + key] = value;
        await beside.OpenAsync();
        return beside;
    }

    /// <summary>
    /// The process ends and another begins, with other settings where some are given; the store and its folder stay.
    /// </summary>
    public async Task RestartAsync(params (string Key, string Value)[] changed)
    {
        await services.DisposeAsync();
        foreach (var (key, value) in changed)
            settings["BlazorAuth:" + key] = value;
        await OpenAsync();
    }

    /// <summary>
    /// The site itself over this store, on Kestrel, with this fixture's clock, mail and counts. EmailTemplates leave
    /// when the test delivers them.
    /// </summary>
    public async Task<RunningSite> SiteAsync(params (string Key, string Value)[] changed)
    {
        var site = new RunningSite(this, changed);
        await site.InitializeAsync();
        return site;
    }

    /// <summary>One act in a scope of its own, as one request is.</summary>
    public async Task<T> Use<TService, T>(Func<TService, Task<T>> act)
        where TService : notnull
    {
        await using var scope = services.CreateAsyncScope();
        return await act(scope.ServiceProvider.GetRequiredService<TService>());
    }

    /// <inheritdoc cref="Use{TService,T}(Func{TService,Task{T}})"/>
    public async Task Use<TService>(Func<TService, Task> act)
        where TService : notnull
    {
        await using var scope = services.CreateAsyncScope();
        await act(scope.ServiceProvider.GetRequiredService<TService>());
    }

    /// <summary>The same act at once from many requests; every one must come to an outcome.</summary>
    public static async Task<T[]> RaceAsync<T>(int racers, Func<int, Task<T>> act)
    {
        ThreadPool.SetMinThreads(64, 64); // SQLite waits on its thread
        using var start = new ManualResetEventSlim();
        var running = Enumerable
            .Range(0, racers)
            .Select(i =>
                Task.Run(() =>
                {
                    start.Wait();
                    return act(i);
                })
            )
            .ToArray();
        start.Set();
        return await Task.WhenAll(running);
    }

    public async Task<AuthUser> RegisterAsync(string? email, string password = Password, string? username = null)
    {
        var outcome = await Use((Register flow) => flow.CreateAsync(Caller, new(email, username, password), default));
        Assert.Null(outcome.Failure);
        return outcome.Value!.User ?? await UserAsync(email!);
    }

    /// <summary>An account whose address is verified.</summary>
    public async Task<AuthUser> MemberAsync(string email, string password = Password, string? username = null)
    {
        await RegisterAsync(email, password, username);
        await DeliverAsync();
        var outcome = await Use(
            (VerifyEmail flow) => flow.ConfirmAsync(Caller, LinkTokenIn(LastEmailTo(email)), default)
        );
        Assert.Null(outcome.Failure);
        return await UserAsync(email);
    }

    public Task<AuthUser> UserAsync(string email) =>
        Use((AuthDbContext db) => db.Users.AsNoTracking().SingleAsync(u => u.NormalizedEmail == email));

    public Task<AuthUser?> FindUserAsync(string id) =>
        Use((AuthDbContext db) => db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == id));

    public Task<SignInOutcome> TrySignInAsync(
        string identifier,
        string password = Password,
        SessionKind door = SessionKind.Browser
    ) => Use((SignInWithPassword flow) => flow.WithPasswordAsync(Caller, new(identifier, password, door), default));

    public async Task<Session> SignInAsync(
        string identifier,
        string password = Password,
        SessionKind door = SessionKind.Browser
    ) => Assert.IsType<SignInOutcome.SignedIn>(await TrySignInAsync(identifier, password, door)).Session;

    public async Task<RefreshTokens.Pair> ApiPairAsync(string identifier, string password = Password)
    {
        var session = await SignInAsync(identifier, password, SessionKind.Api);
        return await Use((RefreshTokens flow) => flow.IssueAsync(session, default));
    }

    public Task<Result<RefreshTokens.Pair>> RefreshAsync(string? token) =>
        Use((RefreshTokens flow) => flow.RotateAsync(Caller, token, default));

    /// <summary>Gives an account an authenticator app, as if set up.</summary>
    internal Task<AuthenticatorApp> AuthenticatorAsync(AuthUser user) => AuthenticatorApp.AddAsync(services, user.Id);

    /// <summary>Sets the second factor up in a session; returns the recovery codes and the app's secret.</summary>
    public async Task<(IReadOnlyList<string> Codes, byte[] App)> SecondFactorAsync(Session session)
    {
        var app = SecretOf(
            (await Use((ManageAuthenticator flow) => flow.BeginAsync(this.ProvenIn(session), default))).Value!
        );
        var confirmed = await Use(
            (ManageAuthenticator flow) => flow.ConfirmAsync(this.ProvenIn(session), CodeOf(app), default)
        );
        Assert.Null(confirmed.Failure);
        return (confirmed.Value!.RecoveryCodes, app);
    }

    /// <summary>What an app makes of a set-up: the bytes of its base32.</summary>
    public static byte[] SecretOf(ManageAuthenticator.AuthenticatorSetup begun) => SecretOf(begun.Secret);

    /// <inheritdoc cref="SecretOf(ManageAuthenticator.AuthenticatorSetup)"/>
    public static byte[] SecretOf(string base32)
    {
        var bits = string.Concat(
            base32.Select(c =>
                Convert
                    .ToString("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".IndexOf(c, StringComparison.Ordinal), 2)
                    .PadLeft(5, '0')
            )
        );
        return [.. bits.Chunk(8).Select(octet => Convert.ToByte(new string(octet), 2))];
    }

    /// <summary>Goes on with a ticket.</summary>
    public Task<VerifySecondFactor.SecondFactorResult> VerifyAsync(
        string? ticket,
        string? code,
        string? recoveryCode = null,
        bool remember = false
    ) => Use((VerifySecondFactor flow) => flow.VerifyAsync(Caller, new(ticket, code, recoveryCode, remember), default));

    /// <summary>What the authenticator app shows now.</summary>
    public string CodeOf(byte[] secret) => new AuthenticatorApp(secret, Clock).Code();

    internal string CodeOf(AuthenticatorApp app) => app.Code();

    /// <summary>Signs in with the password, up to the second factor.</summary>
    public async Task<string> TicketAsync(string identifier, SessionKind door = SessionKind.Browser) =>
        Assert.IsType<SignInOutcome.NeedsSecondFactor>(await TrySignInAsync(identifier, door: door)).Ticket;

    /// <summary>The caller inside a session.</summary>
    public Caller In(Session session) => Caller.Of(session, Caller.Address, Caller.Agent);

    /// <summary>Why a credential of this session opens nothing, or null where it does.</summary>
    public async Task<AuthError?> DeathOfAsync(Session session, int? generation = null) =>
        (await Use((SessionStore flow) => flow.FindLiveAsync(session.Id, generation ?? session.Generation, default)))
            .Failure
            ?.Error;

    /// <summary>Asks for a reset email and returns its link.</summary>
    public async Task<string> ResetLinkAsync(string email)
    {
        Assert.Null((await Use((ResetPassword flow) => flow.RequestAsync(Caller, email, default))).Failure);
        await DeliverAsync();
        return LinkTokenIn(LastEmailTo(email));
    }

    /// <summary>Asks for another address and returns the link sent there.</summary>
    public async Task<string> EmailChangeLinkAsync(Session session, string newEmail, string password = Password)
    {
        Assert.Null(
            (await Use((ChangeEmail flow) => flow.RequestAsync(In(session), newEmail, password, default))).Failure
        );
        await DeliverAsync();
        return LinkTokenIn(LastEmailTo(newEmail));
    }

    public Task<int> DeliverAsync() => services.GetRequiredService<OutboxDispatcher>().DeliverDueAsync(default);

    public OutgoingEmail LastEmailTo(string address) => Mail.Sent.Last(mail => mail.To == address);

    public IReadOnlyList<string> SubjectsTo(string address) =>
        [
            .. Mail
                .Sent.Where(mail => mail.To == address)
                .Select(mail => mail.Content.Subject.Replace("BlazorAuth: ", "", StringComparison.Ordinal)),
        ];

    public static string LinkTokenIn(OutgoingEmail mail) =>
        Regex
            .Match(mail.Content.Text, @"[?&]token=([A-Za-z0-9_-]+)", RegexOptions.None, TimeSpan.FromSeconds(1))
            .Groups[1]
            .Value;

    public static string CodeIn(OutgoingEmail mail) =>
        Regex
            .Match(mail.Content.Text, @"^([0-9]{6})$", RegexOptions.Multiline, TimeSpan.FromSeconds(1))
            .Groups[1]
            .Value;

    public Task<List<AuditEntry>> AuditAsync() =>
        Use((AuthDbContext db) => db.AuditEntries.AsNoTracking().OrderBy(e => e.Id).ToListAsync());

    /// <summary>How many rows each table has.</summary>
    public Task<SortedDictionary<string, long>> RowsAsync() =>
        Use(
            async (AuthDbContext db) =>
            {
                // One statement for all tables: many tests look before and after every act.
                var tables = db.Model.GetEntityTypes().Select(type => type.GetTableName()!).Distinct().ToList();
                var counts = string.Join(',', tables.Select(table => $"(SELECT COUNT(*) FROM \"{table}\")"));
                await db.Database.OpenConnectionAsync();
                await using var command = db.Database.GetDbConnection().CreateCommand();
                command.CommandText = "SELECT " + counts;
                await using var reader = await command.ExecuteReaderAsync();
                await reader.ReadAsync();
                var rows = new SortedDictionary<string, long>(StringComparer.Ordinal);
                foreach (var (i, table) in tables.Index())
                    rows[table] = reader.GetInt64(i);
                return rows;
            }
        );

    public Task ChangeUserAsync(string id, Action<AuthUser> change) =>
        Use(
            async (AuthDbContext db) =>
            {
                change(await db.Users.SingleAsync(u => u.Id == id));
                await db.SaveChangesAsync();
            }
        );

    public async ValueTask DisposeAsync()
    {
        var connection =
            settings.GetValueOrDefault("BlazorAuth:Database:ConnectionString")
            ?? $"Data Source={Path.Combine(Folder, "blazorauth.db")}";
        await services.DisposeAsync();
        // Whatever a test was about: no password and no link of an email was written into the log (ASVS 16.2.5).
        foreach (
            var secret in Mail
                .Sent.Select(LinkTokenIn)
                .Where(link => link.Length > 0)
                .Append(Password)
                .Append(OtherPassword)
        )
            Assert.DoesNotContain(secret, log.Text, StringComparison.Ordinal);
        if (store == Store.Postgres)
        {
            if (owner)
                await PostgresServer.DropDatabaseAsync(connection);
        }
        else
        {
            using var pool = new SqliteConnection(connection);
            SqliteConnection.ClearPool(pool);
        }
        keeper?.Dispose();
        if (owner)
            Directory.Delete(Folder, recursive: true);
    }

    private async Task OpenAsync()
    {
        settings["BlazorAuth:DataDirectory"] = Folder;
        var collection = new ServiceCollection();
        collection.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Debug).AddProvider(log));
        collection.AddAuthCore(
            new ConfigurationBuilder().AddInMemoryCollection(settings).Build(),
            development: true,
            Site,
            new SqliteDatabase(),
            new PostgresDatabase()
        );
        ReplaceEdges(collection, Sql);
        services = collection.BuildServiceProvider(validateScopes: true);
        await services.OpenAuthStoreAsync();
    }

    /// <summary>Puts this fixture's clock, mail and counts into a process over its store.</summary>
    internal void ReplaceEdges(IServiceCollection collection, SqlLog sql)
    {
        collection.AddSingleton(Hashes);
        collection.Replace(ServiceDescriptor.Singleton<TimeProvider>(Clock));
        collection.Replace(ServiceDescriptor.Singleton<IEmailTransport>(Mail));
        collection.Replace(ServiceDescriptor.Scoped<IPasswordHasher<AuthUser>, CountingHasher>());
        collection.Configure<PasswordHasherOptions>(hasher => hasher.IterationCount = 10);
        collection.ConfigureDbContext<SqliteAuthDbContext>(options => options.AddInterceptors(sql));
        collection.ConfigureDbContext<PostgresAuthDbContext>(options => options.AddInterceptors(sql));
    }

    private static SqliteConnection Migrate()
    {
        var connection = new SqliteConnection("Data Source=:memory:");
        connection.Open();
        using var db = new SqliteAuthDbContext(
            new DbContextOptionsBuilder<SqliteAuthDbContext>().UseSqlite(connection).UseIdentityModel().Options
        );
        db.Database.Migrate();
        return connection;
    }
}

/// <summary>Tests of one flow or law: every test has a store of its own.</summary>
public abstract class AuthTest(Store store = Store.Memory, params (string Key, string Value)[] settings)
    : IAsyncLifetime
{
    protected AuthFixture Auth { get; private set; } = null!;

    public async Task InitializeAsync() => Auth = await AuthFixture.StartAsync(store, settings);

    public Task DisposeAsync() => Auth.DisposeAsync().AsTask();
}

internal static class SignInOutcomes
{
    /// <summary>Why nothing began yet; null where a session did.</summary>
    public static AuthFailure? Failure(this SignInOutcome outcome) =>
        outcome.Match<AuthFailure?>(_ => null, due => due.Failure, refusal => refusal);
}
