using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.UnitTests.Support;
using BlazorAuth.Web;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>The actions of Kuzzle, each over both protocols.</summary>
public abstract class KuzzleTests(RunningSite site) : IAsyncLifetime
{
    private const string Password = "correct horse battery";
    private IKuzzleWire _wire = null!;

    private protected RunningSite Site => site;

    private protected abstract Task<IKuzzleWire> ConnectAsync();

    public async Task InitializeAsync() => _wire = await ConnectAsync();

    public Task DisposeAsync() => _wire.DisposeAsync().AsTask();

    private Task<JsonElement> RequestAsync(
        string action,
        JsonObject? body = null,
        string? jwt = null,
        JsonObject? arguments = null,
        string controller = "auth"
    ) => _wire.RequestAsync(controller, action, body, jwt, arguments ?? []);

    private static JsonObject Local => new() { ["strategy"] = "local" };

    private static JsonObject Credentials(string name, string password = Password) =>
        new() { ["username"] = name, ["password"] = password };

    private static JsonElement ResultOf(JsonElement envelope)
    {
        Assert.Equal(
            (JsonValueKind.Null, 200),
            (envelope.GetProperty("error").ValueKind, envelope.GetProperty("status").GetInt32())
        );
        return envelope.GetProperty("result");
    }

    private static void Refused(JsonElement envelope, int status, string id, int code)
    {
        var error = envelope.GetProperty("error");
        Assert.Equal(
            (status, id, code),
            (
                error.GetProperty("status").GetInt32(),
                error.GetProperty("id").GetString(),
                error.GetProperty("code").GetInt32()
            )
        );
        Assert.Equal(
            (status, JsonValueKind.Null),
            (envelope.GetProperty("status").GetInt32(), envelope.GetProperty("result").ValueKind)
        );
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
    }

    private static void Invalid(JsonElement envelope) => Refused(envelope, 401, "security.token.invalid", 0x07010001);

    private async Task<(string Name, string Id)> MemberAsync(JsonObject? content = null)
    {
        var name = $"u{Guid.NewGuid():N}"[..20];
        var made = ResultOf(
            await RequestAsync(
                "createRestrictedUser",
                new()
                {
                    ["content"] = content ?? [],
                    ["credentials"] = new JsonObject { ["local"] = Credentials(name) },
                },
                controller: "security"
            )
        );
        return (name, made.GetProperty("_id").GetString()!);
    }

    private async Task<string> LoginAsync(string name, string password = Password) =>
        ResultOf(await RequestAsync("login", Credentials(name, password), arguments: Local))
            .GetProperty("jwt")
            .GetString()!;

