using System.Globalization;
using System.Text.Json.Serialization;
using BlazorAuth.Core.Results;
using Microsoft.OpenApi;

namespace BlazorAuth.Api;

/// <summary>An error as OAuth clients read it (RFC 6749 §5.2).</summary>
public sealed record OAuthError(
    [property: JsonPropertyName("error")] string Error,
    [property: JsonPropertyName("error_description")] string ErrorDescription
);

/// <summary>OAuth errors of a route beside those that are refusals of a flow; the document lists them.</summary>
internal sealed record OAuthCodes(IReadOnlyList<string> Codes);

/// <summary>Prints refusals at the paths that speak OAuth, where no client reads problem+json.</summary>
internal static class OAuthErrors
{
    private const string Challenge = "Basic realm=\"BlazorAuth\", charset=\"UTF-8\"";

    /// <summary>Whether errors at the path have OAuth's shape.</summary>
    public static bool Speaks(PathString path) => path.StartsWithSegments("/oauth");

    /// <summary>
    /// Status, OAuth error and description of a refusal. What a flow refuses a token for is told by our code.
    /// </summary>
    public static (int Status, string Error, string Description) Describe(AuthFailure refusal) =>
        refusal.Error switch
        {
            AuthError.ValidationFailed => (
                400,
                "invalid_request",
                $"The parameter {refusal.FieldErrors.FirstOrDefault()?.Field} is missing."
            ),
            AuthError.BadJson => (
                400,
                "invalid_request",
                $"Send {OAuthForm.ContentType} in UTF-8, each parameter once, and client credentials in one place."
            ),
            AuthError.PayloadTooLarge => (413, "invalid_request", "Bodies are at most 64 KiB."),
            AuthError.NotFound => (404, "invalid_request", "There is nothing here. Check path and method."),
            AuthError.RateLimited => (429, "temporarily_unavailable", AuthError.RateLimited.Code()),
            AuthError.UnexpectedFailure => (500, "server_error", AuthError.UnexpectedFailure.Code()),
            AuthError.InvalidCredentials => (
                401,
                "invalid_client",
                "The client is unknown, or its credentials are not right."
            ),
            var error => (400, "invalid_grant", error.Code()),
        };

    /// <summary>An error of the protocol itself.</summary>
    public static IResult Of(string error, string description) =>
        TypedResults.BadRequest(new OAuthError(error, description));

    /// <summary>The routes' errors as the document shows them.</summary>
    public static RouteHandlerBuilder AlsoRefuses(this RouteHandlerBuilder route, params string[] codes) =>
        route.WithMetadata(new OAuthCodes(codes));

    /// <summary>Writes the refusal; the status of the framework stands where OAuth names none (405, 503).</summary>
    public static Task WriteAsync(HttpContext http, AuthFailure refusal, int? framework)
    {
        var (status, error, description) = Describe(refusal);
        if (framework == StatusCodes.Status503ServiceUnavailable)
            error = "temporarily_unavailable";
        http.Response.StatusCode = framework is null or StatusCodes.Status415UnsupportedMediaType
            ? status
            : framework.Value;
        NotStored(http);
        if (status == StatusCodes.Status401Unauthorized)
            http.Response.Headers.WWWAuthenticate = Challenge;
        return http.Response.WriteAsJsonAsync(new OAuthError(error, description), http.RequestAborted);
    }

    /// <summary>
    /// Lists a route's errors in the document: each OAuth error with the codes that its description may be.
    /// </summary>
    public static void Document(
        OpenApiOperation operation,
        IEnumerable<AuthError> refusals,
        IEnumerable<string> more,
        OpenApiDocument? document
    )
    {
        var told = refusals
            .Distinct()
            .Select(e => Describe(e))
            .Concat(more.Select(error => (Status: 400, Error: error, Description: "")));
        foreach (var status in told.GroupBy(t => t.Status))
            operation.Responses![status.Key.ToString(CultureInfo.InvariantCulture)] = new OpenApiResponse
            {
                Description = string.Join(
                    "\n",
                    status
                        .GroupBy(t => t.Error)
                        .Select(error =>
                            string.Join(
                                ", ",
                                error.Select(t => t.Description).Where(IsCode).Select(code => $"`{code}`")
                            )
                                is { Length: > 0 } codes
                                ? $"- `{error.Key}`: {codes}"
                                : $"- `{error.Key}`"
                        )
                ),
                Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
                {
                    ["application/json"] = new() { Schema = new OpenApiSchemaReference(nameof(OAuthError), document) },
                },
            };
    }

    private static bool IsCode(string description) =>
        description.Length > 0 && description.All(c => char.IsAsciiLetterLower(c) || c == '_');

    /// <summary>Both headers, as RFC 6749 §5.1 writes them.</summary>
    public static void NotStored(HttpContext http) =>
        (http.Response.Headers.CacheControl, http.Response.Headers.Pragma) = ("no-store", "no-cache");
}
