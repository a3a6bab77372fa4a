using System.Reflection;
using System.Runtime.Loader;
using System.Text.Json;
using BlazorAuth.Api;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using NSwag.CodeGeneration.CSharp;
using NSwag.CodeGeneration.OperationNameGenerators;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Api;

/// <summary>
/// The API document says what the wire says: by its examples, by recorded answers, and by a client generated from it.
/// </summary>
public sealed class ApiContractTests(ApiContract contract) : IClassFixture<ApiContract>
{
    private const string Ada = "ada@example.net",
        Bea = "bea@example.net",
        Cyd = "cyd@example.net";

    private AuthFixture Auth => contract.Auth;

    [Fact]
    public void Every_example_is_valid_by_its_schema()
    {
        var found = 0;
        foreach (
            var operation in JsonElement
                .Parse(contract.Text)
                .GetProperty("paths")
                .EnumerateObject()
                .SelectMany(p => p.Value.EnumerateObject())
        )
        foreach (var media in Contents(operation.Value))
        {
            Assert.False(media.Value.TryGetProperty("examples", out _), "This test reads 'example' only.");
            if (!media.Value.TryGetProperty("example", out var example))
                continue;
            found++;
            var name = media.Value.GetProperty("schema").GetProperty("$ref").GetString()!.Split('/')[^1];
            var id = operation.Value.GetProperty("operationId").GetString();
            var faults = ApiContract.Faults(contract.Document.Components.Schemas[name], example.GetRawText());
            Assert.True(faults.Count == 0, $"{id}: {string.Join("; ", faults)}");
        }
        Assert.InRange(found, 150, int.MaxValue);
        // The other way round: what breaks the schema is found.
        var problem = contract.Document.Components.Schemas["Problem"];
        Assert.NotEmpty(
            ApiContract.Faults(
                problem,
                """{"type":"t","title":"t","status":"400","detail":"d","code":"c","traceId":"t"}"""
            )
        );
        Assert.NotEmpty(
            ApiContract.Faults(problem, """{"type":"t","title":"t","status":400,"detail":"d","code":"c"}""")
        );
        Assert.NotEmpty(
            ApiContract.Faults(
                problem,
                """{"type":"t","title":"t","status":400,"detail":"d","code":"c","traceId":"t","x":1}"""
            )
        );
    }

    [Fact]
    public void What_a_problem_may_leave_out_is_not_required() =>
        Assert.Equal(
            ["type", "title", "status", "detail", "code", "traceId"],
            contract.Document.Components.Schemas["Problem"].RequiredProperties
        );

    [Fact]
    public void Every_operation_has_an_id_that_is_a_verb_in_camel_case()
    {
        var ids = contract.Operations.Select(o => o.Operation.OperationId).ToList();
        Assert.All(
            ids,
            id =>
                Assert.Matches(
                    "^(get|list|create|update|begin|complete|confirm|add|rename|remove|end|export|close|choose|change|"
                        + "register|send|verify|forgot|reset|sign|step|refresh|revoke|exchange|introspect|explain)[A-Za-z]*$",
                    id
                )
        );
        Assert.Equal(ids.Count, ids.Distinct(StringComparer.OrdinalIgnoreCase).Count());
    }

    [Fact]
    public async Task Every_answer_of_the_site_is_valid_by_its_schema()
    {
        await SignUpAndVerifyAsync();
        await ForgetAndResetAsync();
        await TokensAsync();
        await OwnAccountAsync();
        await SecondFactorAsync();
        await PasskeysAsync();
        await OAuthAndDocumentsAsync();
        await CloseAsync();
        // The antiforgery header needs a browser's cookie, and is tested where the cookie is.
        Assert.Equal(
            ["getAntiforgeryToken"],
            contract.Operations.Select(o => o.Operation.OperationId).Except(contract.Succeeded)
        );
    }

