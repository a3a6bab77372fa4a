using BlazorAuth.Core.Options;
using BlazorAuth.Core.Security;
using BlazorAuth.Postgres;
using BlazorAuth.Sqlite;
using Microsoft.Extensions.Configuration;

namespace BlazorAuth.UnitTests.Options;

public sealed class AuthOptionsTests
{
    private const string Local = "http://localhost:5080";

    private static AuthOptions Read(bool development, params (string Key, string? Value)[] settings) =>
        StrictOptionsReader.Read(
            new ConfigurationBuilder()
                .AddInMemoryCollection(settings.Select(s => KeyValuePair.Create("BlazorAuth:" + s.Key, s.Value)))
                .Build(),
            development,
            Local,
            [new SqliteDatabase(), new PostgresDatabase()]
        );

    private static IReadOnlyList<string> Faults(bool development, params (string Key, string? Value)[] settings) =>
        Assert.Throws<ConfigurationException>(() => Read(development, settings)).Lines;

    [Fact]
    public void A_developer_needs_no_settings()
    {
        var options = Read(development: true);
        Assert.Equal(
            (Local, MailTransport.Folder, DatabaseProvider.Sqlite),
            (options.PublicUrl, options.Mail.Transport, options.Database.Provider)
        );
        Assert.True(Path.IsPathFullyQualified(options.DataPath));
    }

    [Theory]
    [InlineData("Feathers", "Feathers")]
    [InlineData("kuzzle, Skygear", "Kuzzle,Skygear")]
    [InlineData("", "")]
    public void One_value_replaces_the_list_of_dialects(string value, string spoken)
    {
        var options = Read(
            true,
            ("Api:Dialects:0", "Conduit"),
            ("Api:Dialects:1", "IdentityApi"),
            ("Api:Dialects", value)
        );
        Assert.Equal(spoken, string.Join(',', options.Api.Dialects));
    }

    [Theory]
    [InlineData("Tokens:Claims", "name,phone")]
    [InlineData("Tokens:Claims:0", "phone")]
    [InlineData("Tokens:Claims:0", "7")]
    public void An_unknown_claim_is_refused(string key, string value) =>
        Assert.Contains(
            "must be one of Name, Email",
            Assert.Single(Faults(true, (key, value))),
            StringComparison.Ordinal
        );

    [Fact]
    public void An_unknown_dialect_is_refused() =>
        Assert.Contains(
            "must be one of Feathers",
            Assert.Single(Faults(true, ("Api:Dialects", "Feathers,Klingon"))),
            StringComparison.Ordinal
        );

    [Fact]
    public void Production_names_what_it_needs_one_line_each()
    {
        var lines = Faults(development: false);
        Assert.Equal(2, lines.Count);
        Assert.Single(lines, line => line.StartsWith("BlazorAuth:PublicUrl: required", StringComparison.Ordinal));
        Assert.Single(lines, line => line.StartsWith("BlazorAuth:Mail:Transport: required", StringComparison.Ordinal));
    }

