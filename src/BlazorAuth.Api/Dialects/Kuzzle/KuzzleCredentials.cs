using System.Text.Json.Nodes;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;

namespace BlazorAuth.Api.Dialects.Kuzzle;

/// <summary>
/// The caller's user name and password, which Kuzzle calls the credentials of the strategy <c>local</c>.
/// </summary>
internal sealed class KuzzleCredentials(
    ChangeProfile profiles,
    ChangePassword changePassword,
    ChangeEmail changeEmail,
    Register register,
    RefreshTokens tokens,
    KuzzleSessions sessions
)
{
    public async Task<KuzzleReply> ReadAsync(KuzzleAsk ask, CancellationToken ct)
    {
        if (KuzzleAccount.Refuse(ask.Request) is { } unknown)
            return unknown;
        return (await profiles.ReadAsync(ask.Caller, ct)).Match(
            account => account.IsAnonymous ? KuzzleError.Of(AuthError.NotFound) : (KuzzleReply)Print(account),
            refusal => refusal
        );
    }

    public async Task<KuzzleReply> ExistAsync(KuzzleAsk ask, CancellationToken ct)
    {
        if (KuzzleAccount.Refuse(ask.Request) is { } unknown)
            return unknown;
        return (await profiles.ReadAsync(ask.Caller, ct)).Match<KuzzleReply>(
            account => JsonValue.Create(!account.IsAnonymous),
            refusal => refusal
        );
    }

    /// <summary>Whether the caller could have this name and password.</summary>
    public async Task<KuzzleReply> ValidateAsync(KuzzleAsk ask, CancellationToken ct)
    {
        var request = ask.Request;
        if (KuzzleAccount.Refuse(request) is { } unknown)
            return unknown;
        if (request.Field("username") is not { } name)
            return KuzzleError.Rejected("a username is required");
        if (request.Field("password") is not { } password)
            return KuzzleError.Rejected("a password is required");
        var (email, username) = KuzzleAccount.NameOf(name);
        return await register.JudgeAsync(ask.Caller, new(email, username, password), ct) is { } refusal
            ? refusal
            : JsonValue.Create(true);
    }

    /// <summary>Makes an anonymous account somebody's.</summary>
    public async Task<KuzzleReply> CreateAsync(KuzzleAsk ask, CancellationToken ct)
    {
        if (KuzzleAccount.Refuse(ask.Request) is { } unknown)
            return unknown;
        if (ask.Caller.ByKey)
            return KuzzleError.Forbidden("An API key makes no credentials.");
        var before = await profiles.ReadAsync(ask.Caller, ct);
        if (before.Value is not { } account)
            return before.Failure!;
        if (!account.IsAnonymous)
            return KuzzleError.Rejected("the user has credentials of this strategy");
        var (email, username) = KuzzleAccount.NameOf(ask.Request.Field("username"));
        var outcome = await register.CreateAsync(ask.Caller, new(email, username, ask.Request.Field("password")), ct);
        return outcome.Match<KuzzleReply>(
            _ => new JsonObject { ["username"] = username ?? email, ["kuid"] = account.Id },
            refusal => refusal
        );
    }

    /// <summary>
    /// Changes the name, the password, or both; another address is only asked for, and moves when it confirms. A
    /// changed password ends every older token, so that the answer carries the next one.
    /// </summary>
    public async Task<KuzzleReply> UpdateAsync(KuzzleAsk ask, CancellationToken ct)
    {
        var request = ask.Request;
        if (KuzzleAccount.Refuse(request) is { } unknown)
            return unknown;
        var before = await profiles.ReadAsync(ask.Caller, ct);
        if (before.Value is not { } account)
            return before.Failure!;
        if (account.IsAnonymous)
            return KuzzleError.Of(AuthError.NotFound);
        var (email, username) = KuzzleAccount.NameOf(request.Field("username"));
        if (string.Equals(email, account.Email, StringComparison.OrdinalIgnoreCase))
            email = null;
        if (username == account.Username)
            username = null;
        var (current, password) = (request.Text("password"), request.Field("password"));
        if ((email ?? username ?? password) is null)
            return request.Field("username") is null ? KuzzleError.Missing("body.username") : Print(account);
        // Each is an act of its own: a second one that is refused would leave the first one done.
        if (new[] { email, username, password }.Count(given => given is not null) > 1)
            return KuzzleError.Of(AuthFailure.Shape("username", FieldErrorCode.Alone));
        if (await register.JudgeAsync(ask.Caller, new(email, username, password), ct) is { } refusal)
            return refusal;

        var result = Print(account);
        if (password is not null)
        {
            var changed = await changePassword.ChangeAsync(
                ask.Caller,
                new Reauthentication.ByPassword(current),
                password,
                ct
            );
            if (changed.Value is not { } session)
                return changed.Failure!;
            foreach (var (name, value) in sessions.Print(ask, await tokens.IssueAsync(session, ct), null))
                if (name != "_id")
                    result[name] = value?.DeepClone();
        }
        if (
            email is not null
            && (await changeEmail.RequestAsync(ask.Caller, email, new Reauthentication.ByPassword(current), ct)).Failure
                is { } unasked
        )
            return unasked;
        if (username is null)
            return result;
        var renamed = await profiles.ChangeAsync(ask.Caller, new(Username: username), ct);
        if (renamed.Failure is { } taken)
            return taken;
        result["username"] = username;
        return result;
    }

    /// <summary>
    /// Never done: the password is the only way in, and an account that nobody can enter is closed, not kept.
    /// </summary>
    public static KuzzleReply Delete(KuzzleAsk ask) =>
        KuzzleAccount.Refuse(ask.Request)
        ?? KuzzleError.Rejected("they are the only way into the account; close the account instead");

    private static JsonObject Print(Account account) =>
        new() { ["username"] = account.Username ?? account.Email, ["kuid"] = account.Id };
}
