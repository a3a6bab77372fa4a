using System.Net.Http.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.ExternalLogins;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using BlazorAuth.Web.Commands;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// Closing the account and changing password or email need a proof made for that act, at every door: inside the step-up
/// window an empty, null, missing or wrong one changes nothing, whatever the account has to prove itself with.
/// </summary>
public sealed class ProofForTheActTests : AuthTest, IAsyncLifetime
{
    private const string Jane = "jane@example.net",
        New = "new@example.org";

    public enum Has
    {
        Password,
        Authenticator,
        Passkey,
        BothFactors,
        Provider,
        ProviderAndAuthenticator,
    }

    private RunningSite site = null!;
    private AuthUser user = null!;
    private AuthenticatorApp? app;
    private readonly SoftAuthenticator device = new();

    async Task IAsyncLifetime.InitializeAsync()
    {
        await InitializeAsync();
        site = await Auth.SiteAsync(
            ("Throttle:SignInPerAccount", "10000"),
            ("Throttle:SignInPerAddress", "10000"),
            ("Throttle:SecondFactorPerAccount", "10000"),
            ("Throttle:MailPerAddress", "10000"),
            ("Throttle:MailPerCaller", "10000")
        );
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        device.Dispose();
        await ((IAsyncLifetime)site).DisposeAsync();
        await DisposeAsync();
    }

    private sealed record Door(
        string Name,
        Dialect? Dialect,
        string CliCommand,
        string Path,
        string Field,
        Func<string, JsonObject> Body,
        bool InQuery = false
    );

    private static JsonObject Of(params (string Name, JsonNode? Value)[] fields) =>
        new(fields.Select(f => new KeyValuePair<string, JsonNode?>(f.Name, f.Value)));

    private static readonly Door[] Doors =
    [
        new("close", null, "DELETE", "/api/account", "password", _ => Of()),
        new("close, by the other name", null, "DELETE", "/api/account", "currentPassword", _ => Of()),
        new(
            "change the password",
            null,
            "POST",
            "/api/account/password",
            "currentPassword",
            _ => Of(("newPassword", OtherPassword))
        ),
        new("change the email", null, "POST", "/api/account/email", "currentPassword", _ => Of(("newEmail", New))),
        new("conduit, close", Dialect.Conduit, "DELETE", "/authentication/user", "password", _ => Of()),
        new(
            "conduit, password",
            Dialect.Conduit,
            "POST",
            "/authentication/local/change-password",
            "oldPassword",
            _ => Of(("newPassword", OtherPassword))
        ),
        new(
            "conduit, password by name",
            Dialect.Conduit,
            "POST",
            "/authentication/username/change-password",
            "oldPassword",
            _ => Of(("newPassword", OtherPassword))
        ),
        new(
            "conduit, email",
            Dialect.Conduit,
            "POST",
            "/authentication/local/change-email",
            "password",
            _ => Of(("newEmail", New))
        ),
        new(
            "skygear, password",
            Dialect.Skygear,
            "POST",
            "/auth/password",
            "old_password",
            _ => Of(("password", OtherPassword))
        ),
        new(
            "skygear, email",
            Dialect.Skygear,
            "POST",
            "/record/save",
            "password",
            id => Of(("records", new JsonArray(Of(("_id", "user/" + id), ("email", New)))))
        ),
        new(
            "identity, password",
            Dialect.IdentityApi,
            "POST",
            "/identity/manage/info",
            "oldPassword",
            _ => Of(("newPassword", OtherPassword))
        ),
        new(
            "identity, email",
            Dialect.IdentityApi,
            "POST",
            "/identity/manage/info",
            "oldPassword",
            _ => Of(("newEmail", New))
        ),
        new(
            "kuzzle, password",
            Dialect.Kuzzle,
            "PUT",
            "/_me/credentials/local/_update",
            "password",
            _ => Of(("password", OtherPassword)),
            InQuery: true
        ),
        new(
            "kuzzle, email",
            Dialect.Kuzzle,
            "PUT",
            "/_me/credentials/local/_update",
            "password",
            _ => Of(("username", New)),
            InQuery: true
        ),
        new("feathers, close", Dialect.Feathers, "DELETE", "/users/me", "password", _ => Of()),
        new(
            "feathers, password",
            Dialect.Feathers,
            "PATCH",
            "/users/me",
            "oldPassword",
            _ => Of(("password", OtherPassword))
        ),
        new("feathers, email", Dialect.Feathers, "PATCH", "/users/me", "password", _ => Of(("email", New))),
        new(
            "feathers, passwordChange",
            Dialect.Feathers,
            "POST",
            "/auth-management/password-change",
            "oldPassword",
            _ => Of(("user", Of(("email", Jane))), ("password", OtherPassword))
        ),
        new(
            "feathers, identityChange",
            Dialect.Feathers,
            "POST",
            "/auth-management/identity-change",
            "password",
            _ => Of(("user", Of(("email", Jane))), ("changes", Of(("email", New))))
        ),
    ];

