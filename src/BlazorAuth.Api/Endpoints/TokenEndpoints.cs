using BlazorAuth.Core;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Flows;

namespace BlazorAuth.Api.Endpoints;

/// <summary>Signs programs in, keeps them signed in, and signs them out.</summary>
internal static class TokenEndpoints
{
    public sealed record SignInBody(string? Identifier, string? Password);

    public sealed record RefreshBody(string? RefreshToken);

    /// <summary>An access token, the refresh token beside it, and whose they are. Lifetimes in seconds.</summary>
    public sealed record TokenAnswer(
        string AccessToken, string TokenType, int ExpiresIn, string RefreshToken, int RefreshExpiresIn, string SessionId, Account User);

    public static void MapTokens(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/token").WithTags("Tokens");

        group.MapPost("", async (SignInBody body, CallerFromBearer from, SignIn signIn, TokenPrinter printer, CancellationToken ct) =>
            {
                var outcome = await signIn.WithPasswordAsync(from.Caller, new(body.Identifier, body.Password, SessionKind.Api), ct);
                return await outcome.Match(done => printer.PrintAsync(done.Session, ct), refusal => Task.FromResult(Problems.Of(refusal)));
            })
            .WithSummary("Sign in with an e-mail address or user name and a password.")
            .Answers<TokenAnswer>(200)
            .Refuses(AuthError.ValidationFailed, AuthError.InvalidCredentials, AuthError.EmailNotVerified, AuthError.AccountLocked, AuthError.RateLimited);

        group.MapPost("/refresh", async (RefreshBody body, CallerFromBearer from, RefreshTokens tokens, TokenPrinter printer, CancellationToken ct) =>
            {
                var outcome = await tokens.RotateAsync(from.Caller, body.RefreshToken, ct);
                return await outcome.Match(pair => printer.PrintAsync(pair, ct), refusal => Task.FromResult(Problems.Of(refusal)));
            })
            .WithSummary("Exchange a refresh token for the next pair. Sent twice within the leeway, it gets the same successor.")
            .Answers<TokenAnswer>(200)
            .Refuses(AuthError.ValidationFailed, AuthError.RefreshTokenInvalid, AuthError.RefreshTokenExpired, AuthError.RefreshTokenReused,
                AuthError.SessionRevoked, AuthError.PasswordChanged);

        group.MapPost("/revoke", async (RefreshBody? body, HttpContext http, CallerFromBearer from, RefreshTokens tokens, Sessions sessions, CancellationToken ct) =>
            {
                if (body?.RefreshToken is not null) await tokens.RevokeAsync(from.Caller, body.RefreshToken, ct);
                else if (CallerFromBearer.SessionOfEvenExpired(http) is { } session) await sessions.SignOutAsync(from.Caller, session, ct);
                return Results.NoContent();
            })
            .WithSummary("Sign out: end the session of this refresh token, or of the bearer token. Says nothing about whether it lived.")
            .Answers(204)
            .Refuses();
    }
}

/// <summary>Prints a pair of tokens with the account they are for.</summary>
internal sealed class TokenPrinter(RefreshTokens tokens, ChangeProfile profiles)
{
    public async Task<IResult> PrintAsync(Session session, CancellationToken ct) => await PrintAsync(await tokens.IssueAsync(session, ct), ct);

    public async Task<IResult> PrintAsync(RefreshTokens.Pair pair, CancellationToken ct)
    {
        var owner = Caller.Of(pair.Session, null, null);
        return (await profiles.ReadAsync(owner, ct)).Match<IResult>(
            account => TypedResults.Ok(new TokenEndpoints.TokenAnswer(
                pair.AccessToken, "Bearer", (int)pair.AccessLifetime.TotalSeconds, pair.RefreshToken,
                (int)Math.Round(pair.RefreshLifetime.TotalSeconds), pair.Session.Id, account)),
            Problems.Of);
    }
}
