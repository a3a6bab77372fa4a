using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.EndToEndTests.Support;
using Microsoft.IdentityModel.JsonWebTokens;

namespace BlazorAuth.EndToEndTests;

/// <summary>Verbs beside a host that is at work, as processes of their own.</summary>
public sealed class TheOperator
{
    [Fact]
    public async Task Keys_are_rotated_while_tokens_are_used_and_none_is_refused()
    {
        await using var host = await Host.StartAsync();
        using var client = host.Client();
        var sign = new
        {
            email = "jane@example.com",
            identifier = "jane@example.com",
            password = "correct horse battery",
        };
        (await client.PostAsJsonAsync("/api/account", sign)).EnsureSuccessStatusCode();
        var pair = await ReadAsync(await client.PostAsJsonAsync("/api/token", sign));

        using var done = new CancellationTokenSource();
        var load = Task.Run(async () =>
        {
            var (refused, last) = (0, pair);
            for (; !done.IsCancellationRequested; await Task.Delay(50))
            {
                var request = new HttpRequestMessage(HttpMethod.Get, "/api/account");
                request.Headers.Authorization = new("Bearer", Text(last, "accessToken"));
                if ((await client.SendAsync(request)).StatusCode != HttpStatusCode.OK)
                    refused++;
                last = await ReadAsync(
                    await client.PostAsJsonAsync(
                        "/api/token/refresh",
                        new { refreshToken = Text(last, "refreshToken") }
                    )
                );
            }
            return (refused, last);
        });

        var both = await Task.WhenAll(
            Host.OperateAsync(host.Data, "key rotate --json"),
            Host.OperateAsync(host.Data, "key rotate --json")
        );
        Assert.All(both, verb => Assert.Equal((0, ""), (verb.Code, verb.Error)));
        var made = both.Select(verb => JsonDocument.Parse(verb.Out).RootElement.GetProperty("made").GetString())
            .Distinct();
        var successor = Assert.Single(made)!;
        Assert.DoesNotContain(successor, new JsonWebToken(Text(pair, "accessToken")).Kid);

        // Published within half a minute, signing after a minute.
        await UntilAsync(
            async () =>
                (await client.GetStringAsync("/.well-known/jwks.json")).Contains(successor, StringComparison.Ordinal),
            40
        );
        await UntilAsync(
            async () => KeyOf(await ReadAsync(await client.PostAsJsonAsync("/api/token", sign))) == successor,
            60
        );
        await done.CancelAsync();
        var (refused, latest) = await load;
        Assert.Equal((0, successor), (refused, KeyOf(latest)));
    }

    [Fact]
    public async Task The_audit_is_verified_and_a_changed_row_is_found()
    {
        await using var host = await Host.StartAsync();
        using var client = host.Client();
        foreach (var name in new[] { "jane", "john" })
            (
                await client.PostAsJsonAsync(
                    "/api/account",
                    new { email = $"{name}@example.com", password = "correct horse battery" }
                )
            ).EnsureSuccessStatusCode();
        var whole = await Host.OperateAsync(host.Data, "audit verify");
        Assert.Equal((0, ""), (whole.Code, whole.Error));
        Assert.StartsWith("The audit is whole: 2 entries.", whole.Out, StringComparison.Ordinal);

        await SqlAsync(
            host,
            "DROP TRIGGER AuditEntries_keep; UPDATE AuditEntries SET Address = '192.0.2.1' WHERE Id = 1;"
        );
        var broken = await Host.OperateAsync(host.Data, "audit verify");
        Assert.Equal(
            (1, "", "Entry 1 of the audit is not what was written."),
            (broken.Code, broken.Out, broken.Error.Trim())
        );
        var json = JsonDocument.Parse((await Host.OperateAsync(host.Data, "audit verify --json")).Out).RootElement;
        Assert.Equal(
            (false, "changed", 1),
            (
                json.GetProperty("whole").GetBoolean(),
                json.GetProperty("broken").GetString(),
                json.GetProperty("at").GetInt32()
            )
        );
    }

    [Fact]
    public async Task A_test_email_goes_straight_through_the_transport_and_a_refusal_is_told()
    {
        var data = Directory.CreateTempSubdirectory("blazorauth-").FullName;
        var sent = await Host.OperateAsync(data, "mail test --to jane@example.com --json");
        var json = JsonDocument.Parse(sent.Out).RootElement;
        Assert.Equal(
            (0, "", true, "folder"),
            (sent.Code, sent.Error, json.GetProperty("sent").GetBoolean(), json.GetProperty("transport").GetString())
        );
        Assert.Contains(
            "This is a test email",
            await File.ReadAllTextAsync(Assert.Single(Directory.GetFiles(Path.Combine(data, "mail")))),
            StringComparison.Ordinal
        );

        (string, string)[] nobody =
        [
            ("BlazorAuth__Mail__Transport", "Smtp"),
            ("BlazorAuth__Mail__Smtp__Host", "127.0.0.1"),
            ("BlazorAuth__Mail__Smtp__Port", $"{Host.FreePort()}"),
            ("BlazorAuth__Mail__Smtp__Security", "None"),
            ("BlazorAuth__Mail__From", "site@example.com"),
        ];
        var refused = await Host.OperateAsync(data, "mail test --to jane@example.com", nobody);
        Assert.Equal((1, ""), (refused.Code, refused.Out));
        Assert.Contains("ConnectionRefused", refused.Error, StringComparison.Ordinal);
        json = JsonDocument
            .Parse((await Host.OperateAsync(data, "mail test --to jane@example.com --json", nobody)).Out)
            .RootElement;
        Assert.False(json.GetProperty("sent").GetBoolean());
    }

    [Theory]
    [InlineData("frobnicate", 2)]
    [InlineData("mail test", 2)]
    [InlineData("mail test --to nobody", 1)]
    [InlineData("key", 2)]
    [InlineData("key rotate --in soon", 2)]
    [InlineData("key rotate --in 00:00:10", 1)]
    [InlineData("key list", 0)]
    public async Task The_exit_code_tells_what_came_of_it(string verb, int code)
    {
        var data = Directory.CreateTempSubdirectory("blazorauth-").FullName;
        var ran = await Host.OperateAsync(data, verb);
        Assert.Equal((code, code != 0), (ran.Code, ran.Error.Length > 0));
    }

    [Fact]
    public async Task A_bad_configuration_is_78() =>
        Assert.Equal(
            78,
            (await Host.OperateAsync("/dev/null/none", "key list", ("ASPNETCORE_ENVIRONMENT", "Production"))).Code
        );

    private static async Task SqlAsync(Host host, string sql)
    {
        using var process = Process.Start(
            new ProcessStartInfo("sqlite3", [Path.Combine(host.Data, "blazorauth.db"), sql])
        )!;
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    private static async Task UntilAsync(Func<Task<bool>> there, int seconds)
    {
        for (var waited = Stopwatch.StartNew(); !await there(); await Task.Delay(500))
            Assert.True(waited.Elapsed.TotalSeconds < seconds, "It did not come about.");
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage answer) =>
        (await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>()).Clone();

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    private static string KeyOf(JsonElement pair) => new JsonWebToken(Text(pair, "accessToken")).Kid;
}
