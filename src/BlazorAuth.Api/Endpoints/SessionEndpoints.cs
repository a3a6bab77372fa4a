using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;

namespace BlazorAuth.Api.Endpoints;

/// <summary>
/// Shows and ends the caller's sessions, of browsers and programs alike, and shows what happened to the account.
/// </summary>
internal static class SessionEndpoints
{
    public sealed record SessionAnswer(
        string Id,
        SessionKind Kind,
        bool Current,
        string[] Methods,
        string? Address,
        string? Agent,
        DateTimeOffset CreatedAt,
        DateTimeOffset AuthenticatedAt,
        DateTimeOffset LastSeenAt,
        DateTimeOffset ExpiresAt
    );

    public static void MapSessions(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/account/sessions")
            .WithTags("Sessions")
            .RequireAuthorization(CallerFromBearer.Scheme);

        group
            .MapGet(
                "",
                async (CallerFromBearer from, SessionStore sessions, CancellationToken ct) =>
                    TypedResults.Ok(
                        (await sessions.ListAsync(from.Caller, ct)).Select(s => new SessionAnswer(
                            s.Id,
                            s.Kind,
                            s.Id == from.Caller.SessionId,
                            s.Methods.Split(' '),
                            s.Address,
                            s.Agent,
                            s.CreatedAt,
                            s.AuthenticatedAt,
                            s.LastSeenAt,
                            s.IdleEndsAt
                        ))
                    )
            )
            .WithName("listSessions")
            .WithSummary("The live sessions of the account, the current one first.")
            .Refuses();

        group
            .MapDelete(
                "/{id}",
                async (string id, CallerFromBearer from, SessionStore sessions, CancellationToken ct) =>
                    (await sessions.EndAsync(from.Caller, id, ct)).Failure is { } refusal
                        ? Problems.Of(refusal)
                        : Results.NoContent()
            )
            .WithName("endSession")
            .WithSummary("End one session.")
            .Answers(204)
            .Refuses(AuthError.NotFound);

        group
            .MapDelete(
                "",
                async (CallerFromBearer from, SessionStore sessions, CancellationToken ct) =>
                    (await sessions.EndOthersAsync(from.Caller, ct)).Failure is { } refusal
                        ? Problems.Of(refusal)
                        : Results.NoContent()
            )
            .WithName("endOtherSessions")
            .WithSummary("End every session but this one.")
            .Answers(204)
            .Refuses();

        api.MapGet(
                "/account/activity",
                async (int? skip, CallerFromBearer from, ListActivity activity, CancellationToken ct) =>
                    TypedResults.Ok((await activity.ListAsync(from.Caller, skip ?? 0, ct)).Entries)
            )
            .WithTags("Sessions")
            .RequireAuthorization(CallerFromBearer.Scheme)
            .WithName("listActivity")
            .WithSummary(
                $"What happened to the account, the newest first, {ListActivity.PageSize} at a time; skip leaves out newer ones."
            )
            .Refuses(AuthError.BadJson);
    }
}
