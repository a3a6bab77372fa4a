using System.Text.Json;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passkeys;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Passkeys;

public sealed class SignInWithPasskeyTests : AuthTest
{
    private const string Jane = "jane@example.net";
    private readonly SoftAuthenticator device = new() { Counter = 1 };
    private AuthUser user = null!;
    private Session session = null!;

    private async Task EnrolAsync()
    {
        user = await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        await Auth.PasskeyAsync(session, device);
        device.Counter++;
    }

    private Task<SignInOutcome> Finish(string? ticket, string? credential, SessionKind door = SessionKind.Browser) =>
        Auth.Use((SignInWithPasskey flow) => flow.FinishAsync(Auth.Caller, new(ticket, credential, door), default));

    private async Task<Session> SignedInAsync(Ceremony ceremony) =>
        Assert.IsType<SignInOutcome.SignedIn>(await Finish(ceremony.Ticket, device.Get(ceremony))).Session;

    private async Task RefusedAsync(Ceremony ceremony, string credential)
    {
        Assert.Equal(AuthError.PasskeyFailed, (await Finish(ceremony.Ticket, credential)).Failure()?.Error);
        Assert.Equal(AuditEvent.PasskeyRefused, (await Auth.AuditAsync())[^1].Event);
    }

    [Theory]
    [InlineData(false, "hwk user mfa")]
    [InlineData(true, "swk user mfa")]
    public async Task A_passkey_signs_in_as_two_factors_without_a_name(bool synced, string methods)
    {
        device.Synced = synced;
        await EnrolAsync();
        await Auth.AuthenticatorAsync(user); // asked for after a password, not after a passkey
        var begun = await SignedInAsync(await Auth.CeremonyAsync());
        Assert.Equal((user.Id, methods), (begun.UserId, begun.Methods));
        Assert.Equal(AuditEvent.SignedIn, (await Auth.AuditAsync())[^1].Event);
    }

    [Fact]
    public async Task The_use_and_the_counter_are_written_down()
    {
        await EnrolAsync();
        Auth.Clock.Move(TimeSpan.FromHours(1));
        device.Counter = 7;
        await SignedInAsync(await Auth.CeremonyAsync());
        Assert.Equal(
            7u,
            (await Auth.Use((AuthDbContext db) => db.UserPasskeys.AsNoTracking().SingleAsync())).Data.SignCount
        );
        Assert.Equal(
            Auth.Clock.GetUtcNow(),
            Assert
                .Single(await Auth.Use((ManagePasskeys flow) => flow.ListAsync(Auth.ProvenIn(session), default)))
                .LastUsedAt
        );
    }

    [Fact]
    public async Task The_options_are_the_same_whoever_there_is()
    {
        var before = await Auth.CeremonyAsync();
        await EnrolAsync();
        Assert.Equal(Shape(before), Shape(await Auth.CeremonyAsync()));

        static string Shape(Ceremony ceremony)
        {
            var options = JsonElement.Parse(ceremony.Options);
            Assert.Empty(options.GetProperty("allowCredentials").EnumerateArray());
            Assert.Equal(
                ("id.example.org", "required"),
                (options.GetProperty("rpId").GetString(), options.GetProperty("userVerification").GetString())
            );
            return ceremony.Options.Replace(
                options.GetProperty("challenge").GetString()!,
                "",
                StringComparison.Ordinal
            );
        }
    }

    [Fact]
    public async Task An_answer_opens_one_session_and_never_again()
    {
        device.Counter = 0; // one that does not count, so that only the ticket can tell
        user = await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        await Auth.PasskeyAsync(session, device);
        var ceremony = await Auth.CeremonyAsync();
        var credential = device.Get(ceremony);
        Assert.Null((await Finish(ceremony.Ticket, credential)).Failure());
        await RefusedAsync(ceremony, credential);
        await RefusedAsync(await Auth.CeremonyAsync(), credential); // another ticket's challenge
    }

