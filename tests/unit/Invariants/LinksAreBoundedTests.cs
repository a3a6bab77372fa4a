using System.Net;
using System.Net.Http.Json;
using System.Text.RegularExpressions;
using BlazorAuth.Core;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// Links and tickets that are made up are counted for the network they come from, before one is looked up, at every
/// door.
/// </summary>
public sealed class LinksAreBoundedTests : AuthTest
{
    private const string Jane = "jane@example.net";
    private const int Most = 5;

    private static string Junk(int i) => $"junk{i:D39}";

    private RunningSite site = null!;

    private Task<HttpResponseMessage> PostAsync(string path, object body) => site.Client.PostAsJsonAsync(path, body);

    private (string Door, Func<int, Task<HttpResponseMessage>> Send)[] Doors =>
        [
            ("verify", i => PostAsync("/api/account/verify", new { token = Junk(i) })),
            (
                "verify with a password",
                i => PostAsync("/api/account/verify", new { token = Junk(i), newPassword = OtherPassword })
            ),
            (
                "reset",
                i => PostAsync("/api/account/password/reset", new { token = Junk(i), newPassword = OtherPassword })
            ),
            ("change of address", i => PostAsync("/api/account/email/confirm", new { token = Junk(i) })),
            ("second factor", i => PostAsync("/api/token/second-factor", new { ticket = Junk(i), code = "123456" })),
            (
                "recovery code",
                i => PostAsync("/api/token/second-factor", new { ticket = Junk(i), recoveryCode = "abcde-fghij" })
            ),
            ("email code", i => PostAsync("/api/token/email-code/verify", new { ticket = Junk(i), code = "123456" })),
            (
                "passkey",
                i => PostAsync("/api/token/passkey", new { ticket = Junk(i), credential = new { id = "AAAA" } })
            ),
            (
                "identity reset",
                i =>
                    PostAsync(
                        "/identity/resetPassword",
                        new
                        {
                            email = Jane,
                            resetCode = Junk(i),
                            newPassword = OtherPassword,
                        }
                    )
            ),
            (
                "feathers verify",
                i => PostAsync("/authManagement", new { action = "verifySignupLong", value = Junk(i) })
            ),
            (
                "feathers reset",
                i =>
                    PostAsync(
                        "/authManagement",
                        new { action = "resetPwdLong", value = new { token = Junk(i), password = OtherPassword } }
                    )
            ),
            ("conduit verify", i => PostAsync($"/hook/authentication/verify-email/{Junk(i)}", new { })),
            ("conduit change", i => PostAsync($"/hook/authentication/verify-change-email/{Junk(i)}", new { })),
            (
                "conduit reset",
                i =>
                    PostAsync(
                        "/authentication/reset-password",
                        new { passwordResetToken = Junk(i), password = OtherPassword }
                    )
            ),
            ("conduit magic link", i => PostAsync($"/authentication/magic-link/{Junk(i)}", new { })),
        ];

    [Fact]
    public async Task Every_door_refuses_the_next_one_with_429()
    {
        await using (site = await Auth.SiteAsync(("Throttle:LinksPerAddress", "5")))
            foreach (var (door, send) in Doors)
            {
                Auth.Clock.Move(TimeSpan.FromMinutes(15));
                for (var i = 0; i < Most; i++)
                {
                    using var answer = await send(i);
                    // One door of a dialect tries a link for two purposes, and so counts it twice.
                    var most = i < Most / 2 ? 428 : 429;
                    Assert.True(
                        (int)answer.StatusCode >= 400 && (int)answer.StatusCode <= most,
                        $"{door}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}"
                    );
                }
                using var limited = await send(Most);
                Assert.True(
                    limited.StatusCode == HttpStatusCode.TooManyRequests,
                    $"{door}: {(int)limited.StatusCode} {await limited.Content.ReadAsStringAsync()}"
                );
            }
    }

    [Theory]
    [InlineData("/verify-email")]
    [InlineData("/reset-password")]
    [InlineData("/confirm-email-change")]
    [InlineData("/login/email-link")]
    [InlineData("/undo")]
    [InlineData("/admin/setup")]
    public async Task Every_page_of_a_link_refuses_the_next_one_with_429(string page)
    {
        await using (site = await Auth.SiteAsync(("Throttle:LinksPerAddress", "5")))
        {
            for (var i = 0; i < Most; i++)
                Assert.Equal(422, await OpenAsync(i));
            Assert.Equal(429, await OpenAsync(Most));
        }

        async Task<int> OpenAsync(int i)
        {
            var visitor = new Visitor(site);
            await visitor.GetAsync($"{page}?token={Junk(i)}");
            return (await visitor.SendAsync(new(HttpMethod.Get, page))).Status;
        }
    }

    [Fact]
    public async Task A_real_link_also_a_dead_one_takes_nothing_and_leaves_no_row()
    {
        await Auth.RestartAsync(("Throttle:LinksPerAddress", "1"));
        await Auth.MemberAsync(Jane);
        var link = await Auth.ResetLinkAsync(Jane);
        var before = await Auth.RowsAsync();
        for (var i = 0; i < 10; i++)
            Assert.Null(
                (await Auth.Use((ResetPassword flow) => flow.PreviewAsync(Auth.Caller, link, default))).Failure
            );
        Assert.Equal(before, await Auth.RowsAsync());
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, OtherPassword, default))).Failure
        );
        for (var i = 0; i < 10; i++)
            Assert.Equal(
                AuthError.LinkUsed,
                (await Auth.Use((ResetPassword flow) => flow.PreviewAsync(Auth.Caller, link, default))).Failure?.Error
            );
        Assert.Equal(
            AuthError.LinkInvalid,
            (await Auth.Use((ResetPassword flow) => flow.PreviewAsync(Auth.Caller, Junk(0), default))).Failure?.Error
        );
        Assert.Equal(
            AuthError.RateLimited,
            (await Auth.Use((ResetPassword flow) => flow.PreviewAsync(Auth.Caller, link, default))).Failure?.Error
        );
        Auth.Caller = Caller.Anonymous("198.51.100.9", null);
        Assert.Equal(
            AuthError.LinkUsed,
            (await Auth.Use((ResetPassword flow) => flow.PreviewAsync(Auth.Caller, link, default))).Failure?.Error
        );
    }

    [Fact]
    public async Task Many_made_up_ones_at_once_do_not_outrun_the_count()
    {
        await Auth.RestartAsync(("Throttle:LinksPerAddress", "5"));
        foreach (var purpose in Enum.GetValues<TokenPurpose>())
        {
            Auth.Clock.Move(TimeSpan.FromMinutes(15));
            var found = await RaceAsync(
                20,
                i => Auth.Use((OneTimeTokens tokens) => tokens.FindAsync(Auth.Caller, purpose, Junk(i), default))
            );
            Assert.Equal(Most, found.Count(f => f.Failure!.Error == AuthError.LinkInvalid));
            Assert.Equal(20 - Most, found.Count(f => f.Failure!.Error == AuthError.RateLimited));
        }
    }

    [Fact]
    public void No_secret_of_a_link_is_looked_up_elsewhere()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "BlazorAuth.sln")))
            folder = Path.GetDirectoryName(folder)!;
        var looks = Directory
            .EnumerateFiles(Path.Combine(folder, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(f =>
                !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
            )
            .SelectMany(f => Regex.Matches(File.ReadAllText(f), @"\.SecretHash\s*==").Select(_ => Path.GetFileName(f)))
            .ToList();
        Assert.Equal(["OneTimeTokens.cs"], looks);
    }
}
