using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Invariants.Model;
using Account = BlazorAuth.UnitTests.Invariants.Model.Account;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>Tells a story to the product and to the model at once, and compares them after every act.</summary>
internal sealed partial class ModelDriver(AuthFixture auth)
{
    private static readonly string[] Addresses =
    [
        "ann@example.net",
        "bob@example.net",
        "cat@example.net",
        "dan@example.net",
    ];

    private static readonly TimeSpan[] Waits =
    [
        TimeSpan.FromSeconds(4),
        TimeSpan.FromSeconds(11),
        TimeSpan.FromMinutes(2),
        TimeSpan.FromMinutes(11),
        TimeSpan.FromMinutes(61),
        TimeSpan.FromHours(25),
        TimeSpan.FromDays(8),
        TimeSpan.FromDays(15),
        TimeSpan.FromDays(50),
    ];

    private readonly Model model = new(auth.Clock);
    private readonly List<string> told = [];
    private int passwords,
        letters;
    private bool mailIsHeld;

    public async Task TellAsync(Step step)
    {
        try
        {
            told.Add(
                await (
                    step.Act switch
                    {
                        Act.Register => RegisterAsync(step),
                        Act.SignInToTheSite => SignInAsync(step, SessionKind.Browser),
                        Act.SignInToTheApi => SignInAsync(step, SessionKind.Api),
                        Act.VerifyByLink => WithLink(
                            step,
                            TokenPurpose.VerifyEmail,
                            link => VerifyAsync(link, step.Who)
                        ),
                        Act.VerifyByCode => WithLink(step, TokenPurpose.VerifyEmail, VerifyByCodeAsync),
                        Act.AskToVerify => AskToVerifyAsync(step),
                        Act.Refresh => WithPair(step, newest: true, RefreshAsync),
                        Act.Replay => WithPair(step, newest: false, RefreshAsync),
                        Act.Visit => WithLogin(step, VisitAsync),
                        Act.Forget => ForgetAsync(step),
                        Act.Reset => WithLink(step, TokenPurpose.ResetPassword, ResetAsync),
                        Act.AskToMove => WithLogin(step, login => AskToMoveAsync(login, step.Which)),
                        Act.ConfirmMove => WithLink(step, TokenPurpose.ChangeEmail, ConfirmMoveAsync),
                        Act.ChangePassword => WithLogin(step, ChangePasswordAsync),
                        Act.EndOne => WithLogin(step, login => EndOneAsync(login, step.Which)),
                        Act.EndOthers => WithLogin(step, EndOthersAsync),
                        Act.SignOut => WithLogin(step, SignOutAsync),
                        Act.Close => WithLogin(step, CloseAsync),
                        Act.LockOrUnlock => LockOrUnlockAsync(step),
                        Act.HoldMail => Task.FromResult(
                            (mailIsHeld = !mailIsHeld) ? "the mail is held" : "the mail goes out"
                        ),
                        Act.Wait => WaitAsync(step),
                        Act.Restart => RestartAsync(),
                    }
                )
            );
            if (!mailIsHeld)
                await ReadMailAsync();
            await CompareAsync();
        }
        catch (Exception fault)
        {
            throw new InvalidOperationException(
                $"{fault.Message}\nafter:\n  {string.Join("\n  ", told)}\nat: {step}",
                fault
            );
        }
    }

    /// <summary>What can only be looked at by using it up: every refresh token, rotated ones last.</summary>
    public async Task EndAsync()
    {
        await PasswordsAsync(of => of.OldPasswords);
        foreach (var login in model.Logins)
        foreach (var pair in Enumerable.Reverse(login.Pairs.ToList()))
            told.Add(await RefreshAsync(login, pair));
        await CompareAsync();
    }

    private async Task CompareAsync()
    {
        foreach (var login in model.Logins)
        {
            foreach (var generation in login.Pairs.Select(p => p.Generation).Append(login.Row.Generation).Distinct())
                Same(
                    model.IsAlive(login, generation),
                    await auth.DeathOfAsync(login.Row, generation) is null,
                    $"generation {generation} of {Name(login)}"
                );
            foreach (var pair in login.Pairs.TakeLast(3))
                Same(
                    model.IsAlive(login, pair),
                    await OpensAsync(pair.Access),
                    $"access token {pair.Generation} of {Name(login)}"
                );
            if (!model.IsAlive(login) && login.Pairs.Count > 0)
                Same(
                    false,
                    (await auth.RefreshAsync(login.Pairs[^1].Refresh)).Failure is null,
                    $"refresh token of {Name(login)}"
                );
        }
        foreach (var link in model.Links)
            Same(model.IsAlive(link), await LooksAliveAsync(link), Name(link));
        await PasswordsAsync(of => of.OldPasswords.TakeLast(1));
    }

    private async Task PasswordsAsync(Func<Account, IEnumerable<string>> dead)
    {
        foreach (var account in model.Accounts)
        {
            foreach (var password in dead(account))
                Same(
                    AuthError.InvalidCredentials,
                    await SignInErrorAsync(account, password),
                    $"old password of {account.Email}"
                );
            if (account.Password is { } current)
                Same(
                    account.Locked ? AuthError.AccountLocked : null,
                    await SignInErrorAsync(account, current),
                    $"password of {account.Email}"
                );
        }
    }

