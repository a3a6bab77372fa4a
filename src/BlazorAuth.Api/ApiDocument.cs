using System.Text.Json;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Api.Endpoints;
using BlazorAuth.Core.Results;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.OpenApi;

namespace BlazorAuth.Api;

/// <summary>The codes a route refuses with; the document lists them, so they cannot be forgotten.</summary>
internal sealed record RefusalCodes(IReadOnlyList<AuthError> Errors);

/// <summary>The OpenAPI document: every route, and every code of every route.</summary>
internal static class ApiDocument
{
    private static readonly AuthError[] OfEveryBody = [AuthError.BadJson, AuthError.PayloadTooLarge];

    private static readonly AuthError[] OfEveryBearer =
    [
        AuthError.AccessTokenInvalid,
        AuthError.AccessTokenExpired,
        AuthError.SessionRevoked,
        AuthError.SessionExpired,
        AuthError.PasswordChanged,
        AuthError.RefreshTokenReused,
    ];

    /// <summary>The answer of a route that went well.</summary>
    public static RouteHandlerBuilder Answers<T>(this RouteHandlerBuilder route, int status) =>
        route.Produces<T>(status);

    /// <summary>The answer of a route that went well, without a body.</summary>
    public static RouteHandlerBuilder Answers(this RouteHandlerBuilder route, int status) => route.Produces(status);

    /// <summary>The codes of a route beside those that every body and every bearer route has.</summary>
    public static RouteHandlerBuilder Refuses(this RouteHandlerBuilder route, params AuthError[] errors) =>
        route.WithMetadata(new RefusalCodes(errors));

    public static void Add(IServiceCollection services)
    {
        services.AddScoped<Endpoints.TokenPrinter>();
        services.AddOpenApi(
            "v1",
            document =>
            {
                document.ShouldInclude = description => TokenApi.Owns("/" + description.RelativePath);
                ApiSchemas.Add(document);
                document.AddDocumentTransformer(
                    (doc, _, _) =>
                    {
                        doc.Info = new OpenApiInfo
                        {
                            Title = "BlazorAuth",
                            Version = "1",
                            Description =
                                "Sign-up, sign-in, tokens and sessions. Errors are application/problem+json (RFC 9457) with a stable code.",
                        };
                        doc.Components ??= new OpenApiComponents();
                        doc.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>(
                            StringComparer.Ordinal
                        )
                        {
                            [CallerFromBearer.Scheme] = new OpenApiSecurityScheme
                            {
                                Type = SecuritySchemeType.Http,
                                Scheme = "bearer",
                                BearerFormat = "JWT",
                                Description = "The accessToken of POST /api/token.",
                            },
                        };
                        return Task.CompletedTask;
                    }
                );
                document.AddOperationTransformer(
                    async (operation, context, ct) =>
                    {
                        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
                        if (metadata.OfType<RefusalCodes>().LastOrDefault() is not { } refusals)
                            return;
                        var bearer = metadata.OfType<IAuthorizeData>().Any();
                        operation.Responses ??= [];
                        if (OAuthErrors.Speaks("/" + context.Description.RelativePath))
                        {
                            context.Document?.AddComponent(
                                "OAuthError",
                                await context.GetOrCreateSchemaAsync(typeof(OAuthError), null, ct)
                            );
                            OAuthErrors.Document(
                                operation,
                                refusals.Errors.Concat(OfEveryBody).Append(AuthError.UnexpectedFailure),
                                metadata.OfType<OAuthCodes>().SelectMany(c => c.Codes),
                                context.Document
                            );
                            return;
                        }
                        var body = operation.RequestBody is not null || metadata.OfType<IAcceptsMetadata>().Any();
                        var problem = await context.GetOrCreateSchemaAsync(typeof(Problem), null, ct);
                        context.Document?.AddComponent("Problem", problem);
                        foreach (
                            var status in refusals
                                .Errors.Concat(bearer ? OfEveryBearer : [])
                                .Concat(body ? OfEveryBody : [])
                                .Append(AuthError.UnexpectedFailure)
                                .Distinct()
                                .GroupBy(e => Problems.Describe(e).Status)
                                .OrderBy(g => g.Key)
                        )
                            operation.Responses[
                                status.Key.ToString(System.Globalization.CultureInfo.InvariantCulture)
                            ] = Response(status, context.Document);
                        // 405, 415, 503 and what a gateway in front makes of it: a generated client reads the code
                        // there too.
                        operation.Responses["default"] = Response(
                            "Any other status: a refusal of the same shape, such as 415 or 503.",
                            AuthError.UnexpectedFailure,
                            context.Document
                        );
                        if (bearer)
                            operation.Security =
                            [
                                new OpenApiSecurityRequirement
                                {
                                    [new OpenApiSecuritySchemeReference(CallerFromBearer.Scheme, context.Document)] =
                                    [],
                                },
                            ];
                    }
                );
            }
        );
    }

    public static void MapProblemPages(this IEndpointRouteBuilder app) =>
        // The 'type' of a problem is an address that can be opened.
        app.MapGet(
                "/problems/{code}",
                (string code) =>
                {
                    foreach (var error in Enum.GetValues<AuthError>())
                        if (error.Code() == code)
                        {
                            var (status, title, detail) = Problems.Describe(error);
                            return Results.Text($"{code} ({status})\n\n{title}\n{detail}\n");
                        }
                    return Problems.Of(AuthError.NotFound);
                }
            )
            .WithTags("Metadata")
            .WithName("explainProblem")
            .WithSummary("What a problem code means, in words.")
            .Produces<string>(200, "text/plain")
            .Refuses(AuthError.NotFound);

    private static OpenApiResponse Response(IEnumerable<AuthError> errors, OpenApiDocument? document)
    {
        var codes = errors.ToList();
        return Response(
            string.Join("\n", codes.Select(e => $"- `{e.Code()}`: {Problems.Describe(e).Title}")),
            codes[0],
            document
        );
    }

    private static OpenApiResponse Response(string description, AuthError shown, OpenApiDocument? document) =>
        new()
        {
            Description = description,
            Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
            {
                [Problems.ContentType] = new()
                {
                    Schema = new OpenApiSchemaReference("Problem", document),
                    Example = JsonSerializer.SerializeToNode(Example(shown), JsonSerializerOptions.Web),
                },
            },
        };

    // The same record that the routes print, so that an example cannot have another shape.
    private static Problem Example(AuthError error)
    {
        var (status, title, detail) = Problems.Describe(error);
        var faults =
            error is AuthError.ValidationFailed
                ? new Dictionary<string, string[]>(StringComparer.Ordinal)
                {
                    ["email"] = [Problems.Sentence(new("email", FieldErrorCode.Required))],
                }
                : null;
        return new(
            $"https://auth.example.com/problems/{error.Code()}",
            title,
            status,
            detail,
            error.Code(),
            "4bf92f3577b34da6a3ce929d0e0e4736",
            faults
        )
        {
            Ticket = error == AuthError.SecondFactorRequired ? "tkt_example" : null,
            Methods = error == AuthError.SecondFactorRequired ? ["totp", "recovery_code"] : null,
        };
    }
}
