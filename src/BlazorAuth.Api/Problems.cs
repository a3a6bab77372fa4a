using System.Diagnostics;
using System.Text.Json.Serialization;
using BlazorAuth.Api.Dialects;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.SignIn;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Template;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Api;

/// <summary>An error as programs read it (RFC 9457). <see cref="Code"/> never changes its meaning.</summary>
public sealed record Problem(
    string Type,
    string Title,
    int Status,
    string Detail,
    string Code,
    string TraceId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        IReadOnlyDictionary<string, string[]>? Errors
)
{
    /// <summary>With <c>second_factor_required</c>: what to go on with.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Ticket { get; init; }

    /// <summary>With <c>second_factor_required</c>: what would be taken.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Methods { get; init; }
}

/// <summary>
/// Prints refusals as problem+json. One exhaustive switch: a new code without a status does not compile.
/// </summary>
internal static class Problems
{
    public const string ContentType = "application/problem+json";

    /// <summary>Status and words of each code. The words tell a developer what to do next.</summary>
    public static (int Status, string Title, string Detail) Describe(AuthError error) =>
        error switch
        {
            AuthError.ValidationFailed => (400, "The request is not valid.", "See errors for the fields."),
            AuthError.BadJson => (
                400,
                "The body is not the JSON this route takes.",
                "Send one JSON object as application/json, each name once, with the documented types."
            ),
            AuthError.PayloadTooLarge => (413, "The body is too large.", "Bodies are at most 64 KiB."),
            AuthError.NotFound => (404, "There is nothing here.", "Check path and method, or the id."),
            AuthError.Forbidden => (403, "Not allowed.", "The signed-in account may not do this."),
            AuthError.Conflict => (409, "Another change came first.", "Read again, then retry."),
            AuthError.RateLimited => (429, "Too many attempts.", "Wait for the seconds of Retry-After."),
            AuthError.UnexpectedFailure => (
                500,
                "Something went wrong on our side.",
                "Nothing was changed. The traceId finds it in our logs."
            ),
            AuthError.InvalidCredentials => (
                401,
                "Identifier or password is incorrect.",
                "Which of the two is not told."
            ),
            AuthError.EmailNotVerified => (
                403,
                "The e-mail address is not verified.",
                "Ask for an email at /api/account/verify/send."
            ),
            AuthError.AccountLocked => (403, "The account is locked.", "An administrator locked it."),
            AuthError.AccountDisabled => (403, "The account is closed.", "It cannot sign in."),
            AuthError.SignUpDisabled => (403, "Sign-up is closed.", "This site takes no new accounts."),
            AuthError.EmailTaken => (409, "The e-mail address has an account.", "Sign in, or reset its password."),
            AuthError.UsernameTaken => (409, "The user name is taken.", "Choose another one."),
            AuthError.WeakPassword => (
                400,
                "The password is too weak.",
                "See errors; there are no composition rules, only length."
            ),
            AuthError.CommonPassword => (
                400,
                "The password is a common one.",
                "Choose one that is not on the list of the most used."
            ),
            AuthError.SamePassword => (400, "The new password is the current one.", "Choose another one."),
            AuthError.SecondFactorRequired => (
                401,
                "A second factor is due.",
                "Go on at /api/token/second-factor with the ticket."
            ),
            AuthError.SecondFactorInvalid => (401, "The second factor is incorrect.", "It was wrong or used before."),
            AuthError.TicketExpired => (401, "The sign-in was begun too long ago.", "Start again."),
            AuthError.StepUpRequired => (
                403,
                "A fresher authentication is needed.",
                "Prove it at /api/account/step-up, then ask again with the new token."
            ),
            AuthError.PasskeyFailed => (401, "The passkey was not accepted.", "Start the ceremony again."),
            AuthError.AccessTokenInvalid => (
                401,
                "The access token is missing or not valid.",
                "Send a valid one as Authorization: Bearer."
            ),
            AuthError.AccessTokenExpired => (401, "The access token has expired.", "Refresh at /api/token/refresh."),
            AuthError.RefreshTokenInvalid => (401, "The refresh token is not valid.", "Sign in again."),
            AuthError.RefreshTokenExpired => (401, "The refresh token has expired.", "Sign in again."),
            AuthError.RefreshTokenReused => (
                401,
                "A rotated refresh token was used again.",
                "The session was ended. Sign in again."
            ),
            AuthError.SessionRevoked => (401, "The session was ended.", "Sign in again."),
            AuthError.SessionExpired => (401, "The session has expired.", "Sign in again."),
            AuthError.PasswordChanged => (
                401,
                "The password was changed after this credential was issued.",
                "Sign in again."
            ),
            AuthError.LinkInvalid => (
                400,
                "The link or code is not valid.",
                "It may have been cut off. Ask for a new email."
            ),
            AuthError.LinkExpired => (
                400,
                "The link or code has expired.",
                "Or a newer email took its place. Ask for a new one."
            ),
            AuthError.LinkUsed => (400, "The link or code was used already.", "Each works once."),
        };

