using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Accounts;

public abstract class UpgradeAnonymousAccountTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : UpgradeAnonymousAccountTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : UpgradeAnonymousAccountTests(Store.Postgres);

    private const string Jane = "jane@example.net";

    private async Task<SignInOutcome.SignedIn> BeginAsync() =>
        Assert.IsType<SignInOutcome.SignedIn>(
            await Auth.Use(
                (SignInAnonymously flow) =>
                    flow.BeginAsync(Auth.Caller, """{"cart":[1,2]}""", SessionKind.Api, null, default)
            )
        );

    private Task<Result<Register.Registered>> UpgradeAsync(
        Session session,
        string? email = Jane,
        string? username = null,
        string? password = Password
    ) => Auth.Use((Register flow) => flow.CreateAsync(Auth.In(session), new(email, username, password), default));

    // As there are from before such accounts were refused keys.
    private Task<Session> KeyOfAsync(Session session) =>
        Auth.Use(
            async (IServiceProvider services) =>
            {
                var key = services
                    .GetRequiredService<SessionStore>()
                    .Begin(session.UserId, Auth.Caller, SessionKind.Key, "key");
                await services.GetRequiredService<AuthDbContext>().SaveChangesAsync();
                return key;
            }
        );

    [StoreFact]
    public async Task It_keeps_id_profile_and_session_and_signs_in_from_then_on()
    {
        var begun = await BeginAsync();
        var user = (await UpgradeAsync(begun.Session, username: "jane")).Value!.User!;
        Assert.Equal(
            (begun.User.Id, Jane, "jane", false, """{"cart":[1,2]}"""),
            (user.Id, user.Email, user.ChosenUserName, user.IsAnonymous, user.Profile)
        );
        Assert.Null(await Auth.DeathOfAsync(begun.Session));
        Assert.Equal(begun.User.Id, (await Auth.SignInAsync(Jane)).UserId);
        Assert.Equal(begun.User.Id, (await Auth.SignInAsync("jane")).UserId);
        await Auth.DeliverAsync();
        Assert.Equal(["Confirm your e-mail address"], Auth.SubjectsTo(Jane));
        Assert.Contains(await Auth.AuditAsync(), e => e.Event == AuditEvent.Upgraded && e.UserId == user.Id);
    }

    [StoreFact]
    public async Task A_taken_address_or_name_changes_nothing()
    {
        await Auth.MemberAsync(Jane, username: "jane");
        var begun = await BeginAsync();
        Assert.Equal(AuthError.EmailTaken, (await UpgradeAsync(begun.Session)).Failure?.Error);
        Assert.Equal(AuthError.UsernameTaken, (await UpgradeAsync(begun.Session, null, "JANE")).Failure?.Error);
        var user = (await Auth.FindUserAsync(begun.User.Id))!;
        Assert.Equal((true, null, null), (user.IsAnonymous, user.Email, user.PasswordHash));
        Assert.Null((await UpgradeAsync(begun.Session, "other@example.net")).Failure);
    }

    [StoreFact]
    public async Task An_account_that_is_somebodys_is_not_upgraded_but_another_is_made()
    {
        var begun = await BeginAsync();
        await UpgradeAsync(begun.Session);
        var other = (await UpgradeAsync(begun.Session, "other@example.net")).Value!.User!;
        Assert.NotEqual(begun.User.Id, other.Id);
        Assert.Equal(Jane, (await Auth.FindUserAsync(begun.User.Id))!.Email);
    }

    [StoreFact]
    public async Task Of_many_upgrades_at_once_one_counts()
    {
        var begun = await BeginAsync();
        var results = await RaceAsync(6, i => UpgradeAsync(begun.Session, $"jane{i}@example.net"));
        var email = (await Auth.FindUserAsync(begun.User.Id))!.Email;
        // Those that came after the first saw an account that is somebody's, and made one of their own.
        Assert.Single(results, r => r.Value?.User is { } user && user.Id == begun.User.Id && user.Email == email);
        Assert.Single(results, r => r.Value?.User?.Id == begun.User.Id);
    }

    [StoreFact]
    public async Task Many_that_want_one_address_at_once_leave_it_to_one()
    {
        var begun = new List<SignInOutcome.SignedIn>();
        for (var i = 0; i < 6; i++)
            begun.Add(await BeginAsync());
        var results = await RaceAsync(begun.Count, i => UpgradeAsync(begun[i].Session));
        Assert.Single(results, r => r.Failure is null);
        Assert.All(
            results.Where(r => r.Failure is not null),
            r => Assert.Equal(AuthError.EmailTaken, r.Failure!.Error)
        );
    }

    [StoreFact]
    public async Task Where_taken_addresses_are_hidden_both_answers_are_alike_and_the_address_counts_when_it_confirms()
    {
        await Auth.RestartAsync(("SignIn:RequireVerifiedEmail", "true"));
        await Auth.Use(
            (Register flow) => flow.CreateAsync(Auth.Caller, new("john@example.net", null, OtherPassword), default)
        );
        await Auth.DeliverAsync();
        await Auth.Use(
            (VerifyEmail flow) =>
                flow.ConfirmAsync(Auth.Caller, LinkTokenIn(Auth.LastEmailTo("john@example.net")), default)
        );
        var begun = await BeginAsync();
        Assert.Null((await UpgradeAsync(begun.Session, "john@example.net")).Value!.User);
        Assert.Null((await UpgradeAsync(begun.Session)).Value!.User);
        Assert.True((await Auth.FindUserAsync(begun.User.Id))!.IsAnonymous);
        await Auth.DeliverAsync();
        Assert.Equal("You already have an account", Auth.SubjectsTo("john@example.net")[^1]);
        var link = LinkTokenIn(Auth.LastEmailTo(Jane));
        Assert.Null(
            (await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.In(begun.Session), link, default))).Failure
        );
        Assert.Equal(begun.User.Id, (await Auth.SignInAsync(Jane)).UserId);
        Assert.False((await Auth.FindUserAsync(begun.User.Id))!.IsAnonymous);
    }

    [StoreTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Where_taken_addresses_are_hidden_sessions_and_keys_outlive_the_confirmation_only_of_who_is_signed_in(
        bool signedIn
    )
    {
        await Auth.RestartAsync(("SignIn:RequireVerifiedEmail", "true"));
        var begun = await BeginAsync();
        var key = await KeyOfAsync(begun.Session);
        await UpgradeAsync(begun.Session);
        await Auth.DeliverAsync();
        var caller = signedIn ? Auth.In(begun.Session) : Auth.Caller;
        Assert.Null(
            (
                await Auth.Use(
                    (ChangeEmail flow) => flow.ConfirmAsync(caller, LinkTokenIn(Auth.LastEmailTo(Jane)), default)
                )
            ).Failure
        );
        AuthError? death = signedIn ? null : AuthError.SessionRevoked;
        Assert.Equal((death, death), (await Auth.DeathOfAsync(begun.Session), await Auth.DeathOfAsync(key)));
    }

    [StoreFact]
    public async Task Where_taken_addresses_are_hidden_the_password_of_a_stranger_is_void_when_the_owner_of_the_address_confirms()
    {
        await Auth.RestartAsync(("SignIn:RequireVerifiedEmail", "true"));
        var begun = await BeginAsync();
        await UpgradeAsync(begun.Session);
        await Auth.DeliverAsync();
        var confirmed = await Auth.Use(
            (ChangeEmail flow) => flow.ConfirmAsync(Auth.Caller, LinkTokenIn(Auth.LastEmailTo(Jane)), default)
        );
        Assert.True(confirmed.Value!.PasswordVoid);
        Assert.Equal(AuthError.InvalidCredentials, (await Auth.TrySignInAsync(Jane)).Failure()?.Error);
        Assert.Null((await Auth.UserAsync(Jane)).PasswordHash);
        await Auth.DeliverAsync();
        var reset = LinkTokenIn(
            Auth.Mail.Sent.Last(m => m.To == Jane && m.Content.Subject == "BlazorAuth: Reset your password")
        );
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, reset, OtherPassword, default))).Failure
        );
        Assert.Equal(begun.User.Id, (await Auth.SignInAsync(Jane, OtherPassword)).UserId);
    }

    [StoreTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_first_address_that_a_stranger_asked_for_keeps_nothing_of_theirs(bool hasName)
    {
        // Without an address: by name, or never verified. The stranger then asks to move to somebody's address.
        var stranger = hasName
            ? await Auth.RegisterAsync(null, username: "stranger")
            : await Auth.RegisterAsync("throwaway@example.net");
        var session = await Auth.SignInAsync(hasName ? "stranger" : "throwaway@example.net");
        var link = await Auth.EmailChangeLinkAsync(session, Jane);
        Assert.True(
            (await Auth.Use((ChangeEmail flow) => flow.PreviewAsync(Auth.Caller, link, default))).Value!.PasswordVoid
        );
        Assert.True(
            (await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.Caller, link, default))).Value!.PasswordVoid
        );
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(session));
        Assert.Equal(AuthError.InvalidCredentials, (await Auth.TrySignInAsync(Jane)).Failure()?.Error);
        Assert.Equal((stranger.Id, null), ((await Auth.UserAsync(Jane)).Id, (await Auth.UserAsync(Jane)).PasswordHash));
    }

    [StoreFact]
    public async Task An_ended_session_or_an_api_key_upgrades_nothing()
    {
        var begun = await BeginAsync();
        var key = await KeyOfAsync(begun.Session);
        Assert.NotEqual(begun.User.Id, (await UpgradeAsync(key, "key@example.net")).Value!.User!.Id);
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, begun.Session.Id, default));
        Assert.Equal(AuthError.SessionRevoked, (await UpgradeAsync(begun.Session)).Failure?.Error);
    }
}
