using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Client;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Client;

/// <summary>What an owner does with the account through the client, against a running site.</summary>
public sealed class AccountActsTests() : AuthTest(settings: ("Throttle:SignInPerAddress", "10000")), IAsyncLifetime
{
    private const string Jane = "jane@example.net",
        Moved = "moved@example.net";
    private readonly Proof _password = new Proof.ByPassword(Password);
    private RunningSite _site = null!;

    async Task IAsyncLifetime.InitializeAsync()
    {
        await InitializeAsync();
        _site = await Auth.SiteAsync();
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await _site.DisposeAsync();
        await DisposeAsync();
    }

    private Person Stranger() => new(_site.Client.BaseAddress!, new MemoryTokenStore());

    private async Task<Person> SignedInAsync(string email = Jane, string password = Password)
    {
        var person = Stranger();
        Assert.IsType<SignInResult.SignedIn>(await person.Auth.SignInAsync(email, password));
        return person;
    }

    private async Task<string> LinkAsync(string email)
    {
        await Auth.DeliverAsync();
        return LinkTokenIn(Auth.LastEmailTo(email));
    }

    private static async Task<AuthErrorCode> CodeAsync(Func<Task> act) =>
        (await Assert.ThrowsAsync<BlazorAuthException>(act)).Code;

    [Fact]
    public async Task An_address_is_verified_by_link_or_code()
    {
        var person = Stranger();
        await person.Auth.SignUpAsync(new(Jane, Password));
        await person.Auth.SignInAsync(Jane, Password);
        Assert.Equal(AuthErrorCode.LinkInvalid, await CodeAsync(() => person.Auth.VerifyEmailAsync("nonsense")));
        await person.Auth.VerifyEmailAsync(await LinkAsync(Jane));
        Assert.True((await person.Auth.WhoAmIAsync())!.EmailVerified);

        await person.Auth.SignUpAsync(new(Moved, Password));
        await person.Auth.SendVerificationAsync(Moved);
        await Auth.DeliverAsync();
        await person.Auth.VerifyEmailByCodeAsync(Moved, CodeIn(Auth.LastEmailTo(Moved)));
        Assert.Equal(AuthErrorCode.ValidationFailed, await CodeAsync(() => person.Auth.SendVerificationAsync("")));
    }

    [Fact]
    public async Task A_forgotten_password_is_reset()
    {
        await Auth.MemberAsync(Jane);
        var person = Stranger();
        await person.Auth.ForgotPasswordAsync(Jane);
        var token = await LinkAsync(Jane);
        Assert.Equal(AuthErrorCode.WeakPassword, await CodeAsync(() => person.Auth.ResetPasswordAsync(token, "x")));
        await person.Auth.ResetPasswordAsync(token, OtherPassword);
        await SignedInAsync(password: OtherPassword);
        Assert.Equal(AuthErrorCode.LinkUsed, await CodeAsync(() => person.Auth.ResetPasswordAsync(token, Password)));
    }

    [Fact]
    public async Task Sessions_are_listed_and_ended()
    {
        await Auth.MemberAsync(Jane);
        var (one, two, three) = (await SignedInAsync(), await SignedInAsync(), await SignedInAsync());
        var sessions = await one.Auth.ListSessionsAsync();
        Assert.Equal([true, false, false], sessions.Select(s => s.Current));
        Assert.All(sessions, s => Assert.Equal(("api", "pwd"), (s.Kind, string.Join(' ', s.Methods))));
        await one.Auth.EndSessionAsync((await two.KeptAsync())!.SessionId);
        Assert.Equal(2, (await one.Auth.ListSessionsAsync()).Count);
        Assert.Equal(AuthErrorCode.NotFound, await CodeAsync(() => one.Auth.EndSessionAsync("../nothing")));
        await one.Auth.EndOtherSessionsAsync();
        Assert.Single(await one.Auth.ListSessionsAsync());
        Assert.Null(await three.Auth.WhoAmIAsync());
        Assert.Equal(UserChangeReason.Ended, three.Reasons.Last());
    }

    [Fact]
    public async Task A_profile_change_sets_what_is_said_clears_null_and_keeps_the_rest()
    {
        await Auth.MemberAsync(Jane);
        var person = await SignedInAsync();
        await person.Auth.ChangeProfileAsync(
            new()
            {
                DisplayName = "Jane",
                Username = "jane",
                Profile = JsonElement.Parse("""{"a":1}"""),
            }
        );
        var changed = await person.Auth.ChangeProfileAsync(new() { DisplayName = null });
        Assert.Equal(
            (null, "jane", """{"a":1}"""),
            (changed.DisplayName, changed.Username, changed.Profile.GetRawText())
        );
        Assert.Equal("jane", person.Auth.CurrentUser!.Username);
        Assert.Equal(UserChangeReason.Updated, person.Reasons.Last());
        var refused = await Assert.ThrowsAsync<BlazorAuthException>(() =>
            person.Auth.ChangeProfileAsync(new() { Username = "!" })
        );
        Assert.Equal(["username"], refused.Errors.Keys);
    }

