using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Passwords;

public sealed class ResetPasswordTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private async Task<AuthError?> Set(string? link, string? password = OtherPassword) =>
        (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, password, default))).Failure?.Error;

    private async Task<AuthError?> Ask(string? email) =>
        (await Auth.Use((ResetPassword flow) => flow.RequestAsync(Auth.Caller, email, default))).Failure?.Error;

    [Fact]
    public async Task A_link_sets_a_password_and_signs_nobody_in()
    {
        await Auth.MemberAsync(Jane);
        Assert.Null(await Set(await Auth.ResetLinkAsync(Jane)));
        Assert.Equal(0, (await Auth.RowsAsync())["Sessions"]);
        Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(Jane));
        await Auth.SignInAsync(Jane, OtherPassword);
        await Auth.DeliverAsync();
        Assert.Equal("Your password was reset", Auth.SubjectsTo(Jane)[^1]);
    }

    [Fact]
    public async Task A_used_link_is_refused()
    {
        await Auth.MemberAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Null(await Set(link));
        Assert.Equal(AuthError.LinkUsed, await Set(link, "nine yellow bottles"));
        await Auth.SignInAsync(Jane, OtherPassword);
    }

    [Fact]
    public async Task The_link_that_verifies_an_address_sets_its_first_password_once()
    {
        await Auth.RegisterAsync(Jane, username: "jane");
        var before = await Auth.SignInAsync(Jane);
        await Auth.DeliverAsync();
        var link = LinkTokenIn(Auth.LastEmailTo(Jane));
        Assert.Equal(AuthError.LinkInvalid, await Set(link)); // it is no reset link
        Assert.Null(await SetFirst(link));
        Assert.Equal(AuthError.LinkUsed, await SetFirst(link));
        Assert.Equal(AuthError.PasswordChanged, await Auth.DeathOfAsync(before));
        await Auth.SignInAsync(Jane, OtherPassword);
        var user = await Auth.UserAsync(Jane);
        Assert.True(user.EmailConfirmed);
        Assert.Null(user.ChosenUserName);

        async Task<AuthError?> SetFirst(string given) =>
            (await Auth.Use((ResetPassword flow) => flow.SetFirstAsync(Auth.Caller, given, OtherPassword, default)))
                .Failure
                ?.Error;
    }

    [Fact]
    public async Task A_link_works_for_an_hour()
    {
        await Auth.MemberAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromHours(1) - TimeSpan.FromMilliseconds(1));
        Assert.Null((await Auth.Use((ResetPassword flow) => flow.PreviewAsync(Auth.Caller, link, default))).Failure);
        Auth.Clock.Move(TimeSpan.FromMilliseconds(1));
        Assert.Equal(AuthError.LinkExpired, await Set(link));
    }

    [Fact]
    public async Task A_newer_link_replaces_the_older()
    {
        await Auth.MemberAsync(Jane);
        var older = await Auth.ResetLinkAsync(Jane);
        var newer = await Auth.ResetLinkAsync(Jane);
        Assert.Equal(AuthError.LinkExpired, await Set(older));
        Assert.Null(await Set(newer));
    }

    [Theory]
    [InlineData(null, AuthError.ValidationFailed)]
    [InlineData("short", AuthError.WeakPassword)]
    [InlineData("password1", AuthError.CommonPassword)]
    [InlineData("JANE@example.net", AuthError.WeakPassword)]
    public async Task A_weak_password_is_refused_and_the_link_stays_good(string? password, AuthError error)
    {
        await Auth.MemberAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Equal(error, await Set(link, password));
        Assert.Null(await Set(link));
    }

    [Fact]
    public async Task A_link_of_another_purpose_is_refused()
    {
        await Auth.RegisterAsync(Jane);
        await Auth.DeliverAsync();
        Assert.Equal(AuthError.LinkInvalid, await Set(LinkTokenIn(Auth.LastEmailTo(Jane))));
    }

    [Fact]
    public async Task Asking_changes_nothing_on_the_account()
    {
        var user = await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.NotNull((await Auth.Use((ResetPassword flow) => flow.PreviewAsync(Auth.Caller, link, default))).Value);
        var now = await Auth.UserAsync(Jane);
        Assert.Equal((user.PasswordHash, user.SecurityStamp), (now.PasswordHash, now.SecurityStamp));
        Assert.Null(await Auth.DeathOfAsync(session));
        await Auth.SignInAsync(Jane);
    }

    [Fact]
    public async Task Nobody_gets_a_email_at_an_address_that_is_nobodys()
    {
        await Auth.MemberAsync(Jane);
        var letters = Auth.Mail.Sent.Count;
        Assert.Null(await Ask("john@example.net"));
        Assert.Equal(AuthError.ValidationFailed, await Ask("\u017fane@example.net"));
        Assert.Equal(AuthError.ValidationFailed, await Ask("\u212aane@example.net"));
        await Auth.DeliverAsync();
        Assert.Equal(letters, Auth.Mail.Sent.Count);
    }

    [Fact]
    public async Task An_email_goes_to_the_address_on_file()
    {
        await Auth.MemberAsync(Jane);
        Assert.Null(await Ask("  JANE@Example.NET"));
        await Auth.DeliverAsync();
        Assert.Equal(
            (Jane, "BlazorAuth: Reset your password"),
            (Auth.Mail.Sent[^1].To, Auth.Mail.Sent[^1].Content.Subject)
        );
    }

    [Fact]
    public async Task Emails_to_one_address_are_limited()
    {
        await Auth.MemberAsync(Jane);
        await Auth.RestartAsync(("Throttle:MailPerAddress", "2"));
        for (var i = 0; i < 6; i++)
            Assert.Null(await Ask(Jane));
        await Auth.DeliverAsync();
        // Half of two for one network, and the one that always goes out.
        Assert.Equal(2, Auth.SubjectsTo(Jane).Count(subject => subject == "Reset your password"));
    }

    [Fact]
    public async Task Emails_asked_for_from_one_network_are_limited()
    {
        await Auth.RestartAsync(("Throttle:MailPerCaller", "2"));
        Assert.Null(await Ask("a@example.net"));
        Assert.Null(await Ask("b@example.net"));
        Assert.Equal(AuthError.RateLimited, await Ask("c@example.net"));
    }

    [Fact]
    public async Task On_an_address_never_verified_it_voids_what_the_registrant_set()
    {
        var user = await Auth.RegisterAsync(Jane);
        var stranger = await Auth.SignInAsync(Jane);
        await Auth.ChangeUserAsync(
            user.Id,
            row => (row.DisplayName, row.Avatar, row.Profile) = ("Stranger", "https://example.org/x.png", """{"a":1}""")
        );
        var strangersChange = await Auth.EmailChangeLinkAsync(stranger, "stranger@example.org");

        Assert.Null(await Set(await Auth.ResetLinkAsync(Jane)));
        var now = await Auth.UserAsync(Jane);
        Assert.True(now.EmailConfirmed);
        Assert.Equal((null, null, null), (now.DisplayName, now.Avatar, now.Profile));
        Assert.Equal(AuthError.PasswordChanged, await Auth.DeathOfAsync(stranger));
        Assert.Equal(
            AuthError.LinkExpired,
            (await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.Caller, strangersChange, default)))
                .Failure
                ?.Error
        );
    }

    [Fact]
    public async Task On_a_verified_account_it_keeps_the_profile()
    {
        var user = await Auth.MemberAsync(Jane);
        await Auth.ChangeUserAsync(user.Id, row => row.DisplayName = "Jane");
        Assert.Null(await Set(await Auth.ResetLinkAsync(Jane)));
        Assert.Equal("Jane", (await Auth.UserAsync(Jane)).DisplayName);
    }

    [Fact]
    public async Task A_locked_account_stays_locked()
    {
        var user = await Auth.MemberAsync(Jane);
        await Auth.ChangeUserAsync(user.Id, row => row.LockedAt = Auth.Clock.Now);
        Assert.Null(await Set(await Auth.ResetLinkAsync(Jane)));
        Assert.Equal(
            AuthError.AccountLocked,
            Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(Jane, OtherPassword)).Failure.Error
        );
    }

    [Fact]
    public async Task An_account_without_a_password_gets_one()
    {
        var user = await Auth.MemberAsync(Jane);
        await Auth.ChangeUserAsync(user.Id, row => row.PasswordHash = null);
        Assert.Null(await Set(await Auth.ResetLinkAsync(Jane)));
        await Auth.SignInAsync(Jane, OtherPassword);
    }

    [Fact]
    public async Task A_reset_makes_a_new_stamp()
    {
        var user = await Auth.MemberAsync(Jane);
        await Set(await Auth.ResetLinkAsync(Jane));
        Assert.NotEqual(user.SecurityStamp, (await Auth.UserAsync(Jane)).SecurityStamp);
    }
}
