using System.Text.Json.Serialization.Metadata;

namespace BlazorAuth.Client;

/// <content>What an owner does with the account: passwords and addresses, sessions, profile, second factor.</content>
public sealed partial class BlazorAuthClient
{
    /// <summary>
    /// Asks for an email with a link to set a new password. The answer is the same for unknown addresses.
    /// </summary>
    public Task ForgotPasswordAsync(string email, CancellationToken ct = default) =>
        AskAsync(() => Wire.Post("api/account/password/forgot", new EmailBody(email), WireJson.Default.EmailBody), ct);

    /// <summary>Sets a new password by the token of the emailed link. Every session of the account ends.</summary>
    public Task ResetPasswordAsync(string token, string newPassword, CancellationToken ct = default) =>
        AskAsync(
            () =>
                Wire.Post("api/account/password/reset", new ResetBody(token, newPassword), WireJson.Default.ResetBody),
            ct
        );

    /// <summary>Asks for the verification email again. The answer is the same for unknown addresses.</summary>
    public Task SendVerificationAsync(string email, CancellationToken ct = default) =>
        AskAsync(() => Wire.Post("api/account/verify/send", new EmailBody(email), WireJson.Default.EmailBody), ct);

    /// <summary>
    /// Verifies an address by the token of the emailed link. <see cref="WhoAmIAsync"/> reads the changed user.
    /// </summary>
    /// <param name="token">The token of the link.</param>
    /// <param name="newPassword">
    /// For somebody who did not make the account: the password from now on. Everything that was set up before ends.
    /// </param>
    /// <param name="ct">Ends the wait.</param>
    public Task VerifyEmailAsync(string token, string? newPassword = null, CancellationToken ct = default) =>
        AskAsync(
            () =>
                Wire.Post(
                    "api/account/verify",
                    new VerifyBody(token, null, null, newPassword),
                    WireJson.Default.VerifyBody
                ),
            ct
        );

    /// <summary>
    /// Verifies an address by the code of the email. <see cref="WhoAmIAsync"/> reads the changed user.
    /// </summary>
    public Task VerifyEmailByCodeAsync(string email, string code, CancellationToken ct = default) =>
        AskAsync(
            () => Wire.Post("api/account/verify", new VerifyBody(null, email, code), WireJson.Default.VerifyBody),
            ct
        );

    /// <summary>
    /// Asks to move the account to another address; it moves when <see cref="ConfirmEmailChangeAsync"/> confirms.
    /// </summary>
    /// <param name="newEmail">The other address.</param>
    /// <param name="proof">A proof made for this act.</param>
    /// <param name="ct">Ends the wait.</param>
    public Task ChangeEmailAsync(string newEmail, Proof proof, CancellationToken ct = default) =>
        ActAsync(
            () => Wire.Post("api/account/email", Body(proof) with { NewEmail = newEmail }, WireJson.Default.ProofBody),
            ct
        );

    /// <summary>
    /// Moves the account to the new address, by the token of the link sent there. Ends all sessions but the one that
    /// asked.
    /// </summary>
    public Task ConfirmEmailChangeAsync(string token, CancellationToken ct = default) =>
        AskAsync(
            () =>
                Wire.Post("api/account/email/confirm", new VerifyBody(token, null, null), WireJson.Default.VerifyBody),
            ct
        );

    /// <summary>
    /// Changes the password, or sets the first one, by any proof. Every other session ends; this one goes on.
    /// </summary>
    /// <param name="proof">A proof made for this act.</param>
    /// <param name="newPassword">The password from now on.</param>
    /// <param name="endKeys">Whether the API keys of the account end too. False keeps them.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">Nobody is signed in.</exception>
    public Task<User> ChangePasswordAsync(
        Proof proof,
        string newPassword,
        bool endKeys = true,
        CancellationToken ct = default
    ) =>
        ReplaceTokensAsync(
            () =>
                Wire.Post(
                    "api/account/password",
                    Body(proof) with
                    {
                        NewPassword = newPassword,
                        EndKeys = endKeys,
                    },
                    WireJson.Default.ProofBody
                ),
            ct
        );

    /// <summary>Closes the account and deletes everything in it; nobody is signed in here afterwards.</summary>
    /// <param name="proof">A proof made for this act; null for an anonymous account, which has none.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task CloseAccountAsync(Proof? proof, CancellationToken ct = default)
    {
        var closed = Kept.Current;
        await ActAsync(
                () =>
                    Wire.Send(
                        HttpMethod.Delete,
                        "api/account",
                        proof is null ? new() : Body(proof),
                        WireJson.Default.ProofBody
                    ),
                ct
            )
            .ConfigureAwait(false);
        if (closed is not null && Kept.Current?.User.Id == closed.User.Id)
            await Kept.ForgetAsync(UserChangeReason.SignedOut).ConfigureAwait(false);
    }

    /// <summary>
    /// Proves again who is signed in: acts that ask for a recent proof are open for a while. The session gets new
    /// tokens.
    /// </summary>
    /// <exception cref="InvalidOperationException">Nobody is signed in.</exception>
    public Task<User> StepUpAsync(Proof proof, CancellationToken ct = default) =>
        ReplaceTokensAsync(() => Wire.Post("api/account/step-up", Body(proof), WireJson.Default.ProofBody), ct);

