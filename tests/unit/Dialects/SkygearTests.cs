using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Routing;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>What Skygear's SDK sends, as it was recorded, and what it needs to read.</summary>
public sealed class SkygearTests : ForeignTest
{
    private const string Ben = "ben.skygear";

    // As the SDK sends it: the action's name again, the key and the token in the body and in headers.
    private async Task<Answer> CallAsync(string action, object body, string? token = null, bool header = true)
    {
        var fields = JsonSerializer.SerializeToNode(body)!.AsObject();
        (fields["action"], fields["api_key"], fields["access_token"]) = (action, "any", header ? null : token);
        return await SendAsync(
            HttpMethod.Post,
            "/" + action.Replace(':', '/'),
            fields.ToJsonString(),
            null,
            header && token is not null
                ? [("X-Skygear-API-Key", "any"), ("X-Skygear-Access-Token", token)]
                : [("X-Skygear-API-Key", "any")]
        );
    }

    private Task<Answer> SignUpAsync(
        object authData,
        object? profile = null,
        string password = Password,
        string? token = null
    ) =>
        CallAsync(
            "auth:signup",
            new
            {
                auth_data = authData,
                password,
                profile = profile ?? new { },
            },
            token
        );

    private Task<Answer> LogInAsync(object authData, string password = Password) =>
        CallAsync("auth:login", new { auth_data = authData, password });

    private static string Token(Answer answer) => answer.Text("result", "access_token");

    private Task<Answer> SaveAsync(string token, object record) =>
        CallAsync("record:save", new { database_id = "_public", records = new[] { record } }, token);

    private async Task<JsonElement> MeAsync(string token) =>
        (await CallAsync("me", new { }, token)).Json().At("result", "profile");

    private static void Refused(int status, int code, string name, Answer answer) =>
        Assert.Equal(
            (status, code, name),
            (answer.Status, answer.Json().At("error", "code").GetInt32(), answer.Text("error", "name"))
        );

    private static void NotSaved(int code, Answer answer)
    {
        var item = Assert.Single(answer.Json().At("result").EnumerateArray());
        Assert.Equal((200, "error", code), (answer.Status, item.At("_type").GetString(), item.At("code").GetInt32()));
    }

    private static JsonElement Saved(Answer answer) => Assert.Single(answer.Json().At("result").EnumerateArray());

    [Fact]
    public async Task Signing_up_by_user_name_answers_a_record_and_a_token()
    {
        var answer = (
            await SignUpAsync(
                new { username = Ben },
                new
                {
                    interest = "reading",
                    username = "other",
                    _ownerID = "evil",
                }
            )
        ).Json().At("result");
        var id = answer.At("user_id").GetString();
        var profile = answer.At("profile");
        Assert.Equal(
            ($"user/{id}", "record", id, Ben, "reading"),
            (
                profile.At("_id").GetString(),
                profile.At("_type").GetString(),
                profile.At("_ownerID").GetString(),
                profile.At("username").GetString(),
                profile.At("interest").GetString()
            )
        );
        Assert.Equal("date", profile.At("last_login_at", "$type").GetString());
        Assert.Empty(answer.At("roles").EnumerateArray());
        Assert.Equal(Ben, (await MeAsync(answer.At("access_token").GetString()!)).At("username").GetString());
    }

    [Fact]
    public async Task Signing_up_by_address_sends_the_email()
    {
        Assert.Equal(Jane, (await SignUpAsync(new { email = Jane })).Text("result", "profile", "email"));
        await Auth.DeliverAsync();
        Assert.NotEmpty(LinkTokenIn(Auth.LastEmailTo(Jane)));
    }

    [Fact]
    public async Task A_taken_name_or_address_is_a_duplicate()
    {
        await SignUpAsync(new { username = Ben });
        await SignUpAsync(new { email = Jane });
        Refused(409, 109, "Duplicated", await SignUpAsync(new { username = "BEN.skygear" }));
        Refused(409, 109, "Duplicated", await SignUpAsync(new { email = Jane }));
    }

    [Fact]
    public async Task A_password_against_the_policy_is_told_with_its_reason()
    {
        var answer = await SignUpAsync(new { email = Jane }, password: "short");
        Refused(400, 126, "PasswordPolicyViolated", answer);
        Assert.Equal("PasswordTooShort", answer.Text("error", "info", "reason"));
        Refused(400, 108, "InvalidArgument", await SignUpAsync(new { email = Jane }, password: ""));
        Refused(400, 108, "InvalidArgument", await SignUpAsync(new { }));
        Refused(
            400,
            108,
            "InvalidArgument",
            await CallAsync("auth:signup", new { provider = "com.example", provider_auth_data = new { } })
        );
    }

