using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using BlazorAuth.Client;
using BlazorAuth.Core.Results;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Client;

/// <summary>
/// The bytes of the contract: what the client sends and what it makes of answers, good and bad, without a site.
/// </summary>
public sealed class WireTests
{
    private const string Ada =
        """{"id":"1","email":"ada@example.com","username":null,"emailVerified":true,"displayName":null,"avatar":null,"isAnonymous":false,"active":true,"roles":["admin"],"profile":{"a":1},"createdAt":"2026-01-02T03:04:05Z"}""";
    private const string Tokens =
        $$"""{"accessToken":"access","tokenType":"Bearer","expiresIn":600,"refreshToken":"refresh","refreshExpiresIn":1209600,"sessionId":"s","user":{{Ada}}}""";

    private readonly Person _person = new(new Uri("http://id.example"), new MemoryTokenStore());
    private string _sent = "";

    private void Answer(int status, string body, string type = "application/json") =>
        _person.Wire.Before = request =>
        {
            _sent = request.Content?.ReadAsStringAsync().GetAwaiter().GetResult() ?? "";
            return new HttpResponseMessage((HttpStatusCode)status)
            {
                Content = new StringContent(body, Encoding.UTF8, type),
            };
        };

    [Fact]
    public void Every_code_of_the_service_is_known_to_the_client() =>
        Assert.Equal(
            Enum.GetNames<AuthError>().Order(),
            Enum.GetNames<AuthErrorCode>().Where(name => name != nameof(AuthErrorCode.Unknown)).Order()
        );

    [Fact]
    public async Task A_second_factor_is_asked_for_and_given()
    {
        Answer(
            401,
            """{"code":"second_factor_required","title":"A second factor is due.","ticket":"t1","methods":["totp","recoveryCode"]}""",
            "application/problem+json"
        );
        var due = Assert.IsType<SignInResult.NeedsSecondFactor>(
            await _person.Auth.SignInAsync("ada@example.com", "right")
        );
        Assert.Equal(("t1", "totp recoveryCode"), (due.Ticket, string.Join(' ', due.Methods)));
        Assert.Empty(_person.Heard);

        Answer(401, """{"code":"second_factor_invalid"}""", "application/problem+json");
        var wrong = await Assert.ThrowsAsync<BlazorAuthException>(() =>
            _person.Auth.SignInWithSecondFactorAsync(due.Ticket, "000000")
        );
        Assert.Equal(AuthErrorCode.SecondFactorInvalid, wrong.Code);
        Answer(200, Tokens);
        await _person.Auth.SignInWithSecondFactorAsync(due.Ticket, "123456");
        Assert.Equal("""{"ticket":"t1","code":"123456"}""", _sent);
        await _person.Auth.SignInWithRecoveryCodeAsync(due.Ticket, "abcd-efgh");
        Assert.Equal("""{"ticket":"t1","recoveryCode":"abcd-efgh"}""", _sent);
        Assert.Equal(3, _person.Wire.Count("POST /api/token/second-factor"));
        Assert.Equal("admin", Assert.Single(_person.Auth.CurrentUser!.Roles));
    }

    [Fact]
    public async Task A_code_by_mail_signs_in()
    {
        Answer(202, """{"ticket":"t2"}""");
        var ticket = await _person.Auth.SendEmailCodeAsync("ada@example.com");
        Assert.Equal("""{"email":"ada@example.com"}""", _sent);
        Answer(200, Tokens);
        await _person.Auth.SignInWithEmailCodeAsync(ticket, "123456");
        Assert.Equal("""{"ticket":"t2","code":"123456"}""", _sent);
        Assert.Equal(["POST /api/token/email-code", "POST /api/token/email-code/verify"], _person.Wire.Sent);
    }

    [Fact]
    public async Task A_passkey_is_handed_over_as_it_is()
    {
        Answer(200, """{"ticket":"t3","options":{"challenge":"xyz","rpId":"id.example"}}""");
        var challenge = await _person.Auth.BeginPasskeyAsync();
        Assert.Equal("""{"challenge":"xyz","rpId":"id.example"}""", challenge.Options.GetRawText());
        Answer(200, Tokens);
        await _person.Auth.SignInWithPasskeyAsync(
            challenge.Ticket,
            JsonElement.Parse("""{"id":"k","type":"public-key"}""")
        );
        Assert.Equal("""{"ticket":"t3","credential":{"id":"k","type":"public-key"}}""", _sent);
        Assert.Equal(["POST /api/token/passkey/options", "POST /api/token/passkey"], _person.Wire.Sent);
    }

    [Fact]
    public async Task Somebody_without_a_name_gets_one_and_keeps_the_id()
    {
        var nobody = Ada.Replace("\"email\":\"ada@example.com\"", "\"email\":null")
            .Replace("\"isAnonymous\":false", "\"isAnonymous\":true");
        Answer(200, Tokens.Replace(Ada, nobody));
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            _person.Auth.UpgradeAsync(new("ada@example.com", "right"))
        );
        Assert.True((await _person.Auth.SignInAnonymouslyAsync(JsonElement.Parse("""{"cart":[1]}"""))).IsAnonymous);
        Assert.Equal("""{"profile":{"cart":[1]}}""", _sent);

