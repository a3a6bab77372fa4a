using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.ExternalLogins;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.ExternalLogins;

public abstract class ExternalSignInTest(Store store = Store.Memory, params (string Key, string Value)[] settings)
    : AuthTest(store, [.. Configured("github", "GitHub"), .. Configured("work", "Work"), .. settings])
{
    protected const string Jane = "jane@example.net",
        John = "john@example.net";

    protected static (string Key, string Value)[] Configured(string name, string label) =>
        [
            ($"External:{name}:DisplayName", label),
            ($"External:{name}:ClientId", "id"),
            ($"External:{name}:ClientSecret", "secret"),
            ($"External:{name}:AuthorizationEndpoint", "https://provider.example/authorize"),
            ($"External:{name}:TokenEndpoint", "https://provider.example/token"),
            ($"External:{name}:UserInfoEndpoint", "https://provider.example/userinfo"),
        ];

    protected static SignInWithProvider.Identity Somebody(
        string subject = "u-1",
        string? email = Jane,
        bool verified = true,
        string? name = null,
        string provider = "github"
    ) => new(new(provider, subject), email, verified, name);

    protected Task<SignInOutcome> TryAsync(SignInWithProvider.Identity identity, string? device = null) =>
        Auth.Use((SignInWithProvider flow) => flow.SignInAsync(Auth.Caller, identity, device, default));

    protected async Task<SignInOutcome.SignedIn> InAsync(SignInWithProvider.Identity identity) =>
        Assert.IsType<SignInOutcome.SignedIn>(await TryAsync(identity));

    protected async Task<AuthError> RefusedAsync(SignInWithProvider.Identity identity) =>
        Assert.IsType<SignInOutcome.Refused>(await TryAsync(identity)).Failure.Error;

    protected Task<Result> LinkAsync(
        Session session,
        SignInWithProvider.Identity identity,
        SignInWithProvider.LinkRequest? asked = null
    ) =>
        Auth.Use(
            (SignInWithProvider flow) =>
                flow.LinkAsync(Auth.In(session), identity, asked ?? new(session.UserId, session.Id), default)
        );

    protected Task<Result> UnlinkAsync(Session session, string provider = "github") =>
        Auth.Use((SignInWithProvider flow) => flow.UnlinkAsync(Auth.In(session), provider, default));

    protected Task<List<string>> LinksAsync() =>
        Auth.Use(
            (AuthDbContext db) =>
                db
                    .UserLogins.OrderBy(l => l.LoginProvider)
                    .ThenBy(l => l.ProviderKey)
                    .Select(l => $"{l.LoginProvider} {l.ProviderKey} {l.UserId}")
                    .ToListAsync()
        );

    protected Task<List<AuthUser>> UsersAsync() =>
        Auth.Use((AuthDbContext db) => db.Users.AsNoTracking().ToListAsync());
}

public sealed class SignInWithProviderTests() : ExternalSignInTest()
{
    [Fact]
    public async Task A_new_somebody_with_a_verified_address_gets_an_account_without_a_password()
    {
        var made = await InAsync(Somebody(name: " Jane Doe "));
        var user = Assert.Single(await UsersAsync());
        Assert.Equal(
            (made.User.Id, Jane, Jane, true, null, "Jane Doe", null),
            (
                user.Id,
                user.Email,
                user.NormalizedEmail,
                user.EmailConfirmed,
                user.PasswordHash,
                user.DisplayName,
                user.ChosenUserName
            )
        );
        Assert.Equal(("fed", SessionKind.Browser), (made.Session.Methods, made.Session.Kind));
        Assert.Equal([$"github u-1 {user.Id}"], await LinksAsync());
        await Auth.DeliverAsync();
        Assert.Empty(Auth.Mail.Sent);
    }

    [Fact]
    public async Task Who_is_linked_is_signed_in_whatever_the_provider_says_of_the_address()
    {
        var first = await InAsync(Somebody());
        await Auth.MemberAsync(John);
        foreach (
            var again in new[] { Somebody(email: John), Somebody(email: null), Somebody(email: Jane, verified: false) }
        )
            Assert.Equal(first.User.Id, (await InAsync(again)).User.Id);
        Assert.Equal(2, (await UsersAsync()).Count);
    }

