using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.UnitTests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>What Feathers' published clients send and read, as recorded from them.</summary>
[Collection(SiteCollection.Name)]
public sealed class FeathersTests(RunningSite site)
{
    private const string Password = "correct horse battery",
        Other = "another horse battery";

    private static string Address => $"{Guid.NewGuid():N}@example.com";

    [Fact]
    public async Task Sign_up_answers_201_with_the_record_and_keeps_what_was_sent_beside_the_credentials()
    {
        var (status, made) = await SendAsync(
            "POST",
            "/users",
            new
            {
                email = Address,
                password = Password,
                nick = "ada",
                isAdmin = true,
                roles = new[] { "administrator" },
            }
        );
        Assert.Equal(201, status);
        Assert.Equal("ada", made.GetProperty("nick").GetString());
        Assert.Equal("""{"nick":"ada"}""", made.GetProperty("profile").GetRawText());
        Assert.Empty(made.GetProperty("roles").EnumerateArray());
        Assert.False(made.TryGetProperty("isAdmin", out _));
        Assert.False(made.TryGetProperty("password", out _));
    }

    [Fact]
    public async Task A_sign_in_answers_201_with_token_payload_and_user()
    {
        var (email, auth) = await SignedInAsync();
        Assert.Equal(
            ["accessToken", "refreshToken", "authentication", "user"],
            auth.EnumerateObject().Select(p => p.Name)
        );
        Assert.Equal("local", auth.GetProperty("authentication").GetProperty("strategy").GetString());
        var payload = auth.GetProperty("authentication").GetProperty("payload");
        Assert.Equal(auth.GetProperty("user").GetProperty("id").GetString(), payload.GetProperty("sub").GetString());
        Assert.Equal(24 * 3600, payload.GetProperty("exp").GetInt64() - payload.GetProperty("iat").GetInt64());
        Assert.Equal(email, auth.GetProperty("user").GetProperty("email").GetString());
    }

    [Theory]
    [InlineData("Bearer {0}")]
    [InlineData("bearer {0}")]
    [InlineData("JWT {0}")]
    [InlineData("{0}")]
    public async Task The_token_is_taken_with_either_scheme_or_alone(string form)
    {
        var (email, auth) = await SignedInAsync();
        var (status, user) = await SendAsync("GET", "/users/me", token: string.Format(null, form, Token(auth)));
        Assert.Equal((200, email), (status, user.GetProperty("email").GetString()));
    }