    /// <summary>
    /// Begins a proof by passkey, for this session only; it goes on as a <see cref="Proof.ByPasskey"/>.
    /// </summary>
    public Task<PasskeyChallenge> BeginPasskeyProofAsync(CancellationToken ct = default) =>
        ReadAsync(HttpMethod.Post, "api/account/step-up/options", WireJson.Default.PasskeyChallenge, ct);

    /// <summary>Changes what <paramref name="change"/> sets, and keeps the rest.</summary>
    public async Task<User> ChangeProfileAsync(ProfileChange change, CancellationToken ct = default)
    {
        ArgumentNullException.ThrowIfNull(change);
        using var answer = await AuthorizedAsync(
                HttpMethod.Patch,
                () =>
                    Wire.Send(
                        HttpMethod.Patch,
                        "api/account",
                        change.Fields,
                        WireJson.Default.DictionaryStringJsonElement
                    ),
                ct
            )
            .ConfigureAwait(false);
        var user = await _wire.UserAsync(answer, ct).ConfigureAwait(false);
        await Kept.UpdateAsync(user, ct).ConfigureAwait(false);
        return user;
    }

    /// <summary>The living sessions of the account, of browsers and programs alike; the current one is first.</summary>
    public async Task<IReadOnlyList<SessionInfo>> ListSessionsAsync(CancellationToken ct = default) =>
        await ReadAsync(HttpMethod.Get, "api/account/sessions", WireJson.Default.SessionInfoArray, ct)
            .ConfigureAwait(false);

    /// <summary>Ends one session of the account.</summary>
    public Task EndSessionAsync(string sessionId, CancellationToken ct = default) =>
        ActAsync(
            () => new HttpRequestMessage(HttpMethod.Delete, "api/account/sessions/" + Uri.EscapeDataString(sessionId)),
            ct
        );

    /// <summary>Ends every session of the account but this one.</summary>
    public Task EndOtherSessionsAsync(CancellationToken ct = default) =>
        ActAsync(() => new HttpRequestMessage(HttpMethod.Delete, "api/account/sessions"), ct);

    /// <summary>
    /// Begins to set up an authenticator app; nothing is on before <see cref="ConfirmTotpAsync"/>. Asks for a recent
    /// proof.
    /// </summary>
    public Task<TotpSetup> BeginTotpAsync(CancellationToken ct = default) =>
        ReadAsync(HttpMethod.Post, "api/account/totp", WireJson.Default.TotpSetup, ct);

    /// <summary>
    /// Turns the app on by a code of it, within a quarter of an hour. Returns ten recovery codes, which are shown this
    /// once.
    /// </summary>
    public async Task<IReadOnlyList<string>> ConfirmTotpAsync(string code, CancellationToken ct = default)
    {
        using var answer = await AuthorizedAsync(
                HttpMethod.Post,
                () => Wire.Post("api/account/totp/confirm", new AppCodeBody(code), WireJson.Default.AppCodeBody),
                ct
            )
            .ConfigureAwait(false);
        return (await _wire.ReadAsync(answer, WireJson.Default.CodesAnswer, ct).ConfigureAwait(false)).RecoveryCodes
            ?? throw Wire.Malformed(answer);
    }

    /// <summary>Removes the authenticator app and the recovery codes. Asks for a recent proof by a factor.</summary>
    public Task RemoveTotpAsync(CancellationToken ct = default) =>
        ActAsync(() => new HttpRequestMessage(HttpMethod.Delete, "api/account/totp"), ct);

    /// <summary>Makes ten recovery codes in place of the old ones. Asks for a recent proof by a factor.</summary>
    public async Task<IReadOnlyList<string>> CreateRecoveryCodesAsync(CancellationToken ct = default) =>
        (
            await ReadAsync(HttpMethod.Post, "api/account/recovery-codes", WireJson.Default.CodesAnswer, ct)
                .ConfigureAwait(false)
        ).RecoveryCodes
        ?? [];

    private static ProofBody Body(Proof proof) =>
        proof switch
        {
            Proof.ByPassword by => new() { Password = by.Password },
            Proof.ByCode by => new() { Code = by.Code },
            Proof.ByPasskey by => new() { Ticket = by.Ticket, Credential = by.Credential },
            _ => throw new ArgumentNullException(nameof(proof)),
        };

    // Routes that anyone may call: no token is sent.
    private async Task AskAsync(Func<HttpRequestMessage> request, CancellationToken ct)
    {
        using var message = request();
        using var answer = await _http.SendAsync(message, ct).ConfigureAwait(false);
        if (!answer.IsSuccessStatusCode)
            throw await _wire.RefusalAsync(answer, ct).ConfigureAwait(false);
    }

    private async Task ActAsync(Func<HttpRequestMessage> request, CancellationToken ct)
    {
        // POST, whatever is sent: an act is not repeated after a wait.
        using var answer = await AuthorizedAsync(HttpMethod.Post, request, ct).ConfigureAwait(false);
        if (!answer.IsSuccessStatusCode)
            throw await _wire.RefusalAsync(answer, ct).ConfigureAwait(false);
    }

    private async Task<T> ReadAsync<T>(HttpMethod method, string path, JsonTypeInfo<T> shape, CancellationToken ct)
        where T : class
    {
        using var answer = await AuthorizedAsync(method, () => new HttpRequestMessage(method, path), ct)
            .ConfigureAwait(false);
        return await _wire.ReadAsync(answer, shape, ct).ConfigureAwait(false);
    }
}