    [Fact]
    public async Task An_authenticator_app_is_set_up_used_as_a_proof_and_removed()
    {
        await Auth.MemberAsync(Jane);
        var person = await SignedInAsync();
        var app = SecretOf((await person.Auth.BeginTotpAsync()).Secret);
        Assert.Equal(AuthErrorCode.SecondFactorInvalid, await CodeAsync(() => person.Auth.ConfirmTotpAsync("000000")));
        Assert.Equal(10, (await person.Auth.ConfirmTotpAsync(Auth.CodeOf(app))).Count);

        Auth.Clock.Move(TimeSpan.FromSeconds(60));
        var before = await person.KeptAsync();
        Assert.Equal(Jane, (await person.Auth.StepUpAsync(new Proof.ByCode(Auth.CodeOf(app)))).Email);
        Assert.NotEqual(before!.AccessToken, (await person.KeptAsync())!.AccessToken);
        Assert.Equal(10, (await person.Auth.CreateRecoveryCodesAsync()).Count);
        await person.Auth.RemoveTotpAsync();
        await SignedInAsync();
    }

    [Fact]
    public async Task Who_verifies_an_address_that_somebody_else_registered_sets_the_password()
    {
        await Stranger().Auth.SignUpAsync(new(Jane, Password));
        var person = Stranger();
        await person.Auth.VerifyEmailAsync(await LinkAsync(Jane), newPassword: OtherPassword);
        Assert.Equal(AuthErrorCode.InvalidCredentials, await CodeAsync(() => person.Auth.SignInAsync(Jane, Password)));
        Assert.IsType<SignInResult.SignedIn>(await person.Auth.SignInAsync(Jane, OtherPassword));
    }

    [Theory]
    [InlineData(true, HttpStatusCode.Unauthorized)]
    [InlineData(false, HttpStatusCode.OK)]
    public async Task A_changed_password_ends_api_keys_unless_they_are_to_stay(bool endKeys, HttpStatusCode afterwards)
    {
        await Auth.MemberAsync(Jane);
        var person = await SignedInAsync();
        using var api = person.Api();
        using var made = await api.PostAsJsonAsync(
            "/api/account/keys",
            new { description = "backup", password = Password }
        );
        var key = JsonElement.Parse(await made.Content.ReadAsStringAsync()).GetProperty("key").GetString();

        await person.Auth.ChangePasswordAsync(_password, OtherPassword, endKeys);
        using var asked = new HttpRequestMessage(HttpMethod.Get, "/api/account");
        asked.Headers.Authorization = new("Bearer", key);
        using var answer = await _site.Client.SendAsync(asked);
        Assert.Equal(afterwards, answer.StatusCode);
    }

    [Fact]
    public async Task Password_address_and_account_take_any_proof()
    {
        await Auth.MemberAsync(Jane);
        var person = await SignedInAsync();
        Assert.Equal(
            AuthErrorCode.InvalidCredentials,
            await CodeAsync(() => person.Auth.ChangePasswordAsync(new Proof.ByPassword("wrong"), OtherPassword))
        );
        Assert.Equal(
            AuthErrorCode.ValidationFailed,
            await CodeAsync(() => person.Auth.ChangePasswordAsync(new Proof.ByPassword(""), OtherPassword))
        );
        Assert.Equal(Jane, (await person.Auth.ChangePasswordAsync(_password, OtherPassword)).Email);

        var owned = new Proof.ByPassword(OtherPassword);
        await person.Auth.ChangeEmailAsync(Moved, owned);
        await person.Auth.ConfirmEmailChangeAsync(await LinkAsync(Moved));
        Assert.Equal(Moved, (await person.Auth.WhoAmIAsync())!.Email);

        using var device = new SoftAuthenticator("http://localhost:5080");
        using var api = person.Api();
        var begun = JsonElement.Parse(
            await (await api.PostAsync("/api/account/passkeys/options", null)).Content.ReadAsStringAsync()
        );
        var credential = JsonElement.Parse(device.Create(begun.GetProperty("options").GetRawText()));
        using var added = System.Net.Http.Json.JsonContent.Create(
            new { ticket = begun.GetProperty("ticket").GetString(), credential }
        );
        (await api.PostAsync("/api/account/passkeys", added)).EnsureSuccessStatusCode();
        var challenge = await person.Auth.BeginPasskeyProofAsync();
        var passkey = new Proof.ByPasskey(
            challenge.Ticket,
            JsonElement.Parse(device.Get(challenge.Options.GetRawText()))
        );
        Assert.Equal(
            AuthErrorCode.SecondFactorInvalid,
            await CodeAsync(() => person.Auth.CloseAccountAsync(new Proof.ByCode("000000")))
        );
        await person.Auth.CloseAccountAsync(passkey);
        Assert.Null(person.Auth.CurrentUser);
        Assert.Null(await person.KeptAsync());
        Assert.Equal(UserChangeReason.SignedOut, person.Reasons.Last());
        Assert.Equal(
            AuthErrorCode.InvalidCredentials,
            await CodeAsync(() => Stranger().Auth.SignInAsync(Moved, OtherPassword))
        );
    }

    [Fact]
    public async Task An_anonymous_account_closes_without_a_proof()
    {
        var person = Stranger();
        await person.Auth.SignInAnonymouslyAsync();
        await person.Auth.CloseAccountAsync(null);
        Assert.Null(person.Auth.CurrentUser);
    }

    [Fact]
    public void Proofs_do_not_print_their_secrets() =>
        Assert.All<object>(
            [
                new Proof.ByPassword("hush"),
                new Proof.ByCode("hush"),
                new Proof.ByPasskey("hush", default),
                new TotpSetup("hush", "hush"),
            ],
            secret => Assert.DoesNotContain("hush", secret.ToString(), StringComparison.Ordinal)
        );
}
