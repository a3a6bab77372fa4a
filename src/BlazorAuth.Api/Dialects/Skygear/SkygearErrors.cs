using System.Text.Json.Nodes;
using BlazorAuth.Core.Results;

namespace BlazorAuth.Api.Dialects;

/// <summary>Errors as Skygear's SDK reads them: a name and its number. 104 makes the SDK forget its user.</summary>
internal static class SkygearErrors
{
    public sealed record Error(string Name, int Code, int Status, string Message);

    public static readonly Error NotAuthenticated = new("NotAuthenticated", 101, 401, "Sign in first.");
    public static readonly Error NotSupported = new(
        "NotSupported",
        111,
        400,
        "Only user records of accounts are here."
    );
    public static readonly Error NotTheOwn = new(
        "PermissionDenied",
        102,
        403,
        "A user record is changed by its user only."
    );
    public static readonly Error Unverified = new(
        "VerificationRequired",
        128,
        403,
        "Open the email sent to the address, then log in."
    );

    public static Error Argument(string message) => new("InvalidArgument", 108, 400, message);

    public static IResult Of(Error error) => Results.Json(new { error = Print(error) }, statusCode: error.Status);

    public static JsonObject Print(Error error) =>
        new()
        {
            ["name"] = error.Name,
            ["code"] = error.Code,
            ["message"] = error.Message,
        };

    public static JsonObject Print(AuthFailure refusal, int? status = null)
    {
        var error = Print(Describe(refusal, status ?? Problems.Describe(refusal.Error).Status));
        if (refusal.FieldErrors.Count == 0)
            return error;
        error["info"] = IsPassword(refusal.Error)
            ? new JsonObject { ["reason"] = Reason(refusal.FieldErrors[0].Code) }
            : new JsonObject
            {
                ["arguments"] = new JsonArray([.. refusal.FieldErrors.Select(fault => JsonValue.Create(fault.Field))]),
            };
        return error;
    }

    /// <summary>
    /// What a refusal is called there. Where Skygear says 500 or 501 for what a client did, the status is ours.
    /// </summary>
    public static Error Describe(AuthFailure refusal, int status)
    {
        var message = Problems.Describe(refusal.Error).Title;
        return refusal.Error switch
        {
            AuthError.ValidationFailed => new("InvalidArgument", 108, status, message),
            AuthError.BadJson or AuthError.PayloadTooLarge => new("BadRequest", 107, status, message),
            AuthError.NotFound => new("ResourceNotFound", 110, status, message),
            AuthError.Forbidden or AuthError.StepUpRequired or AuthError.SignUpDisabled or AuthError.RateLimited => new(
                "PermissionDenied",
                102,
                status,
                message
            ),
            AuthError.Conflict => new("ConstraintViolated", 113, status, message),
            AuthError.UnexpectedFailure => new("UnexpectedError", 10000, status, message),
            // Unknown and wrong are one here: ResourceNotFound would tell who has an account.
            AuthError.InvalidCredentials
            or AuthError.SecondFactorRequired
            or AuthError.SecondFactorInvalid
            or AuthError.TicketExpired
            or AuthError.PasskeyFailed => new("InvalidCredentials", 105, status, message),
            AuthError.EmailNotVerified => new("VerificationRequired", 128, status, message),
            AuthError.AccountLocked or AuthError.AccountDisabled => new("UserDisabled", 127, status, message),
            AuthError.EmailTaken or AuthError.UsernameTaken => new("Duplicated", 109, status, message),
            AuthError.WeakPassword or AuthError.CommonPassword or AuthError.SamePassword => new(
                "PasswordPolicyViolated",
                126,
                status,
                message
            ),
            AuthError.AccessTokenInvalid
            or AuthError.AccessTokenExpired
            or AuthError.SessionRevoked
            or AuthError.SessionExpired
            or AuthError.PasswordChanged
            or AuthError.RefreshTokenInvalid
            or AuthError.RefreshTokenExpired
            or AuthError.RefreshTokenReused => new("AccessTokenNotAccepted", 104, status, message),
            AuthError.LinkInvalid or AuthError.LinkExpired or AuthError.LinkUsed => new(
                "InvalidArgument",
                108,
                status,
                message
            ),
        };
    }

    private static bool IsPassword(AuthError error) =>
        error is AuthError.WeakPassword or AuthError.CommonPassword or AuthError.SamePassword;

    private static string Reason(FieldErrorCode fault) =>
        fault switch
        {
            FieldErrorCode.TooShort => "PasswordTooShort",
            FieldErrorCode.Same => "PasswordReused",
            FieldErrorCode.TooLong => "PasswordTooLong",
            _ => "PasswordBelowGuessableLevel",
        };
}
