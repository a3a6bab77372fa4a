using System.Text.Json;
using BlazorAuth.Api;
using BlazorAuth.Core;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passkeys;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.SignIn;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Web;

/// <summary>
/// What the script of a page begins a passkey ceremony with. Its end is a form of that page. Each needs the form's
/// token: to begin one is a change, and costs a row (ASVS 3.5.1).
/// </summary>
internal static class Ceremonies
{
    private sealed record Begun(string Ticket, JsonElement Options);

    private sealed record Refused(string Message);

    public static void MapCeremonies(this WebApplication app)
    {
        app.MapPost(
            "/login/passkey",
            (HttpContext http, BrowserSession browser, SignInWithPasskey flow, CancellationToken ct) =>
                BeginAsync(http, () => flow.BeginAsync(browser.Caller, ct))
        );
        app.MapPost(
            "/account/step-up/passkey",
            (HttpContext http, BrowserSession browser, Reauthenticate flow, CancellationToken ct) =>
                BeginAsync(http, () => flow.BeginPasskeyAsync(browser.Caller, ct))
        );
        app.MapPost(
            "/account/passkeys/begin",
            (HttpContext http, BrowserSession browser, ManagePasskeys flow, CancellationToken ct) =>
                BeginAsync(http, () => flow.BeginAsync(browser.Caller, ct))
        );
        // Where password managers send people (W3C, A Well-Known URL for Relying Party Passkey Endpoints).
        app.MapGet(
            "/.well-known/passkey-endpoints",
            (IOptions<AuthOptions> options) =>
                Results.Json(
                    new
                    {
                        enroll = options.Value.Link("account/passkeys"),
                        manage = options.Value.Link("account/passkeys"),
                    }
                )
        );
    }

    private static async Task<IResult> BeginAsync(HttpContext http, Func<Task<Result<Ceremony>>> begin)
    {
        if (
            !http.Request.HasFormContentType
            || !await http.RequestServices.GetRequiredService<IAntiforgery>().IsRequestValidAsync(http)
        )
            return Results.Json(
                new Refused("This page was open too long. Load it again."),
                statusCode: StatusCodes.Status400BadRequest
            );
        return (await begin()).Match(
            begun => Results.Json(new Begun(begun.Ticket, JsonElement.Parse(begun.Options))),
            refusal =>
            {
                http.Response.SayRetryAfter(refusal.RetryAfter);
                return Results.Json(
                    new Refused(Messages.Sentence(refusal)),
                    statusCode: refusal.Error switch
                    {
                        AuthError.RateLimited => StatusCodes.Status429TooManyRequests,
                        // the script then sends the form, which asks for the proof
                        AuthError.StepUpRequired => StatusCodes.Status403Forbidden,
                        _ => StatusCodes.Status422UnprocessableEntity,
                    }
                );
            }
        );
    }
}
