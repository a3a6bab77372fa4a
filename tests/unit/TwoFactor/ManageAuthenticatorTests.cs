using System.Text.Json;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.TwoFactor;

public sealed class ManageAuthenticatorTests : AuthTest
{
    private const string Jane = "jane@example.org";
    private AuthUser user = null!;
    private Session session = null!;

    private async Task<ManageAuthenticator.AuthenticatorSetup> BegunAsync()
    {
        if (user is null)
        {
            user = await Auth.MemberAsync(Jane);
            session = await Auth.SignInAsync(Jane);
        }
        return (await BeginAsync()).Value!;
    }

    private Task<Result<ManageAuthenticator.AuthenticatorSetup>> BeginAsync() =>
        Auth.Use((ManageAuthenticator flow) => flow.BeginAsync(Auth.ProvenIn(session), default));

    private Task<Result<ManageAuthenticator.Confirmed>> ConfirmAsync(string? code) =>
        Auth.Use((ManageAuthenticator flow) => flow.ConfirmAsync(Auth.ProvenIn(session), code, default));

    private Task<Result> RemoveAsync() =>
        Auth.Use((ManageAuthenticator flow) => flow.RemoveAsync(Auth.ProvenIn(session), default));

    private Task<ManageAuthenticator.AuthenticatorState> PreviewAsync() =>
        Auth.Use((ManageAuthenticator flow) => flow.PreviewAsync(Auth.ProvenIn(session), default));

