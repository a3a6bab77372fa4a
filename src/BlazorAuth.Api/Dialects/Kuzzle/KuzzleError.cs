using System.Text.Json.Nodes;
using BlazorAuth.Core.Results;

namespace BlazorAuth.Api.Dialects.Kuzzle;

/// <summary>
/// An error as clients of Kuzzle read it: the id is <c>domain.subdomain.name</c>, the code the same in 32 bits.
/// </summary>
internal sealed record KuzzleError(int Status, string Id, int Code, string Message)
{
    /// <summary>How long to wait, where waiting helps.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public JsonObject Print() =>
        new()
        {
            ["status"] = Status,
            ["message"] = Message,
            ["id"] = Id,
            ["code"] = Code,
        };

    public static KuzzleError Invalid() => new(401, "security.token.invalid", 0x07010001, "Invalid token.");

    public static KuzzleError Expired() => new(401, "security.token.expired", 0x07010006, "Token expired");

    public static KuzzleError TooLong() =>
        new(400, "security.token.ttl_exceeded", 0x07010004, "expiresIn value exceeds maximum allowed value");

    public static KuzzleError NoRefresh() =>
        new(401, "security.token.refresh_forbidden", 0x07010008, "Token cannot be refreshed.");

    public static KuzzleError NotADuration(string expected) =>
        new(400, "security.token.invalid_expiration", 0x07010009, $"Invalid \"expiresIn\" value. Expected: {expected}");

    public static KuzzleError UnknownStrategy() =>
        new(400, "security.credentials.unknown_strategy", 0x07020001, "Unknown authentication strategy");

    public static KuzzleError Rejected(string why) =>
        new(400, "security.credentials.rejected", 0x07020003, $"Credentials rejected: {why}");

    public static KuzzleError NoCookies() =>
        new(500, "security.cookie.unsupported", 0x07070002, "Cookie authentication not supported.");

    public static KuzzleError Unauthorized(KuzzleRequest request) =>
        new(
            401,
            "security.rights.unauthorized",
            0x07030001,
            $"Unauthorized: authentication required to execute the action \"{request.Controller}:{request.Action}\"."
        );

    public static KuzzleError Forbidden(string why) => new(403, "security.rights.forbidden", 0x07030002, why);

    public static KuzzleError Missing(string argument) =>
        new(400, "api.assert.missing_argument", 0x02010003, $"Missing argument \"{argument}\".");

    public static KuzzleError Wrong(string argument, string expected) =>
        new(400, "api.assert.invalid_argument", 0x02010002, $"Invalid argument \"{argument}\". Expected: {expected}");

    public static KuzzleError NotAllowed(string argument) =>
        new(
            400,
            "api.assert.forbidden_argument",
            0x0201000b,
            $"The argument \"{argument}\" is not allowed by this API action."
        );

    public static KuzzleError NoController(string? name) =>
        new(404, "api.process.controller_not_found", 0x02020004, $"API controller \"{name}\" not found.");

    public static KuzzleError NoAction(string? controller, string? name) =>
        new(404, "api.process.action_not_found", 0x02020005, $"API action \"{controller}\":\"{name}\" not found");

    public static KuzzleError Unreadable() =>
        new(
            400,
            "network.http.body_parse_failed",
            0x0301000c,
            "Unable to convert the HTTP body to JSON: it must be one object, each name once."
        );

    public static KuzzleError UnreadableFrame() =>
        new(
            400,
            "network.websocket.unexpected_error",
            0x03030001,
            "Caught an unexpected WebSocket error: a frame must be one JSON object, each name once."
        );

    /// <summary>
    /// A refusal of our flows. Where the status is another than Kuzzle's own for the id, it is the framework's.
    /// </summary>
    public static KuzzleError Of(AuthFailure refusal, int? status = null) =>
        refusal.Error switch
        {
            AuthError.ValidationFailed => Shape(refusal),
            AuthError.WeakPassword or AuthError.CommonPassword or AuthError.SamePassword => Rejected(
                Words(refusal, "the password is too weak")
            ),
            AuthError.InvalidCredentials when refusal.FieldErrors.Count > 0 => Rejected(
                "the current password is incorrect"
            ),
            // One text for an unknown name and a wrong password.
            AuthError.InvalidCredentials => NotSignedIn("wrong username or password"),
            AuthError.EmailNotVerified
            or AuthError.AccountLocked
            or AuthError.AccountDisabled
            or AuthError.SecondFactorRequired
            or AuthError.SecondFactorInvalid
            or AuthError.TicketExpired
            or AuthError.PasskeyFailed => NotSignedIn(Problems.Describe(refusal.Error).Title),
            AuthError.EmailTaken or AuthError.UsernameTaken => new(
                412,
                "security.user.already_exists",
                0x07040001,
                "User already exists."
            ),
            AuthError.SignUpDisabled or AuthError.Forbidden => Forbidden(Problems.Describe(refusal.Error).Title),
            AuthError.StepUpRequired => Forbidden(
                "A fresher authentication is needed: log in again, or send the current password as the argument \"password\"."
            ),
            AuthError.AccessTokenExpired or AuthError.SessionExpired or AuthError.RefreshTokenExpired => Expired(),
            AuthError.AccessTokenInvalid
            or AuthError.RefreshTokenInvalid
            or AuthError.RefreshTokenReused
            or AuthError.SessionRevoked
            or AuthError.PasswordChanged => Invalid(),
            AuthError.NotFound when status is not null => new(
                status.Value,
                "network.http.url_not_found",
                0x03010007,
                "API URL not found."
            ),
            AuthError.NotFound => new(404, "services.storage.not_found", 0x0101000b, "There is nothing with this id."),
            AuthError.BadJson => Unreadable() with { Status = status ?? 400 },
            AuthError.PayloadTooLarge => new(
                413,
                "network.http.request_too_large",
                0x03010001,
                "Maximum HTTP request size exceeded."
            ),
            AuthError.RateLimited => new(
                429,
                "api.process.too_many_logins_requests",
                0x0202000d,
                "Rejected: too many attempts. Wait, then try again."
            )
            {
                RetryAfter = refusal.RetryAfter,
            },
            AuthError.Conflict => new(
                412,
                "api.process.action_locked",
                0x02020001,
                "Another change came first. Read again, then retry."
            ),
            AuthError.UnexpectedFailure when status == 503 => new(
                503,
                "api.process.overloaded",
                0x02020002,
                "Request discarded: the store is away for a moment."
            )
            {
                RetryAfter = refusal.RetryAfter,
            },
            AuthError.UnexpectedFailure => new(
                500,
                "core.fatal.unexpected_error",
                0x00000001,
                "Caught an unexpected error. Nothing was changed."
            ),
            AuthError.LinkInvalid or AuthError.LinkExpired or AuthError.LinkUsed => Wrong(
                "token",
                "the token of an email that was not used"
            ),
        };

    private static KuzzleError NotSignedIn(string why) => new(401, "plugin.strategy.missing_user", 0x04030014, why);

    private static KuzzleError Shape(AuthFailure refusal)
    {
        if (refusal.FieldErrors is not [var first, ..])
            return Wrong("body", "a valid request");
        var name = first.Field switch
        {
            "identifier" => "username",
            "currentPassword" => "password",
            "newPassword" => "password",
            "newEmail" => "username",
            var field => field,
        };
        return first.Code == FieldErrorCode.Required ? Missing(name) : Wrong(name, Problems.Sentence(first));
    }

    private static string Words(AuthFailure refusal, string otherwise) =>
        refusal.FieldErrors is [var first, ..] ? Problems.Sentence(first) : otherwise;
}