    [Fact]
    public async Task Sign_out_ends_the_session_for_every_door()
    {
        var (_, auth) = await SignedInAsync();
        var token = Token(auth);
        Assert.Equal(200, (await SendAsync("DELETE", "/authentication", token: $"Bearer {token}")).Status);
        Refused(
            await SendAsync("POST", "/authentication", new { strategy = "jwt", accessToken = token }),
            401,
            "NotAuthenticated",
            "not-authenticated"
        );
        Refused(
            await SendAsync(
                "POST",
                "/authentication",
                new { strategy = "refresh", refreshToken = auth.GetProperty("refreshToken").GetString() }
            ),
            401,
            "NotAuthenticated",
            "not-authenticated"
        );
        Refused(await SendAsync("GET", "/users/me", token: token), 401, "NotAuthenticated", "not-authenticated");
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: token)).StatusCode
        );
    }

    [Fact]
    public async Task Signing_out_somebody_elses_token_is_refused_and_ends_nothing()
    {
        var (_, mine) = await SignedInAsync();
        var (_, theirs) = await SignedInAsync();
        Refused(
            await SendAsync("DELETE", $"/authentication/{Token(theirs)}", token: Token(mine)),
            401,
            "NotAuthenticated",
            "not-authenticated"
        );
        Assert.Equal(200, (await SendAsync("GET", "/users/me", token: Token(theirs))).Status);
        Assert.Equal(200, (await SendAsync("GET", "/users/me", token: Token(mine))).Status);
    }

    [Fact]
    public async Task Unknown_user_wrong_password_and_no_password_are_one_answer()
    {
        var (email, _) = await SignedInAsync();
        var answers = new List<string>();
        foreach (
            var body in new object[]
            {
                new
                {
                    strategy = "local",
                    email,
                    password = "wrong",
                },
                new
                {
                    strategy = "local",
                    email = Address,
                    password = "wrong",
                },
                new { strategy = "local", email },
                new
                {
                    strategy = "local",
                    email = 1,
                    password = 1,
                },
            }
        )
            answers.Add((await SendAsync("POST", "/authentication", body)).Body.GetRawText());
        Assert.Equal(
            """{"name":"NotAuthenticated","message":"Invalid login","code":401,"className":"not-authenticated","data":{"code":"invalid_credentials"}}""",
            Assert.Single(answers.Distinct())
        );
    }

    [Fact]
    public async Task A_changed_password_ends_the_token_it_came_with_and_gives_another()
    {
        var (email, auth) = await SignedInAsync();
        Refused(
            await SendAsync("PATCH", "/users/me", new { password = Other }, Token(auth)),
            400,
            "BadRequest",
            "bad-request"
        );
        Refused(
            await SendAsync("PATCH", "/users/me", new { password = Other, oldPassword = "wrong" }, Token(auth)),
            401,
            "NotAuthenticated",
            "not-authenticated"
        );
        var (status, user) = await SendAsync(
            "PATCH",
            "/users/me",
            new { password = Other, oldPassword = Password },
            Token(auth)
        );
        Assert.Equal(200, status);
        Refused(await SendAsync("GET", "/users/me", token: Token(auth)), 401, "NotAuthenticated", "not-authenticated");
        Assert.Equal(200, (await SendAsync("GET", "/users/me", token: Token(user))).Status);
        Assert.Equal(
            201,
            (
                await SendAsync(
                    "POST",
                    "/authentication",
                    new
                    {
                        strategy = "local",
                        email,
                        password = Other,
                    }
                )
            ).Status
        );
    }

    [Fact]
    public async Task An_email_moves_only_with_the_password_and_not_at_once()
    {
        var (email, auth) = await SignedInAsync();
        var other = Address;
        Refused(
            await SendAsync("PATCH", "/users/me", new { email = other }, Token(auth)),
            400,
            "BadRequest",
            "bad-request"
        );
        var (status, user) = await SendAsync(
            "PATCH",
            "/users/me",
            new { email = other, password = Password },
            Token(auth)
        );
        Assert.Equal((200, email), (status, user.GetProperty("email").GetString()));
        Assert.Equal(other, user.GetProperty("verifyChanges").GetProperty("email").GetString());
    }

    [Fact]
    public async Task A_patch_merges_an_update_replaces_and_what_is_nobodys_to_set_stays()
    {
        var (email, auth) = await SignedInAsync();
        await SendAsync(
            "PATCH",
            "/users/me",
            new
            {
                displayName = "Ada",
                a = 1,
                b = 2,
            },
            Token(auth)
        );
        var patched = (
            await SendAsync(
                "PATCH",
                "/users/me",
                new
                {
                    a = 3,
                    active = false,
                    roles = new[] { "administrator" },
                    emailVerified = true,
                },
                Token(auth)
            )
        ).Body;
        Assert.Equal("""{"a":3,"b":2}""", patched.GetProperty("profile").GetRawText());
        Assert.Equal("Ada", patched.GetProperty("displayName").GetString());
        Assert.True(patched.GetProperty("active").GetBoolean());
        Assert.False(patched.GetProperty("emailVerified").GetBoolean());
        var replaced = (await SendAsync("PUT", "/users/me", new { email, c = 4 }, Token(auth))).Body;
        Assert.Equal("""{"c":4}""", replaced.GetProperty("profile").GetRawText());
        Assert.Equal(JsonValueKind.Null, replaced.GetProperty("displayName").ValueKind);
        var back = await SendAsync("PUT", "/users/me", replaced, Token(auth));
        Assert.Equal(replaced.GetRawText(), back.Body.GetRawText());
    }

    [Fact]
    public async Task Another_users_record_is_forbidden_and_a_list_shows_the_own_one()
    {
        var (email, mine) = await SignedInAsync();
        var (_, theirs) = await SignedInAsync();
        var id = theirs.GetProperty("user").GetProperty("id").GetString();
        foreach (
            var (verb, body) in new (string, object?)[]
            {
                ("GET", null),
                ("PATCH", new { a = 1 }),
                ("PUT", new { a = 1 }),
                ("DELETE", null),
            }
        )
            Refused(await SendAsync(verb, $"/users/{id}", body, Token(mine)), 403, "Forbidden", "forbidden");
        Refused(await SendAsync("GET", $"/users/{Guid.NewGuid()}", token: Token(mine)), 403, "Forbidden", "forbidden");
        var page = (await SendAsync("GET", "/users?$limit=5", token: Token(mine))).Body;
        Assert.Equal(["total", "limit", "skip", "data"], page.EnumerateObject().Select(p => p.Name));
        Assert.Equal(
            (1, 5, 0, email),
            (
                page.GetProperty("total").GetInt32(),
                page.GetProperty("limit").GetInt32(),
                page.GetProperty("skip").GetInt32(),
                page.GetProperty("data")[0].GetProperty("email").GetString()
            )
        );
        Assert.Equal(
            0,
            (
                await SendAsync(
                    "GET",
                    $"/users?email={theirs.GetProperty("user").GetProperty("email").GetString()}",
                    token: Token(mine)
                )
            )
                .Body.GetProperty("total")
                .GetInt32()
        );
        Assert.Equal(
            0,
            (await SendAsync("GET", $"/users?id={id}", token: Token(mine))).Body.GetProperty("total").GetInt32()
        );
    }

    [Theory]
    [InlineData("resendVerifySignup")]
    [InlineData("sendResetPwd")]
    public async Task Asking_for_a_email_tells_nothing_about_the_address(string action)
    {
        var (known, _) = await SignedInAsync();
        foreach (var email in new[] { known, Address })
        foreach (var path in new[] { "/auth-management", "/authManagement" })
        {
            var (status, body) = await SendAsync("POST", path, new { action, value = new { email } });
            Assert.Equal((201, $$"""{"email":"{{email}}"}"""), (status, body.GetRawText()));
        }
    }

    [Fact]
    public async Task Unique_or_not_is_told_by_sign_up_only()
    {
        var (known, _) = await SignedInAsync();
        foreach (var email in new[] { known, Address })
            Assert.Equal(
                204,
                (await SendAsync("POST", "/auth-management/check-unique", new { user = new { email } })).Status
            );
    }

    [Fact]
    public async Task A_password_changed_by_name_and_password_says_the_same_for_unknown_and_wrong()
    {
        var (email, auth) = await SignedInAsync();
        var answers = new List<string>();
        foreach (var who in new[] { email, Address })
            answers.Add(
                (
                    await SendAsync(
                        "POST",
                        "/auth-management",
                        new
                        {
                            action = "passwordChange",
                            value = new
                            {
                                user = new { email = who },
                                oldPassword = "wrong",
                                password = Other,
                            },
                        }
                    )
                ).Body.GetRawText()
            );
        Assert.Contains("\"$className\":\"badParams\"", Assert.Single(answers.Distinct()), StringComparison.Ordinal);
        Assert.Equal(
            201,
            (
                await SendAsync(
                    "POST",
                    "/authManagement/password-change",
                    new
                    {
                        user = new { email },
                        oldPassword = Password,
                        password = Other,
                    }
                )
            ).Status
        );
        Assert.Equal(401, (await SendAsync("GET", "/users/me", token: Token(auth))).Status);
    }

    [Fact]
    public async Task A_change_of_name_by_authentication_management_needs_the_password()
    {
        var (_, auth) = await SignedInAsync();
        var name = $"u{Guid.NewGuid():N}"[..20];
        foreach (var (password, status) in new[] { ("wrong", 400), (Password, 201) })
            Assert.Equal(
                status,
                (
                    await SendAsync(
                        "POST",
                        "/auth-management",
                        new { action = "identityChange", value = new { password, changes = new { username = name } } },
                        Token(auth)
                    )
                ).Status
            );
        Assert.Equal(
            name,
            (await SendAsync("GET", "/users/me", token: Token(auth))).Body.GetProperty("username").GetString()
        );
    }

    [Theory]
    [InlineData("verifySignupLong", "badParam")]
    [InlineData("resetPwdLong", "incorrectToken")]
    [InlineData("verifySignupSetPasswordLong", "incorrectToken")]
    [InlineData("resetPwdShort", "incorrectToken")]
    public async Task A_bad_token_has_its_class(string action, string name)
    {
        var answer = await SendAsync(
            "POST",
            "/auth-management",
            new { action, value = new { token = "nonsense", password = Other } }
        );
        Refused(answer, 400, "BadRequest", "bad-request");
        Assert.Equal(name, answer.Body.GetProperty("errors").GetProperty("$className").GetString());
    }

    [Theory]
    [InlineData("PUT", "/authentication")]
    [InlineData("GET", "/auth-management")]
    [InlineData("POST", "/users/me")]
    [InlineData("TRACE", "/users")]
    [InlineData("NONSENSE", "/authManagement")]
    public async Task A_method_the_service_lacks_is_405(string verb, string path) =>
        Refused(await SendAsync(verb, path, new { a = 1 }), 405, "MethodNotAllowed", "method-not-allowed");

    [Theory]
    [InlineData("constructor")]
    [InlineData("create")]
    [InlineData("")]
    public async Task A_method_named_by_a_header_is_refused(string name)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/users")
        {
            Content = new StringContent("{}", Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("X-Service-Method", name);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await site.Client.SendAsync(request)).StatusCode);
    }

    public static TheoryData<string, string> BadBodies =>
        new()
        {
            { "application/json", "" },
            { "application/json", "{" },
            { "application/json", "1" },
            { "application/json", "null" },
            { "text/plain", "{}" },
            {
                "application/json",
                """{"strategy":"local","strategy":"jwt","email":"a","email":"b","action":"x","action":"y"}"""
            },
            { "application/json", """{"email":{},"password":[],"strategy":7,"action":[],"value":"x"}""" },
            { "application/json", "[{}]" },
            {
                "application/json",
                """{"email":"\ud800@example.com","password":"\ud800","strategy":"\ud800","action":"\ud800"}"""
            },
            {
                "application/json",
                "{\"email\":\"a\\u0000@b.example\",\"password\":\"\\u0000\",\"strategy\":\"\\u0000\",\"action\":\"sendResetPwd\",\"value\":{\"email\":\"\\u0000\"}}"
            },
            { "application/json", "{\"a\":" + new string('[', 200) + new string(']', 200) + "}" },
            { "application/json; charset=utf-7", "{}" },
            { "application/json", "{\"email\":\"" + new string('a', 70_000) + "\"}" },
        };

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task A_bad_body_is_answered_in_shape(string type, string body)
    {
        var (_, auth) = await SignedInAsync();
        foreach (
            var (verb, path) in new[]
            {
                ("POST", "/users"),
                ("POST", "/authentication"),
                ("POST", "/auth-management"),
                ("POST", "/authManagement/identity-change"),
                ("PATCH", "/users/me"),
                ("PUT", "/users/me"),
            }
        )
        {
            using var request = new HttpRequestMessage(new HttpMethod(verb), path)
            {
                Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)),
            };
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
            request.Headers.TryAddWithoutValidation("Authorization", verb == "POST" ? null : Token(auth));
            using var answer = await site.Client.SendAsync(request);
            if (verb != "POST" && (int)answer.StatusCode == 200)
                continue; // \u0000 in nothing that is read
            Assert.InRange((int)answer.StatusCode, 400, 499);
            var error = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
            Assert.Equal((int)answer.StatusCode, error.GetProperty("code").GetInt32());
            Assert.Equal(["name", "message", "code", "className"], error.EnumerateObject().Take(4).Select(p => p.Name));
        }
    }

    [Theory]
    [InlineData("/users?$where=1")]
    [InlineData("/users?$limit=-1")]
    [InlineData("/users?$skip=99999999999")]
    [InlineData("/users?email[$regex]=")]
    public async Task A_query_that_is_not_known_is_refused(string path)
    {
        var (_, auth) = await SignedInAsync();
        Refused(await SendAsync("GET", path, token: Token(auth)), 400, "BadRequest", "bad-request");
    }

    [Fact]
    public async Task An_administrator_lists_reads_locks_raises_and_removes()
    {
        var (_, admin) = await SignedInAsync();
        var (email, member) = await SignedInAsync();
        await using (var scope = site.Services.CreateAsyncScope())
        {
            var db = scope.ServiceProvider.GetRequiredService<AuthDbContext>();
            db.UserRoles.Add(
                new()
                {
                    UserId = admin.GetProperty("user").GetProperty("id").GetString()!,
                    RoleId = AuthDbContext.Administrator,
                }
            );
            await db.SaveChangesAsync();
        }
        admin = await TwoFactorsAsync(admin);
        var path = $"/users/{member.GetProperty("user").GetProperty("id").GetString()}";
        Assert.Equal(email, (await SendAsync("GET", path, token: Token(admin))).Body.GetProperty("email").GetString());
        var page = (await SendAsync("GET", $"/users?email={email}", token: Token(admin))).Body;
        Assert.Equal(
            (1, email),
            (page.GetProperty("total").GetInt32(), page.GetProperty("data")[0].GetProperty("email").GetString())
        );
        page = (await SendAsync("GET", "/users?$limit=1&$skip=1", token: Token(admin))).Body;
        Assert.InRange(page.GetProperty("total").GetInt32(), 2, int.MaxValue);
        Assert.Equal(1, page.GetProperty("data").GetArrayLength());
        Refused(
            await SendAsync("PATCH", path, new { active = false, nick = "x" }, Token(admin)),
            400,
            "BadRequest",
            "bad-request"
        );
        Assert.Contains(
            "administrator",
            (await SendAsync("PATCH", path, new { roles = new[] { "administrator" } }, Token(admin)))
                .Body.GetProperty("roles")
                .GetRawText(),
            StringComparison.Ordinal
        );
        Assert.False(
            (await SendAsync("PATCH", path, new { active = false }, Token(admin)))
                .Body.GetProperty("active")
                .GetBoolean()
        );
        Refused(
            await SendAsync("GET", "/users/me", token: Token(member)),
            401,
            "NotAuthenticated",
            "not-authenticated"
        );
        Refused(
            await SendAsync(
                "POST",
                "/authentication",
                new
                {
                    strategy = "local",
                    email,
                    password = Password,
                }
            ),
            403,
            "Forbidden",
            "forbidden"
        );
        Assert.Equal(200, (await SendAsync("DELETE", path, token: Token(admin))).Status);
        Refused(await SendAsync("GET", path, token: Token(admin)), 404, "NotFound", "not-found");
    }

    [Fact]
    public async Task An_anonymous_account_is_upgraded_by_sign_up_with_its_id()
    {
        var (status, auth) = await SendAsync("POST", "/authentication", new { strategy = "anonymous", nick = "guest" });
        Assert.Equal((201, "guest"), (status, auth.GetProperty("user").GetProperty("nick").GetString()));
        var email = Address;
        var made = (await SendAsync("POST", "/users", new { email, password = Password }, Token(auth))).Body;
        Assert.Equal(auth.GetProperty("user").GetProperty("id").GetString(), made.GetProperty("id").GetString());
        Assert.Equal("guest", made.GetProperty("nick").GetString());
        Refused(await SendAsync("POST", "/users", new { email, password = Password }), 409, "Conflict", "conflict");
    }

    // Feathers knows no second factor; the token of a session that proved one elsewhere opens it.
    private async Task<JsonElement> TwoFactorsAsync(JsonElement auth)
    {
        var app = await AuthenticatorApp.AddAsync(
            site.Services,
            auth.GetProperty("user").GetProperty("id").GetString()!
        );
        return (
            await SendAsync("POST", "/api/account/step-up", new { code = app.Code() }, $"Bearer {Token(auth)}")
        ).Body;
    }

    private async Task<(string Email, JsonElement Auth)> SignedInAsync()
    {
        var email = Address;
        Assert.Equal(201, (await SendAsync("POST", "/users", new { email, password = Password })).Status);
        var (status, auth) = await SendAsync(
            "POST",
            "/authentication",
            new
            {
                strategy = "local",
                email,
                password = Password,
            }
        );
        Assert.Equal(201, status);
        return (email, auth);
    }

    private async Task<(int Status, JsonElement Body)> SendAsync(
        string verb,
        string path,
        object? body = null,
        string? token = null
    )
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);
        if (body is not null)
            request.Content = new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        if (token is not null)
            request.Headers.TryAddWithoutValidation("Authorization", token);
        using var answer = await site.Client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return ((int)answer.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement);
    }

    private static string Token(JsonElement auth) => auth.GetProperty("accessToken").GetString()!;

    private static void Refused((int Status, JsonElement Body) answer, int code, string name, string className)
    {
        Assert.Equal(code, answer.Status);
        Assert.Equal(
            (code, name, className),
            (
                answer.Body.GetProperty("code").GetInt32(),
                answer.Body.GetProperty("name").GetString(),
                answer.Body.GetProperty("className").GetString()
            )
        );
        Assert.NotEmpty(answer.Body.GetProperty("message").GetString()!);
    }
}
