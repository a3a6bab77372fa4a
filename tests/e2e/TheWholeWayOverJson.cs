using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Claims;
using System.Text.Json;
using System.Text.RegularExpressions;
using BlazorAuth.EndToEndTests.Support;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace BlazorAuth.EndToEndTests;

/// <summary>The same way for a program, and what else a program relies on.</summary>
public sealed class TheWholeWayOverJson
{
    private const string FirstPassword = "a quiet first morning", SecondPassword = "an even quieter second";

    [Fact]
    public async Task Register_verify_sign_out_reset_sign_in_change_address_end_the_other_session()
    {
        await using var host = await Host.StartAsync();
        using var client = host.Client();
        var (old, moved) = ("ada@example.com", "ada@elsewhere.example");

        await Expect(HttpStatusCode.Created, client, "/api/account", new { email = old, password = FirstPassword });
        await Expect(HttpStatusCode.NoContent, client, "/api/account/verify", new { token = (await host.LetterAsync(old, "confirm your e-mail")).Token("/verify-email") });
        var first = await SignIn(client, old, FirstPassword);
        Assert.True((await Get(client, first, "/api/account")).GetProperty("emailVerified").GetBoolean());

        await Expect(HttpStatusCode.NoContent, client, "/api/token/revoke", new { refreshToken = first.Refresh });
        await ExpectCode("session_revoked", client, "/api/token/refresh", new { refreshToken = first.Refresh });

        await Expect(HttpStatusCode.Accepted, client, "/api/account/password/forgot", new { email = old });
        var reset = (await host.LetterAsync(old, "reset")).Token("/reset-password");
        await Expect(HttpStatusCode.NoContent, client, "/api/account/password/reset", new { token = reset, newPassword = SecondPassword });
        await ExpectCode("link_used", client, "/api/account/password/reset", new { token = reset, newPassword = FirstPassword });
        await ExpectCode("invalid_credentials", client, "/api/token", new { identifier = old, password = FirstPassword });
        var second = await SignIn(client, old, SecondPassword);

        await Expect(HttpStatusCode.Accepted, client, "/api/account/email", new { newEmail = moved, currentPassword = SecondPassword }, second);
        var confirm = await host.LetterAsync(moved, "confirm");
        await Expect(HttpStatusCode.NoContent, client, "/api/account/email/confirm", new { token = confirm.Token("/confirm-email-change") });
        Assert.Equal(moved, (await Get(client, second, "/api/account")).GetProperty("email").GetString());
        await host.LetterAsync(old, "changed");
        await host.LetterAsync(moved, "changed");

        var third = await SignIn(client, moved, SecondPassword);
        var others = (await Get(client, second, "/api/account/sessions")).EnumerateArray().Where(s => !s.GetProperty("current").GetBoolean()).ToList();
        var ended = await Send(client, HttpMethod.Delete, $"/api/account/sessions/{Assert.Single(others).GetProperty("id").GetString()}", null, second);
        Assert.Equal(HttpStatusCode.NoContent, ended.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Send(client, HttpMethod.Get, "/api/account", null, third)).StatusCode);

