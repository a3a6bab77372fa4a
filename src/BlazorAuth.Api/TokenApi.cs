using BlazorAuth.Core;

namespace BlazorAuth.Api;

/// <summary>The JSON API.</summary>
public static class TokenApi
{
    public static bool Owns(PathString path) => path.StartsWithSegments("/api");
    public static void AddTokenApi(this IServiceCollection services, AuthOptions options) { }
    public static void MapTokenApi(this WebApplication app, AuthOptions options) { }
}
