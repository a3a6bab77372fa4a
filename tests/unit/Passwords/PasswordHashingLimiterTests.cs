using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Passwords;

public sealed class PasswordHashingLimiterTests() : AuthTest(Store.File)
{
    private const string Jane = "jane@example.net";

    private static Caller From(int network) => Caller.Anonymous($"198.51.{100 + network / 250}.{network % 250}", null);

    private List<PasswordHashingLimiter.Lease> TakeAll()
    {
        var gate = Auth.Services.GetRequiredService<PasswordHashingLimiter>();
        var places = new List<PasswordHashingLimiter.Lease>();
        for (var network = 0; network < 300; network++)
            while (gate.TryAcquire(From(network)) is { } place)
                places.Add(place);
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
        var gate = Auth.Services.GetRequiredService<PasswordHashingLimiter>();
        await RaceAsync(
            20,
            async i =>
            {
                using var place = gate.TryAcquire(From(i));
                return await place!.RunAsync(
                    () =>
                    {
                        lock (together)
                            most = Math.Max(most, ++running);
                        Thread.Sleep(5);
                        lock (together)
                            return --running;
                    },
                    default
                );
            }
        );
        Assert.InRange(most, 1, Environment.ProcessorCount);
    }

    [Fact]
    public async Task A_place_given_back_hashes_nothing()
    {
        var place = Auth.Services.GetRequiredService<PasswordHashingLimiter>().TryAcquire(From(0))!;
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
            (await Auth.TrySignInAsync(Jane)).Failure(),
            (await Auth.TrySignInAsync("nobody@example.net")).Failure(),
            (
                await Auth.Use(
                    (Register flow) => flow.CreateAsync(Auth.Caller, new("john@example.net", null, Password), default)
                )
            ).Failure,
            (
                await Auth.Use(
                    (ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default)
                )
            ).Failure,
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, OtherPassword, default))).Failure,
            (await Auth.Use((CloseAccount flow) => flow.CloseAsync(Auth.In(session), Password, default))).Failure,
        };
        Assert.All(
            refusals,
            refusal =>
                Assert.Equal((AuthError.RateLimited, TimeSpan.FromSeconds(10)), (refusal!.Error, refusal.RetryAfter))
        );
        Assert.Equal(before, await Auth.RowsAsync());
        places.ForEach(place => place.Dispose());
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, OtherPassword, default))).Failure
        );
    }

    [Fact]
    public async Task Every_act_gives_its_place_back()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "2"));
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        for (var i = 0; i < 3; i++)
            await Auth.TrySignInAsync(Jane, "not the password");
        await Auth.Use((ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default));
        await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, "not a link", OtherPassword, default));
        await Auth.Use((Register flow) => flow.CreateAsync(Auth.Caller, new(Jane, null, Password), default));
        Assert.Equal(100 * Environment.ProcessorCount, TakeAll().Count);
    }

    [Fact]
    public void One_network_has_at_most_a_tenth_of_the_places()
    {
        var gate = Auth.Services.GetRequiredService<PasswordHashingLimiter>();
        var taken = 0;
        // An IPv6 host has a whole /64 to ask from.
        while (gate.TryAcquire(Caller.Anonymous($"2001:db8:1:2::{taken:x}", null), $"account{taken}") is not null)
            taken++;
        Assert.Equal(PasswordHashingLimiter.Places / 10, taken);
        Assert.NotNull(gate.TryAcquire(Caller.Anonymous("2001:db8:1:3::1", null)));
    }

    [Fact]
    public void One_account_has_two_places_from_all_networks_together()
    {
        var gate = Auth.Services.GetRequiredService<PasswordHashingLimiter>();
        var first = gate.TryAcquire(From(1), "jane");
        Assert.NotNull(gate.TryAcquire(From(2), "jane"));
        Assert.Null(gate.TryAcquire(From(3), "jane"));
        Assert.NotNull(gate.TryAcquire(From(3), "john"));
        first!.Dispose();
        Assert.NotNull(gate.TryAcquire(From(3), "jane"));
    }

    [Fact]
    public async Task A_name_that_nobody_has_gets_as_many_places_as_an_account()
    {
        await Auth.MemberAsync(Jane);
        foreach (var name in new[] { Jane, "nobody@example.net" })
        {
            var gate = Auth.Services.GetRequiredService<PasswordHashingLimiter>();
            var subject = name == Jane ? (await Auth.UserAsync(Jane)).Id : name;
            using var one = gate.TryAcquire(From(1), subject);
            using var two = gate.TryAcquire(From(2), subject);
            Assert.Equal(AuthError.RateLimited, (await Auth.TrySignInAsync(name, "not the password")).Failure()?.Error);
        }
    }

    [Fact]
    public async Task Networks_that_wait_are_served_in_turn()
    {
        var gate = Auth.Services.GetRequiredService<PasswordHashingLimiter>();
        var order = new List<string>();
        using var first = new ManualResetEventSlim();
        using var others = new ManualResetEventSlim();
        var busy = Enumerable
            .Range(0, Environment.ProcessorCount)
            .Select(i => RunAsync(0, () => (i == 0 ? first : others).Wait()))
            .ToList();
        var waiting = new List<Task>();
        for (var i = 0; i < 5; i++)
            waiting.Add(RunAsync(1, () => order.Add("many")));
        waiting.Add(RunAsync(2, () => order.Add("one")));
        first.Set();
        await Task.WhenAll(waiting);
        others.Set();
        await Task.WhenAll(busy);
        Assert.Equal(["many", "one", "many", "many", "many", "many"], order);

        async Task RunAsync(int network, Action hash)
        {
            using var place = gate.TryAcquire(From(network))!;
            await place.RunAsync(
                () =>
                {
                    hash();
                    return true;
                },
                default
            );
        }
    }

    [Fact]
    public async Task Whoever_gives_up_waiting_leaves_the_place_and_the_turn_to_others()
    {
        var gate = Auth.Services.GetRequiredService<PasswordHashingLimiter>();
        using var end = new ManualResetEventSlim();
        var busy = Enumerable.Range(0, Environment.ProcessorCount).Select(_ => RunAsync(0, end.Wait, default)).ToList();
        using var gone = new CancellationTokenSource();
        var given = Enumerable
            .Range(0, PasswordHashingLimiter.PerNetwork)
            .Select(_ => RunAsync(1, () => Assert.Fail("hashed"), gone.Token))
            .ToList();
        Assert.Null(gate.TryAcquire(From(1)));
        var patient = RunAsync(2, () => { }, default);
        await gone.CancelAsync();
        foreach (var task in given)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        using (gate.TryAcquire(From(1)) ?? throw new InvalidOperationException("the places were not given back")) { }
        end.Set();
        await patient;
        await Task.WhenAll(busy);
        await RunAsync(1, () => { }, default);

        async Task RunAsync(int network, Action hash, CancellationToken ct)
        {
            using var place = gate.TryAcquire(From(network))!;
            await place.RunAsync(
                () =>
                {
                    hash();
                    return true;
                },
                ct
            );
        }
    }

    [Fact]
    public async Task Thirty_accounts_of_one_network_with_right_passwords_keep_no_other_network_out()
    {
        for (var i = 0; i < 30; i++)
            await Auth.RegisterAsync($"free{i}@example.net");
        await Auth.RegisterAsync(Jane);
        Auth.Hashes.Slow = TimeSpan.FromMilliseconds(20);
        var flood = RaceAsync(
            280,
            i =>
                Auth.Use(
                    (SignInWithPassword flow) =>
                        flow.WithPasswordAsync(
                            From(1),
                            new($"free{i % 30}@example.net", Password, SessionKind.Api),
                            default
                        )
                )
        );
        var others = new List<SignInOutcome>();
        for (var i = 0; i < 12 && (i == 0 || !flood.IsCompleted); i++)
            others.Add(await Auth.TrySignInAsync(Jane));
        var answers = await flood;
        Assert.All(others, outcome => Assert.IsType<SignInOutcome.SignedIn>(outcome));
        Assert.Contains(answers, outcome => outcome is SignInOutcome.SignedIn);
        Assert.All(
            answers,
            outcome => Assert.Contains(outcome.Failure()?.Error, new AuthError?[] { null, AuthError.RateLimited })
        );
    }

    private static AuthFailure? Failure(SignInOutcome outcome) => outcome.Failure();
}
