using System.Net;
using System.Text.Json;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Accounts;

public sealed class ExportAccountTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private Task<Result<ExportAccount.Export>> ExportAsync(Session session) =>
        Auth.Use((ExportAccount flow) => flow.ExportAsync(Auth.In(session), default));

    [Fact]
    public async Task An_owner_gets_everything_that_names_them_and_nothing_of_anybody_else()
    {
        await Auth.MemberAsync("john@example.net");
        await Auth.SignInAsync("john@example.net");
        var user = await Auth.MemberAsync(Jane, username: "jane");
        var session = await Auth.SignInAsync(Jane);
        await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("the backup"), default));
        var export = (await ExportAsync(session)).Value!;
        Assert.Equal(
            (user.Id, Jane, "jane", true, false),
            (
                export.Account.Id,
                export.Account.Email,
                export.Account.Username,
                export.HasPassword,
                export.HasAuthenticator
            )
        );
        Assert.Equal(["the backup", null], export.Sessions.Select(s => s.Description).OrderDescending());
        Assert.Contains(export.Activity, e => e.Event == AuditEvent.Registered);
        Assert.DoesNotContain("john", JsonSerializer.Serialize(export), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_in_it_opens_anything()
    {
        var user = await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var pair = await Auth.ApiPairAsync(Jane);
        var key = (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("ci"), default))).Value!.Key;
        var app = await Auth.AuthenticatorAsync(user);
        var text = JsonSerializer.Serialize((await ExportAsync(session)).Value!);
        var row = await Auth.UserAsync(Jane);
        var wrapped = await Auth.Use((AuthDbContext db) => db.Authenticators.Select(a => a.Wrapped).SingleAsync());
        Assert.NotNull(app);
        foreach (
            var secret in new[]
            {
                row.PasswordHash!,
                row.SecurityStamp!,
                row.ConcurrencyStamp!,
                pair.AccessToken,
                pair.RefreshToken,
                key,
                Convert.ToBase64String(wrapped),
            }
        )
            Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_recent_proof_is_asked_for_and_a_key_gives_none()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var key = (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("ci"), default)))
            .Value!
            .Session;
        Assert.Equal(AuthError.Forbidden, (await ExportAsync(key)).Failure?.Error);
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        Assert.Equal(AuthError.StepUpRequired, (await ExportAsync(session)).Failure?.Error);
        Assert.DoesNotContain(await Auth.AuditAsync(), e => e.Event == AuditEvent.Exported);
    }

    [Fact]
    public async Task The_page_asks_who_it_is_and_then_gives_the_file()
    {
        await Auth.MemberAsync(Jane);
        var site = await Auth.SiteAsync();
        try
        {
            var visitor = new Visitor(site);
            Assert.Equal(302, (await visitor.SendAsync(new(HttpMethod.Get, "/account/export"))).Status);
            await visitor.SignInAsync(Jane, Password);
            Auth.Clock.Move(TimeSpan.FromMinutes(16));
            var asked = await visitor.SendAsync(new(HttpMethod.Get, "/account/export"));
            Assert.Equal("/account/step-up?returnUrl=%2Faccount%2Fexport", asked.Location);
            var back = await visitor.FillInAsync(asked.Location!, "step-up", ("current-password", Password));
            var file = await visitor.SendAsync(new(HttpMethod.Get, back.Location));
            Assert.Equal((200, "no-store"), (file.Status, file.Header("Cache-Control")));
            Assert.Contains("attachment", file.Header("Content-Disposition"), StringComparison.Ordinal);
            Assert.Equal(
                Jane,
                JsonDocument.Parse(file.Body).RootElement.GetProperty("account").GetProperty("email").GetString()
            );

            var token = (await Auth.ApiPairAsync(Jane)).AccessToken;
            using var answer = await site.SendAsync(HttpMethod.Get, "/api/account/export", bearer: token);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Equal("account.json", answer.Content.Headers.ContentDisposition!.FileName!.Trim('"'));
        }
        finally
        {
            await ((IAsyncLifetime)site).DisposeAsync();
        }
    }
}
