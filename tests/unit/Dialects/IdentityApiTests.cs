using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>
/// One client, written for the stock endpoints, against the stock and against ours. What it sees of each answer
/// (status, content type, names of fields, kinds of values, keys of errors) is the same, but for the differences listed
/// here and, with their reasons, in docs/dialects/identity-api.md.
/// </summary>
public sealed class IdentityApiTests : ForeignTest
{
    private const string Good = "Seven-green-bottles7",
        Better = "Eight-brown-bottles8";

    // What each call answers where the two differ: ours, then the stock's.
    private static readonly Dictionary<string, (string Ours, string Stock)> Differences = new(StringComparer.Ordinal)
    {
        ["register without a password"] = (
            "400 application/problem+json {status:Number,title:String,type:String}",
            "400"
        ),
        ["register with a text for a body"] = (
            "400 application/problem+json {status:Number,title:String,type:String}",
            "400"
        ),
        ["register with a form"] = ("415 application/problem+json {status:Number,title:String,type:String}", "415"),
        ["register with a short password"] = (
            Refused("PasswordTooShort"),
            Refused(
                "PasswordRequiresDigit",
                "PasswordRequiresNonAlphanumeric",
                "PasswordRequiresUpper",
                "PasswordTooShort"
            )
        ),
        ["register with a common password"] = (
            Refused("PasswordTooCommon"),
            Refused("PasswordRequiresNonAlphanumeric", "PasswordRequiresUpper")
        ),
        ["refresh with a token used before"] = ("401 Bearer", Stock.Tokens),
        ["confirm by a GET with a right code"] = ("302", "200 text/plain"),
        ["confirm by a GET with a wrong code"] = ("302", "401"),
        ["confirm by a GET for nobody"] = ("302", "401"),
        ["2fa: ask for recovery codes"] = (
            Refused("TwoFactorNotEnabled"),
            "200 application/json {isMachineRemembered:False,isTwoFactorEnabled:False,recoveryCodes:[String],recoveryCodesLeft:Number,sharedKey:String}"
        ),
        ["2fa: enable with a right code"] = (
            Stock.On.Replace("recoveryCodes:Null", "recoveryCodes:[String]", StringComparison.Ordinal),
            Stock.On
        ),
        ["2fa: enable with a code used before"] = (Refused("InvalidTwoFactorCode"), Stock.On),
        ["sign in with a code used before"] = (Denied("Failed"), Stock.Tokens + " cookie"),
        ["sign in without the code"] = (Denied("RequiresTwoFactor"), Denied("RequiresTwoFactor") + " cookie"),
        ["sign in with a wrong code"] = (Denied("Failed"), Denied("Failed") + " cookie"),
        ["sign in with a right code"] = (Stock.Tokens, Stock.Tokens + " cookie"),
        ["sign in with a recovery code"] = (Stock.Tokens, Stock.Tokens + " cookie"),
        ["sign in with a used recovery code"] = (Denied("Failed"), Denied("Failed") + " cookie"),
        ["2fa: ask for another shared key when on"] = (Stock.On, Stock.TwoFactor),
        ["2fa: forget the machine"] = (Stock.TwoFactor, Stock.TwoFactor + " cookie"),
        ["change the password to a short one"] = (
            Refused("PasswordTooShort"),
            Refused(
                "PasswordRequiresDigit",
                "PasswordRequiresNonAlphanumeric",
                "PasswordRequiresUpper",
                "PasswordTooShort"
            )
        ),
        ["the access token after a changed password"] = ("401 Bearer", Stock.Info),
        ["info by a cookie alone"] = ("401 Bearer", Stock.Info),
        ["an unknown path"] = ("404 application/problem+json {status:Number,title:String,type:String}", "404"),
        ["an unknown verb"] = ("405 application/problem+json {status:Number,title:String,type:String}", "405"),
    };

    private static class Stock
    {
        public const string Tokens =
            "200 application/json {accessToken:String,expiresIn:Number,refreshToken:String,tokenType:String}";
        public const string Info = "200 application/json {email:String,isEmailConfirmed:Boolean}";
        public const string On =
            "200 application/json {isMachineRemembered:False,isTwoFactorEnabled:True,recoveryCodes:Null,recoveryCodesLeft:Number,sharedKey:String}";
        public const string TwoFactor =
            "200 application/json {isMachineRemembered:False,isTwoFactorEnabled:False,recoveryCodes:Null,recoveryCodesLeft:Number,sharedKey:String}";
    }

