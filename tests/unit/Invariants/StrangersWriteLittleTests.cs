using System.Net.Http.Json;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// Whatever a stranger sends, and however often, what stays in the store is bounded: every write has a budget or a cap
/// before it.
/// </summary>
public sealed class StrangersWriteLittleTests() : AuthTest(Store.File)
{
    private const string Jane = "jane@example.net",
        Wrong = "not the password";
    private const int Times = 300;

    // What is kept for ever, or for months.
    private static readonly string[] Lasting =
    [
        "AspNetUsers",
        "AspNetUserPasskeys",
        "AuditEntries",
        "Sessions",
        "TrustedDevices",
        "Authenticators",
    ];

    private static long Sum(SortedDictionary<string, long> rows, bool lasting) =>
        rows.Where(r => Lasting.Contains(r.Key) == lasting).Sum(r => r.Value);

    private RunningSite site = null!;

    private Task PostAsync(string path, object body) => site.Client.PostAsJsonAsync(path, body);

    private Task FormAsync(string path, params (string, string)[] fields) =>
        site.Client.PostAsync(
            path,
            new FormUrlEncodedContent(fields.Select(f => new KeyValuePair<string, string>(f.Item1, f.Item2)))
        );

    // Well-formed, and worth nothing: each gets as far as it can.
    private (string Door, Func<int, Task> Send)[] Doors =>
        [
            ("password", i => PostAsync("/api/token", new { identifier = $"nobody{i}@example.net", password = Wrong })),
            ("password of an account", _ => PostAsync("/api/token", new { identifier = Jane, password = Wrong })),
            ("ticket", i => PostAsync("/api/token/second-factor", new { ticket = $"ticket{i}", code = "123456" })),
            (
                "recovery",
                i => PostAsync("/api/token/second-factor", new { ticket = $"ticket{i}", recoveryCode = "abcde-fghij" })
            ),
            (
                "passkey",
                i =>
                    PostAsync(
                        "/api/token/passkey",
                        new
                        {
                            ticket = $"ticket{i}",
                            credential = new
                            {
                                id = "AAAA",
                                rawId = "AAAA",
                                type = "public-key",
                                response = new { },
                            },
                        }
                    )
            ),
            ("passkey options", _ => PostAsync("/api/token/passkey/options", new { })),
            ("code asked", i => PostAsync("/api/token/email-code", new { email = $"nobody{i}@example.net" })),
            ("code", i => PostAsync("/api/token/email-code/verify", new { ticket = $"ticket{i}", code = "123456" })),
            ("refresh", i => PostAsync("/api/token/refresh", new { refreshToken = $"refresh{i}" })),
            ("revoke", i => PostAsync("/api/token/revoke", new { refreshToken = $"refresh{i}" })),
            ("taken address", _ => PostAsync("/api/account", new { email = Jane, password = Password })),
            ("weak password", i => PostAsync("/api/account", new { email = $"nobody{i}@example.net", password = "x" })),
            ("verify asked", i => PostAsync("/api/account/verify/send", new { email = $"nobody{i}@example.net" })),
            (
                "verify code",
                i => PostAsync("/api/account/verify", new { email = $"nobody{i}@example.net", code = "123456" })
            ),
            ("verify link", i => PostAsync("/api/account/verify", new { token = $"link{i}" })),
            ("forgot", i => PostAsync("/api/account/password/forgot", new { email = $"nobody{i}@example.net" })),
            (
                "reset",
                i => PostAsync("/api/account/password/reset", new { token = $"link{i}", newPassword = OtherPassword })
            ),
            ("change of address", i => PostAsync("/api/account/email/confirm", new { token = $"link{i}" })),
            (
                "oauth refresh",
                i => FormAsync("/oauth/token", ("grant_type", "refresh_token"), ("refresh_token", $"refresh{i}"))
            ),
            ("oauth revoke", i => FormAsync("/oauth/revoke", ("token", $"refresh{i}"))),
            (
                "oauth introspect",
                i =>
                    FormAsync(
                        "/oauth/introspect",
                        ("token", $"refresh{i}"),
                        ("client_id", "nobody"),
                        ("client_secret", Wrong)
                    )
            ),
            (
                "feathers",
                i =>
                    PostAsync(
                        "/authentication",
                        new
                        {
                            strategy = "local",
                            email = $"nobody{i}@example.net",
                            password = Wrong,
                        }
                    )
            ),
            (
                "conduit",
                i =>
                    PostAsync(
                        "/api/users/login",
                        new { user = new { email = $"nobody{i}@example.net", password = Wrong } }
                    )
            ),
            ("kuzzle", i => PostAsync("/_login/local", new { username = $"nobody{i}@example.net", password = Wrong })),
            (
                "skygear",
                i =>
                    PostAsync(
                        "/auth/login",
                        new
                        {
                            action = "auth:login",
                            auth_data = new { email = $"nobody{i}@example.net" },
                            password = Wrong,
                        }
                    )
            ),
            ("identity", i => PostAsync("/identity/login", new { email = $"nobody{i}@example.net", password = Wrong })),
            ("identity forgot", i => PostAsync("/identity/forgotPassword", new { email = $"nobody{i}@example.net" })),
            ("identity refresh", i => PostAsync("/identity/refresh", new { refreshToken = $"refresh{i}" })),
        ];

