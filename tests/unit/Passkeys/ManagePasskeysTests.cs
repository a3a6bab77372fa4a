using System.Text.Json;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Passkeys;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Passkeys;

public sealed class ManagePasskeysTests : AuthTest
{
    private const string Jane = "jane@example.net";
    private readonly SoftAuthenticator device = new();
    private AuthUser user = null!;
    private Session session = null!;

    private async Task SignInAsync()
    {
        user = await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
    }

    private Task<Result<Ceremony>> Begin(Session? of = null) =>
        Auth.Use((ManagePasskeys flow) => flow.BeginAsync(Auth.ProvenIn(of ?? session), default));

    private Task<Result<ManagePasskeys.Passkey>> Add(
        Ceremony ceremony,
        string? credential = null,
        string? name = null,
        Session? of = null
    ) =>
        Auth.Use(
            (ManagePasskeys flow) =>
                flow.AddAsync(
                    Auth.ProvenIn(of ?? session),
                    new(ceremony.Ticket, credential ?? device.Create(ceremony), name),
                    default
                )
        );

    private Task<IReadOnlyList<ManagePasskeys.Passkey>> List() =>
        Auth.Use((ManagePasskeys flow) => flow.ListAsync(Auth.ProvenIn(session), default));

    private Task<Result> Remove(string id, Session? of = null) =>
        Auth.Use((ManagePasskeys flow) => flow.RemoveAsync(Auth.ProvenIn(of ?? session), id, default));

    private Task<Result<ManagePasskeys.Passkey>> Rename(string id, string? name) =>
        Auth.Use((ManagePasskeys flow) => flow.RenameAsync(Auth.ProvenIn(session), id, name, default));

    private async Task<AuthError?> AddError(Ceremony ceremony, string? credential = null, Session? of = null) =>
        (await Add(ceremony, credential, of: of)).Failure?.Error;

    [Fact]
    public async Task A_passkey_is_added_named_by_its_provider_and_told_of()
    {
        device.Synced = true;
        await SignInAsync();
        var other = await Auth.SignInAsync(Jane);
        var added = await Auth.PasskeyAsync(session, device);
        Assert.Equal(
            (device.Id, "Google Password Manager", true, "Google Password Manager"),
            (added.Id, added.Name, added.Synced, added.Provider)
        );
        Assert.Equal(added, Assert.Single(await List()));
        Assert.Null(await Auth.DeathOfAsync(other));
        Assert.Equal(AuditEvent.PasskeyAdded, (await Auth.AuditAsync())[^1].Event);
        var promised = await Auth.Use((AuthDbContext db) => db.Outbox.OrderByDescending(l => l.Id).FirstAsync());
        Assert.Equal(
            ("Google Password Manager", $$"""{"kind":"passkey-added","id":"{{device.Id}}"}"""),
            (promised.Detail, promised.State)
        );
        await Auth.DeliverAsync();
        Assert.Contains("A passkey was added", Auth.SubjectsTo(Jane));
    }

    [Fact]
    public async Task Its_owner_names_it()
    {
        await SignInAsync();
        var added = await Auth.PasskeyAsync(session, device, "  Key ring \U0001F511 ");
        Assert.Equal("Key ring \U0001F511", added.Name);
        Assert.False(added.Synced);
        var long200 = string.Concat(Enumerable.Repeat("\U0001F511", 200));
        Assert.Equal(long200, (await Rename(added.Id, long200)).Value?.Name);
        Assert.Equal(
            (long200, AuditEvent.PasskeyRenamed),
            (Assert.Single(await List()).Name, (await Auth.AuditAsync())[^1].Event)
        );
        foreach (var bad in new[] { null, " ", long200 + "x", "a\nb" })
            Assert.Equal("name", Assert.Single((await Rename(added.Id, bad)).Failure!.FieldErrors).Field);
        Assert.Equal(AuthError.NotFound, (await Rename("AAAA", "x")).Failure?.Error);
    }

    [Fact]
    public async Task One_of_an_unknown_make_is_simply_a_passkey()
    {
        using var plain = new SoftAuthenticator(aaguid: "00000000-0000-0000-0000-000000000000");
        await SignInAsync();
        var added = await Auth.PasskeyAsync(session, plain);
        Assert.Equal(("Passkey", null), (added.Name, added.Provider));
        Assert.Null(AuthenticatorNames.NameOf([]));
        Assert.Null(AuthenticatorNames.NameOf([0xA1, 0x68, .. "authData"u8, 0x41, 0x00]));
    }

    [Fact]
    public async Task The_options_demand_a_verified_person_and_leave_out_what_the_account_has()
    {
        await SignInAsync();
        await Auth.PasskeyAsync(session, device);
        var options = JsonElement.Parse((await Begin()).Value!.Options);
        Assert.Equal("id.example.org", options.GetProperty("rp").GetProperty("id").GetString());
        Assert.Equal(Jane, options.GetProperty("user").GetProperty("name").GetString());
        var selection = options.GetProperty("authenticatorSelection");
        Assert.Equal(
            ("required", "required"),
            (selection.GetProperty("residentKey").GetString(), selection.GetProperty("userVerification").GetString())
        );
        Assert.Equal(
            device.Id,
            Assert.Single(options.GetProperty("excludeCredentials").EnumerateArray()).GetProperty("id").GetString()
        );
    }

