using System.Security.Claims;
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
/// The contract of ASP.NET Core's own <c>MapIdentityApi</c>, so that an application that speaks it changes one base
/// address. Where the stock tells who has an account, lets a refresh token be used again, or confirms on a GET, ours
/// does not (docs/dialects/identity-api.md).
/// </summary>
internal sealed class IdentityApi : IDialect
{
    private const string Prefix = "/identity";

    public sealed record Tokens(string TokenType, string AccessToken, long ExpiresIn, string RefreshToken);

    public sealed record Info(string? Email, bool IsEmailConfirmed);

    private const string Issuer = "LOCAL AUTHORITY";

    /// <summary>A role as a claim, spelled as the samples read it.</summary>
    public sealed record Role(string Issuer, string OriginalIssuer, string Type, string Value, string ValueType);

    public Dialect Dialect => Dialect.IdentityApi;

    public bool Owns(PathString path) => path.StartsWithSegments(Prefix);

    public void Map(IEndpointRouteBuilder routes)
    {
        var anyone = routes
            .MapGroup(Prefix)
            .ExcludeFromDescription()
            .WithMetadata(new RefusalCodes([]), new CookieMode.TakesCookie());
        anyone.MapPost(
            "/register",
            async (ForeignJson body, CallerFromBearer from, Register register, CancellationToken ct) =>
                (
                    await register.CreateAsync(
                        from.Caller,
                        new(body.Required("email"), null, body.Required("password")),
                        ct
                    )
                ).Match<IResult>(_ => TypedResults.Ok(), Problems.Of)
        );
        anyone.MapPost("/login", SignInAsync);
        anyone.MapPost(
            "/refresh",
            async (ForeignJson body, CallerFromBearer from, RefreshTokens tokens, CancellationToken ct) =>
                (await tokens.RotateAsync(from.Caller, body.Required("refreshToken"), ct)).Match<IResult>(
                    Print,
                    refusal =>
                        Problems.Of(
                            refusal.Error == AuthError.ValidationFailed ? AuthError.RefreshTokenInvalid : refusal
                        )
                )
        );
        // The stock confirms here. A scanner of emails would do that too, so there is a button to press.
        anyone.MapGet(
            "/confirmEmail",
            (string userId, string code, string? changedEmail, IOptions<AuthOptions> options) =>
                TypedResults.Redirect(
                    options
                        .Value.Link(
                            $"{(string.IsNullOrEmpty(changedEmail) ? "verify-email" : "confirm-email-change")}?token={Uri.EscapeDataString(code)}"
                        )
                        .ToString()
                )
        );
        anyone.MapPost(
            "/resendConfirmationEmail",
            async (ForeignJson body, CallerFromBearer from, VerifyEmail verify, CancellationToken ct) =>
                Asked(await verify.SendAsync(from.Caller, body.Required("email"), ct))
        );
        anyone.MapPost(
            "/forgotPassword",
            async (ForeignJson body, CallerFromBearer from, ResetPassword reset, CancellationToken ct) =>
                Asked(await reset.RequestAsync(from.Caller, body.Required("email"), ct))
        );
        anyone.MapPost("/resetPassword", ResetAsync);

        var owner = anyone.MapGroup("/manage").RequireAuthorization(CallerFromBearer.Scheme);
        owner.MapPost("/2fa", IdentityApiSecondFactor.AnswerAsync);
        owner.MapGet(
            "/info",
            async (CallerFromBearer from, ChangeProfile profiles, CancellationToken ct) =>
                (await profiles.ReadAsync(from.Caller, ct)).Match<IResult>(Print, Problems.Of)
        );
        owner.MapPost("/info", ChangeAsync);

        // Not MapIdentityApi's own: Microsoft's samples of standalone Blazor WebAssembly add both to it.
        anyone.MapPost("/logout", SignOutAsync).RequireAuthorization(CallerFromBearer.Scheme);
        anyone
            .MapGet(
                "/roles",
                async (CallerFromBearer from, ChangeProfile profiles, CancellationToken ct) =>
                    (await profiles.ReadAsync(from.Caller, ct)).Match<IResult>(
                        own => TypedResults.Ok(own.Roles.Select(Print)),
                        Problems.Of
                    )
            )
            .RequireAuthorization(CallerFromBearer.Scheme);
    }

