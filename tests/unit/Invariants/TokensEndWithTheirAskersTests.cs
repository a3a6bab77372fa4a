using System.Buffers.Text;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Sessions;
using BlazorAuth.UnitTests.Dialects;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// Every door that issues, asked with nothing but an access token of a session that was begun elsewhere (or an API
/// key): what it gives ends no later than that token, is no refresh token and no key, and the session's row stays as it
/// was (ADR 0018).
/// </summary>
public sealed partial class TokensEndWithTheirAskersTests()
    : ForeignTest(("Throttle:SignUpPerAddress", "100000"), ("Throttle:SignInPerAddress", "100000"))
{
    private const string Key = "key";

    private sealed record Door(
        string? Dialect,
        HttpMethod Method,
        string Path,
        Func<string, object?> Body,
        bool InHeader = true
    );

    private sealed record Asker(string? Home, string Token, string? Refresh, string SessionId, DateTimeOffset? EndsAt);

    private static readonly string?[] Homes = [null, "Feathers", "Conduit", "Kuzzle", "Skygear", "IdentityApi", Key];

    // The access token stands wherever a client could put it; no door is given a password.
    private static readonly Door[] Doors =
    [
        new(null, HttpMethod.Post, "/api/token/refresh", token => new { refreshToken = token }),
        new(null, HttpMethod.Post, "/api/token", token => new { identifier = Jane }),
        new(null, HttpMethod.Post, "/api/token?mode=cookie", token => new { identifier = Jane }),
        new(null, HttpMethod.Post, "/api/token/second-factor", token => new { ticket = token, code = "123456" }),
        new(null, HttpMethod.Post, "/api/token/email-code/verify", token => new { ticket = token, code = "123456" }),
        new(null, HttpMethod.Post, "/api/account/step-up", token => new { password = "" }),
        new(null, HttpMethod.Post, "/api/account/password", token => new { newPassword = OtherPassword }),
        new(null, HttpMethod.Post, "/api/account/keys", token => new { description = "for ever" }),
        new("Feathers", HttpMethod.Post, "/authentication", token => new { strategy = "jwt", accessToken = token }),
        new(
            "Feathers",
            HttpMethod.Post,
            "/authentication",
            token => new { strategy = "refresh", refreshToken = token }
        ),
        new("Feathers", HttpMethod.Patch, "/users/me", token => new { password = OtherPassword }),
        new(
            "Feathers",
            HttpMethod.Post,
            "/auth-management",
            token => new { action = "passwordChange", value = new { password = OtherPassword } }
        ),
        new("Conduit", HttpMethod.Post, "/authentication/renew", token => new { refreshToken = token }),
        new(
            "Conduit",
            HttpMethod.Post,
            "/authentication/local/change-password",
            token => new { newPassword = OtherPassword }
        ),
        new("Conduit", HttpMethod.Post, "/authentication/twoFa/verify", token => new { code = "123456" }),
        new("Conduit", HttpMethod.Get, "/authentication/twoFa/generate", token => null),
        new("Kuzzle", HttpMethod.Post, "/_createToken?expiresIn=80d", token => null),
        new("Kuzzle", HttpMethod.Post, "/_createToken", token => null),
        new("Kuzzle", HttpMethod.Post, "/_refreshToken?expiresIn=80d", token => null),
        new("Kuzzle", HttpMethod.Post, "/_login/local?expiresIn=80d", token => new { username = Jane }),
        new("Kuzzle", HttpMethod.Post, "/api-keys/_create?expiresIn=-1", token => new { description = "for ever" }),
        new("Kuzzle", HttpMethod.Put, "/_me/credentials/local/_update", token => new { password = OtherPassword }),
        new("Skygear", HttpMethod.Post, "/me", token => new { access_token = token }, InHeader: false),
        new(
            "Skygear",
            HttpMethod.Post,
            "/auth/login",
            token => new { access_token = token, auth_data = new { email = Jane } },
            InHeader: false
        ),
        new(
            "Skygear",
            HttpMethod.Post,
            "/auth/password",
            token => new { access_token = token, password = OtherPassword },
            InHeader: false
        ),
        new("IdentityApi", HttpMethod.Post, "/identity/refresh", token => new { refreshToken = token }),
        new("IdentityApi", HttpMethod.Post, "/identity/manage/info", token => new { newPassword = OtherPassword }),
    ];

    [Fact]
    public async Task A_token_that_an_access_token_asks_for_ends_no_later_and_changes_nothing_of_its_session()
    {
        var issued = 0;
        foreach (var home in Homes)
        foreach (var door in Doors.Where(d => d.Dialect != home))
        {
            var email = $"{Guid.NewGuid():N}@example.net";
            await Auth.MemberAsync(email);
            var asker = await BeginAsync(home, email);
            // a sign-in is recent still, and a use of the session would be noted
            Auth.Clock.Move(TimeSpan.FromMinutes(5));
            var before = await RowAsync(asker.SessionId);

            var answer = await SendAsync(
                door.Method,
                door.Path,
                door.Body(asker.Token),
                door.InHeader ? asker.Token : null
            );
            var what = $"{home ?? "API"} at {door.Method} {door.Path}: {answer.Status} {answer.Body}";
            Assert.True(answer.Status < 500, what);
            issued += Judge(answer.Body, asker, what);
            await using (var frames = await KuzzleFrames.OpenAsync(Site))
                if (door is { Dialect: "Kuzzle" } && door.Path.StartsWith("/_createToken", StringComparison.Ordinal))
                    foreach (var action in new[] { "createToken", "refreshToken" })
                        issued += Judge(
                            (
                                await frames.RequestAsync(
                                    "auth",
                                    action,
                                    null,
                                    asker.Token,
                                    new JsonObject { ["expiresIn"] = "80d" }
                                )
                            ).GetRawText(),
                            asker,
                            what
                        );

            Assert.True(before == await RowAsync(asker.SessionId), what);
            Assert.True(Is(await AtHomeAsync(asker), 200), what);
            if (asker.Refresh is not null)
                Assert.Null((await Auth.RefreshAsync(asker.Refresh)).Failure);
        }
        // createToken three times and me, to whoever is not at home
        Assert.True(issued >= 4 * (Homes.Length - 2), $"{issued} were issued");
    }

    [Fact]
    public async Task A_token_of_the_generation_before_gives_none_of_the_newer_one()
    {
        await Auth.MemberAsync(Jane);
        var asker = await BeginAsync(null, Jane);
        Assert.Null((await Auth.RefreshAsync(asker.Refresh)).Failure);
        var another = (await PostAsync("/_createToken", null, asker.Token)).Text("result", "token");
        Assert.Equal(200, (await SendAsync(HttpMethod.Get, "/api/account", null, another)).Status);
        Auth.Clock.Move(TimeSpan.FromSeconds(11));
        Assert.Equal(401, (await SendAsync(HttpMethod.Get, "/api/account", null, asker.Token)).Status);
        Assert.Equal(401, (await SendAsync(HttpMethod.Get, "/api/account", null, another)).Status);
    }

    [Fact]
    public async Task At_home_a_dialect_gives_what_its_clients_ask_for()
    {
        await Auth.MemberAsync(Jane);
        var kuzzle = await BeginAsync("Kuzzle", Jane);
        var token = (await PostAsync("/_createToken?expiresIn=80d", null, kuzzle.Token)).Text("result", "token");
        Assert.InRange(
            EndOf(token) - Auth.Clock.Now,
            TimeSpan.FromDays(80),
            TimeSpan.FromDays(80) + TimeSpan.FromSeconds(2)
        );
        Assert.Equal(200, (await PostAsync("/_refreshToken?expiresIn=80d", null, kuzzle.Token)).Status);
        var skygear = await BeginAsync("Skygear", Jane);
        Auth.Clock.Move(TimeSpan.FromDays(3));
        var next = (await PostAsync("/me", new { access_token = skygear.Token })).Text("result", "access_token");
        Assert.True(EndOf(next) > EndOf(skygear.Token));
    }

    [Fact]
    public async Task With_the_password_a_key_is_made_at_every_door()
    {
        await Auth.MemberAsync(Jane);
        var asker = await BeginAsync(null, Jane);
        Assert.Equal(403, (await PostAsync("/api-keys/_create", new { description = "ci" }, asker.Token)).Status);
        Assert.Equal(
            200,
            (
                await PostAsync(
                    $"/api-keys/_create?password={Uri.EscapeDataString(Password)}",
                    new { description = "ci" },
                    asker.Token
                )
            ).Status
        );
        var kuzzle = await BeginAsync("Kuzzle", Jane);
        Assert.Equal(
            "step_up_required",
            (await PostAsync("/api/account/keys", new { description = "ci" }, kuzzle.Token)).Text("code")
        );
        var proven = (await PostAsync("/api/account/step-up", new { password = Password }, kuzzle.Token)).Text(
            "accessToken"
        );
        Assert.Equal(201, (await PostAsync("/api/account/keys", new { description = "ci" }, proven)).Status);
    }

    [Fact]
    public async Task A_recent_sign_in_elsewhere_is_none_here()
    {
        await Auth.MemberAsync(Jane);
        foreach (var home in new[] { null, "Skygear", "Kuzzle" })
        {
            var token = (await BeginAsync(home, Jane)).Token;
            Assert.Equal(
                403,
                (
                    await PostAsync("/authentication/local/change-email", new { newEmail = "x@example.net" }, token)
                ).Status
            );
            Assert.Equal(
                403,
                (
                    await SendAsync(
                        HttpMethod.Put,
                        "/authentication/twoFa/enable",
                        new { method = "authenticator" },
                        token
                    )
                ).Status
            );
            Assert.Equal(403, (await SendAsync(HttpMethod.Delete, "/authentication/user", null, token)).Status);
        }
    }

    private static int Judge(string body, Asker asker, string what)
    {
        var tokens = AnyToken()
            .Matches(body)
            .Select(found => found.Value)
            .Where(token => token != asker.Token)
            .ToList();
        Assert.True(asker.Home != Key || tokens.Count == 0, what);
        Assert.All(tokens, token => Assert.True(EndOf(token) <= asker.EndsAt, what));
        Assert.False(
            AnyKey().Matches(body).Any(found => !asker.Token.Contains(found.Value, StringComparison.Ordinal)),
            what
        );
        Assert.DoesNotContain("\"refreshToken\":\"", body, StringComparison.Ordinal);
        return tokens.Count;
    }

    private async Task<Asker> BeginAsync(string? home, string email)
    {
        var (path, body) = home switch
        {
            null or Key => ("/api/token", (object)new { identifier = email, password = Password }),
            "Feathers" => (
                "/authentication",
                new
                {
                    strategy = "local",
                    email,
                    password = Password,
                }
            ),
            "Conduit" => ("/authentication/local", new { email, password = Password }),
            "Kuzzle" => ("/_login/local", new { username = email, password = Password }),
            "Skygear" => ("/auth/login", new { auth_data = new { email }, password = Password }),
            _ => ("/identity/login", new { email, password = Password }),
        };
        var answer = await PostAsync(path, body);
        Assert.True(answer.Status is 200 or 201, answer.Body);
        var token = AnyToken().Match(answer.Body).Value;
        if (home == Key)
        {
            var key = (
                await PostAsync("/api/account/keys", new { description = "ci", password = Password }, token)
            ).Json();
            return new(home, key.At("key").GetString()!, null, key.At("id").GetString()!, null);
        }
        var payload = PayloadOf(token);
        var refresh = answer.Json().TryGetProperty("refreshToken", out var text) ? text.GetString() : null;
        return new(home, token, refresh, payload.At("sid").GetString()!, EndOf(token));
    }

    private Task<Answer> AtHomeAsync(Asker asker) =>
        asker.Home switch
        {
            null or Key => SendAsync(HttpMethod.Get, "/api/account", null, asker.Token),
            "Feathers" => SendAsync(HttpMethod.Get, "/users/me", null, asker.Token),
            "Conduit" => SendAsync(HttpMethod.Get, "/authentication/user", null, asker.Token),
            "Kuzzle" => SendAsync(HttpMethod.Get, "/_me", null, asker.Token),
            "Skygear" => PostAsync("/me", new { access_token = asker.Token }),
            _ => SendAsync(HttpMethod.Get, "/identity/manage/info", null, asker.Token),
        };

    private static bool Is(Answer answer, int status) => answer.Status == status;

    // A key's use is noted; nothing ends later by it.
    private Task<string> RowAsync(string sessionId) =>
        Auth.Use(
            async (AuthDbContext db) =>
            {
                var row = await db.Sessions.AsNoTracking().SingleAsync(s => s.Id == sessionId);
                var seen = row.Kind == SessionKind.Key ? default : row.LastSeenAt;
                return JsonSerializer.Serialize(
                    new
                    {
                        row.IdleEndsAt,
                        row.AbsoluteEndsAt,
                        row.Generation,
                        row.RenewedGeneration,
                        row.GenerationAt,
                        row.AuthenticatedAt,
                        row.Methods,
                        row.EndedAt,
                        seen,
                    }
                );
            }
        );

    private static JsonElement PayloadOf(string token) =>
        JsonElement.Parse(Base64Url.DecodeFromChars(token.Split('.')[1]));

    private static DateTimeOffset EndOf(string token) =>
        DateTimeOffset.FromUnixTimeSeconds(PayloadOf(token).At("exp").GetInt64());

    [GeneratedRegex(
        "eyJ[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+",
        RegexOptions.None,
        matchTimeoutMilliseconds: 1000
    )]
    private static partial Regex AnyToken();

    [GeneratedRegex("blazorauth_[A-Za-z0-9_-]{40,}", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex AnyKey();
}
