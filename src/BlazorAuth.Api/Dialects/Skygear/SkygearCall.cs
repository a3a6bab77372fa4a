using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;

namespace BlazorAuth.Api.Dialects;

/// <summary>
/// One action: its body and the access token beside it, in a header or in the body, where the header wins. The API key
/// that comes with every call names an application; there is one here, so any will do.
/// </summary>
internal sealed class SkygearCall
{
    private readonly HttpContext _http;

    private SkygearCall(HttpContext http, ForeignJson body, string? token)
    {
        (_http, Body, Token) = (http, body, token);
        Stranger = Caller.Anonymous(
            http.Connection.RemoteIpAddress?.ToString(),
            http.Request.Headers.UserAgent.ToString()
        );
    }

    public ForeignJson Body { get; }

    public string? Token { get; }

    /// <summary>Who calls, where it does not matter.</summary>
    public Caller Stranger { get; }

    /// <summary>Binds a handler's parameter.</summary>
    public static async ValueTask<SkygearCall> BindAsync(HttpContext http)
    {
        var body = await ForeignJson.BindAsync(http);
        var token = http.Request.Headers["X-Skygear-Access-Token"] is [{ Length: > 0 } header]
            ? header
            : body.Text("access_token");
        return new(http, body, string.IsNullOrEmpty(token) ? null : token);
    }

    public T Use<T>()
        where T : notnull => _http.RequestServices.GetRequiredService<T>();

    /// <summary>The living session of the token, or why there is none.</summary>
    public async Task<Result<Session>> SessionAsync(CancellationToken ct) =>
        await CallerFromBearer.FindAsync(_http.RequestServices, Token, Dialect.Skygear, changes: true, ct);

    /// <summary>Who calls, on actions for anyone: the SDK sends an old token along with a new sign-in.</summary>
    public async Task<Caller> AnyoneAsync(CancellationToken ct) =>
        Token is not null && (await SessionAsync(ct)).Value is { } session ? In(session) : Stranger;

    public Caller In(Session session) => Caller.Of(session, Stranger.Address, Stranger.Agent, Dialect.Skygear);
}
