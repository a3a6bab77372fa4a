using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BlazorAuth.Core;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using BlazorAuth.Web;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace BlazorAuth.UnitTests.Tokens;

public sealed class AccessTokensTests : AuthTest
{
    private AccessTokens Tokens => Auth.Services.GetRequiredService<AccessTokens>();

    private SigningKeys.SigningKey Key => Auth.Services.GetRequiredService<SigningKeys>().Published[^1];

    private async Task<string> TokenAsync()
    {
        await Auth.RegisterAsync("jane@example.net");
        return (await Auth.ApiPairAsync("jane@example.net")).AccessToken;
    }

    [Theory]
    [InlineData("", null, null)]
    [InlineData("name", "The Lady", null)]
    [InlineData("email", null, "jane@example.net")]
    [InlineData("Email, name", "The Lady", "jane@example.net")]
    public async Task Tokens_name_their_account_where_the_settings_say_so(string claims, string? name, string? email)
    {
        await Auth.RestartAsync(("Tokens:Claims", claims));
        var user = await Auth.MemberAsync("jane@example.net");
        await Auth.ChangeUserAsync(user.Id, changed => changed.DisplayName = "The Lady");
        var pair = await Auth.ApiPairAsync("jane@example.net");
        foreach (
            var token in new[] { pair.AccessToken, (await Auth.RefreshAsync(pair.RefreshToken)).Value!.AccessToken }
        )
        {
            var payload = Payload(token);
            Assert.Equal(name, payload.GetValueOrDefault("name"));
            // never the display name
            Assert.Equal(name is null ? null : "jane@example.net", payload.GetValueOrDefault("unique_name"));
            Assert.Equal(email, payload.GetValueOrDefault("email"));
            Assert.Equal(email is null ? null : true, payload.GetValueOrDefault("email_verified"));
        }
    }

    [Fact]
    public async Task An_account_without_a_name_is_not_named()
    {
        await Auth.RestartAsync(("Tokens:Claims:0", "Name"), ("Tokens:Claims:1", "Email"));
        var outcome = await Auth.Use(
            (SignInAnonymously flow) => flow.BeginAsync(Auth.Caller, null, SessionKind.Api, null, default)
        );
        var session = outcome.Match<Session?>(done => done.Session, _ => null, _ => null)!;
        var payload = Payload((await Auth.Use((RefreshTokens flow) => flow.IssueAsync(session, default))).AccessToken);
        Assert.Empty(payload.Keys.Intersect(["name", "unique_name", "email", "email_verified"]));
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("name", 1)]
    public async Task The_account_is_read_for_a_token_only_where_it_is_named(string claims, int queries)
    {
        await Auth.RestartAsync(("Tokens:Claims", claims));
        await Auth.MemberAsync("jane@example.net");
        var session = await Auth.SignInAsync("jane@example.net", door: SessionKind.Api);
        await Auth.Use((RefreshTokens flow) => flow.IssueAsync(session, default)); // the signing keys are read now
        Auth.Sql.Take();
        await Auth.Use((RefreshTokens flow) => flow.IssueAsync(session, default));
        Assert.Equal(queries, Auth.Sql.Take().Length);
    }

    private async Task<JsonWebToken> ValidateAsync(string token)
    {
        var result = await new JsonWebTokenHandler { MapInboundClaims = false }.ValidateTokenAsync(
            token,
            Tokens.Validation()
        );
        return result.IsValid ? (JsonWebToken)result.SecurityToken : throw result.Exception;
    }

    private async Task Refused(string token)
    {
        await Assert.ThrowsAnyAsync<Exception>(() => ValidateAsync(token));
        Assert.Null(await Tokens.ReadAsync(token));
    }

    private static string Part(object json) => Base64UrlEncoder.Encode(JsonSerializer.Serialize(json));

