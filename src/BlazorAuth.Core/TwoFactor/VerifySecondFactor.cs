using System.Globalization;
using System.Text.Json;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.TwoFactor;

/// <summary>
/// Goes on with a sign-in whose first factor was right.
/// Promises: the ticket is of that one attempt, opens nothing else, lives five minutes and five tries; a code works
/// once, whichever door and however many ask at once; an account that was locked or whose password or factors changed
/// meanwhile is not opened.
/// Reveals: nothing that the first factor had not.
/// Revokes: the ticket, the code.
/// Sends: <see cref="EmailKind.RecoveryCodeUsed"/>; <see cref="EmailKind.DeviceRemembered"/>, with undo.
/// Fails with: <see cref="AuthError.ValidationFailed"/>, <see cref="AuthError.TicketExpired"/>,
/// <see cref="AuthError.SecondFactorInvalid"/>, <see cref="AuthError.RateLimited"/>, those of
/// <see cref="SignInWithPassword"/>.
/// </summary>
public sealed class VerifySecondFactor(
    AuthDbContext db,
    SignInWithPassword signIn,
    SecondFactorStore factors,
    TrustedDevices devices,
    PasswordHashingLimiter gate,
    OneTimeTokens tokens,
    Outbox outbox,
    AuditLog audit
)
{
    /// <summary>
    /// The code of the authenticator app, or a recovery code; <paramref name="Remember"/> asks not to be asked again in
    /// this browser.
    /// </summary>
    public sealed record Input(string? Ticket, string? Code, string? RecoveryCode, bool Remember = false);

    /// <summary>What came of it, and, where it was asked for, what the browser is remembered by.</summary>
    public sealed record SecondFactorResult(SignInOutcome Outcome, string? TrustedDevice);

    /// <summary>What a ticket would go on with, without using it up; null where it is worth nothing.</summary>
    public async Task<IReadOnlyList<string>?> PreviewAsync(Caller caller, string? ticket, CancellationToken ct) =>
        (await tokens.FindAsync(caller, TokenPurpose.SecondFactor, ticket, ct)).Value is { } token
            ? await factors.MethodsAsync(token.UserId, ct)
            : null;

    /// <summary>Gives the second factor.</summary>
    public async Task<SecondFactorResult> VerifyAsync(Caller caller, Input input, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(input.Code) && string.IsNullOrWhiteSpace(input.RecoveryCode))
            return Refused(AuthFailure.Shape("code", FieldErrorCode.Required));
        // Only one who has the ticket can use up the account's budget, and only as many tickets as there were right
        // passwords.
        var found = await tokens.FindCountedAsync(caller, TokenPurpose.SecondFactor, input.Ticket, ct);
        if (found.Value is not { } ticket)
            return Refused(found.Failure!);
        if (await factors.CountAsync(caller, ticket.UserId, ct) is { } limited)
            return Refused(limited);
        var half = JsonSerializer.Deserialize<SignInWithPassword.PendingSignIn>(ticket.State!)!;
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == ticket.UserId && u.SecurityStamp == half.Stamp, ct);
        if (user is null)
            return Refused(AuthError.TicketExpired);
        using var place = string.IsNullOrWhiteSpace(input.Code)
            ? gate.TryAcquire(caller, $"{ticket.UserId}:recovery")
            : null;
        if (string.IsNullOrWhiteSpace(input.Code) && place is null)
            return Refused(PasswordHashingLimiter.Rejected);

        // A wrong code must stay counted, so it is looked at outside of the transaction that a refusal undoes.
        if (place is null && !await factors.SpendTotpAsync(user.Id, input.Code!, ct))
            return await RefuseAsync(caller, user.Id, "code", ct);
        var recovery = place is null
            ? null
            : await factors.FindRecoveryCodeAsync(place, user.Id, input.RecoveryCode!, ct);
        if (place is not null && recovery is null)
            return await RefuseAsync(caller, user.Id, "recoveryCode", ct);
        string? remembered = null;
        var proof = new SignInWithPassword.AuthenticationResult(
            user,
            Session.Together(half.Methods, $"otp {Session.TwoFactors}"),
            half.Door,
            half.Persistent,
            half.Dialect,
            Link: half.Link
        );
        var outcome = await signIn.CompleteSignInAsync(
            caller,
            proof,
            async () =>
            {
                if (!await tokens.SpendAsync(ticket, ct))
                    return AuthError.TicketExpired;
                if (recovery is not null)
                {
                    if (!await factors.SpendRecoveryCodeAsync(recovery, ct))
                        return AuthFailure.Of(AuthError.SecondFactorInvalid, "recoveryCode", FieldErrorCode.Wrong);
                    await TellAsync(caller, user, ct);
                }
                if (input.Remember && half.Door == SessionKind.Browser)
                    remembered = devices.Remember(caller, user);
                return null;
            },
            ct
        );
        return new(outcome, outcome is SignInOutcome.SignedIn ? remembered : null);
    }

    private async Task TellAsync(Caller caller, AuthUser user, CancellationToken ct)
    {
        audit.Write(AuditEvent.RecoveryCodeUsed, caller, user.Id);
        if (user.Email is null)
            return;
        var left = await factors.LeftAsync(user.Id, ct);
        outbox.Enqueue(
            EmailKind.RecoveryCodeUsed,
            user.Email,
            caller,
            user.Id,
            detail: left.ToString(CultureInfo.InvariantCulture)
        );
    }

    private async Task<SecondFactorResult> RefuseAsync(Caller caller, string userId, string field, CancellationToken ct)
    {
        audit.Write(AuditEvent.SecondFactorRefused, caller, userId, AuthError.SecondFactorInvalid);
        await db.SaveChangesAsync(ct);
        return Refused(AuthFailure.Of(AuthError.SecondFactorInvalid, field, FieldErrorCode.Wrong));
    }

    private static SecondFactorResult Refused(AuthFailure refusal) => new(new SignInOutcome.Refused(refusal), null);
}