    [Fact]
    public async Task A_generated_csharp_client_compiles_signs_in_and_reads_the_code_of_a_refusal()
    {
        var generator = new CSharpClientGenerator(
            contract.Document,
            new CSharpClientGeneratorSettings
            {
                ClassName = "ApiClient",
                UseBaseUrl = false,
                OperationNameGenerator = new SingleClientFromOperationIdOperationNameGenerator(),
                CSharpGeneratorSettings =
                {
                    Namespace = "Generated",
                    JsonLibrary = NJsonSchema.CodeGeneration.CSharp.CSharpJsonLibrary.SystemTextJson,
                },
            }
        );
        const string Program = """
            using System.Net.Http;
            using System.Net.Http.Headers;
            using System.Threading.Tasks;
            using Generated;

            public static class Program
            {
                public static async Task<string> RunAsync(HttpClient http)
                {
                    var api = new ApiClient(http);
                    var account = await api.RegisterAccountAsync(new RegisterBody { Email = "gen@example.net", Password = "seven green bottles" });
                    var tokens = await api.SignInAsync(null, new SignInBody { Identifier = account.Email, Password = "seven green bottles" });
                    http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(tokens.TokenType, tokens.AccessToken);
                    var changed = await api.UpdateAccountAsync(new ProfileBody { DisplayName = "Gen" });
                    var sessions = await api.ListSessionsAsync();
                    var refreshed = await api.RefreshTokenAsync(new RefreshBody { RefreshToken = tokens.RefreshToken });
                    return $"{changed.DisplayName} {changed.Email} {sessions.Count} {refreshed.User.Id == account.Id}"
                        + " " + await CodeAsync(() => api.SignInAsync(null, new SignInBody { Identifier = account.Email, Password = "wrong" }))
                        + " " + await CodeAsync(() => api.RegisterAccountAsync(new RegisterBody { Email = "no", Password = "short" }));
                }

                private static async Task<string> CodeAsync(System.Func<Task> act)
                {
                    try
                    {
                        await act();
                        return "nothing";
                    }
                    catch (ApiException<Problem> refused)
                    {
                        return refused.Result.Code + (refused.Result.Errors == null ? "" : ":" + string.Join(",", refused.Result.Errors.Keys));
                    }
                }
            }
            """;
        using var http = new HttpClient { BaseAddress = contract.Site.Client.BaseAddress };
        var run = Compile(generator.GenerateFile(), Program)
            .GetType("Program")!
            .GetMethod("RunAsync")!
            .CreateDelegate<Func<HttpClient, Task<string>>>();
        Assert.Equal("Gen gen@example.net 1 True invalid_credentials validation_failed:email", await run(http));
    }