    [Fact]
    public async Task Subjects_are_told_apart_by_every_character_and_by_provider()
    {
        var one = await InAsync(Somebody("abc", null));
        string[] ids =
        [
            one.User.Id,
            (await InAsync(Somebody("ABC", null))).User.Id,
            (await InAsync(Somebody("abc", null, provider: "work"))).User.Id,
            (await InAsync(Somebody("abc ", null))).User.Id,
        ];
        Assert.Equal(4, ids.Distinct().Count());
    }

    [Fact]
    public async Task A_subject_longer_than_the_column_is_known_again_and_never_taken_for_another()
    {
        var (longest, other) = (new string('x', 255), new string('x', 254) + "y");
        var first = await InAsync(Somebody(longest, null));
        Assert.Equal(first.User.Id, (await InAsync(Somebody(longest, null))).User.Id);
        Assert.NotEqual(first.User.Id, (await InAsync(Somebody(other, null))).User.Id);
        var stored = (await LinksAsync())[0].Split(' ')[1];
        Assert.NotEqual(first.User.Id, (await InAsync(Somebody(stored, null))).User.Id);
    }

    [Fact]
    public async Task An_address_verified_on_both_sides_links_and_is_told()
    {
        var jane = await Auth.MemberAsync(Jane);
        Assert.Equal(jane.Id, (await InAsync(Somebody(email: "JANE@example.net"))).User.Id);
        Assert.Equal([$"github u-1 {jane.Id}"], await LinksAsync());
        Assert.Contains(await Auth.AuditAsync(), e => e.Event == AuditEvent.ProviderLinked && e.UserId == jane.Id);
        var letter = await Auth.Use(
            (AuthDbContext db) => db.Outbox.SingleAsync(l => l.Kind == Core.Messaging.Email.EmailKind.ProviderLinked)
        );
        Assert.Equal(
            (Jane, jane.Id, "GitHub", """{"kind":"provider-linked","provider":"github","key":"u-1"}"""),
            (letter.To, letter.UserId, letter.Detail, letter.State)
        );
        await Auth.DeliverAsync();
        Assert.Contains("A sign-in provider was linked", Auth.SubjectsTo(Jane));
        await Auth.SignInAsync(Jane); // the password stays
    }

    [Fact]
    public async Task An_address_that_the_provider_gave_to_somebody_new_does_not_take_the_account_along()
    {
        await InAsync(Somebody("old"));
        Assert.Equal(AuthError.EmailTaken, await RefusedAsync(Somebody("new")));
        Assert.Single(await LinksAsync());
    }

