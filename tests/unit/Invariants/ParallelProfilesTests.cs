using System.Text.Json;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.UnitTests.Dialects;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// Many programs of one account, each with a field of its own: every door that adds to a profile keeps what the others
/// added.
/// </summary>
public abstract class ParallelProfilesTests(Store store) : ForeignTest(store)
{
    public sealed class OnSqlite() : ParallelProfilesTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : ParallelProfilesTests(Store.Postgres);

    private const int Programs = 12;

    [StoreFact]
    public async Task Changes_of_different_fields_at_the_same_time_are_all_kept()
    {
        var user = await Auth.MemberAsync(Jane);
        var conduit = (await PostAsync("/authentication/local", new { email = Jane, password = Password })).Text(
            "accessToken"
        );
        var feathers = (
            await PostAsync(
                "/authentication",
                new
                {
                    strategy = "local",
                    email = Jane,
                    password = Password,
                }
            )
        ).Text("accessToken");
        var kuzzle = (await PostAsync("/_login/local", new { username = Jane, password = Password })).Text(
            "result",
            "jwt"
        );
        var skygear = (
            await PostAsync("/auth/login", new { auth_data = new { email = Jane }, password = Password })
        ).Text("result", "access_token");

        var answers = await RaceAsync(
            4 * Programs,
            i =>
                (i % 4) switch
                {
                    0 => SendAsync(HttpMethod.Patch, "/authentication/user", new { userData = Field(i) }, conduit),
                    1 => SendAsync(HttpMethod.Patch, "/users/me", Field(i), feathers),
                    2 => SendAsync(HttpMethod.Put, "/_me", Field(i), kuzzle),
                    _ => PostAsync(
                        "/record/save",
                        new
                        {
                            access_token = skygear,
                            records = new[]
                            {
                                new Dictionary<string, object> { ["_id"] = $"user/{user.Id}", [$"f{i}"] = i },
                            },
                        }
                    ),
                }
        );

        Assert.All(answers, answer => Assert.Equal(200, answer.Status));
        Assert.DoesNotContain(answers, answer => answer.Body.Contains("\"_type\":\"error\"", StringComparison.Ordinal));
        var profile = JsonElement.Parse((await Auth.UserAsync(Jane)).Profile!);
        Assert.Equal(
            Enumerable.Range(0, 4 * Programs).Select(i => $"f{i}").Order(),
            profile.EnumerateObject().Select(f => f.Name).Order()
        );
    }

    [StoreFact]
    public async Task A_change_by_a_session_that_was_ended_meanwhile_is_refused()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.In(session), session.Id, default));
        var changed = await Auth.Use(
            (ChangeProfile flow) => flow.ChangeAsync(Auth.In(session), new(DisplayName: "x"), default)
        );
        Assert.Equal(AuthError.SessionRevoked, changed.Failure?.Error);
        Assert.Null((await Auth.UserAsync(Jane)).DisplayName);
    }

    private static Dictionary<string, object> Field(int i) => new() { [$"f{i}"] = i };
}
