using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Api.Dialects.Kuzzle;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;

namespace BlazorAuth.Api.Dialects;

/// <summary>
/// A wire format of another system, spoken over our flows: routes, and how a refusal is printed there. Printers only: a
/// rule that is written here is written twice.
/// </summary>
internal interface IDialect
{
    /// <summary>Which one.</summary>
    Dialect Dialect { get; }

    /// <summary>
    /// Whether the path is this dialect's, and errors there are printed by it: also those of the framework (404, 405,
    /// 413, 503).
    /// </summary>
    bool Owns(PathString path);

    /// <summary>Maps its routes.</summary>
    void Map(IEndpointRouteBuilder routes);

    /// <summary>
    /// Writes a refusal; Retry-After is written already. The status is that of our own API for it, or of the framework
    /// where that is more exact.
    /// </summary>
    Task WriteAsync(HttpContext http, AuthFailure refusal, int status);
}

/// <summary>
/// Every dialect there is. A path belongs to the first that owns it; one that is not listed in the settings does not
/// exist.
/// </summary>
internal static class DialectRegistry
{
    private static readonly IDialect[] All =
    [
        new KuzzleDialect(), // before Feathers, which has the rest of /users
        new Conduit(), // before Feathers, which has the rest of /authentication
        new Feathers.FeathersDialect(),
        new IdentityApi(),
        new Skygear(),
    ];

    /// <summary>The dialect of a path, listed or not.</summary>
    public static IDialect? At(PathString path) => Array.Find(All, dialect => dialect.Owns(path));

    /// <summary>Maps the listed dialects.</summary>
    public static void MapDialects(this IEndpointRouteBuilder routes, AuthOptions options)
    {
        foreach (var dialect in All)
            if (options.Api.Dialects.Contains(dialect.Dialect))
                dialect.Map(routes);
    }
}