    private static string Denied(string detail) =>
        $"401 application/problem+json {{detail:{detail},status:Number,title:String,type:String}}";

    private static string Refused(params string[] codes) =>
        $"400 application/problem+json {{errors:{{{string.Join(',', codes.Select(c => c + ":[String]"))}}},status:Number,title:String,type:String}}";

    [Fact]
    public async Task A_client_of_the_stock_endpoints_sees_no_difference_but_those_listed()
    {
        await using var stock = await StockIdentity.StartAsync();
        var theirs = await TalkAsync(
            stock.Client,
            address => Task.FromResult(CodeOf(stock.LetterTo(address))),
            (key, step) => TotpCode.At(SecretOf(key), DateTimeOffset.UtcNow + step),
            () => { }
        );
        var ours = await TalkAsync(
            Site.Client,
            async address =>
            {
                await Auth.DeliverAsync();
                return LinkTokenIn(Auth.LastEmailTo(address));
            },
            (key, step) => TotpCode.At(SecretOf(key), Auth.Clock.Now + step),
            () => Auth.Clock.Move(TimeSpan.FromSeconds(10))
        );
        Assert.Equal(theirs.Select(t => t.Call), ours.Select(o => o.Call));
        Assert.Empty(Differences.Keys.Except(ours.Select(o => o.Call)));
        var expected = theirs.Select(t =>
            Differences.TryGetValue(t.Call, out var listed)
                ? $"{t.Call}: {listed.Ours} | {listed.Stock}"
                : $"{t.Call}: {t.Seen} | {t.Seen}"
        );
        var wrong = expected
            .Zip(ours.Zip(theirs, (o, t) => $"{o.Call}: {o.Seen} | {t.Seen}"))
            .Where(pair => pair.First != pair.Second);
        Assert.True(
            !wrong.Any(),
            string.Join('\n', wrong.Select(pair => $"expected {pair.First}\nseen     {pair.Second}"))
        );
    }

    [Fact]
    public void Every_difference_is_in_the_document()
    {
        var document = File.ReadAllText(Path.Combine(Clone.Root, "docs/dialects/identity-api.md"));
        Assert.All(Differences.Keys, call => Assert.Contains($"| {call} |", document, StringComparison.Ordinal));
    }

