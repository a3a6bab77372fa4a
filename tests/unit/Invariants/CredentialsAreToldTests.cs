using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.ExternalLogins;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using BlazorAuth.Web;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>Every credential that is added is told to its owner, and the link of that notice removes it.</summary>
public sealed class CredentialsAreToldTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private Session session = null!;
    private AuthUser user = null!;

    private async Task AddAsync(string credential)
    {
        switch (credential)
        {
            case "key":
                Assert.Null(
                    (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("backup"), default))).Failure
                );
                break;
            case "browser":
                var app = await Auth.AuthenticatorAsync(user);
                var given = await Auth.VerifyAsync(await Auth.TicketAsync(Jane), Auth.CodeOf(app), remember: true);
                Assert.NotNull(given.TrustedDevice);
                break;
            case "passkey":
                await Auth.PasskeyAsync(session, new SoftAuthenticator());
                break;
            case "app":
                await Auth.SecondFactorAsync(session);
                break;
            case "codes":
                await Auth.SecondFactorAsync(session);
                Assert.Null(
                    (
                        await Auth.Use(
                            (RegenerateRecoveryCodes flow) => flow.MakeAsync(Auth.ProvenIn(session), default)
                        )
                    ).Failure
                );
                break;
            default:
                var somebody = new SignInWithProvider.Identity(new("test", "u-1"), null, false, null);
                Assert.Null(
                    (
                        await Auth.Use(
                            (SignInWithProvider flow) =>
                                flow.LinkAsync(Auth.In(session), somebody, new(user.Id, session.Id), default)
                        )
                    ).Failure
                );
                break;
        }
        await Auth.DeliverAsync();
    }

    private Task<int> LeftAsync(string credential) =>
        Auth.Use(
            (AuthDbContext db) =>
                credential switch
                {
                    "key" => db.Sessions.CountAsync(s => s.Kind == SessionKind.Key && s.EndedAt == null),
                    "browser" => db.TrustedDevices.CountAsync(),
                    "passkey" => db.UserPasskeys.CountAsync(),
                    "app" => db.Authenticators.CountAsync(),
                    "codes" => db.RecoveryCodes.CountAsync(),
                    _ => db.UserLogins.CountAsync(),
                }
        );

    [Theory]
    [InlineData("key", "An API key was made")]
    [InlineData("browser", "A browser is remembered")]
    [InlineData("passkey", "A passkey was added")]
    [InlineData("app", "Your second factor is on")]
    [InlineData("codes", "You have new recovery codes")]
    [InlineData("provider", "A sign-in provider was linked")]
    public async Task The_owner_is_told_and_takes_it_back(string credential, string subject)
    {
        user = await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        await AddAsync(credential);
        Assert.NotEqual(0, await LeftAsync(credential));
        var notice = Auth.Mail.Sent.Last(m => m.To == Jane && m.Content.Subject == $"BlazorAuth: {subject}");
        var link = LinkTokenIn(notice);
        var plan = (await Auth.Use((RevertChange flow) => flow.PreviewAsync(Auth.Caller, link, default))).Value!;
        Assert.NotNull(BlazorAuth.Web.Messages.TakesBack(plan.Act!));
        Assert.Null((await Auth.Use((RevertChange flow) => flow.RevertAsync(Auth.Caller, link, default))).Failure);
        Assert.Equal(0, await LeftAsync(credential));
    }

    [Fact]
    public async Task Nothing_of_a_key_stands_in_its_notice()
    {
        user = await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        var made = (
            await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("www.evil.example"), default))
        ).Value!;
        await Auth.DeliverAsync();
        var letter = Auth.LastEmailTo(Jane).Content;
        foreach (var text in new[] { letter.Text, letter.Html })
        {
            Assert.DoesNotContain(made.Key, text, StringComparison.Ordinal);
            Assert.DoesNotContain("www.evil.example", text, StringComparison.Ordinal);
            Assert.Contains("www evil example", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Fifty_keys_are_told_in_a_few_emails_and_the_first_takes_all_of_them_back()
    {
        user = await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        for (var i = 0; i < 50; i++)
            Assert.Null(
                (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new($"key {i}"), default))).Failure
            );
        await Auth.DeliverAsync();
        var notices = Auth.Mail.Sent.Where(m => m.Content.Subject == "BlazorAuth: An API key was made").ToList();
        Assert.InRange(notices.Count, 1, 3);
        Assert.Null(
            (
                await Auth.Use((RevertChange flow) => flow.RevertAsync(Auth.Caller, LinkTokenIn(notices[0]), default))
            ).Failure
        );
        Assert.Equal(0, await LeftAsync("key"));
    }
}