    private static readonly (string Name, bool Given, JsonNode? Value)[] WrongPasswords =
    [
        ("missing", false, null),
        ("null", true, null),
        ("empty", true, ""),
        ("blank", true, " "),
        ("wrong", true, "not the password"),
    ];

    private static readonly (string Name, JsonObject Fields)[] WrongOthers =
    [
        ("empty code", Of(("code", ""))),
        ("wrong code", Of(("code", "000000"))),
        ("empty ticket", Of(("ticket", ""))),
        ("empty ticket and credential", Of(("ticket", ""), ("credential", null))),
        ("ticket alone", Of(("ticket", "t"))),
        ("made-up passkey", Of(("ticket", "t"), ("credential", Of(("id", "AAAA"))))),
        (
            "everything empty",
            Of(("password", ""), ("currentPassword", ""), ("code", ""), ("ticket", ""), ("credential", null))
        ),
    ];

    private async Task MakeAsync(Has has)
    {
        user = await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        if (has is Has.Passkey or Has.BothFactors)
            await Auth.PasskeyAsync(session, device);
        app = has is Has.Authenticator or Has.BothFactors or Has.ProviderAndAuthenticator
            ? await Auth.AuthenticatorAsync(user)
            : null;
        if (has is Has.Provider or Has.ProviderAndAuthenticator)
            await Auth.Use(
                async (AuthDbContext db) =>
                {
                    await db.Users.ExecuteUpdateAsync(set => set.SetProperty(u => u.PasswordHash, (string?)null));
                    db.UserLogins.Add(
                        new IdentityUserLogin<string>
                        {
                            UserId = user.Id,
                            LoginProvider = "test",
                            ProviderKey = "1",
                            ProviderDisplayName = "test",
                        }
                    );
                    await db.SaveChangesAsync();
                }
            );
    }

    private async Task<string> TokenAsync(Dialect? dialect)
    {
        var session = await BeginAsync(dialect);
        return (await Auth.Use((RefreshTokens flow) => flow.IssueAsync(session, default))).AccessToken;
    }

    // As after a sign-in with whatever the account has: begun in the dialect, just now.
    private Task<Session> BeginAsync(Dialect? dialect) =>
        Auth.Use(
            async (AuthDbContext db) =>
            {
                var now = Auth.Clock.Now;
                var session = new Session
                {
                    Id = BlazorAuth.Core.Tokens.TokenCodec.Random(16),
                    UserId = user.Id,
                    Kind = SessionKind.Api,
                    Methods = "pwd otp mfa",
                    Dialect = dialect,
                    CreatedAt = now,
                    AuthenticatedAt = now,
                    FactorAt = now,
                    LastSeenAt = now,
                    IdleEndsAt = now.AddDays(1),
                    AbsoluteEndsAt = now.AddDays(2),
                    Generation = 1,
                    RenewedGeneration = 1,
                    GenerationAt = now,
                };
                db.Sessions.Add(session);
                await db.SaveChangesAsync();
                return session;
            }
        );

