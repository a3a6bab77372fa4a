using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Messaging;

public abstract class OutboxDispatcherTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : OutboxDispatcherTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : OutboxDispatcherTests(Store.Postgres);

    private const string Jane = "jane@example.net";

    private async Task RequestAsync(string email = Jane) =>
        Assert.Null((await Auth.Use((ResetPassword flow) => flow.RequestAsync(Auth.Caller, email, default))).Failure);

    private Task<List<OutboxMessage>> Outbox() =>
        Auth.Use((AuthDbContext db) => db.Outbox.AsNoTracking().OrderBy(l => l.Id).ToListAsync());

    private async Task<AuthError?> Reset(string link) =>
        (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, OtherPassword, default)))
            .Failure
            ?.Error;

    [StoreFact]
    public async Task A_promise_outlives_the_process()
    {
        await Auth.RegisterAsync(Jane);
        await Auth.RestartAsync();
        await Auth.DeliverAsync();
        Assert.Single(Auth.SubjectsTo(Jane));
    }

    [StoreFact]
    public async Task A_promise_is_part_of_what_promises_it()
    {
        await Auth.Use(
            async (IServiceProvider services) =>
            {
                var db = services.GetRequiredService<AuthDbContext>();
                await using var transaction = await db.Database.BeginTransactionAsync();
                services.GetRequiredService<Outbox>().Enqueue(EmailKind.AccountClosed, Jane, Auth.Caller);
                await db.SaveChangesAsync();
                await transaction.RollbackAsync();
            }
        );
        Assert.Equal(0, await Auth.DeliverAsync());
    }

    [StoreFact]
    public async Task A_process_that_dies_while_sending_loses_nothing()
    {
        await Auth.MemberAsync(Jane);
        await RequestAsync();
        using var kill = new CancellationTokenSource();
        Auth.Mail.Before(async _ =>
        {
            await kill.CancelAsync();
            kill.Token.ThrowIfCancellationRequested();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            Auth.Services.GetRequiredService<OutboxDispatcher>().DeliverDueAsync(kill.Token)
        );
        Auth.Mail.Recover();
        await Auth.RestartAsync();
        Assert.Equal(0, await Auth.DeliverAsync()); // another may still have it in hand
        Auth.Clock.Move(TimeSpan.FromMinutes(2));
        Assert.Equal(1, await Auth.DeliverAsync());
        Assert.Null(await Reset(LinkTokenIn(Auth.LastEmailTo(Jane))));
    }

    [StoreFact]
    public async Task An_email_that_fails_is_tried_again_after_growing_pauses_and_sent_once()
    {
        await Auth.MemberAsync(Jane);
        var sent = Auth.Mail.Sent.Count;
        await RequestAsync();
        Auth.Mail.Fail();
        var last = TimeSpan.Zero;
        for (var attempt = 1; attempt <= 14; attempt++)
        {
            Assert.Equal(1, await Auth.DeliverAsync());
            var row = (await Outbox())[^1];
            var pause = row.NextAttemptAt - Auth.Clock.Now;
            Assert.Equal((attempt, nameof(IOException)), (row.Attempts, row.LastError));
            Assert.True(pause > last || pause == TimeSpan.FromHours(1), $"pause {attempt} is {pause}");
            last = pause;
            Auth.Clock.Move(pause - TimeSpan.FromMilliseconds(1));
            Assert.Equal(0, await Auth.DeliverAsync());
            Auth.Clock.Move(TimeSpan.FromMilliseconds(1));
        }
        Auth.Mail.Recover();
        Assert.Equal(1, await Auth.DeliverAsync());
        Auth.Clock.Move(TimeSpan.FromDays(1));
        Assert.Equal(0, await Auth.DeliverAsync());
        Assert.Equal(sent + 1, Auth.Mail.Sent.Count);
        // an hour from sending, a day is over
        Assert.Equal(AuthError.LinkExpired, await Reset(LinkTokenIn(Auth.LastEmailTo(Jane))));
    }

    [StoreFact]
    public async Task A_late_email_has_a_fresh_link()
    {
        await Auth.MemberAsync(Jane);
        await RequestAsync();
        Auth.Mail.Fail();
        await Auth.DeliverAsync();
        Auth.Clock.Move(TimeSpan.FromHours(5));
        Auth.Mail.Recover();
        await Auth.DeliverAsync();
        Assert.Null(await Reset(LinkTokenIn(Auth.LastEmailTo(Jane))));
    }

    [StoreFact]
    public async Task An_email_is_given_up_after_two_days()
    {
        await Auth.MemberAsync(Jane);
        await RequestAsync();
        Auth.Mail.Fail();
        Auth.Clock.Move(TimeSpan.FromDays(2) + TimeSpan.FromSeconds(1));
        Assert.Equal(1, await Auth.DeliverAsync());
        Auth.Mail.Recover();
        Auth.Clock.Move(TimeSpan.FromDays(1));
        Assert.Equal(0, await Auth.DeliverAsync());
    }

    [StoreFact]
    public async Task A_retry_repeats_its_message_id()
    {
        await Auth.RegisterAsync(Jane);
        var ids = new List<string>();
        Auth.Mail.Before(mail =>
        {
            ids.Add(mail.MessageId);
            return ids.Count == 1 ? throw new IOException() : Task.CompletedTask;
        });
        await Auth.DeliverAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        await Auth.DeliverAsync();
        Assert.Equal(2, ids.Count);
        Assert.Single(ids.Distinct());
    }

    [StoreFact]
    public async Task One_email_that_fails_holds_up_no_other()
    {
        await Auth.RegisterAsync(Jane);
        await Auth.RegisterAsync("john@example.net");
        Auth.Mail.Before(mail => mail.To == Jane ? throw new IOException() : Task.CompletedTask);
        Assert.Equal(2, await Auth.DeliverAsync());
        Assert.Single(Auth.SubjectsTo("john@example.net"));
    }

    [StoreFact]
    public async Task Two_postmen_send_a_email_once()
    {
        for (var i = 0; i < 10; i++)
            await Auth.RegisterAsync($"jane{i}@example.net");
        await using var other = await Auth.BesideAsync();
        var tried = await RaceAsync(4, i => (i % 2 == 0 ? Auth : other).DeliverAsync());
        Assert.Equal(10, tried.Sum());
        Assert.Equal(10, Auth.Mail.Sent.Select(mail => mail.To).Distinct().Count());
        Assert.Equal(10, Auth.Mail.Sent.Count);
    }

    [StoreFact]
    public async Task No_token_rests_in_the_outbox()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var secrets = new List<string>
        {
            await Auth.ResetLinkAsync(Jane),
            await Auth.EmailChangeLinkAsync(session, "new@example.net"),
        };
        await Auth.RegisterAsync("john@example.net");
        Auth.Mail.Before(mail =>
        {
            secrets.Add(LinkTokenIn(mail));
            throw new InvalidOperationException("refused: " + mail.Content.Text); // as a talkative mail server answers
        });
        await Auth.DeliverAsync();
        Assert.Equal(3, secrets.Count);
        Assert.All(
            await Outbox(),
            row =>
            {
                var text = System.Text.Json.JsonSerializer.Serialize(row);
                Assert.All(secrets, secret => Assert.DoesNotContain(secret, text, StringComparison.Ordinal));
            }
        );
    }

    [StoreFact]
    public async Task A_withdrawn_email_mints_nothing()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use((ChangeEmail flow) => flow.RequestAsync(Auth.In(session), "new@example.net", Password, default));
        Assert.Null(
            (
                await Auth.Use(
                    (ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default)
                )
            ).Failure
        );
        await Auth.DeliverAsync();
        Assert.Empty(Auth.SubjectsTo("new@example.net"));
        Assert.Empty(
            await Auth.Use(
                (AuthDbContext db) => db.OneTimeTokens.Where(t => t.Purpose == TokenPurpose.ChangeEmail).ToListAsync()
            )
        );
    }

    [StoreFact]
    public async Task An_email_withdrawn_while_a_postman_has_it_in_hand_mints_nothing()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use((ChangeEmail flow) => flow.RequestAsync(Auth.In(session), "new@example.net", Password, default));
        var tokens = (await Auth.RowsAsync())["OneTimeTokens"];
        await Auth.Use(
            (AuthDbContext db) => db.Outbox.Where(l => l.Kind != EmailKind.ConfirmEmailChange).ExecuteDeleteAsync()
        );
        // Claimed already: the look for the owner of the address comes next.
        Auth.Sql.BeforeNext(
            "FROM \"AspNetUsers\"",
            () =>
                Auth.Use((OneTimeTokens t) => t.KillAsync(session.UserId, default, TokenPurpose.ChangeEmail))
                    .GetAwaiter()
                    .GetResult()
        );
        await Auth.DeliverAsync();
        Assert.False(Auth.Sql.IsTrapSet);
        Assert.Empty(Auth.SubjectsTo("new@example.net"));
        Assert.Equal(tokens, (await Auth.RowsAsync())["OneTimeTokens"]);
    }

    [StoreFact]
    public async Task An_email_withdrawn_between_two_attempts_is_not_sent_and_its_link_is_dead()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use((ChangeEmail flow) => flow.RequestAsync(Auth.In(session), "new@example.net", Password, default));
        var link = "";
        Auth.Mail.Before(mail =>
        {
            if (mail.To == "new@example.net")
                link = LinkTokenIn(mail);
            throw new IOException();
        });
        await Auth.DeliverAsync();
        Assert.NotEmpty(link);
        Auth.Mail.Recover();
        await Auth.Use((OneTimeTokens tokens) => tokens.KillAsync(session.UserId, default, TokenPurpose.ChangeEmail));
        Auth.Clock.Move(TimeSpan.FromMinutes(5));
        await Auth.DeliverAsync();
        Assert.Empty(Auth.SubjectsTo("new@example.net"));
        Assert.Equal(
            AuthError.LinkExpired,
            (await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.Caller, link, default))).Failure?.Error
        );
    }

    [StoreFact]
    public async Task An_email_withdrawn_while_the_server_hangs_does_not_come_back_to_life_when_it_fails()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use(
            (ChangeEmail flow) => flow.RequestAsync(Auth.In(session), "evil@example.net", Password, default)
        );
        Auth.Mail.Before(async mail =>
        {
            if (mail.To != "evil@example.net")
                return;
            await Auth.Use((OneTimeTokens tokens) => tokens.KillAsync(session.UserId, default));
            throw new IOException();
        });
        await Auth.DeliverAsync();
        Auth.Mail.Recover();
        Auth.Clock.Move(TimeSpan.FromMinutes(5));
        await Auth.DeliverAsync();
        Assert.Empty(Auth.SubjectsTo("evil@example.net"));
    }

    [StoreFact]
    public async Task An_address_that_is_nobodys_gets_no_mail_and_its_email_is_done_with()
    {
        await RequestAsync();
        await Auth.Use((VerifyEmail flow) => flow.SendAsync(Auth.Caller, Jane, default));
        Assert.Equal(2, await Auth.DeliverAsync());
        Assert.Empty(Auth.Mail.Sent);
        Assert.All(await Outbox(), row => Assert.NotNull(row.DoneAt));
        Assert.Equal(0, (await Auth.RowsAsync())["OneTimeTokens"]);
    }

    [StoreFact]
    public async Task Every_link_begins_with_the_public_address()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.ResetLinkAsync(Jane);
        await Auth.EmailChangeLinkAsync(session, "new@example.net");
        Assert.All(
            Auth.Mail.Sent,
            mail =>
                Assert.All(
                    System.Text.RegularExpressions.Regex.Matches(
                        mail.Content.Text,
                        "https?://[^\\s]+",
                        System.Text.RegularExpressions.RegexOptions.None,
                        TimeSpan.FromSeconds(1)
                    ),
                    link => Assert.StartsWith(Site + "/", link.Value, StringComparison.Ordinal)
                )
        );
    }
}
