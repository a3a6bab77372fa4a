using System.Security.Cryptography;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Tokens;

public sealed class RefreshTokensTests : AuthTest
{
    private const string Jane = "jane@example.net";
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    private async Task<RefreshTokens.Pair> PairAsync()
    {
        await Auth.RegisterAsync(Jane);
        return await Auth.ApiPairAsync(Jane);
    }

    private async Task<RefreshTokens.Pair> Next(RefreshTokens.Pair pair)
    {
        var outcome = await Auth.RefreshAsync(pair.RefreshToken);
        Assert.Null(outcome.Failure);
        return outcome.Value!;
    }

    private async Task<AuthError?> RefusalOf(string? token) => (await Auth.RefreshAsync(token)).Failure?.Error;

    [Fact]
    public async Task A_refresh_gives_a_new_pair_of_the_same_session()
    {
        var first = await PairAsync();
        var second = await Next(first);
        Assert.Equal(first.Session.Id, second.Session.Id);
        Assert.NotEqual(first.RefreshToken, second.RefreshToken);
        Assert.NotEqual(first.AccessToken, second.AccessToken);
        Assert.Equal(
            (TimeSpan.FromMinutes(10), TimeSpan.FromDays(14)),
            (second.AccessLifetime, second.RefreshLifetime)
        );
        // a refresh is no proof of anything
        Assert.Equal(first.Session.AuthenticatedAt, second.Session.AuthenticatedAt);
    }

    [Fact]
    public async Task The_same_token_inside_the_leeway_gets_the_same_successor()
    {
        var first = await PairAsync();
        var second = await Next(first);
        Auth.Clock.Move(TimeSpan.FromSeconds(10) - Tick);
        Assert.Equal(second.RefreshToken, (await Next(first)).RefreshToken);
        await Next(second);
    }

    [Fact]
    public async Task A_refresh_made_here_is_seen_by_the_very_next_look()
    {
        var first = await PairAsync();
        Assert.Null(await Auth.DeathOfAsync(first.Session));
        var second = await Next(first);
        Auth.Clock.Move(TimeSpan.FromSeconds(10));
        await Next(second);
        Assert.Equal(AuthError.AccessTokenInvalid, await Auth.DeathOfAsync(first.Session));
    }

    [Fact]
    public async Task A_rotated_token_outside_the_leeway_ends_its_session_and_is_told_of()
    {
        var first = await PairAsync();
        await Auth.ChangeUserAsync(first.Session.UserId, user => user.EmailConfirmed = true); // others are told nothing
        var second = await Next(first);
        Assert.Null(await Auth.DeathOfAsync(second.Session)); // the answer has arrived
        Auth.Clock.Move(TimeSpan.FromSeconds(10));
        Assert.Equal(AuthError.RefreshTokenReused, await RefusalOf(first.RefreshToken));
        Assert.Equal(AuthError.RefreshTokenReused, await RefusalOf(second.RefreshToken));
        Assert.Equal(AuthError.RefreshTokenReused, await Auth.DeathOfAsync(second.Session));
        await Auth.DeliverAsync();
        Assert.Equal("We ended one of your sessions", Auth.SubjectsTo(Jane)[^1]);
    }

    [Fact]
    public async Task Every_token_rotated_inside_the_leeway_leads_to_the_newest_pair()
    {
        List<RefreshTokens.Pair> chain = [await PairAsync()];
        for (var i = 0; i < 5; i++)
        {
            chain.Add(await Next(chain[^1]));
            Auth.Clock.Move(TimeSpan.FromSeconds(1));
        }
        foreach (var pair in chain[..^1])
            Assert.Equal(chain[^1].RefreshToken, (await Next(pair)).RefreshToken);
        await Auth.RestartAsync();
        Assert.Equal(chain[^1].RefreshToken, (await Next(chain[0])).RefreshToken);
        await Next(chain[^1]);
    }

    [Fact]
    public async Task Each_token_has_a_leeway_of_its_own()
    {
        var first = await PairAsync();
        var second = await Next(first);
        Auth.Clock.Move(TimeSpan.FromSeconds(9));
        var third = await Next(second);
        Assert.Null(await Auth.DeathOfAsync(first.Session)); // its access token, too
        Auth.Clock.Move(TimeSpan.FromSeconds(1));
        Assert.Equal(AuthError.AccessTokenInvalid, await Auth.DeathOfAsync(first.Session));
        Assert.Equal(third.RefreshToken, (await Next(second)).RefreshToken);
        Assert.Equal(AuthError.RefreshTokenReused, await RefusalOf(first.RefreshToken));
    }

    [Fact]
    public async Task Hundreds_of_refreshes_inside_the_leeway_keep_the_session_and_its_row_small()
    {
        var first = await PairAsync();
        var pair = first;
        for (var i = 0; i < 300; i++)
            pair = await Next(pair);
        Assert.Equal(pair.RefreshToken, (await Next(first)).RefreshToken);
        Assert.True(pair.Session.EarlierRotations!.Length <= Session.MaximumEarlierRotations);
        Auth.Clock.Move(TimeSpan.FromSeconds(10));
        Assert.Null((await Next(pair)).Session.EarlierRotations);
    }

