using System.Text.Json.Nodes;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;

namespace BlazorAuth.Api.Dialects;

/// <summary>
/// Skygear's server before 2.0, as its JavaScript SDK calls it: every action a POST to its name, users with a record,
/// one access token and no refresh. What of it is answered, and otherwise than there: docs/dialects/skygear.md.
/// </summary>
internal sealed class Skygear : IDialect
{
    private static readonly PathString[] Owned = ["/auth", "/me", "/record", "/user", "/role"];

    public Dialect Dialect => Dialect.Skygear;

    public bool Owns(PathString path) => Array.Exists(Owned, owned => path.StartsWithSegments(owned));

    public void Map(IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("").ExcludeFromDescription().WithMetadata(new RefusalCodes([]));
        group.MapPost("/auth/signup", SignUpAsync);
        group.MapPost("/auth/login", SignInAsync);
        // Whatever the token is, its session is over; with an expired one too.
        group.MapPost(
            "/auth/logout",
            async (SkygearCall call, CancellationToken ct) =>
            {
                await call.Use<RefreshTokens>().RevokeAsync(call.Stranger, call.Token, ct);
                return Said;
            }
        );
        Owner(group, "/me", ReadAsync);
        Owner(group, "/auth/password", ChangePasswordAsync);
        Owner(group, "/record/save", SaveAsync);
        group.MapPost(
            "/user/forgot-password",
            async (SkygearCall call, CancellationToken ct) =>
                Say(await call.Use<ResetPassword>().RequestAsync(call.Stranger, Arguments(call).Text("email"), ct))
        );
        group.MapPost("/user/reset-password", ResetAsync);
        Owner(group, "/user/verify_request", AskToVerifyAsync);
        Owner(group, "/user/verify_code", VerifyAsync);
        SkygearAdministration.Map(group);
    }

    public Task WriteAsync(HttpContext http, AuthFailure refusal, int status)
    {
        http.Response.StatusCode = status;
        // A path that no action has is not a thing that was not found.
        var unknown =
            refusal.Error == AuthError.NotFound && http.GetEndpoint()?.Metadata.GetMetadata<RefusalCodes>() is null;
        var error = unknown
            ? SkygearErrors.Print(new("UndefinedOperation", 117, status, "There is no such action."))
            : SkygearErrors.Print(refusal, status);
        return http.Response.WriteAsJsonAsync(new JsonObject { ["error"] = error }, http.RequestAborted);
    }

    /// <summary>Maps an action of signed-in users.</summary>
    public static void Owner(
        RouteGroupBuilder group,
        string path,
        Func<SkygearCall, Session, CancellationToken, Task<IResult>> act
    ) =>
        group.MapPost(
            path,
            async (SkygearCall call, CancellationToken ct) =>
                call.Token is null
                    ? SkygearErrors.Of(SkygearErrors.NotAuthenticated)
                    : await (await call.SessionAsync(ct)).Match(
                        session => act(call, session, ct),
                        refusal => Task.FromResult(Problems.Of(refusal))
                    )
        );

    public static IResult Result(JsonNode result) => TypedResults.Ok(new JsonObject { ["result"] = result });

    public static IResult Say(Result outcome) => outcome.Failure is { } refusal ? Problems.Of(refusal) : Said;

    public static IResult Said => Result(new JsonObject { ["status"] = "OK" });

    private static async Task<IResult> SignUpAsync(SkygearCall call, CancellationToken ct)
    {
        if (call.Body.Has("provider"))
            return SkygearErrors.Of(SkygearErrors.Argument("Sign-up through a provider is not here."));
        var (data, password, profile) = (
            call.Body.Object("auth_data"),
            call.Body.Text("password"),
            call.Body.Object("profile")?.Raw()
        );
        if (data is null && password is null)
            return await PrintAsync(
                call,
                await call.Use<SignInAnonymously>()
                    .BeginAsync(call.Stranger, profile, SessionKind.Api, Dialect.Skygear, ct),
                ct
            );
        var caller = await call.AnyoneAsync(ct);
        var outcome = await call.Use<Register>()
            .CreateAsync(caller, new(data?.Text("email"), data?.Text("username"), password, Profile: profile), ct);
        return await outcome.Match(
            // Free or taken, where that must not be told: there is no session before the email is opened.
            async done =>
                done.User is null
                    ? SkygearErrors.Of(SkygearErrors.Unverified)
                    : await PrintAsync(
                        call,
                        await call.Use<SignInWithPassword>()
                            .AfterRegisterAsync(caller, done.User, SessionKind.Api, Dialect.Skygear, ct),
                        ct
                    ),
            refusal => Task.FromResult(Problems.Of(refusal))
        );
    }

    private static async Task<IResult> SignInAsync(SkygearCall call, CancellationToken ct)
    {
        if (RestLogin.IsMeant(call.Body))
            return await RestLogin.AnswerAsync(call, ct);
        if (call.Body.Has("provider"))
            return SkygearErrors.Of(SkygearErrors.Argument("Sign-in through a provider is not here."));
        var data = call.Body.Object("auth_data");
        var input = new SignInWithPassword.Input(
            data?.Text("email") ?? data?.Text("username"),
            call.Body.Text("password"),
            SessionKind.Api,
            Dialect: Dialect.Skygear
        );
        return await PrintAsync(
            call,
            await call.Use<SignInWithPassword>().WithPasswordAsync(call.Stranger, input, ct),
            ct
        );
    }

