using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>Conduit's routes as its document's lines call them, and as v0.16 does.</summary>
public sealed class ConduitTests : ForeignTest
{
    private Task<Answer> RegisterAsync(string email = Jane, string password = Password) =>
        PostAsync("/authentication/local/new", new { email, password });

    private async Task<(string Access, string Refresh)> SignInAsync(string email = Jane, string password = Password)
    {
        var answer = await PostAsync("/authentication/local", new { email, password });
        Assert.Equal(200, answer.Status);
        return (answer.Text("accessToken"), answer.Text("refreshToken"));
    }

    private Task<Answer> UserAsync(string bearer) => SendAsync(HttpMethod.Get, "/authentication/user", null, bearer);

    private static void Refused(int status, string name, string message, Answer answer)
    {
        Assert.Equal(
            (status, name, status, message),
            (answer.Status, answer.Text("name"), answer.Json().GetProperty("status").GetInt32(), answer.Text("message"))
        );
        Assert.StartsWith("application/json", answer.Header("Content-Type"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Registration_answers_the_user_and_no_secret()
    {
        var user = (await RegisterAsync()).Json().At("user");
        Assert.Equal(
            (Jane, true, false),
            (user.At("email").GetString(), user.At("active").GetBoolean(), user.At("isVerified").GetBoolean())
        );
        Assert.Equal((await Auth.UserAsync(Jane)).Id, user.At("_id").GetString());
        Assert.DoesNotContain("assword", user.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_address_is_told_with_its_code()
    {
        await RegisterAsync();
        var answer = await RegisterAsync();
        Refused(409, "CONFLICT", "User already exists", answer);
        Assert.Equal("USER_EXISTS", answer.Text("conduitCode"));
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
                "/authentication/local/new",
                new { email, password = Password }
            );
            texts.Add(
                $"{(int)answer.StatusCode} {(await answer.Content.ReadAsStringAsync()).Replace(email, "x", StringComparison.Ordinal)}"
            );
        }
        Assert.Equal(texts[0], texts[1]);
        Assert.StartsWith("200 ", texts[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Signing_in_answers_id_and_pair_for_an_hour()
    {
        await RegisterAsync();
        var answer = await PostAsync(
            "/authentication/local",
            new
            {
                email = Jane,
                password = Password,
                captchaToken = "ignored",
            }
        );
        Assert.Equal((await Auth.UserAsync(Jane)).Id, answer.Text("userId"));
        var (access, _) = (answer.Text("accessToken"), answer.Text("refreshToken"));
        Assert.Equal(Jane, (await UserAsync(access)).Text("email"));
        Auth.Clock.Move(TimeSpan.FromMinutes(59));
        Assert.Equal(200, (await UserAsync(access)).Status);
        Auth.Clock.Move(TimeSpan.FromMinutes(2));
        Refused(401, "UNAUTHORIZED", "The access token has expired.", await UserAsync(access));
    }

    [Fact]
    public async Task Unknown_user_and_wrong_password_are_one_answer()
    {
        await RegisterAsync();
        var wrong = await PostAsync("/authentication/local", new { email = Jane, password = "wrong" });
        Refused(401, "UNAUTHORIZED", "Invalid login credentials", wrong);
        Assert.Equal(
            wrong.Body,
            (await PostAsync("/authentication/local", new { email = "nobody@example.net", password = "wrong" })).Body
        );
        Assert.Equal(
            wrong.Body,
            (await PostAsync("/authentication/username", new { username = "nobody", password = "wrong" })).Body
        );
    }

    [Fact]
    public async Task A_user_name_signs_in_at_its_own_route()
    {
        await Auth.RegisterAsync(Jane, username: "jane.doe");
        var access = (
            await PostAsync("/authentication/username", new { username = "jane.doe", password = Password })
        ).Text("accessToken");
        Assert.Equal("jane.doe", (await UserAsync(access)).Text("username"));
        Assert.Equal(
            200,
            (
                await PostAsync("/authentication/username/change-password", new { newPassword = OtherPassword }, access)
            ).Status
        );
        Assert.Equal(
            200,
            (
                await PostAsync("/authentication/username", new { username = "jane.doe", password = OtherPassword })
            ).Status
        );
    }

    [Theory]
    [InlineData("bearer")]
    [InlineData("body")]
    [InlineData("cookie")]
    public async Task Renewing_ends_the_previous_pair(string place)
    {
        await RegisterAsync();
        var (access, refresh) = await SignInAsync();
        var renewed = await Renew(refresh);
        Assert.Equal(200, renewed.Status);
        Assert.NotEqual((access, refresh), (renewed.Text("accessToken"), renewed.Text("refreshToken")));
        Assert.Equal(200, (await UserAsync(renewed.Text("accessToken"))).Status);
        Auth.Clock.Move(TimeSpan.FromSeconds(11));
        Refused(401, "UNAUTHORIZED", "The access token is missing or not valid.", await UserAsync(access));
        Refused(401, "UNAUTHORIZED", "A rotated refresh token was used again.", await Renew(refresh));
        // a thief's or a victim's: the chain is over
        Assert.Equal(401, (await UserAsync(renewed.Text("accessToken"))).Status);

        Task<Answer> Renew(string token) =>
            place switch
            {
                "bearer" => PostAsync("/authentication/renew", null, token),
                "body" => PostAsync("/authentication/renew", new { refreshToken = token }),
                _ => SendAsync(
                    HttpMethod.Post,
                    "/authentication/renew",
                    null,
                    null,
                    ("Cookie", $"refreshToken={token}")
                ),
            };
    }

    [Fact]
    public async Task Renewing_without_or_with_another_token_is_refused()
    {
        await RegisterAsync();
        var (access, _) = await SignInAsync();
        Refused(401, "UNAUTHORIZED", "The refresh token is not valid.", await PostAsync("/authentication/renew"));
        Refused(
            401,
            "UNAUTHORIZED",
            "The refresh token is not valid.",
            await PostAsync("/authentication/renew", null, access)
        );
    }

    [Fact]
    public async Task Logging_out_ends_both_tokens()
    {
        await RegisterAsync();
        var (access, refresh) = await SignInAsync();
        Assert.Equal("LoggedOut", (await PostAsync("/authentication/logout", null, access)).Text("result"));
        Refused(401, "UNAUTHORIZED", "The session was ended.", await UserAsync(access));
        Refused(401, "UNAUTHORIZED", "The session was ended.", await PostAsync("/authentication/renew", null, refresh));
        Refused(
            401,
            "UNAUTHORIZED",
            "The access token is missing or not valid.",
            await PostAsync("/authentication/logout")
        );
    }

    [Fact]
    public async Task A_forgotten_password_is_reset_by_the_emails_token_and_every_session_ends()
    {
        await RegisterAsync();
        var (access, refresh) = await SignInAsync();
        var asked = await PostAsync("/authentication/forgot-password", new { email = Jane });
        Assert.Equal(
            asked.Body,
            (await PostAsync("/authentication/forgot-password", new { email = "nobody@example.net" })).Body
        );
        await Auth.DeliverAsync();
        var token = LinkTokenIn(Auth.LastEmailTo(Jane));
        Assert.Equal(
            "Password reset successful",
            (
                await PostAsync(
                    "/authentication/reset-password",
                    new { passwordResetToken = token, password = OtherPassword }
                )
            ).Text("result")
        );
        Refused(
            400,
            "INVALID_ARGUMENTS",
            "Invalid parameters",
            await PostAsync("/authentication/reset-password", new { passwordResetToken = token, password = Password })
        );
        Assert.Equal(401, (await UserAsync(access)).Status);
        Assert.Equal(401, (await PostAsync("/authentication/renew", null, refresh)).Status);
        await SignInAsync(password: OtherPassword);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")]
    [InlineData("*/*")]
    [InlineData("application/json, text/html")]
    [InlineData("application/json")]
    [InlineData("application/json, text/plain, */*")]
    public async Task Opening_the_link_changes_nothing_for_people_and_scanners(string? accept)
    {
        await RegisterAsync();
        await Auth.DeliverAsync();
        var token = LinkTokenIn(Auth.LastEmailTo(Jane));
        for (var scan = 0; scan < 2; scan++)
        {
            var answer = await SendAsync(
                HttpMethod.Get,
                $"/hook/authentication/verify-email/{token}",
                null,
                null,
                accept is null ? [] : [("Accept", accept)]
            );
            Assert.Equal((302, $"http://localhost:5080/verify-email?token={token}"), (answer.Status, answer.Location));
            var change = await SendAsync(
                HttpMethod.Get,
                $"/hook/authentication/verify-change-email/{token}",
                null,
                null,
                accept is null ? [] : [("Accept", accept)]
            );
            Assert.Equal(
                (302, $"http://localhost:5080/confirm-email-change?token={token}"),
                (change.Status, change.Location)
            );
        }
        Assert.False((await Auth.UserAsync(Jane)).EmailConfirmed);
        Assert.Null((await Auth.Use((VerifyEmail flow) => flow.ConfirmAsync(Auth.Caller, token, default))).Failure);
    }

    [Fact]
    public async Task A_program_posts_the_token_of_the_link_or_the_code()
    {
        await RegisterAsync();
        await Auth.DeliverAsync();
        var path = $"/hook/authentication/verify-email/{LinkTokenIn(Auth.LastEmailTo(Jane))}";
        Assert.Equal("Email verified", (await PostAsync(path)).Text("result"));
        Assert.True((await Auth.UserAsync(Jane)).EmailConfirmed);
        Refused(400, "INVALID_ARGUMENTS", "Invalid parameters", await PostAsync(path));

        const string john = "john@example.net";
        await RegisterAsync(john);
        Assert.Equal(
            (await PostAsync("/authentication/local/resend-verification", new { email = john })).Body,
            (await PostAsync("/authentication/local/resend-verification", new { email = "nobody@example.net" })).Body
        );
        await Auth.DeliverAsync();
        Assert.Equal(
            "Email verified",
            (
                await PostAsync(
                    "/authentication/local/verify-email",
                    new { email = john, code = CodeIn(Auth.LastEmailTo(john)) }
                )
            ).Text("result")
        );
        Assert.True((await Auth.UserAsync(john)).EmailConfirmed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_address_moves_when_the_new_one_confirms(bool program)
    {
        await RegisterAsync();
        // Where an account has never had a verified address, whoever confirms the first one elsewhere voids its
        // password (ADR 0009).
        await Auth.DeliverAsync();
        Assert.Null(
            (
                await Auth.Use(
                    (VerifyEmail flow) => flow.ConfirmAsync(Auth.Caller, LinkTokenIn(Auth.LastEmailTo(Jane)), default)
                )
            ).Failure
        );
        var (access, _) = await SignInAsync();
        Assert.Equal(
            "Verification code sent",
            (await PostAsync("/authentication/local/change-email", new { newEmail = "new@example.net" }, access)).Text(
                "result"
            )
        );
        await Auth.DeliverAsync();
        var token = LinkTokenIn(Auth.LastEmailTo("new@example.net"));
        var answer = await SendAsync(
            program ? HttpMethod.Post : HttpMethod.Get,
            $"/hook/authentication/verify-change-email/{token}"
        );
        if (program)
            Assert.Equal("Email changed successfully", answer.Text("result"));
        else
            Assert.EndsWith($"/confirm-email-change?token={token}", answer.Location, StringComparison.Ordinal);
        Assert.Equal(program ? "new@example.net" : Jane, (await UserAsync(access)).Text("email"));
    }

    [Fact]
    public async Task A_password_changes_on_the_old_one_or_on_a_recent_sign_in_and_older_tokens_die()
    {
        await RegisterAsync();
        var (other, _) = await SignInAsync();
        var (access, _) = await SignInAsync();
        Refused(
            401,
            "UNAUTHORIZED",
            "Invalid login credentials",
            await Change(access, new { oldPassword = "wrong", newPassword = OtherPassword })
        );
        var changed = await Change(access, new { oldPassword = Password, newPassword = OtherPassword });
        Assert.Equal("Password changed successfully", changed.Text("result"));
        Refused(
            401,
            "UNAUTHORIZED",
            "The password was changed after this credential was issued.",
            await UserAsync(access)
        );
        Refused(
            401,
            "UNAUTHORIZED",
            "The password was changed after this credential was issued.",
            await UserAsync(other)
        );
        access = changed.Text("accessToken");
        Assert.Equal(200, (await UserAsync(access)).Status);

        access = (await Change(access, new { newPassword = Password })).Text("accessToken");
        Auth.Clock.Move(TimeSpan.FromMinutes(16));
        Refused(
            403,
            "FORBIDDEN",
            "Re-login required to enter sudo mode",
            await Change(access, new { newPassword = OtherPassword })
        );
        Refused(
            403,
            "FORBIDDEN",
            "Re-login required to enter sudo mode",
            await PostAsync("/authentication/local/change-email", new { newEmail = "new@example.net" }, access)
        );
        Refused(
            403,
            "FORBIDDEN",
            "Re-login required to enter sudo mode",
            await SendAsync(HttpMethod.Delete, "/authentication/user", null, access)
        );
        Assert.Equal(200, (await Change(access, new { oldPassword = Password, newPassword = OtherPassword })).Status);

        Task<Answer> Change(string bearer, object body) =>
            PostAsync("/authentication/local/change-password", body, bearer);
    }

    [Fact]
    public async Task A_magic_link_answers_the_pair_to_a_post_and_only_leads_to_its_page_by_a_get()
    {
        await RegisterAsync();
        Assert.Equal(
            "token sent",
            (await PostAsync("/authentication/magic-link", new { email = Jane })).Text("result")
        );
        Assert.Equal(
            "token sent",
            (await PostAsync("/authentication/magic-link", new { email = "nobody@example.net" })).Text("result")
        );
        await Auth.DeliverAsync();
        var token = LinkTokenIn(Auth.LastEmailTo(Jane));
        foreach (var accept in new[] { "text/html", "application/json", "*/*" })
        {
            var opened = await SendAsync(
                HttpMethod.Get,
                $"/hook/authentication/magic-link/{token}",
                null,
                null,
                ("Accept", accept)
            );
            Assert.Equal(302, opened.Status);
            Assert.EndsWith($"/login/email-link?token={token}", opened.Location, StringComparison.Ordinal);
        }
        var pair = await PostAsync($"/authentication/magic-link/{token}");
        Assert.Equal((await Auth.UserAsync(Jane)).Id, pair.Text("userId"));
        Assert.Equal(Jane, (await UserAsync(pair.Text("accessToken"))).Text("email"));
        Refused(400, "INVALID_ARGUMENTS", "Invalid parameters", await PostAsync($"/authentication/magic-link/{token}"));
    }

    [Fact]
    public async Task A_refresh_is_no_recent_sign_in()
    {
        await RegisterAsync();
        var (_, refresh) = await SignInAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(16));
        var access = (await PostAsync("/authentication/renew", null, refresh)).Text("accessToken");
        Refused(
            403,
            "FORBIDDEN",
            "Re-login required to enter sudo mode",
            await PostAsync("/authentication/local/change-password", new { newPassword = OtherPassword }, access)
        );
    }

    [Fact]
    public async Task User_data_stands_beside_the_users_own_fields_and_never_in_their_place()
    {
        await PostAsync(
            "/authentication/local/new",
            new
            {
                email = Jane,
                password = Password,
                userData = new { team = "red", isVerified = true },
            }
        );
        var (access, _) = await SignInAsync();
        var user = (await UserAsync(access)).Json();
        Assert.Equal(("red", false), (user.At("team").GetString(), user.At("isVerified").GetBoolean()));
        var patched = (
            await SendAsync(
                HttpMethod.Patch,
                "/authentication/user",
                new { userData = new { shoe = 41, email = "evil@example.net" } },
                access
            )
        ).Json();
        Assert.Equal(
            ("red", 41, Jane),
            (patched.At("team").GetString(), patched.At("shoe").GetInt32(), patched.At("email").GetString())
        );
        Assert.Equal(
            400,
            (await SendAsync(HttpMethod.Patch, "/authentication/user", new { userData = "text" }, access)).Status
        );
    }

    [Fact]
    public async Task Deleting_closes_the_account()
    {
        await RegisterAsync();
        var (access, _) = await SignInAsync();
        Assert.Equal(
            "LoggedOut",
            (await SendAsync(HttpMethod.Delete, "/authentication/user", null, access)).Text("result")
        );
        Assert.Equal(401, (await UserAsync(access)).Status);
        Assert.Equal(401, (await PostAsync("/authentication/local", new { email = Jane, password = Password })).Status);
    }

    [Fact]
    public async Task An_anonymous_user_keeps_its_id_when_it_registers()
    {
        var pair = await PostAsync("/authentication/local/new/anonymous", new { userData = new { cart = 3 } });
        var access = pair.Text("accessToken");
        var before = (await UserAsync(access)).Json();
        Assert.True(before.At("isAnonymous").GetBoolean());
        Assert.Equal(
            403,
            (
                await PostAsync("/authentication/local/change-password", new { newPassword = OtherPassword }, access)
            ).Status
        );
        var user = (await PostAsync("/authentication/local/new", new { email = Jane, password = Password }, access))
            .Json()
            .At("user");
        Assert.Equal(
            (before.At("_id").GetString(), 3, false),
            (user.At("_id").GetString(), user.At("cart").GetInt32(), user.At("isAnonymous").GetBoolean())
        );
        await SignInAsync();
    }

    [Theory]
    [InlineData("POST", "/authentication/local/nothing")]
    public async Task What_is_not_here_is_not_found_in_shape(string method, string path) =>
        Refused(
            404,
            "NOT_FOUND",
            "There is nothing here.",
            await SendAsync(new(method), path, method == "POST" ? new { } : null)
        );

    [Theory]
    [InlineData("/authentication/twoFa")]
    [InlineData("/twoFa")]
    public async Task A_second_factor_is_enabled_verified_recovered_and_disabled(string twoFa)
    {
        await RegisterAsync();
        var access = (await SignInAsync()).Access;
        Assert.Equal("2FA disabled", (await PostAsync($"{twoFa}/authorize", new { }, access)).Text("result"));
        Refused(
            400,
            "INVALID_ARGUMENTS",
            "Method not valid",
            await SendAsync(HttpMethod.Put, $"{twoFa}/enable", new { method = "sms" }, access)
        );
        var uri = (await SendAsync(HttpMethod.Put, $"{twoFa}/enable", new { method = "authenticator" }, access)).Text(
            "result"
        )!;
        var app = SecretOf(
            System.Text.RegularExpressions.Regex.Match(uri, "^otpauth://totp/.*[?&]secret=([A-Z2-7]+)").Groups[1].Value
        );
        Refused(
            400,
            "INVALID_ARGUMENTS",
            "Code is not correct",
            await PostAsync($"{twoFa}/enable/verify", new { code = "000000" }, access)
        );
        Assert.Equal(
            "2FA enabled",
            (await PostAsync($"{twoFa}/enable/verify", new { code = Auth.CodeOf(app) }, access)).Text("result")
        );
        Assert.Equal(
            "2FA already enabled",
            (await PostAsync($"{twoFa}/enable/verify", new { code = "000000" }, access)).Text("result")
        );
        Assert.True((await UserAsync(access)).Json().At("hasTwoFA").GetBoolean());
        var codes = (await SendAsync(HttpMethod.Get, $"{twoFa}/generate", null, access))
            .Json()
            .At("codes")
            .EnumerateArray()
            .Select(c => c.GetString()!)
            .ToArray();
        Assert.Equal(10, codes.Length);

        var half = (await PostAsync("/authentication/local", new { email = Jane, password = Password })).Json();
        Assert.False(half.TryGetProperty("refreshToken", out _));
        var ticket = half.At("accessToken").GetString()!;
        Assert.Equal(401, (await UserAsync(ticket)).Status);
        Assert.Equal(401, (await SendAsync(HttpMethod.Put, $"{twoFa}/disable", new { }, ticket)).Status);
        Assert.Equal(401, (await SendAsync(HttpMethod.Get, $"{twoFa}/generate", null, ticket)).Status);
        Assert.Equal("authenticator", (await PostAsync($"{twoFa}/authorize", new { }, ticket)).Text("method"));
        Refused(
            400,
            "INVALID_ARGUMENTS",
            "Code is not correct",
            await PostAsync($"{twoFa}/verify", new { code = "000000" }, ticket)
        );
        Auth.Clock.Move(TimeSpan.FromSeconds(30));
        var pair = await PostAsync($"{twoFa}/verify", new { code = Auth.CodeOf(app) }, ticket);
        Assert.Equal(200, (await UserAsync(pair.Text("accessToken")!)).Status);
        Assert.Equal(401, (await PostAsync($"{twoFa}/verify", new { code = Auth.CodeOf(app) }, ticket)).Status);

        ticket = (await PostAsync("/authentication/local", new { email = Jane, password = Password })).Text(
            "accessToken"
        )!;
        Refused(
            401,
            "UNAUTHORIZED",
            "Invalid code",
            await PostAsync($"{twoFa}/recover", new { code = "1234 5678" }, ticket)
        );
        var recovered = await PostAsync($"{twoFa}/recover", new { code = codes[0] }, ticket);
        Assert.Equal("You have 9 back up codes left", recovered.Text("message"));
        Assert.Equal(200, (await UserAsync(recovered.Text("accessToken")!)).Status);

        Auth.Clock.Move(TimeSpan.FromMinutes(5));
        Assert.Equal(
            "2FA disabled",
            (await SendAsync(HttpMethod.Put, $"{twoFa}/disable", new { }, access)).Text("result")
        );
        Assert.True(
            (await PostAsync("/authentication/local", new { email = Jane, password = Password }))
                .Json()
                .TryGetProperty("refreshToken", out _)
        );
        Assert.Equal(401, (await PostAsync($"{twoFa}/authorize", new { })).Status);
    }

    [Fact]
    public async Task A_second_factor_is_changed_in_sudo_mode_only()
    {
        await RegisterAsync();
        var access = (await SignInAsync()).Access;
        Auth.Clock.Move(TimeSpan.FromMinutes(16));
        foreach (
            var (method, path) in new[]
            {
                (HttpMethod.Put, "enable"),
                (HttpMethod.Put, "disable"),
                (HttpMethod.Get, "generate"),
            }
        )
            Refused(
                403,
                "FORBIDDEN",
                "Re-login required to enter sudo mode",
                await SendAsync(
                    method,
                    $"/authentication/twoFa/{path}",
                    method == HttpMethod.Put ? new { method = "authenticator" } : null,
                    access
                )
            );
    }

    [Fact]
    public async Task A_locked_account_is_told_to_who_knows_the_password()
    {
        await RegisterAsync();
        await Auth.ChangeUserAsync((await Auth.UserAsync(Jane)).Id, user => user.LockedAt = Auth.Clock.Now);
        Refused(
            403,
            "FORBIDDEN",
            "Inactive user",
            await PostAsync("/authentication/local", new { email = Jane, password = Password })
        );
        Refused(
            401,
            "UNAUTHORIZED",
            "Invalid login credentials",
            await PostAsync("/authentication/local", new { email = Jane, password = "wrong" })
        );
    }

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task A_bad_body_is_refused_in_shape(string what, string body)
    {
        await RegisterAsync();
        var (access, _) = await SignInAsync();
        foreach (
            var (method, path) in Site
                .Routes.SelectMany(r =>
                    (
                        r.Metadata.GetMetadata<Microsoft.AspNetCore.Routing.HttpMethodMetadata>()?.HttpMethods ?? []
                    ).Select(m => (m, "/" + r.RoutePattern.RawText!.Trim('/')))
                )
                .Where(r =>
                    r.m is "POST" or "PATCH" or "PUT"
                    && r.Item2.StartsWith("/authentication/", StringComparison.Ordinal)
                    && Describes(r.Item2)
                )
        )
        {
            var answer = await SendAsync(
                new(method),
                path,
                body,
                path.EndsWith("/renew", StringComparison.Ordinal) ? null : access
            );
            var takes =
                what == "NUL" && path.EndsWith("/user", StringComparison.Ordinal)
                || path.EndsWith("/anonymous", StringComparison.Ordinal) && what == "NUL";
            Assert.True(
                takes ? answer.Status < 500 : answer.Status is >= 400 and < 500,
                $"{path} with {what}: {answer.Status} {answer.Body}"
            );
            if (answer.Status >= 400)
                Assert.Equal(answer.Status, answer.Json().GetProperty("status").GetInt32());
        }

        // Those that take no body do not read it.
        static bool Describes(string path) =>
            !path.EndsWith("/logout", StringComparison.Ordinal)
            && !path.EndsWith("/authorize", StringComparison.Ordinal)
            && !path.EndsWith("/disable", StringComparison.Ordinal)
            && !path.Contains('{', StringComparison.Ordinal)
            && new BlazorAuth.Api.Dialects.Conduit().Owns(path);
    }
}
