using System.Net;
using System.Net.Http.Json;
using BlazorAuth.Core;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Sessions;

/// <summary>A stranger's wrong passwords do not keep the owner out of a browser that the account knows.</summary>
public sealed class KnownDevicesTests() : AuthTest(Store.File)
{
    private const string Jane = "jane@example.net",
        Wrong = "not the password";

    private KnownDevices Devices => Auth.Services.GetRequiredService<KnownDevices>();

    private async Task<AuthError?> SignInAsync(string password, string? device, string? agent = null) =>
        (
            await Auth.Use(
                (SignInWithPassword flow) =>
                    flow.WithPasswordAsync(
                        Auth.Caller with
                        {
                            Agent = agent ?? Auth.Caller.Agent,
                        },
                        new(Jane, password, SessionKind.Browser, KnownDevice: device),
                        default
                    )
            )
        )
            .Failure()
            ?.Error;

    [Fact]
    public async Task A_known_device_signs_in_while_a_stranger_has_used_up_the_account()
    {
        var user = await Auth.MemberAsync(Jane);
        var device = Devices.Note(null, user.Id);
        for (var i = 0; i < 20; i++)
            await SignInAsync(Wrong, null);
        Assert.Equal(AuthError.RateLimited, await SignInAsync(Password, null));
        Assert.Null(await SignInAsync(Password, device));
        // And the stranger has not won another ten by that.
        Assert.Equal(AuthError.RateLimited, await SignInAsync(Password, null));
    }

    [Fact]
    public async Task Guesses_on_a_known_device_are_limited_as_well()
    {
        var user = await Auth.MemberAsync(Jane);
        var device = Devices.Note(null, user.Id);
        var before = Auth.Hashes.Verified;
        for (var i = 0; i < 30; i++)
            await SignInAsync(Wrong, device);
        Assert.Equal(10, Auth.Hashes.Verified - before);
        Assert.Null(await SignInAsync(Password, Devices.Note(null, user.Id)));
    }

    [Fact]
    public async Task Another_accounts_device_and_a_made_up_one_are_a_strangers()
    {
        var john = await Auth.MemberAsync("john@example.net");
        var user = await Auth.MemberAsync(Jane);
        for (var i = 0; i < 10; i++)
            await SignInAsync(Wrong, null);
        var good = Devices.Note(null, user.Id);
        foreach (
            var device in new[]
            {
                Devices.Note(null, john.Id),
                Devices.Note(null, Jane),
                good[..^1] + (good[^1] == 'A' ? 'B' : 'A'),
                "",
                ".",
                "x.y",
                new string('.', 500),
                TokenCodec.Random(16) + good[good.IndexOf('.', StringComparison.Ordinal)..],
            }
        )
            Assert.Equal(AuthError.RateLimited, await SignInAsync(Password, device));
    }

    [Fact]
    public async Task Strangers_leave_known_devices_the_last_of_the_hundred_and_all_together_there_are_no_more()
    {
        await Auth.RestartAsync(("Throttle:SignInPerAccount", "1000"), ("Throttle:SignInPerAddress", "1000"));
        var user = await Auth.MemberAsync(Jane);
        var device = Devices.Note(null, user.Id);
        for (var i = 0; i < 120; i++)
            await SignInAsync(Wrong, null);
        Assert.Equal(AuthError.InvalidCredentials, await SignInAsync(Password, null));
        Assert.Null(await SignInAsync(Password, device));

        for (var i = 0; i < 120; i++)
            await SignInAsync(Wrong, null);
        for (var i = 0; i < 20; i++)
            await SignInAsync(Wrong, device);
        Assert.Equal(AuthError.InvalidCredentials, await SignInAsync(Password, device));
    }

    [Fact]
    public async Task A_signed_in_owner_confirms_their_password_while_a_stranger_has_used_up_the_account()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        for (var i = 0; i < 20; i++)
            await SignInAsync(Wrong, null);
        Assert.Null(
            (
                await Auth.Use(
                    (ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default)
                )
            ).Failure
        );
    }

    [Fact]
    public void What_the_browser_keeps_tells_no_account_and_holds_a_few()
    {
        var ids = Enumerable.Range(0, 8).Select(_ => Guid.CreateVersion7().ToString()).ToList();
        string? cookie = null;
        foreach (var id in ids)
            cookie = Devices.Note(cookie, id);
        Assert.All(ids, id => Assert.DoesNotContain(id, cookie!, StringComparison.Ordinal));
        Assert.Equal(ids.TakeLast(KnownDevices.MaximumAccounts), ids.Where(id => Devices.Find(cookie, id) is not null));
        Assert.Equal(cookie, Devices.Note(cookie, ids[^1]));
        Assert.InRange(cookie!.Length, 1, 200);
    }

    [Fact]
    public async Task In_a_browser_the_owner_gets_in_by_page_and_by_script_after_signing_out()
    {
        await Auth.MemberAsync(Jane);
        await using var site = await Auth.SiteAsync();
        var owner = new Visitor(site);
        Assert.Equal(
            303,
            Redirected(
                await owner.PostAsync(
                    "/login",
                    Visitor.FormOf(await owner.GetAsync("/login"), "login"),
                    ("identifier", Jane),
                    ("current-password", Password)
                )
            )
        );
        await owner.FillInAsync("/logout", "logout");
        for (var i = 0; i < 12; i++)
            await site.Client.PostAsJsonAsync("/api/token", new { identifier = Jane, password = Wrong });
        Assert.Equal(
            HttpStatusCode.TooManyRequests,
            (await site.Client.PostAsJsonAsync("/api/token", new { identifier = Jane, password = Password })).StatusCode
        );
        Assert.Equal(
            303,
            Redirected(
                await owner.PostAsync(
                    "/login",
                    Visitor.FormOf(await owner.GetAsync("/login"), "login"),
                    ("identifier", Jane),
                    ("current-password", Password)
                )
            )
        );

        static int Redirected((int Status, string Text) answer) => answer.Status == 302 ? 303 : answer.Status;
    }
}
