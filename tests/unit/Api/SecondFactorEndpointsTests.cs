using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Api;

/// <summary>The authenticator app and the recovery codes, as programs set them up and give them.</summary>
public sealed class SecondFactorEndpointsTests() : AuthTest(Store.File), IAsyncLifetime
{
    private const string Jane = "jane@example.net";
    private RunningSite site = null!;

    async Task IAsyncLifetime.InitializeAsync()
    {
        await InitializeAsync();
        site = await Auth.SiteAsync();
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await site.DisposeAsync();
        await DisposeAsync();
    }

    private async Task<(Answer Answer, JsonElement Json)> SendAsync(
        HttpMethod method,
        string path,
        object? body = null,
        string? bearer = null
    )
    {
        using var content = body is null
            ? null
            : new StringContent(body as string ?? JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        var answer = await Answer.OfAsync(await site.SendAsync(method, path, content, bearer));
        return (answer, answer.Body.Length == 0 ? default : JsonElement.Parse(answer.Body));
    }

    private async Task<string> BearerAsync()
    {
        await Auth.MemberAsync(Jane);
        return (await Auth.ApiPairAsync(Jane)).AccessToken;
    }

    private static string? Code(JsonElement json) => json.GetProperty("code").GetString();

    private static string[] Texts(JsonElement json, string name) =>
        [.. json.GetProperty(name).EnumerateArray().Select(t => t.GetString()!)];

    [Fact]
    public async Task A_program_sets_it_up_and_signs_in_with_it_and_takes_it_off()
    {
        var bearer = await BearerAsync();
        var (answer, begun) = await SendAsync(HttpMethod.Post, "/api/account/totp", bearer: bearer);
        Assert.Equal((200, "no-store"), (answer.Status, answer.Header("Cache-Control")));
        Assert.Equal(["secret", "uri"], begun.EnumerateObject().Select(p => p.Name));
        var app = AuthFixture.SecretOf(begun.GetProperty("secret").GetString()!);
        (answer, var confirmed) = await SendAsync(
            HttpMethod.Post,
            "/api/account/totp/confirm",
            new { code = Auth.CodeOf(app) },
            bearer
        );
        Assert.Equal((200, "no-store"), (answer.Status, answer.Header("Cache-Control")));
        Assert.Equal(10, Texts(confirmed, "recoveryCodes").Length);
        // its tokens stay good
        Assert.Equal(200, (await SendAsync(HttpMethod.Get, "/api/account", bearer: bearer)).Answer.Status);

        (answer, var due) = await SendAsync(
            HttpMethod.Post,
            "/api/token",
            new { identifier = Jane, password = AuthFixture.Password }
        );
        Assert.Equal((401, "second_factor_required"), (answer.Status, Code(due)));
        Assert.Equal(["totp", "recovery_code"], Texts(due, "methods"));
        Auth.Clock.Move(TimeSpan.FromSeconds(30));
        var ticket = due.GetProperty("ticket").GetString();
        (answer, var wrong) = await SendAsync(
            HttpMethod.Post,
            "/api/token/second-factor",
            new { ticket, code = "000000" }
        );
        Assert.Equal((401, "second_factor_invalid"), (answer.Status, Code(wrong)));
        (answer, var tokens) = await SendAsync(
            HttpMethod.Post,
            "/api/token/second-factor",
            new { ticket, code = Auth.CodeOf(app) }
        );
        Assert.Equal((200, Jane), (answer.Status, tokens.GetProperty("user").GetProperty("email").GetString()));

        (answer, var codes) = await SendAsync(HttpMethod.Post, "/api/account/recovery-codes", bearer: bearer);
        Assert.Equal((200, "no-store"), (answer.Status, answer.Header("Cache-Control")));
        (_, due) = await SendAsync(
            HttpMethod.Post,
            "/api/token",
            new { identifier = Jane, password = AuthFixture.Password }
        );
        (answer, _) = await SendAsync(
            HttpMethod.Post,
            "/api/token/second-factor",
            new { ticket = due.GetProperty("ticket").GetString(), recoveryCode = Texts(codes, "recoveryCodes")[7] }
        );
        Assert.Equal(200, answer.Status);

        Assert.Equal(204, (await SendAsync(HttpMethod.Delete, "/api/account/totp", bearer: bearer)).Answer.Status);
        Assert.Equal(404, (await SendAsync(HttpMethod.Delete, "/api/account/totp", bearer: bearer)).Answer.Status);
        Assert.Equal(
            404,
            (await SendAsync(HttpMethod.Post, "/api/account/recovery-codes", bearer: bearer)).Answer.Status
        );
        Assert.Equal(
            200,
            (await SendAsync(HttpMethod.Post, "/api/token", new { identifier = Jane, password = AuthFixture.Password }))
                .Answer
                .Status
        );
    }

    [Fact]
    public async Task An_old_sign_in_an_api_key_and_nobody_may_not()
    {
        var bearer = await BearerAsync();
        var key = (await SendAsync(HttpMethod.Post, "/api/account/keys", new { description = "ci" }, bearer))
            .Json.GetProperty("key")
            .GetString();
        await SendAsync(HttpMethod.Post, "/api/account/totp", bearer: bearer);
        var calls = new (HttpMethod Method, string Path, object? Body)[]
        {
            (HttpMethod.Post, "/api/account/totp", null),
            (HttpMethod.Delete, "/api/account/totp", null),
            (HttpMethod.Post, "/api/account/recovery-codes", null),
            (HttpMethod.Post, "/api/account/totp/confirm", new { code = "123456" }),
        };
        foreach (var (method, path, body) in calls)
        {
            Assert.Equal((403, "forbidden"), Read(await SendAsync(method, path, body, key)));
            Assert.Equal((401, "access_token_invalid"), Read(await SendAsync(method, path, body)));
        }
        Auth.Clock.Move(TimeSpan.FromMinutes(9));
        foreach (var (method, path, body) in calls.Take(3))
            Assert.NotEqual("step_up_required", Read(await SendAsync(method, path, body, bearer)).Code);
        Auth.Clock.Move(TimeSpan.FromMinutes(6));
        bearer = (await Auth.ApiPairAsync(Jane)).AccessToken;
        await Auth.Use(
            async (Core.Data.AuthDbContext db) =>
            {
                foreach (var session in db.Sessions)
                    session.AuthenticatedAt -= TimeSpan.FromMinutes(15);
                await db.SaveChangesAsync();
            }
        );
        foreach (var (method, path, body) in calls.Take(3))
            Assert.Equal((403, "step_up_required"), Read(await SendAsync(method, path, body, bearer)));

        static (int Status, string? Code) Read((Answer Answer, JsonElement Json) sent) =>
            (sent.Answer.Status, sent.Answer.Status < 400 ? null : Code(sent.Json));
    }

    [Theory]
    [InlineData("", 400)]
    [InlineData("[]", 400)]
    [InlineData("{}", 400)]
    [InlineData("""{"code":null}""", 400)]
    [InlineData("""{"code":123456}""", 400)]
    [InlineData("""{"code":["123456"]}""", 400)]
    [InlineData("""{"code":"123456","code":"123456"}""", 400)]
    [InlineData("""{"code":"\u0000"}""", 401)]
    [InlineData("""{"code":"\ud800"}""", 401)]
    [InlineData("""{"code":"1234567"}""", 401)]
    public async Task Bad_bodies_are_refused_with_a_code(string body, int status)
    {
        var bearer = await BearerAsync();
        await SendAsync(HttpMethod.Post, "/api/account/totp", bearer: bearer);
        var (answer, json) = await SendAsync(HttpMethod.Post, "/api/account/totp/confirm", body, bearer);
        Assert.True(
            answer.Status == status || (body.Contains("ud800", StringComparison.Ordinal) && answer.Status == 400),
            $"{body}: {answer.Status}"
        );
        Assert.NotNull(Code(json));
    }
}
