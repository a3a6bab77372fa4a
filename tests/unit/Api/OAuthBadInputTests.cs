using System.Net;
using System.Text;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Api;

/// <summary>The OAuth paths are sent what no client should send: an error of their own shape, never a fault.</summary>
public sealed class OAuthBadInputTests(OAuthSite site) : OAuthTest(site)
{
    private readonly OAuthSite site = site;

    public static TheoryData<string?, string> Hostile =>
        new()
        {
            { null, "token=x" },
            { "application/json", """{"token":"x","grant_type":"refresh_token"}""" },
            { "text/plain", "token=x" },
            { "nonsense", "token=x" },
            {
                "multipart/form-data; boundary=x",
                "--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nx\r\n--x--\r\n"
            },
            { "multipart/form-data", "" },
            { "application/x-www-form-urlencoded; charset=utf-7", "token=x" },
            { "application/x-www-form-urlencoded; charset=nonsense", "token=x" },
            { "application/x-www-form-urlencoded", "" },
            { "application/x-www-form-urlencoded", "&&&" },
            { "application/x-www-form-urlencoded", "%00=%00&%=%&=&a" },
            { "application/x-www-form-urlencoded", "token=%00&refresh_token=a%00&grant_type=refresh_token" },
            { "application/x-www-form-urlencoded", "token=a&TOKEN=b&grant_type=refresh_token&grant_type=x" },
            { "application/x-www-form-urlencoded", string.Join('&', Enumerable.Range(0, 3000).Select(i => $"f{i}=x")) },
            { "application/x-www-form-urlencoded", new string('k', 5000) + "=x" },
        };

    [Theory]
    [MemberData(nameof(Hostile))]
    public async Task A_body_that_is_no_such_form_is_an_invalid_request(string? type, string body)
    {
        foreach (var path in Paths())
        {
            using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            if (type is not null)
                content.Headers.TryAddWithoutValidation("Content-Type", type);
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
            request.Headers.Authorization = path.EndsWith("introspect", StringComparison.Ordinal) ? Orders : null;
            await ExpectAsync(await site.Client.SendAsync(request), 400, "invalid_request");
        }
    }

    [Fact]
    public async Task Malformed_utf8_is_a_token_nobody_issued()
    {
        foreach (
            var raw in new byte[][]
            {
                [0xFF, 0xC3, 0x28],
                "%FF%C3%28"u8.ToArray(),
                "%ED%A0%80"u8.ToArray(),
                "%u0000"u8.ToArray(),
            }
        )
        {
            await ExpectAsync(
                await SendAsync("/oauth/token", [.. "grant_type=refresh_token&refresh_token="u8, .. raw]),
                400,
                "invalid_grant",
                "refresh_token_invalid"
            );
            Assert.Equal(HttpStatusCode.OK, (await SendAsync("/oauth/revoke", [.. "token="u8, .. raw])).StatusCode);
            Assert.Equal(
                """{"active":false}""",
                await (
                    await SendAsync("/oauth/introspect", [.. "token="u8, .. raw], Orders)
                ).Content.ReadAsStringAsync()
            );
        }
    }

    [Fact]
    public async Task A_body_over_64_kib_is_refused_as_too_large()
    {
        foreach (var path in Paths())
            await ExpectAsync(await SendAsync(path, "token=" + new string('x', 70_000)), 413, "invalid_request");
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("PROPFIND")]
    [InlineData("NONSENSE")]
    public async Task Another_verb_is_405_in_the_same_shape(string verb)
    {
        foreach (var path in Paths())
        {
            var answer = await site.SendAsync(new HttpMethod(verb), path + "?token=x");
            await ExpectAsync(answer, 405, "invalid_request");
        }
        await ExpectAsync(await site.SendAsync(new HttpMethod(verb), "/oauth/nothing"), 404, "invalid_request");
    }

    [Fact]
    public async Task A_token_in_the_address_is_not_read()
    {
        var (pair, _) = await PairAsync();
        await ExpectAsync(await SendAsync($"/oauth/revoke?token={Refresh(pair)}", ""), 400, "invalid_request");
        await ExpectAsync(
            await SendAsync($"/oauth/token?grant_type=refresh_token&refresh_token={Refresh(pair)}", ""),
            400,
            "invalid_request"
        );
        Assert.Equal(HttpStatusCode.OK, (await site.RefreshAsync(Refresh(pair))).StatusCode);
    }

    [Theory]
    [InlineData(OAuthSite.Origin, OAuthSite.Origin)]
    [InlineData("https://evil.example", null)]
    public async Task Pages_of_configured_origins_only_may_call(string origin, string? allowed)
    {
        foreach (var path in Paths())
        {
            using var preflight = new HttpRequestMessage(HttpMethod.Options, path)
            {
                Headers =
                {
                    { "Origin", origin },
                    { "Access-Control-Request-Method", "POST" },
                    { "Access-Control-Request-Headers", "content-type" },
                },
            };
            var answer = await site.Client.SendAsync(preflight);
            Assert.Equal(
                allowed,
                answer.Headers.TryGetValues("Access-Control-Allow-Origin", out var told) ? told.Single() : null
            );
        }
    }
}
