using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Invariants.Model;
using Account = BlazorAuth.UnitTests.Invariants.Model.Account;

namespace BlazorAuth.UnitTests.Invariants;

// The acts: each is done to the product, its outcome compared with the model's, and then done to the model.
internal sealed partial class ModelDriver
{
    private async Task<string> RegisterAsync(Step step)
    {
        var (email, password) = (Addresses[step.Which % Addresses.Length], NewPassword());
        var outcome = await auth.Use(
            (Register flow) => flow.CreateAsync(auth.Caller, new(email, null, password), default)
        );
        var owner = model.OwnerOf(email);
        Same(owner is null ? null : AuthError.EmailTaken, outcome.Failure?.Error, $"sign-up of {email}");
        if (owner is null)
            model.Accounts.Add(new(outcome.Value!.User!.Id, email, password));
        else
            owner.Contested |= !owner.Verified;
        return $"somebody signs up as {email} with '{password}': {Say(outcome.Failure)}";
    }

    private async Task<string> SignInAsync(Step step, SessionKind door)
    {
        if (Pick(model.Open, step.Who) is not { } account)
            return Nothing;
        var password =
            step.Which % 4 == 3 ? Pick(account.OldPasswords, step.Which) ?? account.Password : account.Password;
        var outcome = await auth.TrySignInAsync(account.Email, password ?? "none is chosen", door);
        var error = outcome.Failure()?.Error;
        Same(
            password is null || password != account.Password ? AuthError.InvalidCredentials
                : account.Locked ? AuthError.AccountLocked
                : null,
            error,
            $"sign-in of {account.Email}"
        );
        if (outcome is SignInOutcome.SignedIn { Session: var session })
        {
            var login = new Login(session, account, auth.Clock.Now);
            model.Logins.Add(login);
            if (door == SessionKind.Api)
                Keep(login, await auth.Use((RefreshTokens flow) => flow.IssueAsync(session, default)));
        }
        return $"{account.Email} signs in with '{password}' ({door}): {Say(error)}";
    }

    private async Task<string> VerifyAsync(Link link, int who)
    {
        var own = model.Live.FirstOrDefault(l => l.Account == link.Account && who % 2 == 1);
        var caller = own is null ? auth.Caller : auth.In(own.Row);
        var outcome = await auth.Use((VerifyEmail flow) => flow.ConfirmAsync(caller, link.Text, default));
        Same(model.IsAlive(link), outcome.Failure is null, $"use of {Name(link)}");
        if (outcome.Failure is null)
            model.Verified(link.Account, own is not null);
        return $"{(own is null ? "somebody" : Name(own))} opens {Name(link)}: {Say(outcome.Failure)}";
    }

    private async Task<string> VerifyByCodeAsync(Link link)
    {
        var opened = model.Try(link.Address, link.Code!);
        var outcome = await auth.Use(
            (VerifyEmail flow) => flow.ConfirmCodeAsync(auth.Caller, link.Address, link.Code, default)
        );
        Same(opened is not null, outcome.Failure is null, $"code of {Name(link)}");
        if (opened is not null)
            model.Verified(opened.Account, byItsOwner: false);
        return $"somebody types the code of {Name(link)}: {Say(outcome.Failure)}";
    }

    private async Task<string> AskToVerifyAsync(Step step)
    {
        var email = AnybodysAddress(step);
        Same(
            null,
            (await auth.Use((VerifyEmail flow) => flow.SendAsync(auth.Caller, email, default))).Failure?.Error,
            "asking to verify"
        );
        return $"somebody asks for the verification email of {email}";
    }

    private async Task<string> RefreshAsync(Login login, TokenPair pair)
    {
        var outcome = await auth.RefreshAsync(pair.Refresh);
        var text = $"refresh token {pair.Generation} of {Name(login)}";
        if (!model.IsAlive(login))
            Same(false, outcome.Failure is null, text);
        else if (pair.Generation < login.Renewed)
            Same(AuthError.PasswordChanged, outcome.Failure?.Error, text);
        else if (model.IsInLeeway(login, pair.Generation))
            Same(login.Pairs[^1].Refresh, outcome.Value?.RefreshToken, $"successor of {text}");
        else if (pair.Generation == login.Generation)
        {
            Same(null, outcome.Failure?.Error, text);
            model.Rotated(login);
            login.Row = outcome.Value!.Session;
            Keep(login, outcome.Value);
        }
        else
        {
            Same(AuthError.RefreshTokenReused, outcome.Failure?.Error, text);
            login.Ended = true;
        }
        return $"{text} is used: {Say(outcome.Failure)}";
    }

    private async Task<string> VisitAsync(Login login)
    {
        var found = await auth.Use((SessionStore flow) => flow.FindLiveAsync(login.Row.Id, login.Generation, default));
        await auth.Use((SessionStore flow) => flow.TouchAsync(found.Value!, default));
        model.Seen(login);
        return $"{Name(login)} visits";
    }

