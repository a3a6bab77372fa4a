using System.Net.Http.Headers;
using System.Security.Claims;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using BlazorAuth.Api;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core.ExternalLogins;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Tokens;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OAuth;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Web;

/// <summary>The settings of one provider's scheme.</summary>
internal sealed class ProviderScheme : OAuthOptions
{
    public ExternalProviderOptions Provider { get; set; } = new();

    /// <summary>
    /// Where the provider sends browsers back to: from PublicUrl, never from a request (Zitadel CVE-2025-64101).
    /// </summary>
    public string ReturnUri { get; set; } = "";

    /// <summary>Found out at the first exchange: some providers take the secret in the body only.</summary>
    public bool SecretInBody { get; set; }
}

/// <summary>
/// The framework's OAuth handler with the parts it leaves to chance made certain: the address to come back to, the age
/// of a round, how the client proves itself, and that nothing a provider answers is a fault, is kept, or gets into the
/// log.
/// </summary>
internal sealed partial class ProviderHandler(
    IOptionsMonitor<ProviderScheme> options,
    ILoggerFactory logger,
    UrlEncoder encoder
) : OAuthHandler<ProviderScheme>(options, logger, encoder)
{
    private static readonly AuthenticationFailureException NoToken = new("no token");
    private SignInWithProvider.Identity? _identity;

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        GenerateCorrelationId(properties);
        properties.IssuedUtc = TimeProvider.GetUtcNow();
        var address = BuildChallengeUrl(properties, Options.ReturnUri);
        // OpenID Connect Core §3.1.2.1; whoever does not know it has to ignore it (RFC 6749 §3.1).
        Response.Redirect(
            ExternalLoginFlow.IsStepUp(properties) ? QueryHelpers.AddQueryString(address, "prompt", "login") : address
        );
        return Task.CompletedTask;
    }

    // Not the framework's own, which writes what strangers put into the query into the log, and throws.
    public override async Task<bool> HandleRequestAsync()
    {
        if (!HttpMethods.IsGet(Request.Method) || !await ShouldHandleRequestAsync())
            return false;
        var result = await HandleRemoteAuthenticateAsync();
        var denied = result.Properties is not null && Request.Query["error"] == "access_denied";
        if (_identity is null && !denied)
            NotDone(Logger, Options.Provider.Name, Reason(result));
        await Context
            .RequestServices.GetRequiredService<ExternalLoginFlow>()
            .HandleCallbackAsync(
                Options.Provider,
                result.Properties ?? result.Ticket?.Properties,
                _identity,
                denied,
                HasCookie()
            );
        return true;
    }

    // The cookie of a round is gone where the browser keeps none, or where another browser came back.
    private bool HasCookie() =>
        Request.Cookies.Keys.Any(name => name.StartsWith(Options.CorrelationCookie.Name!, StringComparison.Ordinal));

    protected override async Task<OAuthTokenResponse> ExchangeCodeAsync(OAuthCodeExchangeContext context)
    {
        if (
            context.Properties.IssuedUtc is not { } left
            || TimeProvider.GetUtcNow() - left > ExternalLoginFlow.Patience
            || !context.Properties.Items.Remove(OAuthConstants.CodeVerifierKey, out var verifier)
        )
            return OAuthTokenResponse.Failed(NoToken);
        KeyValuePair<string, string>[] form =
        [
            new("grant_type", "authorization_code"),
            new("code", context.Code),
            new("redirect_uri", Options.ReturnUri),
            new(OAuthConstants.CodeVerifierKey, verifier!),
        ];
        var inBody = Options.SecretInBody;
        var answer = await RequestAsync(TokenRequest(form, inBody));
        // Refused for another reason than the code: perhaps for the way the secret was sent (RFC 6749 §2.3.1 leaves
        // two).
        if (answer is { IsRefusal: true, Error: not "invalid_grant" })
        {
            var other = await RequestAsync(TokenRequest(form, !inBody));
            if (other.Token is not null)
                (Options.SecretInBody, answer) = (!inBody, other);
        }
        return answer.Token is not null ? OAuthTokenResponse.Success(answer.Json!) : OAuthTokenResponse.Failed(NoToken);
    }

    protected override async Task<AuthenticationTicket> CreateTicketAsync(
        ClaimsIdentity identity,
        AuthenticationProperties properties,
        OAuthTokenResponse tokens
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Options.UserInformationEndpoint);
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + tokens.AccessToken);
        var answer = await RequestAsync(request);
        if (answer is { Status: 200, Json: { } claims })
            _identity = ProviderClaims.Read(claims.RootElement, Options.Provider);
        return new AuthenticationTicket(new ClaimsPrincipal(identity), properties, Scheme.Name);
    }

    private HttpRequestMessage TokenRequest(KeyValuePair<string, string>[] form, bool inBody)
    {
        var (id, secret) = (Options.ClientId, Options.ClientSecret);
        var request = new HttpRequestMessage(HttpMethod.Post, Options.TokenEndpoint)
        {
            Content = new FormUrlEncodedContent(
                inBody ? [.. form, new("client_id", id), new("client_secret", secret)] : form
            ),
        };
        if (!inBody)
            request.Headers.Authorization = new(
                "Basic",
                Convert.ToBase64String(
                    Encoding.ASCII.GetBytes($"{Uri.EscapeDataString(id)}:{Uri.EscapeDataString(secret)}")
                )
            );
        return request;
    }

    // Whatever a provider answers, or does not, is one of these; never an exception.
    private async Task<ProviderAnswer> RequestAsync(HttpRequestMessage request)
    {
        using (request)
            try
            {
                request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
                using var answer = await Backchannel.SendAsync(request, Context.RequestAborted);
                var body = await answer.Content.ReadAsByteArrayAsync(Context.RequestAborted);
                // Some begin with a byte order mark, which JSON does not allow and a reader may ignore (RFC 8259 §8.1).
                var json = JsonDocument.Parse(
                    body.AsMemory(body.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0)
                );
                return new((int)answer.StatusCode, json.RootElement.ValueKind == JsonValueKind.Object ? json : null);
            }
            catch (Exception fault)
                when (fault
                        is HttpRequestException
                            or IOException
                            or JsonException
                            or FormatException
                            or InvalidOperationException
                    || (fault is OperationCanceledException && !Context.RequestAborted.IsCancellationRequested)
                )
            {
                return new(0, null);
            }
    }

    // Words of ours only: what a provider or a stranger wrote could forge a line, or be a token.
    private static string Reason(HandleRequestResult result) =>
        result.Properties is null && result.Ticket is null ? "the state was not ours"
        : result.Failure == NoToken ? "no token for the code"
        : result.Ticket is not null ? "no claims that name somebody"
        : "the browser did not begin it, or the provider refused";

    [LoggerMessage(1, LogLevel.Warning, "Provider {Provider}: a round came to nothing: {Reason}")]
    private static partial void NotDone(ILogger log, string provider, string reason);

    private sealed record ProviderAnswer(int Status, JsonDocument? Json)
    {
        public string? Token =>
            Status is >= 200 and < 300 && ProviderClaims.Text(Json, "access_token") is { Length: > 0 } token
                ? token
                : null;

        // Some refuse under 200.
        public bool IsRefusal => Token is null && Status is >= 200 and < 500;

        public string? Error => ProviderClaims.Text(Json, "error");
    }
}