    [Fact]
    public void All_faults_are_told_at_once_in_plain_lines()
    {
        var lines = Faults(
            true,
            ("PublicUrl", "nonsense"),
            ("Passwords:MinimumLength", "3"),
            ("Throttle:MailPerAddress", "0"),
            ("Mail:From", "nobody")
        );
        Assert.Equal(4, lines.Count);
        Assert.All(lines, line => Assert.DoesNotContain('\n', line));
        Assert.All(lines, line => Assert.StartsWith("BlazorAuth:", line, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Pasword:MinimumLength", "8")]
    [InlineData("Passwords:MinimumLenght", "8")]
    [InlineData("DataPath", "/tmp")]
    [InlineData("MigrateOnStart", "true")]
    [InlineData("Site", "https://evil.example")]
    [InlineData("External:google:Key", "x")]
    [InlineData("Mail:Smtp:Pasword", "x")]
    [InlineData("Api:IntrospectionClients:orders:Key", "x")]
    public void An_unknown_key_is_refused(string key, string value) =>
        Assert.EndsWith(
            ": there is no such setting.",
            Assert.Single(Faults(true, (key, value))),
            StringComparison.Ordinal
        );

    [Fact]
    public void Keys_are_read_without_regard_to_case() =>
        Assert.Equal(12, Read(true, ("passwords:MINIMUMLENGTH", "12")).Passwords.MinimumLength);

    [Theory]
    [InlineData("Passwords:MinimumLength", "eight", "whole number")]
    [InlineData("SignUp:Enabled", "yes", "true or false")]
    [InlineData("Tokens:AccessTokenLifetime", "soon", "length of time")]
    [InlineData("Mail:Transport", "Pigeon", "Folder, Smtp")]
    [InlineData("Mail:Transport", "1", "Folder, Smtp")]
    [InlineData("Database:Provider", "Oracle", "Sqlite")]
    public void An_unreadable_value_says_what_is_wanted(string key, string value, string wanted)
    {
        var line = Assert.Single(Faults(true, (key, value)));
        Assert.StartsWith($"BlazorAuth:{key}: must be", line, StringComparison.Ordinal);
        Assert.Contains(wanted, line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PublicUrl", "ftp://example.org")]
    [InlineData("PublicUrl", "https://example.org/?a=b")]
    [InlineData("PublicUrl", "https://user:secret@example.org")]
    [InlineData("PublicUrl", "/login")]
    [InlineData("Api:PublicUrl", "nonsense")]
    [InlineData("Api:AllowedOrigins:0", "*")]
    [InlineData("Api:AllowedOrigins:0", "https://example.org/app")]
    [InlineData("Api:AllowedOrigins:0", "null")]
    [InlineData("Api:AllowedOrigins:0", "file://")]
    [InlineData("Api:AllowedOrigins:0", "file://localhost")]
    [InlineData("Api:AllowedOrigins:0", "capacitor://")]
    [InlineData("Api:AllowedOrigins:0", "capacitor://localhost/app")]
    [InlineData("Api:AllowedOrigins:0", "mailto:jane@example.org")]
    [InlineData("Passwords:MinimumLength", "7")]
    [InlineData("Passwords:MaximumLength", "63")]
    [InlineData("Passwords:MaximumLength", "1025")]
    [InlineData("Tokens:AccessTokenLifetime", "00:00:00")]
    [InlineData("Tokens:ReuseLeeway", "-00:00:01")]
    [InlineData("Tokens:ReuseLeeway", "00:01:01")]
    [InlineData("Tokens:LostAnswerLeeway", "-00:00:01")]
    [InlineData("Tokens:LostAnswerLeeway", "00:10:01")]
    [InlineData("Tokens:RefreshTokenIdleLifetime", "91.00:00:00")]
    [InlineData("Sessions:IdleLifetime", "91.00:00:00")]
    [InlineData("Sessions:StepUpWindow", "00:00:00")]
    [InlineData("Keys:RotateEvery", "-1.00:00:00")]
    [InlineData("Throttle:SignInPerAccount", "0")]
    [InlineData("Throttle:SignUpPerAddress", "-1")]
    [InlineData("Proxy:KnownProxies:0", "proxy.example")]
    [InlineData("Proxy:KnownNetworks:0", "10.0.0.0")]
    [InlineData("Mail:Smtp:Port", "0")]
    public void A_value_out_of_bounds_has_its_line(string key, string value)
    {
        var line = Assert.Single(Faults(true, (key, value)));
        Assert.StartsWith(
            "BlazorAuth:" + key.Replace(":0", "", StringComparison.Ordinal),
            line,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("orders:Secret", "", "orders:Secret: must have at least 32 characters.")]
    [InlineData("orders:Secret", "0123456789abcdef0123456789abcde", "orders:Secret: must have at least 32 characters.")]
    [InlineData("orders", "0123456789abcdef0123456789abcdef", "orders: is a section, not a value.")]
    public void A_client_needs_a_secret_worth_the_name(string key, string value, string told)
    {
        var line = Assert.Single(
            Faults(
                true,
                ("Api:IntrospectionClients:" + key, value),
                ("Api:IntrospectionClients:stock:Secret", new string('x', 32))
            )
        );
        Assert.Equal("BlazorAuth:Api:IntrospectionClients:" + told, line);
    }

    [Fact]
    public void A_client_has_its_name_and_its_secret() =>
        Assert.Equal(
            "0123456789abcdef0123456789abcdef",
            Read(true, ("Api:IntrospectionClients:orders:Secret", "0123456789abcdef0123456789abcdef"))
                .Api.IntrospectionClients["orders"]
                .Secret
        );

    private static (string, string?)[] Provider(params (string Key, string? Value)[] changed) =>
        [
            .. new Dictionary<string, string?>
            {
                ["ClientId"] = "id",
                ["ClientSecret"] = "s3cret-value",
                ["AuthorizationEndpoint"] = "https://p.example/a",
                ["TokenEndpoint"] = "https://p.example/t",
                ["UserInfoEndpoint"] = "https://p.example/u?x=1",
            }
                .Where(p => changed.All(c => c.Key != p.Key))
                .Select(p => (p.Key, p.Value))
                .Concat(changed)
                .Select(p => ("External:git-hub:" + p.Key, p.Value)),
        ];

    [Fact]
    public void A_provider_has_its_defaults()
    {
        var provider = Read(
            false,
            [("PublicUrl", "https://id.example.org"), ("Mail:Transport", "Folder"), .. Provider()]
        ).External["GIT-hub"];
        Assert.Equal(
            ("sub", "email", "email_verified", "name", false),
            (
                provider.IdClaim,
                provider.EmailClaim,
                provider.EmailVerifiedClaim,
                provider.NameClaim,
                provider.TrustsEmail
            )
        );
        Assert.Equal(
            ("git-hub", "git-hub", "openid email profile"),
            (provider.Label, provider.Key, string.Join(' ', provider.AskedScopes))
        );
    }

    [Theory]
    [InlineData("Scopes", "read:user, user:email")]
    [InlineData("Scopes", "read:user user:email")]
    public void Scopes_are_a_list_or_one_text(string key, string value)
    {
        Assert.Equal(["read:user", "user:email"], Read(true, Provider((key, value))).External["git-hub"].AskedScopes);
        Assert.Equal(
            ["read:user", "user:email"],
            Read(true, Provider(("Scopes:0", "read:user"), ("Scopes:1", "user:email"))).External["git-hub"].AskedScopes
        );
    }

    [Theory]
    [InlineData("ClientId", "", "required.")]
    [InlineData("ClientSecret", " ", "required.")]
    [InlineData("IdClaim", "", "required.")]
    [InlineData("AuthorizationEndpoint", "", "required.")]
    [InlineData("TokenEndpoint", "http://p.example/s3cret-value", "must be an https address")]
    [InlineData("TokenEndpoint", "https://u:s3cret-value@p.example/", "must be an https address")]
    [InlineData("UserInfoEndpoint", "https://p.example/#s3cret-value", "must be an https address")]
    [InlineData("UserInfoEndpoint", "/s3cret-value", "must be an https address")]
    [InlineData("AuthorizationEndpoint", "javascript:s3cret-value", "must be an https address")]
    [InlineData("DisplayName", "s3cret-value\nx", "must be at most 60 characters")]
    [InlineData("Scopes", "openid s3cret-value\"", "must be scopes")]
    [InlineData("TrustsEmail", "s3cret-value", "must be true or false")]
    [InlineData("ClientAuthentication", "s3cret-value", "there is no such setting.")]
    public void A_fault_of_a_provider_has_its_line_without_the_value(string key, string value, string told)
    {
        var line = Assert.Single(Faults(true, Provider((key, value))));
        Assert.StartsWith($"BlazorAuth:External:git-hub:{key}: {told}", line, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret-value", line, StringComparison.Ordinal);
    }

    [Fact]
    public void The_name_of_a_provider_is_part_of_addresses() =>
        Assert.Equal(
            "BlazorAuth:External:a b/c: its name must be 1 to 40 letters, digits or hyphens.",
            Assert.Single(
                Faults(
                    true,
                    [
                        .. Provider()
                            .Select(p => (p.Item1.Replace("git-hub", "a b/c", StringComparison.Ordinal), p.Item2)),
                    ]
                )
            )
        );

    [Theory]
    [InlineData("http://localhost:9000/t", true, true)]
    [InlineData("http://127.0.0.1:9000/t", true, true)]
    [InlineData("http://localhost:9000/t", false, false)]
    [InlineData("http://localhost.evil.example/t", true, false)]
    public void A_provider_without_tls_is_on_this_machine_in_development(string endpoint, bool development, bool taken)
    {
        (string, string?)[] settings =
        [
            ("PublicUrl", "https://id.example.org"),
            ("Mail:Transport", "Folder"),
            .. Provider(("TokenEndpoint", endpoint)),
        ];
        if (taken)
            Read(development, settings);
        else
            Assert.Single(Faults(development, settings));
    }

    [Fact]
    public void Smtp_needs_a_host() =>
        Assert.StartsWith(
            "BlazorAuth:Mail:Smtp:Host",
            Assert.Single(Faults(true, ("Mail:Transport", "Smtp"))),
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData("", "required")]
    [InlineData(" ", "required")]
    [InlineData("Database=auth;Password=s3cret", "must name a Host")]
    [InlineData("Host=db;Passwort=s3cret", "is not a connection string")]
    [InlineData("Host=db;Port=s3cret", "is not a connection string")]
    [InlineData("s3cret", "is not a connection string")]
    public void Postgres_needs_a_connection_string(string given, string told)
    {
        var line = Assert.Single(Faults(true, ("Database:Provider", "Postgres"), ("Database:ConnectionString", given)));
        Assert.StartsWith("BlazorAuth:Database:ConnectionString: " + told, line, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Sqlite", false, null, true)]
    [InlineData("Postgres", true, null, true)]
    [InlineData("Postgres", false, null, false)]
    [InlineData("Postgres", false, "true", true)]
    [InlineData("Sqlite", true, "false", false)]
    public void A_server_in_production_is_migrated_only_when_told(
        string provider,
        bool development,
        string? told,
        bool migrates
    ) =>
        Assert.Equal(
            migrates,
            Read(
                development,
                ("PublicUrl", Local),
                ("Mail:Transport", "Folder"),
                ("Database:Provider", provider),
                ("Database:ConnectionString", "Host=db"),
                ("Database:MigrateOnStart", told)
            ).MigrateOnStart
        );

    [Fact]
    public void No_line_quotes_a_value()
    {
        const string secret = "s3cret-value";
        string[] keys =
        [
            "PublicUrl",
            "Api:PublicUrl",
            "Api:AllowedOrigins:0",
            "Mail:From",
            "Proxy:KnownProxies:0",
            "Proxy:KnownNetworks:0",
        ];
        var faults = Faults(true, [.. keys.Select(key => (key, (string?)$"https://u:{secret}@{secret}"))])
            .Concat(
                Faults(
                    true,
                    ("Mail:Smtp:Pasword", secret),
                    ("Mail:Smtp:Port", secret),
                    ("SignUp:Enabled", secret),
                    ("Keys:RotateEvery", secret),
                    ("Mail:Transport", secret)
                )
            )
            .Concat(
                Faults(
                    true,
                    ("Mail:Transport", "Smtp"),
                    ("Mail:Smtp:Password", secret),
                    ("Database:ConnectionString", "Password=" + secret)
                )
            );
        Assert.All(faults, line => Assert.DoesNotContain(secret, line, StringComparison.Ordinal));
    }

    [Fact]
    public void Defaults_are_those_of_the_documentation()
    {
        var o = Read(true);
        Assert.Equal((8, 256), (o.Passwords.MinimumLength, o.Passwords.MaximumLength));
        Assert.Equal(("blazorauth", Local), (o.Tokens.Audience, o.Issuer));
        Assert.Equal(
            (TimeSpan.FromMinutes(10), TimeSpan.FromDays(14), TimeSpan.FromDays(90), TimeSpan.FromSeconds(10)),
            (
                o.Tokens.AccessTokenLifetime,
                o.Tokens.RefreshTokenIdleLifetime,
                o.Tokens.RefreshTokenAbsoluteLifetime,
                o.Tokens.ReuseLeeway
            )
        );
        Assert.Equal(
            (TimeSpan.FromDays(14), TimeSpan.FromDays(90), TimeSpan.FromMinutes(15)),
            (o.Sessions.IdleLifetime, o.Sessions.AbsoluteLifetime, o.Sessions.StepUpWindow)
        );
        Assert.True(
            o
                is {
                    SignUp.Enabled: true,
                    SignIn.RequireVerifiedEmail: false,
                    Api.InProcess: true,
                    Throttle.Enabled: true
                }
        );
        Assert.Equal(TimeSpan.FromDays(90), o.Keys.RotateEvery);
    }

    [Theory]
    [InlineData("https://id.example.org", "https://id.example.org/verify-email?token=x")]
    [InlineData("https://id.example.org/", "https://id.example.org/verify-email?token=x")]
    public void Links_begin_with_the_public_address(string publicUrl, string link)
    {
        var options = Read(true, ("PublicUrl", publicUrl));
        Assert.Equal(link, options.Link("verify-email?token=x").AbsoluteUri);
        Assert.Equal(publicUrl.TrimEnd('/'), options.Issuer);
    }
}