    private async Task<AuthError?> SignInErrorAsync(Account account, string password)
    {
        var outcome = await auth.TrySignInAsync(account.Email, password);
        if (outcome is SignInOutcome.SignedIn signedIn)
            await auth.Use((SessionStore flow) => flow.SignOutAsync(auth.Caller, signedIn.Session.Id, default));
        return outcome.Failure()?.Error;
    }

    private async Task ReadMailAsync()
    {
        await auth.DeliverAsync();
        var sent = auth.Mail.Sent;
        foreach (var mail in sent.Skip(letters))
            if (AuthFixture.LinkTokenIn(mail) is { Length: > 0 } text)
                await KeepLinkAsync(mail, text);
        letters = sent.Count;
    }

    private async Task KeepLinkAsync(OutgoingEmail mail, string text)
    {
        if (mail.Content.Text.Contains("/undo?", StringComparison.Ordinal))
            return; // stays good whatever happens; UndoTests tell what it does
        var purpose =
            mail.Content.Text.Contains("/verify-email?", StringComparison.Ordinal) ? TokenPurpose.VerifyEmail
            : mail.Content.Text.Contains("/reset-password?", StringComparison.Ordinal) ? TokenPurpose.ResetPassword
            : TokenPurpose.ChangeEmail;
        var hash = auth.Services.GetRequiredService<TokenCodec>().Hash($"link:{purpose}", text);
        var row = await auth.Use(
            (AuthDbContext db) => db.OneTimeTokens.AsNoTracking().SingleAsync(t => t.SecretHash == hash)
        );
        var account = model.Accounts.Single(a => a.Id == row.UserId);
        if (purpose == TokenPurpose.ChangeEmail)
            Same(account.Asked, (mail.To, row.SessionId!), "the email of a move");
        else
            Same(account.Email, mail.To, "the address of an email");
        model.Minted(
            new(
                purpose,
                text,
                AuthFixture.CodeIn(mail),
                mail.To,
                account,
                row.SessionId,
                auth.Clock.Now + OneTimeTokens.Lifetime(purpose)
            )
        );
    }

    private async Task<bool> LooksAliveAsync(Link link) =>
        (
            link.Purpose switch
            {
                TokenPurpose.VerifyEmail => (
                    await auth.Use((VerifyEmail flow) => flow.PreviewAsync(auth.Caller, link.Text, default))
                ).Failure,
                TokenPurpose.ResetPassword => (
                    await auth.Use((ResetPassword flow) => flow.PreviewAsync(auth.Caller, link.Text, default))
                ).Failure,
                _ => (await auth.Use((ChangeEmail flow) => flow.PreviewAsync(auth.Caller, link.Text, default))).Failure,
            }
        )
            is null;

    private async Task<bool> OpensAsync(string access)
    {
        if (await auth.Services.GetRequiredService<AccessTokens>().ReadAsync(access) is not { } token)
            return false;
        return (
            await auth.Use((SessionStore flow) => flow.FindLiveAsync(token.SessionId, token.Generation, default))
        ).Failure
            is null;
    }

    private Task<string> WithLogin(Step step, Func<Login, Task<string>> act) =>
        Pick(model.Live, step.Who) is { } login ? act(login) : Task.FromResult(Nothing);

    private Task<string> WithPair(Step step, bool newest, Func<Login, TokenPair, Task<string>> act) =>
        Pick([.. model.Logins.Where(l => l.Pairs.Count > 0)], step.Who) is not { } login
            ? Task.FromResult(Nothing)
            : act(login, newest ? login.Pairs[^1] : Pick(login.Pairs, step.Which)!);

    // The newest first: those are the ones that live.
    private Task<string> WithLink(Step step, TokenPurpose purpose, Func<Link, Task<string>> act) =>
        Pick([.. Enumerable.Reverse(model.Links).Where(l => l.Purpose == purpose)], step.Which / 3) is { } link
            ? act(link)
            : Task.FromResult(Nothing);

    private void Keep(Login login, RefreshTokens.Pair pair) =>
        login.Pairs.Add(
            new(login.Generation, pair.AccessToken, pair.RefreshToken, auth.Clock.Now + pair.AccessLifetime)
        );

    private const string Nothing = "nothing";

    private static T? Pick<T>(IReadOnlyList<T> from, int which)
        where T : class => from.Count == 0 ? null : from[which % from.Count];

    // Mostly an account's, now and then nobody's.
    private string AnybodysAddress(Step step) =>
        step.Which % 4 > 0 && Pick(model.Open, step.Who) is { } account
            ? account.Email
            : Addresses[step.Which % Addresses.Length];

    private string NewPassword() => $"bottle number {++passwords}";

    private string Name(Login login) => $"session {model.Logins.IndexOf(login)} of {login.Account.Email}";

    private string Name(Link link) => $"{link.Purpose} link {model.Links.IndexOf(link)} to {link.Address}";

    private static string Say(AuthFailure? refusal) => Say(refusal?.Error);

    private static string Say(AuthError? error) => error is { } told ? told.Code() : "done";

    private static void Same<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
            throw new InvalidOperationException($"{what}: the model says {Show(expected)}, the product {Show(actual)}");
    }

    private static string Show<T>(T value) =>
        value switch
        {
            null => "fine",
            true => "alive",
            false => "dead",
            _ => value.ToString()!,
        };
}
