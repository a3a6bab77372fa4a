using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.ExternalLogins;
using BlazorAuth.Core.Passkeys;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// 'What dies when', row by row: every kind of credential is made before the event and tried after it.
/// </summary>
public abstract class WhatDiesWhenTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : WhatDiesWhenTests(Store.Memory);

    [OnPostgres]
    public sealed class OnPostgres() : WhatDiesWhenTests(Store.Postgres);

    private const string Jane = "jane@example.net";

    private AuthUser user = null!;
    private Session mine = null!,
        browser = null!;
    private RefreshTokens.Pair api = null!;
    private Session key = null!;
    private string reset = "",
        change = "";

    private sealed record After(
        AuthError? Mine,
        AuthError? MyOldCredential,
        AuthError? Browser,
        AuthError? ApiAccess,
        AuthError? ApiRefresh,
        AuthError? Reset,
        AuthError? Change,
        string Letter,
        AuthError? Key = null
    );

    private async Task EverythingAsync()
    {
        user = await Auth.MemberAsync(Jane);
        (mine, browser, api) = (
            await Auth.SignInAsync(Jane),
            await Auth.SignInAsync(Jane),
            await Auth.ApiPairAsync(Jane)
        );
        key = (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(mine), new("ci"), default))).Value!.Session;
        (reset, change) = (await Auth.ResetLinkAsync(Jane), await Auth.EmailChangeLinkAsync(mine, "other@example.net"));
    }

    // Looks only, so that the order of looking does not matter.
    private async Task<After> PreviewAsync(int? myGeneration = null)
    {
        var now = await Auth.Use((AuthDbContext db) => db.Sessions.FindAsync(mine.Id).AsTask());
        await Auth.DeliverAsync();
        return new(
            await Auth.DeathOfAsync(mine, now?.Generation),
            await Auth.DeathOfAsync(mine, myGeneration ?? 1),
            await Auth.DeathOfAsync(browser),
            await Auth.DeathOfAsync(api.Session),
            (await Auth.RefreshAsync(api.RefreshToken)).Failure?.Error,
            (await Auth.Use((ResetPassword flow) => flow.PreviewAsync(Auth.Caller, reset, default))).Failure?.Error,
            (await Auth.Use((ChangeEmail flow) => flow.PreviewAsync(Auth.Caller, change, default))).Failure?.Error,
            Auth.Mail.Sent[^1].Content.Subject.Replace("BlazorAuth: ", "", StringComparison.Ordinal),
            await Auth.DeathOfAsync(key)
        );
    }

    [StoreFact]
    public async Task Before_anything_happens_everything_lives()
    {
        await EverythingAsync();
        var now = await PreviewAsync();
        Assert.Equal(new After(null, null, null, null, null, null, null, now.Letter), now);
    }

    [StoreFact]
    public async Task Password_changed()
    {
        await EverythingAsync();
        Assert.Null(
            (
                await Auth.Use(
                    (ChangePassword flow) => flow.ChangeAsync(Auth.In(mine), Password, OtherPassword, default)
                )
            ).Failure
        );
        Assert.Equal(
            new After(
                null,
                AuthError.PasswordChanged,
                AuthError.PasswordChanged,
                AuthError.PasswordChanged,
                AuthError.PasswordChanged,
                AuthError.LinkExpired,
                AuthError.LinkExpired,
                "Your password was changed",
                AuthError.PasswordChanged
            ),
            await PreviewAsync()
        );
    }

    [StoreFact]
    public async Task Password_changed_and_keys_kept()
    {
        await EverythingAsync();
        Assert.Null(
            (
                await Auth.Use(
                    (ChangePassword flow) =>
                        flow.ChangeAsync(
                            Auth.In(mine),
                            new Reauthentication.ByPassword(Password),
                            OtherPassword,
                            endKeys: false,
                            default
                        )
                )
            ).Failure
        );
        Assert.Equal(
            new After(
                null,
                AuthError.PasswordChanged,
                AuthError.PasswordChanged,
                AuthError.PasswordChanged,
                AuthError.PasswordChanged,
                AuthError.LinkExpired,
                AuthError.LinkExpired,
                "Your password was changed"
            ),
            await PreviewAsync()
        );
    }

    [StoreFact]
    public async Task Signed_out_everywhere_else()
    {
        await EverythingAsync();
        Assert.Null((await Auth.Use((SessionStore flow) => flow.EndOthersAsync(Auth.In(mine), default))).Failure);
        var now = await PreviewAsync();
        const AuthError gone = AuthError.SessionRevoked;
        Assert.Equal(new After(null, null, gone, gone, gone, null, null, now.Letter, gone), now);
    }

    [StoreFact]
    public async Task Taken_back_as_this_was_not_me()
    {
        await EverythingAsync();
        await Auth.DeliverAsync();
        var notice = Auth.Mail.Sent.Last(m => m.To == Jane && m.Content.Subject == "BlazorAuth: An API key was made");
        Assert.Null(
            (await Auth.Use((RevertChange flow) => flow.RevertAsync(Auth.Caller, LinkTokenIn(notice), default))).Failure
        );
        const AuthError gone = AuthError.SessionRevoked;
        Assert.Equal(
            new After(
                gone,
                gone,
                gone,
                gone,
                gone,
                AuthError.LinkExpired,
                AuthError.LinkExpired,
                "Reset your password",
                gone
            ),
            await PreviewAsync()
        );
    }

    [StoreFact]
    public async Task Password_changed_over_the_api_kills_the_older_pair_of_its_own_session_at_once()
    {
        await EverythingAsync();
        var renewed = await Auth.Use(
            (ChangePassword flow) => flow.ChangeAsync(Auth.In(api.Session), Password, OtherPassword, default)
        );
        var pair = await Auth.Use((RefreshTokens flow) => flow.IssueAsync(renewed.Value!, default));
        Assert.Equal(AuthError.PasswordChanged, await Auth.DeathOfAsync(api.Session));
        Assert.Equal(AuthError.PasswordChanged, (await Auth.RefreshAsync(api.RefreshToken)).Failure?.Error);
        Assert.Null((await Auth.RefreshAsync(pair.RefreshToken)).Failure);
        Assert.Equal(AuthError.PasswordChanged, await Auth.DeathOfAsync(mine));
    }

    [StoreFact]
    public async Task Passkey_added()
    {
        await EverythingAsync();
        await Auth.PasskeyAsync(mine, new SoftAuthenticator());
        Assert.Equal(new After(null, null, null, null, null, null, null, "A passkey was added"), await PreviewAsync());
    }

    [StoreFact]
    public async Task Passkey_removed()
    {
        await EverythingAsync();
        var passkey = await Auth.PasskeyAsync(mine, new SoftAuthenticator());
        await Auth.DeliverAsync();
        Assert.Null(
            (
                await Auth.Use((ManagePasskeys flow) => flow.RemoveAsync(Auth.ProvenIn(mine), passkey.Id, default))
            ).Failure
        );
        Assert.Equal(
            new After(
                null,
                null,
                AuthError.SessionRevoked,
                AuthError.SessionRevoked,
                AuthError.SessionRevoked,
                null,
                null,
                "A passkey was removed"
            ),
            await PreviewAsync()
        );
    }

    [StoreFact]
    public async Task Provider_unlinked()
    {
        await EverythingAsync();
        var somebody = new SignInWithProvider.Identity(new("test", "u-1"), null, false, null);
        Assert.Null(
            (
                await Auth.Use(
                    (SignInWithProvider flow) => flow.LinkAsync(Auth.In(mine), somebody, new(user.Id, mine.Id), default)
                )
            ).Failure
        );
        Assert.Null(
            (await Auth.Use((SignInWithProvider flow) => flow.UnlinkAsync(Auth.In(mine), "test", default))).Failure
        );
        Assert.Equal(
            new After(
                null,
                null,
                AuthError.SessionRevoked,
                AuthError.SessionRevoked,
                AuthError.SessionRevoked,
                null,
                null,
                "A sign-in provider was unlinked"
            ),
            await PreviewAsync()
        );
    }

    [StoreFact]
    public async Task Password_reset_by_link()
    {
        await EverythingAsync();
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, reset, OtherPassword, default))).Failure
        );
        Assert.Equal(
            new After(
                AuthError.PasswordChanged,
                AuthError.PasswordChanged,
                AuthError.PasswordChanged,
                AuthError.PasswordChanged,
                AuthError.PasswordChanged,
                AuthError.LinkUsed,
                AuthError.LinkExpired,
                "Your password was reset",
                AuthError.PasswordChanged
            ),
            await PreviewAsync()
        );
    }

    [StoreFact]
    public async Task Email_changed()
    {
        await EverythingAsync();
        Assert.Null((await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(Auth.Caller, change, default))).Failure);
        Assert.Equal(
            new After(
                null,
                null,
                AuthError.SessionRevoked,
                AuthError.SessionRevoked,
                AuthError.SessionRevoked,
                AuthError.LinkExpired,
                AuthError.LinkUsed,
                "Your e-mail address was changed"
            ),
            await PreviewAsync()
        );
        Assert.Equal("Your e-mail address was changed", Auth.SubjectsTo(Jane)[^1]);
    }

    [StoreFact]
    public async Task Second_factor_added()
    {
        await EverythingAsync();
        await Auth.SecondFactorAsync(mine);
        Assert.Equal(
            new After(
                null,
                null,
                AuthError.SessionRevoked,
                AuthError.SessionRevoked,
                AuthError.SessionRevoked,
                null,
                null,
                "Your second factor is on"
            ),
            await PreviewAsync()
        );
    }

    [StoreTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Second_factor_replaced_or_removed(bool removed)
    {
        await EverythingAsync();
        var (_, app) = await Auth.SecondFactorAsync(mine);
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        var given = await Auth.VerifyAsync(await Auth.TicketAsync(Jane), Auth.CodeOf(app), remember: true);
        browser = Assert.IsType<SignInOutcome.SignedIn>(given.Outcome).Session;
        var ticket = await Auth.TicketAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        if (removed)
            Assert.Null(
                (await Auth.Use((ManageAuthenticator flow) => flow.RemoveAsync(Auth.ProvenIn(mine), default))).Failure
            );
        else
            await Auth.SecondFactorAsync(mine);
        Assert.Equal(
            new After(
                null,
                null,
                AuthError.SessionRevoked,
                AuthError.SessionRevoked,
                AuthError.SessionRevoked,
                null,
                null,
                removed ? "Your second factor is off" : "Your second factor is on"
            ),
            await PreviewAsync()
        );
        Assert.Equal(
            AuthError.TicketExpired,
            (await Auth.VerifyAsync(ticket, Auth.CodeOf(app))).Outcome.Failure()?.Error
        );
        Assert.Equal(0, (await Auth.RowsAsync())["TrustedDevices"]);
        Assert.Equal(removed ? 0 : 10, (await Auth.RowsAsync())["RecoveryCodes"]);
    }

    [StoreFact]
    public async Task Recovery_codes_made()
    {
        await EverythingAsync();
        await Auth.SecondFactorAsync(mine);
        browser = Assert
            .IsType<SignInOutcome.SignedIn>(
                (
                    await Auth.VerifyAsync(
                        await Auth.TicketAsync(Jane),
                        null,
                        (await Auth.Use((RegenerateRecoveryCodes flow) => flow.MakeAsync(Auth.ProvenIn(mine), default)))
                            .Value!
                            .Codes[0]
                    )
                ).Outcome
            )
            .Session;
        Assert.Null(
            (await Auth.Use((RegenerateRecoveryCodes flow) => flow.MakeAsync(Auth.ProvenIn(mine), default))).Failure
        );
        var now = await PreviewAsync();
        Assert.Equal(
            new After(null, null, null, AuthError.SessionRevoked, AuthError.SessionRevoked, null, null, now.Letter),
            now
        );
    }

    [StoreFact]
    public async Task Refresh()
    {
        await EverythingAsync();
        var next = (await Auth.RefreshAsync(api.RefreshToken)).Value!;
        Assert.Null(await Auth.DeathOfAsync(api.Session)); // requests under way finish
        Auth.Clock.Move(TimeSpan.FromSeconds(10));
        Assert.Equal(AuthError.AccessTokenInvalid, await Auth.DeathOfAsync(api.Session));
        Assert.Null(await Auth.DeathOfAsync(next.Session));
        Assert.Null(await Auth.DeathOfAsync(mine));
    }

    [StoreFact]
    public async Task Refresh_replay_outside_the_leeway()
    {
        await EverythingAsync();
        var next = (await Auth.RefreshAsync(api.RefreshToken)).Value!;
        Auth.Clock.Move(TimeSpan.FromMinutes(2));
        await Auth.RefreshAsync(api.RefreshToken);
        Assert.Equal(AuthError.RefreshTokenReused, await Auth.DeathOfAsync(next.Session));
        Assert.Equal(
            new After(
                null,
                null,
                null,
                AuthError.RefreshTokenReused,
                AuthError.RefreshTokenReused,
                null,
                null,
                "We ended one of your sessions"
            ),
            await PreviewAsync()
        );
    }

    [StoreFact]
    public async Task Account_closed()
    {
        await EverythingAsync();
        Assert.Null((await Auth.Use((CloseAccount flow) => flow.CloseAsync(Auth.In(mine), Password, default))).Failure);
        const AuthError gone = AuthError.SessionRevoked;
        Assert.Equal(
            new After(
                gone,
                gone,
                gone,
                gone,
                gone,
                AuthError.LinkInvalid,
                AuthError.LinkInvalid,
                "Your account was closed",
                gone
            ),
            await PreviewAsync()
        );
        Assert.Null(await Auth.FindUserAsync(user.Id));
    }

    [StoreFact]
    public async Task Signed_out()
    {
        await EverythingAsync();
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.Caller, mine.Id, default));
        var now = await PreviewAsync();
        Assert.Equal(
            new After(AuthError.SessionRevoked, AuthError.SessionRevoked, null, null, null, null, null, now.Letter),
            now
        );
    }

    [StoreFact]
    public async Task An_email_that_was_promised_before_a_password_change_opens_nothing_that_the_change_killed()
    {
        await EverythingAsync();
        await Auth.Use((ChangeEmail flow) => flow.RequestAsync(Auth.In(mine), "third@example.net", Password, default));
        await Auth.Use((ChangePassword flow) => flow.ChangeAsync(Auth.In(mine), Password, OtherPassword, default));
        await Auth.DeliverAsync();
        Assert.Empty(Auth.SubjectsTo("third@example.net"));
    }

    [StoreFact]
    public async Task Nothing_of_anybody_else_dies()
    {
        await Auth.MemberAsync("john@example.net");
        var johns = await Auth.SignInAsync("john@example.net");
        var johnsReset = await Auth.ResetLinkAsync("john@example.net");
        await EverythingAsync();
        await Auth.Use((ChangePassword flow) => flow.ChangeAsync(Auth.In(mine), Password, OtherPassword, default));
        await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, reset, OtherPassword, default));
        await Auth.Use((CloseAccount flow) => flow.CloseAsync(Auth.In(mine), Password, default));
        Assert.Null(await Auth.DeathOfAsync(johns));
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.PreviewAsync(Auth.Caller, johnsReset, default))).Failure
        );
    }
}
