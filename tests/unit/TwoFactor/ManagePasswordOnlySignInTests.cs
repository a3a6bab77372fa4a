using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Administration;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.ExternalLogins;
using BlazorAuth.Core.Passkeys;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.TwoFactor;

public sealed class ManagePasswordOnlySignInTests : AuthTest
{
    private const string Jane = "jane@example.net";
    private readonly SoftAuthenticator device = new();
    private AuthUser user = null!;
    private Session session = null!;

    private async Task JaneAsync(bool administrator = false)
    {
        user = await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        if (administrator)
            await Auth.Use(
                async (AuthDbContext db) =>
                {
                    db.UserRoles.Add(new() { UserId = user.Id, RoleId = AuthDbContext.Administrator });
                    await db.SaveChangesAsync();
                }
            );
        await Auth.PasskeyAsync(session, device);
    }

    private Task<Result<ManagePasswordOnlySignIn.State>> ChooseAsync(bool? allowed, Caller? caller = null) =>
        Auth.Use(
            (ManagePasswordOnlySignIn flow) => flow.ChooseAsync(caller ?? Auth.ProvenIn(session), allowed, default)
        );

    private async Task<IReadOnlyList<string>?> MethodsAsync() =>
        await Auth.TrySignInAsync(Jane) is SignInOutcome.NeedsSecondFactor due ? due.Methods : null;

    [Fact]
    public async Task Who_has_a_passkey_may_have_it_asked_for_after_the_password()
    {
        await JaneAsync();
        Assert.Null(await MethodsAsync());
        var other = await Auth.SignInAsync(Jane);
        Assert.Equal(new ManagePasswordOnlySignIn.State(false, true), (await ChooseAsync(false)).Value);
        Assert.Equal(["passkey"], (await MethodsAsync())!);
        Assert.NotNull(await Auth.DeathOfAsync(other));
        Assert.Null(await Auth.DeathOfAsync(session));
        var ceremony = await Auth.CeremonyAsync();
        var outcome = await Auth.Use(
            (SignInWithPasskey flow) =>
                flow.FinishAsync(Auth.Caller, new(ceremony.Ticket, device.Get(ceremony), SessionKind.Browser), default)
        );
        Assert.True(Auth.In(Assert.IsType<SignInOutcome.SignedIn>(outcome).Session).TwoFactors);
    }

    [Fact]
    public async Task The_choice_needs_a_proof_by_a_factor()
    {
        await JaneAsync();
        Assert.Equal(AuthError.StepUpRequired, (await ChooseAsync(false, Auth.In(session))).Failure?.Error);
        Assert.Equal(
            AuthError.Forbidden,
            (await ChooseAsync(false, Auth.In(session) with { ByKey = true })).Failure?.Error
        );
        Assert.Equal(AuthError.ValidationFailed, (await ChooseAsync(null)).Failure?.Error);
        Assert.NotNull((await ChooseAsync(false)).Value);
        Assert.Equal(AuthError.StepUpRequired, (await ChooseAsync(true, Auth.In(session))).Failure?.Error);
        Assert.NotNull((await ChooseAsync(true)).Value);
        Assert.Null(await MethodsAsync());
    }

    [Fact]
    public async Task Without_a_passkey_there_is_nothing_to_ask_for()
    {
        await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        Assert.Equal(AuthError.Conflict, (await ChooseAsync(false)).Failure?.Error);
    }

    [Fact]
    public async Task An_administrators_passkey_is_always_asked_for()
    {
        await JaneAsync(administrator: true);
        Assert.Equal(["passkey"], (await MethodsAsync())!);
        Assert.Equal(AuthError.Forbidden, (await ChooseAsync(true)).Failure?.Error);
        Assert.Equal(["passkey"], (await MethodsAsync())!);
    }