    private static Assembly Compile(params string[] sources)
    {
        var framework = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(file =>
                Path.GetFileName(file).StartsWith("System.", StringComparison.Ordinal)
                || Path.GetFileName(file) is "netstandard.dll" or "mscorlib.dll"
            )
            .Select(file => MetadataReference.CreateFromFile(file));
        var compilation = CSharpCompilation.Create(
            "Generated",
            sources.Select(source => CSharpSyntaxTree.ParseText(source)),
            framework,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary)
        );
        using var image = new MemoryStream();
        var faults = compilation.Emit(image).Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error).ToList();
        Assert.True(faults.Count == 0, string.Join('\n', faults.Take(10)));
        image.Position = 0;
        return new AssemblyLoadContext("generated", isCollectible: true).LoadFromStream(image);
    }

    private static IEnumerable<JsonProperty> Contents(JsonElement operation) =>
        operation
            .GetProperty("responses")
            .EnumerateObject()
            .Select(r => r.Value)
            .Concat(operation.TryGetProperty("requestBody", out var body) ? [body] : [])
            .SelectMany(holder => holder.TryGetProperty("content", out var content) ? content.EnumerateObject() : []);

    private Task<JsonElement> Answer(
        int status,
        string operation,
        string path,
        object? body = null,
        string? bearer = null
    ) => contract.AnswerAsync(status, operation, path, body, bearer);

    private async Task<string> BearerAsync(string email, string password = Password) =>
        Text(await Answer(200, "signIn", "/api/token", new { identifier = email, password }), "accessToken");

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private async Task SignUpAndVerifyAsync()
    {
        var bad = await Answer(400, "registerAccount", "/api/account", new { email = "no", password = "short" });
        Assert.True(bad.TryGetProperty("errors", out _));
        await Answer(
            201,
            "registerAccount",
            "/api/account",
            new
            {
                email = Ada,
                username = "ada",
                password = Password,
                profile = new { a = new[] { 1 } },
            }
        );
        await Answer(409, "registerAccount", "/api/account", new { email = Ada, password = Password });
        await Answer(
            400,
            "registerAccount",
            "/api/account",
            new StringContent("{", System.Text.Encoding.UTF8, "application/json")
        );
        await Answer(
            415,
            "registerAccount",
            "/api/account",
            new StringContent("{}", System.Text.Encoding.UTF8, "text/plain")
        );
        await Answer(413, "registerAccount", "/api/account", new { email = new string('x', 70_000) });
        await Auth.DeliverAsync();
        await Answer(202, "sendVerification", "/api/account/verify/send", new { email = Ada });
        await Answer(400, "sendVerification", "/api/account/verify/send", new { });
        await Auth.DeliverAsync();
        await Answer(400, "verifyEmail", "/api/account/verify", new { token = "nonsense" });
        await Answer(204, "verifyEmail", "/api/account/verify", new { token = LinkTokenIn(Auth.LastEmailTo(Ada)) });
    }

    private async Task ForgetAndResetAsync()
    {
        await Answer(202, "forgotPassword", "/api/account/password/forgot", new { email = Ada });
        await Auth.DeliverAsync();
        var token = LinkTokenIn(Auth.LastEmailTo(Ada));
        await Answer(400, "resetPassword", "/api/account/password/reset", new { token, newPassword = "x" });
        await Answer(204, "resetPassword", "/api/account/password/reset", new { token, newPassword = Password });
        await Answer(400, "resetPassword", "/api/account/password/reset", new { token, newPassword = Password });
    }

    private async Task TokensAsync()
    {
        await Answer(401, "signIn", "/api/token", new { identifier = Ada, password = "wrong" });
        await Answer(400, "signIn", "/api/token", new { });
        await Answer(400, "signIn", "/api/token?mode=pigeon", new { identifier = Ada, password = Password });
        await Answer(200, "signIn", "/api/token?mode=cookie", new { identifier = Ada, password = Password });
        var pair = await Answer(200, "signIn", "/api/token", new { identifier = Ada, password = Password });
        var next = await Answer(
            200,
            "refreshToken",
            "/api/token/refresh",
            new { refreshToken = Text(pair, "refreshToken") }
        );
        await Answer(401, "refreshToken", "/api/token/refresh", new { refreshToken = "nonsense" });
        await Answer(204, "revokeToken", "/api/token/revoke", new { refreshToken = Text(next, "refreshToken") });
        await Answer(401, "getAccount", "/api/account", bearer: Text(next, "accessToken"));
        await Answer(401, "getAccount", "/api/account");
        await Answer(404, "getAntiforgeryToken", "/api/token/antiforgery");
        await Answer(200, "signInAnonymously", "/api/token/anonymous", new { profile = new { cart = 1 } });
        var begun = await Answer(202, "sendEmailCode", "/api/token/email-code", new { email = Ada });
        await Auth.DeliverAsync();
        await Answer(
            400,
            "signInWithEmailCode",
            "/api/token/email-code/verify",
            new { ticket = Text(begun, "ticket"), code = "00000000" }
        );
        await Answer(
            200,
            "signInWithEmailCode",
            "/api/token/email-code/verify",
            new { ticket = Text(begun, "ticket"), code = CodeIn(Auth.LastEmailTo(Ada)) }
        );
    }

    private async Task OwnAccountAsync()
    {
        var bearer = await BearerAsync(Ada);
        await Answer(200, "getAccount", "/api/account", bearer: bearer);
        await Answer(
            200,
            "updateAccount",
            "/api/account",
            new { displayName = "Ada", profile = (object?)null },
            bearer
        );
        await Answer(400, "updateAccount", "/api/account", new { displayName = new string('x', 1000) }, bearer);
        await Answer(200, "getSignInChoice", "/api/account/sign-in", bearer: bearer);
        await Answer(409, "chooseSignIn", "/api/account/sign-in", new { passwordAlone = false }, bearer);
        var sessions = await Answer(200, "listSessions", "/api/account/sessions", bearer: bearer);
        await Answer(204, "endSession", $"/api/account/sessions/{Text(sessions[1], "id")}", bearer: bearer);
        await Answer(404, "endSession", "/api/account/sessions/nothing", bearer: bearer);
        await Answer(204, "endOtherSessions", "/api/account/sessions", bearer: bearer);
        await Answer(200, "listActivity", "/api/account/activity", bearer: bearer);
        await Answer(400, "listActivity", "/api/account/activity?skip=x", bearer: bearer);
        var key = await Answer(
            201,
            "createApiKey",
            "/api/account/keys",
            new { description = "ci", password = Password },
            bearer
        );
        await Answer(200, "listApiKeys", "/api/account/keys", bearer: bearer);
        await Answer(204, "revokeApiKey", $"/api/account/keys/{Text(key, "id")}", new { password = Password }, bearer);
        await Answer(404, "revokeApiKey", "/api/account/keys/nothing", new { password = Password }, bearer);
        await Answer(401, "stepUp", "/api/account/step-up", new { password = "wrong" }, bearer);
        bearer = Text(
            await Answer(200, "stepUp", "/api/account/step-up", new { password = Password }, bearer),
            "accessToken"
        );
        await Answer(400, "changePassword", "/api/account/password", new { newPassword = OtherPassword }, bearer);
        bearer = Text(
            await Answer(
                200,
                "changePassword",
                "/api/account/password",
                new { currentPassword = Password, newPassword = OtherPassword },
                bearer
            ),
            "accessToken"
        );
        await Answer(200, "exportAccount", "/api/account/export", bearer: bearer);
        await Answer(
            400,
            "changeEmail",
            "/api/account/email",
            new { newEmail = "no", currentPassword = OtherPassword },
            bearer
        );
        await Answer(
            202,
            "changeEmail",
            "/api/account/email",
            new { newEmail = Bea, currentPassword = OtherPassword },
            bearer
        );
        await Auth.DeliverAsync();
        await Answer(400, "confirmEmailChange", "/api/account/email/confirm", new { token = "nonsense" });
        await Answer(
            204,
            "confirmEmailChange",
            "/api/account/email/confirm",
            new { token = LinkTokenIn(Auth.LastEmailTo(Bea)) }
        );
    }

    private async Task SecondFactorAsync()
    {
        var bearer = await BearerAsync(Bea, OtherPassword);
        await Answer(404, "createRecoveryCodes", "/api/account/recovery-codes", bearer: bearer);
        var begun = await Answer(200, "beginTotp", "/api/account/totp", bearer: bearer);
        await Answer(401, "confirmTotp", "/api/account/totp/confirm", new { code = "000000" }, bearer);
        var app = SecretOf(Text(begun, "secret"));
        await Answer(200, "confirmTotp", "/api/account/totp/confirm", new { code = Auth.CodeOf(app) }, bearer);
        var due = await Answer(401, "signIn", "/api/token", new { identifier = Bea, password = OtherPassword });
        Assert.True(due.TryGetProperty("ticket", out _) && due.TryGetProperty("methods", out _));
        await Answer(
            401,
            "completeSignIn",
            "/api/token/second-factor",
            new { ticket = Text(due, "ticket"), code = "000000" }
        );
        Auth.Clock.Move(TimeSpan.FromSeconds(60));
        bearer = Text(
            await Answer(
                200,
                "completeSignIn",
                "/api/token/second-factor",
                new { ticket = Text(due, "ticket"), code = Auth.CodeOf(app) }
            ),
            "accessToken"
        );
        await Answer(200, "createRecoveryCodes", "/api/account/recovery-codes", bearer: bearer);
        await Answer(204, "removeTotp", "/api/account/totp", bearer: bearer);
        await Answer(404, "removeTotp", "/api/account/totp", bearer: bearer);
    }

    private async Task PasskeysAsync()
    {
        await Auth.MemberAsync(Cyd);
        var bearer = await BearerAsync(Cyd);
        using var device = new SoftAuthenticator("http://localhost:5080");
        var begun = await Answer(200, "beginAddPasskey", "/api/account/passkeys/options", bearer: bearer);
        await Answer(
            401,
            "addPasskey",
            "/api/account/passkeys",
            new { ticket = "nonsense", credential = new { } },
            bearer
        );
        var made = await Answer(
            201,
            "addPasskey",
            "/api/account/passkeys",
            new
            {
                ticket = Text(begun, "ticket"),
                credential = JsonElement.Parse(device.Create(begun.GetProperty("options").GetRawText())),
            },
            bearer
        );
        await Answer(200, "listPasskeys", "/api/account/passkeys", bearer: bearer);
        await Answer(200, "renamePasskey", $"/api/account/passkeys/{Text(made, "id")}", new { name = "mine" }, bearer);
        await Answer(404, "renamePasskey", "/api/account/passkeys/bm90aGluZw", new { name = "mine" }, bearer);
        begun = await Answer(200, "beginStepUpWithPasskey", "/api/account/step-up/options", bearer: bearer);
        begun = await Answer(200, "beginSignInWithPasskey", "/api/token/passkey/options");
        bearer = Text(
            await Answer(
                200,
                "signInWithPasskey",
                "/api/token/passkey",
                new
                {
                    ticket = Text(begun, "ticket"),
                    credential = JsonElement.Parse(device.Get(begun.GetProperty("options").GetRawText())),
                }
            ),
            "accessToken"
        );
        await Answer(401, "signInWithPasskey", "/api/token/passkey", new { ticket = "nonsense", credential = new { } });
        await Answer(200, "chooseSignIn", "/api/account/sign-in", new { passwordAlone = false }, bearer);
        await Answer(200, "exportAccount", "/api/account/export", bearer: bearer);
        await Answer(204, "removePasskey", $"/api/account/passkeys/{Text(made, "id")}", bearer: bearer);
    }

    private async Task OAuthAndDocumentsAsync()
    {
        var pair = await Answer(200, "signIn", "/api/token", new { identifier = Cyd, password = Password });
        await Answer(400, "exchangeToken", "/oauth/token", OAuthSite.Form(("grant_type", "password")));
        pair = await Answer(
            200,
            "exchangeToken",
            "/oauth/token",
            OAuthSite.Form(("grant_type", "refresh_token"), ("refresh_token", Text(pair, "refreshToken")))
        );
        foreach (var token in new[] { Text(pair, "access_token"), Text(pair, "refresh_token"), "nonsense" })
            await Answer(
                200,
                "introspectToken",
                "/oauth/introspect",
                OAuthSite.Form(
                    ("token", token),
                    ("client_id", ApiContract.Client),
                    ("client_secret", ApiContract.ClientSecret)
                )
            );
        await Answer(
            401,
            "introspectToken",
            "/oauth/introspect",
            OAuthSite.Form(("token", "x"), ("client_id", "x"), ("client_secret", "x"))
        );
        await Answer(200, "revokeOAuthToken", "/oauth/revoke", OAuthSite.Form(("token", Text(pair, "refresh_token"))));
        await Answer(200, "getSigningKeys", "/.well-known/jwks.json");
        await Answer(200, "getOpenIdConfiguration", "/.well-known/openid-configuration");
        await Answer(200, "getOAuthMetadata", "/.well-known/oauth-authorization-server");
        await Answer(200, "explainProblem", "/problems/not_found");
        await Answer(404, "explainProblem", "/problems/nothing");
    }

    private async Task CloseAsync()
    {
        var bearer = await BearerAsync(Cyd);
        await Answer(400, "closeAccount", "/api/account", bearer: bearer);
        await Answer(401, "closeAccount", "/api/account", new { password = "wrong" }, bearer);
        await Answer(204, "closeAccount", "/api/account", new { password = Password }, bearer);
    }
}
