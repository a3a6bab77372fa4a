using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Pages;

/// <summary>
/// The pages of the links that verify an address: who made the account is told, and its owner says whether that was
/// them.
/// </summary>
public sealed class VerifyEmailPageTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private RunningSite site = null!;

    private async Task<RunningSite> SiteAsync()
    {
        site = await Auth.SiteAsync();
        await Auth.RegisterAsync(Jane);
        await Auth.DeliverAsync();
        return site;
    }

    private async Task<string> OpenAsync(Visitor visitor)
    {
        await visitor.GetAsync("/verify-email?token=" + LinkTokenIn(Auth.LastEmailTo(Jane)));
        return await visitor.GetAsync("/verify-email");
    }

    [Fact]
    public async Task Elsewhere_it_says_when_with_what_and_from_where_and_offers_two_equal_answers()
    {
        await using var running = await SiteAsync();
        var visitor = new Visitor(site);
        var page = await OpenAsync(visitor);
        foreach (var told in new[] { Jane, Auth.Caller.Address!, "Firefox", "<time", "name=\"set-password\"" })
            Assert.Contains(told, page, StringComparison.Ordinal);
        Assert.Contains(
            "<button type=\"submit\" form=\"verify\" class=\"button secondary\">That was me</button>",
            page,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "<button type=\"submit\" form=\"disown\" class=\"button secondary\">Not me</button>",
            page,
            StringComparison.Ordinal
        );
        Assert.False((await Auth.UserAsync(Jane)).EmailConfirmed);
        var done = await visitor.SendFormAsync("/verify-email", Visitor.FormOf(page, "verify"));
        Assert.Equal((303, "/login"), (done.Status, done.Location));
        Assert.True((await Auth.UserAsync(Jane)).EmailConfirmed);
        await Auth.SignInAsync(Jane); // the password is kept
    }

    [Fact]
    public async Task Where_the_account_is_signed_in_nobody_is_asked_who_made_it()
    {
        await using var running = await SiteAsync();
        var visitor = new Visitor(site);
        await visitor.SignInAsync(Jane, Password);
        var page = await OpenAsync(visitor);
        Assert.Contains("Verify this address", page, StringComparison.Ordinal);
        Assert.DoesNotContain("That was me", page, StringComparison.Ordinal);
        Assert.Equal(303, (await visitor.SendFormAsync("/verify-email", Visitor.FormOf(page, "verify"))).Status);
    }

    [Fact]
    public async Task Not_me_removes_the_account()
    {
        await using var running = await SiteAsync();
        var visitor = new Visitor(site);
        var page = await OpenAsync(visitor);
        Assert.Equal(
            (303, "/"),
            await PlaceAsync(visitor.SendFormAsync("/verify-email", Visitor.FormOf(page, "disown")))
        );
        Assert.False(await Auth.Use((AuthDbContext db) => db.Users.AnyAsync()));
    }

    [Fact]
    public async Task A_new_password_ends_everything_older_and_is_chosen_next()
    {
        await using var running = await SiteAsync();
        var (older, pair) = (await Auth.SignInAsync(Jane), await Auth.ApiPairAsync(Jane));
        var key = (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(older), new("ci"), default))).Value!.Session;
        var visitor = new Visitor(site);
        var page = await OpenAsync(visitor);
        Assert.Equal(
            (303, "/reset-password"),
            await PlaceAsync(
                visitor.SendFormAsync("/verify-email", Visitor.FormOf(page, "verify"), ("set-password", "true"))
            )
        );
        foreach (var session in new[] { older, pair.Session, key })
            Assert.Equal(AuthError.PasswordChanged, await Auth.DeathOfAsync(session));
        Assert.Equal(AuthError.InvalidCredentials, (await Auth.TrySignInAsync(Jane)).Failure()?.Error);
        Assert.Equal(
            (303, "/login"),
            await PlaceAsync(visitor.FillInAsync("/reset-password", "reset", ("new-password", OtherPassword)))
        );
        await Auth.SignInAsync(Jane, OtherPassword);
    }

    [Fact]
    public async Task A_link_that_is_opened_twice_says_that_all_is_well()
    {
        await using var running = await SiteAsync();
        var link = LinkTokenIn(Auth.LastEmailTo(Jane));
        var visitor = new Visitor(site);
        var form = Visitor.FormOf(await OpenAsync(visitor), "verify");
        await visitor.SendFormAsync("/verify-email", form);
        var again = new Visitor(site);
        await again.GetAsync("/verify-email?token=" + link);
        var opened = await again.SendAsync(new(HttpMethod.Get, "/verify-email"));
        Assert.Equal(200, opened.Status);
        Assert.Contains("verified already", opened.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("used already", opened.Body, StringComparison.Ordinal);
        // Sent twice by the same browser.
        var twice = await visitor.SendFormAsync("/verify-email", form);
        Assert.Contains("verified already", twice.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_that_somebody_used_to_remove_the_account_does_not_say_so()
    {
        await using var running = await SiteAsync();
        var link = LinkTokenIn(Auth.LastEmailTo(Jane));
        await Auth.Use((VerifyEmail flow) => flow.DisownAsync(Auth.Caller, link, default));
        var visitor = new Visitor(site);
        Assert.DoesNotContain("verified already", await OpenAsync(visitor), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_of_address_says_who_asked_and_is_refused_or_made_once()
    {
        await using var running = await SiteAsync();
        var owner = await Auth.SignInAsync(Jane);
        var refused = await Auth.EmailChangeLinkAsync(owner, "new@example.net");
        var visitor = new Visitor(site);
        await visitor.GetAsync("/confirm-email-change?token=" + refused);
        var page = await visitor.GetAsync("/confirm-email-change");
        foreach (var told in new[] { "new@example.net", Auth.Caller.Address!, "Firefox" })
            Assert.Contains(told, page, StringComparison.Ordinal);
        Assert.Equal(
            (303, "/"),
            await PlaceAsync(visitor.SendFormAsync("/confirm-email-change", Visitor.FormOf(page, "refuse")))
        );
        Assert.Equal(
            AuthError.LinkUsed,
            (await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.In(owner), refused, default))).Failure?.Error
        );

        var made = await Auth.EmailChangeLinkAsync(owner, "new@example.net");
        Assert.Null((await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.In(owner), made, default))).Failure);
        await visitor.GetAsync("/confirm-email-change?token=" + made);
        var again = await visitor.SendAsync(new(HttpMethod.Get, "/confirm-email-change"));
        Assert.Equal(200, again.Status);
        Assert.Contains("All is well", again.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_password_asks_whether_keys_end_and_yes_is_chosen()
    {
        await using var running = await SiteAsync();
        await Auth.Use(
            (VerifyEmail flow) => flow.ConfirmAsync(Auth.Caller, LinkTokenIn(Auth.LastEmailTo(Jane)), default)
        );
        var session = await Auth.SignInAsync(Jane);
        var visitor = new Visitor(site);
        await visitor.SignInAsync(Jane, Password);
        Assert.DoesNotContain("end-keys", await visitor.GetAsync("/account/password"), StringComparison.Ordinal);
        var (first, second) = (await KeyAsync(), await KeyAsync());
        var page = await visitor.GetAsync("/account/password");
        Assert.Contains("Also end 2 API keys", page, StringComparison.Ordinal);
        Assert.Matches("<input id=\"end-keys\"[^>]* checked", page);
        var form = Visitor.FormOf(page, "password");
        // Unchecked: a browser then sends nothing.
        Assert.Equal(
            303,
            (
                await visitor.SendFormAsync(
                    "/account/password",
                    form,
                    ("current-password", Password),
                    ("new-password", OtherPassword)
                )
            ).Status
        );
        Assert.Equal([null, null], await EndsAsync());
        form = Visitor.FormOf(await visitor.GetAsync("/account/password"), "password");
        Assert.Equal(
            303,
            (
                await visitor.SendFormAsync(
                    "/account/password",
                    form,
                    ("current-password", OtherPassword),
                    ("new-password", Password),
                    ("end-keys", "true")
                )
            ).Status
        );
        Assert.Equal([SessionEnd.PasswordChanged, SessionEnd.PasswordChanged], await EndsAsync());

        async Task<Session> KeyAsync() =>
            (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("ci"), default))).Value!.Session;

        Task<SessionEnd?[]> EndsAsync() =>
            Auth.Use(
                (AuthDbContext db) =>
                    db
                        .Sessions.Where(s => s.Id == first.Id || s.Id == second.Id)
                        .Select(s => s.EndReason)
                        .ToArrayAsync()
            );
    }

    private static async Task<(int, string?)> PlaceAsync(Task<Answer> answer) =>
        ((await answer).Status, (await answer).Location);
}