    public async Task WriteAsync(HttpContext http, AuthFailure refusal, int status)
    {
        switch (refusal.Error)
        {
            case AuthError.AccessTokenInvalid
            or AuthError.AccessTokenExpired
            or AuthError.SessionRevoked
            or AuthError.SessionExpired
            or AuthError.PasswordChanged
            or AuthError.RefreshTokenInvalid
            or AuthError.RefreshTokenExpired
            or AuthError.RefreshTokenReused:
                if (http.Response.Headers.WWWAuthenticate.Count == 0)
                    http.Response.Headers.WWWAuthenticate = CallerFromBearer.Scheme;
                http.Response.StatusCode = StatusCodes.Status401Unauthorized;
                await http.Response.StartAsync(); // empty, as the stock's
                break;
            case AuthError.LinkInvalid or AuthError.LinkExpired or AuthError.LinkUsed:
                await Refuse("InvalidToken", "Invalid token.").ExecuteAsync(http);
                break;
            case AuthError.StepUpRequired:
                await Refuse("OldPasswordRequired", "The old password is required, or a sign-in that is fresh enough.")
                    .ExecuteAsync(http);
                break;
            default:
                await (
                    refusal is { FieldErrors.Count: > 0, Error: not AuthError.SecondFactorInvalid }
                        ? Refuse(refusal.FieldErrors)
                        : Plain(http, refusal.Error, status)
                ).ExecuteAsync(http);
                break;
        }
    }

    private static async Task<IResult> SignInAsync(
        ForeignJson body,
        bool? useCookies,
        bool? useSessionCookies,
        CallerFromBearer from,
        SignInWithPassword signIn,
        VerifySecondFactor secondFactor,
        RefreshTokens tokens,
        IEnumerable<IBrowserSession> doors,
        IOptions<AuthOptions> options,
        HttpContext http,
        CancellationToken ct
    )
    {
        var cookie = useCookies is true || useSessionCookies is true;
        // A page of somebody else's would sign the browser in to an account of its own.
        if (cookie && SocketOrigins.IsForeign(options.Value, http.Request))
            return Problems.Of(AuthError.Forbidden);
        if (cookie && !doors.Any())
            return Refuse("CookiesNotAvailable", "This host has no pages and gives no cookies.");
        var input = new SignInWithPassword.Input(
            body.Required("email"),
            body.Required("password"),
            cookie ? SessionKind.Browser : SessionKind.Api,
            Persistent: useCookies is true && useSessionCookies is not true,
            cookie ? null : Dialect.IdentityApi,
            KnownDevice: doors.FirstOrDefault()?.KnownDevice
        );
        var outcome = await signIn.WithPasswordAsync(from.Caller, input, ct);
        // Its clients send both factors at once.
        var (code, recoveryCode) = (body.Text("twoFactorCode"), body.Text("twoFactorRecoveryCode"));
        if (outcome is SignInOutcome.NeedsSecondFactor half && (code ?? recoveryCode) is { Length: > 0 })
            outcome = (await secondFactor.VerifyAsync(from.Caller, new(half.Ticket, code, recoveryCode), ct)).Outcome;
        return await outcome.Match(
            async done =>
                cookie
                    ? await GiveCookieAsync(http, doors.Single(), done.Session)
                    : Print(await tokens.IssueAsync(done.Session, ct)),
            due => Task.FromResult(Problems.Of(due.Failure)),
            // The stock has one answer for everything that signs nobody in, an empty password too.
            refusal =>
                Task.FromResult(
                    Problems.Of(
                        refusal.Error is AuthError.ValidationFailed or AuthError.SecondFactorInvalid
                            ? AuthError.InvalidCredentials
                            : refusal
                    )
                )
        );
    }

