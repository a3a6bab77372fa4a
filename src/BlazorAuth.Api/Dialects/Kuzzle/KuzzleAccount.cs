using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;

namespace BlazorAuth.Api.Dialects.Kuzzle;

/// <summary>
/// The user: made, read and changed. Its content is our profile; what it may do is told by <c>profileIds</c>.
/// </summary>
internal sealed class KuzzleAccount(ChangeProfile profiles, Register register)
{
    /// <summary>The one way to sign in that has credentials here.</summary>
    public const string Strategy = "local";

    /// <summary>Kuzzle's id of whoever is not signed in.</summary>
    public const string Nobody = "-1";

    private static readonly JsonSerializerOptions Plain = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public async Task<KuzzleReply> ReadAsync(KuzzleAsk ask, CancellationToken ct)
    {
        if (ask.Token is null)
            return new JsonObject
            {
                ["_id"] = Nobody,
                ["_source"] = new JsonObject { ["profileIds"] = new JsonArray("anonymous") },
                ["strategies"] = new JsonArray(),
            };
        return (await profiles.ReadAsync(ask.Caller, ct)).Match<KuzzleReply>(
            account =>
            {
                var user = Print(account);
                user["strategies"] = account.IsAnonymous ? new JsonArray() : new JsonArray(Strategy);
                return user;
            },
            refusal => refusal
        );
    }

    /// <summary>Adds to the profile, as Kuzzle does: what is not named stays.</summary>
    public async Task<KuzzleReply> UpdateAsync(KuzzleAsk ask, CancellationToken ct)
    {
        if (ask.Request.Body is not { } content)
            return KuzzleError.Missing("body");
        if (Reserved(content, "body.") is { } reserved)
            return reserved;
        var input = new ChangeProfile.Input(
            Profile: content.ToJsonString(Plain),
            Mode: ChangeProfile.ProfileMode.Merge
        );
        var outcome = await profiles.ChangeAsync(ask.Caller, input, ct);
        return outcome.Match<KuzzleReply>(account => Print(account), refusal => refusal);
    }

    /// <summary>
    /// Makes an account. Its id is ours, whatever id the client would like; where sign-up hides what is taken, none is
    /// told.
    /// </summary>
    public async Task<KuzzleReply> CreateAsync(KuzzleAsk ask, CancellationToken ct)
    {
        if (ask.Request.Body is not { } body)
            return KuzzleError.Missing("body");
        if (body["content"] is not (null or JsonObject))
            return KuzzleError.Wrong("body.content", "an object");
        var content = body["content"] as JsonObject ?? new JsonObject();
        if (Reserved(content, "body.content.") is { } reserved)
            return reserved;
        if ((body["credentials"] as JsonObject)?[Strategy] is not JsonObject credentials)
            return KuzzleError.Missing($"body.credentials.{Strategy}");
        var (email, username) = NameOf(KuzzleRequest.FieldOf(credentials, "username"));
        var input = new Register.Input(
            email,
            username,
            KuzzleRequest.FieldOf(credentials, "password"),
            Profile: content.ToJsonString(Plain)
        );
        var outcome = await register.CreateAsync(ask.Caller, input, ct);
        return await outcome.Match<Task<KuzzleReply>>(
            async done =>
                done.User is not null
                    ? Print(await profiles.ViewAsync(done.User, ct))
                    : new KuzzleReply(Print(null, content, "default"), null, StatusCodes.Status202Accepted),
            refusal => Task.FromResult<KuzzleReply>(refusal)
        );
    }

    /// <summary>A user name of Kuzzle is an address here, or a user name.</summary>
    public static (string? Email, string? Username) NameOf(string? name) =>
        name?.Contains('@', StringComparison.Ordinal) is true ? (name, null) : (null, name);

    /// <summary>Why the request's strategy is none of ours.</summary>
    public static KuzzleError? Refuse(KuzzleRequest request) =>
        request.Text("strategy") switch
        {
            null or "" => KuzzleError.Missing("strategy"),
            Strategy => null,
            _ => KuzzleError.UnknownStrategy(),
        };

    private static JsonObject Print(Account account) =>
        Print(
            account.Id,
            JsonObject.Create(account.Profile)!,
            account.Roles.Contains(AuthDbContext.Administrator) ? "admin" : "default"
        );

    private static JsonObject Print(string? id, JsonObject content, string profile)
    {
        var source = content.DeepClone().AsObject();
        source["profileIds"] = new JsonArray(profile);
        return new() { ["_id"] = id, ["_source"] = source };
    }

    private static KuzzleError? Reserved(JsonObject content, string prefix) =>
        content.ContainsKey("_id") ? KuzzleError.NotAllowed(prefix + "_id")
        : content.ContainsKey("profileIds") ? KuzzleError.NotAllowed(prefix + "profileIds")
        : null;
}
