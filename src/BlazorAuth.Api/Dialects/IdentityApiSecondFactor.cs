using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.TwoFactor;

namespace BlazorAuth.Api.Dialects;

/// <summary>
/// The stock's <c>/manage/2fa</c>: one call that looks, sets up, turns on and off, by which of its fields are there.
/// Ours shows a key once, and keeps the app that is on until another is confirmed.
/// </summary>
internal sealed class IdentityApiSecondFactor(
    ManageAuthenticator totp,
    RegenerateRecoveryCodes codes,
    Reauthenticate stepUp
)
{
    public sealed record State(
        string SharedKey,
        int RecoveryCodesLeft,
        IReadOnlyList<string>? RecoveryCodes,
        bool IsTwoFactorEnabled,
        bool IsMachineRemembered
    );

    public static async Task<IResult> AnswerAsync(
        ForeignJson body,
        CallerFromBearer from,
        ManageAuthenticator totp,
        RegenerateRecoveryCodes codes,
        Reauthenticate stepUp,
        CancellationToken ct
    ) => await new IdentityApiSecondFactor(totp, codes, stepUp).ActAsync(from.Caller, body, ct);

    private async Task<IResult> ActAsync(Caller caller, ForeignJson body, CancellationToken ct)
    {
        var (enable, newKey, newCodes) = (
            body.Flag("enable"),
            body.Flag("resetSharedKey") is true,
            body.Flag("resetRecoveryCodes") is true
        );
        var (code, state) = (body.Text("twoFactorCode"), await totp.PreviewAsync(caller, ct));
        if (enable is true && newKey)
            return IdentityApi.Refuse(
                "CannotResetSharedKeyAndEnable",
                "Resetting the 2fa shared key must disable 2fa until a 2fa token based on the new shared key is validated."
            );
        if (enable is true)
            return await EnableAsync(caller, code, ct);
        if (newCodes && (enable is false || newKey || !state.On))
            return IdentityApi.Refuse(
                "TwoFactorNotEnabled",
                "Recovery codes come with the second factor, and are made anew where it is on, by themselves."
            );
        if (newCodes)
            return (await codes.MakeAsync(caller, ct)).Match<IResult>(
                made => Print(state, "", made.Codes),
                Problems.Of
            );
        if (enable is false && state.On)
        {
            if ((await totp.RemoveAsync(caller, ct)).Failure is { } kept)
                return Problems.Of(kept);
            state = await totp.PreviewAsync(caller, ct);
        }
        // Nothing asked for: the key, where nobody has been shown it yet, and where somebody may be.
        if (!newKey && (state.On || state.Pending is not null || !await stepUp.MayChangeFactorsAsync(caller, ct)))
            return Print(state, "", null);
        return (await totp.BeginAsync(caller, ct)).Match<IResult>(
            begun => Print(state, begun.Secret, null),
            Problems.Of
        );
    }

    private async Task<IResult> EnableAsync(Caller caller, string? code, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(code))
            return IdentityApi.Refuse(
                "RequiresTwoFactor",
                "No 2fa token was provided by the request. A valid 2fa token is required to enable 2fa."
            );
        var outcome = await totp.ConfirmAsync(caller, code, ct);
        if (outcome.Value is { } on)
            return Print(await totp.PreviewAsync(caller, ct), "", on.RecoveryCodes);
        return
            outcome.Failure!.Error is AuthError.SecondFactorInvalid or AuthError.NotFound or AuthError.ValidationFailed
            ? IdentityApi.Refuse(
                "InvalidTwoFactorCode",
                "The 2fa token provided by the request was invalid. A valid 2fa token is required to enable 2fa."
            )
            : Problems.Of(outcome.Failure);
    }

    private static IResult Print(
        ManageAuthenticator.AuthenticatorState state,
        string key,
        IReadOnlyList<string>? made
    ) => TypedResults.Ok(new State(key, made?.Count ?? state.CodesLeft, made, state.On, IsMachineRemembered: false));
}
