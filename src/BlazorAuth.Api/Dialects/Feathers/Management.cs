using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// What Feathers' applications add by <c>feathers-authentication-management</c>: one service with an action in the
/// body, or a service an action. Unlike there, nothing says whether an address has an account: who asks for an email
/// gets the same answer in any case.
/// </summary>
internal sealed class Management(
    VerifyEmail verify,
    ResetPassword reset,
    ChangeEmail emails,
    ChangePassword passwords,
    ChangeProfile profiles,
    SignInWithPassword signIn,
    RefreshTokens tokens,
    SessionStore sessions,
    IOptions<AuthOptions> options
)
{
    // The action is in the body.
    private const string InBody = "";

    private static readonly FrozenDictionary<string, string> Services = new Dictionary<string, string>
    {
        ["check-unique"] = "checkUnique",
        ["resend-verify-signup"] = "resendVerifySignup",
        ["verify-signup-long"] = "verifySignupLong",
        ["verify-signup-short"] = "verifySignupShort",
        ["verify-signup-set-password-long"] = "verifySignupSetPasswordLong",
        ["verify-signup-set-password-short"] = "verifySignupSetPasswordShort",
        ["send-reset-password"] = "sendResetPwd",
        ["send-reset-pwd"] = "sendResetPwd",
        ["reset-password-long"] = "resetPwdLong",
        ["reset-pwd-long"] = "resetPwdLong",
        ["reset-password-short"] = "resetPwdShort",
        ["reset-pwd-short"] = "resetPwdShort",
        ["password-change"] = "passwordChange",
        ["identity-change"] = "identityChange",
    }.ToFrozenDictionary();

    /// <summary>The action that a service stands for; null where the service is not one of these.</summary>
    public static string? ActionOf(string service) =>
        service.Split('/') switch
        {
            ["auth-management" or "authManagement"] => InBody,
            ["auth-management" or "authManagement", var name] => Services.GetValueOrDefault(name),
            _ => null,
        };

    public async Task<Answer> RunAsync(Call call, string action, Caller caller, CancellationToken ct)
    {
        if (call is not { Method: "create", Id: null })
            return call.Unsupported("create");
        var value = action == InBody ? call.Data.Field("value") : call.Data;
        if (action == InBody)
            action = call.Data.Text("action") ?? "";
        var answer = await RunAsync(action, value, caller, ct);
        return answer.Failure is { Code: >= 400 and < 500 and not (429 or 403) } failure
            ? failure with
            {
                Code = 400,
                Errors = [.. failure.Errors, ("$className", ClassOf(action, failure))],
            }
            : answer;
    }

    private Task<Answer> RunAsync(string action, JsonElement value, Caller caller, CancellationToken ct) =>
        action switch
        {
            "checkUnique" => Task.FromResult(CheckUnique(Who(value))),
            "resendVerifySignup" => ResendAsync(Who(value), caller, ct),
            "verifySignupLong" => VerifyAsync(TokenOf(value), caller, ct),
            "verifySignupShort" => VerifyByCodeAsync(Who(value).Text("email"), TokenOf(value), caller, ct),
            "sendResetPwd" => SendResetAsync(Who(value), caller, ct),
            // A password is chosen with the link of an email in any case: a code could be read out to a stranger.
            "resetPwdLong" or "resetPwdShort" => ResetAsync(TokenOf(value), value.Text("password"), false, caller, ct),
            "verifySignupSetPasswordLong" or "verifySignupSetPasswordShort" => ResetAsync(
                TokenOf(value),
                value.Text("password"),
                true,
                caller,
                ct
            ),
            "passwordChange" => ChangePasswordAsync(value, caller, ct),
            "identityChange" => ChangeIdentityAsync(value, caller, ct),
            _ => Task.FromResult<Answer>(
                Failure.BadRequest("Action is not known.", ("action", "Is not one of the eleven."))
            ),
        };

    // Sign-up says, under its own count, what may be said; a look-up without one would let anybody try addresses.
    private static Answer CheckUnique(JsonElement who) =>
        who.Text("email") is { } email && !EmailAddress.TryParse(email, out _)
            ? AuthFailure.Shape("email", FieldErrorCode.NotAnEmail)
        : who.Text("username") is { } name && !UserName.IsValid(name)
            ? AuthFailure.Shape("username", FieldErrorCode.NotAUserName)
        : who.Text("email") is null && who.Text("username") is null
            ? Failure.BadRequest("User info is not valid.", ("value", "Must have email or username."))
        : new Answer(null, null);

    private async Task<Answer> ResendAsync(JsonElement who, Caller caller, CancellationToken ct) =>
        (await verify.SendAsync(caller, who.Text("email"), ct)).Failure is { } refusal ? refusal : Echo(who);

    private async Task<Answer> SendResetAsync(JsonElement who, Caller caller, CancellationToken ct) =>
        (await reset.RequestAsync(caller, who.Text("email"), ct)).Failure is { } refusal ? refusal : Echo(who);

    private async Task<Answer> VerifyAsync(string? token, Caller caller, CancellationToken ct)
    {
        if (token is null)
            return Missing;
        var moved = await emails.PreviewAsync(caller, token, ct);
        // The original has one action for both: it may have been the email to a new address.
        if (moved.Failure?.Error != AuthError.LinkInvalid)
            return (await emails.ConfirmAsync(caller, token, ct)).Failure is { } kept
                ? kept
                : Verified(moved.Value!.Destination);
        var looked = await verify.PreviewAsync(caller, token, ct);
        if (looked.Failure is { } no)
            return no;
        return (await verify.ConfirmAsync(caller, token, ct)).Match(
            _ => Verified(looked.Value!.Address),
            refusal => refusal
        );
    }

    private async Task<Answer> VerifyByCodeAsync(string? email, string? code, Caller caller, CancellationToken ct) =>
        code is null
            ? Missing
            : (await verify.ConfirmCodeAsync(caller, email, code, ct)).Match<Answer>(
                _ => new JsonObject { ["email"] = email, ["isVerified"] = true },
                refusal => refusal
            );

    private async Task<Answer> ResetAsync(
        string? token,
        string? password,
        bool invited,
        Caller caller,
        CancellationToken ct
    )
    {
        if (token is null)
            return Missing;
        var looked = await reset.PreviewAsync(caller, token, ct);
        if (invited && looked.Failure?.Error == AuthError.LinkInvalid)
        {
            var first = await verify.PreviewAsync(caller, token, ct);
            if (first.Failure is { } unknown)
                return unknown;
            return (await reset.SetFirstAsync(caller, token, password, ct)).Failure is { } no
                ? no
                : Verified(first.Value!.Address);
        }
        return (await reset.SetAsync(caller, token, password, ct)).Failure is { } refusal
            ? refusal
            : Verified(looked.Value!.Destination);
    }

    private async Task<Answer> ChangePasswordAsync(JsonElement value, Caller caller, CancellationToken ct)
    {
        var old = value.Text("oldPassword");
        return await ActAsync(
            Who(value),
            old,
            caller,
            async (owner, passing) =>
            {
                var changed = await passwords.ChangeAsync(
                    owner,
                    new Reauthentication.ByPassword(old),
                    value.Text("password"),
                    ct
                );
                if (changed.Value is not { } session)
                    return changed.Failure!;
                var record = await RecordAsync(owner, ct);
                if (passing || record.Value is not JsonObject json)
                    return record;
                var pair = await tokens.IssueAsync(session, ct);
                (json["accessToken"], json["refreshToken"]) = (pair.AccessToken, pair.RefreshToken);
                return record with { Binds = Binding.Of(pair.AccessToken, session) };
            },
            ct
        );
    }

    private async Task<Answer> ChangeIdentityAsync(JsonElement value, Caller caller, CancellationToken ct)
    {
        var (changes, password) = (value.Field("changes"), value.Text("password"));
        var (email, username) = (changes.Text("email"), changes.Text("username"));
        if (email is null == username is null)
            return Failure.BadRequest(
                "changes has either email or username.",
                ("changes", "Must have email or username.")
            );
        // The flow asks for the password where the address moves; for the name it is asked for here, by signing in with
        // it.
        return await ActAsync(
            Who(value),
            password,
            caller,
            async (owner, _) =>
            {
                if (email is not null)
                    return
                        (await emails.RequestAsync(owner, email, new Reauthentication.ByPassword(password), ct)).Failure
                            is { } refusal
                        ? refusal
                        : await RecordAsync(owner, ct);
                return (await profiles.ChangeAsync(owner, new(Username: username), ct)).Match<Answer>(
                    account => UserRecord.Print(account, options.Value.Api),
                    refused => refused
                );
            },
            ct,
            afresh: email is null
        );
    }

    // In the caller's own session; or, as the original has it, for whoever names an account and its password. Then a
    // session is begun for this one act, by the rules of every sign-in.
    private async Task<Answer> ActAsync(
        JsonElement who,
        string? password,
        Caller caller,
        Func<Caller, bool, Task<Answer>> act,
        CancellationToken ct,
        bool afresh = false
    )
    {
        var own = caller.UserId is null ? null : (await profiles.ReadAsync(caller, ct)).Value;
        var named = who.Text("email") ?? who.Text("username");
        if (!afresh && own is not null && (named is null || IsName(own, named)))
            return await act(caller, false);
        var outcome = await signIn.WithPasswordAsync(
            caller with
            {
                UserId = null,
                SessionId = null,
            },
            new(named ?? own?.Email ?? own?.Username, password, SessionKind.Api, Dialect: Dialect.Feathers),
            ct
        );
        return await outcome.Match(
            async done =>
            {
                var owner = Caller.Of(done.Session, caller.Address, caller.Agent, Dialect.Feathers);
                try
                {
                    return await act(owner, true);
                }
                finally
                {
                    await sessions.SignOutAsync(owner, done.Session.Id, CancellationToken.None);
                }
            },
            due => Task.FromResult<Answer>(due.Failure),
            refusal => Task.FromResult<Answer>(refusal)
        );
    }

    private static bool IsName(Account own, string name) =>
        EmailAddress.TryParse(name, out var email)
            ? email == own.Email
            : string.Equals(name, own.Username, StringComparison.OrdinalIgnoreCase);

    private async Task<Answer> RecordAsync(Caller owner, CancellationToken ct) =>
        (await profiles.ReadAsync(owner, ct)).Match<Answer>(
            account => UserRecord.Print(account, options.Value.Api),
            refusal => refusal
        );

    // Who, in every form there is: the value itself, its user, or nobody.
    private static JsonElement Who(JsonElement value) =>
        value.Field("user") is { ValueKind: JsonValueKind.Object } user ? user : value;

    private static string? TokenOf(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString() : value.Text("token");

    private static Answer Echo(JsonElement who) => new JsonObject { ["email"] = who.Text("email") };

    private static Answer Verified(string address) => new JsonObject { ["email"] = address, ["isVerified"] = true };

    private static Answer Missing => Failure.BadRequest("The token is missing.", ("token", "Is required."));

    private static string ClassOf(string action, Failure failure)
    {
        var verifies =
            action.StartsWith("verifySignup", StringComparison.Ordinal)
            && !action.Contains("SetPassword", StringComparison.Ordinal);
        return failure.Reason switch
        {
            AuthError.LinkInvalid => verifies ? "badParam" : "incorrectToken",
            AuthError.LinkExpired => verifies ? "verifyExpired" : "resetExpired",
            AuthError.LinkUsed => verifies ? "nothingToVerify" : "invalidToken",
            AuthError.ValidationFailed when failure.Errors.Any(e => e.Field == "token") => "missingToken",
            AuthError.ValidationFailed
            or AuthError.InvalidCredentials
            or AuthError.WeakPassword
            or AuthError.CommonPassword
            or AuthError.SamePassword
            or AuthError.UsernameTaken => "badParams",
            _ => "unexpected",
        };
    }
}