    [Fact]
    public async Task A_lost_answer_is_given_again_for_two_minutes()
    {
        var first = await PairAsync();
        var second = await Next(first);
        Auth.Clock.Move(TimeSpan.FromMinutes(2) - Tick);
        Assert.Equal(second.RefreshToken, (await Next(first)).RefreshToken);
        Auth.Clock.Move(Tick);
        Assert.Equal(AuthError.RefreshTokenReused, await RefusalOf(first.RefreshToken));
    }

    [Fact]
    public async Task An_answer_whose_tokens_were_used_was_not_lost()
    {
        foreach (
            var use in new Func<RefreshTokens.Pair, Task>[]
            {
                pair => Auth.DeathOfAsync(pair.Session),
                async pair => await Next(pair),
            }
        )
        {
            var first = await Auth.ApiPairAsync((await Auth.RegisterAsync($"{Guid.NewGuid():N}@example.net")).Email!);
            await use(await Next(first));
            Auth.Clock.Move(TimeSpan.FromSeconds(10));
            Assert.Equal(AuthError.RefreshTokenReused, await RefusalOf(first.RefreshToken));
        }
    }

    [Fact]
    public async Task Only_the_parent_of_the_lost_answer_gets_it_again()
    {
        var first = await PairAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        var second = await Next(first);
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        await Next(second);
        Auth.Clock.Move(TimeSpan.FromSeconds(11));
        Assert.Equal(AuthError.RefreshTokenReused, await RefusalOf(first.RefreshToken));
    }

    [Fact]
    public async Task A_clock_that_was_set_back_gives_no_answer_again()
    {
        var first = await PairAsync();
        await Next(first);
        Auth.Clock.Move(TimeSpan.FromMinutes(-1));
        Assert.Equal(AuthError.RefreshTokenReused, await RefusalOf(first.RefreshToken));
    }

    [Fact]
    public async Task A_thief_who_follows_the_family_is_found_when_its_owner_refreshes_next()
    {
        var stolen = await PairAsync();
        var thief = await Next(stolen);
        Assert.Null(await Auth.DeathOfAsync(thief.Session)); // looks around
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        // the owner, who has the stolen one
        Assert.Equal(AuthError.RefreshTokenReused, await RefusalOf(stolen.RefreshToken));
        Assert.Equal(AuthError.RefreshTokenReused, await RefusalOf(thief.RefreshToken));
    }

    [Fact]
    public async Task A_thief_who_takes_the_answer_that_its_owner_lost_is_found_at_the_next_refresh()
    {
        var first = await PairAsync();
        var owner = await Next(first);
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        var thief = await Next(first); // the owner has not used the answer yet
        Assert.Equal(owner.RefreshToken, thief.RefreshToken);
        Assert.Null(await Auth.DeathOfAsync(owner.Session, owner.Session.Generation));
        thief = await Next(thief);
        Assert.Null(await Auth.DeathOfAsync(thief.Session));
        Auth.Clock.Move(TimeSpan.FromMinutes(9));
        Assert.Equal(AuthError.RefreshTokenReused, await RefusalOf(owner.RefreshToken));
    }

    [Fact]
    public async Task A_replay_ends_no_other_session()
    {
        var first = await PairAsync();
        var other = await Auth.ApiPairAsync(Jane);
        await Next(await Next(first));
        Auth.Clock.Move(TimeSpan.FromSeconds(10));
        Assert.Equal(AuthError.RefreshTokenReused, await RefusalOf(first.RefreshToken));
        await Next(other);
    }

    [Fact]
    public async Task Without_leeways_the_first_replay_ends_the_session()
    {
        await Auth.RestartAsync(("Tokens:ReuseLeeway", "00:00:00"), ("Tokens:LostAnswerLeeway", "00:00:00"));
        var first = await PairAsync();
        await Next(first);
        Assert.Equal(AuthError.RefreshTokenReused, await RefusalOf(first.RefreshToken));
    }

    [Fact]
    public async Task An_access_token_of_the_earlier_pair_dies_when_the_leeway_ends()
    {
        var first = await PairAsync();
        var second = await Next(first);
        Assert.Null(await Auth.DeathOfAsync(first.Session));
        Auth.Clock.Move(TimeSpan.FromSeconds(10));
        Assert.Equal(AuthError.AccessTokenInvalid, await Auth.DeathOfAsync(first.Session));
        Assert.Null(await Auth.DeathOfAsync(second.Session));
    }

    [Fact]
    public async Task A_token_nobody_uses_dies_after_a_fortnight()
    {
        var pair = await PairAsync();
        Auth.Clock.Move(TimeSpan.FromDays(14));
        Assert.Equal(AuthError.RefreshTokenExpired, await RefusalOf(pair.RefreshToken));
    }

