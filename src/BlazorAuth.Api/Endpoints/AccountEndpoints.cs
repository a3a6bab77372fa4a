using System.Text.Json;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.TwoFactor;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.ModelBinding;

namespace BlazorAuth.Api.Endpoints;

/// <summary>Makes, reads, changes and closes accounts.</summary>
internal static class AccountEndpoints
{
    public sealed record RegisterBody(
        string? Email,
        string? Username,
        string? Password,
        string? DisplayName,
        JsonElement? Profile
    );

    public sealed record EmailBody(string? Email);

    /// <summary>
    /// By the token or the code of the email. With a token, <c>newPassword</c> sets another password and ends
    /// everything older.
    /// </summary>
    public sealed record VerifyBody(string? Token, string? Email, string? Code, string? NewPassword = null);

    public sealed record TokenBody(string? Token);

    public sealed record ResetBody(string? Token, string? NewPassword);

    /// <summary>
    /// The proof is the current password, a code of the authenticator app, or a passkey's ticket and credential. API
    /// keys end with the old password, unless <c>endKeys</c> is false.
    /// </summary>
    public sealed record ChangePasswordBody(
        string? CurrentPassword,
        string? NewPassword,
        string? Password,
        string? Code,
        string? Ticket,
        JsonElement? Credential,
        bool? EndKeys = null
    );

    /// <summary>
    /// The proof is the current password, a code of the authenticator app, or a passkey's ticket and credential.
    /// </summary>
    public sealed record ChangeEmailBody(
        string? NewEmail,
        string? CurrentPassword,
        string? Password,
        string? Code,
        string? Ticket,
        JsonElement? Credential
    );

    public sealed record StepUpBody(string? Password, string? Code, string? Ticket, JsonElement? Credential);

    /// <summary>
    /// The proof is the password, a code of the authenticator app, or a passkey's ticket and credential.
    /// </summary>
    public sealed record CloseBody(
        string? Password,
        string? CurrentPassword,
        string? Code,
        string? Ticket,
        JsonElement? Credential
    );

    /// <summary>Whether a password signs in without a passkey after it.</summary>
    public sealed record SignInBody(bool? PasswordAlone);

    /// <summary>
    /// Whether a password signs in without a passkey after it, and whether the account's owner can choose that.
    /// </summary>
    public sealed record SignInAnswer(bool PasswordAlone, bool MayChange);

    /// <summary>Absent fields stay, null clears.</summary>
    public sealed record ProfileBody(
        JsonElement DisplayName,
        JsonElement Avatar,
        JsonElement Username,
        JsonElement Profile
    );

    public static void MapAccount(this RouteGroupBuilder api)
    {
        var anyone = api.MapGroup("/account").WithTags("Account");
        var owner = api.MapGroup("/account").WithTags("Account").RequireAuthorization(CallerFromBearer.Scheme);
        MapSignUp(anyone);
        MapForgotten(anyone);
        MapOwn(owner);
        MapCredentials(owner, anyone);
    }

    private static void MapSignUp(RouteGroupBuilder group)
    {
        group
            .MapPost(
                "",
                async (
                    RegisterBody body,
                    CallerFromBearer from,
                    Register register,
                    ChangeProfile profiles,
                    CancellationToken ct
                ) =>
                {
                    // The token of an anonymous account that is over: to make another account would lose what the first
                    // one holds.
                    if (from.Refused is { } over)
                        return Problems.Of(over);
                    if (!TryRaw(body.Profile ?? default, out var profile))
                        return Problems.Of(AuthError.BadJson);
                    var outcome = await register.CreateAsync(
                        from.Caller,
                        new(body.Email, body.Username, body.Password, body.DisplayName, profile),
                        ct
                    );
                    return await outcome.Match(
                        async done =>
                            done.User is null
                                ? Results.Accepted()
                                : Results.Created("/api/account", await profiles.ViewAsync(done.User, ct)),
                        refusal => Task.FromResult(Problems.Of(refusal))
                    );
                }
            )
            .WithName("registerAccount")
            .WithSummary(
                "Make an account. Where unverified accounts cannot sign in, the answer is 202 for free and taken addresses alike. With the token of an anonymous account, that one gets the name."
            )
            .Answers<Account>(201)
            .Answers(202)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.WeakPassword,
                AuthError.CommonPassword,
                AuthError.EmailTaken,
                AuthError.UsernameTaken,
                AuthError.SignUpDisabled,
                AuthError.Conflict,
                AuthError.RateLimited,
                AuthError.AccessTokenInvalid,
                AuthError.AccessTokenExpired,
                AuthError.SessionRevoked,
                AuthError.SessionExpired
            );