    [Fact]
    public async Task An_address_that_was_never_verified_here_is_its_owners_and_what_was_set_is_void()
    {
        var user = await Auth.RegisterAsync(Jane, username: "evil");
        var (strangers, pair) = (await Auth.SignInAsync(Jane), await Auth.ApiPairAsync(Jane));
        await Auth.AuthenticatorAsync(user);
        strangers.FactorAt = Auth.Clock.Now; // the stranger proved the app that they set
        Assert.Null((await LinkAsync(strangers, Somebody("evil", null, provider: "work"))).Failure);
        var change = await Auth.EmailChangeLinkAsync(strangers, "evil@example.net");

        var own = await InAsync(Somebody());
        var now = await Auth.UserAsync(Jane);
        Assert.Equal((user.Id, true, null, null), (now.Id, now.EmailConfirmed, now.PasswordHash, now.ChosenUserName));
        Assert.Equal([$"github u-1 {user.Id}"], await LinksAsync());
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(strangers));
        Assert.NotNull((await Auth.RefreshAsync(pair.RefreshToken)).Failure);
        Assert.NotNull((await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.Caller, change, default))).Failure);
        Assert.Equal(
            AuthError.InvalidCredentials,
            Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(Jane)).Failure.Error
        );
        Assert.NotEqual(user.Id, (await InAsync(Somebody("evil", null, provider: "work"))).User.Id);
        Assert.Null(await Auth.DeathOfAsync(own.Session));
    }

    [Fact]
    public async Task An_address_that_the_provider_has_not_verified_never_links()
    {
        var jane = await Auth.MemberAsync(Jane);
        Assert.Equal(AuthError.EmailTaken, await RefusedAsync(Somebody(verified: false)));
        Assert.Empty(await LinksAsync());
        Assert.Equal(jane.ConcurrencyStamp, (await Auth.UserAsync(Jane)).ConcurrencyStamp);
    }

    [Fact]
    public async Task An_address_that_nobody_has_verified_contests_who_signed_up_first()
    {
        await Auth.RegisterAsync(Jane);
        Assert.Equal(AuthError.EmailTaken, await RefusedAsync(Somebody(verified: false)));
        Assert.NotNull((await Auth.UserAsync(Jane)).ContestedAt);
    }

    [Fact]
    public async Task A_new_somebody_with_an_unverified_address_gets_an_account_and_a_email()
    {
        var made = await InAsync(Somebody(verified: false));
        Assert.False((await Auth.UserAsync(Jane)).EmailConfirmed);
        await Auth.DeliverAsync();
        Assert.Null(
            (
                await Auth.Use(
                    (VerifyEmail flow) => flow.ConfirmAsync(Auth.Caller, LinkTokenIn(Auth.LastEmailTo(Jane)), default)
                )
            ).Failure
        );
        Assert.Equal(made.User.Id, (await InAsync(Somebody(verified: false))).User.Id);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("nobody")]
    [InlineData("a@b@c.example")]
    [InlineData("a\r\nBcc: x@example.net")]
    public async Task Without_an_address_of_ours_there_is_an_account_without_one(string? email)
    {
        await InAsync(Somebody(email: email));
        Assert.Null(Assert.Single(await UsersAsync()).Email);
    }

    [Theory]
    [InlineData("a\0b")]
    [InlineData("  ")]
    [InlineData("long")]
    public async Task A_name_that_is_none_is_left_out(string name)
    {
        await InAsync(Somebody(name: name == "long" ? new string('x', 201) : name));
        Assert.Null(Assert.Single(await UsersAsync()).DisplayName);
    }

    [Fact]
    public async Task A_locked_account_is_refused_linked_or_not_and_nothing_is_linked_or_void()
    {
        var jane = await Auth.RegisterAsync(Jane);
        await Auth.ChangeUserAsync(jane.Id, user => user.LockedAt = Auth.Clock.Now);
        Assert.Equal(AuthError.AccountLocked, await RefusedAsync(Somebody()));
        Assert.Empty(await LinksAsync());
        Assert.NotNull((await Auth.UserAsync(Jane)).PasswordHash);
        Assert.False((await Auth.UserAsync(Jane)).EmailConfirmed);
    }

    [Fact]
    public async Task The_second_factor_is_asked_for_and_only_then_the_account_is_linked()
    {
        var jane = await Auth.MemberAsync(Jane);
        var app = await Auth.AuthenticatorAsync(jane);
        var due = Assert.IsType<SignInOutcome.NeedsSecondFactor>(await TryAsync(Somebody()));
        Assert.Empty(await LinksAsync());
        var given = await Auth.Use(
            (VerifySecondFactor flow) => flow.VerifyAsync(Auth.Caller, new(due.Ticket, Auth.CodeOf(app), null), default)
        );
        Assert.Equal("fed otp mfa", Assert.IsType<SignInOutcome.SignedIn>(given.Outcome).Session.Methods);
        Assert.Equal([$"github u-1 {jane.Id}"], await LinksAsync());
        Assert.IsType<SignInOutcome.NeedsSecondFactor>(await TryAsync(Somebody())); // linked by now, and asked again
    }

    [Fact]
    public async Task A_ticket_does_not_link_what_was_linked_elsewhere_meanwhile()
    {
        var app = await Auth.AuthenticatorAsync(await Auth.MemberAsync(Jane));
        var due = Assert.IsType<SignInOutcome.NeedsSecondFactor>(await TryAsync(Somebody()));
        await Auth.MemberAsync(John);
        Assert.Null((await LinkAsync(await Auth.SignInAsync(John), Somebody())).Failure);
        var given = await Auth.Use(
            (VerifySecondFactor flow) => flow.VerifyAsync(Auth.Caller, new(due.Ticket, Auth.CodeOf(app), null), default)
        );
        Assert.Equal(AuthError.Conflict, Assert.IsType<SignInOutcome.Refused>(given.Outcome).Failure.Error);
        Assert.Single(await LinksAsync());
    }

    [Fact]
    public async Task Linking_needs_a_recent_proof_and_is_told()
    {
        var session = await SessionAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        Assert.Equal(
            AuthError.StepUpRequired,
            (await Auth.Use((SignInWithProvider flow) => flow.AskToLinkAsync(Auth.In(session), default))).Failure?.Error
        );
        Assert.Equal(AuthError.StepUpRequired, (await LinkAsync(session, Somebody("u-9", John))).Failure?.Error);
        var fresh = await Auth.SignInAsync(Jane);
        Assert.Null(
            (await Auth.Use((SignInWithProvider flow) => flow.AskToLinkAsync(Auth.In(fresh), default))).Failure
        );
        // another address: its owner is signed in on both sides
        Assert.Null((await LinkAsync(fresh, Somebody("u-9", John))).Failure);
        Assert.Null((await LinkAsync(fresh, Somebody("u-9", John))).Failure); // twice is no fault
        Assert.Equal(fresh.UserId, (await InAsync(Somebody("u-9", null))).User.Id);
        await Auth.DeliverAsync();
        Assert.Single(Auth.SubjectsTo(Jane), "A sign-in provider was linked");
        Assert.Equal(
            ["github GitHub"],
            (await Auth.Use((SignInWithProvider flow) => flow.ListAsync(Auth.In(fresh), default))).Select(l =>
                $"{l.Provider} {l.Label}"
            )
        );
    }

    [Fact]
    public async Task Only_who_went_comes_back_and_only_in_the_same_session()
    {
        var session = await SessionAsync();
        var (other, again) = (await SessionAsync(John), await Auth.SignInAsync(Jane));
        foreach (
            var (who, asked) in new (Session, SignInWithProvider.LinkRequest)[]
            {
                (other, new(session.UserId, session.Id)),
                (again, new(session.UserId, session.Id)),
                (session, new(other.UserId, session.Id)),
                (session, new(null, null)),
            }
        )
        {
            Assert.Equal(AuthError.SessionRevoked, (await LinkAsync(who, Somebody(), asked)).Failure?.Error);
            Assert.Equal(
                AuthError.SessionRevoked,
                (
                    await Auth.Use(
                        (SignInWithProvider flow) => flow.StepUpAsync(Auth.In(who), Somebody(), asked, null, default)
                    )
                )
                    .Failure
                    ?.Error
            );
        }
        Assert.Equal(
            AuthError.SessionRevoked,
            (
                await Auth.Use(
                    (SignInWithProvider flow) => flow.LinkAsync(Auth.Caller, Somebody(), new(null, null), default)
                )
            )
                .Failure
                ?.Error
        );
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.In(session), session.Id, default));
        Assert.Equal(AuthError.SessionRevoked, (await LinkAsync(session, Somebody())).Failure?.Error);
        Assert.Empty(await LinksAsync());
    }

    [Fact]
    public async Task Somebody_elses_link_is_refused_and_so_is_a_second_one_of_a_provider()
    {
        var (jane, john) = (await SessionAsync(), await SessionAsync(John));
        Assert.Null((await LinkAsync(jane, Somebody("u-1"))).Failure);
        Assert.Equal(
            [new("provider", FieldErrorCode.Taken)],
            (await LinkAsync(john, Somebody("u-1"))).Failure!.FieldErrors
        );
        Assert.Equal(
            [new("provider", FieldErrorCode.Alone)],
            (await LinkAsync(jane, Somebody("u-2"))).Failure!.FieldErrors
        );
        Assert.Single(await LinksAsync());
    }

    [Fact]
    public async Task Unlinking_ends_the_other_sessions_tickets_and_remembered_browsers_and_is_told()
    {
        var app = await Auth.AuthenticatorAsync((await InAsync(Somebody())).User);
        await SetPasswordAsync();
        var due = Assert.IsType<SignInOutcome.NeedsSecondFactor>(await TryAsync(Somebody()));
        var given = await Auth.Use(
            (VerifySecondFactor flow) =>
                flow.VerifyAsync(Auth.Caller, new(due.Ticket, Auth.CodeOf(app), null, Remember: true), default)
        );
        var (other, device) = (Assert.IsType<SignInOutcome.SignedIn>(given.Outcome).Session, given.TrustedDevice);
        var here = Assert.IsType<SignInOutcome.SignedIn>(await TryAsync(Somebody(), device)).Session;
        var ticket = Assert.IsType<SignInOutcome.NeedsSecondFactor>(await TryAsync(Somebody())).Ticket;

        // a remembered browser is no proof by a factor
        Assert.Equal(AuthError.StepUpRequired, (await UnlinkAsync(here)).Failure?.Error);
        here.FactorAt = Auth.Clock.Now;
        Assert.Null((await UnlinkAsync(here)).Failure);
        Assert.Empty(await LinksAsync());
        Assert.Equal((null, AuthError.SessionRevoked), (await Auth.DeathOfAsync(here), await Auth.DeathOfAsync(other)));
        Assert.Null(await Auth.Use((VerifySecondFactor flow) => flow.PreviewAsync(Auth.Caller, ticket, default)));
        Assert.Empty(await Auth.Use((AuthDbContext db) => db.TrustedDevices.ToListAsync()));
        await Auth.DeliverAsync();
        Assert.Contains("A sign-in provider was unlinked", Auth.SubjectsTo(Jane));
        Assert.Contains(await Auth.AuditAsync(), e => e.Event == AuditEvent.ProviderUnlinked);
        Assert.Equal(AuthError.NotFound, (await UnlinkAsync(here)).Failure?.Error);
    }

    [Fact]
    public async Task Both_notices_take_back_what_they_tell_of()
    {
        var session = await SessionAsync();
        Assert.Null((await LinkAsync(session, Somebody())).Failure);
        await RevertAsync("A sign-in provider was linked");
        Assert.Empty(await LinksAsync());
        Assert.NotNull(await Auth.DeathOfAsync(session));

        var again = (await InAsync(Somebody())).Session; // by the address, which is verified on both sides
        await SetPasswordAsync();
        Assert.Null((await UnlinkAsync((await InAsync(Somebody())).Session)).Failure);
        await RevertAsync("A sign-in provider was unlinked");
        Assert.Equal([$"github u-1 {again.UserId}"], await LinksAsync());
        Assert.Equal(
            ["github GitHub u-1"],
            (await Auth.Use((SignInWithProvider flow) => flow.ListAsync(Auth.In(again), default))).Select(l =>
                $"{l.Provider} {l.Label} {l.Key}"
            )
        );
    }

    private async Task RevertAsync(string notice)
    {
        await Auth.DeliverAsync();
        var letter = Auth.Mail.Sent.Last(mail => mail.Content.Subject.EndsWith(notice, StringComparison.Ordinal));
        Assert.Null(
            (await Auth.Use((RevertChange flow) => flow.RevertAsync(Auth.Caller, LinkTokenIn(letter), default))).Failure
        );
    }

    [Fact]
    public async Task The_last_way_in_stays()
    {
        var session = (await InAsync(Somebody())).Session;
        Assert.Equal([new("provider", FieldErrorCode.LastWayIn)], (await UnlinkAsync(session)).Failure!.FieldErrors);
        Assert.Null((await LinkAsync(session, Somebody(provider: "work"))).Failure);
        Assert.Null((await UnlinkAsync(session)).Failure);
        Assert.Equal(
            [new("provider", FieldErrorCode.LastWayIn)],
            (await UnlinkAsync(session, "work")).Failure!.FieldErrors
        );
    }

    [Fact]
    public async Task A_provider_that_the_settings_have_no_more_is_no_way_in()
    {
        var session = (await InAsync(Somebody())).Session;
        Assert.Null((await LinkAsync(session, Somebody(provider: "work"))).Failure);
        await Auth.Use(
            (AuthDbContext db) =>
                db
                    .UserLogins.Where(l => l.LoginProvider == "work")
                    .ExecuteUpdateAsync(set => set.SetProperty(l => l.ProviderDisplayName, "Gone"))
        );
        ((IServiceProvider)Auth.Services)
            .GetRequiredService<Microsoft.Extensions.Options.IOptions<AuthOptions>>()
            .Value.External.Remove("work");
        Assert.Equal(
            ["github GitHub", "work Gone"],
            (await Auth.Use((SignInWithProvider flow) => flow.ListAsync(Auth.In(session), default))).Select(l =>
                $"{l.Provider} {l.Label}"
            )
        );
        Assert.Equal([new("provider", FieldErrorCode.LastWayIn)], (await UnlinkAsync(session)).Failure!.FieldErrors);
        Assert.Null((await UnlinkAsync(session, "work")).Failure);
    }

    [Fact]
    public async Task Unlinking_needs_a_recent_proof()
    {
        var session = (await InAsync(Somebody())).Session;
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        Assert.Equal(AuthError.StepUpRequired, (await UnlinkAsync(session)).Failure?.Error);
    }

    [Fact]
    public async Task Who_has_nothing_else_proves_again_who_they_are_by_the_provider()
    {
        var session = (await InAsync(Somebody())).Session;
        Auth.Clock.Move(TimeSpan.FromMinutes(20));
        Assert.Equal(
            AuthError.InvalidCredentials,
            (await ReauthenticateAsync(session, Somebody("another"))).Failure?.Error
        );
        Assert.Equal(
            AuthError.InvalidCredentials,
            (await ReauthenticateAsync(session, Somebody("u-1", provider: "work"))).Failure?.Error
        );
        var renewed = (await ReauthenticateAsync(session, Somebody(email: null))).Value!;
        Assert.Equal(
            (Auth.Clock.Now, AuthError.AccessTokenExpired),
            (renewed.AuthenticatedAt, await Auth.DeathOfAsync(session))
        );
        var changed = await Auth.Use(
            (ChangePassword flow) =>
                flow.ChangeAsync(Auth.In(renewed), new Reauthentication.RecentOnly(), Password, default)
        );
        // there is a password now
        Assert.Equal(AuthError.Forbidden, (await ReauthenticateAsync(changed.Value!, Somebody())).Failure?.Error);
    }

    [Fact]
    public async Task Sign_up_is_counted_by_network()
    {
        await using var few = await StartAsync(
            Store.Memory,
            [.. Configured("github", "GitHub"), ("Throttle:SignUpPerAddress", "1")]
        );
        Task<SignInOutcome> Try(string subject) =>
            few.Use((SignInWithProvider flow) => flow.SignInAsync(few.Caller, Somebody(subject, null), null, default));
        Assert.IsType<SignInOutcome.SignedIn>(await Try("a"));
        Assert.Equal(AuthError.RateLimited, Assert.IsType<SignInOutcome.Refused>(await Try("b")).Failure.Error);
        Assert.IsType<SignInOutcome.SignedIn>(await Try("a"));
    }

    [Fact]
    public async Task Where_sign_up_is_closed_only_accounts_that_are_there_are_opened()
    {
        await using var closed = await StartAsync(
            Store.Memory,
            [.. Configured("github", "GitHub"), ("SignUp:Enabled", "false")]
        );
        var outcome = await closed.Use(
            (SignInWithProvider flow) => flow.SignInAsync(closed.Caller, Somebody(), null, default)
        );
        Assert.Equal(AuthError.SignUpDisabled, Assert.IsType<SignInOutcome.Refused>(outcome).Failure.Error);
    }

    private async Task<Session> SessionAsync(string email = Jane)
    {
        await Auth.MemberAsync(email);
        return await Auth.SignInAsync(email);
    }

    private async Task SetPasswordAsync()
    {
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, Password, default))).Failure
        );
    }

    private Task<Result<Session>> ReauthenticateAsync(Session session, SignInWithProvider.Identity identity) =>
        Auth.Use(
            (SignInWithProvider flow) =>
                flow.StepUpAsync(
                    Auth.In(session),
                    identity,
                    new(session.UserId, session.Id),
                    SensitiveAct.ChangePassword,
                    default
                )
        );
}