    private async Task<string> ForgetAsync(Step step)
    {
        var email = AnybodysAddress(step);
        Same(
            null,
            (await auth.Use((ResetPassword flow) => flow.RequestAsync(auth.Caller, email, default))).Failure?.Error,
            "asking to reset"
        );
        return $"somebody asks for the reset email of {email}";
    }

    private async Task<string> ResetAsync(Link link)
    {
        var password = NewPassword();
        var outcome = await auth.Use((ResetPassword flow) => flow.SetAsync(auth.Caller, link.Text, password, default));
        Same(model.IsAlive(link), outcome.Ok, $"use of {Name(link)}");
        if (outcome.Ok)
            model.Reset(link.Account, password);
        return $"somebody sets '{password}' by {Name(link)}: {Say(outcome.Failure)}";
    }

    private async Task<string> AskToMoveAsync(Login login, int which)
    {
        var address = Addresses[which % Addresses.Length];
        var outcome = await auth.Use(
            (ChangeEmail flow) => flow.RequestAsync(auth.In(login.Row), address, login.Account.Password, default)
        );
        Same(
            address == login.Account.Email ? AuthError.ValidationFailed : null,
            outcome.Failure?.Error,
            $"asking to move to {address}"
        );
        if (outcome.Ok)
            model.AskedToMove(login, address);
        return $"{Name(login)} asks to move to {address}: {Say(outcome.Failure)}";
    }

    private async Task<string> ConfirmMoveAsync(Link link)
    {
        var outcome = await auth.Use((ChangeEmail flow) => flow.ConfirmAsync(auth.Caller, link.Text, default));
        var taken = model.OwnerOf(link.Address) is { } owner && owner != link.Account;
        Same(model.IsAlive(link) && !taken, outcome.Failure is null, $"use of {Name(link)}");
        if (outcome.Failure is null)
            model.Moved(link);
        return $"somebody opens {Name(link)}: {Say(outcome.Failure)}";
    }

    private async Task<string> ChangePasswordAsync(Login login)
    {
        var password = NewPassword();
        var outcome = await auth.Use(
            (ChangePassword flow) => flow.ChangeAsync(auth.In(login.Row), login.Account.Password, password, default)
        );
        Same(null, outcome.Failure?.Error, "changing the password");
        model.PasswordChanged(login, outcome.Value!, password);
        if (login.Row.Kind == SessionKind.Api)
            Keep(login, await auth.Use((RefreshTokens flow) => flow.IssueAsync(login.Row, default)));
        return $"{Name(login)} changes the password to '{password}'";
    }

    private async Task<string> EndOneAsync(Login login, int which)
    {
        var other = Pick([.. model.Live.Where(l => l.Account == login.Account)], which)!;
        Same(
            null,
            (await auth.Use((SessionStore flow) => flow.EndAsync(auth.In(login.Row), other.Row.Id, default)))
                .Failure
                ?.Error,
            "ending a session"
        );
        other.Ended = true;
        return $"{Name(login)} ends {Name(other)}";
    }

    private async Task<string> EndOthersAsync(Login login)
    {
        Same(
            null,
            (await auth.Use((SessionStore flow) => flow.EndOthersAsync(auth.In(login.Row), default))).Failure?.Error,
            "ending the others"
        );
        model.EndAll(login.Account, login);
        return $"{Name(login)} ends all others";
    }

    private async Task<string> SignOutAsync(Login login)
    {
        await auth.Use((SessionStore flow) => flow.SignOutAsync(auth.Caller, login.Row.Id, default));
        login.Ended = true;
        return $"{Name(login)} signs out";
    }

    private async Task<string> CloseAsync(Login login)
    {
        var outcome = await auth.Use(
            (CloseAccount flow) => flow.CloseAsync(auth.In(login.Row), login.Account.Password!, default)
        );
        Same(null, outcome.Failure?.Error, "closing the account");
        model.Closed(login.Account);
        return $"{Name(login)} closes the account";
    }

    private async Task<string> LockOrUnlockAsync(Step step)
    {
        if (Pick(model.Open, step.Who) is not { } account)
            return Nothing;
        account.Locked = !account.Locked;
        await auth.ChangeUserAsync(account.Id, user => user.LockedAt = account.Locked ? auth.Clock.Now : null);
        return $"{account.Email} is {(account.Locked ? "locked" : "unlocked")}";
    }

    private Task<string> WaitAsync(Step step)
    {
        var wait = Waits[step.Which % Waits.Length];
        auth.Clock.Move(wait);
        return Task.FromResult($"{wait} pass");
    }

    private async Task<string> RestartAsync()
    {
        await auth.RestartAsync();
        return "the process is started again";
    }
}
