namespace BlazorAuth.Core.Clients;

/// <summary>The systems whose published clients sign in unmodified.</summary>
public enum Dialect
{
    /// <summary>
    /// Feathers: authentication, users and authentication-management services, over HTTP and Socket.IO.
    /// </summary>
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
