using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;

namespace BlazorAuth.Core.Passkeys;

/// <summary>
/// Signs in with a passkey, without a name: the browser says whose it is. A passkey with the person verified is two
/// factors, so none is asked for after.
/// Promises: a ceremony opens one session, whichever tab or process finishes it and however many ask at once; only
/// answers from the public address count; a counter that goes back opens nothing.
/// Reveals: nothing before the passkey is proven; that the account is locked or unverified only then.
/// Revokes: the ticket.
/// Sends: what <see cref="SignInWithPassword"/> sends.
/// Fails with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.PasskeyFailed"/>, <see cref="AuthError.AccountLocked"/>,
/// <see cref="AuthError.EmailNotVerified"/>, <see cref="AuthError.InvalidCredentials"/> where the account changed in
/// that very moment.
/// </summary>
public sealed class SignInWithPasskey(PasskeyCeremonies ceremonies, SignInWithPassword signIn, Throttle throttle)
{
    /// <summary>The ticket of the ceremony and the browser's answer, as JSON.</summary>
    public sealed record Input(string? Ticket, string? Credential, SessionKind Door, bool Persistent = false);

    /// <summary>Begins the ceremony: the same for everybody.</summary>
    public Task<Result<Ceremony>> BeginAsync(Caller caller, CancellationToken ct) =>
        ceremonies.BeginAsync(caller, null, ct);

    /// <summary>Begins a session where the answer is right.</summary>
    public async Task<SignInOutcome> FinishAsync(Caller caller, Input input, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(input.Ticket))
            return Refused(AuthFailure.Shape("ticket", FieldErrorCode.Required));
        if (string.IsNullOrEmpty(input.Credential))
            return Refused(AuthFailure.Shape("credential", FieldErrorCode.Required));
        // Counted before it is looked at: an answer that anybody can make up costs a signature and an entry in the
        // audit.
        if (await ceremonies.CountAsync(caller, ct) is { } limited)
            return Refused(limited);
        var looked = await ceremonies.CheckAsync(caller, input.Ticket, input.Credential, null, ct);
        if (looked.Value is { } proven)
            return await signIn.CompleteSignInAsync(
                caller,
                new(proven.User, proven.Methods, input.Door, input.Persistent),
                async () => await ceremonies.UseAsync(proven, ct) ? null : AuthError.PasskeyFailed,
                ct
            );
        if (looked.Failure is { Error: AuthError.RateLimited } tooMany)
            return Refused(tooMany);
        // Its owner sees that somebody tried, a copy of the key perhaps.
        var owner = await ceremonies.OwnerAsync(input.Credential, ct);
        await throttle.NoteAsync(caller, AuditEvent.PasskeyRefused, ct, owner, AuthError.PasskeyFailed);
        return Refused(AuthError.PasskeyFailed);
    }

    /// <summary>
    /// The id of a passkey that was refused because it is nobody's: the browser may forget it. Null for any other.
    /// </summary>
    public async Task<string?> UnknownAsync(string? credential, CancellationToken ct) =>
        PasskeyCeremonies.IdIn(credential) is { } id && await ceremonies.OwnerAsync(credential, ct) is null
            ? PasskeyCeremonies.Text(id)
            : null;

    private static SignInOutcome.Refused Refused(AuthFailure refusal) => new(refusal);
}
