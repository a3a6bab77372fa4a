using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Accounts;

public sealed class ChangeEmailTests : AuthTest
{
    private const string Old = "jane@example.net";
    private const string New = "jane@example.org";

    private async Task<AuthError?> Ask(Session session, string? email = New, string? password = Password) =>
        (await Auth.Use((ChangeEmail flow) => flow.RequestAsync(Auth.In(session), email, password, default)))
            .Failure
            ?.Error;

    private async Task<AuthError?> Confirm(string? link) =>
        (await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.Caller, link, default))).Failure?.Error;

    private async Task<Session> MemberSession(string email = Old)
    {
        await Auth.MemberAsync(email);
        return await Auth.SignInAsync(email);
    }

    [Fact]
    public async Task The_address_moves_when_the_new_one_confirms()
    {
        var user = await Auth.MemberAsync(Old);
        var session = await Auth.SignInAsync(Old);
        var link = await Auth.EmailChangeLinkAsync(session, New);
        Assert.Equal(Old, (await Auth.FindUserAsync(user.Id))!.Email);

        Assert.Null(await Confirm(link));
        var moved = await Auth.UserAsync(New);
        Assert.Equal((user.Id, New, true), (moved.Id, moved.Email, moved.EmailConfirmed));
        Assert.NotEqual(user.SecurityStamp, moved.SecurityStamp);
        await Auth.SignInAsync(New);
        Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(Old));
    }

    [Fact]
    public async Task Both_addresses_are_told()
    {
        var link = await Auth.EmailChangeLinkAsync(await MemberSession(), New);
        Assert.Equal("A new e-mail address was asked for", Auth.SubjectsTo(Old)[^1]);
        Assert.DoesNotContain(New, Auth.LastEmailTo(Old).Content.Text, StringComparison.Ordinal);
        await Confirm(link);
        await Auth.DeliverAsync();
        Assert.Equal("Your e-mail address was changed", Auth.SubjectsTo(Old)[^1]);
        Assert.Equal("Your e-mail address was changed", Auth.SubjectsTo(New)[^1]);
    }

    [Fact]
    public async Task A_used_link_is_refused()
    {
        var link = await Auth.EmailChangeLinkAsync(await MemberSession(), New);
        Assert.Null(await Confirm(link));
        Assert.Equal(AuthError.LinkUsed, await Confirm(link));
    }

    [Fact]
    public async Task Looking_at_a_link_changes_nothing()
    {
        var link = await Auth.EmailChangeLinkAsync(await MemberSession(), New);
        Assert.Equal(
            New,
            (await Auth.Use((ChangeEmail flow) => flow.PreviewAsync(Auth.Caller, link, default))).Value!.Destination
        );
        await Auth.SignInAsync(Old);
        Assert.Null(await Confirm(link));
    }

    [Fact]
    public async Task A_link_works_for_an_hour()
    {
        var link = await Auth.EmailChangeLinkAsync(await MemberSession(), New);
        Auth.Clock.Move(TimeSpan.FromHours(1));
        Assert.Equal(AuthError.LinkExpired, await Confirm(link));
        await Auth.SignInAsync(Old);
    }

    [Fact]
    public async Task The_last_change_asked_for_is_the_one_that_counts()
    {
        var session = await MemberSession();
        var first = await Auth.EmailChangeLinkAsync(session, New);
        var second = await Auth.EmailChangeLinkAsync(session, "third@example.org");
        Assert.Equal(AuthError.LinkExpired, await Confirm(first));
        Assert.Null(await Confirm(second));
        await Auth.SignInAsync("third@example.org");
    }

    [Fact]
    public async Task A_change_whose_email_is_still_waiting_is_replaced_too()
    {
        var session = await MemberSession();
        Assert.Null(await Ask(session, "first@example.org"));
        Assert.Null(await Ask(session, "second@example.org"));
        await Auth.DeliverAsync();
        Assert.Empty(Auth.SubjectsTo("first@example.org"));
        Assert.Null(await Confirm(LinkTokenIn(Auth.LastEmailTo("second@example.org"))));
    }

    [Theory]
    [InlineData(New, "not the password", AuthError.InvalidCredentials)]
    [InlineData(New, "", AuthError.ValidationFailed)]
    [InlineData("no address", Password, AuthError.ValidationFailed)]
    [InlineData(null, Password, AuthError.ValidationFailed)]
    [InlineData("JANE@example.NET", Password, AuthError.ValidationFailed)]
    public async Task A_refusal_sends_nothing(string? email, string? password, AuthError error)
    {
        var session = await MemberSession();
        var letters = (await Auth.RowsAsync())["Outbox"];
        Assert.Equal(error, await Ask(session, email, password));
        Assert.Equal(letters, (await Auth.RowsAsync())["Outbox"]);
    }

    [Fact]
    public async Task Whether_the_new_address_is_somebodys_is_not_told_to_the_asker()
    {
        await Auth.MemberAsync("john@example.net");
        var session = await MemberSession();
        Assert.Null(await Ask(session, "john@example.net"));
        await Auth.DeliverAsync();
        Assert.Equal("You already have an account", Auth.SubjectsTo("john@example.net")[^1]);
        Assert.Equal("", LinkTokenIn(Auth.LastEmailTo("john@example.net")));
    }

    [Fact]
    public async Task An_address_taken_meanwhile_is_refused_and_nothing_changes()
    {
        var session = await MemberSession();
        var other = await Auth.SignInAsync(Old);
        var link = await Auth.EmailChangeLinkAsync(session, New);
        await Auth.RegisterAsync(New, OtherPassword);
        Assert.Equal(AuthError.EmailTaken, await Confirm(link));
        Assert.Null(await Auth.DeathOfAsync(other));
        Assert.Equal(session.UserId, (await Auth.SignInAsync(Old)).UserId);
        Assert.NotEqual(session.UserId, (await Auth.SignInAsync(New, OtherPassword)).UserId);
        await Auth.DeliverAsync();
        Assert.DoesNotContain("Your e-mail address was changed", Auth.SubjectsTo(Old));
        Assert.NotEmpty(await Auth.ResetLinkAsync(New));
    }

    [Fact]
    public async Task The_old_address_is_free_again_and_its_links_are_dead()
    {
        var session = await MemberSession();
        var reset = await Auth.ResetLinkAsync(Old);
        await Confirm(await Auth.EmailChangeLinkAsync(session, New));
        Assert.Equal(
            AuthError.LinkExpired,
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, reset, OtherPassword, default)))
                .Failure
                ?.Error
        );
        Assert.NotEqual(session.UserId, (await Auth.RegisterAsync(Old, OtherPassword)).Id);
    }

    [Fact]
    public async Task An_account_without_an_address_gets_its_first_one()
    {
        await Auth.RegisterAsync(null, username: "jane");
        var session = await Auth.SignInAsync("jane");
        var link = await Auth.EmailChangeLinkAsync(session, New);
        Assert.Null((await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.In(session), link, default))).Failure);
        await Auth.DeliverAsync();
        Assert.Equal("jane", (await Auth.UserAsync(New)).ChosenUserName);
        Assert.Equal(2, Auth.Mail.Sent.Count);
    }

    [Fact]
    public async Task A_reset_while_the_password_was_being_compared_stops_the_change()
    {
        var session = await MemberSession();
        var reset = await Auth.ResetLinkAsync(Old);
        Auth.Hashes.AfterNextVerify = () =>
            Assert.Null(
                Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, reset, OtherPassword, default))
                    .GetAwaiter()
                    .GetResult()
                    .Failure
            );
        Assert.Equal(AuthError.SessionRevoked, await Ask(session));
        await Auth.DeliverAsync();
        Assert.Empty(Auth.SubjectsTo(New));
    }

    [Fact]
    public async Task Emails_are_limited()
    {
        var session = await MemberSession();
        await Auth.RestartAsync(("Throttle:MailPerCaller", "1"));
        Assert.Null(await Ask(session));
        Assert.Equal(AuthError.RateLimited, await Ask(session));
    }

    [Fact]
    public async Task A_recent_sign_in_is_no_proof()
    {
        var session = await MemberSession();
        Assert.Equal(AuthError.ValidationFailed, await Ask(session, password: null));
        Assert.Equal(AuthError.ValidationFailed, await Ask(session, password: ""));
        Assert.Null(await Ask(session));
    }
}