    [Fact]
    public async Task An_anonymous_user_keeps_its_id_when_it_signs_up()
    {
        var anonymous = await CallAsync(
            "auth:signup",
            new
            {
                auth_data = (object?)null,
                password = (string?)null,
                profile = (object?)null,
            }
        );
        var signedUp = await SignUpAsync(new { email = Jane }, token: Token(anonymous));
        Assert.Equal(anonymous.Text("result", "user_id"), signedUp.Text("result", "user_id"));
        Assert.Equal(200, (await LogInAsync(new { email = Jane })).Status);
    }

    [Fact]
    public async Task Unknown_user_and_wrong_password_are_one_answer()
    {
        await SignUpAsync(new { email = Jane });
        var wrong = await LogInAsync(new { email = Jane }, "wrong");
        Refused(401, 105, "InvalidCredentials", wrong);
        Assert.Equal(wrong.Body, (await LogInAsync(new { email = "nobody@example.net" }, "wrong")).Body);
        Assert.Equal(wrong.Body, (await LogInAsync(new { username = "nobody" }, "wrong")).Body);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_token_counts_in_the_header_and_in_the_body(bool header)
    {
        var token = Token(await SignUpAsync(new { email = Jane }));
        Assert.Equal(200, (await CallAsync("me", new { }, token, header)).Status);
        Refused(401, 104, "AccessTokenNotAccepted", await CallAsync("me", new { }, token + "x", header));
        Refused(401, 101, "NotAuthenticated", await CallAsync("me", new { }, null, header));
    }

    [Fact]
    public async Task The_header_wins_over_the_body()
    {
        var token = Token(await SignUpAsync(new { email = Jane }));
        var answer = await SendAsync(
            HttpMethod.Post,
            "/me",
            $$"""{"access_token":"{{token}}"}""",
            null,
            ("X-Skygear-Access-Token", "nonsense")
        );
        Refused(401, 104, "AccessTokenNotAccepted", answer);
    }

    [Fact]
    public async Task Asking_who_one_is_answers_a_new_token_and_leaves_the_old_one_to_other_tabs()
    {
        var token = Token(await SignUpAsync(new { email = Jane }));
        Auth.Clock.Move(TimeSpan.FromDays(29));
        var next = Token(await CallAsync("me", new { }, token));
        Assert.NotEqual(token, next);
        Auth.Clock.Move(TimeSpan.FromHours(1));
        Assert.Equal(200, (await CallAsync("me", new { }, token)).Status);
        Auth.Clock.Move(TimeSpan.FromDays(25)); // past the first token's thirty days, not past the second's
        Refused(401, 104, "AccessTokenNotAccepted", await CallAsync("me", new { }, token));
        Assert.Equal(200, (await CallAsync("me", new { }, next)).Status);
    }

    [Fact]
    public async Task A_changed_password_kills_older_tokens()
    {
        await SignUpAsync(new { email = Jane });
        var (other, token) = (
            Token(await LogInAsync(new { email = Jane })),
            Token(await LogInAsync(new { email = Jane }))
        );
        Refused(401, 105, "InvalidCredentials", await Change("wrong"));
        Refused(400, 108, "InvalidArgument", await Change(null)); // also right after signing in
        var next = Token(await Change(Password));
        Refused(401, 104, "AccessTokenNotAccepted", await CallAsync("me", new { }, token));
        Refused(401, 104, "AccessTokenNotAccepted", await CallAsync("me", new { }, other));
        Assert.Equal(200, (await CallAsync("me", new { }, next)).Status);
        Assert.Equal(200, (await LogInAsync(new { email = Jane }, OtherPassword)).Status);

        Task<Answer> Change(string? old) =>
            CallAsync("auth:password", new { old_password = old, password = OtherPassword }, token);
    }

    [Fact]
    public async Task Logging_out_ends_the_session_whatever_the_token_is()
    {
        var token = Token(await SignUpAsync(new { email = Jane }));
        foreach (var any in new[] { token, token, "nonsense", null })
            Assert.Equal("OK", (await CallAsync("auth:logout", new { }, any)).Text("result", "status"));
        Refused(401, 104, "AccessTokenNotAccepted", await CallAsync("me", new { }, token));
    }

    [Fact]
    public async Task Saving_the_record_changes_the_user_name_and_the_data()
    {
        var id = (await SignUpAsync(new { username = "taken.name" })).Text("result", "user_id");
        var answer = await SignUpAsync(new { username = Ben }, new { interest = "reading", shoe = 41 });
        var (token, own) = (Token(answer), answer.Text("result", "profile", "_id"));
        var saved = Saved(
            await SaveAsync(
                token,
                new
                {
                    _id = own,
                    _access = Array.Empty<object>(),
                    username = "benjamin",
                    interest = "writing",
                    is_verified = true,
                }
            )
        );
        Assert.Equal(
            ("benjamin", "writing", 41, false),
            (
                saved.At("username").GetString(),
                saved.At("interest").GetString(),
                saved.At("shoe").GetInt32(),
                saved.At("is_verified").GetBoolean()
            )
        );
        Assert.Equal("benjamin", (await MeAsync(token)).At("username").GetString());
        NotSaved(109, await SaveAsync(token, new { _id = own, username = "Taken.Name" }));
        NotSaved(108, await SaveAsync(token, new { _id = own, username = "no name" }));
        NotSaved(102, await SaveAsync(token, new { _id = $"user/{id}", username = "stolen" }));
        NotSaved(111, await SaveAsync(token, new { _id = "note/1", text = "hello" }));
        Refused(401, 101, "NotAuthenticated", await CallAsync("record:save", new { records = Array.Empty<object>() }));
    }

    [Fact]
    public async Task A_new_address_stands_beside_the_old_one_until_it_confirms()
    {
        var answer = await SignUpAsync(new { email = Jane });
        var (token, own) = (Token(answer), answer.Text("result", "profile", "_id"));
        await Auth.DeliverAsync();
        Assert.Null(
            (
                await Auth.Use(
                    (VerifyEmail flow) => flow.ConfirmAsync(Auth.Caller, LinkTokenIn(Auth.LastEmailTo(Jane)), default)
                )
            ).Failure
        );
        var saved = Saved(
            await SaveAsync(
                token,
                new
                {
                    _id = own,
                    username = Ben,
                    email = "new@example.net",
                }
            )
        );
        Assert.Equal(
            (Jane, "new@example.net", Ben),
            (saved.At("email").GetString(), saved.At("email_pending").GetString(), saved.At("username").GetString())
        );
        await Auth.DeliverAsync();
        Assert.Equal("A new e-mail address was asked for", Auth.SubjectsTo(Jane)[^1]);
        // The record as the SDK holds it now, saved again, asks for nothing more.
        Assert.False(
            Saved(
                    await SaveAsync(
                        token,
                        new
                        {
                            _id = own,
                            email = Jane,
                            email_pending = "new@example.net",
                        }
                    )
                )
                .TryGetProperty("email_pending", out _)
        );
        Assert.Null(
            (
                await Auth.Use(
                    (ChangeEmail flow) =>
                        flow.ConfirmAsync(Auth.Caller, LinkTokenIn(Auth.LastEmailTo("new@example.net")), default)
                )
            ).Failure
        );
        Assert.Equal("new@example.net", (await MeAsync(token)).At("email").GetString());
    }

    [Fact]
    public async Task An_address_is_asked_for_on_a_recent_sign_in_only_and_refused_with_everything_beside_it()
    {
        var answer = await SignUpAsync(new { email = Jane });
        var (token, own) = (Token(answer), answer.Text("result", "profile", "_id"));
        Auth.Clock.Move(TimeSpan.FromMinutes(16));
        NotSaved(
            102,
            await SaveAsync(
                token,
                new
                {
                    _id = own,
                    username = Ben,
                    email = "new@example.net",
                }
            )
        );
        NotSaved(
            108,
            await SaveAsync(
                token,
                new
                {
                    _id = own,
                    username = Ben,
                    email = "no address",
                }
            )
        );
        NotSaved(
            108,
            await SaveAsync(
                token,
                new
                {
                    _id = own,
                    username = Ben,
                    email = (string?)null,
                }
            )
        );
        Assert.False((await MeAsync(token)).TryGetProperty("username", out _));
        Assert.Equal(
            Ben,
            Saved(
                    await SaveAsync(
                        token,
                        new
                        {
                            _id = own,
                            username = Ben,
                            email = "JANE@example.net",
                        }
                    )
                )
                .At("username")
                .GetString()
        );
    }

    [Fact]
    public async Task A_taken_user_name_sends_no_email_to_the_address_beside_it()
    {
        await Auth.RegisterAsync("ben@example.net", username: Ben);
        var answer = await SignUpAsync(new { email = Jane });
        NotSaved(
            109,
            await SaveAsync(
                Token(answer),
                new
                {
                    _id = answer.Text("result", "profile", "_id"),
                    username = Ben,
                    email = "new@example.net",
                }
            )
        );
        await Auth.DeliverAsync();
        Assert.Empty(Auth.SubjectsTo("new@example.net"));
    }

    [Fact]
    public async Task A_forgotten_password_is_reset_by_the_emails_token()
    {
        var answer = await SignUpAsync(new { email = Jane });
        var other = (await SignUpAsync(new { username = Ben })).Text("result", "user_id");
        var asked = await CallAsync("user:forgot-password", new { args = new { email = Jane } });
        Assert.Equal(
            asked.Body,
            (await CallAsync("user:forgot-password", new { args = new { email = "nobody@example.net" } })).Body
        );
        await Auth.DeliverAsync();
        var code = LinkTokenIn(Auth.LastEmailTo(Jane));
        Refused(400, 108, "InvalidArgument", await Reset(other, code));
        Refused(400, 108, "InvalidArgument", await Reset(answer.Text("result", "user_id"), "wrong"));
        Assert.Equal("OK", (await Reset(answer.Text("result", "user_id"), code)).Text("result", "status"));
        Refused(400, 108, "InvalidArgument", await Reset(null, code));
        Refused(401, 104, "AccessTokenNotAccepted", await CallAsync("me", new { }, Token(answer)));
        Assert.Equal(200, (await LogInAsync(new { email = Jane }, OtherPassword)).Status);

        Task<Answer> Reset(string? user, string link) =>
            CallAsync(
                "user:reset-password",
                new
                {
                    args = new
                    {
                        user_id = user,
                        code = link,
                        expire_at = 1_700_000_000,
                        new_password = OtherPassword,
                    },
                }
            );
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_address_is_verified_by_the_code_or_the_link(bool digits)
    {
        var token = Token(await SignUpAsync(new { email = Jane }));
        Assert.Equal(
            "OK",
            (await CallAsync("user:verify_request", new { args = new { record_key = "email" } }, token)).Text(
                "result",
                "status"
            )
        );
        Refused(
            400,
            108,
            "InvalidArgument",
            await CallAsync("user:verify_request", new { args = new { record_key = "phone" } }, token)
        );
        await Auth.DeliverAsync();
        var letter = Auth.LastEmailTo(Jane);
        Refused(
            400,
            108,
            "InvalidArgument",
            await CallAsync("user:verify_code", new { args = new { code = "abc" } }, token)
        );
        Assert.Equal(
            "OK",
            (
                await CallAsync(
                    "user:verify_code",
                    new { args = new { code = digits ? CodeIn(letter) : LinkTokenIn(letter) } },
                    token
                )
            ).Text("result", "status")
        );
        Assert.True((await MeAsync(token)).At("is_verified").GetBoolean());
    }

    [Fact]
    public async Task Administrators_disable_and_give_roles_and_others_do_not()
    {
        var ben = (await SignUpAsync(new { username = Ben })).Json().At("result");
        var (id, token) = (ben.At("user_id").GetString()!, ben.At("access_token").GetString()!);
        var admin = (await SignUpAsync(new { email = Jane })).Text("result", "user_id");
        await Auth.Use(
            async (AuthDbContext db) =>
            {
                db.UserRoles.Add(new IdentityUserRole<string> { UserId = admin, RoleId = AuthDbContext.Administrator });
                await db.SaveChangesAsync();
            }
        );
        var one = Token(await LogInAsync(new { email = Jane }));
        Refused(
            403,
            102,
            "PermissionDenied",
            await CallAsync("auth:disable:set", new { auth_id = id, disabled = true }, one)
        );
        var app = await AuthenticatorApp.AddAsync(Auth.Services, admin);
        // Skygear knows no second factor; the token of a session that proved one elsewhere opens it.
        var administrators = (await PostAsync("/api/account/step-up", new { code = app.Code() }, one)).Text(
            "accessToken"
        );
        foreach (
            var (action, body) in new (string, object)[]
            {
                ("auth:disable:set", new { auth_id = admin, disabled = true }),
                ("role:get", new { users = new[] { admin } }),
                ("role:assign", new { users = new[] { id }, roles = new[] { "administrator" } }),
                ("role:revoke", new { users = new[] { admin }, roles = new[] { "administrator" } }),
            }
        )
            Refused(403, 102, "PermissionDenied", await CallAsync(action, body, token));

        Assert.Equal(
            "administrator",
            Assert
                .Single(
                    (await CallAsync("role:get", new { users = new[] { admin, id } }, administrators))
                        .Json()
                        .At("result", admin)
                        .EnumerateArray()
                )
                .GetString()
        );
        Assert.Equal(
            "OK",
            (
                await CallAsync(
                    "role:assign",
                    new { users = new[] { id }, roles = new[] { "administrator" } },
                    administrators
                )
            ).Text("result")
        );
        Assert.Single(
            (await CallAsync("role:get", new { users = new[] { id } }, token)).Json().At("result", id).EnumerateArray()
        );
        Assert.Equal(
            "OK",
            (
                await CallAsync(
                    "role:revoke",
                    new { users = new[] { id }, roles = new[] { "administrator" } },
                    administrators
                )
            ).Text("result")
        );
        Refused(
            400,
            108,
            "InvalidArgument",
            await CallAsync("role:assign", new { users = new[] { id }, roles = new[] { "writer" } }, administrators)
        );
        Refused(
            400,
            108,
            "InvalidArgument",
            await CallAsync(
                "auth:disable:set",
                new
                {
                    auth_id = id,
                    disabled = true,
                    expiry = "2030-01-01T00:00:00Z",
                },
                administrators
            )
        );
        Refused(
            404,
            110,
            "ResourceNotFound",
            await CallAsync("auth:disable:set", new { auth_id = Guid.NewGuid(), disabled = true }, administrators)
        );

        Assert.Equal(
            200,
            (
                await CallAsync(
                    "auth:disable:set",
                    new
                    {
                        auth_id = id,
                        disabled = true,
                        message = "bye",
                    },
                    administrators
                )
            ).Status
        );
        Refused(401, 104, "AccessTokenNotAccepted", await CallAsync("me", new { }, token));
        Refused(403, 127, "UserDisabled", await LogInAsync(new { username = Ben }));
        Refused(401, 105, "InvalidCredentials", await LogInAsync(new { username = Ben }, "wrong"));
        Assert.Equal(
            200,
            (
                await CallAsync("auth:disable:set", new { auth_id = $"user/{id}", disabled = false }, administrators)
            ).Status
        );
        Assert.Equal(200, (await LogInAsync(new { username = Ben })).Status);
    }

    [Fact]
    public async Task In_the_private_mode_a_free_and_a_taken_address_are_one_answer()
    {
        await Auth.RegisterAsync(Jane);
        await using var strict = await Auth.SiteAsync(("SignIn:RequireVerifiedEmail", "true"));
        var texts = new List<string>();
        foreach (var email in new[] { Jane, "john@example.net" })
        {
            using var answer = await strict.Client.PostAsJsonAsync(
                "/auth/signup",
                new
                {
                    auth_data = new { email },
                    password = Password,
                    profile = new { },
                }
            );
            texts.Add($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        }
        Assert.Equal(texts[0], texts[1]);
        Assert.Contains("VerificationRequired", texts[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("role:default")]
    [InlineData("auth:reset_password")]
    [InlineData("record:query")]
    [InlineData("user:nothing")]
    public async Task An_action_that_is_not_here_is_undefined(string action) =>
        Refused(404, 117, "UndefinedOperation", await CallAsync(action, new { }));

    [Fact]
    public async Task Guesses_are_limited_as_everywhere()
    {
        await SignUpAsync(new { email = Jane });
        Answer answer;
        var guesses = 0;
        do answer = await LogInAsync(new { email = Jane }, "wrong");
        while (answer.Status == 401 && ++guesses < 500);
        Refused(429, 102, "PermissionDenied", answer);
        Assert.NotNull(answer.Header("Retry-After"));
    }

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task A_bad_body_is_refused_in_shape(string what, string body)
    {
        var token = Token(await SignUpAsync(new { email = Jane }));
        foreach (
            var path in Site
                .Routes.Select(r => "/" + r.RoutePattern.RawText!.Trim('/'))
                .Where(p => new BlazorAuth.Api.Dialects.Skygear().Owns(p))
                .ToList()
        )
        {
            if (path is "/me" or "/auth/logout" && what is "numbers" or "NUL")
                continue; // nothing of it is asked
            var answer = await SendAsync(
                HttpMethod.Post,
                path,
                body,
                null,
                path == "/auth/logout" ? [] : [("X-Skygear-Access-Token", token)]
            );
            if (answer.Status == 200 && path == "/record/save")
                NotSaved(111, answer);
            else if (!(answer.Status == 200 && path is "/me" or "/auth/logout"))
            {
                Assert.True(answer.Status is >= 400 and < 500, $"{path} with {what}: {answer.Status} {answer.Body}");
                Assert.InRange(answer.Json().At("error", "code").GetInt32(), 101, 128);
            }
        }
    }
}
