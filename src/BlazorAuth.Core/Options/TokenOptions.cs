using BlazorAuth.Core.Clients;

namespace BlazorAuth.Core.Options;

/// <summary>Section <c>Tokens</c>.</summary>
public sealed class TokenOptions
{
    /// <summary>Issuer; empty for <c>PublicUrl</c>.</summary>
    public string Issuer { get; set; } = "";

    /// <summary>Audience.</summary>
    public string Audience { get; set; } = "blazorauth";

    /// <summary>Life of an access token.</summary>
    public TimeSpan AccessTokenLifetime { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Life of an access token that a dialect hands out.</summary>
    public DialectLifetimeOptions DialectAccessLifetimes { get; set; } = new();

    /// <summary>A refresh token not used this long is dead.</summary>
    public TimeSpan RefreshTokenIdleLifetime { get; set; } = TimeSpan.FromDays(14);

    /// <summary>A chain of refresh tokens ends here in any case.</summary>
    public TimeSpan RefreshTokenAbsoluteLifetime { get; set; } = TimeSpan.FromDays(90);

    /// <summary>
    /// A rotated refresh token still gets the newest pair this long: two tabs and a retry sign nobody out.
    /// </summary>
    public TimeSpan ReuseLeeway { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A rotated refresh token gets its successor again this long while nobody has used that successor: the answer was
    /// lost, as when a phone was suspended.
    /// </summary>
    public TimeSpan LostAnswerLeeway { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// What access tokens say about the account beside its id: <c>name</c>, <c>email</c>, or both. One value with
    /// commas, or a list. Every API and every log that sees a token then sees it too.
    /// </summary>
    public List<TokenClaim> Claims { get; set; } = [];
}

/// <summary>What an access token may say about its account.</summary>
public enum TokenClaim
{
    /// <summary>
    /// The claim <c>name</c>, the display name or else the user name or address, and <c>unique_name</c>, which is never
    /// the display name: stock ASP.NET Core reads it as <c>User.Identity.Name</c>, and no other account has it.
    /// </summary>
    Name,

    /// <summary>The claims <c>email</c> and <c>email_verified</c> (OpenID Connect Core §5.1).</summary>
    Email,
}

/// <summary>
/// Section <c>Tokens:DialectAccessLifetimes</c>. As long as those systems' clients expect, and safe here: a session
/// that ends takes its tokens with it at once.
/// </summary>
public sealed class DialectLifetimeOptions
{
    /// <summary>Its clients have no refresh.</summary>
    public TimeSpan Feathers { get; set; } = TimeSpan.FromDays(1);

    /// <summary>Its clients renew.</summary>
    public TimeSpan Conduit { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Where the client does not say how long.</summary>
    public TimeSpan Kuzzle { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Its clients keep one token until they sign out.</summary>
    public TimeSpan Skygear { get; set; } = TimeSpan.FromDays(30);

    /// <summary>Its clients refresh.</summary>
    public TimeSpan IdentityApi { get; set; } = TimeSpan.FromHours(1);

    /// <summary>That of one dialect.</summary>
    internal TimeSpan Of(Dialect dialect) =>
        dialect switch
        {
            Dialect.Feathers => Feathers,
            Dialect.Conduit => Conduit,
            Dialect.Kuzzle => Kuzzle,
            Dialect.Skygear => Skygear,
            Dialect.IdentityApi => IdentityApi,
        };
}