    private static JsonElement PayloadOf(string jwt) =>
        JsonElement.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(jwt.Split('.')[1]));

    [Fact]
    public async Task A_login_gives_a_token_that_its_client_can_take_apart()
    {
        var (name, id) = await MemberAsync();
        var login = ResultOf(await RequestAsync("login", Credentials(name), arguments: Local));
        var payload = PayloadOf(login.GetProperty("jwt").GetString()!);
        Assert.Equal(
            (id, id, 3_600_000),
            (
                login.GetProperty("_id").GetString(),
                payload.GetProperty("_id").GetString(),
                login.GetProperty("ttl").GetInt32()
            )
        );
        Assert.Equal(payload.GetProperty("exp").GetInt64() * 1000, login.GetProperty("expiresAt").GetInt64());
        Assert.InRange(payload.GetProperty("exp").GetInt64() - payload.GetProperty("iat").GetInt64(), 3599, 3601);
    }

    // kourou auth:login -a strategy=local -a username=… -a password=…: every argument at the root of the frame, and no
    // body.
    [Fact]
    public async Task A_login_takes_its_credentials_from_the_arguments_too()
    {
        var (name, id) = await MemberAsync();
        var arguments = Credentials(name);
        arguments["strategy"] = "local";
        Assert.Equal(id, ResultOf(await RequestAsync("login", arguments: arguments)).GetProperty("_id").GetString());
        // Each by itself, and the body first, as Kuzzle's own strategy looks for them.
        var halves = new JsonObject
        {
            ["strategy"] = "local",
            ["password"] = Password,
            ["username"] = "somebody.else",
        };
        Assert.Equal(
            id,
            ResultOf(await RequestAsync("login", new() { ["username"] = name }, arguments: halves))
                .GetProperty("_id")
                .GetString()
        );
        arguments["password"] = "wrong wrong";
        Refused(
            await RequestAsync("login", arguments: arguments.DeepClone().AsObject()),
            401,
            "plugin.strategy.missing_user",
            0x04030014
        );
        arguments.Remove("password");
        Refused(await RequestAsync("login", arguments: arguments), 400, "api.assert.missing_argument", 0x02010003);
    }

    [Theory]
    [InlineData("6d", 6 * 86_400)]
    [InlineData("90000", 90)]
    [InlineData("1.5 hours", 5400)]
    [InlineData("90 days", 90 * 86_400)]
    public async Task A_token_lasts_as_long_as_was_asked_for(string expiresIn, int seconds)
    {
        var (name, _) = await MemberAsync();
        var arguments = Local;
        arguments["expiresIn"] = expiresIn;
        var login = ResultOf(await RequestAsync("login", Credentials(name), arguments: arguments));
        var payload = PayloadOf(login.GetProperty("jwt").GetString()!);
        Assert.InRange(
            payload.GetProperty("exp").GetInt64() - payload.GetProperty("iat").GetInt64(),
            seconds - 1,
            seconds + 1
        );
        Assert.InRange(login.GetProperty("ttl").GetInt64(), seconds * 1000L - 5000, seconds * 1000L);
    }

    [Theory]
    [InlineData("-1", "security.token.ttl_exceeded", 0x07010004)]
    [InlineData("91d", "security.token.ttl_exceeded", 0x07010004)]
    [InlineData("999999999999999y", "security.token.ttl_exceeded", 0x07010004)]
    [InlineData("soon", "security.token.invalid_expiration", 0x07010009)]
    [InlineData("-5", "security.token.invalid_expiration", 0x07010009)]
    [InlineData("0", "security.token.invalid_expiration", 0x07010009)]
    public async Task A_token_without_a_bearable_end_is_refused(string expiresIn, string id, int code)
    {
        var (name, _) = await MemberAsync();
        var arguments = Local;
        arguments["expiresIn"] = expiresIn;
        Refused(await RequestAsync("login", Credentials(name), arguments: arguments), 400, id, code);
    }

    [Fact]
    public async Task An_unknown_name_and_a_wrong_password_get_the_same_answer()
    {
        var (name, _) = await MemberAsync();
        var wrong = await RequestAsync("login", Credentials(name, "not the password"), arguments: Local);
        var unknown = await RequestAsync("login", Credentials("nobody-has-this", "not the password"), arguments: Local);
        Refused(wrong, 401, "plugin.strategy.missing_user", 0x04030014);
        Assert.Equal(wrong.GetProperty("error").GetRawText(), unknown.GetProperty("error").GetRawText());
    }

    [Fact]
    public async Task What_is_asked_without_a_token_is_answered_for_nobody_or_refused()
    {
        var nobody = ResultOf(await RequestAsync("getCurrentUser"));
        Assert.Equal(
            ("-1", "anonymous"),
            (
                nobody.GetProperty("_id").GetString(),
                nobody.GetProperty("_source").GetProperty("profileIds")[0].GetString()
            )
        );
        var check = ResultOf(await RequestAsync("checkToken", []));
        Assert.Equal(
            (true, "-1", -1),
            (
                check.GetProperty("valid").GetBoolean(),
                check.GetProperty("kuid").GetString(),
                check.GetProperty("expiresAt").GetInt32()
            )
        );
        foreach (var action in new[] { "logout", "refreshToken", "createToken", "searchApiKeys", "createApiKey" })
            Refused(await RequestAsync(action), 401, "security.rights.unauthorized", 0x07030001);
        Refused(await RequestAsync("updateSelf", new() { ["a"] = 1 }), 401, "security.rights.unauthorized", 0x07030001);
        var rights = ResultOf(await RequestAsync("getMyRights"))
            .GetProperty("hits")
            .EnumerateArray()
            .Select(r => r.GetProperty("action").GetString())
            .ToList();
        Assert.Contains("login", rights);
        Assert.DoesNotContain("updateSelf", rights);
    }

    [Fact]
    public async Task The_current_user_is_the_profile_and_its_changes_are_added_to_it()
    {
        var (name, id) = await MemberAsync(
            new()
            {
                ["city"] = "Lyon",
                ["likes"] = new JsonObject { ["tea"] = true },
            }
        );
        var jwt = await LoginAsync(name);
        await RequestAsync(
            "updateSelf",
            new()
            {
                ["likes"] = new JsonObject { ["coffee"] = false },
                ["motto"] = "né à Lyon ✓",
            },
            jwt
        );
        var user = ResultOf(await RequestAsync("getCurrentUser", jwt: jwt));
        Assert.Equal(
            (id, "local"),
            (user.GetProperty("_id").GetString(), user.GetProperty("strategies")[0].GetString())
        );
        Assert.True(
            JsonElement.DeepEquals(
                JsonElement.Parse(
                    """{"city":"Lyon","likes":{"tea":true,"coffee":false},"motto":"né à Lyon ✓","profileIds":["default"]}"""
                ),
                user.GetProperty("_source")
            )
        );
        Refused(
            await RequestAsync("updateSelf", new() { ["profileIds"] = new JsonArray("admin") }, jwt),
            400,
            "api.assert.forbidden_argument",
            0x0201000b
        );
        Refused(
            await RequestAsync("updateSelf", new() { ["a"] = new string('x', 17_000) }, jwt),
            400,
            "api.assert.invalid_argument",
            0x02010002
        );
    }

    [Fact]
    public async Task Changes_at_the_same_time_are_all_kept()
    {
        var (name, _) = await MemberAsync();
        var jwt = await LoginAsync(name);
        await using var http = new KuzzleHttp(site);
        await Task.WhenAll(
            Enumerable
                .Range(0, 4)
                .Select(i => http.RequestAsync("auth", "updateSelf", new() { [$"f{i}"] = i }, jwt, []))
        );
        var source = ResultOf(await RequestAsync("getCurrentUser", jwt: jwt)).GetProperty("_source");
        for (var i = 0; i < 4; i++)
            Assert.Equal(i, source.GetProperty($"f{i}").GetInt32());
    }

    [Fact]
    public async Task A_taken_name_is_told_and_a_name_of_an_address_is_that_address()
    {
        var (name, _) = await MemberAsync();
        Refused(
            await RequestAsync(
                "createRestrictedUser",
                new()
                {
                    ["content"] = new JsonObject(),
                    ["credentials"] = new JsonObject { ["local"] = Credentials(name) },
                },
                arguments: new() { ["_id"] = "mine" },
                controller: "security"
            ),
            412,
            "security.user.already_exists",
            0x07040001
        );
        var email = $"{Guid.NewGuid():N}@example.com";
        ResultOf(
            await RequestAsync(
                "createRestrictedUser",
                new() { ["credentials"] = new JsonObject { ["local"] = Credentials(email) } },
                controller: "security"
            )
        );
        var token = await site.Client.PostAsJsonAsync("/api/token", new { identifier = email, password = Password });
        Assert.Equal(
            email,
            (await token.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("user").GetProperty("email").GetString()
        );
    }

    [Fact]
    public async Task A_token_is_checked_with_and_without_its_prefix()
    {
        var (name, id) = await MemberAsync();
        var jwt = await LoginAsync(name);
        foreach (var text in new[] { jwt, "kauth-" + jwt })
        {
            var check = ResultOf(await RequestAsync("checkToken", new() { ["token"] = text }));
            Assert.Equal((true, id), (check.GetProperty("valid").GetBoolean(), check.GetProperty("kuid").GetString()));
            Assert.Equal(id, ResultOf(await RequestAsync("getCurrentUser", jwt: text)).GetProperty("_id").GetString());
        }
        foreach (var text in new[] { jwt + "x", "kapikey-" + jwt, "a.b.c", "\0" })
        {
            var check = ResultOf(await RequestAsync("checkToken", new() { ["token"] = text }));
            Assert.Equal(
                (false, "Invalid token."),
                (check.GetProperty("valid").GetBoolean(), check.GetProperty("state").GetString())
            );
        }
        Invalid(await RequestAsync("getCurrentUser", jwt: jwt + "x"));
    }

    [Fact]
    public async Task A_token_is_over_when_it_said_it_would_be()
    {
        var (name, _) = await MemberAsync();
        var arguments = Local;
        arguments["expiresIn"] = "1";
        var login = ResultOf(await RequestAsync("login", Credentials(name), arguments: arguments));
        var jwt = login.GetProperty("jwt").GetString();
        await Task.Delay(TimeSpan.FromSeconds(1.2));
        Assert.Equal(
            "Token expired",
            ResultOf(await RequestAsync("checkToken", new() { ["token"] = jwt })).GetProperty("state").GetString()
        );
        Refused(await RequestAsync("getCurrentUser", jwt: jwt), 401, "security.token.expired", 0x07010006);
        // its session is ended all the same
        Assert.True(ResultOf(await RequestAsync("logout", jwt: jwt)).GetProperty("acknowledged").GetBoolean());
    }

    [Fact]
    public async Task A_refresh_gives_the_next_token_of_the_same_session_for_as_long_as_is_asked()
    {
        var (name, id) = await MemberAsync();
        var jwt = await LoginAsync(name);
        var next = ResultOf(await RequestAsync("refreshToken", jwt: jwt, arguments: new() { ["expiresIn"] = "2h" }));
        Assert.Equal((id, 7_200_000), (next.GetProperty("_id").GetString(), next.GetProperty("ttl").GetInt32()));
        var (before, after) = (PayloadOf(jwt), PayloadOf(next.GetProperty("jwt").GetString()!));
        Assert.Equal(before.GetProperty("sid").GetString(), after.GetProperty("sid").GetString());
        Assert.Equal(before.GetProperty("gen").GetInt32() + 1, after.GetProperty("gen").GetInt32());
        // A second tab with the same token gets the same successor.
        var tab = ResultOf(await RequestAsync("refreshToken", jwt: jwt)).GetProperty("jwt").GetString()!;
        Assert.Equal(after.GetProperty("gen").GetInt32(), PayloadOf(tab).GetProperty("gen").GetInt32());
        Refused(
            await RequestAsync("refreshToken", jwt: tab, arguments: new() { ["expiresIn"] = -1 }),
            400,
            "security.token.ttl_exceeded",
            0x07010004
        );
    }

    [Fact]
    public async Task A_token_made_beside_the_login_ends_with_it()
    {
        var (name, id) = await MemberAsync();
        var jwt = await LoginAsync(name);
        var made = ResultOf(await RequestAsync("createToken", jwt: jwt, arguments: new() { ["expiresIn"] = "10m" }));
        Assert.Equal(
            (600_000, false),
            (made.GetProperty("ttl").GetInt32(), made.GetProperty("singleUse").GetBoolean())
        );
        var token = made.GetProperty("token").GetString();
        Assert.Equal(id, ResultOf(await RequestAsync("getCurrentUser", jwt: token)).GetProperty("_id").GetString());
        Refused(
            await RequestAsync("createToken", jwt: jwt, arguments: new() { ["expiresIn"] = -1 }),
            400,
            "security.token.invalid_expiration",
            0x07010009
        );
        Refused(
            await RequestAsync("createToken", jwt: jwt, arguments: new() { ["singleUse"] = true }),
            400,
            "api.assert.invalid_argument",
            0x02010002
        );
        ResultOf(await RequestAsync("logout", jwt: jwt));
        Invalid(await RequestAsync("getCurrentUser", jwt: token));
    }

    [Fact]
    public async Task A_logout_ends_its_session_and_a_global_one_every_other()
    {
        var (name, _) = await MemberAsync();
        var (first, second, third) = (await LoginAsync(name), await LoginAsync(name), await LoginAsync(name));
        var key = await KeyAsync(first);
        ResultOf(await RequestAsync("logout", jwt: first));
        Invalid(await RequestAsync("getMyRights", jwt: first));
        ResultOf(await RequestAsync("getMyRights", jwt: second));
        Refused(await RequestAsync("logout", jwt: key.Token), 403, "security.rights.forbidden", 0x07030002);
        ResultOf(await RequestAsync("logout", jwt: second, arguments: new() { ["global"] = true }));
        Invalid(await RequestAsync("getMyRights", jwt: second));
        Invalid(await RequestAsync("getMyRights", jwt: third));
        Invalid(await RequestAsync("getMyRights", jwt: key.Token)); // who signs out everywhere ends the keys too
    }

    private async Task<(string Id, string Token)> KeyAsync(string jwt)
    {
        var key = ResultOf(await RequestAsync("createApiKey", new() { ["description"] = "nightly deploys" }, jwt));
        return (key.GetProperty("_id").GetString()!, key.GetProperty("_source").GetProperty("token").GetString()!);
    }

    [Fact]
    public async Task An_api_key_is_shown_once_found_again_and_deleted()
    {
        var (name, id) = await MemberAsync();
        var jwt = await LoginAsync(name);
        var key = await KeyAsync(jwt);
        Assert.Equal(id, PayloadOf(key.Token).GetProperty("_id").GetString());
        Assert.Equal(id, ResultOf(await RequestAsync("getCurrentUser", jwt: key.Token)).GetProperty("_id").GetString());
        foreach (
            var query in new JsonObject[]
            {
                [],
                new() { ["match"] = new JsonObject { ["description"] = "deploys" } },
                new() { ["equals"] = new JsonObject { ["description"] = "nightly deploys" } },
            }
        )
        {
            var found = ResultOf(await RequestAsync("searchApiKeys", query, jwt));
            Assert.Equal(
                (1, key.Id),
                (found.GetProperty("total").GetInt32(), found.GetProperty("hits")[0].GetProperty("_id").GetString())
            );
            var source = found.GetProperty("hits")[0].GetProperty("_source");
            var print = Convert.ToHexStringLower(
                System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(key.Token))
            );
            Assert.Equal(
                (print, -1, id),
                (
                    source.GetProperty("fingerprint").GetString(),
                    source.GetProperty("expiresAt").GetInt32(),
                    source.GetProperty("userId").GetString()
                )
            );
            Assert.False(source.TryGetProperty("token", out _));
        }
        Assert.Equal(
            0,
            ResultOf(
                    await RequestAsync(
                        "searchApiKeys",
                        new() { ["term"] = new JsonObject { ["description"] = "deploys" } },
                        jwt
                    )
                )
                .GetProperty("total")
                .GetInt32()
        );
        Refused(
            await RequestAsync("searchApiKeys", new() { ["range"] = new JsonObject() }, jwt),
            400,
            "api.assert.invalid_argument",
            0x02010002
        );
        Refused(
            await RequestAsync("refreshToken", jwt: key.Token),
            401,
            "security.token.refresh_forbidden",
            0x07010008
        );
        Refused(
            await RequestAsync("deleteApiKey", jwt: key.Token, arguments: new() { ["_id"] = key.Id }),
            403,
            "security.rights.forbidden",
            0x07030002
        );
        Assert.Equal(
            key.Id,
            ResultOf(await RequestAsync("deleteApiKey", jwt: jwt, arguments: new() { ["_id"] = key.Id }))
                .GetProperty("_id")
                .GetString()
        );
        Refused(
            await RequestAsync("deleteApiKey", jwt: jwt, arguments: new() { ["_id"] = key.Id }),
            404,
            "services.storage.not_found",
            0x0101000b
        );
        Invalid(await RequestAsync("getCurrentUser", jwt: key.Token));
    }

    [Fact]
    public async Task A_changed_character_anywhere_in_an_api_key_makes_it_worthless()
    {
        var (name, _) = await MemberAsync();
        var token = (await KeyAsync(await LoginAsync(name))).Token;
        for (var at = "kapikey-".Length; at < token.Length; at += 7)
            Invalid(
                await RequestAsync(
                    "getCurrentUser",
                    jwt: $"{token[..at]}{(token[at] == 'A' ? 'B' : 'A')}{token[(at + 1)..]}"
                )
            );
    }

    [Fact]
    public async Task Credentials_are_told_judged_and_changed_by_their_owner()
    {
        var (name, id) = await MemberAsync();
        var (other, _) = await MemberAsync();
        var jwt = await LoginAsync(name);
        var mine = ResultOf(await RequestAsync("getMyCredentials", jwt: jwt, arguments: Local));
        Assert.Equal((name, id), (mine.GetProperty("username").GetString(), mine.GetProperty("kuid").GetString()));
        Assert.True(ResultOf(await RequestAsync("credentialsExist", jwt: jwt, arguments: Local)).GetBoolean());
        Assert.True(ResultOf(await RequestAsync("validateMyCredentials", Credentials(name), jwt, Local)).GetBoolean());
        Refused(
            await RequestAsync("validateMyCredentials", Credentials(name, "short"), jwt, Local),
            400,
            "security.credentials.rejected",
            0x07020003
        );
        Refused(
            await RequestAsync("validateMyCredentials", Credentials(other), jwt, Local),
            412,
            "security.user.already_exists",
            0x07040001
        );
        Refused(
            await RequestAsync("createMyCredentials", Credentials(name), jwt, Local),
            400,
            "security.credentials.rejected",
            0x07020003
        );
        Refused(
            await RequestAsync("deleteMyCredentials", jwt: jwt, arguments: Local),
            400,
            "security.credentials.rejected",
            0x07020003
        );
        Refused(
            await RequestAsync("updateMyCredentials", new() { ["username"] = other }, jwt, Local),
            412,
            "security.user.already_exists",
            0x07040001
        );
        var renamed = ResultOf(
            await RequestAsync("updateMyCredentials", new() { ["username"] = name + "-2" }, jwt, Local)
        );
        Assert.Equal(name + "-2", renamed.GetProperty("username").GetString());
        await LoginAsync(name + "-2");
    }

    [Fact]
    public async Task A_password_is_changed_with_the_current_one_and_every_older_token_ends()
    {
        var (name, id) = await MemberAsync();
        var (jwt, other) = (await LoginAsync(name), await LoginAsync(name));
        var change = new JsonObject { ["password"] = "quite another password" };
        Refused(
            await RequestAsync("updateMyCredentials", change, jwt, Local),
            400,
            "api.assert.missing_argument",
            0x02010003
        );
        var wrong = Local;
        wrong["password"] = "not the password";
        Refused(
            await RequestAsync("updateMyCredentials", change, jwt, wrong),
            400,
            "security.credentials.rejected",
            0x07020003
        );
        var right = Local;
        right["password"] = Password;
        var next = ResultOf(await RequestAsync("updateMyCredentials", change, jwt, right))
            .GetProperty("jwt")
            .GetString();
        Invalid(await RequestAsync("getMyRights", jwt: jwt));
        Invalid(await RequestAsync("getMyRights", jwt: other));
        Assert.Equal(id, ResultOf(await RequestAsync("getCurrentUser", jwt: next)).GetProperty("_id").GetString());
        await LoginAsync(name, "quite another password");
    }

    [Fact]
    public async Task Credentials_make_an_anonymous_account_somebodys()
    {
        var begun = await (
            await site.Client.PostAsJsonAsync("/api/token/anonymous", new { profile = new { cart = 1 } })
        ).Content.ReadFromJsonAsync<JsonElement>();
        var (jwt, id) = (
            begun.GetProperty("accessToken").GetString(),
            begun.GetProperty("user").GetProperty("id").GetString()
        );
        Assert.False(ResultOf(await RequestAsync("credentialsExist", jwt: jwt, arguments: Local)).GetBoolean());
        Refused(
            await RequestAsync("getMyCredentials", jwt: jwt, arguments: Local),
            404,
            "services.storage.not_found",
            0x0101000b
        );
        var name = $"a{Guid.NewGuid():N}"[..20];
        var made = ResultOf(await RequestAsync("createMyCredentials", Credentials(name), jwt, Local));
        Assert.Equal((name, id), (made.GetProperty("username").GetString(), made.GetProperty("kuid").GetString()));
        var user = ResultOf(await RequestAsync("getCurrentUser", jwt: await LoginAsync(name)));
        Assert.Equal(
            (id, 1),
            (user.GetProperty("_id").GetString(), user.GetProperty("_source").GetProperty("cart").GetInt32())
        );
    }

    [Fact]
    public async Task Other_strategies_and_cookies_are_not_spoken()
    {
        var (name, _) = await MemberAsync();
        var jwt = await LoginAsync(name);
        Assert.Equal("local", ResultOf(await RequestAsync("getStrategies")).EnumerateArray().Single().GetString());
        foreach (
            var action in new[]
            {
                "login",
                "getMyCredentials",
                "credentialsExist",
                "validateMyCredentials",
                "createMyCredentials",
                "updateMyCredentials",
                "deleteMyCredentials",
            }
        )
            Refused(
                await RequestAsync(
                    action,
                    action is "getMyCredentials" or "credentialsExist" ? null : Credentials(name),
                    jwt,
                    new() { ["strategy"] = "oauth" }
                ),
                400,
                "security.credentials.unknown_strategy",
                0x07020001
            );
        var cookie = Local;
        cookie["cookieAuth"] = true;
        Refused(
            await RequestAsync("login", Credentials(name), arguments: cookie),
            500,
            "security.cookie.unsupported",
            0x07070002
        );
    }

    [Fact]
    public async Task Rights_are_what_can_be_called()
    {
        var (name, _) = await MemberAsync();
        var jwt = await LoginAsync(name);
        foreach (
            var right in ResultOf(await RequestAsync("getMyRights", jwt: jwt)).GetProperty("hits").EnumerateArray()
        )
            Assert.True(
                await MayAsync(right.GetProperty("controller").GetString()!, right.GetProperty("action").GetString()!)
            );
        Assert.False(await MayAsync("document", "create"));
        Refused(
            await RequestAsync("checkRights", new() { ["action"] = "login" }, jwt),
            400,
            "api.assert.missing_argument",
            0x02010003
        );

        async Task<bool> MayAsync(string controller, string action) =>
            ResultOf(await RequestAsync("checkRights", new() { ["controller"] = controller, ["action"] = action }, jwt))
                .GetProperty("allowed")
                .GetBoolean();
    }

    [Collection(SiteCollection.Name)]
    public sealed class OverHttp(RunningSite site) : KuzzleTests(site)
    {
        private protected override Task<IKuzzleWire> ConnectAsync() =>
            Task.FromResult<IKuzzleWire>(new KuzzleHttp(Site));
    }

    [Collection(SiteCollection.Name)]
    public sealed class OverASocket(RunningSite site) : KuzzleTests(site)
    {
        private protected override async Task<IKuzzleWire> ConnectAsync() => await KuzzleFrames.OpenAsync(Site);
    }
}
