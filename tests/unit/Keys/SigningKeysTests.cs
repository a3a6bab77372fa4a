using BlazorAuth.Core.Keys;
using BlazorAuth.UnitTests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.Keys;

public sealed class SigningKeysTests : AuthTest
{
    private SigningKeys Keys => Auth.Services.GetRequiredService<SigningKeys>();

    private async Task<string> Signs() => (await Keys.CurrentAsync(default)).Key.KeyId;

    private IEnumerable<string> Published => Keys.Published.Select(k => k.Key.KeyId);

    [Fact]
    public async Task A_new_store_has_one_key_that_is_published_and_signs() => Assert.Equal([await Signs()], Published);

    [Fact]
    public async Task A_successor_is_published_a_day_before_it_signs_and_the_old_key_until_its_last_token_is_dead()
    {
        var first = await Signs();
        Auth.Clock.Move(TimeSpan.FromDays(89) - TimeSpan.FromSeconds(1));
        Assert.Equal(first, await Signs());
        Assert.Single(Published);

        Auth.Clock.Move(TimeSpan.FromSeconds(31));
        Assert.Equal(first, await Signs());
        Assert.Equal(2, Published.Count());
        var second = Published.Last();

        Auth.Clock.Move(TimeSpan.FromDays(1));
        Assert.Equal(second, await Signs());
        Assert.Equal([first, second], Published);

        Auth.Clock.Move(TimeSpan.FromMinutes(10));
        await Signs();
        Assert.Equal([first, second], Published); // a token of the last moment lives on for the clock skew
        Auth.Clock.Move(TimeSpan.FromMinutes(2));
        await Signs();
        Assert.Equal([second], Published);
    }

    [Fact]
    public async Task A_store_that_slept_for_years_wakes_with_a_published_key()
    {
        var first = await Signs();
        Auth.Clock.Move(TimeSpan.FromDays(1000));
        Assert.Equal(first, await Signs());
        Auth.Clock.Move(TimeSpan.FromDays(1));
        Assert.NotEqual(first, await Signs());
    }

    [Fact]
    public async Task A_clock_that_is_behind_signs_with_the_first_key()
    {
        var first = await Signs();
        Auth.Clock.Move(-TimeSpan.FromHours(1));
        Assert.Equal(first, await Signs());
    }

    [Fact]
    public async Task A_restart_keeps_the_key()
    {
        var first = await Signs();
        await Auth.RestartAsync();
        Assert.Equal(first, await Signs());
    }

    [Fact]
    public async Task Two_processes_that_rotate_together_make_one_key()
    {
        await using var one = await AuthFixture.StartAsync(Store.File);
        await using var other = await one.BesideAsync();
        one.Clock.Move(TimeSpan.FromDays(89));
        var published = await AuthFixture.RaceAsync(
            2,
            async i =>
            {
                var keys = (i == 0 ? one : other).Services.GetRequiredService<SigningKeys>();
                await keys.ReadAsync(default);
                return string.Join(' ', keys.Published.Select(k => k.Key.KeyId));
            }
        );
        Assert.Equal(published[0], published[1]);
        Assert.Equal(2, published[0].Split(' ').Length);
    }

    [Fact]
    public async Task A_key_is_published_as_long_as_a_client_may_have_asked_its_tokens_to_live()
    {
        await using var spoken = await AuthFixture.StartAsync(Store.File, ("Api:Dialects:0", "Kuzzle"));
        var keys = spoken.Services.GetRequiredService<SigningKeys>();
        var first = (await keys.CurrentAsync(default)).Key.KeyId;
        await keys.RotateAsync(SigningKeys.ShortestNotice, default);
        spoken.Clock.Move(TimeSpan.FromDays(89));
        await keys.ReadAsync(default);
        Assert.Contains(keys.Published, key => key.Key.KeyId == first);
        spoken.Clock.Move(TimeSpan.FromDays(3));
        await keys.ReadAsync(default);
        Assert.DoesNotContain(keys.Published, key => key.Key.KeyId == first);
    }
}
