using BlazorAuth.Core;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Keys;

public abstract class RotateSigningKeyTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : RotateSigningKeyTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : RotateSigningKeyTests(Store.Postgres);

    private static readonly TimeSpan Minute = SigningKeys.ShortestNotice;

    private static Task<Result<SigningKeys.SigningKey>> RotateAsync(AuthFixture process, TimeSpan? signsIn = null) =>
        process.Use((RotateSigningKey flow) => flow.RotateAsync(process.Caller, signsIn ?? Minute, default));

    private static Task<IReadOnlyList<SigningKeys.SigningKey>> ListAsync(AuthFixture process) =>
        process.Use((RotateSigningKey flow) => flow.ListAsync(default));

    private static async Task<string> TokenAsync(AuthFixture process) =>
        (await process.ApiPairAsync("jane@example.net")).AccessToken;

    private static async Task<string?> WhyRefusedAsync(AuthFixture process, string token)
    {
        var validation = process.Services.GetRequiredService<AccessTokens>().Validation();
        return (await new JsonWebTokenHandler().ValidateTokenAsync(token, validation)).Exception?.GetType().Name;
    }

    private static string KeyOf(string token) => new JsonWebToken(token).Kid;

    [StoreFact]
    public async Task The_successor_is_published_first_and_signs_later()
    {
        await Auth.MemberAsync("jane@example.net");
        var before = KeyOf(await TokenAsync(Auth));
        var made = (await RotateAsync(Auth)).Value!.Key.KeyId;
        Assert.Equal([before, made], (await ListAsync(Auth)).Select(k => k.Key.KeyId));
        Assert.Equal(before, KeyOf(await TokenAsync(Auth)));
        Auth.Clock.Move(Minute);
        Assert.Equal(made, KeyOf(await TokenAsync(Auth)));
        Assert.Contains(await Auth.AuditAsync(), e => e.Event == AuditEvent.SigningKeyRotated);
    }

    [StoreFact]
    public async Task No_token_is_refused_before_its_time_and_the_old_key_goes_when_its_last_token_has()
    {
        await Auth.MemberAsync("jane@example.net");
        await using var beside = await Auth.BesideAsync();
        await RotateAsync(Auth);
        var issued = new List<(string Token, DateTimeOffset Until)>();
        var start = Auth.Clock.Now;
        while (Auth.Clock.Now - start < TimeSpan.FromMinutes(25))
        {
            // Each process looks at the store every half minute, as the rounds do.
            await Auth.Services.GetRequiredService<SigningKeys>().ReadAsync(default);
            foreach (var process in new[] { Auth, beside })
                issued.Add((await TokenAsync(process), Auth.Clock.Now + TimeSpan.FromMinutes(10)));
            await beside.Services.GetRequiredService<SigningKeys>().ReadAsync(default);
            foreach (var (token, until) in issued.Where(i => i.Until > Auth.Clock.Now))
            {
                Assert.Null(await WhyRefusedAsync(Auth, token));
                Assert.Null(await WhyRefusedAsync(beside, token));
            }
            Auth.Clock.Move(TimeSpan.FromSeconds(30));
        }
        Assert.Single(await ListAsync(Auth));
        Assert.NotNull(await WhyRefusedAsync(Auth, issued[0].Token));
    }

    [StoreFact]
    public async Task Processes_that_rotate_together_make_one_key()
    {
        await using var beside = await Auth.BesideAsync();
        var made = await RaceAsync(8, i => RotateAsync(i % 2 == 0 ? Auth : beside));
        Assert.Single(made.Select(m => m.Value!.Key.KeyId).Distinct());
        Auth.Clock.Move(TimeSpan.FromSeconds(5)); // and one that is a little late
        Assert.Equal(made[0].Value!.Key.KeyId, (await RotateAsync(beside)).Value!.Key.KeyId);
        Assert.Equal(2, (await ListAsync(Auth)).Count);
    }

    [StoreFact]
    public async Task One_that_has_to_sign_sooner_overtakes_one_that_waits()
    {
        await Auth.MemberAsync("jane@example.net");
        var planned = (await RotateAsync(Auth, TimeSpan.FromDays(1))).Value!.Key.KeyId;
        var sooner = (await RotateAsync(Auth)).Value!.Key.KeyId;
        Assert.NotEqual(planned, sooner);
        Auth.Clock.Move(Minute);
        Assert.Equal(sooner, KeyOf(await TokenAsync(Auth)));
        Auth.Clock.Move(TimeSpan.FromDays(2));
        Assert.Equal(sooner, KeyOf(await TokenAsync(Auth)));
    }

    [StoreFact]
    public async Task Less_than_a_minute_is_refused() =>
        Assert.Equal(
            AuthError.ValidationFailed,
            (await RotateAsync(Auth, Minute - TimeSpan.FromMilliseconds(1))).Failure?.Error
        );
}