        var refreshed = Pair.Of(await Json(await Send(client, HttpMethod.Post, "/api/token/refresh", new { refreshToken = second.Refresh }, null)));
        Assert.Equal(HttpStatusCode.OK, (await Send(client, HttpMethod.Get, "/api/account", null, refreshed)).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await Send(client, HttpMethod.Delete, "/api/account", new { password = SecondPassword }, refreshed)).StatusCode);
        await ExpectCode("invalid_credentials", client, "/api/token", new { identifier = moved, password = SecondPassword });
    }

    [Fact]
    public async Task Where_addresses_must_be_verified_sign_up_answers_the_same_and_nobody_signs_in_before()
    {
        await using var host = await Host.StartAsync(settings: [("BlazorAuth__SignIn__RequireVerifiedEmail", "true")]);
        using var client = host.Client();
        var email = "private@example.com";
        var free = await Send(client, HttpMethod.Post, "/api/account", new { email, password = FirstPassword }, null);
        Assert.Equal(HttpStatusCode.Accepted, free.StatusCode);
        await ExpectCode("email_not_verified", client, "/api/token", new { identifier = email, password = FirstPassword });
        await ExpectCode("invalid_credentials", client, "/api/token", new { identifier = email, password = SecondPassword });
        await Expect(HttpStatusCode.NoContent, client, "/api/account/verify", new { token = (await host.LetterAsync(email, "confirm your e-mail")).Token("/verify-email") });
        await SignIn(client, email, FirstPassword);

        var taken = await Send(client, HttpMethod.Post, "/api/account", new { email, password = SecondPassword }, null);
        Assert.Equal((free.StatusCode, await free.Content.ReadAsStringAsync()), (taken.StatusCode, await taken.Content.ReadAsStringAsync()));
        Assert.Equal(free.Headers.Select(h => h.Key), taken.Headers.Select(h => h.Key));
        await host.LetterAsync(email, "already have an account");
        await SignIn(client, email, FirstPassword);
    }

    [Fact]
    public async Task A_host_started_again_keeps_passwords_and_refresh_tokens_and_prints_no_setup_link()
    {
        var port = Host.FreePort();
        Pair pair;
        string data;
        await using (var host = await Host.StartAsync(port: port))
        {
            await host.LineAsync("/admin/setup?token=");
            data = host.Data;
            using var client = host.Client();
            await Expect(HttpStatusCode.Created, client, "/api/account", new { email = "kept@example.com", password = FirstPassword });
            pair = await SignIn(client, "kept@example.com", FirstPassword);
        }
        await using (var again = await Host.StartAsync(data: data, port: port))
        {
            using var client = again.Client();
            await again.LineAsync("  Data ");
            Assert.DoesNotContain("/admin/setup", again.Output, StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.OK, (await Send(client, HttpMethod.Get, "/api/account", null, pair)).StatusCode);
            await Expect(HttpStatusCode.OK, client, "/api/token/refresh", new { refreshToken = pair.Refresh });
            await SignIn(client, "kept@example.com", FirstPassword);
        }
    }

    [Fact]
    public async Task An_account_made_on_the_site_signs_in_at_the_api_alone_and_what_one_ends_the_other_refuses()
    {
        await using var site = await Host.StartAsync();
        await using var api = await Host.StartAsync("BlazorAuth.Api", site.Data);
        using var onSite = site.Client();
        using var onApi = api.Client();
        await Expect(HttpStatusCode.Created, onSite, "/api/account", new { email = "both@example.com", password = FirstPassword });
        var pair = await SignIn(onApi, "both@example.com", FirstPassword);
        Assert.Equal(HttpStatusCode.OK, (await Send(onSite, HttpMethod.Get, "/api/account", null, pair)).StatusCode);
        await Expect(HttpStatusCode.NoContent, onSite, "/api/token/revoke", new { refreshToken = pair.Refresh });
        Assert.Equal(HttpStatusCode.Unauthorized, (await Send(onSite, HttpMethod.Get, "/api/account", null, pair)).StatusCode);
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.Unauthorized, (await Send(onApi, HttpMethod.Get, "/api/account", null, pair)).StatusCode);
    }

    [Fact]
    public async Task A_stock_api_needs_authority_and_audience_and_knows_the_name()
    {
        await using var host = await Host.StartAsync(settings: [("BlazorAuth__Tokens__Claims", "name,email")]);
        using var client = host.Client();
        await Expect(HttpStatusCode.Created, client, "/api/account",
            new { email = "orders@example.com", password = FirstPassword, displayName = "Not unique" });
        var pair = await SignIn(client, "orders@example.com", FirstPassword);

        await using var orders = await StartOrdersApi(host.Url);
        using var there = new HttpClient { BaseAddress = new Uri(orders.Urls.First()) };
        Assert.Equal($"{pair.UserId} orders@example.com orders@example.com",
            await (await Send(there, HttpMethod.Get, "/orders", null, pair)).Content.ReadAsStringAsync());
        var forged = pair with { Access = pair.Access[..^2] + (pair.Access[^2] == 'A' ? "BB" : "AA") };
        Assert.Equal(HttpStatusCode.Unauthorized, (await Send(there, HttpMethod.Get, "/orders", null, forged)).StatusCode);
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("docs/api.md")]
    public void The_lines_for_a_stock_api_are_those_that_the_test_runs(string document)
    {
        var shown = Regex.Match(Repository.Read(document), "```csharp stock\n(.*?)```", RegexOptions.Singleline).Groups[1].Value.Trim();
        var run = Regex.Match(Repository.Read("tests/e2e/TheWholeWayOverJson.cs"), @"and no others\.\n(.*?)\n +// end", RegexOptions.Singleline);
        var lines = run.Groups[1].Value.Split('\n').Select(line => line[8..]);
        Assert.Equal(string.Join('\n', lines).Replace("= authority", "= \"http://localhost:5080\"", StringComparison.Ordinal), shown);
    }

    [Fact]
    public async Task Killed_in_the_middle_of_sign_ups_every_answered_account_exists_and_its_email_comes()
    {
        var port = Host.FreePort();
        var answered = new System.Collections.Concurrent.ConcurrentBag<string>();
        var first = await Host.StartAsync(port: port);
        using (var client = first.Client())
        {
            var signUps = Enumerable.Range(0, 60).Select(async i =>
            {
                try
                {
                    using var answer = await client.PostAsJsonAsync("/api/account", new { email = $"user{i}@example.com", password = $"{FirstPassword} {i}" });
                    if (answer.StatusCode == HttpStatusCode.Created) answered.Add($"user{i}@example.com");
                }
                catch (HttpRequestException)
                {
                    // no answer, no promise
                }
            }).ToList();
            while (answered.Count < 10) await Task.Delay(5);
            await first.KillAsync();
            await Task.WhenAll(signUps);
        }

        await using var again = await Host.StartAsync(data: first.Data, port: port);
        using var after = again.Client();
        foreach (var email in answered)
        {
            await SignIn(after, email, $"{FirstPassword} {email[4..^"@example.com".Length]}");
            await again.LetterAsync(email, "confirm your e-mail");
        }
    }

    [Theory]
    [InlineData("BlazorAuth__Nonsense", "1", "BlazorAuth:Nonsense")]
    [InlineData("BlazorAuth__Tokens__AccessTokenLifetime", "soon", "BlazorAuth:Tokens:AccessTokenLifetime")]
    [InlineData("BlazorAuth__Mail__Smtp__Port", "hush-hush", "BlazorAuth:Mail:Smtp:Port")]
    [InlineData("BlazorAuth__Tokens__AccessTokenLifetime", "600", "BlazorAuth:Tokens:AccessTokenLifetime")]
    [InlineData("BlazorAuth__Proxy__KnownProxies", "10.0.0.1", "BlazorAuth:Proxy:KnownProxies")]
    [InlineData("BlazorAuth__Database__ConnectionString", "hush-hush", "BlazorAuth:Database")]
    [InlineData("BlazorAuth__Database__ConnectionString", "Data Source=/no/such/folder/x.db", "BlazorAuth:Database")]
    [InlineData("BlazorAuth__Keys__MasterKeyFile", "no/such/folder/key", "BlazorAuth:Keys:MasterKeyFile")]
    [InlineData("ASPNETCORE_ENVIRONMENT", "Production", "BlazorAuth:PublicUrl")]
    [InlineData("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: must be off")]
    public async Task A_configuration_fault_is_a_plain_line_and_exit_code_78(string key, string value, string told)
    {
        foreach (var program in new[] { "BlazorAuth.Web", "BlazorAuth.Api" })
        {
            await using var host = Host.Launch(program, null, null, (key, value));
            Assert.Equal(78, await host.ExitAsync());
            Assert.Contains(told, host.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", host.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("hush-hush", host.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Behind_a_proxy_that_takes_tls_off_the_two_settings_of_the_readme_are_enough()
    {
        await using var host = await Host.StartAsync(settings: [("ASPNETCORE_ENVIRONMENT", "Production"),
            ("BlazorAuth__PublicUrl", "https://auth.example.com"), ("BlazorAuth__Mail__Transport", "Folder")]);
        using var client = host.Client();
        var login = await client.GetAsync("/login");
        Assert.Equal(HttpStatusCode.OK, login.StatusCode);
        Assert.All(login.Headers.GetValues("Set-Cookie"), cookie =>
        {
            Assert.StartsWith("__Host-", cookie, StringComparison.Ordinal);
            Assert.Contains("; secure", cookie, StringComparison.OrdinalIgnoreCase);
        });
        Assert.Contains("max-age=31536000", login.Headers.GetValues("Strict-Transport-Security").Single(), StringComparison.Ordinal);
        foreach (var developers in new[] { "/dev/mail", "/dev/mail.json", "/docs/index.html" })
            Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(developers)).StatusCode);
        using var elsewhere = new HttpRequestMessage(HttpMethod.Get, "/login") { Headers = { Host = "evil.example" } };
        Assert.Equal(HttpStatusCode.BadRequest, (await client.SendAsync(elsewhere)).StatusCode);
        Assert.DoesNotContain("/admin/setup", host.Output, StringComparison.Ordinal);
    }

    private sealed record Pair(string Access, string Refresh, string UserId)
    {
        public static Pair Of(JsonElement json) => new(json.GetProperty("accessToken").GetString()!, json.GetProperty("refreshToken").GetString()!,
            json.GetProperty("user").GetProperty("id").GetString()!);
    }

    private static async Task<WebApplication> StartOrdersApi(string authority)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        // The lines of the documents, and no others.
        builder.Services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme).AddJwtBearer(bearer =>
        {
            bearer.Authority = authority;
            bearer.Audience = "blazorauth";
            bearer.RequireHttpsMetadata = false; // only for http, on your own machine
        });
        builder.Services.AddAuthorization();
        // end
        var app = builder.Build();
        app.UseAuthentication();
        app.UseAuthorization();
        app.MapGet("/orders", (HttpContext http) =>
            $"{http.User.FindFirst(ClaimTypes.NameIdentifier)?.Value} {http.User.Identity!.Name} {http.User.FindFirst(ClaimTypes.Email)?.Value}").RequireAuthorization();
        await app.StartAsync();
        return app;
    }

    private static async Task<Pair> SignIn(HttpClient client, string identifier, string password)
    {
        var answer = await Send(client, HttpMethod.Post, "/api/token", new { identifier, password }, null);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return Pair.Of(await Json(answer));
    }

    private static async Task<JsonElement> Get(HttpClient client, Pair pair, string path) => await Json(await Send(client, HttpMethod.Get, path, null, pair));

    private static async Task Expect(HttpStatusCode status, HttpClient client, string path, object body, Pair? pair = null)
    {
        var answer = await Send(client, HttpMethod.Post, path, body, pair);
        Assert.True(status == answer.StatusCode, $"{path}: {answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }

    private static async Task ExpectCode(string code, HttpClient client, string path, object body) =>
        Assert.Equal(code, (await Json(await Send(client, HttpMethod.Post, path, body, null))).GetProperty("code").GetString());

    private static async Task<HttpResponseMessage> Send(HttpClient client, HttpMethod method, string path, object? body, Pair? pair)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        if (pair is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", pair.Access);
        return await client.SendAsync(request);
    }

    private static async Task<JsonElement> Json(HttpResponseMessage answer) =>
        JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
}
