using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using BlazorAuth.Core.Results;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;

namespace BlazorAuth.UnitTests.Api;

/// <summary>Every route of the API, taken from the running application, is sent what no client should send.</summary>
[Collection(SiteCollection.Name)]
public sealed class BadInputTests(RunningSite site)
{
    private static readonly HashSet<string> Codes = [.. Enum.GetValues<AuthError>().Select(e => e.Code())];

    public static TheoryData<string, string, string> Bodies =>
        new()
        {
            { "nothing", "application/json", "" },
            { "half an object", "application/json", "{\"email\":" },
            { "an array", "application/json", "[]" },
            { "a number", "application/json", "1" },
            { "null", "application/json", "null" },
            {
                "a duplicate name",
                "application/json",
                """{"email":"a@b.example","email":"c@d.example","token":"a","token":"b","identifier":"a","identifier":"b","refreshToken":"a","refreshToken":"b","password":"a","password":"b","currentPassword":"a","currentPassword":"b","displayName":"a","displayName":"b"}"""
            },
            {
                "numbers for texts",
                "application/json",
                """{"email":1,"identifier":1,"token":1,"password":1,"refreshToken":1,"newEmail":1,"currentPassword":1,"displayName":1,"code":1}"""
            },
            {
                "objects for texts",
                "application/json",
                """{"email":{},"identifier":{},"token":{},"password":{},"refreshToken":{},"newEmail":{},"currentPassword":{},"displayName":{},"code":{}}"""
            },
            { "deep nesting", "application/json", new string('[', 500) + new string(']', 500) },
            {
                "a deep profile",
                "application/json",
                "{\"profile\":" + string.Concat(Enumerable.Repeat("{\"a\":", 100)) + "1" + new string('}', 101)
            },
            {
                "a lone surrogate",
                "application/json",
                """{"email":"\ud800@example.com","identifier":"\ud800","token":"\ud800","password":"\ud800","refreshToken":"\ud800","newEmail":"\ud800","currentPassword":"\ud800","displayName":"\ud800"}"""
            },
            {
                "half a surrogate in the profile",
                "application/json",
                """{"email":1,"profile":{"a":"\ud800"},"identifier":1,"token":1,"password":1,"refreshToken":1,"newEmail":1,"currentPassword":1}"""
            },
            {
                "NUL",
                "application/json",
                """{"email":"a\u0000@b.example","identifier":"\u0000","token":"\u0000","password":"\u0000","refreshToken":"\u0000","newEmail":"\u0000","currentPassword":"\u0000","displayName":"\u0000"}"""
            },
            { "a form", "application/x-www-form-urlencoded", "email=a%40b.example" },
            { "text", "text/plain", "{}" },
            { "another charset", "application/json; charset=utf-7", "{}" },
        };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task Every_route_answers_a_bad_body_with_a_problem_and_a_code(string what, string type, string body)
    {
        var bearer = (await site.PairAsync()).GetProperty("accessToken").GetString()!;
        foreach (var (method, path) in Writes())
        {
            if (path.EndsWith("/revoke", StringComparison.Ordinal) && what is "nothing" or "null" or "NUL")
                continue; // says 204 to any text
            if (path.EndsWith("/anonymous", StringComparison.Ordinal) && what is not "text" and not "a list")
                continue; // needs no body, and its one field is anything
            if (path.EndsWith("/totp", StringComparison.Ordinal) || path.EndsWith("/options", StringComparison.Ordinal))
                continue; // take no body
            if (
                method == HttpMethod.Delete
                && (path.Contains("sessions", StringComparison.Ordinal) || what is "nothing" or "null")
            )
                continue; // takes no body
            using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
            await ExpectProblem(await site.SendAsync(method, path, content, bearer), $"{method} {path} with {what}");
        }
    }

    [Fact]
    public async Task Malformed_utf8_is_a_bad_body()
    {
        foreach (
            var (method, path) in Writes()
                .Where(w =>
                    w.Method == HttpMethod.Post
                    && !w.Path.EndsWith("/revoke", StringComparison.Ordinal)
                    && !w.Path.EndsWith("/anonymous", StringComparison.Ordinal)
                    && !w.Path.EndsWith("/totp", StringComparison.Ordinal)
                    && !w.Path.EndsWith("/options", StringComparison.Ordinal)
                )
        )
        {
            using var content = new ByteArrayContent([
                .. "{\"email\":\""u8,
                0xC3,
                0x28,
                .. "\",\"identifier\":\""u8,
                0xFF,
                .. "\"}"u8,
            ]);
            content.Headers.ContentType = new("application/json");
            var bearer = (await site.PairAsync()).GetProperty("accessToken").GetString();
            await ExpectProblem(await site.SendAsync(method, path, content, bearer), path);
        }
    }

