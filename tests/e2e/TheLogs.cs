using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using BlazorAuth.EndToEndTests.Support;

namespace BlazorAuth.EndToEndTests;

/// <summary>
/// A host that logs all there is to log, and every flow once: none of what was secret in them is in the log or in the
/// audit.
/// </summary>
public sealed partial class TheLogs
{
    private const string Jane = "jane@example.com",
        First = "correct horse battery",
        Second = "staple battery horse",
        Third = "horse staple correct";

    private readonly List<string> secrets = [First, Second, Third];

    [Fact]
    public async Task No_password_token_code_or_link_is_in_the_log_the_audit_or_the_outbox()
    {
        await using var host = await Host.StartAsync(
            settings:
            [
                ("Logging__LogLevel__Default", "Trace"),
                ("Logging__LogLevel__Microsoft.AspNetCore", "Trace"),
                ("Logging__LogLevel__Microsoft.EntityFrameworkCore", "Trace"),
            ]
        );
        using var client = host.Client();
        await WalkAsync(host, client);
        await Task.Delay(1000); // the console is written from a queue
        using var dump = Process.Start(
            new ProcessStartInfo(
                "sqlite3",
                [
                    Path.Combine(host.Data, "blazorauth.db"),
                    "SELECT * FROM AuditEntries; SELECT * FROM Outbox; SELECT * FROM ThrottleCounts;",
                ]
            )
            {
                RedirectStandardOutput = true,
                UseShellExecute = false,
            }
        )!;
        var rows = await dump.StandardOutput.ReadToEndAsync();
        Assert.Contains("SignedIn", rows, StringComparison.Ordinal);
        Assert.Contains("SELECT", host.Output, StringComparison.Ordinal); // it did log what it can
        foreach (var secret in secrets.Distinct())
        {
            Assert.True(secret.Length >= 6, secret);
            Assert.DoesNotContain(secret, host.Output, StringComparison.Ordinal);
            Assert.DoesNotContain(secret, rows, StringComparison.Ordinal);
        }
    }

    private async Task WalkAsync(Host host, HttpClient client)
    {
        await PostAsync(client, "/api/account", new { email = Jane, password = First });
        var letter = await host.LetterAsync(Jane, "Confirm");
        secrets.Add(letter.Token("verify-email"));
        secrets.Add(Code().Match(letter.Text).Value);
        await client.GetAsync(new Uri(letter.LinkTo("verify-email")).PathAndQuery);
        await PostAsync(client, "/api/account/verify", new { token = letter.Token("verify-email") });
        await client.PostAsJsonAsync("/api/account/verify", new { token = letter.Token("verify-email") }); // used

        await client.PostAsJsonAsync("/api/token", new { identifier = Jane, password = Second }); // wrong
        var pair = await PostAsync(client, "/api/token", new { identifier = Jane, password = First });
        await client.GetAsync("/api/account?access_token=" + Keep(pair, "accessToken"));
        pair = await PostAsync(client, "/api/token/refresh", new { refreshToken = Keep(pair, "refreshToken") });
        client.DefaultRequestHeaders.Authorization = new("Bearer", Keep(pair, "accessToken"));
        Keep(pair, "refreshToken");
        Keep(await PostAsync(client, "/api/account/keys", new { description = "ci" }), "key");

        await PostAsync(client, "/api/account/email", new { newEmail = "new@example.com", currentPassword = First });
        var change = await host.LetterAsync("new@example.com", "Confirm");
        secrets.Add(change.Token("confirm-email-change"));
        await client.GetAsync(new Uri(change.LinkTo("confirm-email-change")).PathAndQuery);
        await PostAsync(client, "/api/account/email/confirm", new { token = change.Token("confirm-email-change") });
        var changed = await PostAsync(
            client,
            "/api/account/password",
            new { currentPassword = First, newPassword = Second }
        );
        Keep(changed, "accessToken");
        client.DefaultRequestHeaders.Authorization = null;

        await PostAsync(client, "/api/account/password/forgot", new { email = "new@example.com" });
        var reset = await host.LetterAsync("new@example.com", "Reset");
        secrets.Add(reset.Token("reset-password"));
        await client.GetAsync(new Uri(reset.LinkTo("reset-password")).PathAndQuery);
        await PostAsync(
            client,
            "/api/account/password/reset",
            new { token = reset.Token("reset-password"), newPassword = Third }
        );
        var cookie = await client.PostAsJsonAsync(
            "/api/token?mode=cookie",
            new { identifier = "new@example.com", password = Third }
        );
        foreach (var set in cookie.EnsureSuccessStatusCode().Headers.GetValues("Set-Cookie"))
            secrets.Add(set.Split(';')[0].Split('=', 2)[1]);
        await client.PostAsync(
            "/oauth/token",
            new FormUrlEncodedContent([
                new("grant_type", "refresh_token"),
                new("refresh_token", Keep(changed, "refreshToken")),
            ])
        );
        await client.PostAsync(
            "/api/token",
            new StringContent($"{{\"password\": \"{Third}\" oops", null, "application/json")
        ); // unreadable
    }

    private static async Task<JsonElement> PostAsync(HttpClient client, string path, object body)
    {
        var answer = (await client.PostAsJsonAsync(path, body)).EnsureSuccessStatusCode();
        var text = await answer.Content.ReadAsStringAsync();
        return text.Length == 0 ? default : JsonDocument.Parse(text).RootElement;
    }

    private string Keep(JsonElement json, string name)
    {
        secrets.Add(json.GetProperty(name).GetString()!);
        return secrets[^1];
    }

    [GeneratedRegex("^[0-9]{6}$", RegexOptions.Multiline)]
    private static partial Regex Code();
}
