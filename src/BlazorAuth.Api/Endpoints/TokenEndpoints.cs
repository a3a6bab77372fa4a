using System.Text.Json;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;

namespace BlazorAuth.Api.Endpoints;

/// <summary>Signs programs in, keeps them signed in, and signs them out.</summary>
internal static class TokenEndpoints
{
    public sealed record SignInBody(string? Identifier, string? Password);

    public sealed record SecondFactorBody(string? Ticket, string? Code, string? RecoveryCode);

    public sealed record EmailCodeBody(string? Ticket, string? Code);

    /// <summary>What goes on with a sign-in that was begun.</summary>
    public sealed record TicketAnswer(string Ticket);

    public sealed record AnonymousBody(JsonElement? Profile);

    public sealed record RefreshBody(string? RefreshToken);

    /// <summary>An access token, the refresh token beside it, and whose they are. Lifetimes in seconds.</summary>
    public sealed record TokenAnswer(
        string AccessToken,
        string TokenType,
        int ExpiresIn,
        string RefreshToken,
        int RefreshExpiresIn,
        string SessionId,
        Account User
    );

    /// <summary>
    /// How the API document describes the answer of a route that also serves cookies: the tokens, or with a cookie the
    /// antiforgery header in their place.
    /// </summary>
    public sealed record SignedInAnswer(
        string SessionId,
        Account User,
        string? AccessToken = null,
        string? TokenType = null,
        int? ExpiresIn = null,
        string? RefreshToken = null,
        int? RefreshExpiresIn = null,
        CookieMode.Antiforgery? Antiforgery = null
    );

    /// <summary>The answer of <c>mode=cookie</c>: the cookie is in the headers.</summary>
    public sealed record CookieAnswer(string SessionId, Account User, CookieMode.Antiforgery Antiforgery);

    public static void MapTokens(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/token").WithTags("Tokens");

        group
            .MapPost(
                "",
                async (
                    SignInBody body,
                    string? mode,
                    CallerFromBearer from,
                    SignInWithPassword signIn,
                    TokenPrinter printer,
                    IEnumerable<IBrowserSession> doors,
                    CancellationToken ct
                ) =>
                {
                    if (printer.DoorOf(mode) is not { } door)
                        return Problems.Of(AuthFailure.Shape("mode", FieldErrorCode.NotAMode));
                    var outcome = await signIn.WithPasswordAsync(
                        from.Caller,
                        new(body.Identifier, body.Password, door, KnownDevice: doors.FirstOrDefault()?.KnownDevice),
                        ct
                    );
                    return await printer.PrintAsync(outcome, ct);
                }
            )
            .WithName("signIn")
            .WithSummary(
                "Sign in with an e-mail address or user name and a password; with ?mode=cookie for a cookie instead of tokens. Where a second factor is on, the 401 carries the ticket for it."
            )
            .Answers<SignedInAnswer>(200)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.InvalidCredentials,
                AuthError.SecondFactorRequired,
                AuthError.EmailNotVerified,
                AuthError.AccountLocked,
                AuthError.RateLimited
            );

