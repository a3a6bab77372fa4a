using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Accounts;

public sealed class CloseAccountTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private async Task<AuthError?> Close(Caller caller, string? password) =>
        (await Auth.Use((CloseAccount flow) => flow.CloseAsync(caller, Reauthentication.From(password), default)))
            .Failure
            ?.Error;

    [Fact]
    public async Task Everything_that_hangs_on_the_account_goes_with_it()
    {
        var user = await Auth.MemberAsync(Jane, username: "jane");
        var session = await Auth.SignInAsync(Jane);
        await Auth.ApiPairAsync(Jane);
        Assert.Null(await Close(Auth.In(session), Password));
        Assert.Equal(0, (await Auth.RowsAsync())["AspNetUsers"]);
        var left = await Auth.Use((AuthDbContext db) => db.Sessions.AsNoTracking().ToListAsync());
        Assert.All(left, s => Assert.Equal((SessionEnd.AccountClosed, null, null), (s.EndReason, s.Address, s.Agent)));
        Assert.Contains(await Auth.AuditAsync(), e => e.Event == AuditEvent.AccountClosed && e.UserId == user.Id);
        await Auth.DeliverAsync();
        Assert.Equal("Your account was closed", Auth.SubjectsTo(Jane)[^1]);
    }

    [Fact]
    public async Task Address_and_user_name_are_free_again()
    {
        await Auth.RegisterAsync(Jane, username: "jane");
        var old = await Auth.SignInAsync(Jane);
        await Close(Auth.In(old), Password);
        Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(Jane));
        Assert.NotEqual(old.UserId, (await Auth.RegisterAsync(Jane, OtherPassword, "jane")).Id);
    }

    [Fact]
    public async Task It_needs_the_password_however_recent_the_sign_in_is()
    {
        await Auth.RegisterAsync(Jane);
        var caller = Auth.In(await Auth.SignInAsync(Jane));
        Assert.Equal(AuthError.InvalidCredentials, await Close(caller, "not the password"));
        Assert.Equal(AuthError.ValidationFailed, await Close(caller, ""));
        Assert.Equal(AuthError.ValidationFailed, await Close(caller, null));
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        Assert.Equal(AuthError.ValidationFailed, await Close(caller, null));
        await Auth.SignInAsync(Jane);
        Assert.Null(await Close(caller, Password));
        Assert.Equal(AuthError.SessionRevoked, await Close(caller, Password));
    }

    [Fact]
    public async Task Emails_that_were_waiting_open_nothing_afterwards()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use((ResetPassword flow) => flow.RequestAsync(Auth.Caller, Jane, default));
        await Auth.Use((ChangeEmail flow) => flow.RequestAsync(Auth.In(session), "new@example.net", Password, default));
        await Close(Auth.In(session), Password);
        await Auth.DeliverAsync();
        Assert.Empty(Auth.SubjectsTo("new@example.net"));
        Assert.DoesNotContain("Reset your password", Auth.SubjectsTo(Jane));
    }

    [Fact]
    public async Task An_ended_session_closes_nothing()
    {
        await Auth.RegisterAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, session.Id, default));
        Assert.Equal(AuthError.SessionRevoked, await Close(Auth.In(session), Password));
        await Auth.SignInAsync(Jane);
    }

    [Fact]
    public async Task Others_are_left_alone()
    {
        await Auth.RegisterAsync(Jane);
        await Auth.RegisterAsync("john@example.net");
        var johns = await Auth.SignInAsync("john@example.net");
        await Close(Auth.In(await Auth.SignInAsync(Jane)), Password);
        Assert.Null(await Auth.DeathOfAsync(johns));
    }
}