    [Fact]
    public async Task A_body_over_64_kib_is_refused_as_too_large_and_nothing_is_stored()
    {
        foreach (var (method, path) in Writes().Where(w => w.Method == HttpMethod.Post))
        {
            using var content = new StringContent(
                "{\"email\":\"" + new string('a', 70_000) + "\"}",
                Encoding.UTF8,
                "application/json"
            );
            var bearer = (await site.PairAsync()).GetProperty("accessToken").GetString();
            var answer = await site.SendAsync(method, path, content, bearer);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
            Assert.Equal("payload_too_large", await ExpectProblem(answer, path));
        }
    }

    [Fact]
    public async Task A_profile_over_16_kib_and_a_name_over_200_characters_are_refused()
    {
        var bearer = (await site.PairAsync()).GetProperty("accessToken").GetString();
        foreach (
            var body in new[]
            {
                "{\"profile\":{\"a\":\"" + new string('x', 17_000) + "\"}}",
                $$"""{"displayName":"{{new string('x', 201)}}"}""",
                """{"profile":[1]}""",
                """{"avatar":"javascript:alert(1)"}""",
                """{"username":"a@b"}""",
            }
        )
        {
            var answer = await site.SendAsync(
                HttpMethod.Patch,
                "/api/account",
                new StringContent(body, Encoding.UTF8, "application/json"),
                bearer
            );
            Assert.Equal("validation_failed", await ExpectProblem(answer, body[..12]));
        }
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("TRACE")]
    [InlineData("PROPFIND")]
    [InlineData("NONSENSE")]
    public async Task An_unknown_verb_is_a_problem(string verb)
    {
        foreach (var path in Writes().Select(w => w.Path).Distinct())
            await ExpectProblem(await site.SendAsync(new HttpMethod(verb), path), $"{verb} {path}");
    }

    [Theory]
    [InlineData("/api")]
    [InlineData("/api/")]
    [InlineData("/api/nothing/here")]
    [InlineData("/api/account/sessions/%2e%2e%2f")]
    [InlineData("/problems/nonsense")]
    [InlineData("/api/accounts")]
    public async Task An_unknown_path_is_a_problem(string path) =>
        Assert.Equal("not_found", await ExpectProblem(await site.SendAsync(HttpMethod.Get, path), path));

    [Fact]
    public async Task A_known_path_under_another_verb_is_405_and_an_unknown_one_404_by_any_verb()
    {
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await site.SendAsync(HttpMethod.Get, "/api/token")).StatusCode);
        Assert.Equal(
            HttpStatusCode.MethodNotAllowed,
            (await site.SendAsync(HttpMethod.Put, "/api/account/sessions/x")).StatusCode
        );
        foreach (var verb in new[] { HttpMethod.Get, HttpMethod.Post, HttpMethod.Delete })
            Assert.Equal(HttpStatusCode.NotFound, (await site.SendAsync(verb, "/api/no/such/thing")).StatusCode);
    }

    [Fact]
    public async Task Fields_that_are_nobodys_to_set_are_ignored_at_sign_up()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        var body =
            $$"""{"email":"{{email}}","password":"correct horse battery","id":"1","emailVerified":true,"emailConfirmed":true,"roles":["administrator"],"isAnonymous":true,"securityStamp":"x","lockedAt":"2020-01-01","active":false}""";
        var answer = await site.SendAsync(
            HttpMethod.Post,
            "/api/account",
            new StringContent(body, Encoding.UTF8, "application/json")
        );
        var account = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.NotEqual("1", account.GetProperty("id").GetString());
        Assert.False(account.GetProperty("emailVerified").GetBoolean());
        Assert.False(account.GetProperty("isAnonymous").GetBoolean());
        Assert.True(account.GetProperty("active").GetBoolean());
        Assert.Empty(account.GetProperty("roles").EnumerateArray());
    }

    private IEnumerable<(HttpMethod Method, string Path)> Writes() =>
        from route in site.ApiRoutes
        from method in route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods
        where method != "GET"
        select (
            new HttpMethod(method),
            "/" + route.RoutePattern.RawText!.Trim('/').Replace("{id}", "nobodys", StringComparison.Ordinal)
        );

    private static async Task<string> ExpectProblem(HttpResponseMessage answer, string where)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode is >= 400 and < 500, $"{where}: {(int)answer.StatusCode} {text}");
        Assert.True(
            answer.Content.Headers.ContentType?.MediaType == "application/problem+json",
            $"{where}: {answer.Content.Headers.ContentType} {text}"
        );
        var problem = JsonDocument.Parse(text).RootElement;
        var code = problem.GetProperty("code").GetString()!;
        Assert.Contains(code, Codes);
        Assert.Equal((int)answer.StatusCode, problem.GetProperty("status").GetInt32());
        foreach (var name in new[] { "type", "title", "detail", "traceId" })
            Assert.NotEmpty(problem.GetProperty(name).GetString()!);
        Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
        return code;
    }
}
