using BlazorAuth.Core.Mail;

namespace BlazorAuth.Core;

/// <summary>The settings, section <c>BlazorAuth</c>. Defaults are here and nowhere else; unknown keys refuse to start.</summary>
public sealed class AuthOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "BlazorAuth";

    /// <summary>Where people reach the site. Every link, cookie rule and passkey origin comes from here; a request header never does.</summary>
    public string PublicUrl { get; set; } = "";

    /// <summary>Folder of the SQLite file, the master key and the mail folder; relative to the clone, or to the program.</summary>
    public string DataDirectory { get; set; } = "data";

    /// <summary>The store.</summary>
    public DatabaseOptions Database { get; set; } = new();
    /// <summary>The JSON API.</summary>
    public ApiOptions Api { get; set; } = new();
    /// <summary>Sign-up.</summary>
    public SignUpOptions SignUp { get; set; } = new();
    /// <summary>Sign-in.</summary>
    public SignInOptions SignIn { get; set; } = new();
    /// <summary>Password rules.</summary>
    public PasswordOptions Passwords { get; set; } = new();
    /// <summary>Access and refresh tokens.</summary>
    public TokenOptions Tokens { get; set; } = new();
    /// <summary>Browser sessions.</summary>
    public SessionOptions Sessions { get; set; } = new();
    /// <summary>Keys.</summary>
    public KeyOptions Keys { get; set; } = new();
    /// <summary>Letters.</summary>
    public MailOptions Mail { get; set; } = new();
    /// <summary>Limits on attempts.</summary>
    public ThrottleOptions Throttle { get; set; } = new();
    /// <summary>Providers that people may sign in with, by a name of letters, digits and hyphens.</summary>
    public Dictionary<string, ExternalProviderOptions> External { get; set; } = new(StringComparer.OrdinalIgnoreCase);
    /// <summary>Reverse proxies whose forwarded headers are believed.</summary>
    public ProxyOptions Proxy { get; set; } = new();

    /// <summary>The public address, always with a trailing slash.</summary>
    internal Uri Site => new(PublicUrl.EndsWith('/') ? PublicUrl : PublicUrl + "/");
    /// <summary>Whether browsers reach the site over TLS.</summary>
    internal bool Https => Site.Scheme == Uri.UriSchemeHttps;
    /// <summary>The address of a page, for letters.</summary>
    internal Uri Link(string path) => new(Site, path);
    /// <summary>Issuer of access tokens: exactly this text (RFC 8725 §3.8).</summary>
    internal string Issuer => Tokens.Issuer.Length > 0 ? Tokens.Issuer : PublicUrl.TrimEnd('/');
    /// <summary>Where programs reach the API.</summary>
    internal Uri ApiSite => Api.PublicUrl.Length > 0 ? new(Api.PublicUrl.TrimEnd('/') + "/") : Site;
    internal string DataPath { get; set; } = "";
    internal bool MigrateOnStart { get; set; } = true;
    internal string MasterKeyPath => Path.Combine(DataPath, Keys.MasterKeyFile);
    internal string MailPath => Path.Combine(DataPath, Mail.Folder);
}

/// <summary>Section <c>Database</c>.</summary>
public sealed class DatabaseOptions
{
    /// <summary>Which database.</summary>
    public DatabaseProvider Provider { get; set; } = DatabaseProvider.Sqlite;
    /// <summary>Connection string; required by PostgreSQL, for SQLite empty for a file in the data directory.</summary>
    public string ConnectionString { get; set; } = "";
    /// <summary>Apply pending migrations at start; when not set, yes for SQLite and in Development.</summary>
    public bool? MigrateOnStart { get; set; }
}

/// <summary>The databases.</summary>
public enum DatabaseProvider
{
    /// <summary>A file, in process.</summary>
    Sqlite,
    /// <summary>A PostgreSQL server, for any number of processes.</summary>
    Postgres,
}

