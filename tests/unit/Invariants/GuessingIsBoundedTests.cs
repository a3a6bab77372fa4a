using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// However a password is guessed, the comparisons made for one account stay within its budget: over all doors and
/// processes, by any name and path, at once and after a restart. Comparisons are counted in the hasher.
/// </summary>
public abstract class GuessingIsBoundedTests(Store store) : AuthTest(store, ("Throttle:SignInPerAddress", "100000"))
{
    public sealed class OnSqlite() : GuessingIsBoundedTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : GuessingIsBoundedTests(Store.Postgres);

    private const string Jane = "jane@example.net",
        Wrong = "not the password";
    private const int Budget = 10,
        Guesses = 500;

    // A name that the right password comes by too.
    private static readonly string[] Spellings =
    [
        Jane,
        "JANE@example.NET",
        " jane@example.net ",
        "jane.doe",
        "JANE.DOE",
        "\tjane.doe",
    ];
    private static readonly string[] SignInPaths =
    [
        "/api/token",
        "/api/token/",
        "/API/Token",
        "//api/token",
        "/api//token",
        "/api/./token",
        "/api/x/../token",
        "/api/%74oken",
        "/api/token?mode=cookie",
    ];
    private static readonly string[] Forwarded =
    [
        "X-Forwarded-For",
        "Forwarded",
        "X-Real-IP",
        "X-Client-IP",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-Original-Forwarded-For",
    ];

    private string bearer = "",
        form = "";
    private Visitor visitor = null!;
    private RunningSite? first;

    // Somebody who has Jane's browser and her program's token, but not her password.
    private async Task SetUpAsync(RunningSite site)
    {
        await Auth.MemberAsync(Jane, username: "jane.doe");
        bearer = (await Auth.ApiPairAsync(Jane)).AccessToken;
        visitor = new Visitor(site);
        form = Visitor.FormOf(await visitor.GetAsync("/login"), "login");
    }

    private Task<Answer> GuessAsync(RunningSite site, int i, string password) =>
        (i % 5) switch
        {
            0 => SignInAsync(site, i, password),
            1 => PageAsync(site, i, password),
            2 => SendAsync(
                site,
                i,
                HttpMethod.Post,
                "/api/account/password",
                new { currentPassword = password, newPassword = OtherPassword },
                owner: true
            ),
            3 => SendAsync(site, i, HttpMethod.Delete, "/api/account", new { password }, owner: true),
            _ => SendAsync(
                site,
                i,
                HttpMethod.Post,
                "/api/account/email",
                new { currentPassword = password, newEmail = $"new{i}@example.net" },
                owner: true
            ),
        };

    private Task<Answer> SignInAsync(RunningSite site, int i, string password) =>
        SendAsync(
            site,
            i,
            HttpMethod.Post,
            SignInPaths[i / 5 % SignInPaths.Length],
            new Dictionary<string, object?>
            {
                ["identifier"] = Spellings[i % Spellings.Length],
                ["password"] = password,
                [$"extra{i}"] = i,
                ["address"] = $"198.51.100.{i % 250}",
            }
        );

    private async Task<Answer> PageAsync(RunningSite site, int i, string password)
    {
        var browser = site == first ? visitor : visitor.Copy(site.Client);
        return await browser.SendFormAsync(
            i % 2 == 0 ? "/login" : $"/Login/?returnUrl=/{i}",
            form,
            ("identifier", Spellings[i % Spellings.Length]),
            ("current-password", password)
        );
    }

