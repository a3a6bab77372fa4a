using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Core;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.ExternalLogins;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// A stranger was there first: signed up with the victim's address, signed in at every door, set what can be set and
/// asked for what can be asked for. Once the owner of the mailbox takes the account, nothing of it is left (ADR 0009).
/// </summary>
public abstract class PreHijackTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : PreHijackTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : PreHijackTests(Store.Postgres);

    private const string Victim = "victim@example.net",
        Evil = "evil@example.net",
        Name = "victim.name",
        Owners = "three green bottles";

    private RunningSite site = null!;
    private Visitor browser = null!;
    private JsonElement pair,
        rotated;
    private string change = "";
    private readonly SoftAuthenticator passkey = new("http://localhost:5080");

    private async Task<JsonElement> JsonAsync(
        HttpMethod method,
        string path,
        object? body = null,
        string? bearer = null
    )
    {
        using var answer = await site.SendAsync(method, path, body is null ? null : JsonContent.Create(body), bearer);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {await answer.Content.ReadAsStringAsync()}");
        return answer.Content.Headers.ContentLength == 0 || answer.StatusCode == HttpStatusCode.NoContent
            ? default
            : await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    private async Task<(HttpStatusCode Status, string? Code)> RefusedAsync(
        HttpMethod method,
        string path,
        object? body = null,
        string? bearer = null
    )
    {
        using var answer = await site.SendAsync(method, path, body is null ? null : JsonContent.Create(body), bearer);
        return (
            answer.StatusCode,
            answer.IsSuccessStatusCode
                ? null
                : (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString()
        );
    }

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private async Task StrangerWasHereAsync()
    {
        await JsonAsync(
            HttpMethod.Post,
            "/api/account",
            new
            {
                email = Victim,
                username = Name,
                password = Password,
                displayName = "Evil",
                profile = new { admin = true },
            }
        );
        browser = new Visitor(site);
        Assert.Equal((303, "/account"), await PlaceAsync(browser.SignInAsync(Victim, Password)));
        pair = await JsonAsync(HttpMethod.Post, "/api/token", new { identifier = Name, password = Password });
        rotated = await JsonAsync(
            HttpMethod.Post,
            "/api/token/refresh",
            new { refreshToken = Text(pair, "refreshToken") }
        );
        var bearer = Text(rotated, "accessToken");
        await JsonAsync(HttpMethod.Patch, "/api/account", new { avatar = "https://evil.example/face.png" }, bearer);
        var begun = await JsonAsync(HttpMethod.Post, "/api/account/passkeys/options", bearer: bearer);
        var credential = JsonElement.Parse(passkey.Create(begun.GetProperty("options").GetRawText()));
        await JsonAsync(
            HttpMethod.Post,
            "/api/account/passkeys",
            new { ticket = Text(begun, "ticket"), credential },
            bearer
        );
        await JsonAsync(
            HttpMethod.Post,
            "/api/account/email",
            new { newEmail = Evil, currentPassword = Password },
            bearer
        );
        await Auth.DeliverAsync();
        change = LinkTokenIn(Auth.LastEmailTo(Evil));
    }

    private static async Task<(int, string?)> PlaceAsync(Task<Answer> answer) =>
        ((await answer).Status, (await answer).Location);

    // Everything is tried, on the page and over the API, and everything that is not the owner's is refused.
    private async Task NothingOfTheStrangerIsLeftAsync(string owners)
    {
        foreach (var identifier in new[] { Victim, Name })
        {
            Assert.Equal(
                (HttpStatusCode.Unauthorized, "invalid_credentials"),
                await RefusedAsync(HttpMethod.Post, "/api/token", new { identifier, password = Password })
            );
            Assert.Equal((422, null), await PlaceAsync(new Visitor(site).SignInAsync(identifier, Password)));
        }
        var begun = await JsonAsync(HttpMethod.Post, "/api/token/passkey/options");
        var credential = JsonElement.Parse(passkey.Get(begun.GetProperty("options").GetRawText()));
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "passkey_failed"),
            await RefusedAsync(
                HttpMethod.Post,
                "/api/token/passkey",
                new { ticket = Text(begun, "ticket"), credential }
            )
        );
        foreach (var page in new[] { "/account", "/account/email", "/account/password" })
            Assert.Equal(
                (302, $"/login?returnUrl={Uri.EscapeDataString(page)}"),
                await PlaceAsync(browser.Copy().SendAsync(new(HttpMethod.Get, page)))
            );
        foreach (var token in new[] { pair, rotated })
        {
            Assert.Equal(
                HttpStatusCode.Unauthorized,
                (await RefusedAsync(HttpMethod.Get, "/api/account", bearer: Text(token, "accessToken"))).Status
            );
            Assert.Equal(
                HttpStatusCode.Unauthorized,
                (
                    await RefusedAsync(
                        HttpMethod.Patch,
                        "/api/account",
                        new { displayName = "Evil" },
                        Text(token, "accessToken")
                    )
                ).Status
            );
            Assert.Equal(
                HttpStatusCode.Unauthorized,
                (
                    await RefusedAsync(
                        HttpMethod.Post,
                        "/api/token/refresh",
                        new { refreshToken = Text(token, "refreshToken") }
                    )
                ).Status
            );
        }
        Assert.Equal(
            HttpStatusCode.BadRequest,
            (await RefusedAsync(HttpMethod.Post, "/api/account/email/confirm", new { token = change })).Status
        );
        var opened = new Visitor(site);
        await opened.GetAsync("/confirm-email-change?token=" + change);
        Assert.DoesNotContain(
            "name=\"token\"",
            await opened.GetAsync("/confirm-email-change"),
            StringComparison.Ordinal
        );

        var own = await JsonAsync(HttpMethod.Post, "/api/token", new { identifier = Victim, password = owners });
        var account = own.GetProperty("user");
        Assert.Equal((Victim, true), (Text(account, "email"), account.GetProperty("emailVerified").GetBoolean()));
        foreach (var field in new[] { "username", "displayName", "avatar" })
            Assert.Equal(JsonValueKind.Null, account.GetProperty(field).ValueKind);
        Assert.Equal("{}", account.GetProperty("profile").GetRawText());
        Assert.Equal(
            1,
            (
                await JsonAsync(HttpMethod.Get, "/api/account/sessions", bearer: Text(own, "accessToken"))
            ).GetArrayLength()
        );
        Assert.Equal((303, "/account"), await PlaceAsync(new Visitor(site).SignInAsync(Victim, owners)));
        Assert.Empty(
            await Auth.Use(
                (AuthDbContext db) =>
                    db
                        .OneTimeTokens.Where(t => t.Destination == Evil && t.RevokedAt == null && t.UsedAt == null)
                        .ToListAsync()
            )
        );
        Assert.DoesNotContain(Auth.SubjectsTo(Evil), subject => subject == "Your e-mail address was changed");
    }

    private async Task ResetAsync(string password)
    {
        await Auth.DeliverAsync();
        var owner = new Visitor(site);
        await owner.GetAsync("/reset-password?token=" + LinkTokenIn(Auth.LastEmailTo(Victim)));
        Assert.Equal(
            (303, "/login"),
            await PlaceAsync(owner.FillInAsync("/reset-password", "reset", ("new-password", password)))
        );
    }

    [StoreFact]
    public async Task Reset_by_mail()
    {
        await using var running = site = await Auth.SiteAsync();
        await StrangerWasHereAsync();
        await JsonAsync(HttpMethod.Post, "/api/account/password/forgot", new { email = Victim });
        await ResetAsync(Owners);
        await NothingOfTheStrangerIsLeftAsync(Owners);
    }

    [StoreTheory]
    [InlineData("code")]
    [InlineData("link")]
    [InlineData("page")]
    public async Task An_email_to_sign_in(string door)
    {
        await using var running = site = await Auth.SiteAsync();
        await StrangerWasHereAsync();
        var owner = new Visitor(site);
        if (door == "page")
        {
            Assert.Equal(
                (303, "/login/email-code"),
                await PlaceAsync(owner.FillInAsync("/login/email-code", "ask-code", ("email", Victim)))
            );
            await Auth.DeliverAsync();
            Assert.Equal(
                (303, "/account"),
                await PlaceAsync(
                    owner.FillInAsync("/login/email-code", "email-code", ("code", CodeIn(Auth.LastEmailTo(Victim))))
                )
            );
        }
        else
        {
            var ticket = Text(
                await JsonAsync(HttpMethod.Post, "/api/token/email-code", new { email = Victim }),
                "ticket"
            );
            await Auth.DeliverAsync();
            var letter = Auth.LastEmailTo(Victim);
            if (door == "code")
                await JsonAsync(HttpMethod.Post, "/api/token/email-code/verify", new { ticket, code = CodeIn(letter) });
            else
            {
                await owner.GetAsync("/login/email-link?token=" + LinkTokenIn(letter));
                Assert.Equal((303, "/account"), await PlaceAsync(owner.FillInAsync("/login/email-link", "email-link")));
            }
        }
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await RefusedAsync(HttpMethod.Get, "/api/account", bearer: Text(rotated, "accessToken"))).Status
        );
        Assert.Equal("", await browser.Copy().GetAsync("/account"));
        await JsonAsync(HttpMethod.Post, "/api/account/password/forgot", new { email = Victim });
        await ResetAsync(Owners);
        await NothingOfTheStrangerIsLeftAsync(Owners);
    }

    [StoreFact]
    public async Task An_email_that_waits_while_the_owner_resets_is_never_sent()
    {
        await using var running = site = await Auth.SiteAsync();
        await StrangerWasHereAsync();
        var letters = Auth.SubjectsTo(Evil).Count;
        await JsonAsync(HttpMethod.Post, "/api/account/password/forgot", new { email = Victim });
        await Auth.DeliverAsync();
        var link = LinkTokenIn(Auth.LastEmailTo(Victim));
        await JsonAsync(
            HttpMethod.Post,
            "/api/account/email",
            new { newEmail = Evil, currentPassword = Password },
            Text(rotated, "accessToken")
        );
        await JsonAsync(HttpMethod.Post, "/api/account/password/reset", new { token = link, newPassword = Owners });
        await Auth.DeliverAsync();
        Assert.Equal(letters, Auth.SubjectsTo(Evil).Count);
        await NothingOfTheStrangerIsLeftAsync(Owners);
    }

    [StoreTheory]
    [InlineData("page")]
    [InlineData("api")]
    [InlineData("code")]
    public async Task A_second_sign_up_and_the_email(string door)
    {
        await using var running = site = await Auth.SiteAsync();
        await StrangerWasHereAsync();
        Assert.Equal(
            (HttpStatusCode.Conflict, "email_taken"),
            await RefusedAsync(HttpMethod.Post, "/api/account", new { email = Victim, password = Owners })
        );
        var letter = Auth.Mail.Sent.Last(mail =>
            mail.To == Victim && mail.Content.Text.Contains("/verify-email", StringComparison.Ordinal)
        );
        if (door == "api")
            await JsonAsync(HttpMethod.Post, "/api/account/verify", new { token = LinkTokenIn(letter) });
        else if (door == "code")
            await JsonAsync(HttpMethod.Post, "/api/account/verify", new { email = Victim, code = CodeIn(letter) });
        else
        {
            var owner = new Visitor(site);
            await owner.GetAsync("/verify-email?token=" + LinkTokenIn(letter));
            Assert.Equal((303, "/login"), await PlaceAsync(owner.FillInAsync("/verify-email", "verify")));
        }
        await ResetAsync(Owners); // by the email that follows
        await NothingOfTheStrangerIsLeftAsync(Owners);
    }

    [StoreFact]
    public async Task In_the_private_mode_a_second_sign_up_and_the_email()
    {
        await using (site = await Auth.SiteAsync())
            await StrangerWasHereAsync();
        await using var running = site = await Auth.SiteAsync(("SignIn:RequireVerifiedEmail", "true"));
        browser = browser.Copy(site.Client);
        await JsonAsync(HttpMethod.Post, "/api/account/verify/send", new { email = Victim });
        await Auth.DeliverAsync();
        var letter = Auth.LastEmailTo(Victim);
        Assert.Equal(
            (HttpStatusCode.Accepted, null),
            await RefusedAsync(HttpMethod.Post, "/api/account", new { email = Victim, password = Owners })
        );
        await JsonAsync(HttpMethod.Post, "/api/account/verify", new { token = LinkTokenIn(letter) });
        await ResetAsync(Owners);
        await NothingOfTheStrangerIsLeftAsync(Owners);
    }

    [StoreTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_owner_comes_by_an_external_provider(bool hidden)
    {
        await using (site = await Auth.SiteAsync())
            await StrangerWasHereAsync();
        await using var running = site = await Auth.SiteAsync(
            ("SignIn:RequireVerifiedEmail", hidden ? "true" : "false")
        );
        browser = browser.Copy(site.Client);
        var strangers = (await Auth.Use((AuthDbContext db) => db.Sessions.ToListAsync()))[0];
        strangers.FactorAt = strangers.AuthenticatedAt; // the stranger proved a factor of their own
        var evil = new SignInWithProvider.Identity(new("test", "evil"), null, false, null);
        Assert.Null(
            (
                await Auth.Use(
                    (SignInWithProvider flow) =>
                        flow.LinkAsync(Auth.In(strangers), evil, new(strangers.UserId, strangers.Id), default)
                )
            ).Failure
        );

        await using var scope = site.Services.CreateAsyncScope();
        var outcome = await scope
            .ServiceProvider.GetRequiredService<SignInWithProvider>()
            .SignInAsync(Auth.Caller, new(new("test", "owner"), Victim, EmailVerified: true, null), null, default);
        var own = Assert.IsType<SignInOutcome.SignedIn>(outcome).Session;
        Assert.Equal("owner", (await Auth.Use((AuthDbContext db) => db.UserLogins.SingleAsync())).ProviderKey);
        Assert.Equal(
            [own.Id],
            await Auth.Use(
                (AuthDbContext db) => db.Sessions.Where(s => s.EndedAt == null).Select(s => s.Id).ToListAsync()
            )
        );
        var again = (
            await Auth.Use(
                (SignInWithProvider flow) =>
                    flow.StepUpAsync(
                        Auth.In(own),
                        new(new("test", "owner"), Victim, EmailVerified: true, null),
                        new(own.UserId, own.Id),
                        SensitiveAct.ChangePassword,
                        default
                    )
            )
        ).Value!;
        Assert.Null(
            (
                await Auth.Use(
                    (ChangePassword flow) =>
                        flow.ChangeAsync(Auth.In(again), new Reauthentication.RecentOnly(), Owners, default)
                )
            ).Failure
        );
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.In(own), own.Id, default));
        await NothingOfTheStrangerIsLeftAsync(Owners);
    }

    [StoreFact]
    public async Task I_did_not_sign_up_frees_the_address_and_its_name()
    {
        await using var running = site = await Auth.SiteAsync();
        await StrangerWasHereAsync();
        await JsonAsync(HttpMethod.Post, "/api/account/verify/send", new { email = Victim });
        await Auth.DeliverAsync();
        var owner = new Visitor(site);
        await owner.GetAsync("/verify-email?token=" + LinkTokenIn(Auth.LastEmailTo(Victim)));
        Assert.Equal((303, "/"), await PlaceAsync(owner.FillInAsync("/verify-email", "disown")));
        await JsonAsync(HttpMethod.Post, "/api/account", new { email = Victim, password = Owners });
        await Auth.DeliverAsync();
        await JsonAsync(HttpMethod.Post, "/api/account/verify", new { token = LinkTokenIn(Auth.LastEmailTo(Victim)) });
        await NothingOfTheStrangerIsLeftAsync(Owners);
    }
}
