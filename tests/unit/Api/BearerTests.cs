using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace BlazorAuth.UnitTests.Api;

/// <summary>Tokens nobody issued, and tokens of the dead (RFC 8725, RFC 6750).</summary>
[Collection(SiteCollection.Name)]
public sealed class BearerTests(RunningSite site)
{
    [Fact]
    public async Task Every_route_for_owners_refuses_a_request_without_a_token()
    {
        var owners = site.ApiRoutes.Where(r => r.Metadata.GetMetadata<IAuthorizeData>() is not null).ToList();
        Assert.NotEmpty(owners);
        foreach (var route in owners)
        foreach (
            var method in route.Metadata.GetMetadata<Microsoft.AspNetCore.Routing.HttpMethodMetadata>()!.HttpMethods
        )
        {
            var answer = await site.SendAsync(
                new HttpMethod(method),
                "/" + route.RoutePattern.RawText!.Trim('/').Replace("{id}", "x", StringComparison.Ordinal)
            );
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.ToString());
        }
    }

    [Fact]
    public async Task Any_changed_character_makes_a_token_invalid()
    {
        var token = await Token();
        for (var i = 0; i < token.Length; i += 7)
        {
            var changed = token[..i] + (token[i] == 'A' ? 'B' : 'A') + token[(i + 1)..];
            await ExpectRefused(changed, "access_token_invalid");
        }
        await ExpectRefused(token + "A", "access_token_invalid");
        await ExpectRefused(token[..^1], "access_token_invalid");
    }

    [Fact]
    public async Task Another_algorithm_type_issuer_audience_or_key_is_refused()
    {
        var real = await Token();
        var ours = (await site.Services.GetRequiredService<SigningKeys>().CurrentAsync(default)).Key;
        var theirs = new ECDsaSecurityKey(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = ours.KeyId };

        Assert.Equal(
            HttpStatusCode.OK,
            (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: Sign(PayloadOf(real), ours))).StatusCode
        );
        await ExpectRefused(Sign(PayloadOf(real), theirs), "access_token_invalid");
        await ExpectRefused(Sign(PayloadOf(real), ours, type: "JWT"), "access_token_invalid");
        await ExpectRefused(
            Sign(Changed(PayloadOf(real), "iss", "https://evil.example"), ours),
            "access_token_invalid"
        );
        await ExpectRefused(Sign(Changed(PayloadOf(real), "aud", "somebody-else"), ours), "access_token_invalid");
        await ExpectRefused(
            Sign(Changed(PayloadOf(real), "exp", DateTimeOffset.UtcNow.AddMinutes(-2).ToUnixTimeSeconds()), ours),
            "access_token_expired"
        );
        await ExpectRefused(Sign(Changed(PayloadOf(real), "sid", TokenCodec.Random(16)), ours), "session_revoked");
        await ExpectRefused(Sign(Changed(PayloadOf(real), "gen", 7), ours), "access_token_invalid");
        foreach (var missing in new[] { "exp", "iss", "aud", "sid", "gen" })
            await ExpectRefused(Sign(Changed(PayloadOf(real), missing, null), ours), "access_token_invalid");
        foreach (var algorithm in new[] { "none", "None", "nOnE", "HS256", "ES384" })
            await ExpectRefused(
                Header($$"""{"alg":"{{algorithm}}","typ":"at+jwt","kid":"{{ours.KeyId}}"}""", real),
                "access_token_invalid"
            );
        // The public key as a shared secret.
        var published = ours.ECDsa.ExportSubjectPublicKeyInfo();
        var unsigned = Header($$"""{"alg":"HS256","typ":"at+jwt","kid":"{{ours.KeyId}}"}""", real).TrimEnd('.');
        await ExpectRefused(
            $"{unsigned}.{Base64UrlEncoder.Encode(HMACSHA256.HashData(published, Encoding.ASCII.GetBytes(unsigned)))}",
            "access_token_invalid"
        );
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("' OR 1=1 --")]
    [InlineData("https://evil.example/key")]
    [InlineData("")]
    public async Task A_key_id_only_chooses_among_our_keys(string keyId)
    {
        var real = await Token();
        using var evil = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await ExpectRefused(
            Sign(PayloadOf(real), new ECDsaSecurityKey(evil) { KeyId = keyId }),
            "access_token_invalid"
        );
    }

    [Fact]
    public async Task Junk_in_the_header_is_refused_and_never_a_fault()
    {
        foreach (
            var junk in new[]
            {
                "x",
                "..",
                "...",
                "a.b",
                "a.b.c",
                "a.b.c.d.e",
                new string('.', 4000),
                new string('a', 8000),
                "null.null.null",
            }
        )
            await ExpectRefused(junk, "access_token_invalid");
    }

    [Fact]
    public async Task A_token_in_the_query_or_under_another_scheme_opens_nothing()
    {
        var token = await Token();
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await site.SendAsync(HttpMethod.Get, $"/api/account?access_token={token}")).StatusCode
        );
        using var basic = new HttpRequestMessage(HttpMethod.Get, "/api/account");
        basic.Headers.TryAddWithoutValidation("Authorization", $"Basic {token}");
        Assert.Equal(HttpStatusCode.Unauthorized, (await site.Client.SendAsync(basic)).StatusCode);
        using var twice = new HttpRequestMessage(HttpMethod.Get, "/api/account");
        twice.Headers.TryAddWithoutValidation("Authorization", [$"Bearer {token}", $"Bearer {token}"]);
        Assert.Equal(HttpStatusCode.Unauthorized, (await site.Client.SendAsync(twice)).StatusCode);
        using var lower = new HttpRequestMessage(HttpMethod.Get, "/api/account");
        lower.Headers.TryAddWithoutValidation("Authorization", $"bearer {token}");
        Assert.Equal(HttpStatusCode.OK, (await site.Client.SendAsync(lower)).StatusCode);
    }

    [Fact]
    public async Task Other_secrets_of_ours_are_not_access_tokens()
    {
        var pair = await site.PairAsync();
        await ExpectRefused(pair.GetProperty("refreshToken").GetString()!, "access_token_invalid");
        await ExpectRefused(pair.GetProperty("sessionId").GetString()!, "access_token_invalid");
    }

    private async Task<string> Token() => (await site.PairAsync()).GetProperty("accessToken").GetString()!;

    private async Task ExpectRefused(string token, string code)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/account");
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        var answer = await site.Client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.Unauthorized, $"{token}: {answer.StatusCode} {text}");
        Assert.Equal(code, JsonDocument.Parse(text).RootElement.GetProperty("code").GetString());
        Assert.StartsWith(
            "Bearer error=\"invalid_token\"",
            answer.Headers.WwwAuthenticate.ToString(),
            StringComparison.Ordinal
        );
    }

    private static Dictionary<string, JsonElement> PayloadOf(string token) =>
        JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(Base64UrlEncoder.DecodeBytes(token.Split('.')[1]))!;

    private static Dictionary<string, JsonElement> Changed(
        Dictionary<string, JsonElement> payload,
        string name,
        object? value
    )
    {
        var changed = new Dictionary<string, JsonElement>(payload);
        if (value is null)
            changed.Remove(name);
        else
            changed[name] = JsonSerializer.SerializeToElement(value);
        return changed;
    }

    private static string Sign(Dictionary<string, JsonElement> payload, ECDsaSecurityKey key, string type = "at+jwt")
    {
        var header = JsonSerializer.SerializeToUtf8Bytes(
            new
            {
                alg = "ES256",
                typ = type,
                kid = key.KeyId,
            }
        );
        var text =
            $"{Base64UrlEncoder.Encode(header)}.{Base64UrlEncoder.Encode(JsonSerializer.SerializeToUtf8Bytes(payload))}";
        return $"{text}.{Base64UrlEncoder.Encode(key.ECDsa.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256))}";
    }

    private static string Header(string header, string token) =>
        $"{Base64UrlEncoder.Encode(header)}.{token.Split('.')[1]}.";
}