    private static async Task<IResult> ChangePasswordAsync(SkygearCall call, Session session, CancellationToken ct)
    {
        // Here the old password is always asked for.
        var outcome = await call.Use<ChangePassword>()
            .ChangeAsync(
                call.In(session),
                new Reauthentication.ByPassword(call.Body.Text("old_password")),
                call.Body.Text("password"),
                ct
            );
        return await outcome.Match(
            renewed => PrintAsync(call, renewed, ct),
            refusal => Task.FromResult(Problems.Of(refusal))
        );
    }

    private static async Task<IResult> SaveAsync(SkygearCall call, Session session, CancellationToken ct)
    {
        var records = call.Body.Objects("records", SkygearRecord.Most);
        if (call.Body.Flag("atomic") is true && records.Count > 1)
            return SkygearErrors.Of(SkygearErrors.NotSupported);
        var saved = new JsonArray();
        foreach (var record in records)
            saved.Add(await SkygearRecord.SaveAsync(call, session, record, ct));
        return Result(saved);
    }

    private static async Task<IResult> ResetAsync(SkygearCall call, CancellationToken ct)
    {
        var (arguments, reset) = (Arguments(call), call.Use<ResetPassword>());
        var (user, code) = (arguments.Text("user_id"), arguments.Text("code"));
        // Our emails name no user: an application that knows only the code may leave the id out.
        if (
            !string.IsNullOrEmpty(user)
            && (await reset.PreviewAsync(call.Stranger, code, ct)).Value is { } token
            && token.UserId != SkygearRecord.IdOf(user)
        )
            return Problems.Of(AuthError.LinkInvalid);
        return Say(await reset.SetAsync(call.Stranger, code, arguments.Text("new_password"), ct));
    }

    private static async Task<IResult> AskToVerifyAsync(SkygearCall call, Session session, CancellationToken ct)
    {
        if (Arguments(call).Text("record_key") is not "email")
            return SkygearErrors.Of(SkygearErrors.Argument("Only email can be verified."));
        var account = await call.Use<ChangeProfile>().ReadAsync(call.In(session), ct);
        return await account.Match(
            async own =>
                own.Email is null
                    ? SkygearErrors.Of(SkygearErrors.Argument("There is no address to verify."))
                    : Say(await call.Use<VerifyEmail>().SendAsync(call.In(session), own.Email, ct)),
            refusal => Task.FromResult(Problems.Of(refusal))
        );
    }

    // The six digits of the email, or the token of its link.
    private static async Task<IResult> VerifyAsync(SkygearCall call, Session session, CancellationToken ct)
    {
        var (caller, code, verify) = (call.In(session), Arguments(call).Text("code"), call.Use<VerifyEmail>());
        var email = (await call.Use<ChangeProfile>().ReadAsync(caller, ct)).Value?.Email;
        var outcome =
            code is { Length: < 20 } && email is not null
                ? await verify.ConfirmCodeAsync(caller, email, code, ct)
                : await verify.ConfirmAsync(caller, code, ct);
        return outcome.Match(_ => Said, Problems.Of);
    }

    private static ForeignJson Arguments(SkygearCall call) =>
        call.Body.Object("args") ?? throw ForeignJson.Unreadable();

    private static Task<IResult> PrintAsync(SkygearCall call, SignInOutcome outcome, CancellationToken ct) =>
        outcome.Match(
            done => PrintAsync(call, done.Session, ct),
            due => Task.FromResult(Problems.Of(due.Failure)),
            refusal => Task.FromResult(Problems.Of(refusal))
        );

    // Who shows an access token gets another one, as the SDK expects. No new generation: other tabs hold the one before
    // it.
    private static async Task<IResult> ReadAsync(SkygearCall call, Session session, CancellationToken ct)
    {
        var tokens = call.Use<RefreshTokens>();
        var another = await tokens.IssueAnotherAsync(call.In(session), session, call.Token!, null, ct);
        return await another.Match(
            issued => PrintAsync(call, session, issued.Access.Text, ct),
            refusal => Task.FromResult(Problems.Of(refusal))
        );
    }

    // After a proof: a password that was given, or a sign-up.
    private static async Task<IResult> PrintAsync(SkygearCall call, Session session, CancellationToken ct) =>
        await PrintAsync(call, session, (await call.Use<RefreshTokens>().IssueAsync(session, ct)).AccessToken, ct);

    private static async Task<IResult> PrintAsync(SkygearCall call, Session session, string token, CancellationToken ct)
    {
        var account = await call.Use<ChangeProfile>().ReadAsync(call.In(session), ct);
        if (account.Value is not { } own)
            return Problems.Of(account.Failure!);
        return Result(
            new JsonObject
            {
                ["user_id"] = own.Id,
                ["profile"] = SkygearRecord.Print(own, session.AuthenticatedAt),
                ["roles"] = new JsonArray([.. own.Roles.Select(role => JsonValue.Create(role))]),
                ["access_token"] = token,
                ["last_login_at"] = session.AuthenticatedAt.UtcDateTime,
                ["last_seen_at"] = session.LastSeenAt.UtcDateTime,
            }
        );
    }
}