        group
            .MapPost(
                "/second-factor",
                async (
                    SecondFactorBody body,
                    CallerFromBearer from,
                    VerifySecondFactor second,
                    TokenPrinter printer,
                    CancellationToken ct
                ) =>
                    await printer.PrintAsync(
                        (
                            await second.VerifyAsync(from.Caller, new(body.Ticket, body.Code, body.RecoveryCode), ct)
                        ).Outcome,
                        ct
                    )
            )
            .WithName("completeSignIn")
            .WithSummary(
                "Go on with the ticket of a sign-in, by the code of the authenticator app or by a recovery code, which is used up."
            )
            .Answers<SignedInAnswer>(200)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.TicketExpired,
                AuthError.SecondFactorInvalid,
                AuthError.EmailNotVerified,
                AuthError.AccountLocked,
                AuthError.InvalidCredentials,
                AuthError.RateLimited
            );

        group
            .MapPost(
                "/email-code",
                async (
                    AccountEndpoints.EmailBody body,
                    CallerFromBearer from,
                    SignInWithEmailCode flow,
                    CancellationToken ct
                ) =>
                    (await flow.RequestAsync(from.Caller, body.Email, ct)).Match<IResult>(
                        ticket => TypedResults.Accepted((string?)null, new TicketAnswer(ticket)),
                        Problems.Of
                    )
            )
            .WithName("sendEmailCode")
            .WithSummary(
                "Ask for an email with a code to sign in. The same answer for every address; the code counts only beside this ticket."
            )
            .Answers<TicketAnswer>(202)
            .Refuses(AuthError.ValidationFailed, AuthError.RateLimited);

        group
            .MapPost(
                "/email-code/verify",
                async (
                    EmailCodeBody body,
                    string? mode,
                    CallerFromBearer from,
                    SignInWithEmailCode flow,
                    TokenPrinter printer,
                    CancellationToken ct
                ) =>
                {
                    if (printer.DoorOf(mode) is not { } door)
                        return Problems.Of(AuthFailure.Shape("mode", FieldErrorCode.NotAMode));
                    return await printer.PrintAsync(
                        await flow.VerifyAsync(from.Caller, body.Ticket, body.Code, new(door), ct),
                        ct
                    );
                }
            )
            .WithName("signInWithEmailCode")
            .WithSummary(
                "Sign in with the code of the email: ten minutes, five tries. With ?mode=cookie for a cookie instead of tokens. Where a second factor is on, the 401 carries the ticket for it."
            )
            .Answers<SignedInAnswer>(200)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.TicketExpired,
                AuthError.LinkInvalid,
                AuthError.LinkUsed,
                AuthError.SecondFactorRequired,
                AuthError.AccountLocked,
                AuthError.InvalidCredentials,
                AuthError.Conflict,
                AuthError.RateLimited
            );

        group
            .MapPost(
                "/anonymous",
                async (
                    AnonymousBody? body,
                    CallerFromBearer from,
                    SignInAnonymously signIn,
                    TokenPrinter printer,
                    CancellationToken ct
                ) =>
                {
                    if (!AccountEndpoints.TryRaw(body?.Profile ?? default, out var profile))
                        return Problems.Of(AuthError.BadJson);
                    var outcome = await signIn.BeginAsync(from.Caller, profile, SessionKind.Api, null, ct);
                    return await printer.PrintAsync(outcome, ct);
                }
            )
            .WithName("signInAnonymously")
            .WithSummary("Sign in without an account. POST /api/account with the token makes it one, with the same id.")
            .Answers<TokenAnswer>(200)
            .Refuses(AuthError.ValidationFailed, AuthError.SignUpDisabled, AuthError.RateLimited);

        group
            .MapGet(
                "/antiforgery",
                (HttpContext http, IEnumerable<IBrowserSession> doors) =>
                    doors.Any(door => door.Current is not null)
                        ? TypedResults.Ok(CookieMode.Tokens(http))
                        : Problems.Of(AuthError.NotFound)
            )
            .WithName("getAntiforgeryToken")
            .WithSummary("The antiforgery header that bearer routes want beside a cookie.")
            .Answers<CookieMode.Antiforgery>(200)
            .Refuses(AuthError.NotFound);

        group
            .MapPost(
                "/refresh",
                async (
                    RefreshBody body,
                    CallerFromBearer from,
                    RefreshTokens tokens,
                    TokenPrinter printer,
                    CancellationToken ct
                ) =>
                {
                    var outcome = await tokens.RotateAsync(from.Caller, body.RefreshToken, ct);
                    return await outcome.Match(
                        pair => printer.PrintAsync(pair, ct),
                        refusal => Task.FromResult(Problems.Of(refusal))
                    );
                }
            )
            .WithName("refreshToken")
            .WithSummary(
                "Exchange a refresh token for the next pair. Sent twice within the leeway, it gets the same successor."
            )
            .Answers<TokenAnswer>(200)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.RefreshTokenInvalid,
                AuthError.RefreshTokenExpired,
                AuthError.RefreshTokenReused,
                AuthError.SessionRevoked,
                AuthError.PasswordChanged
            );

        group
            .MapPost(
                "/revoke",
                async (
                    RefreshBody? body,
                    HttpContext http,
                    CallerFromBearer from,
                    RefreshTokens tokens,
                    SessionStore sessions,
                    IEnumerable<IBrowserSession> doors,
                    CancellationToken ct
                ) =>
                {
                    if (body?.RefreshToken is not null)
                        await tokens.RevokeAsync(from.Caller, body.RefreshToken, ct);
                    else if (await CallerFromBearer.SessionOfEvenExpiredAsync(http) is { } session)
                        await sessions.SignOutAsync(from.Caller, session, ct);
                    else if (await CookieMode.SessionAsync(http) is not null)
                        await doors.Single().SignOutAsync(ct);
                    return Results.NoContent();
                }
            )
            .WithName("revokeToken")
            .WithSummary(
                "Sign out: end the session of this refresh token, or of the bearer token. Says nothing about whether it lived."
            )
            .Answers(204)
            .Refuses();
    }
}

/// <summary>
/// Prints what a program signs in with next: a pair of tokens, or a cookie and its antiforgery header.
/// </summary>
internal sealed class TokenPrinter(
    RefreshTokens tokens,
    ChangeProfile profiles,
    IHttpContextAccessor accessor,
    IEnumerable<IBrowserSession> doors
)
{
    private readonly IBrowserSession? _cookies = doors.FirstOrDefault();

    /// <summary>The door a mode asks for; null where this host has none of that name.</summary>
    public SessionKind? DoorOf(string? mode) =>
        mode switch
        {
            null or "token" => SessionKind.Api,
            "cookie" when _cookies is not null => SessionKind.Browser,
            _ => null,
        };

    /// <summary>What came of a sign-in, by whichever proof.</summary>
    public Task<IResult> PrintAsync(SignInOutcome outcome, CancellationToken ct) =>
        outcome.Match(
            done => PrintAsync(done.Session, ct),
            due => Task.FromResult(Problems.Of(due)),
            refusal => Task.FromResult(Problems.Of(refusal))
        );

    public async Task<IResult> PrintAsync(Session session, CancellationToken ct)
    {
        if (session.Kind == SessionKind.Api)
            return await PrintAsync(await tokens.IssueAsync(session, ct), ct);
        var http = accessor.HttpContext!;
        await _cookies!.SignInAsync(session);
        return (await profiles.ReadAsync(Caller.Of(session, null, null), ct)).Match<IResult>(
            account => TypedResults.Ok(new TokenEndpoints.CookieAnswer(session.Id, account, CookieMode.Tokens(http))),
            Problems.Of
        );
    }

    public async Task<IResult> PrintAsync(RefreshTokens.Pair pair, CancellationToken ct) =>
        (await profiles.ReadAsync(Caller.Of(pair.Session, null, null), ct)).Match<IResult>(
            account =>
                TypedResults.Ok(
                    new TokenEndpoints.TokenAnswer(
                        pair.AccessToken,
                        "Bearer",
                        (int)pair.AccessLifetime.TotalSeconds,
                        pair.RefreshToken,
                        (int)Math.Round(pair.RefreshLifetime.TotalSeconds),
                        pair.Session.Id,
                        account
                    )
                ),
            Problems.Of
        );
}