/// <summary>Where sign-up hides whether an address is taken.</summary>
public sealed class ExternalSignInPrivatelyTests()
    : ExternalSignInTest(Store.Memory, ("SignIn:RequireVerifiedEmail", "true"))
{
    [Fact]
    public async Task A_verified_address_signs_up_and_in()
    {
        await InAsync(Somebody());
        Assert.True((await Auth.UserAsync(Jane)).EmailConfirmed);
    }

    [Fact]
    public async Task Free_own_and_taken_are_one_answer_and_only_the_mailbox_learns_which()
    {
        await Auth.MemberAsync(John);
        foreach (var turn in new[] { 1, 2 })
        {
            Assert.Equal(
                (turn, AuthError.EmailNotVerified),
                (turn, await RefusedAsync(Somebody("free", Jane, verified: false)))
            );
            Assert.Equal(
                (turn, AuthError.EmailNotVerified),
                (turn, await RefusedAsync(Somebody("taken", John, verified: false)))
            );
        }
        await Auth.DeliverAsync();
        Assert.Equal(["Confirm your e-mail address", "Confirm your e-mail address"], Auth.SubjectsTo(Jane));
        Assert.Equal(["You already have an account", "You already have an account"], Auth.SubjectsTo(John).Skip(1));
        Assert.Equal(2, (await UsersAsync()).Count);
        Assert.Single(await LinksAsync());

        Assert.Null(
            (
                await Auth.Use(
                    (VerifyEmail flow) => flow.ConfirmAsync(Auth.Caller, LinkTokenIn(Auth.LastEmailTo(Jane)), default)
                )
            ).Failure
        );
        await InAsync(Somebody("free", Jane, verified: false));
    }

    [Fact]
    public async Task A_provider_that_has_verified_by_now_opens_the_account_that_waited()
    {
        Assert.Equal(AuthError.EmailNotVerified, await RefusedAsync(Somebody(verified: false)));
        await InAsync(Somebody());
        Assert.Single(await LinksAsync());
        Assert.True(Assert.Single(await UsersAsync()).EmailConfirmed);
    }

    [Fact]
    public async Task Without_an_address_there_is_no_account() =>
        Assert.Equal(AuthError.ValidationFailed, await RefusedAsync(Somebody(email: null)));
}

