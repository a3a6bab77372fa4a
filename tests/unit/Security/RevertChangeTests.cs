using System.Buffers.Text;
using System.Security.Cryptography;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Security;

public class RevertChangeTests : AuthTest
{
    private const string Jane = "jane@example.net",
        Evil = "evil@example.net",
        Evils = "three green bottles";

    private AuthUser user = null!;

    private async Task<Session> JaneAsync()
    {
        user = await Auth.MemberAsync(Jane);
        return await Auth.SignInAsync(Jane);
    }

    private string LinkIn(string subject, string to = Jane)
    {
        var mail = Auth.Mail.Sent.Last(m => m.To == to && m.Content.Subject == $"BlazorAuth: {subject}");
        Assert.Contains($"{Site}/undo?token=", mail.Content.Text, StringComparison.Ordinal);
        Assert.Contains("expires in 7 days", mail.Content.Text, StringComparison.Ordinal);
        return LinkTokenIn(mail);
    }

    /// <summary>
    /// Tells the account's address of an act, as the flow of the act does, and returns the link of the email.
    /// </summary>
    private async Task<string> TellAsync(EmailKind kind, RevertibleChange? act, string to = Jane)
    {
        Auth.Clock.Move(TimeSpan.FromSeconds(1));
        await Auth.Use(
            async (IServiceProvider services) =>
            {
                services.GetRequiredService<Outbox>().Enqueue(kind, to, Auth.Caller, user.Id, state: act?.ToJson());
                await services.GetRequiredService<AuthDbContext>().SaveChangesAsync();
            }
        );
        await Auth.DeliverAsync();
        Auth.Clock.Move(TimeSpan.FromSeconds(1));
        return LinkTokenIn(Auth.LastEmailTo(to));
    }

    private Task<Result<RevertChange.RevertPreview>> RevertAsync(string? link, Caller? caller = null) =>
        Auth.Use((RevertChange flow) => flow.RevertAsync(caller ?? Auth.Caller, link, default));

    private async Task<RevertChange.RevertPreview> DoneAsync(string link)
    {
        var outcome = await RevertAsync(link);
        Assert.Null(outcome.Failure);
        await Auth.DeliverAsync();
        return outcome.Value!;
    }

