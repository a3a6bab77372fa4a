using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>A restart stands between making and using. Nothing that counts lives in memory.</summary>
public abstract class RestartTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : RestartTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : RestartTests(Store.Postgres);

    private const string Jane = "jane@example.net";

    [StoreFact]
    public async Task Passwords_sessions_and_refresh_tokens_live_on()
    {
        await Auth.MemberAsync(Jane);
        var (session, pair) = (await Auth.SignInAsync(Jane), await Auth.ApiPairAsync(Jane));
        await Auth.RestartAsync();
        await Auth.SignInAsync(Jane);
        Assert.Null(await Auth.DeathOfAsync(session));
        var next = await Auth.RefreshAsync(pair.RefreshToken);
        await Auth.RestartAsync();
        // the leeway too
        Assert.Equal(next.Value!.RefreshToken, (await Auth.RefreshAsync(pair.RefreshToken)).Value!.RefreshToken);
    }

    [StoreFact]
    public async Task A_replay_is_seen_after_a_restart_and_stays_seen()
    {
        await Auth.MemberAsync(Jane);
        var pair = await Auth.ApiPairAsync(Jane);
        var next = (await Auth.RefreshAsync(pair.RefreshToken)).Value!;
        await Auth.RestartAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(2));
        Assert.Equal(AuthError.RefreshTokenReused, (await Auth.RefreshAsync(pair.RefreshToken)).Failure?.Error);
        await Auth.RestartAsync();
        Assert.Equal(AuthError.RefreshTokenReused, (await Auth.RefreshAsync(next.RefreshToken)).Failure?.Error);
    }

    [StoreFact]
    public async Task Links_and_codes_work_once_across_a_restart()
    {
        await Auth.RegisterAsync(Jane);
        await Auth.DeliverAsync();
        var code = CodeIn(Auth.LastEmailTo(Jane));
        var reset = await Auth.ResetLinkAsync(Jane);
        await Auth.RestartAsync();
        Assert.Null(
            (await Auth.Use((VerifyEmail flow) => flow.ConfirmCodeAsync(Auth.Caller, Jane, code, default))).Failure
        );
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, reset, OtherPassword, default))).Failure
        );
        await Auth.RestartAsync();
        Assert.Equal(
            AuthError.LinkUsed,
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, reset, Password, default)))
                .Failure
                ?.Error
        );
    }

    [StoreFact]
    public async Task An_email_to_sign_in_and_a_link_that_takes_back_work_once_across_a_restart()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var ticket = (
            await Auth.Use((SignInWithEmailCode flow) => flow.RequestAsync(Auth.Caller, Jane, default))
        ).Value!;
        await Auth.RestartAsync();
        await Auth.DeliverAsync();
        var letter = Auth.LastEmailTo(Jane);
        await Auth.RestartAsync();
        Assert.IsType<SignInOutcome.SignedIn>(
            await Auth.Use(
                (SignInWithEmailCode flow) =>
                    flow.VerifyAsync(Auth.Caller, ticket, CodeIn(letter), new(SessionKind.Api), default)
            )
        );
        await Auth.RestartAsync();
        Assert.Equal(
            AuthError.LinkUsed,
            (
                await Auth.Use(
                    (SignInWithEmailCode flow) =>
                        flow.OpenAsync(Auth.Caller, LinkTokenIn(letter), new(SessionKind.Api), default)
                )
            )
                .Failure()
                ?.Error
        );

        Assert.Null(
            (
                await Auth.Use(
                    (ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default)
                )
            ).Failure
        );
        await Auth.DeliverAsync();
        var undo = LinkTokenIn(Auth.LastEmailTo(Jane));
        await Auth.RestartAsync();
        Assert.Null((await Auth.Use((RevertChange flow) => flow.RevertAsync(Auth.Caller, undo, default))).Failure);
        await Auth.RestartAsync();
        Assert.Equal(
            AuthError.LinkUsed,
            (await Auth.Use((RevertChange flow) => flow.RevertAsync(Auth.Caller, undo, default))).Failure?.Error
        );
    }

    [StoreFact]
    public async Task Tries_at_a_code_and_wrong_passwords_stay_counted()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "2"));
        await Auth.RegisterAsync(Jane);
        for (var i = 0; i < 2; i++)
        {
            await Auth.TrySignInAsync(Jane, "not the password");
            await Auth.RestartAsync();
        }
        Assert.Equal(
            AuthError.RateLimited,
            Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(Jane)).Failure.Error
        );
    }

    [StoreFact]
    public async Task What_was_protected_for_a_cookie_opens_again_and_in_another_process()
    {
        var text = Auth
            .Services.GetRequiredService<IDataProtectionProvider>()
            .CreateProtector("cookie")
            .Protect("session");
        await using var other = await Auth.BesideAsync();
        Assert.Equal(
            "session",
            other.Services.GetRequiredService<IDataProtectionProvider>().CreateProtector("cookie").Unprotect(text)
        );
        await Auth.RestartAsync();
        Assert.Equal(
            "session",
            Auth.Services.GetRequiredService<IDataProtectionProvider>().CreateProtector("cookie").Unprotect(text)
        );
    }

    [StoreFact]
    public async Task What_one_process_ends_is_dead_in_the_other_within_a_second()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await using var other = await Auth.BesideAsync();
        Assert.Null(await other.DeathOfAsync(session));
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, session.Id, default));
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(session));
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal(AuthError.SessionRevoked, await other.DeathOfAsync(session));
    }
}