/// <summary>Of any number at once one account and one link come to be, and everybody is signed in.</summary>
public abstract class ExternalSignInRaces(Store store) : ExternalSignInTest(store)
{
    public sealed class OnSqlite() : ExternalSignInRaces(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : ExternalSignInRaces(Store.Postgres);

    private const int Racers = 20;

    [StoreTheory]
    [InlineData("verified")]
    [InlineData("unverified")]
    [InlineData("none")]
    public async Task Twenty_sign_ups(string address)
    {
        var somebody = Somebody(email: address == "none" ? null : Jane, verified: address == "verified");
        var outcomes = await RaceAsync(Racers, _ => TryAsync(somebody));
        Assert.All(outcomes, outcome => Assert.IsType<SignInOutcome.SignedIn>(outcome));
        Assert.Null(Assert.Single(await UsersAsync()).ContestedAt);
        Assert.Single(await LinksAsync());
    }

    [StoreTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Twenty_of_one_who_has_an_account(bool verified)
    {
        var jane = verified ? await Auth.MemberAsync(Jane) : await Auth.RegisterAsync(Jane);
        var outcomes = await RaceAsync(Racers, _ => TryAsync(Somebody()));
        var sessions = outcomes.Select(outcome => Assert.IsType<SignInOutcome.SignedIn>(outcome).Session).ToList();
        foreach (var session in sessions)
            Assert.Null(await Auth.DeathOfAsync(session));
        Assert.Equal([$"github u-1 {jane.Id}"], await LinksAsync());
        Assert.Single(await Auth.AuditAsync(), e => e.Event == AuditEvent.ProviderLinked);
    }

    [StoreFact]
    public async Task Two_accounts_that_link_the_same_somebody()
    {
        await Auth.MemberAsync(Jane);
        await Auth.MemberAsync(John);
        Session[] two = [await Auth.SignInAsync(Jane), await Auth.SignInAsync(John)];
        var outcomes = await RaceAsync(Racers, i => LinkAsync(two[i % 2], Somebody()));
        Assert.Equal(Racers / 2, outcomes.Count(o => o.Ok));
        Assert.All(
            outcomes.Where(o => !o.Ok),
            o => Assert.Equal([new("provider", FieldErrorCode.Taken)], o.Failure!.FieldErrors)
        );
        Assert.Single(await LinksAsync());
    }

    [StoreFact]
    public async Task Two_ways_in_that_are_removed_at_once_leave_one()
    {
        var session = (await InAsync(Somebody())).Session;
        Assert.Null((await LinkAsync(session, Somebody(provider: "work"))).Failure);
        var outcomes = await RaceAsync(2, i => UnlinkAsync(session, i == 0 ? "github" : "work"));
        Assert.Single(outcomes, o => o.Ok);
        Assert.Single(await LinksAsync());
    }
}
