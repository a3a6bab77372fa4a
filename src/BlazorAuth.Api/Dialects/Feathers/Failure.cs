using System.Text.Json.Nodes;
using BlazorAuth.Core.Results;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// An error as Feathers' clients read it: they make a class of <see cref="Name"/>, and drop their token at 401 to 407.
/// </summary>
/// <param name="Code">The HTTP status.</param>
/// <param name="Message">What happened, in one sentence.</param>
internal sealed record Failure(int Code, string Message)
{
    /// <summary>Our own code, in <c>data</c>.</summary>
    public AuthError? Reason { get; init; }

    /// <summary>Sentences by field; and <c>$className</c>, where authentication management answers.</summary>
    public IReadOnlyList<(string Field, string Sentence)> Errors { get; init; } = [];

    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The methods there are, where one was used that there is not.</summary>
    public string? Allow { get; init; }

    private string Name =>
        Code switch
        {
            400 => "BadRequest",
            401 => "NotAuthenticated",
            403 => "Forbidden",
            404 => "NotFound",
            405 => "MethodNotAllowed",
            409 => "Conflict",
            429 => "TooManyRequests",
            503 => "Unavailable",
            < 500 => "BadRequest", // Feathers has no class for 413 and 415
            _ => "GeneralError",
        };

    private string ClassName =>
        Name switch
        {
            "GeneralError" => "general-error",
            "Conflict" or "Forbidden" or "Unavailable" => Name.ToLowerInvariant(),
            var name => string.Concat(
                name.Select(
                    (c, at) =>
                        char.IsUpper(c) && at > 0 ? $"-{char.ToLowerInvariant(c)}" : $"{char.ToLowerInvariant(c)}"
                )
            ),
        };

    public static Failure BadRequest(string message, params (string Field, string Sentence)[] errors) =>
        new(400, message) { Reason = AuthError.ValidationFailed, Errors = errors };

    public static Failure NotAuthenticated(string message) =>
        new(401, message) { Reason = AuthError.AccessTokenInvalid };

    public static Failure NotAllowed(string message) => new(405, message) { Reason = AuthError.NotFound };

    /// <summary>A refusal of a flow, or of the framework, in Feathers' words.</summary>
    public static Failure Of(AuthFailure refusal, int? status = null)
    {
        var (own, title, detail) = Problems.Describe(refusal.Error);
        var code = status ?? own;
        return new(
            code,
            (refusal.Error, code) switch
            {
                (AuthError.InvalidCredentials, _) => "Invalid login",
                (AuthError.AccessTokenExpired, _) => "jwt expired",
                (AuthError.AccessTokenInvalid, _) => "Invalid access token",
                (AuthError.NotFound, 405) => "Method is not supported by this endpoint",
                (AuthError.StepUpRequired, _) =>
                    "A fresher authentication is needed: send the password, or authenticate again.",
                (AuthError.EmailNotVerified, _) =>
                    "The e-mail address is not verified: see the email, or ask for another with resendVerifySignup.",
                (
                    AuthError.BadJson
                        or AuthError.LinkInvalid
                        or AuthError.LinkExpired
                        or AuthError.LinkUsed
                        or AuthError.SignUpDisabled,
                    _
                ) => $"{title} {detail}",
                _ => title,
            }
        )
        {
            Reason = refusal.Error,
            RetryAfter = refusal.RetryAfter,
            Errors = [.. refusal.FieldErrors.Select(f => (FieldOf(f.Field), Problems.Sentence(f)))],
        };
    }

    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["name"] = Name,
            ["message"] = Message,
            ["code"] = Code,
            ["className"] = ClassName,
        };
        if (Reason is { } reason)
        {
            var data = new JsonObject { ["code"] = reason.Code() };
            if (RetryAfter is { } wait)
                data["retryAfter"] = RetryLater.Seconds(wait);
            json["data"] = data;
        }
        if (Errors.Count == 0)
            return json;
        var errors = new JsonObject();
        foreach (var (field, sentence) in Errors)
            errors[field] = sentence;
        json["errors"] = errors;
        return json;
    }

    public Task WriteAsync(HttpContext http)
    {
        http.Response.StatusCode = Code;
        if (Code == StatusCodes.Status401Unauthorized)
            http.Response.Headers.WWWAuthenticate = CallerFromBearer.Scheme;
        http.Response.SayRetryAfter(RetryAfter);
        if (Allow is not null)
            http.Response.Headers.Allow = Allow;
        return http.WriteJsonAsync(ToJson());
    }

    private static string FieldOf(string field) =>
        field switch
        {
            "identifier" or "newEmail" => "email",
            "currentPassword" => "oldPassword",
            "newPassword" => "password",
            "code" => "token",
            _ => field,
        };
}