    [Fact]
    public async Task Junk_at_every_door_three_hundred_times()
    {
        await Auth.MemberAsync(Jane);
        // Without these three every door after the first would only be answered 429.
        await using (
            site = await Auth.SiteAsync(
                ("Throttle:SignInPerAddress", "100000"),
                ("Throttle:MailPerCaller", "100000"),
                ("Throttle:LinksPerAddress", "100000")
            )
        )
        {
            var events = 0L;
            foreach (var (door, send) in Doors)
            {
                var before = await Auth.RowsAsync();
                for (var i = 0; i < Times; i += 10)
                    await Task.WhenAll(Enumerable.Range(i, 10).Select(send));
                var after = await Auth.RowsAsync();
                events += after["AuditEntries"] - before["AuditEntries"];
                Assert.True(
                    Sum(after, lasting: true) - Sum(before, lasting: true) <= 65,
                    $"{door} left {Sum(after, true) - Sum(before, true)} lasting rows"
                );
                Assert.True(
                    Sum(after, lasting: false) - Sum(before, lasting: false) <= 2 * Times + 10,
                    $"{door} left {Sum(after, false) - Sum(before, false)} rows"
                );
            }
            // One network, one budget of events, and one entry for each budget that was used up.
            Assert.InRange(events, 1, 60 + 20);
        }
    }

    [Fact]
    public async Task Junk_at_every_route_there_is()
    {
        await using (site = await Auth.SiteAsync())
        {
            var routes = site.Routes.Where(r => r.Metadata.GetMetadata<HttpMethodMetadata>() is not null).ToList();
            Assert.True(routes.Count > 50);
            var before = await Auth.RowsAsync();
            foreach (var route in routes)
            foreach (
                var method in route
                    .Metadata.GetMetadata<HttpMethodMetadata>()!
                    .HttpMethods.Where(m => m is not ("OPTIONS" or "HEAD"))
            )
                for (var i = 0; i < 3; i++)
                {
                    var path = string.Join(
                        '/',
                        route.RoutePattern.PathSegments.Select(s =>
                            s.Parts is [RoutePatternLiteralPart literal] ? literal.Content : $"x{i}"
                        )
                    );
                    using var late = new CancellationTokenSource(TimeSpan.FromSeconds(5));
                    using var request = new HttpRequestMessage(new HttpMethod(method), "/" + path);
                    if (method is not "GET")
                        request.Content = JsonContent.Create(
                            new
                            {
                                email = $"x{i}",
                                password = "x",
                                token = "x",
                                code = "x",
                            }
                        );
                    try
                    {
                        using var answer = await site.Client.SendAsync(
                            request,
                            HttpCompletionOption.ResponseHeadersRead,
                            late.Token
                        );
                    }
                    catch (OperationCanceledException)
                    {
                        // a long poll
                    }
                }
            var after = await Auth.RowsAsync();
            // An anonymous sign-up and a passkey ceremony need nothing: three of each, at each door that has them.
            Assert.InRange(Sum(after, lasting: true) - Sum(before, lasting: true), 0, 150);
            Assert.InRange(Sum(after, lasting: false) - Sum(before, lasting: false), 0, 150);
        }
    }

