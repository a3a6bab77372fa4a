using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// A clock that is set back brings nothing back to life that was told to be dead, and one that is set forward ends what
/// it must; also over a restart, which is when machines set their clocks.
/// </summary>
public abstract class ClockStepsTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : ClockStepsTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : ClockStepsTests(Store.Postgres);

    private const string Jane = "jane@example.net";

    private async Task BackAsync(TimeSpan by)
    {
        Auth.Clock.Move(-by);
        await Auth.RestartAsync();
    }

    private Task<Result> ResetAsync(string link) =>
        Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, OtherPassword, default));

    [StoreFact]
    public async Task A_reset_link_that_expired_stays_expired()
    {
        await Auth.MemberAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromMinutes(60));
        Assert.Equal(AuthError.LinkExpired, (await ResetAsync(link)).Failure?.Error);
        await BackAsync(TimeSpan.FromMinutes(30));
        Assert.Equal(AuthError.LinkExpired, (await ResetAsync(link)).Failure?.Error);
        await Auth.SignInAsync(Jane);
    }

    [StoreFact]
    public async Task A_used_reset_link_stays_used()
    {
        await Auth.MemberAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Null((await ResetAsync(link)).Failure);
        await BackAsync(TimeSpan.FromDays(2));
        Assert.Equal(AuthError.LinkUsed, (await ResetAsync(link)).Failure?.Error);
    }

    [StoreFact]
    public async Task A_code_that_expired_stays_expired()
    {
        await Auth.RegisterAsync(Jane);
        await Auth.DeliverAsync();
        var code = CodeIn(Auth.LastEmailTo(Jane));
        Auth.Clock.Move(TimeSpan.FromHours(24));
        Assert.NotNull(
            (await Auth.Use((VerifyEmail flow) => flow.ConfirmCodeAsync(Auth.Caller, Jane, code, default))).Failure
        );
        await BackAsync(TimeSpan.FromHours(1));
        Assert.NotNull(
            (await Auth.Use((VerifyEmail flow) => flow.ConfirmCodeAsync(Auth.Caller, Jane, code, default))).Failure
        );
    }

    [StoreTheory]
    [InlineData(SessionKind.Browser)]
    [InlineData(SessionKind.Api)]
    public async Task A_session_that_expired_stays_expired(SessionKind door)
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane, door: door);
        Assert.Null(await Auth.DeathOfAsync(session));
        Auth.Clock.Move(TimeSpan.FromDays(14));
        Assert.Equal(AuthError.SessionExpired, await Auth.DeathOfAsync(session));
        await BackAsync(TimeSpan.FromDays(1));
        Assert.Equal(AuthError.SessionExpired, await Auth.DeathOfAsync(session));
    }

    [StoreFact]
    public async Task A_refresh_token_that_expired_stays_expired()
    {
        await Auth.RegisterAsync(Jane);
        var pair = await Auth.ApiPairAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromDays(14));
        Assert.Equal(AuthError.RefreshTokenExpired, (await Auth.RefreshAsync(pair.RefreshToken)).Failure?.Error);
        await BackAsync(TimeSpan.FromDays(1));
        Assert.Equal(AuthError.RefreshTokenExpired, (await Auth.RefreshAsync(pair.RefreshToken)).Failure?.Error);
        Assert.Equal(AuthError.SessionExpired, await Auth.DeathOfAsync(pair.Session));
    }

    [StoreFact]
    public async Task A_session_that_another_process_saw_in_use_is_not_ended_by_an_older_view_of_it()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await using var other = await Auth.BesideAsync();
        Assert.Null(await other.DeathOfAsync(session));
        Auth.Clock.Move(TimeSpan.FromDays(10));
        await Auth.Use((SessionStore flow) => flow.TouchAsync(session, default));
        Auth.Clock.Move(TimeSpan.FromDays(10));
        Assert.Null(await other.DeathOfAsync(session));
        Assert.Null(await Auth.DeathOfAsync(session));
    }

    [StoreFact]
    public async Task A_replayed_refresh_token_has_ended_its_session_for_good()
    {
        await Auth.RegisterAsync(Jane);
        var first = await Auth.ApiPairAsync(Jane);
        var second = (await Auth.RefreshAsync(first.RefreshToken)).Value!;
        Auth.Clock.Move(TimeSpan.FromMinutes(2));
        Assert.Equal(AuthError.RefreshTokenReused, (await Auth.RefreshAsync(first.RefreshToken)).Failure?.Error);
        await BackAsync(TimeSpan.FromMinutes(2));
        Assert.Equal(AuthError.RefreshTokenReused, (await Auth.RefreshAsync(first.RefreshToken)).Failure?.Error);
        Assert.Equal(AuthError.RefreshTokenReused, (await Auth.RefreshAsync(second.RefreshToken)).Failure?.Error);
    }

    [StoreFact]
    public async Task A_rotated_refresh_token_is_a_replay_to_a_clock_that_was_set_back()
    {
        await Auth.RegisterAsync(Jane);
        var first = await Auth.ApiPairAsync(Jane);
        Assert.Null((await Auth.RefreshAsync(first.RefreshToken)).Failure);
        await BackAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(AuthError.RefreshTokenReused, (await Auth.RefreshAsync(first.RefreshToken)).Failure?.Error);
    }

    [StoreFact]
    public async Task Wrong_passwords_stay_counted_on_a_clock_that_was_set_back()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "2"));
        await Auth.RegisterAsync(Jane);
        for (var i = 0; i < 2; i++)
            await Auth.TrySignInAsync(Jane, "not the password");
        await BackAsync(TimeSpan.FromHours(1));
        Assert.Equal(
            AuthError.RateLimited,
            Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(Jane)).Failure.Error
        );
    }

    [StoreFact]
    public async Task A_clock_set_forward_ends_sessions_links_and_counts_and_nothing_else()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "2"));
        await Auth.MemberAsync(Jane);
        var (pair, link) = (await Auth.ApiPairAsync(Jane), await Auth.ResetLinkAsync(Jane));
        for (var i = 0; i < 2; i++)
            await Auth.TrySignInAsync(Jane, "not the password");
        Auth.Clock.Move(TimeSpan.FromDays(365));
        await Auth.RestartAsync();
        Assert.Equal(AuthError.RefreshTokenExpired, (await Auth.RefreshAsync(pair.RefreshToken)).Failure?.Error);
        Assert.Equal(AuthError.LinkExpired, (await ResetAsync(link)).Failure?.Error);
        Assert.Null(await Auth.DeathOfAsync(await Auth.SignInAsync(Jane)));
    }

    [StoreFact]
    public async Task What_begins_on_a_clock_that_was_set_back_lives()
    {
        await Auth.MemberAsync(Jane);
        var before = await Auth.SignInAsync(Jane);
        await BackAsync(TimeSpan.FromHours(2));
        var pair = await Auth.ApiPairAsync(Jane);
        Assert.Null((await Auth.RefreshAsync(pair.RefreshToken)).Failure);
        Assert.Null(await Auth.DeathOfAsync(before));
        Assert.Null((await ResetAsync(await Auth.ResetLinkAsync(Jane))).Failure);
        Assert.Equal(AuthError.PasswordChanged, await Auth.DeathOfAsync(before));
        await Auth.SignInAsync(Jane, OtherPassword);
    }
}
