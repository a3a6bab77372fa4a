using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Client;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Client;

/// <summary>What one user of the client does, against the running site.</summary>
public sealed class BlazorAuthClientTests(ClientSite site) : IClassFixture<ClientSite>
{
    private const string Refresh = "POST /api/token/refresh";

    [Fact]
    public async Task A_person_signs_up_signs_in_reads_who_they_are_and_signs_out()
    {
        var person = site.Stranger();
        var email = $"{Guid.NewGuid():N}@example.com";
        var account = await person.Auth.SignUpAsync(new(email, Person.Password, DisplayName: "Ada"));
        Assert.Equal((email, "Ada", false), (account!.Email, account.DisplayName, account.EmailVerified));
        Assert.Null(person.Auth.CurrentUser);

        var result = Assert.IsType<SignInResult.SignedIn>(await person.Auth.SignInAsync(email, Person.Password));
        Assert.Equal(account.Id, result.User.Id);
        Assert.Equal(account.Id, person.Auth.CurrentUser!.Id);
        Assert.Equal(email, (await person.Auth.WhoAmIAsync())!.Email);
        Assert.Equal("{}", person.Auth.CurrentUser.Profile.GetRawText());

        var kept = await person.KeptAsync();
        Assert.True(await person.Auth.SignOutAsync());
        Assert.Null(person.Auth.CurrentUser);
        Assert.Null(await person.KeptAsync());
        Assert.Null(await person.Auth.WhoAmIAsync());
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: kept!.AccessToken)).StatusCode
        );
        Assert.Equal([UserChangeReason.SignedIn, UserChangeReason.SignedOut], person.Reasons);
    }

    [Fact]
    public async Task Somebody_without_a_name_gets_one_and_keeps_id_profile_and_session()
    {
        var person = site.Stranger();
        var nobody = await person.Auth.SignInAnonymouslyAsync(JsonElement.Parse("""{"cart":[7]}"""));
        Assert.Equal((true, null), (nobody.IsAnonymous, nobody.Email));
        // Both clocks: the upgrade begins with a dead access token, and must not make a stranger's account.
        site.Clock.Move(TimeSpan.FromMinutes(11));
        person.Clock.Move(TimeSpan.FromSeconds(20));
        var email = $"{Guid.NewGuid():N}@example.com";
        var user = await person.Auth.UpgradeAsync(new(email, Person.Password));
        Assert.Equal(
            (nobody.Id, email, false, """{"cart":[7]}"""),
            (user!.Id, user.Email, user.IsAnonymous, user.Profile.GetRawText())
        );
        Assert.Equal(email, (await person.Auth.WhoAmIAsync())!.Email);
        Assert.Equal([UserChangeReason.SignedIn, UserChangeReason.Updated], person.Reasons);
        var again = Assert.IsType<SignInResult.SignedIn>(
            await site.Stranger().Auth.SignInAsync(email, Person.Password)
        );
        Assert.Equal(nobody.Id, again.User.Id);
    }

    [Fact]
    public async Task A_refusal_has_its_code_its_fields_and_the_trace_id()
    {
        var person = site.Stranger();
        var wrong = await Assert.ThrowsAsync<BlazorAuthException>(() =>
            person.Auth.SignInAsync("nobody@example.com", "wrong")
        );
        Assert.Equal((AuthErrorCode.InvalidCredentials, HttpStatusCode.Unauthorized), (wrong.Code, wrong.Status));
        Assert.False(string.IsNullOrEmpty(wrong.TraceId));
        var malformed = await Assert.ThrowsAsync<BlazorAuthException>(() =>
            person.Auth.SignUpAsync(new("not an address", Person.Password))
        );
        Assert.Equal((AuthErrorCode.ValidationFailed, "validation_failed"), (malformed.Code, malformed.CodeText));
        Assert.Equal("Must be an e-mail address.", Assert.Single(malformed.Errors["email"]));
        var taken = await Assert.ThrowsAsync<BlazorAuthException>(async () =>
            await person.Auth.SignUpAsync(new(await site.AccountAsync("taken@example.com"), Person.Password))
        );
        Assert.Equal(AuthErrorCode.EmailTaken, taken.Code);
        Assert.Empty(person.Heard);
    }

    [Fact]
    public async Task A_throttled_sign_in_says_how_long_to_wait()
    {
        var (email, person) = (await site.AccountAsync(), site.Stranger());
        BlazorAuthException? refused = null;
        for (var i = 0; i < 12 && refused?.Code != AuthErrorCode.RateLimited; i++)
            refused = await Assert.ThrowsAsync<BlazorAuthException>(() => person.Auth.SignInAsync(email, "wrong"));
        Assert.Equal(AuthErrorCode.RateLimited, refused!.Code);
        Assert.True(refused.RetryAfter > TimeSpan.Zero);
        Assert.Equal(11, person.Wire.Count("POST /api/token")); // a POST is never sent again by itself
    }

    [Fact]
    public async Task A_second_factor_is_set_up_over_the_api_and_given_through_the_client()
    {
        var person = await site.PersonAsync();
        using var api = person.Api();
        var begun = await (await api.PostAsync("/api/account/totp", null)).Content.ReadFromJsonAsync<JsonElement>();
        var app = AuthFixture.SecretOf(begun.GetProperty("secret").GetString()!);
        var confirmed = await (
            await api.PostAsJsonAsync("/api/account/totp/confirm", new { code = TotpCode.At(app, site.Clock.Now) })
        ).Content.ReadFromJsonAsync<JsonElement>();
        Assert.NotNull(await person.Auth.WhoAmIAsync()); // its session goes on

        var stranger = site.Stranger();
        var email = person.Auth.CurrentUser!.Email!;
        var due = Assert.IsType<SignInResult.NeedsSecondFactor>(
            await stranger.Auth.SignInAsync(email, Person.Password)
        );
        Assert.Equal(["totp", "recovery_code"], due.Methods);
        var wrong = await Assert.ThrowsAsync<BlazorAuthException>(() =>
            stranger.Auth.SignInWithSecondFactorAsync(due.Ticket, "000000")
        );
        Assert.Equal(AuthErrorCode.SecondFactorInvalid, wrong.Code);
        site.Clock.Move(TimeSpan.FromSeconds(30));
        Assert.IsType<SignInResult.SignedIn>(
            await stranger.Auth.SignInWithSecondFactorAsync(due.Ticket, TotpCode.At(app, site.Clock.Now))
        );
        due = Assert.IsType<SignInResult.NeedsSecondFactor>(await stranger.Auth.SignInAsync(email, Person.Password));
        var signedIn = await stranger.Auth.SignInWithRecoveryCodeAsync(
            due.Ticket,
            confirmed.GetProperty("recoveryCodes")[9].GetString()!
        );
        Assert.Equal(email, Assert.IsType<SignInResult.SignedIn>(signedIn).User.Email);
    }

    [Fact]
    public async Task A_changed_password_ends_the_others_and_this_one_goes_on_with_the_new_tokens()
    {
        var person = await site.PersonAsync();
        var other = site.Stranger();
        await other.Auth.SignInAsync(person.Auth.CurrentUser!.Email!, Person.Password);
        var before = await person.KeptAsync();

        var wrong = await Assert.ThrowsAsync<BlazorAuthException>(() =>
            person.Auth.ChangePasswordAsync("wrong", "an even better one")
        );
        Assert.Equal(AuthErrorCode.InvalidCredentials, wrong.Code);
        Assert.Equal(before, await person.KeptAsync());
        await person.Auth.ChangePasswordAsync(Person.Password, "an even better one");

        var after = await person.KeptAsync();
        Assert.Equal(before!.SessionId, after!.SessionId);
        Assert.NotEqual(before.RefreshToken, after.RefreshToken);
        Assert.NotNull(await person.Auth.WhoAmIAsync());
        Assert.Equal(0, person.Wire.Count(Refresh));
        Assert.Null(await other.Auth.WhoAmIAsync());
        Assert.Equal(
            (UserChangeReason.Ended, AuthErrorCode.PasswordChanged),
            (other.Heard.Last().Reason, other.Heard.Last().Code)
        );
    }

    [Fact]
    public async Task Requests_beside_a_change_of_password_go_on_with_its_tokens()
    {
        var person = await site.PersonAsync();
        using var api = person.Api();
        using var changed = new SemaphoreSlim(0);
        // The site has changed the password; its answer waits until others were refused for the old token.
        person.Wire.After = async (request, answer) =>
        {
            if (request.RequestUri!.AbsolutePath == "/api/account/password")
            {
                changed.Release();
                await Task.Delay(300);
            }
        };
        var change = person.Auth.ChangePasswordAsync(Person.Password, "an even better one");
        await changed.WaitAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => api.GetAsync("/api/account")));
        await change;
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        Assert.Equal(0, person.Wire.Count(Refresh));
        Assert.Equal([UserChangeReason.SignedIn], person.Reasons);
    }

    [Fact]
    public async Task Offline_a_sign_out_forgets_here_and_says_that_the_service_was_not_told()
    {
        var person = await site.PersonAsync();
        person.Wire.Cut();
        Assert.False(await person.Auth.SignOutAsync());
        Assert.Null(person.Auth.CurrentUser);
        Assert.Null(await person.KeptAsync());
        Assert.Equal([UserChangeReason.SignedIn, UserChangeReason.SignedOut], person.Reasons);
    }

    [Fact]
    public async Task Offline_nobody_is_signed_out_by_a_failed_refresh()
    {
        var person = await site.PersonAsync();
        person.Clock.Move(TimeSpan.FromMinutes(11));
        person.Wire.Cut();
        await Assert.ThrowsAsync<HttpRequestException>(() => person.Auth.WhoAmIAsync());
        Assert.NotNull(person.Auth.CurrentUser);
        person.Wire.Before = null;
        Assert.NotNull(await person.Auth.WhoAmIAsync());
        Assert.Equal([UserChangeReason.SignedIn], person.Reasons);
    }

    [Fact]
    public async Task A_session_ended_elsewhere_is_told_with_the_reason_and_forgotten()
    {
        var person = await site.PersonAsync();
        await site.EndSessionsAsync(person);
        Assert.Null(await person.Auth.WhoAmIAsync());
        var last = person.Heard.Last();
        Assert.Equal((null, UserChangeReason.Ended, AuthErrorCode.SessionRevoked), (last.User, last.Reason, last.Code));
        Assert.Null(person.Auth.CurrentUser);
        Assert.Null(await person.KeptAsync());
        Assert.Equal(0, person.Wire.Count(Refresh));
    }

    [Fact]
    public async Task A_session_ended_elsewhere_is_told_by_the_refresh_too()
    {
        var person = await site.PersonAsync();
        await site.EndSessionsAsync(person);
        person.Clock.Move(TimeSpan.FromMinutes(11));
        using var api = person.Api();
        Assert.Equal(HttpStatusCode.Unauthorized, (await api.GetAsync("/api/account")).StatusCode);
        Assert.Equal(
            (UserChangeReason.Ended, AuthErrorCode.SessionRevoked),
            (person.Heard.Last().Reason, person.Heard.Last().Code)
        );
        Assert.Equal(1, person.Wire.Count(Refresh));
    }

    [Fact]
    public async Task A_lost_refresh_answer_is_asked_for_again_and_signs_nobody_out()
    {
        var person = await site.PersonAsync();
        person.Clock.Move(TimeSpan.FromMinutes(11));
        var lost = 0;
        person.Wire.After = (request, answer) =>
            request.RequestUri!.AbsolutePath == "/api/token/refresh" && Interlocked.Increment(ref lost) == 1
                ? throw new HttpRequestException(HttpRequestError.ResponseEnded, "The answer was lost.")
                : Task.CompletedTask;
        Assert.NotNull(await person.Auth.WhoAmIAsync());
        Assert.Equal((2, 1), (person.Wire.Count(Refresh), person.Wire.Count("GET /api/account")));
        person.Clock.Move(TimeSpan.FromMinutes(11));
        site.Clock.Move(TimeSpan.FromMinutes(11));
        Assert.NotNull(await person.Auth.WhoAmIAsync());
        Assert.Equal([UserChangeReason.SignedIn], person.Reasons);
    }

    [Fact]
    public async Task A_change_of_the_account_made_elsewhere_is_told_once()
    {
        var person = await site.PersonAsync();
        using var api = person.Api();
        using var name = new StringContent("""{"displayName":"Countess"}""", null, "application/json");
        (await api.PatchAsync("/api/account", name)).EnsureSuccessStatusCode();
        Assert.Null(person.Auth.CurrentUser!.DisplayName);
        Assert.Equal("Countess", (await person.Auth.WhoAmIAsync())!.DisplayName);
        await person.Auth.WhoAmIAsync();
        Assert.Equal([UserChangeReason.SignedIn, UserChangeReason.Updated], person.Reasons);
        Assert.Equal("Countess", (await person.KeptAsync())!.User.DisplayName);
    }

    [Fact]
    public async Task Two_clients_in_one_process_are_two_users()
    {
        var (one, two) = (await site.PersonAsync(), await site.PersonAsync());
        await Task.WhenAll(
            Enumerable
                .Range(0, 20)
                .Select(async i =>
                {
                    var person = i % 2 == 0 ? one : two;
                    if (i % 5 == 0)
                        person.Clock.Move(TimeSpan.FromMinutes(11));
                    Assert.Equal(person.Auth.CurrentUser!.Id, (await person.Auth.WhoAmIAsync())!.Id);
                })
        );
        await one.Auth.SignOutAsync();
        Assert.NotNull(await two.Auth.WhoAmIAsync());
        Assert.Equal([UserChangeReason.SignedIn], two.Reasons);
    }

    [Fact]
    public async Task A_disposed_observer_hears_nothing_and_a_failing_one_keeps_nobody_from_hearing()
    {
        var person = site.Stranger();
        var heard = 0;
        var gone = person.Auth.OnUserChanged(_ => heard++);
        gone.Dispose();
        using var failing = person.Auth.OnUserChanged(_ => throw new InvalidTimeZoneException());
        using var last = person.Auth.OnUserChanged(_ => heard += 10);
        var email = await site.AccountAsync();
        var fault = await Assert.ThrowsAsync<AggregateException>(() => person.Auth.SignInAsync(email, Person.Password));
        Assert.IsType<InvalidTimeZoneException>(fault.InnerException);
        Assert.Equal(10, heard);
        Assert.NotNull(person.Auth.CurrentUser);
    }

    [Fact]
    public async Task It_waits_for_no_context_of_its_caller()
    {
        var person = await site.PersonAsync();
        person.Clock.Move(TimeSpan.FromMinutes(11));
        var done = new TaskCompletionSource<User?>();
        // A context whose only thread is the one that blocks on the call.
        var thread = new Thread(() =>
        {
            SynchronizationContext.SetSynchronizationContext(new NeverRuns());
            done.SetResult(person.Auth.WhoAmIAsync().Wait(TimeSpan.FromSeconds(20)) ? person.Auth.CurrentUser : null);
        });
        thread.Start();
        Assert.NotNull(await done.Task);
        Assert.Equal(1, person.Wire.Count(Refresh));
    }

    private sealed class NeverRuns : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state) { }
    }
}
