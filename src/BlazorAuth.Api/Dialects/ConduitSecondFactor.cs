using System.Text.Json.Serialization;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;

namespace BlazorAuth.Api.Dialects;

/// <summary>
/// Conduit's <c>twoFa</c> of v0.16, for authenticator apps. Its half-signed-in access token is our ticket: it opens
/// <c>authorize</c>, <c>verify</c> and <c>recover</c>, and nothing else.
/// </summary>
internal static class ConduitSecondFactor
{
    private const string Authenticator = "authenticator";

    /// <summary>A sign-in that goes on at <c>twoFa/verify</c>, with this as its Bearer.</summary>
    public sealed record Half(string Message, string AccessToken);

    private sealed record Method([property: JsonPropertyName("method")] string Name, string Message);

    private sealed record Codes([property: JsonPropertyName("codes")] IReadOnlyList<string> All);

    private sealed record Recovered(string UserId, string AccessToken, string RefreshToken, string Message);

    public static IResult Print(SignInOutcome.NeedsSecondFactor due) =>
        TypedResults.Ok(new Half("OTP required", due.Ticket));

    /// <summary>Where a ticket is the Bearer.</summary>
    public static void MapDoors(RouteGroupBuilder group)
    {
        group.MapPost(
            "/authorize",
            async (
                HttpRequest request,
                CallerFromBearer from,
                VerifySecondFactor flow,
                ManageAuthenticator totp,
                CancellationToken ct
            ) =>
            {
                var half = await flow.PreviewAsync(from.Caller, Conduit.Bearer(request), ct) is not null;
                if (!half && from.Caller.UserId is null)
                    return Problems.Of(from.Refused ?? AuthError.AccessTokenInvalid);
                return half || (await totp.PreviewAsync(from.Caller, ct)).On
                    ? TypedResults.Ok(new Method(Authenticator, "Use your authenticator app to get the code"))
                    : Conduit.Say("2FA disabled");
            }
        );
        group.MapPost(
            "/verify",
            async (
                ForeignJson body,
                HttpRequest request,
                CallerFromBearer from,
                VerifySecondFactor flow,
                RefreshTokens tokens,
                CancellationToken ct
            ) =>
            {
                var given = await flow.VerifyAsync(
                    from.Caller,
                    new(Conduit.Bearer(request), body.Required("code"), null),
                    ct
                );
                return await Conduit.PrintAsync(given.Outcome, tokens, ct);
            }
        );
        group.MapPost(
            "/recover",
            async (
                ForeignJson body,
                HttpRequest request,
                CallerFromBearer from,
                VerifySecondFactor flow,
                RefreshTokens tokens,
                ManageAuthenticator totp,
                CancellationToken ct
            ) =>
            {
                var given = await flow.VerifyAsync(
                    from.Caller,
                    new(Conduit.Bearer(request), null, body.Required("code")),
                    ct
                );
                if (given.Outcome is not SignInOutcome.SignedIn done)
                    return await Conduit.PrintAsync(given.Outcome, tokens, ct);
                var pair = await tokens.IssueAsync(done.Session, ct);
                var left = (await totp.PreviewAsync(Caller.Of(done.Session, null, null), ct)).CodesLeft;
                return TypedResults.Ok(
                    new Recovered(
                        done.User.Id,
                        pair.AccessToken,
                        pair.RefreshToken,
                        $"You have {left} back up codes left"
                    )
                );
            }
        );
    }

    /// <summary>Where somebody is signed in.</summary>
    public static void MapOwn(RouteGroupBuilder group)
    {
        group.MapPut(
            "/enable",
            async (ForeignJson body, CallerFromBearer from, ManageAuthenticator totp, CancellationToken ct) =>
            {
                if (body.Required("method") is not (Authenticator or "qrcode"))
                    return Problems.Of(AuthFailure.Shape("method", FieldErrorCode.NotAMode));
                return (await totp.PreviewAsync(from.Caller, ct)).On
                    ? Conduit.Say("2FA already enabled")
                    : (await totp.BeginAsync(from.Caller, ct)).Match(begun => Conduit.Say(begun.Uri), Problems.Of);
            }
        );
        group.MapPost(
            "/enable/verify",
            async (ForeignJson body, CallerFromBearer from, ManageAuthenticator totp, CancellationToken ct) =>
            {
                var code = body.Required("code");
                return (await totp.PreviewAsync(from.Caller, ct)).On
                    ? Conduit.Say("2FA already enabled")
                    : (await totp.ConfirmAsync(from.Caller, code, ct)).Match(
                        _ => Conduit.Say("2FA enabled"),
                        Problems.Of
                    );
            }
        );
        group.MapPut(
            "/disable",
            async (CallerFromBearer from, ManageAuthenticator totp, CancellationToken ct) =>
                (await totp.RemoveAsync(from.Caller, ct)).Failure is { Error: not AuthError.NotFound } refusal
                    ? Problems.Of(refusal)
                    : Conduit.Say("2FA disabled")
        );
        // The original's clients send a GET. No link and no other site can: it needs a token in a header, and a recent
        // sign-in (ADR 0019).
        group.MapMethods(
            "/generate",
            ["GET", "POST"],
            async (CallerFromBearer from, RegenerateRecoveryCodes codes, CancellationToken ct) =>
                (await codes.MakeAsync(from.Caller, ct)).Match<IResult>(
                    made => TypedResults.Ok(new Codes(made.Codes)),
                    Problems.Of
                )
        );
    }
}
