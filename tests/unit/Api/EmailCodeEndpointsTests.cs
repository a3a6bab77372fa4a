using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Client;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Api;

public sealed class EmailCodeEndpointsTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private RunningSite site = null!;

    private async Task<(HttpResponseMessage Answer, JsonElement Json)> PostAsync(string path, object body)
    {
        var answer = await site.SendAsync(HttpMethod.Post, path, JsonContent.Create(body));
        return (answer, await answer.Content.ReadFromJsonAsync<JsonElement>());
    }

    private async Task<string> RequestAsync(string email = Jane)
    {
        var (answer, json) = await PostAsync("/api/token/email-code", new { email });
        Assert.Equal((HttpStatusCode.Accepted, true), (answer.StatusCode, answer.Headers.CacheControl!.NoStore));
        await Auth.DeliverAsync();
        return Assert.Single(json.EnumerateObject(), p => p.Name == "ticket").Value.GetString()!;
    }

    [Fact]
    public async Task The_code_and_its_ticket_are_exchanged_for_tokens_once()
    {
        await using var running = site = await Auth.SiteAsync();
        await Auth.MemberAsync(Jane);
        var ticket = await RequestAsync();
        var code = CodeIn(Auth.LastEmailTo(Jane));
        var (answer, json) = await PostAsync("/api/token/email-code/verify", new { ticket, code });
        Assert.Equal(
            (HttpStatusCode.OK, Jane),
            (answer.StatusCode, json.GetProperty("user").GetProperty("email").GetString())
        );
        Assert.Equal(
            HttpStatusCode.OK,
            (
                await site.SendAsync(
                    HttpMethod.Get,
                    "/api/account",
                    bearer: json.GetProperty("accessToken").GetString()
                )
            ).StatusCode
        );
        var (again, problem) = await PostAsync("/api/token/email-code/verify", new { ticket, code });
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "ticket_expired"),
            (again.StatusCode, problem.GetProperty("code").GetString())
        );
    }

    [Fact]
    public async Task The_client_signs_in_by_it()
    {
        await using var running = site = await Auth.SiteAsync();
        await Auth.MemberAsync(Jane);
        var person = new Person(site.Client.BaseAddress!, new MemoryTokenStore());
        var ticket = await person.Auth.SendEmailCodeAsync(Jane);
        await Auth.DeliverAsync();
        Assert.IsType<SignInResult.SignedIn>(
            await person.Auth.SignInWithEmailCodeAsync(ticket, CodeIn(Auth.LastEmailTo(Jane)))
        );
        Assert.Equal(Jane, person.Auth.CurrentUser!.Email);
    }

    [Fact]
    public async Task In_cookie_mode_the_browser_gets_its_cookie()
    {
        await using var running = site = await Auth.SiteAsync();
        await Auth.MemberAsync(Jane);
        var ticket = await RequestAsync();
        var (answer, json) = await PostAsync(
            "/api/token/email-code/verify?mode=cookie",
            new { ticket, code = CodeIn(Auth.LastEmailTo(Jane)) }
        );
        Assert.Contains(
            answer.Headers.GetValues("Set-Cookie"),
            cookie => cookie.Contains("session=", StringComparison.Ordinal)
        );
        Assert.False(json.TryGetProperty("accessToken", out _));
        Assert.Equal(
            HttpStatusCode.BadRequest,
            (await PostAsync("/api/token/email-code/verify?mode=nonsense", new { ticket, code = "1" }))
                .Answer
                .StatusCode
        );
    }

    [Fact]
    public async Task A_wrong_code_names_its_field_and_a_second_factor_its_ticket()
    {
        await using var running = site = await Auth.SiteAsync();
        await Auth.AuthenticatorAsync(await Auth.MemberAsync(Jane));
        var ticket = await RequestAsync();
        var code = CodeIn(Auth.LastEmailTo(Jane));
        var (answer, problem) = await PostAsync("/api/token/email-code/verify", new { ticket, code = "not it" });
        Assert.Equal(
            (HttpStatusCode.BadRequest, "link_invalid"),
            (answer.StatusCode, problem.GetProperty("code").GetString())
        );
        Assert.Equal("Is incorrect.", problem.GetProperty("errors").GetProperty("code")[0].GetString());
        (answer, problem) = await PostAsync("/api/token/email-code/verify", new { ticket, code });
        Assert.Equal(
            (HttpStatusCode.Unauthorized, "second_factor_required"),
            (answer.StatusCode, problem.GetProperty("code").GetString())
        );
        Assert.NotEmpty(problem.GetProperty("ticket").GetString()!);
    }
}
