using BlazorAuth.Core;
using BlazorAuth.Core.Administration;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Administration;

public abstract class ManageAccountsTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : ManageAccountsTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : ManageAccountsTests(Store.Postgres);

    private const string Jane = "jane@example.net",
        Root = "root@example.net";

    private async Task<Session> AdministratorAsync(string email = Root)
    {
        var user = await Auth.MemberAsync(email);
        await Auth.Use(
            async (AuthDbContext db) =>
            {
                db.UserRoles.Add(
                    new IdentityUserRole<string> { UserId = user.Id, RoleId = AuthDbContext.Administrator }
                );
                await db.SaveChangesAsync();
            }
        );
        var app = await Auth.AuthenticatorAsync(user);
        var given = await Auth.Use(
            async (VerifySecondFactor flow) =>
                await flow.VerifyAsync(Auth.Caller, new(await Auth.TicketAsync(email), app.Code(), null), default)
        );
        return Assert.IsType<SignInOutcome.SignedIn>(given.Outcome).Session;
    }

    [StoreFact]
    public async Task An_administrator_administers_with_two_factors_only()
    {
        var jane = await Auth.MemberAsync(Jane);
        var root = await Auth.MemberAsync(Root);
        await Auth.Use(
            async (AuthDbContext db) =>
            {
                db.UserRoles.Add(
                    new IdentityUserRole<string> { UserId = root.Id, RoleId = AuthDbContext.Administrator }
                );
                await db.SaveChangesAsync();
            }
        );
        var one = await Auth.SignInAsync(Root);
        Assert.Equal(AuthError.Forbidden, (await LockAsync(one, jane.Id)).Failure?.Error);
        var app = await Auth.AuthenticatorAsync(root);
        Assert.Equal(AuthError.StepUpRequired, (await LockAsync(one, jane.Id)).Failure?.Error);
        Assert.Equal(
            AuthError.StepUpRequired,
            (await Auth.Use((ManageAccounts flow) => flow.ListAsync(Auth.In(one), new(), default))).Failure?.Error
        );
        var two = (
            await Auth.Use(
                (Reauthenticate flow) =>
                    flow.ReauthenticateAsync(Auth.In(one), new Reauthentication.ByCode(app.Code()), default)
            )
        ).Value!;
        Assert.Null((await LockAsync(two, jane.Id)).Failure);
    }

    private Task<Result> LockAsync(Session by, string id, bool locked = true) =>
        Auth.Use((ManageAccounts flow) => flow.LockAsync(Auth.In(by), id, locked, default));

    private Task<Result> DeleteAsync(Session by, string id) =>
        Auth.Use((ManageAccounts flow) => flow.DeleteAsync(Auth.In(by), id, default));

    private Task<Result> MakeAsync(Session by, string id, bool administrator) =>
        Auth.Use((ManageAccounts flow) => flow.MakeAdministratorAsync(Auth.In(by), id, administrator, default));

    [StoreFact]
    public async Task A_role_changes_for_all_of_several_accounts_or_for_none()
    {
        var root = await AdministratorAsync();
        var (jane, john) = (await Auth.MemberAsync(Jane), await Auth.MemberAsync("john@example.net"));
        Task<Result> Make(bool administrator, params string[] ids) =>
            Auth.Use((ManageAccounts flow) => flow.MakeAdministratorsAsync(Auth.In(root), ids, administrator, default));
        Task<int> Administrators() => Auth.Use((AuthDbContext db) => db.UserRoles.CountAsync());

        Assert.Equal(
            AuthError.NotFound,
            (await Make(true, jane.Id, Guid.NewGuid().ToString(), john.Id)).Failure?.Error
        );
        Assert.Equal(AuthError.NotFound, (await Make(true, jane.Id, "nonsense")).Failure?.Error);
        Assert.Equal(1, await Administrators());
        Assert.Null((await Make(true, john.Id, jane.Id, john.Id)).Failure);
        Assert.Equal(3, await Administrators());
        // All three at once would leave nobody, though each of them alone may go.
        Assert.Equal(AuthError.Conflict, (await Make(false, jane.Id, john.Id, root.UserId)).Failure?.Error);
        Assert.Equal(3, await Administrators());
        Assert.Equal(2, (await Auth.AuditAsync()).Count(e => e.Event == AuditEvent.AdministratorMade));
        Assert.DoesNotContain(await Auth.AuditAsync(), e => e.Event == AuditEvent.AdministratorUnmade);
    }

    [StoreFact]
    public async Task Whoever_is_no_administrator_sees_and_changes_nothing()
    {
        var root = await AdministratorAsync();
        await Auth.MemberAsync(Jane);
        var jane = await Auth.SignInAsync(Jane);
        Assert.Equal(
            AuthError.Forbidden,
            (await Auth.Use((ManageAccounts flow) => flow.ListAsync(Auth.In(jane), new(), default))).Failure?.Error
        );
        Assert.Equal(
            AuthError.Forbidden,
            (await Auth.Use((ManageAccounts flow) => flow.ReadAsync(Auth.In(jane), root.UserId, default)))
                .Failure
                ?.Error
        );
        foreach (
            var outcome in new[]
            {
                await LockAsync(jane, root.UserId),
                await DeleteAsync(jane, root.UserId),
                await MakeAsync(jane, jane.UserId, true),
            }
        )
            Assert.Equal(AuthError.Forbidden, outcome.Failure?.Error);
        Assert.Equal(
            AuthError.Forbidden,
            (await Auth.Use((ManageAccounts flow) => flow.ListAsync(Auth.Caller, new(), default))).Failure?.Error
        );
    }

    [StoreFact]
    public async Task An_api_key_of_an_administrator_administers_nothing()
    {
        var root = await AdministratorAsync();
        var key = (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(root), new("ci"), default))).Value!.Session;
        Assert.Equal(
            AuthError.Forbidden,
            (await Auth.Use((ManageAccounts flow) => flow.ListAsync(Auth.In(key), new(), default))).Failure?.Error
        );
    }

    [StoreFact]
    public async Task Accounts_are_listed_the_newest_first_and_found_by_address_or_name()
    {
        var root = await AdministratorAsync();
        for (var i = 0; i < 3; i++)
            await Auth.RegisterAsync($"user{i}@example.net", username: $"user{i}");
        async Task<ManageAccounts.Page> ListAsync(ManageAccounts.Query query) =>
            (await Auth.Use((ManageAccounts flow) => flow.ListAsync(Auth.In(root), query, default))).Value!;
        static ManageAccounts.Query Is(AccountField field, string value) =>
            new(new AccountFilter.Compare(field, Comparison.Equal, value));
        var page = await ListAsync(new(Skip: 1, Take: 2));
        Assert.Equal(
            (4, "user1@example.net", "user0@example.net"),
            (page.Total, page.Accounts[0].Email, page.Accounts[1].Email)
        );
        Assert.Equal(
            "user2",
            Assert.Single((await ListAsync(Is(AccountField.Email, "USER2@example.net"))).Accounts).Username
        );
        Assert.Equal("user1", Assert.Single((await ListAsync(Is(AccountField.Username, "User1"))).Accounts).Username);
        Assert.Empty((await ListAsync(Is(AccountField.Email, "no address"))).Accounts);
    }

    [StoreFact]
    public async Task A_lock_ends_everything_and_tells_the_owner_and_is_undone()
    {
        var root = await AdministratorAsync();
        await Auth.MemberAsync(Jane);
        var (browser, pair) = (await Auth.SignInAsync(Jane), await Auth.ApiPairAsync(Jane));
        var key = (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(browser), new("ci"), default))).Value!;
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Null((await LockAsync(root, browser.UserId)).Failure);
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(browser));
        Assert.Equal(AuthError.SessionRevoked, (await Auth.RefreshAsync(pair.RefreshToken)).Failure?.Error);
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(key.Session));
        Assert.NotNull(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, OtherPassword, default))).Failure
        );
        Assert.Equal(
            AuthError.AccountLocked,
            Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync(Jane)).Failure.Error
        );
        await Auth.DeliverAsync();
        Assert.Equal("Your account was locked", Auth.SubjectsTo(Jane)[^1]);
        Assert.Null((await LockAsync(root, browser.UserId, locked: false)).Failure);
        await Auth.SignInAsync(Jane);
    }

    [StoreFact]
    public async Task A_deleted_account_is_gone_with_its_sessions()
    {
        var root = await AdministratorAsync();
        await Auth.MemberAsync(Jane);
        var jane = await Auth.SignInAsync(Jane);
        Assert.Null((await DeleteAsync(root, jane.UserId)).Failure);
        Assert.Null(await Auth.FindUserAsync(jane.UserId));
        Assert.Equal(
            ["AccountClosed"],
            await Auth.Use(
                (AuthDbContext db) => db.Outbox.Where(l => l.To == Jane).Select(l => l.Kind.ToString()).ToListAsync()
            )
        );
        Assert.False(await Auth.Use((AuthDbContext db) => db.OneTimeTokens.AnyAsync(t => t.Destination == Jane)));
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(jane));
        Assert.Equal(AuthError.NotFound, (await DeleteAsync(root, jane.UserId)).Failure?.Error);
        Assert.Equal(AuthError.NotFound, (await LockAsync(root, "\0")).Failure?.Error);
    }

    [StoreFact]
    public async Task A_change_needs_a_fresh_sign_in()
    {
        var root = await AdministratorAsync();
        await Auth.MemberAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        Assert.Equal(AuthError.StepUpRequired, (await LockAsync(root, (await Auth.UserAsync(Jane)).Id)).Failure?.Error);
        Assert.Null((await Auth.Use((ManageAccounts flow) => flow.ListAsync(Auth.In(root), new(), default))).Failure);
    }

    [StoreFact]
    public async Task The_last_administrator_stays_one_also_when_two_unmake_each_other()
    {
        var (one, two) = (await AdministratorAsync(), await AdministratorAsync("two@example.net"));
        var results = await RaceAsync(
            2,
            i => i == 0 ? MakeAsync(one, two.UserId, false) : MakeAsync(two, one.UserId, false)
        );
        Assert.Single(results, r => r.Failure is null);
        var last = results[0].Failure is null ? one : two;
        Assert.Equal(AuthError.Conflict, (await MakeAsync(last, last.UserId, false)).Failure?.Error);
        Assert.Equal(AuthError.Conflict, (await DeleteAsync(last, last.UserId)).Failure?.Error);
        Assert.Equal(AuthError.Conflict, (await LockAsync(last, last.UserId)).Failure?.Error);
    }
}
