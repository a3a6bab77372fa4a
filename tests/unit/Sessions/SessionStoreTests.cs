using BlazorAuth.Core;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Sessions;

public sealed class SessionStoreTests : AuthTest
{
    private const string Jane = "jane@example.net";
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    private Task See(Session session) => Auth.Use((SessionStore flow) => flow.TouchAsync(session, default));

    private async Task<Session> Now(Session session) =>
        (await Auth.Use((AuthDbContext db) => db.Sessions.FindAsync(session.Id).AsTask()))!;

    [Fact]
    public async Task A_session_nobody_uses_ends_after_a_fortnight()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromDays(14) - Tick);
        Assert.Null(await Auth.DeathOfAsync(session));
        Auth.Clock.Move(Tick);
        Assert.Equal(AuthError.SessionExpired, await Auth.DeathOfAsync(session));
        await See(session);
    }

    [Fact]
    public async Task A_session_in_use_goes_on_until_its_absolute_end()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        for (var day = 0; day < 89; day++)
        {
            Auth.Clock.Move(TimeSpan.FromDays(1));
            Assert.Null(await Auth.DeathOfAsync(session));
            await See(await Now(session));
        }
        Auth.Clock.Move(TimeSpan.FromDays(1) - Tick);
        Assert.Null(await Auth.DeathOfAsync(session));
        Auth.Clock.Move(Tick);
        Assert.Equal(AuthError.SessionExpired, await Auth.DeathOfAsync(session));
    }

    [Fact]
    public async Task Use_is_noted_once_a_minute()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromSeconds(59));
        await See(session);
        Assert.Equal(session.LastSeenAt, (await Now(session)).LastSeenAt);
        Auth.Clock.Move(TimeSpan.FromSeconds(1));
        await See(session);
        Assert.Equal(
            (Auth.Clock.Now, Auth.Clock.Now + TimeSpan.FromDays(14)),
            ((await Now(session)).LastSeenAt, (await Now(session)).IdleEndsAt)
        );
    }

    [Fact]
    public async Task Seeing_does_not_bring_an_ended_session_back()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, session.Id, default));
        Auth.Clock.Move(TimeSpan.FromHours(1));
        await See(session);
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(session));
        Assert.Equal(session.LastSeenAt, (await Now(session)).LastSeenAt);
    }

    [Fact]
    public async Task A_signed_out_session_opens_nothing()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, session.Id, default));
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, session.Id, default));
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, "no such session", default));
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(session));
        Assert.Single(await Auth.AuditAsync(), e => e.Event == AuditEvent.SignedOut && e.UserId == session.UserId);
    }

    [Fact]
    public async Task The_list_is_of_live_ones_with_the_current_first()
    {
        await Auth.RegisterAsync(Jane);
        await Auth.RegisterAsync("john@example.net");
        await Auth.SignInAsync("john@example.net");
        var current = await Auth.SignInAsync(Jane);
        var ended = await Auth.SignInAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        var second = await Auth.SignInAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        var third = await Auth.SignInAsync(Jane, door: SessionKind.Api);
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, ended.Id, default));
        var list = await Auth.Use((SessionStore flow) => flow.ListAsync(Auth.In(current), default));
        Assert.Equal([current.Id, third.Id, second.Id], list.Select(s => s.Id));
    }

    [Fact]
    public async Task An_expired_session_is_not_listed()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromDays(14));
        Assert.Empty(await Auth.Use((SessionStore flow) => flow.ListAsync(Auth.In(session), default)));
    }

    [Fact]
    public async Task One_of_the_own_sessions_is_ended()
    {
        await Auth.RegisterAsync(Jane);
        var (mine, other) = (await Auth.SignInAsync(Jane), await Auth.SignInAsync(Jane));
        Assert.Null((await Auth.Use((SessionStore flow) => flow.EndAsync(Auth.In(mine), other.Id, default))).Failure);
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(other));
        Assert.Null(await Auth.DeathOfAsync(mine));
        Assert.Equal(
            AuthError.NotFound,
            (await Auth.Use((SessionStore flow) => flow.EndAsync(Auth.In(mine), other.Id, default))).Failure?.Error
        );
    }

    [Fact]
    public async Task Somebody_elses_session_is_not_found()
    {
        await Auth.RegisterAsync(Jane);
        await Auth.RegisterAsync("john@example.net");
        var (mine, johns) = (await Auth.SignInAsync(Jane), await Auth.SignInAsync("john@example.net"));
        var theirs = await Auth.Use((SessionStore flow) => flow.EndAsync(Auth.In(mine), johns.Id, default));
        var nobodys = await Auth.Use(
            (SessionStore flow) => flow.EndAsync(Auth.In(mine), "AAAAAAAAAAAAAAAAAAAAAA", default)
        );
        Assert.Equal(AuthError.NotFound, theirs.Failure?.Error);
        Assert.Equal(theirs, nobodys);
        Assert.Null(await Auth.DeathOfAsync(johns));
    }

    [Fact]
    public async Task All_others_are_ended_at_both_doors_and_this_one_stays()
    {
        await Auth.RegisterAsync(Jane);
        var (mine, browser, api) = (
            await Auth.SignInAsync(Jane),
            await Auth.SignInAsync(Jane),
            await Auth.ApiPairAsync(Jane)
        );
        Assert.Null((await Auth.Use((SessionStore flow) => flow.EndOthersAsync(Auth.In(mine), default))).Failure);
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(browser));
        Assert.Equal(AuthError.SessionRevoked, (await Auth.RefreshAsync(api.RefreshToken)).Failure?.Error);
        Assert.Null(await Auth.DeathOfAsync(mine));
    }

    [Fact]
    public async Task A_session_that_never_was_is_a_revoked_one()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        Assert.Equal(
            AuthError.SessionRevoked,
            (await Auth.Use((SessionStore flow) => flow.FindLiveAsync("AAAAAAAAAAAAAAAAAAAAAA", 1, default)))
                .Failure
                ?.Error
        );
        Assert.Equal(AuthError.AccessTokenInvalid, await Auth.DeathOfAsync(session, generation: 2)); // not yet issued
    }
}
