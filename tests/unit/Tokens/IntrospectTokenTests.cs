using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Tokens;

public abstract class IntrospectTokenTests(Store store)
    : AuthTest(
        store,
        ("Api:IntrospectionClients:orders:Secret", Secret),
        ("Api:IntrospectionClients:stock:Secret", OtherSecret),
        ("Throttle:SignInPerAddress", "3")
    )
{
    public sealed class OnSqlite() : IntrospectTokenTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : IntrospectTokenTests(Store.Postgres);

    private const string Jane = "jane@example.net",
        Secret = "0123456789abcdef0123456789abcdef",
        OtherSecret = "fedcba9876543210fedcba9876543210";

    private Task<Result<IntrospectToken.Answer>> RequestAsync(
        string? token,
        string? id = "orders",
        string? secret = Secret,
        Caller? caller = null
    ) => Auth.Use((IntrospectToken flow) => flow.DescribeAsync(caller ?? Auth.Caller, new(id, secret), token, default));

    private async Task<IntrospectToken.Token?> FindAsync(string token)
    {
        var outcome = await RequestAsync(token);
        Assert.Null(outcome.Failure);
        return outcome.Value!.Active;
    }

    private async Task<RefreshTokens.Pair> PairAsync()
    {
        await Auth.RegisterAsync(Jane);
        return await Auth.ApiPairAsync(Jane);
    }

    [StoreFact]
    public async Task A_living_token_of_either_kind_is_described()
    {
        var pair = await PairAsync();
        var access = await FindAsync(pair.AccessToken);
        Assert.Equal(
            (false, Jane, pair.Session.UserId, pair.Session.Id),
            (access!.IsRefresh, access.Username, access.Session.UserId, access.Session.Id)
        );
        Assert.Equal((Site, "blazorauth"), (access.Issuer, access.Audience));
        Assert.Equal(TimeSpan.FromMinutes(10), access.ExpiresAt - access.IssuedAt!.Value);
        var refresh = await FindAsync(pair.RefreshToken);
        Assert.Equal(
            (true, Jane, Auth.Clock.Now + TimeSpan.FromDays(14)),
            (refresh!.IsRefresh, refresh.Username, refresh.ExpiresAt)
        );
    }

    [StoreFact]
    public async Task A_chosen_user_name_is_told_before_the_address()
    {
        await Auth.RegisterAsync(Jane, username: "jane");
        Assert.Equal("jane", (await FindAsync((await Auth.ApiPairAsync(Jane)).AccessToken))!.Username);
    }

    [StoreFact]
    public async Task An_access_token_is_over_at_its_very_end()
    {
        var pair = await PairAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1));
        Assert.NotNull(await FindAsync(pair.AccessToken));
        Auth.Clock.Move(TimeSpan.FromSeconds(1));
        Assert.Null(await FindAsync(pair.AccessToken));
        Assert.NotNull(await FindAsync(pair.RefreshToken));
    }

    [StoreFact]
    public async Task A_rotated_pair_is_alive_until_the_leeway_ends_and_says_so()
    {
        var first = await PairAsync();
        var second = (await Auth.RefreshAsync(first.RefreshToken)).Value!;
        Assert.Equal(Auth.Clock.Now + TimeSpan.FromSeconds(10), (await FindAsync(first.RefreshToken))!.ExpiresAt);
        Auth.Clock.Move(TimeSpan.FromSeconds(10));
        Assert.Null(await FindAsync(first.RefreshToken));
        Assert.Null(await FindAsync(first.AccessToken));
        Assert.NotNull(await FindAsync(second.RefreshToken));
        Assert.NotNull(await FindAsync(second.AccessToken));
        Assert.Null(await Auth.DeathOfAsync(second.Session)); // asking about a replayed token is no replay
    }

    [StoreFact]
    public async Task Another_process_that_ends_a_session_is_seen_within_a_second()
    {
        var pair = await PairAsync();
        Assert.NotNull(await FindAsync(pair.AccessToken));
        await using var beside = await Auth.BesideAsync();
        await beside.Use((RefreshTokens flow) => flow.RevokeAsync(Auth.Caller, pair.RefreshToken, default));
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Null(await FindAsync(pair.AccessToken));
        Assert.Null(await FindAsync(pair.RefreshToken));
    }

    [StoreFact]
    public async Task A_browsers_session_has_no_token_to_describe()
    {
        await Auth.RegisterAsync(Jane);
        var browser = await Auth.SignInAsync(Jane);
        var never = await Auth.Use((RefreshTokens flow) => flow.IssueAsync(browser, default));
        Assert.Null(await FindAsync(never.AccessToken));
        Assert.Null(await FindAsync(never.RefreshToken));
    }

    [StoreFact]
    public async Task A_closed_account_has_no_living_token()
    {
        var pair = await PairAsync();
        await Auth.Use((CloseAccount flow) => flow.CloseAsync(Auth.In(pair.Session), Password, default));
        Assert.Null(await FindAsync(pair.AccessToken));
    }

    [StoreTheory]
    [InlineData(null, null)]
    [InlineData("orders", null)]
    [InlineData("orders", "")]
    [InlineData(null, Secret)]
    [InlineData("orders", OtherSecret)]
    [InlineData("orders", Secret + "x")]
    [InlineData("orders", "0123456789abcdef0123456789abcde")]
    [InlineData("nobody", Secret)]
    [InlineData("blazorauth", Secret)]
    public async Task Who_is_no_client_is_told_nothing(string? id, string? secret) =>
        Assert.Equal(
            AuthError.InvalidCredentials,
            (await RequestAsync((await PairAsync()).AccessToken, id, secret)).Failure?.Error
        );

    [StoreFact]
    public async Task A_client_without_a_token_is_told_what_is_missing() =>
        Assert.Equal(AuthError.ValidationFailed, (await RequestAsync("")).Failure?.Error);

    [StoreFact]
    public async Task Guesses_at_secrets_run_out_and_the_right_one_is_then_refused_too()
    {
        for (var i = 0; i < 3; i++)
            Assert.Equal(AuthError.InvalidCredentials, (await RequestAsync("x", secret: $"wrong {i}")).Failure?.Error);
        foreach (var secret in new[] { "wrong again", Secret })
        {
            var refusal = (await RequestAsync("x", secret: secret)).Failure!;
            Assert.Equal(AuthError.RateLimited, refusal.Error);
            Assert.Equal(TimeSpan.FromMinutes(15), refusal.RetryAfter);
        }
        // another network's guesses are its own
        Assert.NotNull((await RequestAsync("x", caller: Caller.Anonymous("198.51.100.9", null))).Value);
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        Assert.NotNull((await RequestAsync("x")).Value);
    }

    [StoreFact]
    public async Task Right_secrets_spend_nothing_and_after_the_first_write_nothing()
    {
        for (var i = 0; i < 5; i++)
            Assert.NotNull((await RequestAsync("x")).Value);
        for (var i = 0; i < 5; i++)
            Assert.NotNull((await RequestAsync("x", "stock", OtherSecret)).Value);
        Auth.Sql.Take();
        Assert.NotNull((await RequestAsync("x")).Value);
        Assert.Empty(Auth.Sql.Take());
    }

    [StoreFact]
    public async Task A_network_that_knew_the_secret_gets_no_more_guesses_than_any_other()
    {
        Assert.NotNull((await RequestAsync("x")).Value);
        var answers = await RaceAsync(20, i => RequestAsync("x", secret: $"wrong {i}"));
        Assert.Equal(3, answers.Count(a => a.Failure!.Error == AuthError.InvalidCredentials));
        Assert.Equal(AuthError.RateLimited, (await RequestAsync("x")).Failure?.Error);
    }

    [StoreFact]
    public async Task Asking_changes_nothing()
    {
        var pair = await PairAsync();
        await FindAsync(pair.AccessToken);
        var before = await Auth.RowsAsync();
        foreach (var token in new[] { pair.AccessToken, pair.RefreshToken, "nonsense" })
            await FindAsync(token);
        Assert.Equal(before, await Auth.RowsAsync());
    }
}