/// <summary>Section <c>Api</c>.</summary>
public sealed class ApiOptions
{
    /// <summary>Whether the site also serves the API.</summary>
    public bool InProcess { get; set; } = true;
    /// <summary>Where programs reach the API when that is not <c>PublicUrl</c>; goes into the metadata documents.</summary>
    public string PublicUrl { get; set; } = "";
    /// <summary>Whose wire formats the API also speaks; a dialect not listed does not exist. The shipped settings list all; one value with commas, or an empty one, replaces that list.</summary>
    public List<Dialect> Dialects { get; set; } = [];
    /// <summary>Origins whose scripts may call the API (CORS), with the browser's cookie where they are of the same site.</summary>
    public List<string> AllowedOrigins { get; set; } = [];
    /// <summary>
    /// Whether the Feathers dialect answers the Gravatar address of a user's email as <c>avatar</c> where the user set none. It is
    /// made of the MD5 of the address; a program that shows the picture tells gravatar.com so.
    /// </summary>
    public bool FeathersGravatar { get; set; } = true;
    /// <summary>Resource servers that may ask whether a token is alive (RFC 7662), by client id.</summary>
    public Dictionary<string, IntrospectionClientOptions> IntrospectionClients { get; set; } = new(StringComparer.OrdinalIgnoreCase);
}

/// <summary>Section <c>Api:IntrospectionClients:&lt;id&gt;</c>.</summary>
public sealed class IntrospectionClientOptions
{
    /// <summary>Fewest characters of a secret: with fewer, guessing would be a matter of time.</summary>
    public const int MinimumSecretLength = 32;

    /// <summary>Its secret, at least 32 characters; give each client one of its own.</summary>
    public string Secret { get; set; } = "";
}

/// <summary>The systems whose published clients sign in unmodified.</summary>
public enum Dialect
{
    /// <summary>Feathers: authentication, users and authentication-management services, over HTTP and Socket.IO.</summary>
    Feathers,
    /// <summary>Conduit: local authentication.</summary>
    Conduit,
    /// <summary>Kuzzle: the auth controller, over HTTP and WebSocket.</summary>
    Kuzzle,
    /// <summary>Skygear: the auth, record and user actions.</summary>
    Skygear,
    /// <summary>ASP.NET Core: what <c>MapIdentityApi</c> maps, under <c>/identity</c>.</summary>
    IdentityApi,
}

/// <summary>Section <c>SignUp</c>.</summary>
public sealed class SignUpOptions
{
    /// <summary>Whether new accounts are taken.</summary>
    public bool Enabled { get; set; } = true;
}

/// <summary>Section <c>SignIn</c>.</summary>
public sealed class SignInOptions
{
    /// <summary>Whether an account needs a verified address to sign in; sign-up then hides whether an address is taken.</summary>
    public bool RequireVerifiedEmail { get; set; }
}

/// <summary>Section <c>Passwords</c>. No composition rules (NIST SP 800-63B-4 §3.1.1.2).</summary>
public sealed class PasswordOptions
{
    /// <summary>Fewest code points.</summary>
    public int MinimumLength { get; set; } = 8;
    /// <summary>Most code points; longer is refused, never cut.</summary>
    public int MaximumLength { get; set; } = 256;
    /// <summary>What new passwords are compared with.</summary>
    public BreachCheck BreachCheck { get; set; } = BreachCheck.Common;
}

/// <summary>What new passwords are compared with.</summary>
public enum BreachCheck
{
    /// <summary>The embedded list of common passwords.</summary>
    Common,
}

/// <summary>Section <c>Sessions</c>.</summary>
public sealed class SessionOptions
{
    /// <summary>A browser session not used this long is dead.</summary>
    public TimeSpan IdleLifetime { get; set; } = TimeSpan.FromDays(14);
    /// <summary>A browser session ends here in any case.</summary>
    public TimeSpan AbsoluteLifetime { get; set; } = TimeSpan.FromDays(90);
    /// <summary>How fresh an authentication sensitive acts need.</summary>
    public TimeSpan StepUpWindow { get; set; } = TimeSpan.FromMinutes(15);
}

/// <summary>Section <c>Keys</c>.</summary>
public sealed class KeyOptions
{
    /// <summary>File of the master key, relative to the data directory; made at the first start.</summary>
    public string MasterKeyFile { get; set; } = "master.key";
    /// <summary>Age at which a signing key gets a successor.</summary>
    public TimeSpan RotateEvery { get; set; } = TimeSpan.FromDays(90);
}

/// <summary>Section <c>Mail</c>.</summary>
public sealed class MailOptions
{
    /// <summary>How letters leave; <c>Folder</c> in Development, required in Production.</summary>
    public MailTransport? Transport { get; set; }
    /// <summary>Folder of the <c>Folder</c> transport, relative to the data directory.</summary>
    public string Folder { get; set; } = "mail";
    /// <summary>Sender.</summary>
    public string From { get; set; } = "BlazorAuth <no-reply@localhost>";
    /// <summary>Where answers go; empty for the sender.</summary>
    public string ReplyTo { get; set; } = "";
    /// <summary>Server of the <c>Smtp</c> transport.</summary>
    public SmtpOptions Smtp { get; set; } = new();
}

