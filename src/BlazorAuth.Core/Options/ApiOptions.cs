using BlazorAuth.Core.Clients;

namespace BlazorAuth.Core.Options;

/// <summary>Section <c>Api</c>.</summary>
public sealed class ApiOptions
{
    /// <summary>Whether the site also serves the API.</summary>
    public bool InProcess { get; set; } = true;

    /// <summary>
    /// Where programs reach the API when that is not <c>PublicUrl</c>; goes into the metadata documents.
    /// </summary>
    public string PublicUrl { get; set; } = "";

    /// <summary>
    /// Whose wire formats the API also speaks; a dialect not listed does not exist. The shipped settings list all; one
    /// value with commas, or an empty one, replaces that list.
    /// </summary>
    public List<Dialect> Dialects { get; set; } = [];

    /// <summary>
    /// Origins whose scripts may call the API (CORS), with the browser's cookie where they are of the same site.
    /// </summary>
    public List<string> AllowedOrigins { get; set; } = [];

    /// <summary>
    /// Whether the Feathers dialect answers the Gravatar address of a user's email as <c>avatar</c> where the user set
    /// none. It is made of the MD5 of the address; a program that shows the picture tells gravatar.com so.
    /// </summary>
    public bool FeathersGravatar { get; set; } = true;

    /// <summary>Resource servers that may ask whether a token is alive (RFC 7662), by client id.</summary>
    public Dictionary<string, IntrospectionClientOptions> IntrospectionClients { get; set; } =
        new(StringComparer.OrdinalIgnoreCase);
}

/// <summary>Section <c>Api:IntrospectionClients:&lt;id&gt;</c>.</summary>
public sealed class IntrospectionClientOptions
{
    /// <summary>Fewest characters of a secret: with fewer, guessing would be a matter of time.</summary>
    public const int MinimumSecretLength = 32;

    /// <summary>Its secret, at least 32 characters; give each client one of its own.</summary>
    public string Secret { get; set; } = "";
}