    [Fact]
    public async Task A_chain_ends_at_its_absolute_end()
    {
        var pair = await PairAsync();
        for (var week = 0; week < 12; week++)
        {
            Auth.Clock.Move(TimeSpan.FromDays(7));
            pair = await Next(pair);
        }
        Assert.Equal(TimeSpan.FromDays(6), pair.RefreshLifetime); // 84 of 90 days are over
        Auth.Clock.Move(TimeSpan.FromDays(6));
        Assert.Equal(AuthError.RefreshTokenExpired, await RefusalOf(pair.RefreshToken));
    }

    [Theory]
    [InlineData(null, AuthError.ValidationFailed)]
    [InlineData("", AuthError.ValidationFailed)]
    [InlineData("x", AuthError.RefreshTokenInvalid)]
    [InlineData(
        "AAAAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        AuthError.RefreshTokenInvalid
    )]
    public async Task A_token_that_is_not_ours_is_refused(string? token, AuthError error)
    {
        await PairAsync();
        Assert.Equal(error, await RefusalOf(token));
    }

    [Fact]
    public async Task No_changed_character_is_taken_and_none_ends_the_session()
    {
        var pair = await PairAsync();
        for (var i = 0; i < pair.RefreshToken.Length; i++)
        {
            var changed = pair.RefreshToken.ToCharArray();
            changed[i] = changed[i] == 'A' ? 'B' : 'A';
            Assert.Equal(AuthError.RefreshTokenInvalid, await RefusalOf(new string(changed)));
        }
        Assert.Equal(AuthError.RefreshTokenInvalid, await RefusalOf(pair.RefreshToken + "A"));
        await Next(pair);
    }

    [Fact]
    public async Task An_access_token_is_no_refresh_token() =>
        Assert.Equal(AuthError.RefreshTokenInvalid, await RefusalOf((await PairAsync()).AccessToken));

    [Fact]
    public async Task A_token_of_a_store_that_was_set_back_is_refused_without_alarm()
    {
        var pair = await Next(await PairAsync());
        await Auth.Use(
            async (AuthDbContext db) =>
            {
                (await db.Sessions.FindAsync(pair.Session.Id))!.Generation = 1;
                await db.SaveChangesAsync();
            }
        );
        Assert.Equal(AuthError.RefreshTokenInvalid, await RefusalOf(pair.RefreshToken));
        Assert.DoesNotContain(await Auth.AuditAsync(), e => e.Event == AuditEvent.RefreshTokenReused);
    }

    [Fact]
    public async Task Revoking_by_any_token_of_the_chain_ends_the_session()
    {
        var first = await PairAsync();
        var second = await Next(first);
        await Auth.Use((RefreshTokens flow) => flow.RevokeAsync(Auth.Caller, first.RefreshToken, default));
        Assert.Equal(AuthError.SessionRevoked, await RefusalOf(second.RefreshToken));
        await Auth.Use((RefreshTokens flow) => flow.RevokeAsync(Auth.Caller, "nonsense", default));
        await Auth.Use((RefreshTokens flow) => flow.RevokeAsync(Auth.Caller, null, default));
    }

    [Fact]
    public async Task Revoking_by_an_access_token_ends_the_session_even_when_the_token_is_over()
    {
        var pair = await PairAsync();
        Auth.Clock.Move(TimeSpan.FromDays(1));
        await Auth.Use((RefreshTokens flow) => flow.RevokeAsync(Auth.Caller, pair.AccessToken[..^4] + "AAAA", default));
        Assert.Null(await Auth.DeathOfAsync(pair.Session));
        await Auth.Use((RefreshTokens flow) => flow.RevokeAsync(Auth.Caller, pair.AccessToken, default));
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(pair.Session));
    }

    [Fact]
    public async Task A_token_of_a_closed_account_is_refused()
    {
        var pair = await PairAsync();
        await Auth.Use((CloseAccount flow) => flow.CloseAsync(Auth.In(pair.Session), Password, default));
        Assert.Equal(AuthError.SessionRevoked, await RefusalOf(pair.RefreshToken));
    }

    [Fact]
    public async Task Two_tabs_that_exchange_the_same_access_token_get_the_same_successor()
    {
        var first = await PairAsync();
        Task<Result<RefreshTokens.Pair>> Exchange() =>
            Auth.Use(
                (RefreshTokens flow) =>
                    flow.RotateAsync(
                        Auth.Caller,
                        first.Session,
                        first.Session.Generation,
                        TimeSpan.FromHours(2),
                        default
                    )
            );
        var (one, other) = ((await Exchange()).Value!, (await Exchange()).Value!);
        Assert.Equal((one.RefreshToken, TimeSpan.FromHours(2)), (other.RefreshToken, other.AccessLifetime));
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        Assert.Null(await Auth.DeathOfAsync(one.Session, one.Session.Generation));
        Assert.Equal(AuthError.RefreshTokenReused, (await Exchange()).Failure?.Error);
    }
}
