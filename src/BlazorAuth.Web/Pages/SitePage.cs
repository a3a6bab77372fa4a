using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Web.Components;
using Microsoft.AspNetCore.Components;

namespace BlazorAuth.Web.Pages;

/// <summary>
/// What every page has: the request, who asks, and the two ways an act ends: somewhere else, or here with errors.
/// </summary>
public abstract class SitePage : ComponentBase
{
    [CascadingParameter]
    public HttpContext Http { get; set; } = null!;

    [Inject]
    protected BrowserSession Browser { get; init; } = null!;

    [Inject]
    protected Flash Flash { get; init; } = null!;

    [Inject]
    protected NavigationManager Navigation { get; init; } = null!;

    protected FormErrors Errors { get; set; } = FormErrors.None;

    protected bool SignedIn => Browser.Current is not null;

    protected Caller Caller => Browser.Caller;

    protected CancellationToken Ct => Http.RequestAborted;

    /// <summary>
    /// The secret of the email's link that led here; empty where it is too long or doubled and so cannot be ours.
    /// </summary>
    protected string? Link => Flash.Link() ?? (Http.Request.Query.ContainsKey("token") ? "" : null);

    /// <summary>
    /// Whether this form was sent. A page that shows a form in some states only must show it then, whatever the state:
    /// a form that is not on the page cannot take what was sent, and the answer would be an error without a reason.
    /// </summary>
    protected bool Sent(string form) =>
        HttpMethods.IsPost(Http.Request.Method)
        && Http.Request.HasFormContentType
        && Http.Request.Form["_handler"] == form;

    protected void Go(string path) => Navigation.NavigateTo(path);

    protected void Go(string path, Notice notice, string? detail = null)
    {
        Flash.Leave(notice, detail);
        Go(path);
    }

    protected async Task GoSignedInAsync(Session session, string path)
    {
        await Browser.SignInAsync(session);
        Go(path);
    }

    /// <summary>
    /// Ends a sign-in: at the address, at the second factor on the way there, or here. The half-signed-in state is a
    /// ticket in this browser's own cookie (ASVS 6.6.2).
    /// </summary>
    protected Task FinishAsync(SignInOutcome outcome, string? returnUrl, Action<AuthFailure> refused) =>
        outcome.Match(
            done => GoSignedInAsync(done.Session, ReturnAddress.Local(returnUrl)),
            due =>
            {
                Flash.KeepTicket(due.Ticket);
                Go(ReturnAddress.With("/login/second-factor", returnUrl));
                return Task.CompletedTask;
            },
            refusal =>
            {
                refused(refusal);
                return Task.CompletedTask;
            }
        );

    /// <summary>The page that offers to make a passkey, on the way to an address.</summary>
    protected const string Offer = "/account/passkeys/offer";

    /// <summary>Asks who it is again, and comes back to this form with what was typed.</summary>
    private void GoStepUp(AuthFailure refusal)
    {
        var here = Http.Request.Path + Http.Request.QueryString;
        if (Http.Request.HasFormContentType)
            Flash.KeepTyped(Http.Request.Path, PageRules.Harmless(Http.Request.Form));
        Http.Response.StatusCode = StatusCodes.Status200OK;
        Go(ReturnAddress.StepUp(refusal, here));
    }

    protected void GoVerified(Core.Accounts.VerifyEmail.VerificationResult verified, string? returnUrl)
    {
        Flash.DropAddress();
        if (verified.ResetLink is { } link)
        {
            Flash.KeepLink("/reset-password", link);
            Go("/reset-password", Notice.EmailVerifiedNewPassword);
            return;
        }
        Flash.DropLink();
        Go(
            SignedIn ? ReturnAddress.Local(returnUrl) : ReturnAddress.With("/login", returnUrl),
            verified.PasswordVoid ? Notice.EmailVerifiedPasswordVoid : Notice.EmailVerified
        );
    }

    protected void Refuse(AuthFailure refusal, params (string Field, string Id)[] ids)
    {
        if (refusal.Error == AuthError.StepUpRequired)
            GoStepUp(refusal);
        else
            Errors = Messages.Show(Http, refusal, ids);
    }

    /// <summary>
    /// Prints a refusal; what is wrong with the form as a whole is told beside this input, so that its link leads
    /// there.
    /// </summary>
    protected void Refuse(AuthFailure refusal, string onField) =>
        Errors = Messages.Show(Http, refusal) is { All: [{ FieldId: null } whole] }
            ? FormErrors.None.Add(onField, whole.Sentence)
            : Messages.Show(Http, refusal);
}