    private static async Task<List<(string Call, string Seen)>> TalkAsync(
        HttpClient client,
        Func<string, Task<string>> code,
        Func<string, TimeSpan, string> app,
        Action outliveTheLeeway
    )
    {
        List<(string, string)> seen = [];
        async Task<JsonElement> Say(
            string call,
            HttpMethod method,
            string path,
            object? body = null,
            string? bearer = null,
            string? cookie = null
        )
        {
            using var request = new HttpRequestMessage(method, "/identity/" + path);
            if (body is not null)
                request.Content = body as HttpContent ?? JsonContent.Create(body);
            if (bearer is not null)
                request.Headers.Authorization = new("Bearer", bearer);
            if (cookie is not null)
                request.Headers.Add("Cookie", cookie);
            using var answer = await client.SendAsync(request);
            var text = await answer.Content.ReadAsStringAsync();
            var type = answer.Content.Headers.ContentType?.MediaType;
            var json = type?.Contains("json", StringComparison.Ordinal) is true
                ? JsonDocument.Parse(text).RootElement
                : default;
            var shape = string.Join(
                ' ',
                new[]
                {
                    ((int)answer.StatusCode).ToString(),
                    type,
                    json.ValueKind == JsonValueKind.Undefined ? null : Shape(json),
                    answer.Headers.WwwAuthenticate.FirstOrDefault()?.Scheme,
                    answer.Headers.Contains("Set-Cookie") ? "cookie" : null,
                }.Where(part => part is not null)
            );
            seen.Add((call, shape));
            return answer.Headers.TryGetValues("Set-Cookie", out var cookies)
                ? JsonSerializer.SerializeToElement(
                    new { cookie = string.Join("; ", cookies.Select(c => c.Split(';')[0])) }
                )
                : json;
        }

        Task<JsonElement> Post(string call, string path, object? body = null, string? bearer = null) =>
            Say(call, HttpMethod.Post, path, body, bearer);
        const string other = "other@example.net";

        await Post("register", "register", new { email = Jane, password = Good });
        await Post("register again", "register", new { email = Jane, password = Good });
        await Post("register no address", "register", new { email = "jane", password = Good });
        await Post("register an empty address", "register", new { email = "", password = Good });
        await Post("register with a short password", "register", new { email = other, password = "short" });
        await Post("register with a common password", "register", new { email = other, password = "password1" });
        await Post("register without a password", "register", new { email = other });
        await Post(
            "register with a text for a body",
            "register",
            new StringContent("\"jane\"", null, "application/json")
        );
        await Post("register with a form", "register", new FormUrlEncodedContent([new("email", other)]));

        await Post("sign in with a wrong password", "login", new { email = Jane, password = "wrong" });
        await Post("sign in with no password", "login", new { email = Jane, password = "" });
        await Post("sign in as nobody", "login", new { email = "nobody@example.net", password = Good });
        var pair = await Post("sign in", "login", new { email = Jane, password = Good });
        await Post(
            "sign in with a code nobody asked for",
            "login",
            new
            {
                email = Jane,
                password = Good,
                twoFactorCode = "123456",
            }
        );
        var next = await Post("refresh", "refresh", new { refreshToken = Text(pair, "refreshToken") });
        var third = await Post("refresh again", "refresh", new { refreshToken = Text(next, "refreshToken") });
        outliveTheLeeway();
        await Post("refresh with a token used before", "refresh", new { refreshToken = Text(pair, "refreshToken") });
        await Post("refresh with nonsense", "refresh", new { refreshToken = "nonsense" });
        await Post("refresh with nothing", "refresh", new { refreshToken = "" });
        Assert.NotEqual(Text(next, "refreshToken"), Text(third, "refreshToken"));

        pair = await Post("sign in once more", "login", new { email = Jane, password = Good });
        var bearer = Text(pair, "accessToken");
        await Say("info", HttpMethod.Get, "manage/info", bearer: bearer);
        await Say("info without a token", HttpMethod.Get, "manage/info");
        await Say("info with nonsense for a token", HttpMethod.Get, "manage/info", bearer: "nonsense");
        await Say("change nothing", HttpMethod.Post, "manage/info", new { }, bearer);
        await Say("change the address to none", HttpMethod.Post, "manage/info", new { newEmail = "jane" }, bearer);
        await Say("change the address to the same", HttpMethod.Post, "manage/info", new { newEmail = Jane }, bearer);

        await Say("confirm by a GET for nobody", HttpMethod.Get, "confirmEmail?userId=nobody&code=abc");
        await Say("confirm by a GET with a wrong code", HttpMethod.Get, "confirmEmail?userId=nobody&code=%25%25");
        await Post("ask for the email again", "resendConfirmationEmail", new { email = Jane });
        await Post("ask for the email of nobody", "resendConfirmationEmail", new { email = "nobody@example.net" });
        await Post("ask for the email of no address", "resendConfirmationEmail", new { email = "jane" });
        var id = (await Say("info before it is confirmed", HttpMethod.Get, "manage/info", bearer: bearer))
            .GetProperty("isEmailConfirmed")
            .GetBoolean();
        Assert.False(id);
        await Say("confirm by a GET with a right code", HttpMethod.Get, await ConfirmPathAsync(client, code));

        await Post("forget the password", "forgotPassword", new { email = Jane });
        await Post("forget the password of nobody", "forgotPassword", new { email = "nobody@example.net" });
        var reset = await code(Jane);
        await Post(
            "reset with a wrong code",
            "resetPassword",
            new
            {
                email = Jane,
                resetCode = "abcd",
                newPassword = Better,
            }
        );
        await Post(
            "reset for another address",
            "resetPassword",
            new
            {
                email = "nobody@example.net",
                resetCode = reset,
                newPassword = Better,
            }
        );
        await Post(
            "reset",
            "resetPassword",
            new
            {
                email = Jane,
                resetCode = reset,
                newPassword = Better,
            }
        );
        await Post(
            "reset with a used code",
            "resetPassword",
            new
            {
                email = Jane,
                resetCode = reset,
                newPassword = Good,
            }
        );
        await Post("refresh after a reset", "refresh", new { refreshToken = Text(pair, "refreshToken") });
        await Post("sign in with the old password", "login", new { email = Jane, password = Good });
        bearer = Text(
            await Post("sign in with the new password", "login", new { email = Jane, password = Better }),
            "accessToken"
        );

        foreach (
            var (call, body) in new (string, object)[]
            {
                ("2fa: look", new { }),
                ("2fa: disable", new { enable = false }),
                ("2fa: enable without a code", new { enable = true }),
                ("2fa: enable with a code", new { enable = true, twoFactorCode = "123456" }),
                ("2fa: enable and reset", new { enable = true, resetSharedKey = true }),
                ("2fa: forget the machine", new { forgetMachine = true }),
                ("2fa: ask for a new shared key", new { resetSharedKey = true }),
                ("2fa: ask for recovery codes", new { resetRecoveryCodes = true }),
            }
        )
            await Post(call, "manage/2fa", body, bearer);
        await Post("2fa without a token", "manage/2fa", new { });
        var key = Text(
            await Post("2fa: ask for another shared key", "manage/2fa", new { resetSharedKey = true }, bearer),
            "sharedKey"
        );
        Assert.Equal(32, key.Length);
        var (now, soon) = (app(key, TimeSpan.Zero), app(key, TimeSpan.FromSeconds(30)));
        await Post("2fa: enable with a right code", "manage/2fa", new { enable = true, twoFactorCode = now }, bearer);
        var codes = (
            await Post("2fa: ask for recovery codes when on", "manage/2fa", new { resetRecoveryCodes = true }, bearer)
        ).GetProperty("recoveryCodes");
        Assert.Equal(10, codes.GetArrayLength());
        await Post("2fa: look when on", "manage/2fa", new { }, bearer);
        await Post(
            "2fa: enable with a code used before",
            "manage/2fa",
            new { enable = true, twoFactorCode = now },
            bearer
        );
        await Post("sign in without the code", "login", new { email = Jane, password = Better });
        await Post(
            "sign in with a wrong code",
            "login",
            new
            {
                email = Jane,
                password = Better,
                twoFactorCode = "000000",
            }
        );
        await Post(
            "sign in with a wrong password and a right code",
            "login",
            new
            {
                email = Jane,
                password = Good,
                twoFactorCode = soon,
            }
        );
        await Post(
            "sign in with a right code",
            "login",
            new
            {
                email = Jane,
                password = Better,
                twoFactorCode = soon,
            }
        );
        await Post(
            "sign in with a code used before",
            "login",
            new
            {
                email = Jane,
                password = Better,
                twoFactorCode = soon,
            }
        );
        await Post(
            "sign in with a recovery code",
            "login",
            new
            {
                email = Jane,
                password = Better,
                twoFactorRecoveryCode = codes[0].GetString(),
            }
        );
        await Post(
            "sign in with a used recovery code",
            "login",
            new
            {
                email = Jane,
                password = Better,
                twoFactorRecoveryCode = codes[0].GetString(),
            }
        );
        await Post("2fa: ask for another shared key when on", "manage/2fa", new { resetSharedKey = true }, bearer);
        await Post("2fa: disable when on", "manage/2fa", new { enable = false }, bearer);
        await Post("sign in with one factor again", "login", new { email = Jane, password = Better });

        await Post("change the password without the old one", "manage/info", new { newPassword = Good }, bearer);
        await Post(
            "change the password with a wrong old one",
            "manage/info",
            new { newPassword = Good, oldPassword = "wrong" },
            bearer
        );
        await Post(
            "change the password to a short one",
            "manage/info",
            new { newPassword = "short", oldPassword = Better },
            bearer
        );
        await Post("ask for another address", "manage/info", new { newEmail = other }, bearer);
        await Post("change the password", "manage/info", new { newPassword = Good, oldPassword = Better }, bearer);
        await Say("the access token after a changed password", HttpMethod.Get, "manage/info", bearer: bearer);

        var given = await Post("sign in with cookies", "login?useCookies=true", new { email = Jane, password = Good });
        await Post(
            "sign in with a session cookie",
            "login?useSessionCookies=true",
            new { email = Jane, password = Good }
        );
        await Post(
            "sign in with cookies and a wrong password",
            "login?useCookies=true",
            new { email = Jane, password = "wrong" }
        );
        await Say("info by a cookie alone", HttpMethod.Get, "manage/info", cookie: Text(given, "cookie"));
        await Say("an unknown path", HttpMethod.Post, "nothing", new { });
        await Say("an unknown verb", HttpMethod.Put, "login", new { });
        return seen;
    }

