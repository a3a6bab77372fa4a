using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace BlazorAuth.Client;

/// <summary>
/// One user of a BlazorAuth service: signs in and out, knows who is signed in, and tells when that changes. Refusals
/// are <see cref="BlazorAuthException"/>; what does not reach the service is <see cref="HttpRequestException"/>. Safe
/// for any number of threads. There is no static state: two clients in one process are two users.
/// </summary>
public sealed partial class BlazorAuthClient
{
    private readonly HttpClient _http;
    private readonly Wire _wire;

    /// <summary>A client of the service at <see cref="HttpClient.BaseAddress"/>.</summary>
    /// <param name="http">
    /// Reaches the service. Not the caller's to give to others: see that it follows no redirects, which could lead a
    /// password elsewhere.
    /// </param>
    /// <param name="store">Where the session is kept between starts.</param>
    /// <param name="time">The clock.</param>
    public BlazorAuthClient(HttpClient http, ITokenStore store, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(http);
        ArgumentNullException.ThrowIfNull(store);
        if (http.BaseAddress is not { IsAbsoluteUri: true } site)
            throw new ArgumentException("The HttpClient needs the service's address as BaseAddress.", nameof(http));
        time ??= TimeProvider.System;
        _http = http;
        _wire = new Wire(time);
        Kept = new KeptSession(site, store, new Exchange(http, _wire, time).AskAsync, time);
        Loop = new BearerLoop(Kept, _wire, time);
    }

    /// <summary>Who is signed in, as far as this client knows without asking; null for nobody.</summary>
    public User? CurrentUser => Kept.Current?.User;

    internal KeptSession Kept { get; }

    internal BearerLoop Loop { get; }

    /// <summary>
    /// Tells of every change of <see cref="CurrentUser"/> until the returned handle is disposed. It is called on the
    /// thread of the change, so a component marshals (<c>InvokeAsync</c>); what it throws is thrown to whoever caused
    /// the change, as <see cref="AggregateException"/>.
    /// </summary>
    public IDisposable OnUserChanged(Action<UserChange> observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        return Kept.Observe(observer);
    }

    /// <summary>Takes up the session of the last start, without the network. Returns its user, or null.</summary>
    public Task<User?> RestoreAsync(CancellationToken ct = default) => Kept.RestoreAsync(ct);

    /// <summary>
    /// Makes an account; signs nobody in. Null where the service says nothing of it, and an email decides.
    /// </summary>
    public async Task<User?> SignUpAsync(NewAccount account, CancellationToken ct = default)
    {
        using var answer = await _http
            .SendAsync(Wire.Post("api/account", account, WireJson.Default.NewAccount), ct)
            .ConfigureAwait(false);
        return answer.StatusCode == HttpStatusCode.Accepted
            ? null
            : await _wire.UserAsync(answer, ct).ConfigureAwait(false);
    }

    /// <summary>
    /// Makes the anonymous current user somebody's; the id stays. Null where an email decides.
    /// </summary>
    /// <exception cref="InvalidOperationException">Nobody is signed in, or not anonymously.</exception>
    public async Task<User?> UpgradeAsync(NewAccount account, CancellationToken ct = default)
    {
        // The route takes anyone: a token that has just died would make a stranger's account instead.
        var user = await WhoAmIAsync(ct).ConfigureAwait(false);
        if (user is not { IsAnonymous: true })
            throw new InvalidOperationException("Only an anonymous user can be upgraded.");
        using var answer = await AuthorizedAsync(
                HttpMethod.Post,
                () => Wire.Post("api/account", account, WireJson.Default.NewAccount),
                ct
            )
            .ConfigureAwait(false);
        if (answer.StatusCode == HttpStatusCode.Accepted)
            return null;
        var upgraded = await _wire.UserAsync(answer, ct).ConfigureAwait(false);
        await Kept.UpdateAsync(upgraded, ct).ConfigureAwait(false);
        return upgraded;
    }

    /// <summary>Signs in with an e-mail address or user name and a password.</summary>
    public Task<SignInResult> SignInAsync(string identifier, string password, CancellationToken ct = default) =>
        BeginAsync("api/token", new(identifier, password), WireJson.Default.SignInBody, ct);

    /// <summary>Goes on with the ticket of a sign-in and the code of the authenticator.</summary>
    public Task<SignInResult> SignInWithSecondFactorAsync(string ticket, string code, CancellationToken ct = default) =>
        BeginAsync("api/token/second-factor", new(ticket, code, null), WireJson.Default.SecondFactorBody, ct);

    /// <summary>Goes on with the ticket of a sign-in and a recovery code, which is used up.</summary>
    public Task<SignInResult> SignInWithRecoveryCodeAsync(
        string ticket,
        string recoveryCode,
        CancellationToken ct = default
    ) => BeginAsync("api/token/second-factor", new(ticket, null, recoveryCode), WireJson.Default.SecondFactorBody, ct);

    /// <summary>Asks for a code by e-mail. Returns the ticket it belongs to, for unknown addresses too.</summary>
    public async Task<string> SendEmailCodeAsync(string email, CancellationToken ct = default)
    {
        using var answer = await _http
            .SendAsync(Wire.Post("api/token/email-code", new EmailBody(email), WireJson.Default.EmailBody), ct)
            .ConfigureAwait(false);
        return (await _wire.ReadAsync(answer, WireJson.Default.TicketAnswer, ct).ConfigureAwait(false)).Ticket
            ?? throw Wire.Malformed(answer);
    }

