using System.Net.Http.Json;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// Where a second factor is on, the right password alone opens no door of the site (ASVS 6.3.4), and a session that was
/// begun without one is not made into one that has it by anything but a proof (Vikunja CVE-2026-33315, Zitadel
/// CVE-2025-64103).
/// </summary>
public sealed class SecondFactorOnEveryDoorTests : AuthTest, IAsyncLifetime
{
    private const string Jane = "jane@example.net";
    private RunningSite site = null!;
    private AuthenticatorApp app = null!;

    async Task IAsyncLifetime.InitializeAsync()
    {
        await InitializeAsync();
        site = await Auth.SiteAsync();
        app = await Auth.AuthenticatorAsync(await Auth.MemberAsync(Jane, username: "jane"));
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await ((IAsyncLifetime)site).DisposeAsync();
        await DisposeAsync();
    }

    public static TheoryData<string, object> Doors =>
        new()
        {
            { "/api/token", new { identifier = Jane, password = Password } },
            { "/api/token?mode=cookie", new { identifier = Jane, password = Password } },
            {
                "/authentication",
                new
                {
                    strategy = "local",
                    email = Jane,
                    password = Password,
                }
            },
            { "/authentication/local", new { email = Jane, password = Password } },
            { "/authentication/username", new { username = "jane", password = Password } },
            { "/_login/local", new { username = Jane, password = Password } },
            { "/auth/login", new { auth_data = new { email = Jane }, password = Password } },
            { "/identity/login", new { email = Jane, password = Password } },
            { "/identity/login?useCookies=true", new { email = Jane, password = Password } },
            {
                "/identity/login",
                new
                {
                    email = Jane,
                    password = Password,
                    twoFactorCode = "000000",
                }
            },
            {
                "/identity/login",
                new
                {
                    email = Jane,
                    password = Password,
                    twoFactorRecoveryCode = "00000-00000",
                }
            },
        };

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task The_right_password_alone_opens_no_door(string path, object body)
    {
        using var answer = await site.Client.PostAsJsonAsync(path, body);
        var text = await answer.Content.ReadAsStringAsync();
        // Conduit's clients read the ticket out of a 200.
        Assert.True(
            (int)answer.StatusCode is 401 or 403 || text.Contains("OTP required", StringComparison.Ordinal),
            $"{path}: {(int)answer.StatusCode} {text}"
        );
        Assert.DoesNotContain("eyJ", text, StringComparison.Ordinal); // no access token
        Assert.False(
            answer.Headers.TryGetValues("Set-Cookie", out var cookies)
                && cookies.Any(c => c.Contains("session", StringComparison.Ordinal))
        );
        Assert.Empty(await Auth.Use((AuthDbContext db) => db.Sessions.ToListAsync()));
    }

    [Fact]
    public async Task The_pages_give_a_ticket_that_is_no_session()
    {
        var visitor = new Visitor(site);
        var answer = await visitor.SignInAsync(Jane, Password);
        Assert.Equal((303, "/login/second-factor"), (answer.Status, answer.Location));
        Assert.Empty(await visitor.GetAsync("/account"));
        Assert.Empty(await Auth.Use((AuthDbContext db) => db.Sessions.ToListAsync()));
    }

    [Fact]
    public async Task The_stock_client_sends_both_factors_at_once()
    {
        using var answer = await site.Client.PostAsJsonAsync(
            "/identity/login",
            new
            {
                email = Jane,
                password = Password,
                twoFactorCode = app.Code(),
            }
        );
        Assert.Equal(200, (int)answer.StatusCode);
    }

    [Fact]
    public async Task A_ticket_opens_nothing_but_its_own_door()
    {
        var ticket = await Auth.TicketAsync(Jane, SessionKind.Api);
        foreach (
            var (path, body) in new (string, object)[]
            {
                ("/api/token/refresh", new { refreshToken = ticket }),
                ("/api/account/password/reset", new { token = ticket, newPassword = OtherPassword }),
                ("/api/account/verify", new { token = ticket }),
                ("/api/account/email/confirm", new { token = ticket }),
            }
        )
            Assert.False((await site.Client.PostAsJsonAsync(path, body)).IsSuccessStatusCode, path);
        Assert.Equal(401, (int)(await site.SendAsync(HttpMethod.Get, "/api/account", bearer: ticket)).StatusCode);
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Equal(
            401,
            (int)
                (
                    await site.Client.PostAsJsonAsync(
                        "/api/token/second-factor",
                        new { ticket = link, code = app.Code() }
                    )
                ).StatusCode
        );
    }

    [Fact]
    public async Task A_refresh_makes_no_session_of_two_factors_out_of_one()
    {
        await Auth.Use(
            (AuthDbContext db) =>
                db.Authenticators.ExecuteUpdateAsync(set => set.SetProperty(a => a.ConfirmedAt, (DateTimeOffset?)null))
        );
        var pair = await Auth.ApiPairAsync(Jane);
        await Auth.Use(
            (AuthDbContext db) =>
                db.Authenticators.ExecuteUpdateAsync(set => set.SetProperty(a => a.ConfirmedAt, Auth.Clock.Now))
        );
        Assert.Equal("pwd", (await Auth.RefreshAsync(pair.RefreshToken)).Value!.Session.Methods);
    }

    [Fact]
    public async Task A_step_up_by_the_password_is_no_second_factor()
    {
        await Auth.Use(
            (AuthDbContext db) =>
                db.Authenticators.ExecuteUpdateAsync(set => set.SetProperty(a => a.ConfirmedAt, (DateTimeOffset?)null))
        );
        var session = await Auth.SignInAsync(Jane);
        var proven = await Auth.Use(
            (Reauthenticate flow) =>
                flow.ReauthenticateAsync(Auth.In(session), Reauthentication.From(Password), default)
        );
        Assert.False(Auth.In(proven.Value!).TwoFactors);
    }
}
