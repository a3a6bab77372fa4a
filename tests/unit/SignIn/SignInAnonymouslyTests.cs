using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.SignIn;

public sealed class SignInAnonymouslyTests : AuthTest
{
    private Task<SignInOutcome> BeginAsync(string? profile = null, Dialect? dialect = null) =>
        Auth.Use((SignInAnonymously flow) => flow.BeginAsync(Auth.Caller, profile, SessionKind.Api, dialect, default));

    [Fact]
    public async Task It_is_a_full_account_with_its_profile()
    {
        var begun = Assert.IsType<SignInOutcome.SignedIn>(await BeginAsync("""{"a":1}"""));
        Assert.Null(await Auth.DeathOfAsync(begun.Session));
        var account = (await Auth.Use((ChangeProfile flow) => flow.ReadAsync(Auth.In(begun.Session), default))).Value!;
        Assert.Equal(
            (begun.User.Id, true, null, null, false),
            (account.Id, account.IsAnonymous, account.Email, account.Username, account.EmailVerified)
        );
        Assert.Equal(1, account.Profile.GetProperty("a").GetInt32());
        Assert.Equal("anon", begun.Session.Methods);
    }

    [Fact]
    public async Task Nobody_signs_in_to_it_by_its_id()
    {
        var begun = Assert.IsType<SignInOutcome.SignedIn>(await BeginAsync());
        Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(begun.User.Id, ""));
        Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(begun.User.Id, begun.User.Id));
    }

    [Fact]
    public async Task It_is_deleted_when_its_last_session_is_over()
    {
        var begun = Assert.IsType<SignInOutcome.SignedIn>(await BeginAsync());
        await PurgeAsync();
        Assert.NotNull(await Auth.FindUserAsync(begun.User.Id));
        Auth.Clock.Move(TimeSpan.FromDays(14));
        await PurgeAsync();
        Assert.Null(await Auth.FindUserAsync(begun.User.Id));
    }

    [Fact]
    public async Task Somebody_elses_account_is_never_deleted_for_want_of_sessions()
    {
        var jane = await Auth.MemberAsync("jane@example.net");
        Auth.Clock.Move(TimeSpan.FromDays(400));
        await PurgeAsync();
        Assert.NotNull(await Auth.FindUserAsync(jane.Id));
    }

    [Fact]
    public async Task A_session_of_a_dialect_lives_as_long_as_its_token()
    {
        var begun = Assert.IsType<SignInOutcome.SignedIn>(await BeginAsync(dialect: Dialect.Skygear));
        Auth.Clock.Move(TimeSpan.FromDays(29));
        Assert.Null(await Auth.DeathOfAsync(begun.Session));
        Auth.Clock.Move(TimeSpan.FromDays(1));
        Assert.Equal(AuthError.SessionExpired, await Auth.DeathOfAsync(begun.Session));
    }

    [Theory]
    [InlineData("[]", AuthError.ValidationFailed)]
    [InlineData("nonsense", AuthError.ValidationFailed)]
    public async Task A_bad_profile_is_refused(string profile, AuthError error)
    {
        Assert.Equal(error, Assert.IsType<SignInOutcome.Refused>(await BeginAsync(profile)).Failure.Error);
        Assert.Equal(0, (await Auth.RowsAsync())["AspNetUsers"]);
    }

    [Fact]
    public async Task Where_sign_up_is_closed_or_its_budget_spent_it_is_refused()
    {
        await Auth.RestartAsync(("Throttle:SignUpPerAddress", "1"));
        await BeginAsync();
        Assert.Equal(AuthError.RateLimited, Assert.IsType<SignInOutcome.Refused>(await BeginAsync()).Failure.Error);
        await Auth.RestartAsync(("Throttle:SignUpPerAddress", "10"), ("SignUp:Enabled", "false"));
        Assert.Equal(AuthError.SignUpDisabled, Assert.IsType<SignInOutcome.Refused>(await BeginAsync()).Failure.Error);
    }

    private Task PurgeAsync() =>
        ActivatorUtilities.CreateInstance<ExpiredDataCleanup>(Auth.Services).PurgeAsync(default);
}