/// <summary>How letters leave.</summary>
public enum MailTransport
{
    /// <summary>One .eml file a letter.</summary>
    Folder,
    /// <summary>A mail server.</summary>
    Smtp,
}

/// <summary>Section <c>Mail:Smtp</c>.</summary>
public sealed class SmtpOptions
{
    /// <summary>Host name.</summary>
    public string Host { get; set; } = "";
    /// <summary>Port.</summary>
    public int Port { get; set; } = 587;
    /// <summary>User name, or empty.</summary>
    public string User { get; set; } = "";
    /// <summary>Password.</summary>
    public string Password { get; set; } = "";
    /// <summary>Transport security. <c>Auto</c> is TLS from the first byte on port 465, and STARTTLS, required, on every other.</summary>
    public SmtpSecurity Security { get; set; } = SmtpSecurity.Auto;
    /// <summary>The name that this machine gives of itself to the server; empty for its own.</summary>
    public string HelloName { get; set; } = "";
}

/// <summary>Section <c>Throttle</c>. A limit is a number of attempts in its window.</summary>
public sealed class ThrottleOptions
{
    /// <summary>Whether attempts are limited; false is for benchmarks and says so at start.</summary>
    public bool Enabled { get; set; } = true;
    /// <summary>Wrong passwords for one account in 15 minutes; each device that the account knows has as many of its own.</summary>
    public int SignInPerAccount { get; set; } = 10;
    /// <summary>Wrong passwords from one network address (IPv6: one /64) in 15 minutes.</summary>
    public int SignInPerAddress { get; set; } = 300;
    /// <summary>Emails of one kind that anybody can ask for, sent to one verified address in an hour; half of them asked for by one network. Over it nothing is sent, and the answer stays the same.</summary>
    public int MailPerAddress { get; set; } = 10;
    /// <summary>Emails asked for from one network address in an hour.</summary>
    public int MailPerCaller { get; set; } = 300;
    /// <summary>Emails of every kind sent to one verified address in an hour. The last quarter is for notices, which wait and are folded into one over it; one reset email always goes out.</summary>
    public int MailPerDestination { get; set; } = 20;
    /// <summary>The same in a day.</summary>
    public int MailPerDestinationDaily { get; set; } = 60;
    /// <summary>Emails sent in an hour to one address that nobody has verified; only those that verify it go there.</summary>
    public int MailToUnverified { get; set; } = 3;
    /// <summary>The same in a day.</summary>
    public int MailToUnverifiedDaily { get; set; } = 8;
    /// <summary>Sign-ups from one network address in an hour.</summary>
    public int SignUpPerAddress { get; set; } = 1000;
    /// <summary>Anonymous accounts made from one network address in an hour.</summary>
    public int AnonymousPerAddress { get; set; } = 100;
    /// <summary>Wrong second factors for one account in 15 minutes.</summary>
    public int SecondFactorPerAccount { get; set; } = 10;
    /// <summary>Passkey ceremonies begun from one network address (IPv6: one /64) in an hour, and answers to them.</summary>
    public int PasskeyPerAddress { get; set; } = 3000;
    /// <summary>Security events that strangers cause from one network address in an hour and that are written down; over it one entry says that more came.</summary>
    public int EventsPerAddress { get; set; } = 60;
    /// <summary>Changes that the owner of one account makes in an hour: profile, API keys, exports, changes of address.</summary>
    public int ChangesPerAccount { get; set; } = 120;
    /// <summary>Links and tickets that are none, from one network address (IPv6: one /64) in 15 minutes.</summary>
    public int LinksPerAddress { get; set; } = 300;
    /// <summary>Sessions begun for one account in an hour.</summary>
    public int SessionsPerAccount { get; set; } = 120;
}

/// <summary>Section <c>Proxy</c>.</summary>
public sealed class ProxyOptions
{
    /// <summary>Addresses of reverse proxies.</summary>
    public List<string> KnownProxies { get; set; } = [];
    /// <summary>Networks of reverse proxies, in CIDR form.</summary>
    public List<string> KnownNetworks { get; set; } = [];
}