    private async Task<string> StateAsync() =>
        await Auth.Use(
            async (AuthDbContext db) =>
            {
                var now = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == user.Id);
                var asked = await db.Outbox.CountAsync(l =>
                    l.Kind == EmailKind.ConfirmEmailChange || l.Kind == EmailKind.EmailChangeAsked
                );
                return now is null ? "gone" : $"{now.PasswordHash} {now.Email} {now.UserName} {asked}";
            }
        );

    private async Task<(int Status, string Text)> SendAsync(Door door, string token, JsonObject extra)
    {
        var (body, path) = (door.Body(user.Id), door.Path);
        foreach (var (name, value) in extra)
            if (!door.InQuery)
                body[name] = value?.DeepClone();
            else if (name == door.Field)
                path += $"?{name}={Uri.EscapeDataString(value?.ToString() ?? "")}";
        if (door.Dialect == Dialect.Skygear)
            body["access_token"] = token;
        using var answer = await site.SendAsync(new HttpMethod(door.CliCommand), path, JsonContent.Create(body), token);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData(Has.Password)]
    [InlineData(Has.Authenticator)]
    [InlineData(Has.Passkey)]
    [InlineData(Has.BothFactors)]
    [InlineData(Has.Provider)]
    [InlineData(Has.ProviderAndAuthenticator)]
    public async Task Without_the_proof_no_door_changes_anything_inside_the_window(Has has)
    {
        await MakeAsync(has);
        var before = await StateAsync();
        foreach (var door in Doors)
        {
            var token = await TokenAsync(door.Dialect);
            Auth.Clock.Move(TimeSpan.FromMinutes(3));
            foreach (var (name, given, value) in WrongPasswords)
                await NothingAsync(
                    $"{has}: {door.Name}, {name} password",
                    given ? Of((door.Field, value?.DeepClone())) : Of()
                );
            foreach (var (name, fields) in WrongOthers)
                await NothingAsync($"{has}: {door.Name}, {name}", fields);

            async Task NothingAsync(string what, JsonObject extra)
            {
                var answer = await SendAsync(door, token, extra);
                Assert.True(answer.Status < 500, $"{what}: {answer.Status} {answer.Text}");
                Assert.True(await StateAsync() == before, $"{what}: {answer.Status} {answer.Text}");
                // Otherwise it was something else that kept the door shut.
                Assert.DoesNotContain(
                    "access_token",
                    answer.Status == 401 ? answer.Text : "",
                    StringComparison.Ordinal
                );
            }
        }
    }

    [Theory]
    [InlineData("DELETE", "/api/account", 204)]
    [InlineData("POST", "/api/account/password", 200)]
    [InlineData("POST", "/api/account/email", 202)]
    public async Task The_password_a_code_and_a_passkey_are_each_enough_and_are_spent(
        string verb,
        string path,
        int done
    )
    {
        foreach (var by in new[] { "password", "code", "passkey" })
        {
            await MakeAsync(Has.BothFactors);
            var (token, other) = (await TokenAsync(null), await TokenAsync(null));
            var proof = by switch
            {
                "password" => Of(("currentPassword", Password)),
                "code" => Of(("code", app!.Code())),
                _ => await PasskeyAsync(token),
            };
            var door = new Door(path, null, verb, path, "", _ => Of(("newPassword", OtherPassword), ("newEmail", New)));
            if (by == "passkey")
                Assert.Equal(401, (await SendAsync(door, other, proof)).Status); // the ticket is of another session
            var answer = await SendAsync(door, token, proof);
            Assert.True(answer.Status == done, $"{by}: {answer.Status} {answer.Text}");
            if (path.EndsWith("email", StringComparison.Ordinal) && by != "password")
                Assert.Equal(401, (await SendAsync(door, token, proof)).Status); // spent
            await Auth.Use((AuthDbContext db) => db.Users.ExecuteDeleteAsync());
            device.CredentialId = System.Security.Cryptography.RandomNumberGenerator.GetBytes(32);
            Auth.Clock.Move(TimeSpan.FromMinutes(1));
        }
    }

    private async Task<JsonObject> PasskeyAsync(string token)
    {
        using var answer = await site.SendAsync(HttpMethod.Post, "/api/account/step-up/options", null, token);
        var begun = await answer.Content.ReadFromJsonAsync<JsonObject>();
        (device.Origin, device.RelyingParty) = ("http://localhost:5080", "localhost"); // the running site's own
        return Of(
            ("ticket", begun!["ticket"]!.DeepClone()),
            ("credential", JsonNode.Parse(device.Get(begun["options"]!.ToJsonString())))
        );
    }

    [Theory]
    [InlineData("/account/close", "close")]
    [InlineData("/account/password", "password")]
    [InlineData("/account/email", "email")]
    public async Task The_pages_show_the_fields_and_take_no_empty_one(string path, string form)
    {
        foreach (var has in new[] { Has.Password, Has.Authenticator, Has.BothFactors })
        {
            user = await Auth.MemberAsync(Jane);
            var visitor = new Visitor(site);
            await visitor.SignInAsync(Jane, Password);
            if (has == Has.BothFactors)
                await Auth.PasskeyAsync(await Auth.SignInAsync(Jane), device);
            app = has == Has.Password ? null : await Auth.AuthenticatorAsync(user);
            var before = await StateAsync();
            var page = await visitor.GetAsync(path);
            Assert.Contains("id=\"current-password\"", page, StringComparison.Ordinal);
            Assert.Equal(has != Has.Password, page.Contains("id=\"code\"", StringComparison.Ordinal));
            Assert.Equal(has == Has.BothFactors, page.Contains("<passkey-proof", StringComparison.Ordinal));
            foreach (
                var fields in new (string, string)[][]
                {
                    [],
                    [("current-password", "")],
                    [("current-password", ""), ("code", "")],
                    [("code", "000000")],
                    [("ticket", ""), ("credential", "")],
                    [("ticket", "t"), ("credential", "{}")],
                    [("current-password", "wrong")],
                }
            )
            {
                var answer = await visitor.SendFormAsync(
                    path,
                    Visitor.FormOf(page, form),
                    [("new-password", OtherPassword), ("email", New), .. fields]
                );
                Assert.True(
                    answer.Status == 422,
                    $"{has} {path} {string.Join(' ', fields)}: {answer.Status} {answer.Location}"
                );
                Assert.Equal(before, await StateAsync());
            }
            var proof = app is null ? ("current-password", Password) : ("code", app.Code());
            var done = await visitor.SendFormAsync(
                path,
                Visitor.FormOf(page, form),
                [("new-password", OtherPassword), ("email", New), proof]
            );
            Assert.Equal(303, done.Status);
            Assert.NotEqual(before, await StateAsync());
            await Auth.Use((AuthDbContext db) => db.Users.ExecuteDeleteAsync());
            await Auth.Use((AuthDbContext db) => db.Outbox.ExecuteDeleteAsync());
            Auth.Clock.Move(TimeSpan.FromMinutes(1));
        }
    }

    [Theory]
    [InlineData(Dialect.Conduit, "conduit, close")]
    [InlineData(Dialect.Conduit, "conduit, password")]
    [InlineData(Dialect.Conduit, "conduit, email")]
    [InlineData(Dialect.Feathers, "feathers, close")]
    [InlineData(Dialect.IdentityApi, "identity, email")]
    [InlineData(Dialect.Skygear, "skygear, email")]
    public async Task A_dialect_whose_clients_send_no_proof_takes_a_session_begun_there_a_moment_ago_and_no_other(
        Dialect dialect,
        string name
    )
    {
        await MakeAsync(Has.Password);
        var (door, before) = (Doors.Single(d => d.Name == name), await StateAsync());
        await SendAsync(door, await TokenAsync(null), Of()); // begun at our own API
        await SendAsync(door, await TokenAsync(dialect == Dialect.Conduit ? Dialect.Feathers : Dialect.Conduit), Of());
        Assert.Equal(before, await StateAsync());
        var token = await TokenAsync(dialect);
        Auth.Clock.Move(Reauthenticate.Moment);
        await SendAsync(door, token, Of());
        Assert.Equal(before, await StateAsync());
        var answer = await SendAsync(door, await TokenAsync(dialect), Of());
        Assert.True(await StateAsync() != before, answer.Text);
    }

    [Fact]
    public async Task A_sign_in_at_the_provider_is_a_proof_of_the_act_it_was_made_for_in_its_session_and_once()
    {
        await MakeAsync(Has.Provider);
        var (session, other) = (await BeginAsync(null), await BeginAsync(null));
        var identity = new SignInWithProvider.Identity(new("test", "1"), Jane, true, null);
        Assert.Equal(AuthError.StepUpRequired, await RequestAsync(session));
        Assert.NotNull(
            (
                await Auth.Use(
                    (SignInWithProvider flow) =>
                        flow.StepUpAsync(
                            Auth.In(session),
                            identity,
                            new(user.Id, session.Id),
                            SensitiveAct.ChangeEmail,
                            default
                        )
                )
            ).Value
        );
        Assert.Equal(
            AuthError.StepUpRequired,
            (
                await Auth.Use(
                    (CloseAccount flow) => flow.CloseAsync(Auth.In(session), new Reauthentication.RecentOnly(), default)
                )
            )
                .Failure
                ?.Error
        );
        Assert.Equal(AuthError.StepUpRequired, await RequestAsync(other));
        Assert.Null(await RequestAsync(session));
        Assert.Equal(AuthError.StepUpRequired, await RequestAsync(session, "third@example.org"));

        async Task<AuthError?> RequestAsync(Session of, string email = New) =>
            (
                await Auth.Use(
                    (ChangeEmail flow) =>
                        flow.RequestAsync(Auth.In(of), email, new Reauthentication.RecentOnly(), default)
                )
            )
                .Failure
                ?.Error;
    }

    [Fact]
    public async Task An_anonymous_account_closes_itself_with_its_session_alone_and_an_api_key_closes_nothing()
    {
        var begun = await Auth.Use(
            (SignInAnonymously flow) => flow.BeginAsync(Auth.Caller, null, SessionKind.Api, null, default)
        );
        var session = Assert.IsType<SignInOutcome.SignedIn>(begun).Session;
        var key = Auth.In(session) with { ByKey = true };
        Assert.Equal(AuthError.Forbidden, (await CloseAsync(key)).Failure?.Error);
        Auth.Clock.Move(TimeSpan.FromHours(1));
        Assert.Null((await CloseAsync(Auth.In(session))).Failure);

        Task<Result> CloseAsync(Caller caller) =>
            Auth.Use((CloseAccount flow) => flow.CloseAsync(caller, new Reauthentication.RecentOnly(), default));
    }
}
