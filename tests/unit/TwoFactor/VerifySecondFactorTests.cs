using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.UnitTests.TwoFactor;

public sealed class VerifySecondFactorTests : AuthTest
{
    private const string Jane = "jane@example.org";

    private async Task<(AuthUser User, AuthenticatorApp App)> JaneAsync()
    {
        var user = await Auth.MemberAsync(Jane);
        return (user, await Auth.AuthenticatorAsync(user));
    }

    private Task<VerifySecondFactor.SecondFactorResult> VerifyAsync(
        string? ticket,
        string? code,
        string? recoveryCode = null,
        bool remember = false
    ) =>
        Auth.Use(
            (VerifySecondFactor flow) =>
                flow.VerifyAsync(Auth.Caller, new(ticket, code, recoveryCode, remember), default)
        );

    [Fact]
    public async Task The_password_alone_opens_nothing_where_a_second_factor_is_on()
    {
        await JaneAsync();
        var due = Assert.IsType<SignInOutcome.NeedsSecondFactor>(await Auth.TrySignInAsync(Jane));
        Assert.Equal(["totp"], due.Methods);
        Assert.Empty(await Auth.Use((AuthDbContext db) => db.Sessions.ToListAsync()));
    }

    [Fact]
    public async Task The_code_of_the_app_goes_on_to_a_session_of_two_factors_at_the_door_the_sign_in_was_begun_at()
    {
        var (_, app) = await JaneAsync();
        var given = await VerifyAsync(await Auth.TicketAsync(Jane, SessionKind.Api), app.Code());
        var session = Assert.IsType<SignInOutcome.SignedIn>(given.Outcome).Session;
        Assert.Equal((SessionKind.Api, "pwd otp mfa"), (session.Kind, session.Methods));
    }

    [Theory]
    [InlineData(-30, true)]
    [InlineData(30, true)]
    [InlineData(-60, false)]
    [InlineData(60, false)]
    public async Task A_clock_may_be_one_step_off_and_no_more(int seconds, bool taken)
    {
        var (_, app) = await JaneAsync();
        var ticket = await Auth.TicketAsync(Jane);
        var code = app.Code(seconds);
        Assert.Equal(taken, (await VerifyAsync(ticket, code)).Outcome is SignInOutcome.SignedIn);
    }

    [Fact]
    public async Task A_used_code_and_those_before_it_are_never_taken_again()
    {
        var (_, app) = await JaneAsync();
        var (first, second) = (await Auth.TicketAsync(Jane), await Auth.TicketAsync(Jane));
        Assert.Null((await VerifyAsync(first, app.Code())).Outcome.Failure());
        Assert.Equal(AuthError.SecondFactorInvalid, (await VerifyAsync(second, app.Code())).Outcome.Failure()?.Error);
        var before = app.Code(-30);
        Assert.Equal(AuthError.SecondFactorInvalid, (await VerifyAsync(second, before)).Outcome.Failure()?.Error);
    }

    [Fact]
    public async Task A_ticket_opens_once_and_not_after_five_minutes()
    {
        var (_, app) = await JaneAsync();
        var ticket = await Auth.TicketAsync(Jane);
        Assert.Null((await VerifyAsync(ticket, app.Code())).Outcome.Failure());
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        Assert.Equal(AuthError.TicketExpired, (await VerifyAsync(ticket, app.Code())).Outcome.Failure()?.Error);

        var late = await Auth.TicketAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromMinutes(5));
        Assert.Equal(AuthError.TicketExpired, (await VerifyAsync(late, app.Code())).Outcome.Failure()?.Error);
    }

    [Fact]
    public async Task A_ticket_takes_five_tries()
    {
        var (_, app) = await JaneAsync();
        var ticket = await Auth.TicketAsync(Jane);
        for (var i = 0; i < 5; i++)
            Assert.Equal(
                AuthError.SecondFactorInvalid,
                (await VerifyAsync(ticket, "000 000")).Outcome.Failure()?.Error
            );
        Assert.Equal(AuthError.TicketExpired, (await VerifyAsync(ticket, app.Code())).Outcome.Failure()?.Error);
    }

    [Fact]
    public async Task Who_is_locked_between_the_factors_stays_out()
    {
        var (user, app) = await JaneAsync();
        var ticket = await Auth.TicketAsync(Jane);
        await Auth.ChangeUserAsync(user.Id, u => u.LockedAt = Auth.Clock.GetUtcNow());
        Assert.Equal(AuthError.AccountLocked, (await VerifyAsync(ticket, app.Code())).Outcome.Failure()?.Error);
    }

    [Fact]
    public async Task A_ticket_dies_with_the_password_it_was_given_for()
    {
        var (_, app) = await JaneAsync();
        var ticket = await Auth.TicketAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Null(
            (
                await Auth.Use(
                    (ResetPassword flow) => flow.SetAsync(Auth.Caller, link, AuthFixture.OtherPassword, default)
                )
            ).Failure
        );
        Assert.Equal(AuthError.TicketExpired, (await VerifyAsync(ticket, app.Code())).Outcome.Failure()?.Error);
    }

    [Fact]
    public async Task A_remembered_browser_is_not_asked_again_until_the_password_changes()
    {
        var (_, app) = await JaneAsync();
        var given = await VerifyAsync(await Auth.TicketAsync(Jane), app.Code(), remember: true);
        Assert.NotNull(given.TrustedDevice);
        Task<SignInOutcome> AgainAsync(string? device, string password = AuthFixture.Password) =>
            Auth.Use(
                (SignInWithPassword flow) =>
                    flow.WithPasswordAsync(
                        Auth.Caller,
                        new(Jane, password, SessionKind.Browser, TrustedDevice: device),
                        default
                    )
            );
        Assert.IsType<SignInOutcome.SignedIn>(await AgainAsync(given.TrustedDevice));
        Assert.IsType<SignInOutcome.NeedsSecondFactor>(await AgainAsync(given.TrustedDevice![..^1] + "x"));
        Assert.IsType<SignInOutcome.NeedsSecondFactor>(await AgainAsync(null));

        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Null(
            (
                await Auth.Use(
                    (ResetPassword flow) => flow.SetAsync(Auth.Caller, link, AuthFixture.OtherPassword, default)
                )
            ).Failure
        );
        Assert.IsType<SignInOutcome.NeedsSecondFactor>(
            await AgainAsync(given.TrustedDevice, AuthFixture.OtherPassword)
        );
    }

    [Fact]
    public async Task A_hundred_wrong_codes_in_a_row_end_the_authenticator()
    {
        var (_, app) = await JaneAsync();
        await Auth.Use(
            (AuthDbContext db) => db.Authenticators.ExecuteUpdateAsync(set => set.SetProperty(a => a.FailedCount, 100))
        );
        Assert.Equal(
            AuthError.SecondFactorInvalid,
            (await VerifyAsync(await Auth.TicketAsync(Jane), app.Code())).Outcome.Failure()?.Error
        );
    }

    [Fact]
    public async Task Wrong_codes_are_limited_for_the_account_whichever_ticket()
    {
        var (_, app) = await JaneAsync();
        for (var i = 0; i < 10; i++)
            await VerifyAsync(await Auth.TicketAsync(Jane), "000000");
        var refusal = (await VerifyAsync(await Auth.TicketAsync(Jane), app.Code())).Outcome.Failure();
        Assert.Equal(AuthError.RateLimited, refusal?.Error);
        Assert.NotNull(refusal!.RetryAfter);
    }
}