    // In the stock's email is the whole address; in ours the token, which its route takes as the code.
    private static async Task<string> ConfirmPathAsync(HttpClient client, Func<string, Task<string>> code) =>
        await code(Jane) is var text && text.StartsWith("http", StringComparison.Ordinal)
            ? new Uri(text).PathAndQuery["/identity/".Length..]
            : $"confirmEmail?userId=jane&code={text}";

    private static string CodeOf(string letter) => letter;

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private static string Shape(JsonElement json) =>
        json.ValueKind switch
        {
            JsonValueKind.Object =>
                $"{{{string.Join(',', json.EnumerateObject().OrderBy(f => f.Name, StringComparer.Ordinal).Select(f => $"{f.Name}:{(f.Name == "isEmailConfirmed" ? "Boolean" : f.Name == "detail" ? f.Value.GetString() : Shape(f.Value))}"))}}}",
            JsonValueKind.Array => $"[{string.Join(',', json.EnumerateArray().Select(Shape).Distinct())}]",
            var kind => kind.ToString(),
        };

    [Fact]
    public async Task The_page_confirms_what_the_stock_confirms_on_a_get()
    {
        await PostAsync("/identity/register", new { email = Jane, password = Good });
        await Auth.DeliverAsync();
        var link = LinkTokenIn(Auth.LastEmailTo(Jane));
        var path = $"/identity/confirmEmail?userId=x&code={link}";
        for (var scan = 0; scan < 2; scan++)
            Assert.EndsWith(
                $"/verify-email?token={link}",
                (await SendAsync(HttpMethod.Get, path)).Location,
                StringComparison.Ordinal
            );
        Assert.EndsWith(
            $"/confirm-email-change?token={link}",
            (await SendAsync(HttpMethod.Get, path + "&changedEmail=a%40b.example")).Location,
            StringComparison.Ordinal
        );
        Assert.False((await Auth.UserAsync(Jane)).EmailConfirmed);
    }

