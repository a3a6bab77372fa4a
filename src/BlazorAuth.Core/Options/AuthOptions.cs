using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Security;

namespace BlazorAuth.Core.Options;

/// <summary>
/// The settings, section <c>BlazorAuth</c>. Defaults are here and nowhere else; unknown keys refuse to start.
/// </summary>
public sealed class AuthOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "BlazorAuth";

    /// <summary>
    /// Where people reach the site. Every link, cookie rule and passkey origin comes from here; a request header never
    /// does.
    /// </summary>
    public string PublicUrl { get; set; } = "";

    /// <summary>
    /// Folder of the SQLite file, the master key and the mail folder; relative to the clone, or to the program.
    /// </summary>
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

    /// <summary>EmailTemplates.</summary>
    public MailOptions Mail { get; set; } = new();

    /// <summary>Limits on attempts.</summary>
    public ThrottleOptions Throttle { get; set; } = new();

    /// <summary>Providers that people may sign in with, by a name of letters, digits and hyphens.</summary>
    public Dictionary<string, ExternalProviderOptions> External { get; set; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reverse proxies whose forwarded headers are believed.</summary>
    public ProxyOptions Proxy { get; set; } = new();

    /// <summary>The public address, always with a trailing slash.</summary>
    /// <summary>The address of the site, with a slash at its end. Every link begins with it.</summary>
    public Uri Site => new(PublicUrl.EndsWith('/') ? PublicUrl : PublicUrl + "/");

    /// <summary>Whether people reach the site over TLS.</summary>
    public bool Https => Site.Scheme == Uri.UriSchemeHttps;

    /// <summary>The address of a page.</summary>
    public Uri Link(string path) => new(Site, path);

    /// <summary>The issuer of access tokens.</summary>
    public string Issuer => Tokens.Issuer.Length > 0 ? Tokens.Issuer : PublicUrl.TrimEnd('/');

    /// <summary>The address of the API, with a slash at its end.</summary>
    public Uri ApiSite => Api.PublicUrl.Length > 0 ? new(Api.PublicUrl.TrimEnd('/') + "/") : Site;

    /// <summary>The data directory as an absolute path.</summary>
    public string DataPath { get; internal set; } = "";

    /// <summary>Whether pending migrations are applied at start.</summary>
    public bool MigrateOnStart { get; internal set; } = true;

    /// <summary>The file of the master key.</summary>
    public string MasterKeyPath => Path.Combine(DataPath, Keys.MasterKeyFile);

    /// <summary>The folder of the <c>Folder</c> transport.</summary>
    public string MailPath => Path.Combine(DataPath, Mail.Folder);
}
