using System.Text.Json.Nodes;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Sessions;

namespace BlazorAuth.Api.Dialects.Kuzzle;

/// <summary>Who may ask.</summary>
internal enum KuzzleDoor
{
    /// <summary>Everybody; what a token says is not looked at before the act.</summary>
    Open,

    /// <summary>Everybody; a token that is sent must live.</summary>
    Anyone,

    /// <summary>Whoever has a living token.</summary>
    SignedIn,
}

/// <summary>One action of a controller: who may ask, what does it, and where it is over HTTP.</summary>
/// <param name="Controller">The controller's name.</param>
/// <param name="Name">The action's name.</param>
/// <param name="Door">Who may ask.</param>
/// <param name="Changes">Whether it changes something: API keys may be made for reading only.</param>
/// <param name="Do">The act, with the services of its request or message.</param>
/// <param name="Routes">Verbs and addresses as they are published.</param>
/// <param name="Older">Those of older clients.</param>
internal sealed record KuzzleAction(
    string Controller,
    string Name,
    KuzzleDoor Door,
    bool Changes,
    Func<IServiceProvider, KuzzleAsk, CancellationToken, Task<KuzzleReply>> Do,
    string[] Routes,
    params string[] Older
);

/// <summary>Every action there is, and the one way into each.</summary>
internal static class KuzzleActions
{
    public static readonly IReadOnlyList<KuzzleAction> All =
    [
        new(
            "auth",
            "login",
            KuzzleDoor.Open,
            true,
            Of<KuzzleSessions>((s, ask, ct) => s.LoginAsync(ask, ct)),
            ["POST /_login/:strategy"]
        ),
        new(
            "auth",
            "logout",
            KuzzleDoor.Open,
            true,
            Of<KuzzleSessions>((s, ask, ct) => s.LogoutAsync(ask, ct)),
            ["POST /_logout"]
        ),
        new(
            "auth",
            "checkToken",
            KuzzleDoor.Open,
            false,
            Of<KuzzleSessions>((s, ask, ct) => s.CheckAsync(ask, ct)),
            ["POST /_checkToken"]
        ),
        new(
            "auth",
            "refreshToken",
            KuzzleDoor.SignedIn,
            true,
            Of<KuzzleSessions>((s, ask, ct) => s.RefreshAsync(ask, ct)),
            ["POST /_refreshToken"]
        ),
        new(
            "auth",
            "createToken",
            KuzzleDoor.SignedIn,
            true,
            Of<KuzzleSessions>((s, ask, ct) => s.CreateAsync(ask, ct)),
            ["POST /_createToken"]
        ),
        new(
            "auth",
            "getCurrentUser",
            KuzzleDoor.Anyone,
            false,
            Of<KuzzleAccount>((a, ask, ct) => a.ReadAsync(ask, ct)),
            ["GET /_me"],
            "GET /users/_me"
        ),
        new(
            "auth",
            "getMyRights",
            KuzzleDoor.Anyone,
            false,
            Done(Rights),
            ["GET /_me/_rights"],
            "GET /users/_me/_rights"
        ),
        new("auth", "checkRights", KuzzleDoor.Anyone, false, Done(CheckRights), ["POST /_checkRights"]),
        new(
            "auth",
            "updateSelf",
            KuzzleDoor.SignedIn,
            true,
            Of<KuzzleAccount>((a, ask, ct) => a.UpdateAsync(ask, ct)),
            ["PUT /_me"],
            "PUT /_updateSelf"
        ),
        new(
            "auth",
            "getStrategies",
            KuzzleDoor.Open,
            false,
            Done(_ => new JsonArray(KuzzleAccount.Strategy)),
            ["GET /strategies"]
        ),
        new(
            "auth",
            "getMyCredentials",
            KuzzleDoor.SignedIn,
            false,
            Of<KuzzleCredentials>((c, ask, ct) => c.ReadAsync(ask, ct)),
            ["GET /_me/credentials/:strategy"],
            "GET /credentials/:strategy/_me"
        ),
        new(
            "auth",
            "credentialsExist",
            KuzzleDoor.SignedIn,
            false,
            Of<KuzzleCredentials>((c, ask, ct) => c.ExistAsync(ask, ct)),
            ["GET /_me/credentials/:strategy/_exists"],
            "GET /credentials/:strategy/_me/_exists"
        ),
        new(
            "auth",
            "validateMyCredentials",
            KuzzleDoor.SignedIn,
            false,
            Of<KuzzleCredentials>((c, ask, ct) => c.ValidateAsync(ask, ct)),
            ["POST /_me/credentials/:strategy/_validate"],
            "POST /credentials/:strategy/_me/_validate"
        ),
        new(
            "auth",
            "createMyCredentials",
            KuzzleDoor.SignedIn,
            true,
            Of<KuzzleCredentials>((c, ask, ct) => c.CreateAsync(ask, ct)),
            ["POST /_me/credentials/:strategy/_create"],
            "POST /credentials/:strategy/_me/_create"
        ),
        new(
            "auth",
            "updateMyCredentials",
            KuzzleDoor.SignedIn,
            true,
            Of<KuzzleCredentials>((c, ask, ct) => c.UpdateAsync(ask, ct)),
            ["PUT /_me/credentials/:strategy/_update"],
            "PUT /credentials/:strategy/_me/_update"
        ),
        new(
            "auth",
            "deleteMyCredentials",
            KuzzleDoor.SignedIn,
            true,
            Done(KuzzleCredentials.Delete),
            ["DELETE /_me/credentials/:strategy"],
            "DELETE /credentials/:strategy/_me"
        ),
        new(
            "auth",
            "createApiKey",
            KuzzleDoor.SignedIn,
            true,
            Of<KuzzleKeys>((k, ask, ct) => k.CreateAsync(ask, ct)),
            ["POST /api-keys/_create"]
        ),
        new(
            "auth",
            "searchApiKeys",
            KuzzleDoor.SignedIn,
            false,
            Of<KuzzleKeys>((k, ask, ct) => k.SearchAsync(ask, ct)),
            ["POST /api-keys/_search"]
        ),
        new(
            "auth",
            "deleteApiKey",
            KuzzleDoor.SignedIn,
            true,
            Of<KuzzleKeys>((k, ask, ct) => k.DeleteAsync(ask, ct)),
            ["DELETE /api-keys/:_id"]
        ),
        new(
            "security",
            "createRestrictedUser",
            KuzzleDoor.Anyone,
            true,
            Of<KuzzleAccount>((a, ask, ct) => a.CreateAsync(ask, ct)),
            ["POST /users/_createRestricted", "POST /users/:_id/_createRestricted"]
        ),
        new("server", "publicApi", KuzzleDoor.Open, false, Done(_ => Published()), ["GET /_publicApi"]),
    ];

