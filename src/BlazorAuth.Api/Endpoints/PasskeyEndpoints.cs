using System.Text.Json;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Passkeys;
using BlazorAuth.Core.Results;

namespace BlazorAuth.Api.Endpoints;

/// <summary>Signs in with passkeys, and adds, lists, renames and removes the caller's.</summary>
internal static class PasskeyEndpoints
{
    public sealed record CredentialBody(string? Ticket, JsonElement? Credential);

    public sealed record AddBody(string? Ticket, JsonElement? Credential, string? Name);

    public sealed record RenameBody(string? Name);

    /// <summary>
    /// A ceremony: options as <c>PublicKeyCredential.parse…OptionsFromJSON</c> takes them, and the ticket that goes
    /// back with its answer.
    /// </summary>
    public sealed record CeremonyAnswer(string Ticket, JsonElement Options);

    public static void MapPasskeys(this RouteGroupBuilder api)
    {
        MapSignIn(api.MapGroup("/token/passkey").WithTags("Tokens"));
        MapOwn(api.MapGroup("/account/passkeys").WithTags("Passkeys").RequireAuthorization(CallerFromBearer.Scheme));
    }

    private static void MapSignIn(RouteGroupBuilder group)
    {
        group
            .MapPost(
                "/options",
                async (CallerFromBearer from, SignInWithPasskey signIn, CancellationToken ct) =>
                    Print(await signIn.BeginAsync(from.Caller, ct))
            )
            .WithName("beginSignInWithPasskey")
            .WithSummary(
                "Begin a sign-in with a passkey. The answer is the same for everybody; the browser says whose passkey it has."
            )
            .Answers<CeremonyAnswer>(200)
            .Refuses(AuthError.RateLimited);

        group
            .MapPost(
                "",
                async (
                    CredentialBody body,
                    string? mode,
                    CallerFromBearer from,
                    SignInWithPasskey signIn,
                    TokenPrinter printer,
                    CancellationToken ct
                ) =>
                {
                    if (printer.DoorOf(mode) is not { } door)
                        return Problems.Of(AuthFailure.Shape("mode", FieldErrorCode.NotAMode));
                    if (!AccountEndpoints.TryRaw(body.Credential ?? default, out var credential))
                        return Problems.Of(AuthError.BadJson);
                    return await printer.PrintAsync(
                        await signIn.FinishAsync(from.Caller, new(body.Ticket, credential, door), ct),
                        ct
                    );
                }
            )
            .WithName("signInWithPasskey")
            .WithSummary(
                "Sign in with the ticket of a ceremony and the browser's credential, as its toJSON() writes it; with ?mode=cookie for a cookie instead of tokens. A passkey is two factors: no second one is asked for."
            )
            .Answers<TokenEndpoints.SignedInAnswer>(200)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.PasskeyFailed,
                AuthError.EmailNotVerified,
                AuthError.AccountLocked,
                AuthError.InvalidCredentials,
                AuthError.RateLimited
            );
    }

    private static void MapOwn(RouteGroupBuilder group)
    {
        group
            .MapGet(
                "",
                async (CallerFromBearer from, ManagePasskeys passkeys, CancellationToken ct) =>
                    TypedResults.Ok(await passkeys.ListAsync(from.Caller, ct))
            )
            .WithName("listPasskeys")
            .WithSummary("The passkeys of the account, the newest first.")
            .Refuses();

        group
            .MapPost(
                "/options",
                async (CallerFromBearer from, ManagePasskeys passkeys, CancellationToken ct) =>
                    Print(await passkeys.BeginAsync(from.Caller, ct))
            )
            .WithName("beginAddPasskey")
            .WithSummary(
                "Begin to add a passkey. Needs a recent proof, by a passkey or the authenticator app where there is one."
            )
            .Answers<CeremonyAnswer>(200)
            .Refuses(AuthError.StepUpRequired, AuthError.Forbidden, AuthError.RateLimited);

        group
            .MapPost(
                "",
                async (AddBody body, CallerFromBearer from, ManagePasskeys passkeys, CancellationToken ct) =>
                {
                    if (!AccountEndpoints.TryRaw(body.Credential ?? default, out var credential))
                        return Problems.Of(AuthError.BadJson);
                    return (
                        await passkeys.AddAsync(from.Caller, new(body.Ticket, credential, body.Name), ct)
                    ).Match<IResult>(
                        added => TypedResults.Created($"/api/account/passkeys/{added.Id}", added),
                        Problems.Of
                    );
                }
            )
            .WithName("addPasskey")
            .WithSummary(
                "Add a passkey, with the ticket of the ceremony and the browser's credential. Without a name it gets its provider's."
            )
            .Answers<ManagePasskeys.Passkey>(201)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.PasskeyFailed,
                AuthError.StepUpRequired,
                AuthError.Forbidden,
                AuthError.Conflict,
                AuthError.RateLimited
            );

        group
            .MapPatch(
                "/{id}",
                async (
                    string id,
                    RenameBody body,
                    CallerFromBearer from,
                    ManagePasskeys passkeys,
                    CancellationToken ct
                ) =>
                    (await passkeys.RenameAsync(from.Caller, id, body.Name, ct)).Match<IResult>(
                        TypedResults.Ok,
                        Problems.Of
                    )
            )
            .WithName("renamePasskey")
            .WithSummary("Give a passkey another name. Needs a sign-in that is fresh enough.")
            .Answers<ManagePasskeys.Passkey>(200)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.NotFound,
                AuthError.StepUpRequired,
                AuthError.Forbidden,
                AuthError.RateLimited
            );

        group
            .MapDelete(
                "/{id}",
                async (string id, CallerFromBearer from, ManagePasskeys passkeys, CancellationToken ct) =>
                    (await passkeys.RemoveAsync(from.Caller, id, ct)).Failure is { } refusal
                        ? Problems.Of(refusal)
                        : Results.NoContent()
            )
            .WithName("removePasskey")
            .WithSummary(
                "Remove a passkey and end every other session. Needs a recent proof by a passkey or the authenticator app. The last way into the account stays."
            )
            .Answers(204)
            .Refuses(
                AuthError.NotFound,
                AuthError.Conflict,
                AuthError.StepUpRequired,
                AuthError.Forbidden,
                AuthError.RateLimited
            );
    }

    internal static IResult Print(Result<Ceremony> outcome) =>
        outcome.Match<IResult>(
            begun => TypedResults.Ok(new CeremonyAnswer(begun.Ticket, JsonElement.Parse(begun.Options))),
            Problems.Of
        );
}