    /// <summary>The refusal as an answer.</summary>
    public static IResult Of(AuthFailure refusal) => new Printed(refusal, null);

    /// <summary>The first factor was right: the ticket for the second.</summary>
    public static IResult Of(SignInOutcome.NeedsSecondFactor due) => new Printed(due.Failure, null) { Due = due };

    private static Printed Of(AuthFailure refusal, int? status) => new(refusal, status);

    /// <summary>
    /// The error as an answer, under another status of its class where HTTP has a more exact one (405, 415).
    /// </summary>
    public static IResult Of(AuthError error, int? status = null) => new Printed(error, status);

    /// <summary>
    /// No answer of the API is empty or a stack trace: what the framework refuses (unreadable bodies, unknown verbs)
    /// and what fails becomes a problem.
    /// </summary>
    public static async Task PrintAsync(HttpContext http, RequestDelegate next)
    {
        // JSON between systems is UTF-8 (RFC 8259 §8.1); the framework fails on other names instead of refusing them.
        if (
            http.Request.GetTypedHeaders().ContentType?.Charset is { Length: > 0 } charset
            && !charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase)
        )
        {
            await Of(AuthError.BadJson, StatusCodes.Status415UnsupportedMediaType).ExecuteAsync(http);
            return;
        }
        try
        {
            // Refused by the server when somebody reads it, which not every route does.
            var longest = http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize;
            if (http.Request.ContentLength > longest)
                await http.Request.Body.ReadExactlyAsync(new byte[1], http.RequestAborted);
            await next(http);
        }
        catch (BadHttpRequestException unreadable) when (!http.Response.HasStarted)
        {
            await Of(ErrorOf(unreadable.StatusCode), unreadable.StatusCode).ExecuteAsync(http);
            return;
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            return; // nobody is listening any more
        }
        catch (Exception fault) when (!http.Response.HasStarted && fault is not OutOfMemoryException)
        {
            http.RequestServices.GetRequiredService<ILoggerFactory>()
                .CreateLogger(typeof(Problems))
                .Failed(fault, http.Request.Method);
            http.Response.Clear();
            var away = http.RequestServices.GetRequiredService<IAuthDatabase>().IsAway(fault);
            await Of(
                    new AuthFailure(AuthError.UnexpectedFailure) { RetryAfter = away ? StoreHealth.RetryAfter : null },
                    away ? StatusCodes.Status503ServiceUnavailable : null
                )
                .ExecuteAsync(http);
            return;
        }
        if (
            http.Response is { HasStarted: false, StatusCode: >= 400 and < 500, ContentType: null }
            && http.Response.ContentLength is null or 0
        )
        {
            // Beside pages the routing answers for unknown paths with verbs of the pages' own.
            var status =
                http.Response.StatusCode is 404 or 405
                && http.GetEndpoint()?.Metadata.GetMetadata<RefusalCodes>() is null
                    ? IsKnown(http, route => route.Metadata.GetMetadata<RefusalCodes>() is not null)
                        ? StatusCodes.Status405MethodNotAllowed
                        : StatusCodes.Status404NotFound
                    : http.Response.StatusCode;
            if (status == StatusCodes.Status404NotFound)
                http.Response.Headers.Allow = default;
            await Of(ErrorOf(status), status).ExecuteAsync(http);
        }
    }

    /// <summary>Whether one of these routes has the request's path, by whichever verb.</summary>
    internal static bool IsKnown(HttpContext http, Func<RouteEndpoint, bool> among)
    {
        var values = new RouteValueDictionary();
        return http
            .RequestServices.GetRequiredService<EndpointDataSource>()
            .Endpoints.OfType<RouteEndpoint>()
            .Any(route =>
                among(route)
                && new TemplateMatcher(new RouteTemplate(route.RoutePattern), values).TryMatch(
                    http.Request.Path,
                    values
                )
            );
    }

    private static AuthError ErrorOf(int status) =>
        status switch
        {
            404 or 405 => AuthError.NotFound,
            413 => AuthError.PayloadTooLarge,
            _ => AuthError.BadJson,
        };

    private sealed record Printed(AuthFailure Failure, int? Status) : IResult
    {
        public SignInOutcome.NeedsSecondFactor? Due { get; init; }

        public Task ExecuteAsync(HttpContext http)
        {
            http.Response.SayRetryAfter(Failure.RetryAfter);
            if (Dialects.DialectRegistry.At(http.Request.Path) is { } dialect)
                return dialect.WriteAsync(http, Failure, Status ?? Describe(Failure.Error).Status);
            if (OAuthErrors.Speaks(http.Request.Path))
                return OAuthErrors.WriteAsync(http, Failure, Status);
            var (status, title, detail) = Describe(Failure.Error);
            var site = http.RequestServices.GetRequiredService<IOptions<AuthOptions>>().Value.ApiSite;
            var code = Failure.Error.Code();
            var errors =
                Failure.FieldErrors.Count == 0
                    ? null
                    : Failure
                        .FieldErrors.GroupBy(f => f.Field)
                        .ToDictionary(g => g.Key, g => g.Select(Sentence).ToArray());
            http.Response.StatusCode = Status ?? status;
            http.Response.Headers.CacheControl = "no-store";
            var problem = new Problem(
                new Uri(site, $"problems/{code}").ToString(),
                title,
                Status ?? status,
                detail,
                code,
                Activity.Current?.TraceId.ToString() ?? http.TraceIdentifier,
                errors
            )
            {
                Ticket = Due?.Ticket,
                Methods = Due?.Methods,
            };
            return http.Response.WriteAsJsonAsync(
                problem,
                (System.Text.Json.JsonSerializerOptions?)null,
                ContentType,
                http.RequestAborted
            );
        }
    }

    public static string Sentence(FieldError fault) =>
        fault.Code switch
        {
            FieldErrorCode.Required => "Is required.",
            FieldErrorCode.TooShort => $"Must have at least {fault.Limit} characters.",
            FieldErrorCode.TooLong when fault.Field == "passkeys" =>
                $"There are {fault.Limit} already, which is the most.",
            FieldErrorCode.TooLong => $"Must have at most {fault.Limit} characters.",
            FieldErrorCode.NotAnEmail => "Must be an e-mail address.",
            FieldErrorCode.NotAUserName =>
                "Must have 3 to 32 letters, digits, dots, hyphens or underscores, and begin with a letter.",
            FieldErrorCode.NotAUrl => "Must be an https address.",
            FieldErrorCode.NotAnObject => "Must be a JSON object.",
            FieldErrorCode.NotAMode => "Must be token, or cookie where this host serves pages.",
            FieldErrorCode.HasControlCharacters => "Must not contain control characters.",
            FieldErrorCode.Taken => "Is taken.",
            FieldErrorCode.Common => "Is one of the most used passwords.",
            FieldErrorCode.Guessable => "Is easy to guess from the account.",
            FieldErrorCode.Same => "Is the same as before.",
            FieldErrorCode.Wrong => "Is incorrect.",
            FieldErrorCode.LastWayIn => "Is the last way into the account.",
            FieldErrorCode.Alone => "Must be changed by itself.",
        };
}

internal static partial class ProblemLog
{
    [LoggerMessage(1, LogLevel.Error, "An API request failed: {Method}")]
    public static partial void Failed(this ILogger log, Exception fault, string method);
}