    private async Task<IReadOnlyList<string>> OnAsync()
    {
        var confirmed = await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(await BegunAsync())));
        Assert.Null(confirmed.Failure);
        return confirmed.Value!.RecoveryCodes;
    }

    [Fact]
    public async Task It_is_on_only_after_a_right_code()
    {
        var begun = await BegunAsync();
        Assert.False((await PreviewAsync()).On);
        Assert.IsType<SignInOutcome.SignedIn>(await Auth.TrySignInAsync(Jane));
        Assert.Equal(AuthError.SecondFactorInvalid, (await ConfirmAsync("000000")).Failure?.Error);
        Assert.False((await PreviewAsync()).On);

        Assert.Null((await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(begun)))).Failure);
        var state = await PreviewAsync();
        Assert.Equal((true, 10, null, false), (state.On, state.CodesLeft, state.Pending, state.RunsOut));
        Assert.IsType<SignInOutcome.NeedsSecondFactor>(await Auth.TrySignInAsync(Jane));
    }

    [Fact]
    public async Task The_address_is_what_apps_read()
    {
        var begun = await BegunAsync();
        Assert.Matches("^[A-Z2-7]{32}$", begun.Secret);
        Assert.Equal(
            $"otpauth://totp/BlazorAuth:jane%40example.org?secret={begun.Secret}&issuer=BlazorAuth&algorithm=SHA1&digits=6&period=30",
            begun.Uri
        );
    }

    [Theory]
    [InlineData("3132333435363738393031323334353637383930", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")] // RFC 6238's
    [InlineData("0000000000", "AAAAAAAA")]
    [InlineData("ffffffffff", "77777777")]
    [InlineData("0000000001", "AAAAAAAB")]
    public void Base32_is_that_of_rfc_4648(string bytes, string text) =>
        Assert.Equal(text, TotpCode.Base32(Convert.FromHexString(bytes)));

    [Fact]
    public async Task The_code_that_confirmed_signs_nobody_in()
    {
        var begun = await BegunAsync();
        var code = Auth.CodeOf(AuthFixture.SecretOf(begun));
        Assert.Null((await ConfirmAsync(code)).Failure);
        var ticket = await Auth.TicketAsync(Jane);
        Assert.Equal(AuthError.SecondFactorInvalid, (await Auth.VerifyAsync(ticket, code)).Outcome.Failure()?.Error);
        Auth.Clock.Move(TimeSpan.FromSeconds(30));
        Assert.Null((await Auth.VerifyAsync(ticket, Auth.CodeOf(AuthFixture.SecretOf(begun)))).Outcome.Failure());
    }

    [Fact]
    public async Task Of_two_set_ups_the_last_one_counts()
    {
        var first = await BegunAsync();
        var second = await BegunAsync();
        Assert.Equal(second.Id, (await PreviewAsync()).Pending);
        Assert.Equal(
            AuthError.SecondFactorInvalid,
            (await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(first)))).Failure?.Error
        );
        Assert.Null((await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(second)))).Failure);
        Assert.Equal(1, (await Auth.RowsAsync())["Authenticators"]);
    }

    [Fact]
    public async Task A_set_up_waits_a_quarter_of_an_hour_and_is_then_deleted()
    {
        var begun = await BegunAsync();
        Auth.Clock.Move(ManageAuthenticator.Patience);
        Assert.Null((await PreviewAsync()).Pending);
        Assert.Equal(AuthError.NotFound, (await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(begun)))).Failure?.Error);
        Auth.Clock.Move(TimeSpan.FromMilliseconds(1));
        await ActivatorUtilities.CreateInstance<ExpiredDataCleanup>(Auth.Services).PurgeAsync(default);
        Assert.Equal(0, (await Auth.RowsAsync())["Authenticators"]);
    }

    [Fact]
    public async Task Another_app_takes_the_place_of_the_first_only_when_it_is_confirmed()
    {
        var old = await OnAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        var next = AuthFixture.SecretOf(await BegunAsync());
        Assert.True((await PreviewAsync()).On);
        Assert.Null((await ConfirmAsync(Auth.CodeOf(next))).Failure);
        Assert.Equal((1, 10), ((int)(await Auth.RowsAsync())["Authenticators"], (await PreviewAsync()).CodesLeft));
        Assert.NotNull((await Auth.VerifyAsync(await Auth.TicketAsync(Jane), null, old[0])).Outcome.Failure());
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        Assert.Null((await Auth.VerifyAsync(await Auth.TicketAsync(Jane), Auth.CodeOf(next))).Outcome.Failure());
    }

    [Fact]
    public async Task The_session_it_is_confirmed_in_stays_what_it_was_and_its_credentials_stay()
    {
        await OnAsync();
        Assert.Null(await Auth.DeathOfAsync(session));
        var now = await Auth.Use((AuthDbContext db) => db.Sessions.AsNoTracking().SingleAsync(s => s.Id == session.Id));
        Assert.Equal(
            ("pwd", session.Generation, session.AuthenticatedAt),
            (now.Methods, now.Generation, now.AuthenticatedAt)
        );
    }

    [Fact]
    public async Task Turning_it_on_or_off_needs_a_fresh_sign_in()
    {
        await OnAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        Assert.Equal(AuthError.StepUpRequired, (await BeginAsync()).Failure?.Error);
        Assert.Equal(AuthError.StepUpRequired, (await RemoveAsync()).Failure?.Error);
        Assert.True((await PreviewAsync()).On);
    }

    [Fact]
    public async Task Its_owner_can_take_it_off_and_is_told()
    {
        await OnAsync();
        var (id, wrapped) = await Auth.Use(
            (AuthDbContext db) =>
                db.Authenticators.Select(a => new ValueTuple<string, byte[]>(a.Id, a.Wrapped)).SingleAsync()
        );
        Assert.Null((await RemoveAsync()).Failure);
        Assert.Equal(AuthError.NotFound, (await RemoveAsync()).Failure?.Error);
        Assert.Equal(new ManageAuthenticator.AuthenticatorState(null, 0, null), await PreviewAsync());
        Assert.IsType<SignInOutcome.SignedIn>(await Auth.TrySignInAsync(Jane));
        await Auth.DeliverAsync();
        Assert.Equal(["Your second factor is on", "Your second factor is off"], Auth.SubjectsTo(Jane).TakeLast(2));

        var state = await Auth.Use(
            (AuthDbContext db) =>
                db.Outbox.Where(l => l.Kind == EmailKind.SecondFactorOff).Select(l => l.State).SingleAsync()
        );
        using var json = JsonDocument.Parse(state!);
        Assert.Equal(
            ("second-factor-removed", id),
            (json.RootElement.GetProperty("kind").GetString(), json.RootElement.GetProperty("id").GetString())
        );
        Assert.Equal(wrapped, json.RootElement.GetProperty("wrapped").GetBytesFromBase64());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whose_app_a_stranger_removed_or_replaced_gets_it_back_by_the_notice(bool removed)
    {
        var app = AuthFixture.SecretOf(await BegunAsync());
        Assert.Null((await ConfirmAsync(Auth.CodeOf(app))).Failure);
        await Auth.DeliverAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        if (removed)
            Assert.Null((await RemoveAsync()).Failure);
        else
            await Auth.SecondFactorAsync(session);
        await Auth.DeliverAsync();
        var notice = Auth.LastEmailTo(Jane);
        Auth.Clock.Move(TimeSpan.FromDays(6));
        Assert.Null(
            (
                await Auth.Use(
                    (RevertChange flow) => flow.RevertAsync(Auth.Caller, AuthFixture.LinkTokenIn(notice), default)
                )
            ).Failure
        );

        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(session));
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Null(
            (
                await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, AuthFixture.Password, default))
            ).Failure
        );
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        Assert.IsType<SignInOutcome.SignedIn>(
            (await Auth.VerifyAsync(await Auth.TicketAsync(Jane), Auth.CodeOf(app))).Outcome
        );
    }

    [Fact]
    public async Task Wrong_codes_are_counted_before_they_are_looked_at_and_with_those_of_the_sign_in()
    {
        var begun = await BegunAsync();
        for (var i = 0; i < 10; i++)
            Assert.Equal(AuthError.SecondFactorInvalid, (await ConfirmAsync("000000")).Failure?.Error);
        var refusal = (await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(begun)))).Failure;
        Assert.Equal(AuthError.RateLimited, refusal?.Error);
        Assert.NotNull(refusal!.RetryAfter);
        await Auth.AuthenticatorAsync(user);
        Assert.Equal(
            AuthError.RateLimited,
            (await Auth.VerifyAsync(await Auth.TicketAsync(Jane), "000000")).Outcome.Failure()?.Error
        );
        Assert.Equal(10, (await Auth.AuditAsync()).Count(e => e.Event == AuditEvent.SecondFactorRefused));
    }

    [Theory]
    [InlineData(null, AuthError.ValidationFailed)]
    [InlineData("", AuthError.ValidationFailed)]
    [InlineData(" \t", AuthError.ValidationFailed)]
    [InlineData("12345", AuthError.SecondFactorInvalid)]
    [InlineData("1234567", AuthError.SecondFactorInvalid)]
    [InlineData("a\0b", AuthError.SecondFactorInvalid)]
    [InlineData("\ud83d12", AuthError.SecondFactorInvalid)]
    public async Task Bad_codes_are_refused(string? code, AuthError why)
    {
        await BegunAsync();
        Assert.Equal(why, (await ConfirmAsync(code)).Failure?.Error);
    }

    [Fact]
    public async Task A_code_is_taken_as_people_paste_it_and_in_other_digits()
    {
        var code = Auth.CodeOf(AuthFixture.SecretOf(await BegunAsync()));
        Assert.Null(
            (await ConfirmAsync($" {code[..3]}-{string.Concat(code[3..].Select(c => (char)(c - '0' + '٠')))} ")).Failure
        );
    }

    [Fact]
    public async Task Without_a_set_up_there_is_nothing_to_confirm_or_remove()
    {
        user = await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        Assert.Equal(AuthError.NotFound, (await ConfirmAsync("123456")).Failure?.Error);
        Assert.Equal(AuthError.NotFound, (await RemoveAsync()).Failure?.Error);
    }

    [Fact]
    public async Task An_api_key_and_an_account_without_a_name_may_not()
    {
        await BegunAsync();
        var key = Auth.In(
            (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("ci"), default))).Value!.Session
        );
        Assert.Equal(
            AuthError.Forbidden,
            (await Auth.Use((ManageAuthenticator flow) => flow.BeginAsync(key, default))).Failure?.Error
        );
        Assert.Equal(
            AuthError.Forbidden,
            (await Auth.Use((ManageAuthenticator flow) => flow.ConfirmAsync(key, "123456", default))).Failure?.Error
        );
        Assert.Equal(
            AuthError.Forbidden,
            (await Auth.Use((ManageAuthenticator flow) => flow.RemoveAsync(key, default))).Failure?.Error
        );
        var anonymous = Assert
            .IsType<SignInOutcome.SignedIn>(
                await Auth.Use(
                    (SignInAnonymously flow) => flow.BeginAsync(Auth.Caller, null, SessionKind.Api, null, default)
                )
            )
            .Session;
        Assert.Equal(
            AuthError.Forbidden,
            (await Auth.Use((ManageAuthenticator flow) => flow.BeginAsync(Auth.In(anonymous), default))).Failure?.Error
        );
    }

    [Fact]
    public async Task A_session_that_was_ended_meanwhile_turns_nothing_on_or_off()
    {
        var begun = await BegunAsync();
        var other = await Auth.SignInAsync(Jane);
        Assert.Null((await Auth.Use((SessionStore flow) => flow.EndOthersAsync(Auth.In(other), default))).Failure);
        Assert.Equal(
            AuthError.SessionRevoked,
            (await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(begun)))).Failure?.Error
        );
        Assert.Equal(AuthError.SessionRevoked, (await BeginAsync()).Failure?.Error);
        Assert.Equal(AuthError.SessionRevoked, (await RemoveAsync()).Failure?.Error);
        Assert.False((await PreviewAsync()).On);
    }

    [Fact]
    public async Task A_refresh_never_makes_two_factors_of_one()
    {
        user = await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        var pair = await Auth.ApiPairAsync(Jane);
        await OnAsync();
        Assert.Equal(AuthError.SessionRevoked, (await Auth.RefreshAsync(pair.RefreshToken)).Failure?.Error);

        // One that was begun in a remembered browser has one factor, and keeps one.
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        await Auth.Use((AuthDbContext db) => db.Authenticators.ExecuteDeleteAsync());
        var one = await Auth.ApiPairAsync(Jane);
        await Auth.AuthenticatorAsync(user);
        var next = await Auth.RefreshAsync(one.RefreshToken);
        Assert.Equal("pwd", next.Value!.Session.Methods);
    }
}
