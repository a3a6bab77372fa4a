using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Api.Dialects;

/// <summary>
/// Conduit's authentication module: its 'Local Authentication' document in the words it has there, and those of v0.16,
/// where a recent sign-in ('sudo') stands for the old password. What of it is answered, and otherwise than there:
/// docs/dialects/conduit.md.
/// </summary>
internal sealed class Conduit : IDialect
{
    private const string Prefix = "/authentication",
        Hook = "/hook/authentication";

    private static readonly PathString[] Owned = [Hook, "/twoFa"];

    private static readonly HashSet<string> Own = new(
        ["_id", "email", "username", "active", "isVerified", "isAnonymous", "hasTwoFA", "createdAt"],
        StringComparer.Ordinal
    );

    /// <summary>An answer's pair; the user's id stands in the document's, and is no more in v0.16's.</summary>
    public sealed record Pair(
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Result,
        string UserId,
        string AccessToken,
        string RefreshToken
    );

    public sealed record Error(
        string Name,
        int Status,
        string Message,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ConduitCode = null
    );

    private sealed record Said(string Result);

    public Dialect Dialect => Dialect.Conduit;

    // Not all of /authentication: that address itself is another dialect's, and so is a token below it, which has dots.
    public bool Owns(PathString path) =>
        Array.Exists(Owned, owned => path.StartsWithSegments(owned))
        || (
            path.StartsWithSegments(Prefix, out var rest)
            && rest.Value!.Trim('/') is { Length: > 0 } below
            && (below.Contains('/', StringComparison.Ordinal) || !below.Contains('.', StringComparison.Ordinal))
        );

    public void Map(IEndpointRouteBuilder routes)
    {
        var anyone = routes.MapGroup("").ExcludeFromDescription().WithMetadata(new RefusalCodes([]));
        var owner = routes
            .MapGroup(Prefix)
            .ExcludeFromDescription()
            .WithMetadata(new RefusalCodes([]))
            .RequireAuthorization(CallerFromBearer.Scheme);
        MapDoors(anyone.MapGroup(Prefix));
        MapLetters(anyone.MapGroup(Prefix));
        MapMagicLinks(anyone.MapGroup(Prefix));
        MapHooks(anyone.MapGroup(Hook));
        MapOwn(owner);
        // With and without the module's name before it, as its papers have it.
        foreach (var path in new[] { $"{Prefix}/twoFa", "/twoFa" })
        {
            ConduitSecondFactor.MapDoors(anyone.MapGroup(path));
            ConduitSecondFactor.MapOwn(anyone.MapGroup(path).RequireAuthorization(CallerFromBearer.Scheme));
        }
    }

    public Task WriteAsync(HttpContext http, AuthFailure refusal, int status)
    {
        if (refusal is { Error: AuthError.SecondFactorInvalid, FieldErrors: [{ Field: "code" }] })
            status = StatusCodes.Status400BadRequest;
        http.Response.StatusCode = status;
        return http.Response.WriteAsJsonAsync(Describe(refusal, status), http.RequestAborted);
    }