        group
            .MapPost(
                "/verify/send",
                async (EmailBody body, CallerFromBearer from, VerifyEmail verify, CancellationToken ct) =>
                    Print(await verify.SendAsync(from.Caller, body.Email, ct), Results.Accepted())
            )
            .WithName("sendVerification")
            .WithSummary(
                "Ask for the verification email again. The answer does not tell whether the address has an account."
            )
            .Answers(202)
            .Refuses(AuthError.ValidationFailed, AuthError.RateLimited);

        group
            .MapPost(
                "/verify",
                async (
                    VerifyBody body,
                    CallerFromBearer from,
                    VerifyEmail verify,
                    ResetPassword reset,
                    CancellationToken ct
                ) =>
                    body.NewPassword is not null
                        ? Print(await reset.SetFirstAsync(from.Caller, body.Token, body.NewPassword, ct))
                        : (
                            body.Token is not null
                                ? await verify.ConfirmAsync(from.Caller, body.Token, ct)
                                : await verify.ConfirmCodeAsync(from.Caller, body.Email, body.Code, ct)
                        ).Match(_ => Results.NoContent(), Problems.Of)
            )
            .WithName("verifyEmail")
            .WithSummary(
                "Verify an e-mail address by the token or the code of the email. With newPassword beside the token, that is the password from now on, and everything set before ends."
            )
            .Answers(204)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.WeakPassword,
                AuthError.CommonPassword,
                AuthError.LinkInvalid,
                AuthError.LinkExpired,
                AuthError.LinkUsed,
                AuthError.Conflict,
                AuthError.RateLimited
            );
    }

    private static void MapForgotten(RouteGroupBuilder group)
    {
        group
            .MapPost(
                "/password/forgot",
                async (EmailBody body, CallerFromBearer from, ResetPassword reset, CancellationToken ct) =>
                    Print(await reset.RequestAsync(from.Caller, body.Email, ct), Results.Accepted())
            )
            .WithName("forgotPassword")
            .WithSummary("Ask for a reset email. The answer does not tell whether the address has an account.")
            .Answers(202)
            .Refuses(AuthError.ValidationFailed, AuthError.RateLimited);

        group
            .MapPost(
                "/password/reset",
                async (ResetBody body, CallerFromBearer from, ResetPassword reset, CancellationToken ct) =>
                    Print(await reset.SetAsync(from.Caller, body.Token, body.NewPassword, ct))
            )
            .WithName("resetPassword")
            .WithSummary("Set a new password with the token of the email. Ends every session.")
            .Answers(204)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.LinkInvalid,
                AuthError.LinkExpired,
                AuthError.LinkUsed,
                AuthError.WeakPassword,
                AuthError.CommonPassword,
                AuthError.Conflict,
                AuthError.RateLimited
            );
    }

    private static void MapOwn(RouteGroupBuilder group)
    {
        group
            .MapGet(
                "",
                async (CallerFromBearer from, ChangeProfile profiles, CancellationToken ct) =>
                    Print(await profiles.ReadAsync(from.Caller, ct))
            )
            .WithName("getAccount")
            .WithSummary("The signed-in account.")
            .Answers<Account>(200)
            .Refuses();

        group
            .MapPatch(
                "",
                async (ProfileBody body, CallerFromBearer from, ChangeProfile profiles, CancellationToken ct) =>
                {
                    return TryRead(body, out var input)
                        ? Print(await profiles.ChangeAsync(from.Caller, input!, ct))
                        : Problems.Of(AuthError.BadJson);
                }
            )
            .WithName("updateAccount")
            .WithSummary("Change display name, avatar, user name or profile. Absent fields stay, null clears.")
            .Accepts<ProfileBody>("application/json")
            .Answers<Account>(200)
            .Refuses(AuthError.ValidationFailed, AuthError.UsernameTaken, AuthError.Conflict);

        group
            .MapGet(
                "/export",
                async (CallerFromBearer from, ExportAccount export, HttpResponse response, CancellationToken ct) =>
                {
                    var outcome = await export.ExportAsync(from.Caller, ct);
                    if (outcome.Value is not null)
                        response.Headers.ContentDisposition = "attachment; filename=\"account.json\"";
                    return outcome.Match<IResult>(TypedResults.Ok, Problems.Of);
                }
            )
            .WithName("exportAccount")
            .WithSummary("Everything that is stored of the account, as a file. Needs a sign-in that is fresh enough.")
            .Answers<ExportAccount.Export>(200)
            .Refuses(AuthError.StepUpRequired, AuthError.Forbidden);

        group
            .MapDelete(
                "",
                async (
                    [FromBody(EmptyBodyBehavior = EmptyBodyBehavior.Allow)] CloseBody? body,
                    CallerFromBearer from,
                    CloseAccount close,
                    CancellationToken ct
                ) =>
                    TryProof(
                        body?.Password ?? body?.CurrentPassword,
                        body?.Code,
                        body?.Ticket,
                        body?.Credential,
                        out var proof
                    )
                        ? Print(await close.CloseAsync(from.Caller, proof, ct))
                        : Problems.Of(AuthError.BadJson)
            )
            .WithName("closeAccount")
            .WithSummary(
                "Close the account and delete everything in it. Needs the password, a code of the authenticator app, or a passkey, given with this call."
            )
            .Answers(204)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.InvalidCredentials,
                AuthError.SecondFactorInvalid,
                AuthError.PasskeyFailed,
                AuthError.StepUpRequired,
                AuthError.Forbidden,
                AuthError.RateLimited
            );

        group
            .MapGet(
                "/sign-in",
                async (CallerFromBearer from, ManagePasswordOnlySignIn flow, CancellationToken ct) =>
                    TypedResults.Ok(View(await flow.ReadAsync(from.Caller, ct)))
            )
            .WithName("getSignInChoice")
            .WithSummary("Whether a password alone signs in to the account.")
            .Refuses();

        group
            .MapPatch(
                "/sign-in",
                async (SignInBody body, CallerFromBearer from, ManagePasswordOnlySignIn flow, CancellationToken ct) =>
                    (await flow.ChooseAsync(from.Caller, body.PasswordAlone, ct)).Match<IResult>(
                        state => TypedResults.Ok(View(state)),
                        Problems.Of
                    )
            )
            .WithName("chooseSignIn")
            .WithSummary(
                "Choose whether a password alone signs in, or a passkey is asked for after it. Needs a recent proof by a passkey or the authenticator app."
            )
            .Answers<SignInAnswer>(200)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.StepUpRequired,
                AuthError.Forbidden,
                AuthError.Conflict,
                AuthError.RateLimited
            );
    }

    private static SignInAnswer View(ManagePasswordOnlySignIn.State state) => new(state.Allowed, state.MayChange);

    // Fills in what was sent, and decides nothing: the flow knows which proof its act takes.
    private static bool TryProof(
        string? password,
        string? code,
        string? ticket,
        JsonElement? credential,
        out Reauthentication proof
    )
    {
        var readable = TryRaw(credential ?? default, out var raw);
        proof = Reauthentication.From(password, code, ticket, raw);
        return readable;
    }

    private static void MapCredentials(RouteGroupBuilder owner, RouteGroupBuilder anyone)
    {
        owner
            .MapPost(
                "/password",
                async (
                    ChangePasswordBody body,
                    CallerFromBearer from,
                    ChangePassword change,
                    TokenPrinter printer,
                    CancellationToken ct
                ) =>
                {
                    if (
                        !TryProof(
                            body.CurrentPassword ?? body.Password,
                            body.Code,
                            body.Ticket,
                            body.Credential,
                            out var proof
                        )
                    )
                        return Problems.Of(AuthError.BadJson);
                    var outcome = await change.ChangeAsync(
                        from.Caller,
                        proof,
                        body.NewPassword,
                        body.EndKeys ?? true,
                        ct
                    );
                    return await outcome.Match(
                        session => printer.PrintAsync(session, ct),
                        refusal => Task.FromResult(Problems.Of(refusal))
                    );
                }
            )
            .WithName("changePassword")
            .WithSummary(
                "Change the password, or set the first one. Needs the current password, a code of the authenticator app, or a passkey, given with this call. Ends every other session, and every API key unless endKeys is false; the answer carries this session's new tokens."
            )
            .Answers<TokenEndpoints.SignedInAnswer>(200)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.InvalidCredentials,
                AuthError.SecondFactorInvalid,
                AuthError.PasskeyFailed,
                AuthError.Forbidden,
                AuthError.StepUpRequired,
                AuthError.WeakPassword,
                AuthError.CommonPassword,
                AuthError.SamePassword,
                AuthError.Conflict,
                AuthError.RateLimited
            );

        owner
            .MapPost(
                "/step-up",
                async (
                    StepUpBody body,
                    CallerFromBearer from,
                    Reauthenticate stepUp,
                    TokenPrinter printer,
                    CancellationToken ct
                ) =>
                {
                    if (!TryProof(body.Password, body.Code, body.Ticket, body.Credential, out var proof))
                        return Problems.Of(AuthError.BadJson);
                    var outcome = await stepUp.ReauthenticateAsync(from.Caller, proof, ct);
                    return await outcome.Match(
                        session => printer.PrintAsync(session, ct),
                        refusal => Task.FromResult(Problems.Of(refusal))
                    );
                }
            )
            .WithName("stepUp")
            .WithSummary(
                "Prove again who you are, by the password, a code of the authenticator app, or a passkey: sensitive acts want a proof that is not older than a while. The answer carries this session's new tokens."
            )
            .Answers<TokenEndpoints.SignedInAnswer>(200)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.InvalidCredentials,
                AuthError.SecondFactorInvalid,
                AuthError.PasskeyFailed,
                AuthError.Forbidden,
                AuthError.RateLimited
            );

        owner
            .MapPost(
                "/step-up/options",
                async (CallerFromBearer from, Reauthenticate stepUp, CancellationToken ct) =>
                    PasskeyEndpoints.Print(await stepUp.BeginPasskeyAsync(from.Caller, ct))
            )
            .WithName("beginStepUpWithPasskey")
            .WithSummary("Begin a proof by passkey. The ticket is good in this session only.")
            .Answers<PasskeyEndpoints.CeremonyAnswer>(200)
            .Refuses(AuthError.Forbidden, AuthError.RateLimited);

        owner
            .MapPost(
                "/email",
                async (ChangeEmailBody body, CallerFromBearer from, ChangeEmail change, CancellationToken ct) =>
                    TryProof(
                        body.CurrentPassword ?? body.Password,
                        body.Code,
                        body.Ticket,
                        body.Credential,
                        out var proof
                    )
                        ? Print(await change.RequestAsync(from.Caller, body.NewEmail, proof, ct), Results.Accepted())
                        : Problems.Of(AuthError.BadJson)
            )
            .WithName("changeEmail")
            .WithSummary(
                "Ask to move the account to another address. It moves when that address confirms. Needs the current password, a code of the authenticator app, or a passkey, given with this call."
            )
            .Answers(202)
            .Refuses(
                AuthError.ValidationFailed,
                AuthError.InvalidCredentials,
                AuthError.SecondFactorInvalid,
                AuthError.PasskeyFailed,
                AuthError.StepUpRequired,
                AuthError.Forbidden,
                AuthError.RateLimited
            );

        anyone
            .MapPost(
                "/email/confirm",
                async (TokenBody body, CallerFromBearer from, ChangeEmail change, CancellationToken ct) =>
                    (await change.ConfirmAsync(from.Caller, body.Token, ct)).Match(
                        _ => Results.NoContent(),
                        Problems.Of
                    )
            )
            .WithName("confirmEmailChange")
            .WithSummary(
                "Confirm the new address with the token of the email. Ends every session but the one that asked."
            )
            .Answers(204)
            .Refuses(
                AuthError.LinkInvalid,
                AuthError.LinkExpired,
                AuthError.LinkUsed,
                AuthError.EmailTaken,
                AuthError.Conflict,
                AuthError.RateLimited
            );
    }

    private static bool TryRead(ProfileBody body, out ChangeProfile.Input? input)
    {
        input = null;
        if (
            !TryText(body.DisplayName, out var name)
            || !TryText(body.Avatar, out var avatar)
            || !TryText(body.Username, out var username)
        )
            return false;
        if (!TryRaw(body.Profile, out var profile))
            return false;
        input = new(
            name,
            avatar,
            username,
            body.Profile.ValueKind == JsonValueKind.Undefined ? default : new(true, profile)
        );
        return true;
    }

    internal static bool TryRaw(JsonElement json, out string? text)
    {
        text = null;
        try
        {
            if (json.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null))
                text = json.GetRawText();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false; // not UTF-8 inside
        }
    }

    private static bool TryText(JsonElement json, out ChangeProfile.Field field)
    {
        field = default;
        try
        {
            if (json.ValueKind is JsonValueKind.String or JsonValueKind.Null)
                field = new(true, json.GetString());
            return json.ValueKind is JsonValueKind.String or JsonValueKind.Null or JsonValueKind.Undefined;
        }
        catch (InvalidOperationException)
        {
            return false; // half a surrogate pair
        }
    }

    private static IResult Print(Result outcome, IResult? done = null) =>
        outcome.Failure is { } refusal ? Problems.Of(refusal) : done ?? Results.NoContent();

    private static IResult Print(Result<Account> outcome) => outcome.Match<IResult>(TypedResults.Ok, Problems.Of);
}
