using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Messaging;

/// <summary>How many emails an address gets, and that no stranger can use up what its owner needs.</summary>
public abstract class MailBudgetTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : MailBudgetTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : MailBudgetTests(Store.Postgres);

    private const string Jane = "jane@example.net",
        Reset = "Reset your password",
        NewSignIn = "New sign-in to your account";

    private static Caller Stranger(int network = 1) => Caller.Anonymous($"198.51.100.{network}", "curl/8");

    private Task<Result> ForgotAsync(Caller caller) =>
        Auth.Use((ResetPassword flow) => flow.RequestAsync(caller, Jane, default));

    private int Count(string address, string subject) => Auth.SubjectsTo(address).Count(s => s == subject);

    [StoreFact]
    public async Task A_stranger_uses_up_only_half_of_what_an_address_gets_of_a_kind()
    {
        await Auth.MemberAsync(Jane);
        for (var i = 0; i < 20; i++)
            Assert.Null((await ForgotAsync(Stranger())).Failure);
        await Auth.DeliverAsync();
        var sent = Count(Jane, Reset);
        Assert.InRange(sent, 1, 6); // half of ten, and the one that always goes out
        Assert.Null((await ForgotAsync(Auth.Caller)).Failure);
        await Auth.DeliverAsync();
        Assert.Equal(sent + 1, Count(Jane, Reset));
    }

    [StoreFact]
    public async Task Spending_one_kind_leaves_the_others_and_the_password_open()
    {
        await Auth.MemberAsync(Jane);
        for (var i = 0; i < 10; i++)
            await Auth.Use((VerifyEmail flow) => flow.SendAsync(Stranger(), Jane, default));
        for (var i = 0; i < 10; i++)
            await Auth.Use(
                (SignInWithPassword flow) =>
                    flow.WithPasswordAsync(Stranger(), new(Jane, "wrong", SessionKind.Api), default)
            );
        await Auth.DeliverAsync();
        Assert.Null((await ForgotAsync(Auth.Caller)).Failure);
        Assert.Null(
            (await Auth.Use((SignInWithEmailCode flow) => flow.RequestAsync(Auth.Caller, Jane, default))).Failure
        );
        await Auth.DeliverAsync();
        Assert.Equal(1, Count(Jane, Reset));
        Assert.Contains(
            Auth.SubjectsTo(Jane),
            subject => subject.Contains("sign in", StringComparison.OrdinalIgnoreCase) && subject != NewSignIn
        );
    }

    [StoreFact]
    public async Task One_reset_an_hour_goes_out_whatever_many_networks_asked_for()
    {
        await Auth.MemberAsync(Jane);
        for (var hour = 0; hour < 10; hour++)
        {
            for (var i = 0; i < 20; i++)
            {
                await Auth.Use((SignInWithEmailCode flow) => flow.RequestAsync(Stranger(i), Jane, default));
                await Auth.DeliverAsync();
            }
            var before = Count(Jane, Reset);
            Assert.Null((await ForgotAsync(Auth.Caller)).Failure);
            await Auth.DeliverAsync();
            Assert.Equal(before + 1, Count(Jane, Reset));
            Auth.Clock.Move(TimeSpan.FromHours(1));
        }
    }

    [StoreFact]
    public async Task Over_the_budget_the_answer_is_that_of_an_address_that_nobody_has()
    {
        await Auth.MemberAsync(Jane);
        for (var i = 0; i < 30; i++)
        {
            Assert.Null((await ForgotAsync(Stranger(i))).Failure);
            Assert.Null(
                (
                    await Auth.Use(
                        (ResetPassword flow) => flow.RequestAsync(Stranger(i), "nobody@example.net", default)
                    )
                ).Failure
            );
        }
        await Auth.DeliverAsync();
        Assert.Equal(11, Count(Jane, Reset));
        Assert.Empty(Auth.SubjectsTo("nobody@example.net"));
    }

    [StoreFact]
    public async Task An_email_that_is_tried_again_counts_once()
    {
        await Auth.MemberAsync(Jane);
        await Auth.RestartAsync(("Throttle:MailPerAddress", "2"));
        await ForgotAsync(Auth.Caller);
        Auth.Mail.Fail();
        for (var i = 0; i < 5; i++)
        {
            await Auth.DeliverAsync();
            Auth.Clock.Move(TimeSpan.FromMinutes(2));
        }
        Auth.Mail.Recover();
        Auth.Clock.Move(TimeSpan.FromMinutes(5));
        await Auth.DeliverAsync();
        Assert.Equal(1, Count(Jane, Reset));
    }

    [StoreFact]
    public async Task An_unverified_address_gets_nothing_but_what_verifies_it()
    {
        await Auth.RegisterAsync(Jane);
        for (var i = 0; i < 24; i++)
            await Auth.Use(
                (SignInWithPassword flow) =>
                    flow.WithPasswordAsync(Stranger(i), new(Jane, Password, SessionKind.Browser), default)
            );
        await Auth.DeliverAsync();
        Assert.Equal(["Confirm your e-mail address"], Auth.SubjectsTo(Jane));
    }

    [StoreFact]
    public async Task An_unverified_address_gets_three_an_hour_and_eight_a_day_whatever_accounts_come_and_go()
    {
        var sent = new List<DateTimeOffset>();
        for (var i = 0; i < 100; i++)
        {
            Auth.Caller = Stranger(i % 200);
            if (await Auth.Use((AuthDbContext db) => db.Users.AnyAsync(u => u.NormalizedEmail == Jane)) is false)
                await Auth.RegisterAsync(Jane);
            var session = await Auth.SignInAsync(Jane);
            await Auth.Use((VerifyEmail flow) => flow.SendAsync(Auth.Caller, Jane, default));
            await Auth.Use((ResetPassword flow) => flow.RequestAsync(Auth.Caller, Jane, default));
            await Auth.Use((SignInWithEmailCode flow) => flow.RequestAsync(Auth.Caller, Jane, default));
            Assert.Null(
                (await Auth.Use((CloseAccount flow) => flow.CloseAsync(Auth.In(session), Password, default))).Failure
            );
            await Auth.RegisterAsync(Jane);
            var before = Auth.Mail.Sent.Count;
            await Auth.DeliverAsync();
            sent.AddRange(Enumerable.Repeat(Auth.Clock.GetUtcNow(), Auth.Mail.Sent.Count - before));
            Auth.Clock.Move(TimeSpan.FromMinutes(17));
        }
        // In any stretch of time, not only in hours and days that begin together.
        Assert.All(
            sent,
            from => Assert.InRange(sent.Count(at => at >= from && at < from + TimeSpan.FromHours(1)), 1, 3)
        );
        Assert.All(
            sent,
            from => Assert.InRange(sent.Count(at => at >= from && at < from + TimeSpan.FromDays(1)), 1, 8)
        );
        Assert.InRange(sent.Count, 8, 16); // it does get some, on the second day too
        Assert.All(Auth.SubjectsTo(Jane), subject => Assert.NotEqual("Your account was closed", subject));
    }

    [StoreFact]
    public async Task Notices_that_come_in_numbers_are_one_email_whose_link_takes_all_of_them_back()
    {
        await Auth.MemberAsync(Jane);
        await Auth.SignInAsync(Jane);
        var first = default(Session);
        for (var i = 0; i < 24; i++)
        {
            var outcome = await Auth.Use(
                (SignInWithPassword flow) =>
                    flow.WithPasswordAsync(Stranger(i), new(Jane, Password, SessionKind.Browser), default)
            );
            first ??= Assert.IsType<SignInOutcome.SignedIn>(outcome).Session;
            await Auth.DeliverAsync();
            Auth.Clock.Move(TimeSpan.FromSeconds(10));
        }
        Assert.Equal(NoticeFolding.OneByOne, Count(Jane, NewSignIn));
        Auth.Clock.Move(NoticeFolding.Window);
        await Auth.DeliverAsync();
        Assert.Equal(NoticeFolding.OneByOne + 1, Count(Jane, NewSignIn));
        var folded = Auth.LastEmailTo(Jane);
        Assert.Contains("21 times", folded.Content.Text, StringComparison.Ordinal);
        Assert.Null(
            (await Auth.Use((RevertChange flow) => flow.RevertAsync(Auth.Caller, LinkTokenIn(folded), default))).Failure
        );
        Assert.All(
            await Auth.Use((AuthDbContext db) => db.Sessions.AsNoTracking().ToListAsync()),
            session => Assert.NotNull(session.EndedAt)
        );
    }

    [StoreFact]
    public async Task A_folded_notice_that_fails_is_tried_again_whole()
    {
        await Auth.MemberAsync(Jane);
        await Auth.SignInAsync(Jane);
        for (var i = 0; i < 8; i++)
            await Auth.Use(
                (SignInWithPassword flow) =>
                    flow.WithPasswordAsync(Stranger(i), new(Jane, Password, SessionKind.Browser), default)
            );
        Auth.Mail.Fail();
        await Auth.DeliverAsync();
        Auth.Mail.Recover();
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        await Auth.DeliverAsync();
        Assert.Contains(
            "8 times",
            Assert
                .Single(
                    Auth.Mail.Sent,
                    m => m.To == Jane && m.Content.Subject.EndsWith(NewSignIn, StringComparison.Ordinal)
                )
                .Content.Text,
            StringComparison.Ordinal
        );
    }

    [StoreFact]
    public async Task What_strangers_ask_for_leaves_room_for_notices_and_notices_over_the_budget_wait()
    {
        var user = await Auth.MemberAsync(Jane);
        await Auth.RestartAsync(("Throttle:MailPerDestination", "8"));
        for (var i = 0; i < 30; i++)
            await Auth.Use((SignInWithEmailCode flow) => flow.RequestAsync(Stranger(i), Jane, default));
        for (var i = 0; i < 30; i++)
            await ForgotAsync(Stranger(i));
        await Auth.DeliverAsync();
        var before = Auth.SubjectsTo(Jane).Count;
        await Auth.Use(
            async (IServiceProvider services) =>
            {
                for (var i = 0; i < 6; i++)
                    services
                        .GetRequiredService<Outbox>()
                        .Enqueue(EmailKind.ProviderUnlinked, Jane, Auth.Caller, user.Id, detail: $"p{i}");
                await services.GetRequiredService<AuthDbContext>().SaveChangesAsync();
            }
        );
        await Auth.DeliverAsync();
        Assert.InRange(Auth.SubjectsTo(Jane).Count - before, 1, 5);
        for (var i = 0; i < 10; i++)
        {
            Auth.Clock.Move(TimeSpan.FromMinutes(20));
            await Auth.DeliverAsync();
        }
        Assert.Equal(6, Auth.SubjectsTo(Jane).Count - before); // late, but none is lost
    }

    [StoreFact]
    public async Task Networks_are_served_in_turn()
    {
        for (var i = 0; i < 20; i++)
            await Auth.MemberAsync($"m{i}@example.net");
        await Auth.MemberAsync(Jane);
        var before = Auth.Mail.Sent.Count;
        for (var i = 0; i < 20; i++)
            await Auth.Use((ResetPassword flow) => flow.RequestAsync(Stranger(), $"m{i}@example.net", default));
        await ForgotAsync(Stranger(2));
        await Auth.DeliverAsync();
        Assert.InRange(Auth.Mail.Sent.Skip(before).ToList().FindIndex(mail => mail.To == Jane), 0, 1);
    }

    [StoreFact]
    public async Task An_address_is_not_kept_in_the_count()
    {
        await Auth.RegisterAsync(Jane);
        await Auth.DeliverAsync();
        Assert.All(
            await Auth.Use((AuthDbContext db) => db.ThrottleCounts.ToListAsync()),
            count => Assert.Matches("^[0-9A-F]{64}$", count.Key)
        );
    }

    [StoreFact]
    public async Task A_notice_to_the_address_before_a_move_still_comes_with_its_link()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use(
            (SignInWithPassword flow) =>
                flow.WithPasswordAsync(Stranger(), new(Jane, Password, SessionKind.Browser), default)
        );
        var row = await Auth.Use(
            (AuthDbContext db) => db.Outbox.AsNoTracking().SingleAsync(l => l.Kind == EmailKind.NewSignIn)
        );
        await Auth.Use(
            (AuthDbContext db) =>
                db
                    .Outbox.Where(l => l.Id == row.Id)
                    .ExecuteUpdateAsync(set =>
                        set.SetProperty(l => l.NextAttemptAt, Auth.Clock.GetUtcNow() + TimeSpan.FromHours(1))
                    )
        );
        var link = await Auth.EmailChangeLinkAsync(session, "new@example.net");
        Assert.Null((await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.In(session), link, default))).Failure);
        Auth.Clock.Move(TimeSpan.FromHours(2));
        await Auth.DeliverAsync();
        var notice = Assert.Single(
            Auth.Mail.Sent,
            m => m.To == Jane && m.Content.Subject.EndsWith(NewSignIn, StringComparison.Ordinal)
        );
        Assert.Null(
            (
                await Auth.Use((RevertChange flow) => flow.PreviewAsync(Auth.Caller, LinkTokenIn(notice), default))
            ).Failure
        );
    }
}