    [Fact]
    public async Task Anonymous_accounts_of_one_network_are_few()
    {
        await using (site = await Auth.SiteAsync())
        {
            for (var i = 0; i < Times; i += 10)
                await Task.WhenAll(Enumerable.Range(i, 10).Select(_ => PostAsync("/api/token/anonymous", new { })));
            Assert.Equal(100, (await Auth.RowsAsync())["AspNetUsers"]);
        }
    }

    [Fact]
    public async Task An_anonymous_account_gets_no_key_and_changes_its_profile_so_often()
    {
        var begun = await Auth.Use(
            (SignInAnonymously flow) => flow.BeginAsync(Auth.Caller, null, SessionKind.Api, null, default)
        );
        var session = Assert.IsType<SignInOutcome.SignedIn>(begun).Session;
        Assert.Equal(
            AuthError.Forbidden,
            (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("mine"), default))).Failure?.Error
        );
        var refused = 0;
        for (var i = 0; i < Times; i++)
        {
            var name = $"name {i}";
            var outcome = await Auth.Use(
                (ChangeProfile flow) => flow.ChangeAsync(Auth.In(session), new() { DisplayName = name }, default)
            );
            if (outcome.Failure?.Error == AuthError.RateLimited)
                refused++;
        }
        Assert.Equal(Times - 120, refused);
    }

    [Fact]
    public async Task An_account_has_fifty_keys_at_most_also_at_once()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var made = await RaceAsync(
            70,
            i => Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new($"key {i}"), default))
        );
        Assert.Equal(50, made.Count(m => m.Failure is null));
        Assert.All(made.Where(m => m.Failure is not null), m => Assert.Equal(AuthError.Conflict, m.Failure!.Error));
        Assert.Null(
            (
                await Auth.Use(
                    (ApiKeys flow) =>
                        flow.RevokeAsync(
                            Auth.In(session),
                            made.First(m => m.Value is not null).Value!.Session.Id,
                            null,
                            default
                        )
                )
            ).Failure
        );
        Assert.Null(
            (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("one more"), default))).Failure
        );
    }

    [Fact]
    public async Task An_account_has_a_hundred_sessions_at_most_and_the_oldest_ends()
    {
        await Auth.RestartAsync(("Throttle:SessionsPerAccount", "1000"));
        var user = await Auth.MemberAsync(Jane);
        var first = await Auth.SignInAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromSeconds(1));
        var second = await Auth.SignInAsync(Jane);
        for (var i = 0; i < 98; i++)
        {
            Auth.Clock.Move(TimeSpan.FromMilliseconds(10));
            await Auth.SignInAsync(Jane);
        }
        Assert.Null(await Auth.DeathOfAsync(first));
        await Auth.SignInAsync(Jane);
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(first));
        Assert.Null(await Auth.DeathOfAsync(second));
        Assert.Equal(
            100,
            await Auth.Use((AuthDbContext db) => db.Sessions.CountAsync(s => s.UserId == user.Id && s.EndedAt == null))
        );
    }

    [Fact]
    public async Task Sessions_begun_for_one_account_are_counted_and_too_many_are_no_wrong_passwords()
    {
        await Auth.RestartAsync(("Throttle:SessionsPerAccount", "5"));
        await Auth.MemberAsync(Jane);
        for (var i = 0; i < 5; i++)
            await Auth.SignInAsync(Jane);
        for (var i = 0; i < 20; i++)
            Assert.Equal(AuthError.RateLimited, (await Auth.TrySignInAsync(Jane)).Failure()?.Error);
        Auth.Clock.Move(TimeSpan.FromHours(1));
        await Auth.SignInAsync(Jane);
    }
}