    [Fact]
    public async Task A_cookie_and_its_header_open_what_tokens_open()
    {
        await PostAsync("/identity/register", new { email = Jane, password = Good });
        var signedIn = await PostAsync("/identity/login?useCookies=true", new { email = Jane, password = Good });
        var (cookie, header) = (
            string.Join("; ", signedIn.Cookies.Select(c => c.Split(';')[0])),
            signedIn.Header("RequestVerificationToken")
        );
        Assert.Contains(signedIn.Cookies, c => c.Contains("expires", StringComparison.OrdinalIgnoreCase));
        Assert.Equal(
            401,
            (await SendAsync(HttpMethod.Get, "/identity/manage/info", null, null, ("Cookie", cookie))).Status
        );
        var info = await SendAsync(
            HttpMethod.Get,
            "/identity/manage/info",
            null,
            null,
            ("Cookie", cookie),
            ("RequestVerificationToken", header!)
        );
        Assert.Equal(Jane, info.Text("email"));
        var changed = await SendAsync(
            HttpMethod.Post,
            "/identity/manage/info",
            new { newPassword = Better, oldPassword = Good },
            null,
            ("Cookie", cookie),
            ("RequestVerificationToken", header!)
        );
        Assert.Equal(200, changed.Status);
        Assert.NotEmpty(changed.Cookies); // the renewed session's; the old cookie is worthless
        Assert.Equal(
            401,
            (
                await SendAsync(
                    HttpMethod.Get,
                    "/identity/manage/info",
                    null,
                    null,
                    ("Cookie", cookie),
                    ("RequestVerificationToken", header!)
                )
            ).Status
        );
    }

