using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.ExternalLogins;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.TwoFactor;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Web;

/// <summary>What somebody goes to a provider for.</summary>
public enum ExternalLoginIntent
{
    /// <summary>To sign in or sign up.</summary>
    SignIn,

    /// <summary>To link it to the account they are signed in to.</summary>
    Link,

    /// <summary>To prove again who they are.</summary>
    StepUp,
}

/// <summary>
/// The way of a browser to a provider and back. What it is for, and who went in which session, stands in the state,
/// which is encrypted and bound to this browser by a cookie: nobody comes back for somebody else.
/// </summary>
public sealed class ExternalLoginFlow(
    IHttpContextAccessor accessor,
    SignInWithProvider flow,
    BrowserSession browser,
    Flash flash,
    IOptions<AuthOptions> options
)
{
    private const string ErrandItem = "errand",
        UserItem = "user",
        SessionItem = "session";

    /// <summary>How long a round may take: somebody signs in there first.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan Answers = TimeSpan.FromSeconds(10);
    private const int LongestAnswer = 1024 * 1024; // some list every group of a person

    private HttpContext Http => accessor.HttpContext ?? throw new InvalidOperationException("Only inside a request.");

    /// <summary>Sends the browser to the provider; false where there is none of this name.</summary>
    public async Task<bool> ChallengeAsync(string? provider, ExternalLoginIntent errand, string? returnUrl)
    {
        if (provider is null || !options.Value.External.TryGetValue(provider, out var found))
            return false;
        var round = new AuthenticationProperties
        {
            RedirectUri = string.IsNullOrEmpty(returnUrl) ? null : ReturnAddress.Local(returnUrl),
        };
        (round.Items[ErrandItem], round.Items[UserItem], round.Items[SessionItem]) = (
            errand.ToString(),
            browser.Caller.UserId,
            browser.Caller.SessionId
        );
        await Http.ChallengeAsync(Scheme(found), round);
        return true;
    }

    /// <summary>Ends the errand with what the provider said; without anything said nothing is changed.</summary>
    internal async Task HandleCallbackAsync(
        ExternalProviderOptions provider,
        AuthenticationProperties? round,
        SignInWithProvider.Identity? identity,
        bool denied,
        bool hasCookie
    )
    {
        // providers are listened to before anybody has looked who asks
        await Http.AuthenticateAsync(BrowserSession.Scheme);
        var returnUrl = round?.RedirectUri;
        var asked = new SignInWithProvider.LinkRequest(round?.GetString(UserItem), round?.GetString(SessionItem));
        var errand = ErrandOf(round);
        var from = errand switch
        {
            ExternalLoginIntent.SignIn => ReturnAddress.With("/login", returnUrl),
            ExternalLoginIntent.Link => "/account/providers",
            ExternalLoginIntent.StepUp => ReturnAddress.With("/account/step-up", returnUrl),
        };
        if (identity is null)
            Go(
                from,
                denied ? Notice.ProviderDenied
                    : hasCookie ? Notice.ProviderFailed
                    : Notice.ProviderCookieMissing,
                provider.Label
            );
        else
            await (
                errand switch
                {
                    ExternalLoginIntent.SignIn => SignInAsync(provider, identity, from, returnUrl),
                    ExternalLoginIntent.Link => LinkAsync(provider, identity, asked, from),
                    ExternalLoginIntent.StepUp => StepUpAsync(provider, identity, asked, from, returnUrl),
                }
            );
    }

    private async Task SignInAsync(
        ExternalProviderOptions provider,
        SignInWithProvider.Identity identity,
        string from,
        string? returnUrl
    ) =>
        await (await flow.SignInAsync(browser.Caller, identity, browser.TrustedDevice, Http.RequestAborted)).Match(
            async done =>
            {
                await browser.SignInAsync(done.Session);
                Http.Response.Redirect(ReturnAddress.Local(returnUrl));
            },
            due =>
            {
                flash.KeepTicket(due.Ticket);
                Http.Response.Redirect(ReturnAddress.With("/login/second-factor", returnUrl));
                return Task.CompletedTask;
            },
            refusal =>
            {
                if (
                    refusal.Error == AuthError.EmailNotVerified
                    && EmailAddress.TryParse(identity.Email, out var address)
                )
                {
                    flash.KeepAddress(address);
                    Http.Response.Redirect(ReturnAddress.With("/verify-email", returnUrl));
                }
                else
                    Refuse(from, refusal, provider);
                return Task.CompletedTask;
            }
        );

    private async Task LinkAsync(
        ExternalProviderOptions provider,
        SignInWithProvider.Identity identity,
        SignInWithProvider.LinkRequest asked,
        string from
    )
    {
        if ((await flow.LinkAsync(browser.Caller, identity, asked, Http.RequestAborted)).Failure is not { } refusal)
            Go(from, Notice.ProviderLinked, provider.Label);
        else
            Refuse(
                refusal.Error == AuthError.StepUpRequired ? ReturnAddress.StepUp(refusal, from) : from,
                refusal,
                provider
            );
    }

    private async Task StepUpAsync(
        ExternalProviderOptions provider,
        SignInWithProvider.Identity identity,
        SignInWithProvider.LinkRequest asked,
        string from,
        string? returnUrl
    )
    {
        var outcome = await flow.StepUpAsync(browser.Caller, identity, asked, ActAt(returnUrl), Http.RequestAborted);
        if (outcome.Value is not { } renewed)
        {
            Refuse(from, outcome.Failure!, provider);
            return;
        }
        await browser.SignInAsync(renewed);
        Http.Response.Redirect(ReturnAddress.Local(returnUrl));
    }

    // The page that somebody was on the way to says which act their sign-in at the provider is for.
    private static SensitiveAct? ActAt(string? returnUrl) =>
        returnUrl switch
        {
            "/account/close" => SensitiveAct.CloseAccount,
            "/account/password" => SensitiveAct.ChangePassword,
            "/account/email" => SensitiveAct.ChangeEmail,
            _ => null,
        };

    private void Refuse(string to, AuthFailure refusal, ExternalProviderOptions provider) =>
        Go(to, Notice.ProviderRefused, Messages.Sentence(refusal, provider.Label));

    private void Go(string to, Notice notice, string detail)
    {
        flash.Leave(notice, detail);
        Http.Response.Redirect(to);
    }

    internal static bool IsStepUp(AuthenticationProperties round) => ErrandOf(round) == ExternalLoginIntent.StepUp;

    private static ExternalLoginIntent ErrandOf(AuthenticationProperties? round) =>
        Enum.TryParse<ExternalLoginIntent>(round?.GetString(ErrandItem), out var errand)
            ? errand
            : ExternalLoginIntent.SignIn;

    private static string Scheme(ExternalProviderOptions provider) => "External." + provider.Key;

    /// <summary>Adds a scheme for each configured provider.</summary>
    internal static void Add(AuthenticationBuilder authentication, AuthOptions options)
    {
        foreach (var provider in options.External.Values)
            authentication.AddOAuth<ProviderScheme, ProviderHandler>(
                Scheme(provider),
                scheme =>
                {
                    (scheme.Provider, scheme.SignInScheme) = (provider, BrowserSession.Scheme);
                    (scheme.ClientId, scheme.ClientSecret) = (provider.ClientId, provider.ClientSecret);
                    (scheme.AuthorizationEndpoint, scheme.TokenEndpoint, scheme.UserInformationEndpoint) = (
                        provider.AuthorizationEndpoint,
                        provider.TokenEndpoint,
                        provider.UserInfoEndpoint
                    );
                    scheme.CallbackPath = $"/login/external/{provider.Name}/callback";
                    scheme.ReturnUri = options.Link(scheme.CallbackPath.Value!.TrimStart('/')).AbsoluteUri;
                    (scheme.UsePkce, scheme.SaveTokens) = (true, false);
                    foreach (var scope in provider.AskedScopes)
                        scheme.Scope.Add(scope);
                    scheme.CorrelationCookie.Name = CookieRules.Name(options, "external.");
                    scheme.CorrelationCookie.Path = "/";
                    scheme.CorrelationCookie.SameSite = SameSiteMode.Lax; // comes back by GET
                    scheme.CorrelationCookie.SecurePolicy = CookieRules.Secure(options);
                    scheme.RemoteAuthenticationTimeout = Patience;
                    // A redirect could lead the secret elsewhere.
                    scheme.Backchannel = new HttpClient(
                        new SocketsHttpHandler
                        {
                            AllowAutoRedirect = false,
                            UseCookies = false,
                            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
                        }
                    )
                    {
                        Timeout = Answers,
                        MaxResponseContentBufferSize = LongestAnswer,
                    };
                    // some refuse requests without
                    scheme.Backchannel.DefaultRequestHeaders.UserAgent.ParseAdd("BlazorAuth");
                }
            );
    }
}