        List<string?> bearers = [];
        _person.Wire.Before = request =>
        {
            bearers.Add(request.Headers.Authorization?.ToString());
            return new HttpResponseMessage(HttpStatusCode.Created)
            {
                Content = new StringContent(
                    request.Method == HttpMethod.Get ? nobody : Ada,
                    Encoding.UTF8,
                    "application/json"
                ),
            };
        };
        var ada = await _person.Auth.UpgradeAsync(new("ada@example.com", "right"));
        Assert.Equal(("1", "ada@example.com", false), (ada!.Id, ada.Email, ada.IsAnonymous));
        Assert.Equal(["Bearer access", "Bearer access"], bearers);
        Assert.Equal([UserChangeReason.SignedIn, UserChangeReason.Updated], _person.Reasons);
        Assert.Equal("ada@example.com", (await _person.KeptAsync())!.User.Email);
        Answer(200, Ada);
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            _person.Auth.UpgradeAsync(new("ada@example.com", "right"))
        );
    }

    [Fact]
    public async Task A_sign_up_that_a_email_decides_says_nothing()
    {
        Answer(202, "");
        Assert.Null(await _person.Auth.SignUpAsync(new("ada@example.com", "right")));
    }

    [Theory]
    [InlineData(200, "", "application/json")]
    [InlineData(200, "<html>Sign in to the hotel's network</html>", "text/html")]
    [InlineData(200, "null", "application/json")]
    [InlineData(200, "[1]", "application/json")]
    [InlineData(200, "{}", "application/json")]
    [InlineData(200, """{"accessToken":"a","refreshToken":"r","sessionId":"s","expiresIn":600}""", "application/json")]
    [InlineData(
        200,
        """{"accessToken":"a","refreshToken":"r","sessionId":"s","expiresIn":600,"user":{}}""",
        "application/json"
    )]
    [InlineData(
        200,
        """{"accessToken":"a","refreshToken":"r","sessionId":"s","expiresIn":-1,"user":{"id":"1"}}""",
        "application/json"
    )]
    [InlineData(200, """{"accessToken":1}""", "application/json")]
    [InlineData(502, "<html>Bad gateway</html>", "text/html")]
    [InlineData(401, "{", "application/problem+json")]
    [InlineData(401, """{"code":7,"title":[],"errors":[1],"traceId":null}""", "application/problem+json")]
    [InlineData(
        401,
        """{"code":"a_code_of_tomorrow","errors":{"email":"x","password":[1,"short"]}}""",
        "application/problem+json"
    )]
    public async Task An_answer_that_is_not_the_services_is_refused_and_changes_nothing(
        int status,
        string body,
        string type
    )
    {
        Answer(status, body, type);
        var refused = await Assert.ThrowsAsync<BlazorAuthException>(() =>
            _person.Auth.SignInAsync("ada@example.com", "right")
        );
        Assert.Equal((AuthErrorCode.Unknown, status), (refused.Code, (int)refused.Status));
        Assert.Null(_person.Auth.CurrentUser);
        Assert.Empty(_person.Heard);
    }

    [Fact]
    public async Task An_answer_without_end_is_not_read_to_its_end()
    {
        Answer(200, "{\"accessToken\":\"" + new string('a', 2_000_000));
        await Assert.ThrowsAsync<BlazorAuthException>(() => _person.Auth.SignInAsync("ada@example.com", "right"));
    }

    [Theory]
    [InlineData(200, "<html>Sign in to the hotel's network</html>", "text/html", 1)]
    [InlineData(502, "", "text/html", 3)] // a gateway may have passed it on: the same token, again
    [InlineData(503, """{"code":"unexpected_failure"}""", "application/problem+json", 1)]
    [InlineData(429, """{"code":"rate_limited"}""", "application/problem+json", 1)]
    [InlineData(403, """{"code":"session_revoked"}""", "application/problem+json", 1)] // not how the service says it
    public async Task A_refresh_that_fails_otherwise_signs_nobody_out(int status, string body, string type, int times)
    {
        Answer(200, Tokens);
        await _person.Auth.SignInAsync("ada@example.com", "right");
        _person.Clock.Move(TimeSpan.FromMinutes(1));
        _person.Wire.Before = request =>
            request.RequestUri!.AbsolutePath == "/api/token/refresh"
                ? new HttpResponseMessage((HttpStatusCode)status)
                {
                    Content = new StringContent(body, Encoding.UTF8, type),
                }
                : new HttpResponseMessage(HttpStatusCode.Unauthorized)
                {
                    Content = JsonContent.Create(new { code = "access_token_expired" }),
                };
        await Assert.ThrowsAsync<BlazorAuthException>(() => _person.Auth.WhoAmIAsync());
        Assert.Equal(times, _person.Wire.Count("POST /api/token/refresh"));
        Assert.NotNull(_person.Auth.CurrentUser);
        Assert.NotNull(await _person.KeptAsync());
    }

    [Theory]
    [InlineData("refresh_token_invalid")]
    [InlineData("refresh_token_expired")]
    [InlineData("refresh_token_reused")]
    [InlineData("session_revoked")]
    [InlineData("session_expired")]
    [InlineData("password_changed")]
    public async Task A_refused_refresh_signs_out_and_says_why(string code)
    {
        Answer(200, Tokens);
        await _person.Auth.SignInAsync("ada@example.com", "right");
        _person.Clock.Move(TimeSpan.FromMinutes(1));
        _person.Wire.Before = request => new HttpResponseMessage(HttpStatusCode.Unauthorized)
        {
            Content = JsonContent.Create(
                new { code = request.RequestUri!.AbsolutePath == "/api/token/refresh" ? code : "access_token_expired" }
            ),
        };
        Assert.Null(await _person.Auth.WhoAmIAsync());
        Assert.Equal(code, JsonNamingPolicy.SnakeCaseLower.ConvertName(_person.Heard.Last().Code!.Value.ToString()));
        Assert.Null(await _person.KeptAsync());
    }

    [Fact]
    public void Without_the_services_address_there_is_no_client() =>
        Assert.Throws<ArgumentException>(() => new BlazorAuthClient(new HttpClient(), new MemoryTokenStore()));
}