    [Fact]
    public async Task A_ticket_lives_five_minutes_and_five_tries()
    {
        await EnrolAsync();
        var old = await Auth.CeremonyAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(5));
        await RefusedAsync(old, device.Get(old));
        var tried = await Auth.CeremonyAsync();
        for (var i = 0; i < OneTimeTokens.MaximumAttempts; i++)
            await RefusedAsync(tried, SoftAuthenticator.Forged(device.Get(tried)));
        await RefusedAsync(tried, device.Get(tried));
        Assert.Equal(user.Id, (await Auth.AuditAsync())[^1].UserId); // its owner sees that
        Assert.Null(await Auth.Use((SignInWithPasskey flow) => flow.UnknownAsync(device.Get(tried), default)));
    }

    [Theory]
    [InlineData("https://evil.example")]
    [InlineData("http://id.example.org")]
    [InlineData("https://id.example.org:8443")]
    [InlineData("https://id.example.org.evil.example")]
    public async Task Another_origin_is_refused(string origin)
    {
        await EnrolAsync();
        device.Origin = origin;
        var ceremony = await Auth.CeremonyAsync();
        await RefusedAsync(ceremony, device.Get(ceremony));
    }

    [Fact]
    public async Task An_answer_from_inside_a_foreign_page_is_refused()
    {
        await EnrolAsync();
        device.TopOrigin = "https://evil.example";
        var ceremony = await Auth.CeremonyAsync();
        await RefusedAsync(ceremony, device.Get(ceremony));
    }

    [Fact]
    public async Task Another_relying_party_is_refused()
    {
        await EnrolAsync();
        device.RelyingParty = "evil.example";
        var ceremony = await Auth.CeremonyAsync();
        await RefusedAsync(ceremony, device.Get(ceremony));
    }

    [Fact]
    public async Task Without_the_person_verified_a_passkey_is_one_factor_and_refused()
    {
        await EnrolAsync();
        device.UserVerified = false;
        var ceremony = await Auth.CeremonyAsync();
        await RefusedAsync(ceremony, device.Get(ceremony));
    }

    [Theory]
    [InlineData(5u, 5u)]
    [InlineData(5u, 4u)]
    [InlineData(5u, 0u)]
    public async Task A_counter_that_goes_back_is_refused_and_its_owner_sees_it(uint seen, uint shown)
    {
        await EnrolAsync();
        device.Counter = seen;
        await SignedInAsync(await Auth.CeremonyAsync());
        device.Counter = shown;
        var ceremony = await Auth.CeremonyAsync();
        await RefusedAsync(ceremony, device.Get(ceremony));
        Assert.Equal(user.Id, (await Auth.AuditAsync())[^1].UserId);
    }

    [Fact]
    public async Task A_passkey_nobody_has_is_refused_and_told_apart_only_to_whoever_has_it()
    {
        await EnrolAsync();
        device.CredentialId = new byte[32];
        var ceremony = await Auth.CeremonyAsync();
        var credential = device.Get(ceremony);
        await RefusedAsync(ceremony, credential);
        Assert.Null((await Auth.AuditAsync())[^1].UserId);
        Assert.Equal(device.Id, await Auth.Use((SignInWithPasskey flow) => flow.UnknownAsync(credential, default)));
    }

    [Fact]
    public async Task A_removed_passkey_is_refused_also_where_its_sign_in_had_begun()
    {
        await EnrolAsync();
        var ceremony = await Auth.CeremonyAsync();
        Assert.Null(
            (
                await Auth.Use((ManagePasskeys flow) => flow.RemoveAsync(Auth.ProvenIn(session), device.Id, default))
            ).Failure
        );
        await RefusedAsync(ceremony, device.Get(ceremony));
    }

    [Fact]
    public async Task A_locked_account_is_told_so_only_on_its_passkey()
    {
        await EnrolAsync();
        await Auth.ChangeUserAsync(user.Id, u => u.LockedAt = Auth.Clock.GetUtcNow());
        var ceremony = await Auth.CeremonyAsync();
        Assert.Equal(
            AuthError.PasskeyFailed,
            (await Finish(ceremony.Ticket, SoftAuthenticator.Forged(device.Get(ceremony)))).Failure()?.Error
        );
        Assert.Equal(AuthError.AccountLocked, (await Finish(ceremony.Ticket, device.Get(ceremony))).Failure()?.Error);
    }

    [Fact]
    public async Task Where_addresses_must_be_verified_an_unverified_account_gets_no_session()
    {
        await EnrolAsync();
        await Auth.ChangeUserAsync(user.Id, u => u.EmailConfirmed = false);
        await Auth.RestartAsync(("SignIn:RequireVerifiedEmail", "true"));
        var ceremony = await Auth.CeremonyAsync();
        Assert.Equal(
            AuthError.EmailNotVerified,
            (await Finish(ceremony.Ticket, device.Get(ceremony))).Failure()?.Error
        );
    }

    [Fact]
    public async Task Two_tabs_and_a_pending_second_factor_leave_each_other_alone()
    {
        await EnrolAsync();
        var secret = await Auth.AuthenticatorAsync(user);
        var half = await Auth.TicketAsync(Jane);
        var (first, second) = (await Auth.CeremonyAsync(), await Auth.CeremonyAsync());
        await SignedInAsync(first);
        device.Counter++;
        await SignedInAsync(second);
        var given = await Auth.Use(
            (VerifySecondFactor flow) => flow.VerifyAsync(Auth.Caller, new(half, Auth.CodeOf(secret), null), default)
        );
        Assert.IsType<SignInOutcome.SignedIn>(given.Outcome);
    }

    [Fact]
    public async Task A_ticket_of_another_kind_signs_nobody_in()
    {
        await EnrolAsync();
        var proof = (await Auth.Use((Reauthenticate flow) => flow.BeginPasskeyAsync(Auth.In(session), default))).Value!;
        await RefusedAsync(proof, device.Get(proof));
        var creation = (
            await Auth.Use((ManagePasskeys flow) => flow.BeginAsync(Auth.ProvenIn(session), default))
        ).Value!;
        await RefusedAsync(creation, device.Get(creation));
    }

    [Fact]
    public async Task Ceremonies_begun_are_counted_for_the_network()
    {
        await Auth.RestartAsync(("Throttle:PasskeyPerAddress", "2"));
        for (var i = 0; i < 2; i++)
            await Auth.CeremonyAsync();
        var third = await Auth.Use((SignInWithPasskey flow) => flow.BeginAsync(Auth.Caller, default));
        Assert.Equal(AuthError.RateLimited, third.Failure?.Error);
        Assert.NotNull(third.Failure!.RetryAfter);
        Assert.Null(
            (
                await Auth.Use(
                    (SignInWithPasskey flow) => flow.BeginAsync(Auth.Caller with { Address = "198.51.100.9" }, default)
                )
            ).Failure
        );
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("not json")]
    [InlineData("""{"id":5,"type":"public-key","response":{}}""")]
    [InlineData("""{"id":"\ud800","rawId":"\ud800","type":"public-key","response":{}}""")]
    [InlineData(
        """{"id":"AAAA","rawId":"AAAA","type":"public-key","clientExtensionResults":{},"response":{"clientDataJSON":"AAAA","authenticatorData":"AAAA","signature":"","userHandle":"AA"}}"""
    )]
    public async Task What_is_no_answer_is_refused(string credential)
    {
        await EnrolAsync();
        await RefusedAsync(await Auth.CeremonyAsync(), credential);
    }

    [Fact]
    public async Task What_is_missing_is_named()
    {
        Assert.Equal("ticket", Assert.Single((await Finish("", "{}")).Failure()!.FieldErrors).Field);
        Assert.Equal("credential", Assert.Single((await Finish("t", null)).Failure()!.FieldErrors).Field);
    }
}
