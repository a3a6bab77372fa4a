using System.Text.Json;
using BlazorAuth.Core;
using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Flows;
using BlazorAuth.Core.Mail;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.Flows;

public sealed class TotpTests : AuthTest
{
    private const string Jane = "jane@example.org";
    private AuthUser user = null!;
    private Session session = null!;

    private async Task<Totp.Begun> BegunAsync()
    {
        if (user is null)
        {
            user = await Auth.MemberAsync(Jane);
            session = await Auth.SignInAsync(Jane);
        }
        return (await BeginAsync()).Value!;
    }

    private Task<Outcome<Totp.Begun>> BeginAsync() => Auth.Use((Totp flow) => flow.BeginAsync(Auth.ProvenIn(session), default));

    private Task<Outcome<Totp.Confirmed>> ConfirmAsync(string? code) => Auth.Use((Totp flow) => flow.ConfirmAsync(Auth.ProvenIn(session), code, default));

    private Task<Outcome> RemoveAsync() => Auth.Use((Totp flow) => flow.RemoveAsync(Auth.ProvenIn(session), default));

    private Task<Totp.State> LookAsync() => Auth.Use((Totp flow) => flow.LookAsync(Auth.ProvenIn(session), default));

    private async Task<IReadOnlyList<string>> OnAsync()
    {
        var confirmed = await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(await BegunAsync())));
        Assert.Null(confirmed.Refusal);
        return confirmed.Value!.RecoveryCodes;
    }

    [Fact]
    public async Task It_is_on_only_after_a_right_code()
    {
        var begun = await BegunAsync();
        Assert.False((await LookAsync()).On);
        Assert.IsType<SignInOutcome.SignedIn>(await Auth.TrySignInAsync(Jane));
        Assert.Equal(AuthError.SecondFactorInvalid, (await ConfirmAsync("000000")).Refusal?.Error);
        Assert.False((await LookAsync()).On);

        Assert.Null((await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(begun)))).Refusal);
        var state = await LookAsync();
        Assert.Equal((true, 10, null, false), (state.On, state.CodesLeft, state.Pending, state.RunsOut));
        Assert.IsType<SignInOutcome.NeedsSecondFactor>(await Auth.TrySignInAsync(Jane));
    }

    [Fact]
    public async Task The_address_is_what_apps_read()
    {
        var begun = await BegunAsync();
        Assert.Matches("^[A-Z2-7]{32}$", begun.Secret);
        Assert.Equal($"otpauth://totp/BlazorAuth:jane%40example.org?secret={begun.Secret}&issuer=BlazorAuth&algorithm=SHA1&digits=6&period=30", begun.Uri);
    }

    [Theory]
    [InlineData("3132333435363738393031323334353637383930", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")] // RFC 6238's
    [InlineData("0000000000", "AAAAAAAA")]
    [InlineData("ffffffffff", "77777777")]
    [InlineData("0000000001", "AAAAAAAB")]
    public void Base32_is_that_of_rfc_4648(string bytes, string text) => Assert.Equal(text, TotpCode.Base32(Convert.FromHexString(bytes)));

    [Fact]
    public async Task The_code_that_confirmed_signs_nobody_in()
    {
        var begun = await BegunAsync();
        var code = Auth.CodeOf(AuthFixture.SecretOf(begun));
        Assert.Null((await ConfirmAsync(code)).Refusal);
        var ticket = await Auth.TicketAsync(Jane);
        Assert.Equal(AuthError.SecondFactorInvalid, (await Auth.GiveAsync(ticket, code)).Outcome.Refusal()?.Error);
        Auth.Clock.Move(TimeSpan.FromSeconds(30));
        Assert.Null((await Auth.GiveAsync(ticket, Auth.CodeOf(AuthFixture.SecretOf(begun)))).Outcome.Refusal());
    }

    [Fact]
    public async Task Of_two_set_ups_the_last_one_counts()
    {
        var first = await BegunAsync();
        var second = await BegunAsync();
        Assert.Equal(second.Id, (await LookAsync()).Pending);
        Assert.Equal(AuthError.SecondFactorInvalid, (await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(first)))).Refusal?.Error);
        Assert.Null((await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(second)))).Refusal);
        Assert.Equal(1, (await Auth.RowsAsync())["Authenticators"]);
    }

    [Fact]
    public async Task A_set_up_waits_a_quarter_of_an_hour_and_is_then_deleted()
    {
        var begun = await BegunAsync();
        Auth.Clock.Move(Totp.Patience);
        Assert.Null((await LookAsync()).Pending);
        Assert.Equal(AuthError.NotFound, (await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(begun)))).Refusal?.Error);
        Auth.Clock.Move(TimeSpan.FromMilliseconds(1));
        await ActivatorUtilities.CreateInstance<Rounds>(Auth.Services).PurgeAsync(default);
        Assert.Equal(0, (await Auth.RowsAsync())["Authenticators"]);
    }

    [Fact]
    public async Task Another_app_takes_the_place_of_the_first_only_when_it_is_confirmed()
    {
        var old = await OnAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        var next = AuthFixture.SecretOf(await BegunAsync());
        Assert.True((await LookAsync()).On);
        Assert.Null((await ConfirmAsync(Auth.CodeOf(next))).Refusal);
        Assert.Equal((1, 10), ((int)(await Auth.RowsAsync())["Authenticators"], (await LookAsync()).CodesLeft));
        Assert.NotNull((await Auth.GiveAsync(await Auth.TicketAsync(Jane), null, old[0])).Outcome.Refusal());
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        Assert.Null((await Auth.GiveAsync(await Auth.TicketAsync(Jane), Auth.CodeOf(next))).Outcome.Refusal());
    }

    [Fact]
    public async Task The_session_it_is_confirmed_in_stays_what_it_was_and_its_credentials_stay()
    {
        await OnAsync();
        Assert.Null(await Auth.DeathOfAsync(session));
        var now = await Auth.Use((AuthDbContext db) => db.Sessions.AsNoTracking().SingleAsync(s => s.Id == session.Id));
        Assert.Equal(("pwd", session.Generation, session.AuthenticatedAt), (now.Methods, now.Generation, now.AuthenticatedAt));
    }

    [Fact]
    public async Task Turning_it_on_or_off_needs_a_fresh_sign_in()
    {
        await OnAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        Assert.Equal(AuthError.StepUpRequired, (await BeginAsync()).Refusal?.Error);
        Assert.Equal(AuthError.StepUpRequired, (await RemoveAsync()).Refusal?.Error);
        Assert.True((await LookAsync()).On);
    }

    [Fact]
    public async Task Its_owner_can_take_it_off_and_is_told()
    {
        await OnAsync();
        var (id, wrapped) = await Auth.Use((AuthDbContext db) => db.Authenticators.Select(a => new ValueTuple<string, byte[]>(a.Id, a.Wrapped)).SingleAsync());
        Assert.Null((await RemoveAsync()).Refusal);
        Assert.Equal(AuthError.NotFound, (await RemoveAsync()).Refusal?.Error);
        Assert.Equal(new Totp.State(null, 0, null), await LookAsync());
        Assert.IsType<SignInOutcome.SignedIn>(await Auth.TrySignInAsync(Jane));
        await Auth.DeliverAsync();
        Assert.Equal(["Your second factor is on", "Your second factor is off"], Auth.SubjectsTo(Jane).TakeLast(2));

        var state = await Auth.Use((AuthDbContext db) => db.Outbox.Where(l => l.Kind == LetterKind.SecondFactorOff).Select(l => l.State).SingleAsync());
        using var json = JsonDocument.Parse(state!);
        Assert.Equal(("second-factor-removed", id), (json.RootElement.GetProperty("kind").GetString(), json.RootElement.GetProperty("id").GetString()));
        Assert.Equal(wrapped, json.RootElement.GetProperty("wrapped").GetBytesFromBase64());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whose_app_a_stranger_removed_or_replaced_gets_it_back_by_the_notice(bool removed)
    {
        var app = AuthFixture.SecretOf(await BegunAsync());
        Assert.Null((await ConfirmAsync(Auth.CodeOf(app))).Refusal);
        await Auth.DeliverAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        if (removed) Assert.Null((await RemoveAsync()).Refusal);
        else await Auth.SecondFactorAsync(session);
        await Auth.DeliverAsync();
        var notice = Auth.LastLetterTo(Jane);
        Auth.Clock.Move(TimeSpan.FromDays(6));
        Assert.Null((await Auth.Use((Undo flow) => flow.TakeBackAsync(Auth.Caller, AuthFixture.LinkTokenIn(notice), default))).Refusal);

        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(session));
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Null((await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, AuthFixture.Password, default))).Refusal);
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        Assert.IsType<SignInOutcome.SignedIn>((await Auth.GiveAsync(await Auth.TicketAsync(Jane), Auth.CodeOf(app))).Outcome);
    }

    [Fact]
    public async Task Wrong_codes_are_counted_before_they_are_looked_at_and_with_those_of_the_sign_in()
    {
        var begun = await BegunAsync();
        for (var i = 0; i < 10; i++) Assert.Equal(AuthError.SecondFactorInvalid, (await ConfirmAsync("000000")).Refusal?.Error);
        var refusal = (await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(begun)))).Refusal;
        Assert.Equal(AuthError.RateLimited, refusal?.Error);
        Assert.NotNull(refusal!.RetryAfter);
        await Auth.AuthenticatorAsync(user);
        Assert.Equal(AuthError.RateLimited, (await Auth.GiveAsync(await Auth.TicketAsync(Jane), "000000")).Outcome.Refusal()?.Error);
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
        Assert.Equal(why, (await ConfirmAsync(code)).Refusal?.Error);
    }

    [Fact]
    public async Task A_code_is_taken_as_people_paste_it_and_in_other_digits()
    {
        var code = Auth.CodeOf(AuthFixture.SecretOf(await BegunAsync()));
        Assert.Null((await ConfirmAsync($" {code[..3]}-{string.Concat(code[3..].Select(c => (char)(c - '0' + '٠')))} ")).Refusal);
    }

    [Fact]
    public async Task Without_a_set_up_there_is_nothing_to_confirm_or_remove()
    {
        user = await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        Assert.Equal(AuthError.NotFound, (await ConfirmAsync("123456")).Refusal?.Error);
        Assert.Equal(AuthError.NotFound, (await RemoveAsync()).Refusal?.Error);
    }

    [Fact]
    public async Task An_api_key_and_an_account_without_a_name_may_not()
    {
        await BegunAsync();
        var key = Auth.In((await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("ci"), default))).Value!.Session);
        Assert.Equal(AuthError.Forbidden, (await Auth.Use((Totp flow) => flow.BeginAsync(key, default))).Refusal?.Error);
        Assert.Equal(AuthError.Forbidden, (await Auth.Use((Totp flow) => flow.ConfirmAsync(key, "123456", default))).Refusal?.Error);
        Assert.Equal(AuthError.Forbidden, (await Auth.Use((Totp flow) => flow.RemoveAsync(key, default))).Refusal?.Error);
        var anonymous = Assert.IsType<SignInOutcome.SignedIn>(
            await Auth.Use((SignInAnonymously flow) => flow.BeginAsync(Auth.Caller, null, SessionKind.Api, null, default))).Session;
        Assert.Equal(AuthError.Forbidden, (await Auth.Use((Totp flow) => flow.BeginAsync(Auth.In(anonymous), default))).Refusal?.Error);
    }

    [Fact]
    public async Task A_session_that_was_ended_meanwhile_turns_nothing_on_or_off()
    {
        var begun = await BegunAsync();
        var other = await Auth.SignInAsync(Jane);
        Assert.Null((await Auth.Use((Sessions flow) => flow.EndOthersAsync(Auth.In(other), default))).Refusal);
        Assert.Equal(AuthError.SessionRevoked, (await ConfirmAsync(Auth.CodeOf(AuthFixture.SecretOf(begun)))).Refusal?.Error);
        Assert.Equal(AuthError.SessionRevoked, (await BeginAsync()).Refusal?.Error);
        Assert.Equal(AuthError.SessionRevoked, (await RemoveAsync()).Refusal?.Error);
        Assert.False((await LookAsync()).On);
    }

    [Fact]
    public async Task A_refresh_never_makes_two_factors_of_one()
    {
        user = await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        var pair = await Auth.ApiPairAsync(Jane);
        await OnAsync();
        Assert.Equal(AuthError.SessionRevoked, (await Auth.RefreshAsync(pair.RefreshToken)).Refusal?.Error);

        // One that was begun in a remembered browser has one factor, and keeps one.
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        await Auth.Use((AuthDbContext db) => db.Authenticators.ExecuteDeleteAsync());
        var one = await Auth.ApiPairAsync(Jane);
        await Auth.AuthenticatorAsync(user);
        var next = await Auth.RefreshAsync(one.RefreshToken);
        Assert.Equal("pwd", next.Value!.Session.Methods);
    }
}
