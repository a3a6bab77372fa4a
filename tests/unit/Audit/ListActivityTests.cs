using BlazorAuth.Core;
using BlazorAuth.Core.Audit;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Audit;

public sealed class ListActivityTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private Task<ListActivity.Events> ShowAsync(Caller caller, int skip = 0) =>
        Auth.Use((ListActivity flow) => flow.ListAsync(caller, skip, default));

    [Fact]
    public async Task The_owner_sees_what_happened_the_newest_first()
    {
        await Auth.MemberAsync(Jane);
        await Auth.TrySignInAsync(Jane, "not the password");
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        var session = await Auth.SignInAsync(Jane);
        var events = await ShowAsync(Auth.In(session));
        Assert.Equal(
            [AuditEvent.SignedIn, AuditEvent.SignInRefused, AuditEvent.EmailVerified, AuditEvent.Registered],
            events.Entries.Select(e => e.Event)
        );
        Assert.False(events.More);
        var (newest, refused) = (events.Entries[0], events.Entries[1]);
        Assert.Equal(
            (session.Id, Auth.Caller.Address, Auth.Caller.Agent, Auth.Clock.Now),
            (newest.SessionId, newest.Address, newest.Agent, newest.At)
        );
        Assert.Equal((null, "invalid_credentials"), (refused.SessionId, refused.Reason));
    }

    [Fact]
    public async Task Nobody_sees_what_happened_to_somebody_else()
    {
        await Auth.MemberAsync(Jane);
        await Auth.MemberAsync("john@example.net");
        var john = await Auth.SignInAsync("john@example.net");
        Assert.Equal(3, (await ShowAsync(Auth.In(john))).Entries.Count);
        Assert.Empty((await ShowAsync(Auth.Caller)).Entries);
    }

    [Theory]
    [InlineData(0, 50, true)]
    [InlineData(-7, 50, true)]
    [InlineData(50, 12, false)]
    [InlineData(62, 0, false)]
    [InlineData(int.MaxValue, 0, false)]
    public async Task Older_ones_follow(int skip, int shown, bool more)
    {
        await Auth.RestartAsync(("Throttle:Enabled", "false"));
        await Auth.MemberAsync(Jane);
        for (var i = 0; i < 59; i++)
            await Auth.TrySignInAsync(Jane, "not the password");
        var session = await Auth.SignInAsync(Jane);
        var events = await ShowAsync(Auth.In(session), skip);
        Assert.Equal((shown, more), (events.Entries.Count, events.More));
    }
}
