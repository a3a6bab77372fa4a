using BlazorAuth.Core;
using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Flows;
using BlazorAuth.UnitTests.Support;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Credentials;

public sealed class HashingGateTests() : AuthTest(Store.File)
{
    private const string Jane = "jane@example.net";

    private List<HashingGate.Place> TakeAll()
    {
        var gate = Auth.Services.GetRequiredService<HashingGate>();
        var places = new List<HashingGate.Place>();
        while (gate.Enter() is { } place) places.Add(place);
        return places;
    }

    [Fact]
    public void It_has_a_bounded_number_of_places_and_gets_them_back()
    {
        var places = TakeAll();
        Assert.Equal(100 * Environment.ProcessorCount, places.Count);
        places[0].Dispose();
        places[0].Dispose(); // twice is once
        Assert.Single(TakeAll());
    }

    [Fact]
    public async Task As_many_hashes_run_at_once_as_there_are_processors()
    {
        var (running, most, together) = (0, 0, new Lock());
        var gate = Auth.Services.GetRequiredService<HashingGate>();
        await RaceAsync(20, async _ =>
        {
            using var place = gate.Enter();
            return await place!.RunAsync(() =>
            {
                lock (together) most = Math.Max(most, ++running);
                Thread.Sleep(5);
                lock (together) return --running;
            }, default);
        });
        Assert.InRange(most, 1, Environment.ProcessorCount);
    }

    [Fact]
    public async Task A_place_given_back_hashes_nothing()
    {
        var place = Auth.Services.GetRequiredService<HashingGate>().Enter()!;
        place.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => place.RunAsync(() => 1, default));
    }

    [Fact]
    public async Task Where_all_are_taken_everybody_is_turned_away_alike_and_nothing_is_counted_or_written()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        var places = TakeAll();
        var before = await Auth.RowsAsync();
        var refusals = new[]
        {
            Refusal(await Auth.TrySignInAsync(Jane)), Refusal(await Auth.TrySignInAsync("nobody@example.net")),
            (await Auth.Use((Register flow) => flow.CreateAsync(Auth.Caller, new("john@example.net", null, Password), default))).Refusal,
            (await Auth.Use((ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default))).Refusal,
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, OtherPassword, default))).Refusal,
            (await Auth.Use((CloseAccount flow) => flow.CloseAsync(Auth.In(session), Password, default))).Refusal,
        };
        Assert.All(refusals, refusal => Assert.Equal((AuthError.RateLimited, TimeSpan.FromSeconds(10)), (refusal!.Error, refusal.RetryAfter)));
        Assert.Equal(before, await Auth.RowsAsync());
        places.ForEach(place => place.Dispose());
        Assert.Null((await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, OtherPassword, default))).Refusal);
    }

    [Fact]
    public async Task Every_act_gives_its_place_back()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "2"));
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        for (var i = 0; i < 3; i++) await Auth.TrySignInAsync(Jane, "not the password");
        await Auth.Use((ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default));
        await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, "not a link", OtherPassword, default));
        await Auth.Use((Register flow) => flow.CreateAsync(Auth.Caller, new(Jane, null, Password), default));
        Assert.Equal(100 * Environment.ProcessorCount, TakeAll().Count);
    }

    private static Refusal? Refusal(SignInOutcome outcome) => outcome.Refusal();
}