    private async Task<Answer> SendAsync(
        RunningSite site,
        int i,
        HttpMethod method,
        string path,
        object body,
        bool owner = false
    )
    {
        using var request = new HttpRequestMessage(
            method,
            new Uri(
                site.ClientOptions.BaseAddress.GetLeftPart(UriPartial.Authority) + path,
                new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }
            )
        )
        {
            Content = new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json"),
        };
        if (owner)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        request.Headers.TryAddWithoutValidation(
            Forwarded[i % Forwarded.Length],
            i % Forwarded.Length == 1 ? $"for=198.51.{i / 250}.{i % 250}" : $"198.51.{i / 250}.{i % 250}"
        );
        return await Answer.OfAsync(await site.Client.SendAsync(request));
    }

    // A refusal that was not a comparison says when to come again.
    private static bool IsHeldBack(Answer answer)
    {
        if (answer.Status is not (429 or 503))
            return false;
        Assert.True(
            int.Parse(answer.Header("Retry-After") ?? "0") > 0,
            $"{answer.Status} without Retry-After: {answer.Body}"
        );
        return true;
    }

    private static bool IsIn(Answer answer) => answer.Status is 200 or 202 or 204 or 303;

    [StoreFact]
    public async Task Over_all_doors_of_two_processes_at_once_and_after_a_restart()
    {
        await using var one = await Auth.SiteAsync();
        await using var two = await Auth.SiteAsync();
        first = one;
        await SetUpAsync(one);
        var before = Auth.Hashes.Verified;
        var answers = await RaceAsync(
            Guesses,
            i => GuessAsync(i % 2 == 0 ? one : two, i / 2, i == Guesses / 2 ? Password : Wrong)
        );
        // The right one among them ends the row of wrong ones, if it was looked at; no more than one can be.
        // Strangers have the account's budget, and the owner's own session has one more.
        var allowed = Budget * (2 + answers.Count(IsIn));
        Assert.InRange(answers.Count(IsIn), 0, 1);
        Assert.InRange(Auth.Hashes.Verified - before, 1, allowed);
        Assert.Equal(
            HttpStatusCode.OK,
            (await one.SendAsync(HttpMethod.Get, "/api/account", bearer: bearer)).StatusCode
        );
        // wrong, or no such path
        Assert.Empty(answers.Where(a => !IsIn(a) && !IsHeldBack(a)).Select(a => a.Status).Except([401, 404, 405, 422]));
        Assert.True(answers.Count(IsHeldBack) > Guesses / 2);

        for (var i = 0; i < Budget * 6; i++)
            await GuessAsync(one, i, Wrong); // whatever was left, to strangers and to the session
        before = Auth.Hashes.Verified;
        await using var again = await Auth.SiteAsync();
        first = again;
        for (var i = 0; i < 50; i++)
            Assert.True((await GuessAsync(again, i, Password)) is { } a && (IsHeldBack(a) || a.Status is 404 or 405));
        Assert.Equal(before, Auth.Hashes.Verified);
    }

    [StoreFact]
    public async Task The_owner_stays_signed_in_and_gets_in_by_a_reset_meanwhile()
    {
        await using var site = first = await Auth.SiteAsync();
        await SetUpAsync(site);
        await RaceAsync(Budget * 3, i => GuessAsync(site, i, Wrong));
        Assert.Equal(
            HttpStatusCode.OK,
            (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: bearer)).StatusCode
        );
        for (var i = 0; i < Budget; i++)
            await SignInAsync(site, 0, Wrong); // whatever was left
        Assert.True(IsHeldBack(await SignInAsync(site, 0, Password)));
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Equal(
            204,
            (
                await SendAsync(
                    site,
                    0,
                    HttpMethod.Post,
                    "/api/account/password/reset",
                    new { token = link, newPassword = OtherPassword }
                )
            ).Status
        );
        Assert.Equal(200, (await SignInAsync(site, 0, OtherPassword)).Status);
    }

    [StoreFact]
    public async Task Nobodys_names_cost_one_network_its_budget_whatever_it_says_of_itself()
    {
        await using var site = await Auth.SiteAsync(("Throttle:SignInPerAddress", "20"));
        var before = Auth.Hashes.Verified;
        var answers = await RaceAsync(
            60,
            i =>
                SendAsync(
                    site,
                    i,
                    HttpMethod.Post,
                    "/api/token",
                    new { identifier = $"nobody{i}@example.net", password = Wrong }
                )
        );
        Assert.InRange(Auth.Hashes.Verified - before, 1, 20);
        Assert.All(answers.Where(a => !IsHeldBack(a)), a => Assert.Equal(401, a.Status));
    }

    [StoreFact]
    public async Task Behind_a_proxy_one_ipv6_network_is_one_guesser_and_only_what_the_proxy_saw_counts()
    {
        await using var site = await Auth.SiteAsync(
            ("Throttle:SignInPerAddress", "20"),
            ("Proxy:KnownProxies:0", "127.0.0.1"),
            ("Proxy:KnownProxies:1", "::1")
        );
        var before = Auth.Hashes.Verified;
        var answers = new List<Answer>();
        // What stands before the last was written by the guesser.
        for (var i = 0; i < 60; i++)
            answers.Add(await FromAsync($"203.0.113.{i}, 2001:db8:0:1:{i:x}::{i:x}", i));
        Assert.Equal((20, 40), (Auth.Hashes.Verified - before, answers.Count(IsHeldBack)));
        Assert.Equal(401, (await FromAsync("2001:db8:0:2::1", 60)).Status);
        Assert.Equal(401, (await FromAsync("203.0.113.1", 61)).Status);

        async Task<Answer> FromAsync(string forwarded, int i)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/token");
            request.Content = new StringContent(
                JsonSerializer.Serialize(new { identifier = $"nobody{i}@example.net", password = Wrong }),
                Encoding.UTF8,
                "application/json"
            );
            request.Headers.TryAddWithoutValidation("X-Forwarded-For", forwarded);
            return await Answer.OfAsync(await site.Client.SendAsync(request));
        }
    }

    [StoreFact]
    public async Task Behind_two_proxies_everybody_is_counted_by_the_address_that_the_outer_one_saw()
    {
        await using var site = await Auth.SiteAsync(
            ("Throttle:SignInPerAddress", "5"),
            ("Proxy:KnownProxies:0", "127.0.0.1"),
            ("Proxy:KnownProxies:1", "::1"),
            ("Proxy:KnownNetworks:0", "10.0.0.0/8")
        );
        // 10.9.9.9 is the outer proxy; what stands before the first hop that is no proxy was written by a guesser.
        for (var i = 0; i < 20; i++)
            Assert.Equal(
                i < 5 ? 401 : 429,
                (await SignInAsync($"10.1.1.1, 198.51.100.{i}, 203.0.113.1, 10.9.9.9", i)).Status
            );
        Assert.Equal(401, (await SignInAsync("203.0.113.2, 10.9.9.9", 20)).Status);

        async Task<Answer> SignInAsync(string forwarded, int i)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/token");
            request.Content = new StringContent(
                JsonSerializer.Serialize(new { identifier = $"nobody{i}@example.net", password = Wrong }),
                Encoding.UTF8,
                "application/json"
            );
            request.Headers.TryAddWithoutValidation("X-Forwarded-For", forwarded);
            return await Answer.OfAsync(await site.Client.SendAsync(request));
        }
    }
}