    /// <summary>Does what is asked for, in the scope of its request or message.</summary>
    public static async Task<(KuzzleReply Reply, KuzzleAsk Ask)> AnswerAsync(
        IServiceProvider services,
        KuzzleRequest request,
        string? address,
        string? agent,
        CancellationToken ct
    )
    {
        var ask = new KuzzleAsk(request, Caller.Anonymous(address, agent), null);
        if (request.Controller is null)
            return (KuzzleError.Missing("controller"), ask);
        if (request.Action is null)
            return (KuzzleError.Missing("action"), ask);
        if (!All.Any(a => a.Controller == request.Controller))
            return (KuzzleError.NoController(request.Controller), ask);
        if (Find(request.Controller, request.Action) is not { } action)
            return (KuzzleError.NoAction(request.Controller, request.Action), ask);
        if (action.Door == KuzzleDoor.SignedIn && request.Token is null)
            return (KuzzleError.Unauthorized(request), ask);
        if (action.Door != KuzzleDoor.Open && request.Token is not null)
        {
            var found = await KuzzleToken.FindAsync(services, request.Token, action.Changes, ct);
            if (found.Value is not { } token)
                return (found.Failure!, ask);
            ask = new(request, Caller.Of(token.Session, address, agent, Dialect.Kuzzle), token);
        }
        return (await action.Do(services, ask, ct), ask);
    }

    private static KuzzleAction? Find(string? controller, string? name) =>
        All.FirstOrDefault(a => a.Controller == controller && a.Name == name);

    // Rights are the same for everybody who is signed in: none of these acts reaches anything but the caller's own
    // account.
    private static KuzzleReply Rights(KuzzleAsk ask)
    {
        var hits = All.Where(a => MayCall(ask, a))
            .Select(a =>
                (JsonNode)
                    new JsonObject
                    {
                        ["controller"] = a.Controller,
                        ["action"] = a.Name,
                        ["index"] = "*",
                        ["collection"] = "*",
                        ["value"] = "allowed",
                    }
            )
            .ToArray();
        return new JsonObject { ["hits"] = new JsonArray(hits), ["total"] = hits.Length };
    }

    private static KuzzleReply CheckRights(KuzzleAsk ask)
    {
        if (ask.Request.Field("controller") is not { } controller)
            return KuzzleError.Missing("body.controller");
        if (ask.Request.Field("action") is not { } name)
            return KuzzleError.Missing("body.action");
        return new JsonObject { ["allowed"] = Find(controller, name) is { } action && MayCall(ask, action) };
    }

    private static bool MayCall(KuzzleAsk ask, KuzzleAction action) =>
        action.Door != KuzzleDoor.SignedIn || ask.Token is not null;

    private static KuzzleReply Published()
    {
        var api = new JsonObject();
        foreach (var controller in All.GroupBy(a => a.Controller))
            api[controller.Key] = new JsonObject(
                controller.Select(a =>
                    KeyValuePair.Create<string, JsonNode?>(
                        a.Name,
                        new JsonObject
                        {
                            ["controller"] = a.Controller,
                            ["action"] = a.Name,
                            ["http"] = new JsonArray([
                                .. a.Routes.Select(r => new JsonObject
                                {
                                    ["verb"] = r.Split(' ')[0],
                                    ["url"] = r.Split(' ')[1],
                                }),
                            ]),
                        }
                    )
                )
            );
        return api;
    }

    private static Func<IServiceProvider, KuzzleAsk, CancellationToken, Task<KuzzleReply>> Of<T>(
        Func<T, KuzzleAsk, CancellationToken, Task<KuzzleReply>> act
    )
        where T : notnull => (services, ask, ct) => act(services.GetRequiredService<T>(), ask, ct);

    private static Func<IServiceProvider, KuzzleAsk, CancellationToken, Task<KuzzleReply>> Done(
        Func<KuzzleAsk, KuzzleReply> act
    ) => (_, ask, _) => Task.FromResult(act(ask));
}