    private static void MapDoors(RouteGroupBuilder group)
    {
        group.MapPost(
            "/local/new",
            async (
                ForeignJson body,
                CallerFromBearer from,
                Register register,
                ChangeProfile profiles,
                CancellationToken ct
            ) =>
            {
                if (from.Refused is { } over)
                    // as at our own API: another account would lose what the anonymous one holds
                    return Problems.Of(over);
                var outcome = await register.CreateAsync(
                    from.Caller,
                    new(
                        body.Required("email"),
                        null,
                        body.Required("password"),
                        Profile: body.Object("userData")?.Raw()
                    ),
                    ct
                );
                // Where it must not be told whether the address was free, nobody's id is in the answer.
                return await outcome.Match<Task<IResult>>(
                    async done =>
                        TypedResults.Ok(
                            new JsonObject
                            {
                                ["user"] = done.User is null
                                    ? new JsonObject
                                    {
                                        ["email"] = done.Email,
                                        ["active"] = true,
                                        ["isVerified"] = false,
                                    }
                                    : Print(await profiles.ViewAsync(done.User, ct)),
                            }
                        ),
                    refusal => Task.FromResult(Problems.Of(refusal))
                );
            }
        );
        group.MapPost(
            "/local/new/anonymous",
            async (
                ForeignJson body,
                CallerFromBearer from,
                SignInAnonymously signIn,
                RefreshTokens tokens,
                CancellationToken ct
            ) =>
                await PrintAsync(
                    await signIn.BeginAsync(
                        from.Caller,
                        body.Object("userData")?.Raw(),
                        SessionKind.Api,
                        Dialect.Conduit,
                        ct
                    ),
                    tokens,
                    ct
                )
        );
        foreach (var (path, name) in new[] { ("/local", "email"), ("/username", "username") })
            group.MapPost(
                path,
                async (
                    ForeignJson body,
                    CallerFromBearer from,
                    SignInWithPassword signIn,
                    RefreshTokens tokens,
                    CancellationToken ct
                ) =>
                {
                    var input = new SignInWithPassword.Input(
                        body.Required(name),
                        body.Required("password"),
                        SessionKind.Api,
                        Dialect: Dialect.Conduit
                    );
                    return await PrintAsync(await signIn.WithPasswordAsync(from.Caller, input, ct), tokens, ct);
                }
            );
        group.MapPost(
            "/renew",
            async (
                ForeignJson body,
                HttpRequest request,
                CallerFromBearer from,
                RefreshTokens tokens,
                CancellationToken ct
            ) =>
            {
                var token = Bearer(request) ?? body.Text("refreshToken") ?? request.Cookies["refreshToken"];
                var outcome = token is null
                    ? AuthError.RefreshTokenInvalid
                    : await tokens.RotateAsync(from.Caller, token, ct);
                return outcome.Match(pair => Print(pair), Problems.Of);
            }
        );
    }

    private static void MapLetters(RouteGroupBuilder group)
    {
        group.MapPost(
            "/forgot-password",
            async (ForeignJson body, CallerFromBearer from, ResetPassword reset, CancellationToken ct) =>
                Say(
                    await reset.RequestAsync(from.Caller, body.Required("email"), ct),
                    "If the email address is valid, an email with a link to reset the password is on its way"
                )
        );
        group.MapPost(
            "/reset-password",
            async (ForeignJson body, CallerFromBearer from, ResetPassword reset, CancellationToken ct) =>
                Say(
                    await reset.SetAsync(
                        from.Caller,
                        body.Required("passwordResetToken"),
                        body.Required("password"),
                        ct
                    ),
                    "Password reset successful"
                )
        );
        group.MapPost(
            "/local/resend-verification",
            async (ForeignJson body, CallerFromBearer from, VerifyEmail verify, CancellationToken ct) =>
                Say(
                    await verify.SendAsync(from.Caller, body.Required("email"), ct),
                    "If the email address is valid, an email to verify it is on its way"
                )
        );
        group.MapPost(
            "/local/verify-email",
            async (ForeignJson body, CallerFromBearer from, VerifyEmail verify, CancellationToken ct) =>
                (await verify.ConfirmCodeAsync(from.Caller, body.Required("email"), body.Required("code"), ct)).Match(
                    _ => Say("Email verified"),
                    Problems.Of
                )
        );
    }

    private static void MapMagicLinks(RouteGroupBuilder group)
    {
        group.MapPost(
            "/magic-link",
            async (ForeignJson body, CallerFromBearer from, SignInWithEmailCode flow, CancellationToken ct) =>
                (await flow.RequestAsync(from.Caller, body.Required("email"), ct)).Match(
                    _ => Say("token sent"),
                    Problems.Of
                )
        );
        group.MapPost(
            "/magic-link/{token}",
            async (
                string token,
                CallerFromBearer from,
                SignInWithEmailCode flow,
                RefreshTokens tokens,
                CancellationToken ct
            ) =>
                await PrintAsync(
                    await flow.OpenAsync(from.Caller, token, new(SessionKind.Api, Dialect: Dialect.Conduit), ct),
                    tokens,
                    ct
                )
        );
    }