    // The body says nothing: that of the samples is {}, which a form cannot send.
    private static async Task<IResult> SignOutAsync(
        ForeignJson body,
        CallerFromBearer from,
        SessionStore sessions,
        IEnumerable<IBrowserSession> doors,
        CancellationToken ct
    )
    {
        if (from.Caller.ByKey)
            return Problems.Of(AuthError.Forbidden); // a key is revoked by its owner, not signed out
        if (doors.SingleOrDefault() is { Current: { } own } door && own.Id == from.Caller.SessionId)
            await door.SignOutAsync(ct);
        else
            await sessions.SignOutAsync(from.Caller, from.Caller.SessionId!, ct);
        return TypedResults.Ok();
    }

    private static async Task<IResult> GiveCookieAsync(HttpContext http, IBrowserSession door, Session session)
    {
        await door.SignInAsync(session);
        // For routes of our own API, which a cookie opens only beside this.
        var antiforgery = CookieMode.Tokens(http);
        http.Response.Headers[antiforgery.Header] = antiforgery.Token;
        return TypedResults.Ok();
    }

    private static async Task<IResult> ResetAsync(
        ForeignJson body,
        CallerFromBearer from,
        ResetPassword reset,
        CancellationToken ct
    )
    {
        var (email, code) = (body.Required("email"), body.Required("resetCode"));
        var link = await reset.PreviewAsync(from.Caller, code, ct);
        if (link.Failure is { Error: AuthError.RateLimited } limited)
            return Problems.Of(limited);
        if (!EmailAddress.TryParse(email, out var address) || link.Value?.Destination != address)
            return Problems.Of(AuthError.LinkInvalid);
        return (await reset.SetAsync(from.Caller, code, body.Required("newPassword"), ct)).Failure is { } refusal
            ? Problems.Of(refusal)
            : TypedResults.Ok();
    }

    private static async Task<IResult> ChangeAsync(
        ForeignJson body,
        CallerFromBearer from,
        ChangePassword passwords,
        ChangeEmail emails,
        ChangeProfile profiles,
        IEnumerable<IBrowserSession> doors,
        CancellationToken ct
    )
    {
        var (email, next, current) = (Given("newEmail"), Given("newPassword"), Given("oldPassword"));
        if (email is not null && !EmailAddress.TryParse(email, out _))
            return Problems.Of(AuthFailure.Shape("newEmail", FieldErrorCode.NotAnEmail));
        // Each is an act of its own: a second one that is refused would leave the first one done.
        if (email is not null && next is not null)
            return Refuse([new("newEmail", FieldErrorCode.Alone)]);
        if (next is not null)
        {
            if (current is null)
                return Refuse(
                    "OldPasswordRequired",
                    "The old password is required to set a new password. If the old password is forgotten, use /resetPassword."
                );
            var changed = await passwords.ChangeAsync(from.Caller, new Reauthentication.ByPassword(current), next, ct);
            if (changed.Value is not { } session)
                return Problems.Of(changed.Failure!);
            if (session.Kind == SessionKind.Browser)
                await doors.Single().SignInAsync(session);
        }
        // The stock's clients send no old password with a new address.
        var proof = Reauthentication.From(
            body.Text("oldPassword"),
            body.Text("twoFactorCode"),
            dialect: Dialect.IdentityApi
        );
        if (
            email is not null
            && (await emails.RequestAsync(from.Caller, email, proof, ct)).Failure is { } refusal
            && refusal is not { FieldErrors: [{ Code: FieldErrorCode.Same }] }
        )
            return Problems.Of(refusal);
        return (await profiles.ReadAsync(from.Caller, ct)).Match<IResult>(Print, Problems.Of);

        string? Given(string name) => body.Text(name) is { Length: > 0 } text ? text : null;
    }

