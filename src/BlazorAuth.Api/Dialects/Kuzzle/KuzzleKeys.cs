using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;

namespace BlazorAuth.Api.Dialects.Kuzzle;

/// <summary>
/// API keys. Making and deleting one needs a recent login, or the current password as the argument <c>password</c>.
/// </summary>
internal sealed class KuzzleKeys(ApiKeys keys)
{
    public async Task<KuzzleReply> CreateAsync(KuzzleAsk ask, CancellationToken ct)
    {
        var request = ask.Request;
        TimeSpan? lifetime = null;
        if (
            request.Arguments["expiresIn"] is not null
            && request.Text("expiresIn") is not ""
            && !KuzzleDuration.IsEndless(request.Text("expiresIn"))
        )
        {
            if (!KuzzleDuration.TryRead(request.Text("expiresIn") ?? "", out var asked))
                return KuzzleError.NotADuration("-1, milliseconds, or a number and a unit");
            if (asked > ApiKeys.Longest)
                return KuzzleError.TooLong();
            lifetime = asked;
        }
        var made = await keys.MakeAsync(
            ask.Caller,
            new(request.Field("description"), lifetime, null, request.Text("password")),
            ct
        );
        return made.Match<KuzzleReply>(
            done =>
            {
                var key = Print(done.Session);
                key["_source"]!["token"] = KuzzleToken.Wrap(done.Key, done.Session);
                return key;
            },
            refusal => refusal
        );
    }

    public async Task<KuzzleReply> SearchAsync(KuzzleAsk ask, CancellationToken ct)
    {
        if (Filter(ask.Request.Body) is not { } wanted)
            return KuzzleError.Wrong("body", "nothing, or match, term or equals on description");
        var found = (await keys.ListAsync(ask.Caller, ct)).Where(key => wanted(key.Description!)).ToList();
        var hits = found
            .Skip(Math.Max(0, ask.Request.Number("from", 0)))
            .Take(Math.Max(0, ask.Request.Number("size", 10)));
        return new JsonObject { ["hits"] = new JsonArray([.. hits.Select(Print)]), ["total"] = found.Count };
    }

    public async Task<KuzzleReply> DeleteAsync(KuzzleAsk ask, CancellationToken ct)
    {
        if (ask.Request.Text("_id") is not { } id)
            return KuzzleError.Missing("_id");
        return (await keys.RevokeAsync(ask.Caller, id, ask.Request.Text("password"), ct)).Failure is { } refusal
            ? refusal
            : new JsonObject { ["_id"] = id };
    }

    private JsonObject Print(Session key)
    {
        var end = ApiKeys.EndOf(key);
        return new()
        {
            ["_id"] = key.Id,
            ["_source"] = new JsonObject
            {
                ["userId"] = key.UserId,
                ["description"] = key.Description,
                ["expiresAt"] = end?.ToUnixTimeMilliseconds() ?? -1,
                ["ttl"] = end is null ? -1 : (long)(key.AbsoluteEndsAt - key.CreatedAt).TotalMilliseconds,
                ["fingerprint"] = keys.Fingerprint(key, text => KuzzleToken.Wrap(text, key)),
            },
        };
    }

    // The part of both query languages that says something of a key: any word of its description, or exactly this one.
    private static Func<string, bool>? Filter(JsonObject? query)
    {
        if (query is null or { Count: 0 })
            return _ => true;
        var (name, value) = query.First();
        if (query.Count > 1 || value is not JsonObject clause)
            return null;
        if (name == "match_all")
            return _ => true;
        if (
            clause.Count != 1
            || clause["description"] is not JsonValue wanted
            || wanted.GetValueKind() != JsonValueKind.String
        )
            return null;
        var text = wanted.GetValue<string>();
        return name switch
        {
            "match" => description =>
                text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    .Any(word => description.Contains(word, StringComparison.OrdinalIgnoreCase)),
            "term" or "equals" => description => description == text,
            _ => null,
        };
    }
}
