using System.Text.Json;
using System.Text.Json.Serialization;
using BlazorAuth.Core;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;

namespace BlazorAuth.Api.Endpoints;

/// <summary>
/// The standard face of the token flows, for programs that come with an OAuth library: RFC 6749 §6, RFC 7009, RFC 7662.
/// </summary>
internal static class OAuthEndpoints
{
    public const string RefreshGrant = "refresh_token";

    private static readonly JsonSerializerOptions Known = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public sealed record TokenForm(
        [property: JsonPropertyName("grant_type")] string GrantType,
        [property: JsonPropertyName("refresh_token")] string RefreshToken,
        [property: JsonPropertyName("client_id")] string? ClientId = null,
        [property: JsonPropertyName("scope")] string? Scope = null
    );

    public sealed record RevokeForm(
        [property: JsonPropertyName("token")] string Token,
        [property: JsonPropertyName("token_type_hint")] string? TokenTypeHint = null,
        [property: JsonPropertyName("client_id")] string? ClientId = null
    );

    public sealed record IntrospectForm(
        [property: JsonPropertyName("token")] string Token,
        [property: JsonPropertyName("token_type_hint")] string? TokenTypeHint = null,
        [property: JsonPropertyName("client_id")] string? ClientId = null,
        [property: JsonPropertyName("client_secret")] string? ClientSecret = null
    );

    /// <summary>A pair of tokens (RFC 6749 §5.1).</summary>
    public sealed record TokenAnswer(
        [property: JsonPropertyName("access_token")] string AccessToken,
        [property: JsonPropertyName("token_type")] string TokenType,
        [property: JsonPropertyName("expires_in")] int ExpiresIn,
        [property: JsonPropertyName("refresh_token")] string RefreshToken
    );

    /// <summary>A living token, or nothing but that there is none (RFC 7662 §2.2).</summary>
    public sealed record Introspection(
        [property: JsonPropertyName("active")] bool Active,
        [property: JsonPropertyName("token_type")] string? TokenType = null,
        [property: JsonPropertyName("client_id")] string? ClientId = null,
        [property: JsonPropertyName("username")] string? Username = null,
        [property: JsonPropertyName("sub")] string? Subject = null,
        [property: JsonPropertyName("sid")] string? SessionId = null,
        [property: JsonPropertyName("iss")] string? Issuer = null,
        [property: JsonPropertyName("aud")] string? Audience = null,
        [property: JsonPropertyName("jti")] string? Id = null,
        [property: JsonPropertyName("iat")] long? IssuedAt = null,
        [property: JsonPropertyName("exp")] long? ExpiresAt = null,
        [property: JsonPropertyName("scope")] string? Scope = null
    );

    public static void MapOAuth(this RouteGroupBuilder group)
    {
        group
            .WithTags("OAuth")
            .AddEndpointFilter(
                (context, next) =>
                {
                    OAuthErrors.NotStored(context.HttpContext);
                    return next(context);
                }
            );

        group
            .MapPost(
                "/token",
                async (OAuthForm form, CallerFromBearer from, RefreshTokens tokens, CancellationToken ct) =>
                    WhyNoGrant(form)
                    ?? (await tokens.RotateAsync(from.Caller, form["refresh_token"], ct)).Match<IResult>(
                        pair => TypedResults.Ok(Print(pair)),
                        Problems.Of
                    )
            )
            .WithName("exchangeToken")
            .WithSummary(
                "Exchange a refresh token for the next pair (RFC 6749 §6). Sent twice within the leeway, it gets the same successor."
            )
            .Takes<TokenForm>()
            .Answers<TokenAnswer>(200)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.InvalidCredentials,
                AuthError.RefreshTokenInvalid,
                AuthError.RefreshTokenExpired,
                AuthError.RefreshTokenReused,
                AuthError.SessionRevoked,
                AuthError.PasswordChanged
            )
            .AlsoRefuses("unsupported_grant_type", "invalid_scope");

        group
            .MapPost(
                "/revoke",
                async (OAuthForm form, CallerFromBearer from, RefreshTokens tokens, CancellationToken ct) =>
                {
                    if (!form.IsPublicClient)
                        return Problems.Of(AuthError.InvalidCredentials);
                    if (form["token"] is not { } token)
                        return Missing("token");
                    await tokens.RevokeAsync(from.Caller, token, ct);
                    return Results.Ok();
                }
            )
            .WithName("revokeOAuthToken")
            .WithSummary(
                "Sign out: end the session of a refresh token, or of an access token, even an expired one (RFC 7009). Says nothing about whether it lived."
            )
            .Takes<RevokeForm>()
            .Answers(200)
            .Refuses(AuthError.ValidationFailed, AuthError.InvalidCredentials);

        group
            .MapPost(
                "/introspect",
                async (OAuthForm form, CallerFromBearer from, IntrospectToken introspect, CancellationToken ct) =>
                    (await introspect.DescribeAsync(from.Caller, form.Client, form["token"], ct)).Match<IResult>(
                        answer => Results.Json(Print(answer.Active), Known),
                        Problems.Of
                    )
            )
            .WithName("introspectToken")
            .WithSummary(
                "Whether a token is alive, and whose (RFC 7662). For the clients of Api:IntrospectionClients, by HTTP Basic or in the form."
            )
            .Takes<IntrospectForm>()
            .Answers<Introspection>(200)
            .Refuses(AuthError.ValidationFailed, AuthError.InvalidCredentials, AuthError.RateLimited);
    }

    private static IResult? WhyNoGrant(OAuthForm form) =>
        (form["grant_type"], form["refresh_token"], form["scope"]) switch
        {
            _ when !form.IsPublicClient => Problems.Of(AuthError.InvalidCredentials),
            (null, _, _) => Missing("grant_type"),
            (not RefreshGrant, _, _) => OAuthErrors.Of(
                "unsupported_grant_type",
                "Tokens begin at /api/token; here only the grant refresh_token is taken."
            ),
            (_, null, _) => Missing("refresh_token"),
            // none was granted, so any is too much (§6)
            (_, _, not null) => OAuthErrors.Of("invalid_scope", "Tokens have no scopes; leave the parameter out."),
            _ => null,
        };

    private static IResult Missing(string parameter) =>
        Problems.Of(AuthFailure.Shape(parameter, FieldErrorCode.Required));

    private static TokenAnswer Print(RefreshTokens.Pair pair) =>
        new(pair.AccessToken, "Bearer", (int)pair.AccessLifetime.TotalSeconds, pair.RefreshToken);

    private static Introspection Print(IntrospectToken.Token? token) =>
        token is null
            ? new(false)
            : new(
                true,
                token.IsRefresh ? "refresh_token" : "Bearer",
                AccessTokens.Client,
                token.Username,
                token.Session.UserId,
                token.Session.Id,
                token.Issuer,
                token.Audience,
                token.Id,
                token.IssuedAt?.ToUnixTimeSeconds(),
                token.ExpiresAt.ToUnixTimeSeconds(),
                token.Session.Scopes
            );

    private static RouteHandlerBuilder Takes<TForm>(this RouteHandlerBuilder route)
        where TForm : notnull => route.Accepts<TForm>(OAuthForm.ContentType);
}