    // Scanners of email open links, with any header that a program sends: a GET leads to the page with the button and
    // changes nothing. A program that has the token posts it (ADR 0019).
    private static void MapHooks(RouteGroupBuilder group)
    {
        MapPage("verify-email", "verify-email");
        MapPage("verify-change-email", "confirm-email-change");
        MapPage("magic-link", "login/email-link");
        group.MapPost(
            "/verify-email/{token}",
            async (string token, CallerFromBearer from, VerifyEmail verify, CancellationToken ct) =>
                (await verify.ConfirmAsync(from.Caller, token, ct)).Match(_ => Say("Email verified"), Problems.Of)
        );
        group.MapPost(
            "/verify-change-email/{token}",
            async (string token, CallerFromBearer from, ChangeEmail change, CancellationToken ct) =>
                (await change.ConfirmAsync(from.Caller, token, ct)).Match(
                    _ => Say("Email changed successfully"),
                    Problems.Of
                )
        );

        void MapPage(string hook, string page) =>
            group.MapGet(
                $"/{hook}/{{token}}",
                (string token, IOptions<AuthOptions> options) =>
                    TypedResults.Redirect(options.Value.Link($"{page}?token={Uri.EscapeDataString(token)}").ToString())
            );
    }

    private static void MapOwn(RouteGroupBuilder group)
    {
        group.MapPost(
            "/logout",
            async (CallerFromBearer from, SessionStore sessions, CancellationToken ct) =>
            {
                await sessions.SignOutAsync(from.Caller, from.Caller.SessionId!, ct);
                return Say("LoggedOut");
            }
        );
        group.MapPost(
            "/local/change-email",
            async (ForeignJson body, CallerFromBearer from, ChangeEmail change, CancellationToken ct) =>
                Say(
                    await change.RequestAsync(from.Caller, body.Required("newEmail"), ProofOf(body, "password"), ct),
                    "Verification code sent"
                )
        );
        foreach (var path in new[] { "/local/change-password", "/username/change-password" })
            group.MapPost(
                path,
                async (
                    ForeignJson body,
                    CallerFromBearer from,
                    ChangePassword change,
                    RefreshTokens tokens,
                    CancellationToken ct
                ) =>
                {
                    var outcome = await change.ChangeAsync(
                        from.Caller,
                        ProofOf(body, "oldPassword"),
                        body.Required("newPassword"),
                        ct
                    );
                    // Every older token is dead: the client needs the next pair.
                    return await outcome.Match(
                        async session => Print(await tokens.IssueAsync(session, ct), "Password changed successfully"),
                        refusal => Task.FromResult(Problems.Of(refusal))
                    );
                }
            );
        group.MapGet(
            "/user",
            async (CallerFromBearer from, ChangeProfile profiles, ManageAuthenticator totp, CancellationToken ct) =>
            {
                var factor = await totp.PreviewAsync(from.Caller, ct);
                return (await profiles.ReadAsync(from.Caller, ct)).Match<IResult>(
                    account => TypedResults.Ok(Print(account, factor.On)),
                    Problems.Of
                );
            }
        );
        group.MapPatch(
            "/user",
            async (
                ForeignJson body,
                CallerFromBearer from,
                ChangeProfile profiles,
                ManageAuthenticator totp,
                CancellationToken ct
            ) =>
            {
                var data = body.Object("userData") ?? throw ForeignJson.Unreadable();
                var fields = ForeignJson.ObjectOf(data.Fields(without: Own.Contains));
                var input = new ChangeProfile.Input(Profile: fields, Mode: ChangeProfile.ProfileMode.SetFields);
                var outcome = await profiles.ChangeAsync(from.Caller, input, ct);
                var factor = await totp.PreviewAsync(from.Caller, ct);
                return outcome.Match<IResult>(changed => TypedResults.Ok(Print(changed, factor.On)), Problems.Of);
            }
        );
        group.MapDelete(
            "/user",
            async (CallerFromBearer from, CloseAccount close, CancellationToken ct) =>
                Say(
                    await close.CloseAsync(from.Caller, new Reauthentication.RecentOnly(Dialect.Conduit), ct),
                    "LoggedOut"
                )
        );
    }

