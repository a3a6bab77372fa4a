using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>
/// What the course on REST and JWT wants of a token, at our own API: anybody can read and verify it, nobody can change
/// a character, and the key that signs is published by its public half only.
/// </summary>
public sealed class BlogTests : ForeignTest
{
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    private async Task<string> TokenAsync()
    {
        await PostAsync("/api/account", new { email = Jane, password = Password });
        return (await PostAsync("/api/token", new { identifier = Jane, password = Password })).Text("accessToken");
    }

    // The course's own client sends exactly this, and keeps token and userId.
    [Fact]
    public async Task The_login_of_the_course_answers_a_token_and_a_user_id()
    {
        await PostAsync("/api/account", new { email = Jane, password = Password });
        var login = await PostAsync("/auth/login", new { email = Jane, password = Password });
        Assert.Equal(200, login.Status);
        Assert.Equal(["token", "userId"], login.Json().EnumerateObject().Select(f => f.Name));
        Assert.Equal((await Auth.UserAsync(Jane)).Id, login.Text("userId"));
        var token = login.Text("token");
        Assert.True(Verify(token, (await SendAsync(HttpMethod.Get, "/.well-known/jwks.json")).Json()));
        Assert.Equal(200, (await SendAsync(HttpMethod.Get, "/api/account", null, token)).Status);
        Auth.Clock.Move(TimeSpan.FromMinutes(59));
        Assert.Equal(200, (await SendAsync(HttpMethod.Get, "/api/account", null, token)).Status);
        Auth.Clock.Move(TimeSpan.FromMinutes(2));
        Assert.Equal(401, (await SendAsync(HttpMethod.Get, "/api/account", null, token)).Status);
    }

    [Fact]
    public async Task The_login_of_the_course_has_one_answer_for_a_wrong_password_and_nobody()
    {
        await PostAsync("/api/account", new { email = Jane, password = Password });
        var wrong = await PostAsync("/auth/login", new { email = Jane, password = "wrong wrong" });
        var nobody = await PostAsync("/auth/login", new { email = "nobody@example.net", password = "wrong wrong" });
        Assert.Equal((401, """{"message":"Email or password is incorrect."}"""), (wrong.Status, wrong.Body));
        Assert.Equal((wrong.Status, wrong.Body), (nobody.Status, nobody.Body));
        foreach (
            var body in new object[]
            {
                new { email = Jane },
                new { email = Jane, password = "" },
                new { email = 1, password = Password },
                new { email = "", password = Password },
            }
        )
        {
            var refused = await PostAsync("/auth/login", body);
            Assert.Equal((400, "message"), (refused.Status, Assert.Single(refused.Json().EnumerateObject()).Name));
        }
        // Skygear's stay Skygear's.
        Assert.Equal(105, (
                await PostAsync(
                    "/auth/login",
                    new
                    {
                        auth_data = new { email = Jane },
                        email = Jane,
                        password = "wrong wrong",
                    }
                )
            ).Json().At("error", "code").GetInt32());
        Assert.Equal(108, (await PostAsync("/auth/login", new { })).Json().At("error", "code").GetInt32());
    }

    // What any JWT tool does: no library of ours, and nothing known but the token and the published keys.
    private static bool Verify(string token, JsonElement keys)
    {
        var parts = token.Split('.');
        var header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0])).RootElement;
        var key = keys.At("keys").EnumerateArray().Single(k => k.At("kid").GetString() == header.At("kid").GetString());
        Assert.Equal(
            ("ES256", "EC", "P-256", "sig"),
            (
                header.At("alg").GetString(),
                key.At("kty").GetString(),
                key.At("crv").GetString(),
                key.At("use").GetString()
            )
        );
        using var curve = ECDsa.Create(
            new ECParameters
            {
                Curve = ECCurve.NamedCurves.nistP256,
                Q = new()
                {
                    X = Base64Url.DecodeFromChars(key.At("x").GetString()),
                    Y = Base64Url.DecodeFromChars(key.At("y").GetString()),
                },
            }
        );
        return curve.VerifyData(
            Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"),
            Base64Url.DecodeFromChars(parts[2]),
            HashAlgorithmName.SHA256
        );
    }

    [Fact]
    public async Task Any_tool_verifies_a_token_with_the_published_key_and_reads_whose_it_is()
    {
        var token = await TokenAsync();
        var keys = (await SendAsync(HttpMethod.Get, "/.well-known/jwks.json")).Json();
        Assert.True(Verify(token, keys));
        Assert.All(keys.At("keys").EnumerateArray(), key => Assert.False(key.TryGetProperty("d", out _)));
        var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[1])).RootElement;
        Assert.Equal((await Auth.UserAsync(Jane)).Id, payload.At("sub").GetString());
        Assert.Equal(Auth.Clock.Now.AddMinutes(10).ToUnixTimeSeconds(), payload.At("exp").GetInt64());
        Assert.DoesNotContain(Jane, payload.GetRawText(), StringComparison.Ordinal);

        var forged = token.Split('.');
        forged[1] = Base64Url.EncodeToString(
            Encoding.UTF8.GetBytes(payload.GetRawText().Replace("\"sub\":\"", "\"sub\":\"0", StringComparison.Ordinal))
        );
        Assert.False(Verify(string.Join('.', forged), keys));
    }

    [Fact]
    public async Task Every_changed_character_makes_the_token_worthless()
    {
        var token = await TokenAsync();
        Assert.Equal(200, (await SendAsync(HttpMethod.Get, "/api/account", null, token)).Status);
        var taken = new List<string>();
        for (var at = 0; at < token.Length; at++)
        {
            // The next of the alphabet also for a last character, whose low bits a lax reader throws away.
            var other =
                token[at] == '.'
                    ? 'A'
                    : Alphabet[(Alphabet.IndexOf(token[at], StringComparison.Ordinal) + 1) % Alphabet.Length];
            var answer = await SendAsync(
                HttpMethod.Get,
                "/api/account",
                null,
                $"{token[..at]}{other}{token[(at + 1)..]}"
            );
            if (answer.Status != 401 || answer.Text("code") != "access_token_invalid")
                taken.Add(
                    $"{at.ToString(CultureInfo.InvariantCulture)} of {token.Length}: {token[at]} to {other}, {answer.Status}"
                );
        }
        Assert.Empty(taken);
        foreach (var cut in new[] { token[..^1], token[1..], token + "A", token + "=", token.Replace('.', ' ') })
            Assert.Equal(401, (await SendAsync(HttpMethod.Get, "/api/account", null, cut)).Status);
        Assert.Equal(200, (await SendAsync(HttpMethod.Get, "/api/account", null, token)).Status);
    }

    [Fact]
    public async Task Unknown_user_and_wrong_password_are_one_message()
    {
        await TokenAsync();
        var (wrong, unknown) = (
            await PostAsync("/api/token", new { identifier = Jane, password = "wrong" }),
            await PostAsync("/api/token", new { identifier = "nobody@example.net", password = "wrong" })
        );
        Assert.Equal(401, wrong.Status);
        Assert.Equal(WithoutTrace(wrong), WithoutTrace(unknown));

        static string WithoutTrace(Answer answer) =>
            answer.Status + answer.Body.Replace(answer.Text("traceId"), "", StringComparison.Ordinal);
    }
}