    private static Dictionary<string, object> Payload(string token)
    {
        var payload = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.Split('.')[1])).RootElement;
        return payload
            .EnumerateObject()
            .ToDictionary(
                claim => claim.Name,
                claim =>
                    claim.Value.ValueKind switch
                    {
                        JsonValueKind.Number => claim.Value.GetInt64(),
                        JsonValueKind.True or JsonValueKind.False => claim.Value.GetBoolean(),
                        JsonValueKind.String => claim.Value.GetString()!,
                        _ => (object)claim.Value,
                    }
            );
    }

    // Signed with the real key: what is refused is refused for its content.
    private string Signed(IDictionary<string, object> header, IDictionary<string, object> payload)
    {
        var text = $"{Part(header)}.{Part(payload)}";
        return $"{text}.{Base64UrlEncoder.Encode(Key.Key.ECDsa.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256))}";
    }

    private Dictionary<string, object> Header(string? kid = null) =>
        new()
        {
            ["alg"] = "ES256",
            ["typ"] = "at+jwt",
            ["kid"] = kid ?? Key.Key.KeyId,
        };

    private Dictionary<string, object> Simple() =>
        new()
        {
            ["iss"] = AuthFixture.Site,
            ["aud"] = "blazorauth",
            ["sub"] = "u",
            ["sid"] = "s",
            ["gen"] = 1,
            ["exp"] = Auth.Clock.Now.AddMinutes(5).ToUnixTimeSeconds(),
        };

    [Fact]
    public async Task A_token_says_who_which_session_and_how()
    {
        var token = await TokenAsync();
        var read = await ValidateAsync(token);
        var user = await Auth.UserAsync("jane@example.net");
        string? Claim(string name) => read.Claims.FirstOrDefault(claim => claim.Type == name)?.Value;
        Assert.Equal(
            (user.Id, "blazorauth", AuthFixture.Site, "pwd"),
            (Claim("sub"), Claim("aud"), Claim("iss"), Claim("amr"))
        );
        Assert.Equal(1, AccessToken.Of(read)!.Generation);
        Assert.Equal(Auth.Clock.Now.ToUnixTimeSeconds().ToString(), Claim("auth_time"));
        Assert.Equal(Auth.Clock.Now.AddMinutes(10).ToUnixTimeSeconds().ToString(), Claim("exp"));
        Assert.DoesNotContain("jane", string.Join(' ', Payload(token).Values), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(("ES256", "at+jwt", Key.Key.KeyId), (read.Alg, read.Typ, read.Kid));
    }

    [Fact]
    public async Task No_two_tokens_are_the_same()
    {
        var session = (
            await Auth.Use(
                async (IServiceProvider _) =>
                {
                    await TokenAsync();
                    return await Auth.ApiPairAsync("jane@example.net");
                }
            )
        ).Session;
        Assert.NotEqual(await Tokens.IssueAsync(session, default), await Tokens.IssueAsync(session, default));
    }

    [Fact]
    public async Task A_token_dies_at_its_end_and_thirty_seconds()
    {
        var token = await TokenAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(10) + TimeSpan.FromSeconds(29));
        await ValidateAsync(token);
        Auth.Clock.Move(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<SecurityTokenExpiredException>(() => ValidateAsync(token));
    }

    [Fact]
    // or the refusals below prove nothing
    public async Task The_simplest_token_signed_by_us_passes() => await ValidateAsync(Signed(Header(), Simple()));

    [Theory]
    [InlineData("iss", "https://id.example.org/")]
    [InlineData("iss", "https://evil.example")]
    [InlineData("aud", "another")]
    [InlineData("exp", null)]
    [InlineData("iss", null)]
    [InlineData("aud", null)]
    public async Task A_token_for_another_place_or_without_an_end_is_refused(string claim, string? value)
    {
        var payload = Simple();
        payload.Remove(claim);
        if (value is not null)
            payload[claim] = value;
        await Refused(Signed(Header(), payload));
    }

    [Fact]
    public async Task A_token_that_is_not_yet_valid_is_refused()
    {
        var payload = Simple();
        payload["nbf"] = Auth.Clock.Now.AddMinutes(2).ToUnixTimeSeconds();
        await Refused(Signed(Header(), payload));
    }

    [Theory]
    [InlineData("typ", "JWT")]
    [InlineData("typ", null)]
    [InlineData("typ", "refresh+jwt")]
    [InlineData("kid", "../../etc/passwd")]
    [InlineData("kid", null)]
    [InlineData("alg", "none")]
    [InlineData("alg", "ES384")]
    public async Task A_token_with_another_header_is_refused(string name, string? value)
    {
        var header = Header();
        header.Remove(name);
        if (value is not null)
            header[name] = value;
        await Refused(Signed(header, Simple()));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("nOnE")]
    public async Task An_unsigned_token_is_refused(string algorithm)
    {
        var header = Header();
        header["alg"] = algorithm;
        await Refused($"{Part(header)}.{Part(Simple())}.");
    }

    [Fact]
    public async Task A_mac_keyed_with_the_public_key_is_refused()
    {
        var header = Header();
        header["alg"] = "HS256";
        var text = $"{Part(header)}.{Part(Simple())}";
        foreach (
            var key in new[]
            {
                Key.Key.ECDsa.ExportSubjectPublicKeyInfo(),
                Encoding.ASCII.GetBytes(Key.Key.ECDsa.ExportSubjectPublicKeyInfoPem()),
            }
        )
            await Refused($"{text}.{Base64UrlEncoder.Encode(HMACSHA256.HashData(key, Encoding.ASCII.GetBytes(text)))}");
    }

    [Fact]
    public async Task A_key_brought_along_is_not_used()
    {
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var point = own.ExportParameters(false).Q;
        var header = Header("own");
        header["jwk"] = new
        {
            kty = "EC",
            crv = "P-256",
            x = Base64UrlEncoder.Encode(point.X),
            y = Base64UrlEncoder.Encode(point.Y),
            kid = "own",
        };
        header["jku"] = "https://evil.example/jwks.json";
        var text = $"{Part(header)}.{Part(Simple())}";
        await Refused(
            $"{text}.{Base64UrlEncoder.Encode(own.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256))}"
        );
    }

    [Fact]
    public async Task A_changed_token_is_refused()
    {
        var parts = (await TokenAsync()).Split('.');
        var payload = Payload(string.Join('.', parts));
        payload["sub"] = "somebody else";
        await Refused($"{parts[0]}.{Part(payload)}.{parts[2]}");
        await Refused($"{parts[0]}.{parts[1]}.");
        await Refused($"{parts[0]}.{parts[1]}.{Base64UrlEncoder.Encode(new byte[64])}");
    }

    [Fact]
    public async Task Another_stores_token_is_refused()
    {
        await using var elsewhere = await AuthFixture.StartAsync();
        await elsewhere.RegisterAsync("jane@example.net");
        await Refused((await elsewhere.ApiPairAsync("jane@example.net")).AccessToken);
    }

    [Theory]
    [InlineData("sid", null)]
    [InlineData("gen", null)]
    [InlineData("gen", "x")]
    public async Task A_token_without_session_or_generation_is_refused(string claim, object? value)
    {
        await TokenAsync(); // the signing keys are read now
        var payload = Simple();
        payload["iat"] = Auth.Clock.Now.ToUnixTimeSeconds();
        Assert.NotNull(await Tokens.ReadAsync(Signed(Header(), payload)));
        payload.Remove(claim);
        if (value is not null)
            payload[claim] = value;
        Assert.Null(await Tokens.ReadAsync(Signed(Header(), payload)));
    }

    [Fact]
    public async Task What_was_signed_is_what_is_read()
    {
        var signed = await Tokens.IssueAsync(
            (
                await Auth.Use(
                    async (IServiceProvider _) =>
                    {
                        await TokenAsync();
                        return await Auth.ApiPairAsync("jane@example.net");
                    }
                )
            ).Session,
            default
        );
        Assert.Equal(signed, await Tokens.ReadAsync(signed.Text));
    }

    [Fact]
    public async Task A_token_lives_as_long_as_is_asked_but_never_longer_than_its_session()
    {
        await Auth.RegisterAsync("jane@example.net");
        var session = (await Auth.ApiPairAsync("jane@example.net")).Session;
        async Task<string> Ask(TimeSpan? lifetime) => (await Tokens.IssueAsync(session, lifetime, default)).Text;
        TimeSpan Life(string token) =>
            DateTimeOffset.FromUnixTimeSeconds(Convert.ToInt64(Payload(token)["exp"])) - Auth.Clock.Now;
        Assert.InRange(
            Life(await Ask(TimeSpan.FromDays(20))),
            TimeSpan.FromDays(20) - TimeSpan.FromSeconds(1),
            TimeSpan.FromDays(20)
        );
        Assert.InRange(Life(await Ask(TimeSpan.FromSeconds(30))), TimeSpan.FromSeconds(29), TimeSpan.FromSeconds(30));
        Assert.InRange(
            Life(await Ask(TimeSpan.MaxValue)),
            TimeSpan.FromDays(90) - TimeSpan.FromSeconds(1),
            TimeSpan.FromDays(90)
        );
        Auth.Clock.Move(TimeSpan.FromDays(80));
        Assert.InRange(
            Life(await Ask(TimeSpan.FromDays(20))),
            TimeSpan.FromDays(10) - TimeSpan.FromSeconds(1),
            TimeSpan.FromDays(10)
        );
        Assert.InRange(
            Life(await Ask(null)),
            TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1),
            TimeSpan.FromMinutes(10)
        );
    }

    [Fact]
    public async Task Only_a_session_of_kuzzle_names_its_user_as_clients_of_kuzzle_read_it()
    {
        var user = await Auth.RegisterAsync("jane@example.net");
        Assert.DoesNotContain("_id", Payload((await Auth.ApiPairAsync("jane@example.net")).AccessToken).Keys);
        var outcome = await Auth.Use(
            (SignInWithPassword flow) =>
                flow.WithPasswordAsync(
                    Auth.Caller,
                    new("jane@example.net", AuthFixture.Password, SessionKind.Api, Dialect: Dialect.Kuzzle),
                    default
                )
        );
        var token = (await Tokens.IssueAsync(Assert.IsType<SignInOutcome.SignedIn>(outcome).Session, default)).Text;
        Assert.Equal(user.Id, Payload(token)["_id"]);
    }
}