    private static IResult Print(RefreshTokens.Pair pair) =>
        TypedResults.Ok(
            new Tokens(
                CallerFromBearer.Scheme,
                pair.AccessToken,
                (long)pair.AccessLifetime.TotalSeconds,
                pair.RefreshToken
            )
        );

    private static Role Print(string role) => new(Issuer, Issuer, ClaimTypes.Role, role, ClaimValueTypes.String);

    private static IResult Print(Account account) => TypedResults.Ok(new Info(account.Email, account.EmailVerified));

    // Also for what is no address: the stock does not look.
    private static IResult Asked(Result outcome) =>
        outcome.Failure is { Error: not AuthError.ValidationFailed } refusal ? Problems.Of(refusal) : TypedResults.Ok();

    private static IResult Plain(HttpContext http, AuthError error, int status) =>
        error switch
        {
            AuthError.InvalidCredentials or AuthError.SecondFactorInvalid or AuthError.TicketExpired =>
                TypedResults.Problem("Failed", statusCode: StatusCodes.Status401Unauthorized),
            AuthError.AccountLocked or AuthError.AccountDisabled => TypedResults.Problem(
                "LockedOut",
                statusCode: StatusCodes.Status401Unauthorized
            ),
            AuthError.EmailNotVerified => TypedResults.Problem(
                "NotAllowed",
                statusCode: StatusCodes.Status401Unauthorized
            ),
            AuthError.SecondFactorRequired => TypedResults.Problem(
                "RequiresTwoFactor",
                statusCode: StatusCodes.Status401Unauthorized
            ),
            AuthError.RateLimited
                when http.Request.Path.Value!.EndsWith("/login", StringComparison.OrdinalIgnoreCase) =>
                TypedResults.Problem("LockedOut", statusCode: status),
            _ => TypedResults.Problem(statusCode: status),
        };

    internal static IResult Refuse(string code, string sentence) =>
        TypedResults.ValidationProblem(
            new Dictionary<string, string[]>(StringComparer.Ordinal) { [code] = [sentence] }
        );

    private static IResult Refuse(IEnumerable<FieldError> faults) =>
        TypedResults.ValidationProblem(
            faults
                .Select(Describe)
                .GroupBy(e => e.Code)
                .ToDictionary(g => g.Key, g => g.Select(e => e.Sentence).ToArray(), StringComparer.Ordinal)
        );

    private static (string Code, string Sentence) Describe(FieldError fault) =>
        fault.Code switch
        {
            FieldErrorCode.NotAnEmail => ("InvalidEmail", "The e-mail address is invalid."),
            FieldErrorCode.Required when fault.Field.Contains("email", StringComparison.OrdinalIgnoreCase) => (
                "InvalidEmail",
                "An e-mail address is required."
            ),
            FieldErrorCode.Required => ("PasswordTooShort", "A password is required."),
            FieldErrorCode.Taken => ("DuplicateUserName", "The user name is already taken."),
            FieldErrorCode.TooShort => ("PasswordTooShort", $"Passwords must be at least {fault.Limit} characters."),
            FieldErrorCode.TooLong => ("PasswordTooLong", $"Passwords must be at most {fault.Limit} characters."),
            FieldErrorCode.Common => ("PasswordTooCommon", "The password is one of the most used."),
            FieldErrorCode.Guessable => ("PasswordTooGuessable", "The password is easy to guess from the account."),
            FieldErrorCode.Same => ("PasswordNotChanged", "The new password is the old one."),
            FieldErrorCode.Wrong => ("PasswordMismatch", "Incorrect password."),
            FieldErrorCode.LastWayIn => ("LastWayIn", "This is the last way into the account."),
            FieldErrorCode.Alone => (
                "OneChangeAtATime",
                "Change the e-mail address and the password one after the other."
            ),
            FieldErrorCode.NotAUserName
            or FieldErrorCode.NotAUrl
            or FieldErrorCode.NotAnObject
            or FieldErrorCode.NotAMode
            or FieldErrorCode.HasControlCharacters => ("InvalidValue", $"The value of {fault.Field} is invalid."),
        };
}
