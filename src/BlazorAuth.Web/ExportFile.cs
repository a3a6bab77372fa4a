using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Results;

namespace BlazorAuth.Web;

/// <summary>The owner's copy of their account, as a file. A page cannot be one.</summary>
internal static class ExportFile
{
    // A file for people and their programs: as the API writes it, but readable, in every alphabet.
    private static readonly JsonSerializerOptions Readable = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static void MapExport(this IEndpointRouteBuilder site) =>
        site.MapGet(
                "/account/export",
                async (HttpResponse response, BrowserSession browser, ExportAccount export, CancellationToken ct) =>
                {
                    var outcome = await export.ExportAsync(browser.Caller, ct);
                    response.Headers.CacheControl = "no-store";
                    return outcome.Match(
                        account =>
                            Results.File(
                                JsonSerializer.SerializeToUtf8Bytes(account, Readable),
                                "application/json",
                                "account.json"
                            ),
                        refusal =>
                            refusal.Error == AuthError.StepUpRequired
                                ? Results.Redirect(ReturnAddress.With("/account/step-up", "/account/export"))
                                : Results.StatusCode(StatusCodes.Status403Forbidden)
                    );
                }
            )
            .RequireAuthorization();
}