    // Clients of v0.16 send no proof: what stands for it there is a sign-in of just now ('sudo').
    private static Reauthentication ProofOf(ForeignJson body, string password) =>
        Reauthentication.From(body.Text(password), body.Text("code"), dialect: Dialect.Conduit);

    internal static string? Bearer(HttpRequest request) =>
        request.Headers.Authorization is [{ } header]
        && header.StartsWith($"{CallerFromBearer.Scheme} ", StringComparison.OrdinalIgnoreCase)
            ? header[(CallerFromBearer.Scheme.Length + 1)..].Trim()
            : null;

    internal static IResult Say(string result) => TypedResults.Ok(new Said(result));

    private static IResult Say(Result outcome, string result) =>
        outcome.Failure is { } refusal ? Problems.Of(refusal) : Say(result);

    private static IResult Print(RefreshTokens.Pair pair, string? result = null) =>
        TypedResults.Ok(new Pair(result, pair.Session.UserId, pair.AccessToken, pair.RefreshToken));

    internal static Task<IResult> PrintAsync(SignInOutcome outcome, RefreshTokens tokens, CancellationToken ct) =>
        outcome.Match(
            async done => Print(await tokens.IssueAsync(done.Session, ct)),
            due => Task.FromResult(ConduitSecondFactor.Print(due)),
            refusal => Task.FromResult(Problems.Of(refusal))
        );

    // What an application added to its users stands beside the original's own fields, and never in their place.
    private static JsonObject Print(Account account, bool twoFactors = false)
    {
        var user = new JsonObject
        {
            ["_id"] = account.Id,
            ["email"] = account.Email,
            ["active"] = account.Active,
            ["isVerified"] = account.EmailVerified,
            ["isAnonymous"] = account.IsAnonymous,
            ["hasTwoFA"] = twoFactors,
            ["createdAt"] = account.CreatedAt.UtcDateTime,
        };
        if (account.Username is not null)
            user["username"] = account.Username;
        foreach (var field in account.Profile.EnumerateObject())
            if (!Own.Contains(field.Name))
                user[field.Name] = JsonNode.Parse(field.Value.GetRawText());
        return user;
    }

    private static Error Describe(AuthFailure refusal, int status) =>
        refusal.Error switch
        {
            AuthError.InvalidCredentials => new("UNAUTHORIZED", status, "Invalid login credentials"),
            AuthError.EmailTaken => new("CONFLICT", status, "User already exists", "USER_EXISTS"),
            AuthError.EmailNotVerified => new("FORBIDDEN", status, "You must verify your account to login"),
            AuthError.AccountLocked or AuthError.AccountDisabled => new("FORBIDDEN", status, "Inactive user"),
            AuthError.StepUpRequired => new("FORBIDDEN", status, "Re-login required to enter sudo mode"),
            AuthError.SecondFactorInvalid => new(
                NameOf(status),
                status,
                status == StatusCodes.Status400BadRequest ? "Code is not correct" : "Invalid code"
            ),
            AuthError.ValidationFailed when refusal.FieldErrors is [{ Code: FieldErrorCode.NotAMode }] => new(
                "INVALID_ARGUMENTS",
                status,
                "Method not valid"
            ),
            AuthError.LinkInvalid or AuthError.LinkExpired or AuthError.LinkUsed => new(
                "INVALID_ARGUMENTS",
                status,
                "Invalid parameters"
            ),
            AuthError.ValidationFailed when refusal.FieldErrors is [{ Code: FieldErrorCode.NotAnEmail }] => new(
                "INVALID_ARGUMENTS",
                status,
                "Invalid email address provided"
            ),
            var error => new(
                NameOf(status),
                status,
                error switch
                {
                    AuthError.SamePassword => "The new password can not be the same as the old password",
                    _ => Problems.Describe(error).Title,
                }
            ),
        };

    private static string NameOf(int status) =>
        status switch
        {
            401 => "UNAUTHORIZED",
            403 => "FORBIDDEN",
            404 or 405 => "NOT_FOUND",
            409 => "CONFLICT",
            429 => "RATE_LIMITED",
            >= 500 => "INTERNAL_SERVER_ERROR",
            _ => "INVALID_ARGUMENTS",
        };
}