    [Fact]
    public async Task Every_write_needs_a_recent_proof_and_an_add_only_where_it_begins()
    {
        await SignInAsync();
        await Auth.PasskeyAsync(session, device);
        using var second = new SoftAuthenticator();
        Auth.Clock.Move(TimeSpan.FromMinutes(14));
        var begun = (await Begin()).Value!;
        Auth.Clock.Move(TimeSpan.FromMinutes(2));
        Assert.Equal(AuthError.StepUpRequired, (await Begin()).Failure?.Error);
        Assert.Equal(AuthError.StepUpRequired, (await Rename(device.Id, "x")).Failure?.Error);
        Assert.Equal(AuthError.StepUpRequired, (await Remove(device.Id)).Failure?.Error);
        Assert.Equal(AuthError.StepUpRequired, await AddError(new("nonsense", ""), "{}"));
        Assert.Null(await AddError(begun, second.Create(begun))); // begun while it was recent
        Assert.Equal(2, (await List()).Count);
    }

    [Fact]
    public async Task An_api_key_may_not()
    {
        await SignInAsync();
        var key = (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("backup"), default)))
            .Value!
            .Session;
        Assert.Equal(AuthError.Forbidden, (await Begin(key)).Failure?.Error);
        Assert.Equal(
            AuthError.Forbidden,
            (await Auth.Use((Reauthenticate flow) => flow.BeginPasskeyAsync(Auth.In(key), default))).Failure?.Error
        );
        var begun = (await Begin()).Value!;
        Assert.Equal(AuthError.Forbidden, await AddError(begun, of: key));
        Assert.Equal(AuthError.Forbidden, (await Remove("AAAA", key)).Failure?.Error);
    }

    [Fact]
    public async Task An_account_without_a_name_gets_none()
    {
        var guest = Assert
            .IsType<SignInOutcome.SignedIn>(
                await Auth.Use(
                    (SignInAnonymously flow) => flow.BeginAsync(Auth.Caller, null, SessionKind.Api, null, default)
                )
            )
            .Session;
        Assert.Equal(AuthError.Forbidden, (await Begin(guest)).Failure?.Error);
    }

    [Fact]
    public async Task A_ticket_adds_one_passkey_to_the_account_and_session_that_asked()
    {
        await SignInAsync();
        await Auth.MemberAsync("john@example.net");
        var (elsewhere, john) = (await Auth.SignInAsync(Jane), await Auth.SignInAsync("john@example.net"));
        var begun = (await Begin()).Value!;
        Assert.Equal(AuthError.PasskeyFailed, await AddError(begun, of: john));
        Assert.Equal(AuthError.PasskeyFailed, await AddError(begun, of: elsewhere));
        Assert.Null(await AddError(begun));
        using var second = new SoftAuthenticator();
        Assert.Equal(AuthError.PasskeyFailed, await AddError(begun, second.Create(begun)));
        Assert.Single(await List());
    }

    [Fact]
    public async Task A_credential_of_somebody_else_is_not_taken_over()
    {
        await SignInAsync();
        await Auth.PasskeyAsync(session, device);
        await Auth.MemberAsync("john@example.net");
        var john = await Auth.SignInAsync("john@example.net");
        using var copy = new SoftAuthenticator { CredentialId = device.CredentialId };
        var begun = (await Begin(john)).Value!;
        Assert.Equal(AuthError.PasskeyFailed, await AddError(begun, copy.Create(begun), john));
    }

    [Fact]
    public async Task Wrong_origin_person_party_or_challenge_adds_nothing()
    {
        await SignInAsync();
        Action<SoftAuthenticator>[] wrongs =
        [
            d => d.Origin = "https://evil.example",
            d => d.TopOrigin = "https://evil.example",
            d => d.UserVerified = false,
            d => d.RelyingParty = "evil.example",
        ];
        foreach (var wrong in wrongs)
        {
            using var bad = new SoftAuthenticator();
            wrong(bad);
            var begun = (await Begin()).Value!;
            Assert.Equal(AuthError.PasskeyFailed, await AddError(begun, bad.Create(begun)));
        }
        var (one, two) = ((await Begin()).Value!, (await Begin()).Value!);
        Assert.Equal(AuthError.PasskeyFailed, await AddError(one, device.Create(two)));
        Assert.Equal(AuthError.PasskeyFailed, await AddError(one, "{}"));
        Assert.Empty(await List());
        Assert.Equal(AuditEvent.PasskeyRefused, (await Auth.AuditAsync())[^1].Event);
    }

    [Fact]
    public async Task There_is_an_end_to_them()
    {
        await SignInAsync();
        for (var i = 0; i < ManagePasskeys.Most; i++)
        {
            using var one = new SoftAuthenticator();
            await Auth.PasskeyAsync(session, one);
        }
        var refusal = (await Add((await Begin()).Value!)).Failure!;
        Assert.Equal(
            (AuthError.Conflict, new FieldError("passkeys", FieldErrorCode.TooLong, ManagePasskeys.Most)),
            (refusal.Error, Assert.Single(refusal.FieldErrors))
        );
    }

    [Fact]
    public async Task A_removed_passkey_takes_other_sessions_tickets_and_remembered_browsers_with_it()
    {
        await SignInAsync();
        await Auth.PasskeyAsync(session, device, "the old phone");
        var other = await Auth.SignInAsync(Jane);
        await Auth.AuthenticatorAsync(user);
        var half = await Auth.TicketAsync(Jane);
        var (proof, creation) = (
            (await Auth.Use((Reauthenticate flow) => flow.BeginPasskeyAsync(Auth.In(session), default))).Value!,
            (await Begin()).Value!
        );
        await Auth.Use(
            async (AuthDbContext db) =>
            {
                var now = Auth.Clock.GetUtcNow();
                db.TrustedDevices.Add(
                    new()
                    {
                        Id = "d",
                        UserId = user.Id,
                        CreatedAt = now,
                        LastSeenAt = now,
                        EndsAt = now.AddDays(1),
                    }
                );
                await db.SaveChangesAsync();
            }
        );
        Assert.Null((await Remove(device.Id)).Failure);
        Assert.Empty(await List());
        Assert.Equal(AuthError.SessionRevoked, await Auth.DeathOfAsync(other));
        Assert.Null(await Auth.DeathOfAsync(session));
        Assert.Equal(0, (await Auth.RowsAsync())["TrustedDevices"]);
        Assert.Null(await Auth.Use((VerifySecondFactor flow) => flow.PreviewAsync(Auth.Caller, half, default)));
        await Auth.Use(
            async (OneTimeTokens tokens) =>
            {
                Assert.NotNull(
                    (await tokens.FindAsync(Auth.Caller, TokenPurpose.PasskeyAssertion, proof.Ticket, default)).Failure
                );
                Assert.NotNull(
                    (
                        await tokens.FindAsync(Auth.Caller, TokenPurpose.PasskeyCreation, creation.Ticket, default)
                    ).Failure
                );
            }
        );
        await Auth.DeliverAsync();
        Assert.Contains("the old phone", Auth.LastEmailTo(Jane).Content.Text, StringComparison.Ordinal);
        Assert.Equal(AuditEvent.PasskeyRemoved, (await Auth.AuditAsync())[^1].Event);
        Assert.Equal(AuthError.NotFound, (await Remove(device.Id)).Failure?.Error);
    }

    [Fact]
    public async Task Who_did_not_add_or_remove_it_takes_it_back_by_the_email()
    {
        device.Counter = 1;
        await SignInAsync();
        await Auth.PasskeyAsync(session, device);
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        Assert.Null((await Remove(device.Id)).Failure);
        Assert.Null((await RevertAsync()).Failure);
        device.Counter++;
        var ceremony = await Auth.CeremonyAsync();
        session = Assert
            .IsType<SignInOutcome.SignedIn>(
                await Auth.Use(
                    (SignInWithPasskey flow) =>
                        flow.FinishAsync(
                            Auth.Caller,
                            new(ceremony.Ticket, device.Get(ceremony), SessionKind.Browser),
                            default
                        )
                )
            )
            .Session;
        using var strangers = new SoftAuthenticator();
        await Auth.PasskeyAsync(session, strangers);
        Assert.Null((await RevertAsync()).Failure);
        Assert.Equal(device.Id, Assert.Single(await List()).Id);

        async Task<Result<RevertChange.RevertPreview>> RevertAsync()
        {
            await Auth.DeliverAsync();
            var link = LinkTokenIn(
                Auth.Mail.Sent.Last(m => m.Content.Subject.Contains("passkey", StringComparison.Ordinal))
            );
            return await Auth.Use((RevertChange flow) => flow.RevertAsync(Auth.Caller, link, default));
        }
    }

    [Fact]
    public async Task Anothers_passkey_is_not_found()
    {
        await SignInAsync();
        await Auth.PasskeyAsync(session, device);
        await Auth.MemberAsync("john@example.net");
        var john = await Auth.SignInAsync("john@example.net");
        Assert.Equal(AuthError.NotFound, (await Remove(device.Id, john)).Failure?.Error);
        Assert.Single(await List());
    }

    [Fact]
    public async Task The_last_way_in_stays()
    {
        await SignInAsync();
        using var second = new SoftAuthenticator();
        await Auth.PasskeyAsync(session, device);
        await Auth.PasskeyAsync(session, second);
        await Auth.Use(
            (AuthDbContext db) =>
                db.Users.ExecuteUpdateAsync(set => set.SetProperty(u => u.PasswordHash, (string?)null))
        );
        Assert.Null((await Remove(second.Id)).Failure);
        var refusal = (await Remove(device.Id)).Failure!;
        Assert.Equal(
            (AuthError.Conflict, new FieldError("id", FieldErrorCode.LastWayIn)),
            (refusal.Error, Assert.Single(refusal.FieldErrors))
        );
        Assert.Single(await List());
    }
}
