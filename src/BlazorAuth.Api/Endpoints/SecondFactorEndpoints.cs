using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.TwoFactor;

namespace BlazorAuth.Api.Endpoints;

/// <summary>Sets the caller's authenticator app up, removes it, and makes recovery codes.</summary>
internal static class SecondFactorEndpoints
{
    public sealed record CodeBody(string? Code);

    /// <summary>What an authenticator app needs, this once: in base32, and as an <c>otpauth:</c> address.</summary>
    public sealed record SetUpAnswer(string Secret, string Uri);

    /// <summary>Ten codes, shown this once.</summary>
    public sealed record CodesAnswer(IReadOnlyList<string> RecoveryCodes);

    public static void MapSecondFactors(this RouteGroupBuilder api)
    {
        var group = api.MapGroup("/account").WithTags("Second factor").RequireAuthorization(CallerFromBearer.Scheme);

        group
            .MapPost(
                "/totp",
                async (CallerFromBearer from, ManageAuthenticator totp, CancellationToken ct) =>
                    (await totp.BeginAsync(from.Caller, ct)).Match(
                        begun => TypedResults.Ok(new SetUpAnswer(begun.Secret, begun.Uri)),
                        Problems.Of
                    )
            )
            .WithName("beginTotp")
            .WithSummary(
                "Begin to set up an authenticator app; the secret is shown this once. Needs a recent proof, by a passkey or the authenticator app where there is one. Nothing changes before a code of it confirms."
            )
            .Answers<SetUpAnswer>(200)
            .Refuses(AuthError.StepUpRequired, AuthError.Forbidden, AuthError.RateLimited);

        group
            .MapPost(
                "/totp/confirm",
                async (CodeBody body, CallerFromBearer from, ManageAuthenticator totp, CancellationToken ct) =>
                    (await totp.ConfirmAsync(from.Caller, body.Code, ct)).Match(
                        done => TypedResults.Ok(new CodesAnswer(done.RecoveryCodes)),
                        Problems.Of
                    )
            )
            .WithName("confirmTotp")
            .WithSummary(
                "Turn the app on by a code of it, within a quarter of an hour. Ends every other session; this one's tokens stay good, and are of one factor until a code proves the session. The answer carries ten recovery codes, this once."
            )
            .Answers<CodesAnswer>(200)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.SecondFactorInvalid,
                AuthError.StepUpRequired,
                AuthError.NotFound,
                AuthError.Forbidden,
                AuthError.RateLimited
            );

        group
            .MapDelete(
                "/totp",
                async (CallerFromBearer from, ManageAuthenticator totp, CancellationToken ct) =>
                    (await totp.RemoveAsync(from.Caller, ct)).Failure is { } refusal
                        ? Problems.Of(refusal)
                        : Results.NoContent()
            )
            .WithName("removeTotp")
            .WithSummary(
                "Remove the authenticator app and the recovery codes. Ends every other session. Needs a recent proof by a passkey or the authenticator app."
            )
            .Answers(204)
            .Refuses(AuthError.StepUpRequired, AuthError.NotFound, AuthError.Forbidden, AuthError.RateLimited);

        group
            .MapPost(
                "/recovery-codes",
                async (CallerFromBearer from, RegenerateRecoveryCodes codes, CancellationToken ct) =>
                    (await codes.MakeAsync(from.Caller, ct)).Match(
                        made => TypedResults.Ok(new CodesAnswer(made.Codes)),
                        Problems.Of
                    )
            )
            .WithName("createRecoveryCodes")
            .WithSummary(
                "Make ten recovery codes in place of the old; they are shown this once. Needs a recent proof by a passkey or the authenticator app."
            )
            .Answers<CodesAnswer>(200)
            .Refuses(AuthError.StepUpRequired, AuthError.NotFound, AuthError.Forbidden, AuthError.RateLimited);
    }
}