    [Fact]
    public async Task Locked_and_unverified_accounts_are_told_in_the_stock_words_to_who_knows_the_password()
    {
        var user = await Auth.RegisterAsync(Jane, Good);
        await using var strict = await Auth.SiteAsync(("SignIn:RequireVerifiedEmail", "true"));
        var refused = await strict.Client.PostAsJsonAsync("/identity/login", new { email = Jane, password = Good });
        Assert.Equal(
            (401, "NotAllowed"),
            (
                (int)refused.StatusCode,
                (await refused.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("detail").GetString()
            )
        );
        await Auth.ChangeUserAsync(user.Id, u => u.LockedAt = Auth.Clock.Now);
        var locked = await PostAsync("/identity/login", new { email = Jane, password = Good });
        Assert.Equal((401, "LockedOut"), (locked.Status, locked.Text("detail")));
        Assert.Equal(
            "Failed",
            (await PostAsync("/identity/login", new { email = Jane, password = "wrong" })).Text("detail")
        );
    }

    [Fact]
    public async Task In_the_private_mode_a_free_and_a_taken_address_are_one_answer()
    {
        await Auth.RegisterAsync(Jane, Good);
        await using var strict = await Auth.SiteAsync(("SignIn:RequireVerifiedEmail", "true"));
        foreach (var email in new[] { Jane, "new@example.net" })
        {
            var answer = await strict.Client.PostAsJsonAsync("/identity/register", new { email, password = Good });
            Assert.Equal((200, ""), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        }
    }

    [Fact]
    public async Task Another_address_needs_the_password_where_the_sign_in_is_old()
    {
        await PostAsync("/identity/register", new { email = Jane, password = Good });
        var bearer = (await PostAsync("/identity/login", new { email = Jane, password = Good })).Text("accessToken");
        Auth.Clock.Move(TimeSpan.FromMinutes(16));
        var refused = await PostAsync("/identity/manage/info", new { newEmail = "new@example.net" }, bearer);
        Assert.True(refused.Json().At("errors").TryGetProperty("OldPasswordRequired", out _), refused.Body);
        Assert.Equal(
            200,
            (
                await PostAsync(
                    "/identity/manage/info",
                    new { newEmail = "new@example.net", oldPassword = Good },
                    bearer
                )
            ).Status
        );
        await Auth.DeliverAsync();
        Assert.NotEmpty(LinkTokenIn(Auth.LastEmailTo("new@example.net")));
    }

    [Fact]
    public async Task A_shared_key_is_shown_once_and_not_on_an_old_sign_in_and_an_act_is_one_at_a_time()
    {
        await Auth.MemberAsync(Jane, Good);
        var bearer = (await PostAsync("/identity/login", new { email = Jane, password = Good })).Text("accessToken");
        Assert.Equal(32, (await PostAsync("/identity/manage/2fa", new { }, bearer)).Text("sharedKey")!.Length);
        Assert.Equal("", (await PostAsync("/identity/manage/2fa", new { }, bearer)).Text("sharedKey"));
        var refused = await PostAsync(
            "/identity/manage/2fa",
            new { enable = false, resetRecoveryCodes = true },
            bearer
        );
        Assert.True(refused.Json().At("errors").TryGetProperty("TwoFactorNotEnabled", out _), refused.Body);
        Auth.Clock.Move(TimeSpan.FromMinutes(16));
        Assert.Equal(
            (200, ""),
            (
                (await PostAsync("/identity/manage/2fa", new { }, bearer)) is var old
                    ? (old.Status, old.Text("sharedKey"))
                    : default
            )
        );
        refused = await PostAsync("/identity/manage/2fa", new { resetSharedKey = true }, bearer);
        Assert.True(refused.Json().At("errors").TryGetProperty("OldPasswordRequired", out _), refused.Body);
    }

    [Fact]
    public async Task Guesses_are_limited_as_everywhere()
    {
        await Auth.RegisterAsync(Jane, Good);
        Answer answer;
        var guesses = 0;
        do answer = await PostAsync("/identity/login", new { email = Jane, password = "wrong" });
        while (answer.Status == 401 && ++guesses < 500);
        Assert.Equal((429, "LockedOut"), (answer.Status, answer.Text("detail")));
        Assert.NotNull(answer.Header("Retry-After"));
    }

    [Theory]
    [MemberData(nameof(BadBodies))]
    public async Task A_bad_body_is_a_problem(string what, string body)
    {
        await Auth.RegisterAsync(Jane, Good);
        var bearer = (await PostAsync("/identity/login", new { email = Jane, password = Good })).Text("accessToken");
        foreach (
            var path in new[]
            {
                "register",
                "login",
                "refresh",
                "resendConfirmationEmail",
                "forgotPassword",
                "resetPassword",
                "manage/2fa",
                "manage/info",
            }
        )
        {
            var answer = await PostAsync("/identity/" + path, body, bearer);
            // no address; the stock's answer to any
            var asked = what == "NUL" && path is "resendConfirmationEmail" or "forgotPassword";
            Assert.True(
                asked ? answer.Status is 200 or 400 : answer.Status is >= 400 and < 500,
                $"{path} with {what}: {answer.Status} {answer.Body}"
            );
            if (answer.Status is not (200 or 401))
                Assert.Equal("application/problem+json", answer.Header("Content-Type"));
        }
    }
}
