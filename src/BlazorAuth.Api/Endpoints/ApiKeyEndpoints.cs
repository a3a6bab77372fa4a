using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ModelBinding;

namespace BlazorAuth.Api.Endpoints;

/// <summary>Makes, lists and revokes the caller's API keys.</summary>
internal static class ApiKeyEndpoints
{
    /// <summary>Seconds, or none for a key without an end.</summary>
    public sealed record MakeBody(
        string? Description,
        long? ExpiresIn,
        IReadOnlyList<string>? Scopes,
        string? Password
    );

    public sealed record RevokeBody(string? Password);

    /// <summary>A key without its text.</summary>
    public record KeyAnswer(
        string Id,
        string Description,
        string[]? Scopes,
        DateTimeOffset CreatedAt,
        DateTimeOffset LastUsedAt,
        DateTimeOffset? ExpiresAt
    );

    /// <summary>A new key, with its text this once.</summary>
    public sealed record MadeAnswer(
        string Id,
        string Key,
        string Description,
        string[]? Scopes,
        DateTimeOffset CreatedAt,
        DateTimeOffset? ExpiresAt
    );

    public static void MapApiKeys(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/account/keys").WithTags("API keys").RequireAuthorization(CallerFromBearer.Scheme);

        group
            .MapGet(
                "",
                async (CallerFromBearer from, ApiKeys keys, CancellationToken ct) =>
                    TypedResults.Ok((await keys.ListAsync(from.Caller, ct)).Select(Print))
            )
            .WithName("listApiKeys")
            .WithSummary("The living API keys of the account, the newest first.")
            .Refuses();

        group
            .MapPost(
                "",
                async (MakeBody body, CallerFromBearer from, ApiKeys keys, CancellationToken ct) =>
                    (
                        await keys.MakeAsync(
                            from.Caller,
                            new(body.Description, Lifetime(body.ExpiresIn), body.Scopes, body.Password),
                            ct
                        )
                    ).Match(Print, Problems.Of)
            )
            .WithName("createApiKey")
            .WithSummary(
                "Make an API key; its text is shown this once. Needs the password, or a sign-in that is fresh enough."
            )
            .Answers<MadeAnswer>(201)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.InvalidCredentials,
                AuthError.StepUpRequired,
                AuthError.Forbidden,
                AuthError.RateLimited
            );

        group
            .MapDelete(
                "/{id}",
                async (
                    string id,
                    [FromBody(EmptyBodyBehavior = EmptyBodyBehavior.Allow)] RevokeBody? body,
                    CallerFromBearer from,
                    ApiKeys keys,
                    CancellationToken ct
                ) =>
                    (await keys.RevokeAsync(from.Caller, id, body?.Password, ct)).Failure is { } refusal
                        ? Problems.Of(refusal)
                        : Results.NoContent()
            )
            .WithName("revokeApiKey")
            .WithSummary(
                "Revoke an API key, from the next request on. Needs the password, or a sign-in that is fresh enough."
            )
            .Answers(204)
            .Refuses(
                AuthError.NotFound,
                AuthError.ValidationFailed,
                AuthError.InvalidCredentials,
                AuthError.StepUpRequired,
                AuthError.Forbidden,
                AuthError.RateLimited
            );
    }

    private static TimeSpan? Lifetime(long? seconds) =>
        seconds is null
            ? null
            : TimeSpan.FromSeconds(Math.Clamp(seconds.Value, -1, (long)ApiKeys.Longest.TotalSeconds + 1));

    private static KeyAnswer Print(Session key) =>
        new(key.Id, key.Description!, key.Scopes?.Split(' '), key.CreatedAt, key.LastSeenAt, ApiKeys.EndOf(key));

    private static IResult Print(ApiKeys.CreatedKey made) =>
        Results.Created(
            "/api/account/keys",
            new MadeAnswer(
                made.Session.Id,
                made.Key,
                made.Session.Description!,
                made.Session.Scopes?.Split(' '),
                made.Session.CreatedAt,
                ApiKeys.EndOf(made.Session)
            )
        );
}