    /// <summary>Signs in with the code of the email.</summary>
    public Task<SignInResult> SignInWithEmailCodeAsync(string ticket, string code, CancellationToken ct = default) =>
        BeginAsync("api/token/email-code/verify", new(ticket, code), WireJson.Default.CodeBody, ct);

    /// <summary>Begins a sign-in with a passkey.</summary>
    public async Task<PasskeyChallenge> BeginPasskeyAsync(CancellationToken ct = default)
    {
        using var answer = await _http
            .PostAsync(new Uri("api/token/passkey/options", UriKind.Relative), null, ct)
            .ConfigureAwait(false);
        var challenge = await _wire.ReadAsync(answer, WireJson.Default.PasskeyChallenge, ct).ConfigureAwait(false);
        return challenge is { Ticket.Length: > 0, Options.ValueKind: JsonValueKind.Object }
            ? challenge
            : throw Wire.Malformed(answer);
    }

    /// <summary>Signs in with what the authenticator made of the challenge.</summary>
    public Task<SignInResult> SignInWithPasskeyAsync(
        string ticket,
        JsonElement credential,
        CancellationToken ct = default
    ) => BeginAsync("api/token/passkey", new(ticket, credential), WireJson.Default.CredentialBody, ct);

    /// <summary>Signs in as somebody without a name; <see cref="UpgradeAsync"/> gives one later.</summary>
    public async Task<User> SignInAnonymouslyAsync(JsonElement? profile = null, CancellationToken ct = default)
    {
        using var answer = await _http
            .SendAsync(Wire.Post("api/token/anonymous", new(profile), WireJson.Default.AnonymousBody), ct)
            .ConfigureAwait(false);
        return await Kept.BeginAsync(await _wire.TokensAsync(answer, ct).ConfigureAwait(false), ct)
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Signs out here at once, and then at the service. False where the service could not be told: the session then
    /// lives there until it idles out, though this client has forgotten how to reach it.
    /// </summary>
    public async Task<bool> SignOutAsync(CancellationToken ct = default)
    {
        if (await Kept.ForgetAsync(UserChangeReason.SignedOut).ConfigureAwait(false) is not { } token)
            return true;
        try
        {
            using var answer = await _http
                .SendAsync(Wire.Post("api/token/revoke", new RefreshBody(token), WireJson.Default.RefreshBody), ct)
                .ConfigureAwait(false);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception offline)
            when (offline is HttpRequestException
                || (offline is OperationCanceledException && !ct.IsCancellationRequested)
            )
        {
            return false;
        }
    }

    /// <summary>
    /// Changes the password. Every other session ends; this one goes on with the tokens of the answer.
    /// </summary>
    /// <exception cref="InvalidOperationException">Nobody is signed in.</exception>
    public Task<User> ChangePasswordAsync(string currentPassword, string newPassword, CancellationToken ct = default) =>
        ChangePasswordAsync(new Proof.ByPassword(currentPassword), newPassword, endKeys: true, ct);

    /// <summary>
    /// Asks the service who is signed in, and keeps what it says. Null for nobody, also where the session turns out to
    /// have ended.
    /// </summary>
    public async Task<User?> WhoAmIAsync(CancellationToken ct = default)
    {
        if (Kept.Current is not { } asked)
            return null;
        using var answer = await AuthorizedAsync(
                HttpMethod.Get,
                () => new HttpRequestMessage(HttpMethod.Get, "api/account"),
                ct
            )
            .ConfigureAwait(false);
        if (answer.StatusCode == HttpStatusCode.Unauthorized && Kept.Current?.SessionId != asked.SessionId)
            return CurrentUser;
        var user = await _wire.UserAsync(answer, ct).ConfigureAwait(false);
        await Kept.UpdateAsync(user, ct).ConfigureAwait(false);
        return user;
    }

    private async Task<SignInResult> BeginAsync<T>(string path, T body, JsonTypeInfo<T> shape, CancellationToken ct)
    {
        using var answer = await _http.SendAsync(Wire.Post(path, body, shape), ct).ConfigureAwait(false);
        if (await _wire.SecondFactorAsync(answer, ct).ConfigureAwait(false) is { } due)
            return due;
        return new SignInResult.SignedIn(
            await Kept.BeginAsync(await _wire.TokensAsync(answer, ct).ConfigureAwait(false), ct).ConfigureAwait(false)
        );
    }

    // An act whose answer carries the next tokens of this very session.
    private async Task<User> ReplaceTokensAsync(Func<HttpRequestMessage> request, CancellationToken ct)
    {
        var before = Kept.Current ?? throw new InvalidOperationException("Nobody is signed in.");
        TokenAnswer? tokens = null;
        using var answer = await Loop.SendAsync(
                token =>
                    Kept.InTurnAsync(
                        async () =>
                        {
                            var sent = await SendAsync(request(), token, ct).ConfigureAwait(false);
                            if (!sent.IsSuccessStatusCode)
                                return sent;
                            tokens = await _wire.TokensAsync(sent, ct).ConfigureAwait(false);
                            await Kept.RenewAsync(before, tokens, ct).ConfigureAwait(false);
                            return sent;
                        },
                        ct
                    ),
                HttpMethod.Post,
                _ => true,
                ct
            )
            .ConfigureAwait(false);
        return tokens?.User ?? throw await _wire.RefusalAsync(answer, ct).ConfigureAwait(false);
    }

    private Task<HttpResponseMessage> AuthorizedAsync(
        HttpMethod method,
        Func<HttpRequestMessage> request,
        CancellationToken ct
    ) => Loop.SendAsync(token => SendAsync(request(), token, ct), method, _ => true, ct);

    private Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, string? token, CancellationToken ct)
    {
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        return _http.SendAsync(request, ct);
    }
}