    [Fact]
    public async Task With_the_last_passkey_the_choice_falls_away_and_undo_brings_both_back()
    {
        await JaneAsync();
        await ChooseAsync(false);
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        var id = (await Auth.Use((Core.Passkeys.ManagePasskeys flow) => flow.ListAsync(Auth.In(session), default)))[
            0
        ].Id;
        Assert.Null(
            (
                await Auth.Use(
                    (Core.Passkeys.ManagePasskeys flow) => flow.RemoveAsync(Auth.ProvenIn(session), id, default)
                )
            ).Failure
        );
        Assert.Null(await MethodsAsync()); // nobody is locked out
        await Auth.DeliverAsync();
        var undo = LinkTokenIn(
            Auth.Mail.Sent.Last(m =>
                m.To == Jane && m.Content.Subject.Contains("passkey was removed", StringComparison.Ordinal)
            )
        );
        Assert.Null((await Auth.Use((RevertChange flow) => flow.RevertAsync(Auth.Caller, undo, default))).Failure);
        var reset = await Auth.ResetLinkAsync(Jane);
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, reset, Password, default))).Failure
        );
        Assert.Equal(["passkey"], (await MethodsAsync())!);
    }

    [Fact]
    public async Task A_notice_tells_that_the_password_alone_signs_in_again_and_takes_it_back()
    {
        await JaneAsync();
        await ChooseAsync(false);
        await ChooseAsync(true);
        await Auth.DeliverAsync();
        var undo = LinkTokenIn(
            Auth.Mail.Sent.Last(m =>
                m.To == Jane && m.Content.Subject.EndsWith("A password alone signs in again", StringComparison.Ordinal)
            )
        );
        Assert.Null((await Auth.Use((RevertChange flow) => flow.RevertAsync(Auth.Caller, undo, default))).Failure);
        Assert.True((await Auth.UserAsync(Jane)).PasskeyAfterPassword);
    }

    [Fact]
    public async Task A_factor_enrolled_by_the_password_alone_makes_nobody_an_administrator_of_two_factors()
    {
        await JaneAsync(administrator: true);
        var thief = Auth.In(session); // from before the passkey, signed in by password alone
        Assert.Equal(
            AuthError.StepUpRequired,
            (await Auth.Use((ManageAuthenticator flow) => flow.BeginAsync(thief, default))).Failure?.Error
        );
        Assert.Equal(
            AuthError.StepUpRequired,
            (await Auth.Use((Core.Passkeys.ManagePasskeys flow) => flow.BeginAsync(thief, default))).Failure?.Error
        );
        Assert.Equal(
            AuthError.StepUpRequired,
            (await Auth.Use((SignInWithProvider flow) => flow.AskToLinkAsync(thief, default))).Failure?.Error
        );
        Assert.Equal(
            AuthError.StepUpRequired,
            (await Auth.Use((ManageAccounts flow) => flow.ListAsync(thief, new(), default))).Failure?.Error
        );
    }

    [Fact]
    public async Task What_was_begun_before_the_account_had_a_factor_adds_none_afterwards()
    {
        await Auth.MemberAsync(Jane);
        var thief = await Auth.SignInAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        var app = (await Auth.Use((ManageAuthenticator flow) => flow.BeginAsync(Auth.In(thief), default))).Value!;
        using var thiefs = new SoftAuthenticator();
        var passkey = (
            await Auth.Use((Core.Passkeys.ManagePasskeys flow) => flow.BeginAsync(Auth.In(thief), default))
        ).Value!;
        await Auth.PasskeyAsync(session, device);
        Assert.Equal(
            AuthError.StepUpRequired,
            (
                await Auth.Use(
                    (ManageAuthenticator flow) => flow.ConfirmAsync(Auth.In(thief), Auth.CodeOf(SecretOf(app)), default)
                )
            )
                .Failure
                ?.Error
        );
        Assert.Equal(
            AuthError.StepUpRequired,
            (
                await Auth.Use(
                    (Core.Passkeys.ManagePasskeys flow) =>
                        flow.AddAsync(Auth.In(thief), new(passkey.Ticket, thiefs.Create(passkey)), default)
                )
            )
                .Failure
                ?.Error
        );
    }
}
