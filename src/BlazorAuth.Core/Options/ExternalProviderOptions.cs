using System.Text.RegularExpressions;

namespace BlazorAuth.Core.Options;

/// <summary>
/// Section <c>External:&lt;name&gt;</c>: an OAuth 2.0 or OpenID provider that people may sign in with.
/// </summary>
public sealed partial class ExternalProviderOptions
{
    /// <summary>What its button says; empty for its name in these settings.</summary>
    public string DisplayName { get; set; } = "";

    /// <summary>What the provider knows this site by.</summary>
    public string ClientId { get; set; } = "";

    /// <summary>
    /// The secret to that; sent by HTTP Basic, or in the body where the provider takes it there only.
    /// </summary>
    public string ClientSecret { get; set; } = "";

    /// <summary>Where browsers are sent to.</summary>
    public string AuthorizationEndpoint { get; set; } = "";

    /// <summary>Where codes are exchanged.</summary>
    public string TokenEndpoint { get; set; } = "";

    /// <summary>Where the claims are read, as a JSON object.</summary>
    public string UserInfoEndpoint { get; set; } = "";

    /// <summary>
    /// What is asked for, as a list or as one text with spaces or commas; none for <c>openid email profile</c>.
    /// </summary>
    public List<string> Scopes { get; set; } = [];

    /// <summary>The claim that never changes and is never given to somebody else; a text or a whole number.</summary>
    public string IdClaim { get; set; } = "sub";

    /// <summary>The claim with the e-mail address.</summary>
    public string EmailClaim { get; set; } = "email";

    /// <summary>The claim that says whether the provider has verified that address.</summary>
    public string EmailVerifiedClaim { get; set; } = "email_verified";

    /// <summary>The claim with the name that others see.</summary>
    public string NameClaim { get; set; } = "name";

    /// <summary>
    /// Whether an address counts as verified where the provider does not say; only for providers that hand out no
    /// other.
    /// </summary>
    public bool TrustsEmail { get; set; }

    /// <summary>As the settings spell it: part of the addresses.</summary>
    public string Name { get; internal set; } = "";

    /// <summary>What links are stored under: the same however the settings spell it.</summary>
    public string Key => Name.ToLowerInvariant();

    /// <summary>What its button says.</summary>
    public string Label => DisplayName.Length > 0 ? DisplayName : Name;

    /// <summary>The scopes that are asked for.</summary>
    public IReadOnlyList<string> AskedScopes => Scopes.Count > 0 ? Scopes : ["openid", "email", "profile"];

    /// <summary>Completes what was read. <paramref name="scopes"/> are given as one text.</summary>
    internal void Complete(string name, string? scopes)
    {
        Name = name;
        if (scopes is not null)
            Scopes = [.. scopes.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries)];
    }

    /// <summary>What is wrong with it, a line each, without a value.</summary>
    internal IEnumerable<string> Faults(string path, bool development)
    {
        if (!NamePattern().IsMatch(Name))
            yield return $"{path}: its name must be 1 to 40 letters, digits or hyphens.";
        foreach (
            var (key, value) in new[]
            {
                (nameof(ClientId), ClientId),
                (nameof(ClientSecret), ClientSecret),
                (nameof(IdClaim), IdClaim),
            }
        )
            if (string.IsNullOrWhiteSpace(value))
                yield return $"{path}:{key}: required.";
        foreach (
            var (key, value) in new[]
            {
                (nameof(AuthorizationEndpoint), AuthorizationEndpoint),
                (nameof(TokenEndpoint), TokenEndpoint),
                (nameof(UserInfoEndpoint), UserInfoEndpoint),
            }
        )
            if (value.Length == 0)
                yield return $"{path}:{key}: required.";
            else if (!IsEndpoint(value, development))
                yield return $"{path}:{key}: must be an https address without user name and fragment; http only to this machine, in Development.";
        if (DisplayName.Length > 60 || DisplayName.Any(char.IsControl))
            yield return $"{path}:{nameof(DisplayName)}: must be at most 60 characters on one line.";
        if (!Scopes.TrueForAll(scope => ScopePattern().IsMatch(scope)))
            yield return $"{path}:{nameof(Scopes)}: must be scopes such as openid.";
    }

    private static bool IsEndpoint(string text, bool development) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && uri.UserInfo.Length == 0
        && uri.Fragment.Length == 0
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && development && uri.IsLoopback));

    [GeneratedRegex(@"\A[A-Za-z0-9-]{1,40}\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 100)]
    private static partial Regex NamePattern();

    // RFC 6749 §3.3.
    [GeneratedRegex(
        """\A[\x21\x23-\x5B\x5D-\x7E]{1,200}\z""",
        RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 100
    )]
    private static partial Regex ScopePattern();
}