    private async Task MoveAsync(Session session, string to)
    {
        var link = await Auth.EmailChangeLinkAsync(session, to);
        Assert.Null((await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.In(session), link, default))).Failure);
        await Auth.DeliverAsync();
        Auth.Clock.Move(TimeSpan.FromSeconds(1));
    }

    private Task<byte[]> AddPasskeyAsync() =>
        Auth.Use(
            async (AuthDbContext db) =>
            {
                var id = RandomNumberGenerator.GetBytes(16);
                db.UserPasskeys.Add(
                    new()
                    {
                        UserId = user.Id,
                        CredentialId = id,
                        Data = Data("a key"),
                    }
                );
                await db.SaveChangesAsync();
                return id;
            }
        );

    private IdentityPasskeyData Data(string name) =>
        new()
        {
            PublicKey = [1, 2, 3],
            Name = name,
            CreatedAt = Auth.Clock.GetUtcNow(),
            SignCount = 7,
            Transports = ["usb"],
            AttestationObject = [4],
            ClientDataJson = [5],
        };

    private Task<List<IdentityUserPasskey<string>>> PasskeysAsync() =>
        Auth.Use((AuthDbContext db) => db.UserPasskeys.AsNoTracking().ToListAsync());

    private Task LinkProviderAsync(string key) =>
        Auth.Use(
            async (AuthDbContext db) =>
            {
                db.UserLogins.Add(
                    new()
                    {
                        UserId = user.Id,
                        LoginProvider = "acme",
                        ProviderKey = key,
                        ProviderDisplayName = "Acme",
                    }
                );
                await db.SaveChangesAsync();
            }
        );

    [Fact]
    public async Task A_changed_password_is_taken_back_everybody_is_out_and_the_owner_gets_a_reset_email()
    {
        var thief = await JaneAsync();
        var mine = await Auth.SignInAsync(Jane);
        var pair = await Auth.ApiPairAsync(Jane);
        Assert.Null(
            (
                await Auth.Use((ChangePassword flow) => flow.ChangeAsync(Auth.In(thief), Password, Evils, default))
            ).Failure
        );
        await Auth.DeliverAsync();
        var renewed = Auth.In(await CurrentAsync(thief));
        var key = (await Auth.Use((ApiKeys flow) => flow.MakeAsync(renewed, new("a key", null, null), default))).Value!;
        var plan = await DoneAsync(LinkIn("Your password was changed"));
        Assert.Equal(new RevertChange.RevertPreview(Jane, null, false, false), plan);
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(await CurrentAsync(thief)));
        foreach (var ended in new[] { mine, pair.Session, key.Session })
            Assert.NotNull(await Auth.DeathOfAsync(ended));
        foreach (var password in new[] { Password, Evils })
            Assert.Equal(AuthError.InvalidCredentials, (await Auth.TrySignInAsync(Jane, password)).Failure()?.Error);
        Assert.Equal("Reset your password", Auth.SubjectsTo(Jane)[^1]);
        Assert.Null(
            (
                await Auth.Use(
                    (ResetPassword flow) =>
                        flow.SetAsync(Auth.Caller, LinkTokenIn(Auth.LastEmailTo(Jane)), OtherPassword, default)
                )
            ).Failure
        );
        await Auth.SignInAsync(Jane, OtherPassword);
        Assert.Single(
            await Auth.AuditAsync(),
            e => e.Event == AuditEvent.Undone && e.UserId == user.Id && e.SessionId is null
        );
    }

    private Task<Session> CurrentAsync(Session session) =>
        Auth.Use((AuthDbContext db) => db.Sessions.AsNoTracking().SingleAsync(s => s.Id == session.Id));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_an_address_was_told_of_an_account_that_left_it_ends_when_its_new_owner_resets(bool sent)
    {
        var session = await JaneAsync();
        var notice = await TellAsync(EmailKind.NewSignIn, null);
        await MoveAsync(session, "moved@example.net");
        if (!sent)
            await Auth.Use(
                async (IServiceProvider services) =>
                {
                    services.GetRequiredService<Outbox>().Enqueue(EmailKind.NewSignIn, Jane, Auth.Caller, user.Id);
                    await services.GetRequiredService<AuthDbContext>().SaveChangesAsync();
                }
            );
        var mine = await TellAsync(EmailKind.NewSignIn, null, "moved@example.net");
        await Auth.MemberAsync(Jane, Evils); // the address is somebody else's now
        var letters = Auth.Mail.Sent.Count(m => m.Content.Text.Contains("/undo?token=", StringComparison.Ordinal));
        var reset = await Auth.ResetLinkAsync(Jane);
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, reset, OtherPassword, default))).Failure
        );
        await Auth.DeliverAsync();
        Assert.Equal(AuthError.LinkExpired, (await RevertAsync(notice)).Failure?.Error);
        Assert.Equal(
            letters + 1,
            Auth.Mail.Sent.Count(m => m.Content.Text.Contains("/undo?token=", StringComparison.Ordinal))
        ); // of the reset
        Assert.False((await DoneAsync(mine)).Moved);
    }

    [Fact]
    public async Task What_an_account_was_told_before_a_reset_of_its_own_stays_good()
    {
        await JaneAsync();
        var notice = await TellAsync(EmailKind.NewSignIn, null);
        var reset = await Auth.ResetLinkAsync(Jane);
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, reset, OtherPassword, default))).Failure
        );
        await DoneAsync(notice);
    }

    [Fact]
    public async Task Looking_changes_nothing_and_tells_what_would_be_done()
    {
        await JaneAsync();
        var link = await TellAsync(EmailKind.RecoveryCodesMade, null);
        for (var i = 0; i < 3; i++)
            Assert.Equal(
                new RevertChange.RevertPreview(Jane, new RevertibleChange.RecoveryCodesMade(), false, false),
                (await Auth.Use((RevertChange flow) => flow.PreviewAsync(Auth.Caller, link, default))).Value
            );
        await Auth.SignInAsync(Jane);
        await DoneAsync(link);
    }

    [Fact]
    public async Task A_link_works_once_also_after_a_restart_and_for_seven_days()
    {
        await JaneAsync();
        var (first, second) = (await TellAsync(EmailKind.NewSignIn, null), await TellAsync(EmailKind.NewSignIn, null));
        await DoneAsync(first);
        await Auth.RestartAsync();
        Assert.Equal(AuthError.LinkUsed, (await RevertAsync(first)).Failure?.Error);
        Auth.Clock.Move(TimeSpan.FromDays(7));
        Assert.Equal(AuthError.LinkExpired, (await RevertAsync(second)).Failure?.Error);
        Assert.Equal(AuthError.LinkInvalid, (await RevertAsync("nonsense")).Failure?.Error);
        Assert.Equal(
            AuthError.LinkInvalid,
            (await Auth.Use((RevertChange flow) => flow.PreviewAsync(Auth.Caller, null, default))).Failure?.Error
        );
    }

    [Fact]
    public async Task An_email_that_had_to_be_sent_twice_takes_back_once()
    {
        await JaneAsync();
        var links = new List<string>();
        Auth.Mail.Before(mail =>
        {
            links.Add(LinkTokenIn(mail));
            return links.Count == 1 ? throw new IOException() : Task.CompletedTask;
        });
        await Auth.Use(
            async (IServiceProvider services) =>
            {
                services.GetRequiredService<Outbox>().Enqueue(EmailKind.NewSignIn, Jane, Auth.Caller, user.Id);
                await services.GetRequiredService<AuthDbContext>().SaveChangesAsync();
            }
        );
        await Auth.DeliverAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(5));
        await Auth.DeliverAsync();
        Assert.Equal(2, links.Count);
        await DoneAsync(links[0]); // the server had taken it over after all
        Assert.Equal(AuthError.LinkExpired, (await RevertAsync(links[1])).Failure?.Error);
    }

    [Fact]
    public async Task A_change_of_address_that_was_asked_for_is_stopped()
    {
        var session = await JaneAsync();
        var move = await Auth.EmailChangeLinkAsync(session, Evil);
        Assert.IsType<RevertibleChange.EmailChangeAsked>(
            (await DoneAsync(LinkIn("A new e-mail address was asked for"))).Act
        );
        Assert.Equal(
            AuthError.LinkExpired,
            (await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.Caller, move, default))).Failure?.Error
        );
    }

    [Fact]
    public async Task An_address_that_was_never_verified_is_not_told_of_a_change()
    {
        await Auth.RegisterAsync(Jane);
        await MoveAsync(await Auth.SignInAsync(Jane), Evil);
        Assert.DoesNotContain("Your e-mail address was changed", Auth.SubjectsTo(Jane));
    }

    [Fact]
    public async Task A_changed_address_comes_back_as_it_was()
    {
        user = await Auth.MemberAsync(Jane);
        await MoveAsync(await Auth.SignInAsync(Jane), Evil);
        Assert.True((await DoneAsync(LinkIn("Your e-mail address was changed"))).Moved);
        Assert.Equal((user.Id, true), ((await Auth.UserAsync(Jane)).Id, (await Auth.UserAsync(Jane)).EmailConfirmed));
        Assert.Equal("Reset your password", Auth.SubjectsTo(Jane)[^1]);
        Assert.DoesNotContain("Reset your password", Auth.SubjectsTo(Evil));
    }

    [Fact]
    public async Task The_new_address_gets_no_means_to_take_anything_back()
    {
        var session = await JaneAsync();
        await MoveAsync(session, Evil);
        Assert.Equal(
            "",
            LinkTokenIn(
                Auth.Mail.Sent.Last(m =>
                    m.To == Evil && m.Content.Subject.EndsWith("was changed", StringComparison.Ordinal)
                )
            )
        );
    }

    [Fact]
    public async Task Any_notice_from_before_a_move_brings_the_account_back_and_nothing_goes_to_the_stranger()
    {
        var session = await JaneAsync();
        var notice = await TellAsync(EmailKind.NewSignIn, null);
        await MoveAsync(session, Evil);
        var letters = Auth.SubjectsTo(Evil).Count;
        Assert.True((await DoneAsync(notice)).Moved);
        Assert.True((await Auth.UserAsync(Jane)).EmailConfirmed);
        Assert.Equal(letters, Auth.SubjectsTo(Evil).Count);
    }

    [Fact]
    public async Task What_was_done_while_the_account_was_elsewhere_is_undone_with_the_move_and_its_own_links_are_dead()
    {
        var session = await JaneAsync();
        var mine = await AddPasskeyAsync();
        var row = Assert.Single(await PasskeysAsync());
        Auth.Clock.Move(TimeSpan.FromSeconds(1));
        await MoveAsync(session, Evil);
        var removed = await TellAsync(
            EmailKind.PasskeyRemoved,
            new RevertibleChange.PasskeyRemoved(Base64Url.EncodeToString(mine), row.Data),
            Evil
        );
        await Auth.Use((AuthDbContext db) => db.UserPasskeys.ExecuteDeleteAsync());
        var theirs = await AddPasskeyAsync();
        var added = await TellAsync(
            EmailKind.PasskeyAdded,
            new RevertibleChange.PasskeyAdded(Base64Url.EncodeToString(theirs)),
            Evil
        );
        await LinkProviderAsync("evil");
        await Auth.AuthenticatorAsync(user);

        await DoneAsync(LinkIn("Your e-mail address was changed"));
        var back = Assert.Single(await PasskeysAsync());
        Assert.Equal(
            (Convert.ToHexString(mine), "a key", 7u),
            (Convert.ToHexString(back.CredentialId), back.Data.Name, back.Data.SignCount)
        );
        var rows = await Auth.RowsAsync();
        Assert.Equal((0, 0), (rows["Authenticators"], rows["AspNetUserLogins"]));
        foreach (var link in new[] { removed, added })
            Assert.Equal(AuthError.LinkExpired, (await RevertAsync(link)).Failure?.Error);
    }

    [Fact]
    public async Task A_notice_not_sent_yet_to_the_strangers_address_never_is()
    {
        var session = await JaneAsync();
        await MoveAsync(session, Evil);
        var letters = Auth.SubjectsTo(Evil).Count;
        await Auth.Use(
            async (IServiceProvider services) =>
            {
                services.GetRequiredService<Outbox>().Enqueue(EmailKind.NewSignIn, Evil, Auth.Caller, user.Id);
                await services.GetRequiredService<AuthDbContext>().SaveChangesAsync();
            }
        );
        Assert.Null((await RevertAsync(LinkIn("Your e-mail address was changed"))).Failure);
        await Auth.DeliverAsync();
        Assert.Equal(letters, Auth.SubjectsTo(Evil).Count);
    }

    [Fact]
    public async Task Who_moved_an_account_on_cannot_kill_the_link_of_the_address_it_came_from()
    {
        var session = await JaneAsync();
        await MoveAsync(session, Evil);
        await MoveAsync(session, "evil2@example.net");
        // of the second move: back to the stranger's first
        await DoneAsync(LinkIn("Your e-mail address was changed", to: Evil));
        Assert.Equal(user.Id, (await Auth.UserAsync(Evil)).Id);
        await DoneAsync(LinkIn("Your e-mail address was changed"));
        Assert.Equal(user.Id, (await Auth.UserAsync(Jane)).Id);
        Assert.Equal("Reset your password", Auth.SubjectsTo(Jane)[^1]);
    }

    [Fact]
    public async Task An_account_made_with_the_address_meanwhile_and_never_verified_yields()
    {
        var session = await JaneAsync();
        await MoveAsync(session, Evil);
        var obstacle = await Auth.RegisterAsync(Jane); // the stranger's, to be in the way
        Assert.False((await DoneAsync(LinkIn("Your e-mail address was changed"))).Taken);
        Assert.Equal(user.Id, (await Auth.UserAsync(Jane)).Id);
        Assert.Null((await Auth.FindUserAsync(obstacle.Id))!.Email);
    }

    [Fact]
    public async Task An_address_that_is_verified_as_another_accounts_stays_there_and_the_stranger_is_out_all_the_same()
    {
        var session = await JaneAsync();
        await MoveAsync(session, Evil);
        var other = await Auth.MemberAsync(Jane);
        var link = Auth
            .Mail.Sent.Where(m => m.To == Jane && m.Content.Text.Contains("/undo?", StringComparison.Ordinal))
            .Select(LinkTokenIn)
            .Last();
        Assert.True(
            (await Auth.Use((RevertChange flow) => flow.PreviewAsync(Auth.Caller, link, default))).Value!.Taken
        );
        Assert.True((await DoneAsync(link)).Taken);
        Assert.Equal(other.Id, (await Auth.UserAsync(Jane)).Id);
        Assert.Equal(
            (null, null),
            (await Auth.FindUserAsync(user.Id)) is { } left ? (left.Email, left.PasswordHash) : default
        );
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(session));
        Assert.DoesNotContain("Reset your password", Auth.SubjectsTo(Evil));
    }

    [Fact]
    public async Task A_passkey_that_was_added_goes_and_one_that_was_removed_comes_back()
    {
        await JaneAsync();
        var mine = await AddPasskeyAsync();
        var row = Assert.Single(await PasskeysAsync());
        await Auth.Use((AuthDbContext db) => db.UserPasskeys.ExecuteDeleteAsync());
        var removed = await TellAsync(
            EmailKind.PasskeyRemoved,
            new RevertibleChange.PasskeyRemoved(Base64Url.EncodeToString(mine), row.Data)
        );
        await DoneAsync(removed);
        Assert.Equal(mine, Assert.Single(await PasskeysAsync()).CredentialId);
        var added = await TellAsync(
            EmailKind.PasskeyAdded,
            new RevertibleChange.PasskeyAdded(Base64Url.EncodeToString(mine))
        );
        await DoneAsync(added);
        Assert.Empty(await PasskeysAsync());
    }

    [Fact]
    public async Task What_was_added_since_the_act_to_sign_in_with_goes_and_what_was_there_stays()
    {
        await JaneAsync();
        var mine = await AddPasskeyAsync();
        var link = await TellAsync(EmailKind.NewSignIn, null);
        await AddPasskeyAsync();
        await Auth.AuthenticatorAsync(user);
        await DoneAsync(link);
        Assert.Equal(mine, Assert.Single(await PasskeysAsync()).CredentialId);
        Assert.Equal(0, (await Auth.RowsAsync())["Authenticators"]);
    }

    [Fact]
    public async Task A_second_factor_that_was_set_up_goes_with_its_codes()
    {
        await JaneAsync();
        await Auth.AuthenticatorAsync(user);
        await RecoveryCodesAsync();
        await DoneAsync(await TellAsync(EmailKind.SecondFactorOn, new RevertibleChange.SecondFactorAdded()));
        var rows = await Auth.RowsAsync();
        Assert.Equal((0, 0), (rows["Authenticators"], rows["RecoveryCodes"]));
    }

    [Fact]
    public async Task A_second_factor_that_was_removed_comes_back_and_no_code_it_gave_before_is_taken()
    {
        await JaneAsync();
        var app = await Auth.AuthenticatorAsync(user);
        var row = await Auth.Use((AuthDbContext db) => db.Authenticators.AsNoTracking().SingleAsync());
        await Auth.Use((AuthDbContext db) => db.Authenticators.ExecuteDeleteAsync());
        var link = await TellAsync(
            EmailKind.SecondFactorOff,
            new RevertibleChange.SecondFactorRemoved(row.Id, row.Wrapped)
        );
        await Auth.AuthenticatorAsync(user); // the stranger's own in its place
        await DoneAsync(link);
        Assert.Null(
            (
                await Auth.Use(
                    (ResetPassword flow) =>
                        flow.SetAsync(Auth.Caller, LinkTokenIn(Auth.LastEmailTo(Jane)), OtherPassword, default)
                )
            ).Failure
        );
        Assert.Equal(AuthError.SecondFactorInvalid, (await CodeAsync()).Failure()?.Error);
        Auth.Clock.Move(TimeSpan.FromSeconds(30));
        Assert.Null((await CodeAsync()).Failure());

        async Task<SignInOutcome> CodeAsync()
        {
            var due = Assert.IsType<SignInOutcome.NeedsSecondFactor>(await Auth.TrySignInAsync(Jane, OtherPassword));
            return (
                await Auth.Use(
                    (VerifySecondFactor flow) =>
                        flow.VerifyAsync(Auth.Caller, new(due.Ticket, Auth.CodeOf(app), null), default)
                )
            ).Outcome;
        }
    }

    [Fact]
    public async Task New_recovery_codes_work_no_more()
    {
        await JaneAsync();
        await Auth.AuthenticatorAsync(user);
        await RecoveryCodesAsync();
        await DoneAsync(await TellAsync(EmailKind.RecoveryCodesMade, null));
        var rows = await Auth.RowsAsync();
        Assert.Equal((1, 0), (rows["Authenticators"], rows["RecoveryCodes"]));
    }

    private Task RecoveryCodesAsync() =>
        Auth.Use(
            async (AuthDbContext db) =>
            {
                db.RecoveryCodes.Add(
                    new()
                    {
                        Id = Guid.CreateVersion7().ToString(),
                        UserId = user.Id,
                        Salt = [1],
                        Hash = [2],
                        CreatedAt = Auth.Clock.GetUtcNow(),
                    }
                );
                await db.SaveChangesAsync();
            }
        );

    [Fact]
    public async Task A_linked_provider_is_unlinked_and_an_unlinked_one_linked_again()
    {
        await JaneAsync();
        await LinkProviderAsync("jane");
        await DoneAsync(await TellAsync(EmailKind.ProviderLinked, new RevertibleChange.ProviderLinked("acme", "jane")));
        Assert.Equal(0, (await Auth.RowsAsync())["AspNetUserLogins"]);
        await DoneAsync(
            await TellAsync(EmailKind.ProviderUnlinked, new RevertibleChange.ProviderUnlinked("acme", "jane", "Acme"))
        );
        Assert.Equal(user.Id, (await Auth.Use((AuthDbContext db) => db.UserLogins.SingleAsync())).UserId);
    }

    [Fact]
    public async Task Remembered_browsers_and_every_other_link_die_and_the_owners_own_notices_do_not()
    {
        var session = await JaneAsync();
        var reset = await Auth.ResetLinkAsync(Jane);
        var (one, other) = (
            await TellAsync(EmailKind.NewSignIn, null),
            await TellAsync(EmailKind.PasswordChanged, null)
        );
        await Auth.Use(
            async (AuthDbContext db) =>
            {
                db.TrustedDevices.Add(
                    new()
                    {
                        Id = "x",
                        UserId = user.Id,
                        CreatedAt = Auth.Clock.Now,
                        LastSeenAt = Auth.Clock.Now,
                        EndsAt = Auth.Clock.Now.AddDays(1),
                    }
                );
                await db.SaveChangesAsync();
            }
        );
        await DoneAsync(one);
        Assert.Equal(0, (await Auth.RowsAsync())["TrustedDevices"]);
        Assert.Equal(
            AuthError.LinkExpired,
            (await Auth.Use((ResetPassword flow) => flow.PreviewAsync(Auth.Caller, reset, default))).Failure?.Error
        );
        Assert.NotNull(await Auth.DeathOfAsync(session));
        await DoneAsync(other);
    }

    [Fact]
    public async Task A_closed_account_has_nothing_to_take_back()
    {
        var session = await JaneAsync();
        var link = await TellAsync(EmailKind.NewSignIn, null);
        Assert.Null(
            (await Auth.Use((CloseAccount flow) => flow.CloseAsync(Auth.In(session), Password, default))).Failure
        );
        Assert.Equal(AuthError.LinkInvalid, (await RevertAsync(link)).Failure?.Error);
    }
}
