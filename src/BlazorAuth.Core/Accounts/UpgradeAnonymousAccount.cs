using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Accounts;

/// <summary>
/// Makes an anonymous account somebody's: it gets an address or a user name, and a password, and keeps id, profile
/// and sessions. Reached through <see cref="Register"/>, which checks what was typed. Reveals what
/// <see cref="Register"/> does; where that hides whether an address is taken, the account gets its address only when
/// the address confirms.
/// Sends: <see cref="EmailKind.VerifyEmail"/>, or <see cref="EmailKind.ConfirmEmailChange"/> where taken addresses
/// are hidden.
/// Fails with: <see cref="AuthError.EmailTaken"/>, <see cref="AuthError.UsernameTaken"/>,
/// <see cref="AuthError.RateLimited"/>, <see cref="AuthError.SessionRevoked"/>, <see cref="AuthError.Conflict"/>.
/// </summary>
public sealed class UpgradeAnonymousAccount(
    AuthDbContext db,
    PasswordVerifier passwords,
    SessionStore sessions,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit,
    IOptions<AuthOptions> options
)
{
    /// <summary>Upgrades the caller's account.</summary>
    internal async Task<Result<Register.Registered>> UpgradeAsync(
        Caller caller,
        AuthUser user,
        Register.Input input,
        string? email,
        PasswordHashingLimiter.Lease place,
        CancellationToken ct
    )
    {
        // Whoever confirms elsewhere than in this session voids all that is set here (VerifyEmail.IsVoid).
        var hidden = options.Value.SignIn.RequireVerifiedEmail;
        if (email is not null && await throttle.TakeLetterAsync(caller, ct) is { } limited)
            return limited;
        if (!hidden && await TakenAsync(user.Id, email, input.Username, ct) is { } taken)
            return taken;

        await passwords.SetAsync(place, user, input.Password!, ct);
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        if (input.DisplayName is not null)
            user.DisplayName = input.DisplayName.Trim();
        if (input.Profile is not null)
            user.Profile = input.Profile;
        if (hidden)
            outbox.Enqueue(EmailKind.ConfirmEmailChange, email!, caller, user.Id, sessionId: caller.SessionId);
        else
            Name(caller, user, email, input.Username);
        audit.Write(AuditEvent.Upgraded, caller);
        try
        {
            if (!await db.TrySaveAsync(ct))
                return AuthError.Conflict;
        }
        catch (DbUpdateException)
        {
            await transaction.RollbackAsync(ct);
            db.ChangeTracker.Clear();
            if (await TakenAsync(user.Id, email, input.Username, ct) is { } lost)
                return lost;
            throw;
        }
        await transaction.CommitAsync(ct);
        return new Register.Registered(hidden ? null : user, email);
    }

    private void Name(Caller caller, AuthUser user, string? email, string? username)
    {
        (user.Email, user.NormalizedEmail, user.IsAnonymous) = (email, email, false);
        if (username is not null)
            (user.UserName, user.NormalizedUserName) = (username, username.ToLowerInvariant());
        if (email is not null)
            outbox.Enqueue(EmailKind.VerifyEmail, email, caller);
    }

    private async Task<AuthFailure?> TakenAsync(string userId, string? email, string? username, CancellationToken ct)
    {
        if (await UserName.WhyTakenAsync(db, username, userId, ct) is { } nameTaken)
            return nameTaken;
        return email is not null && await db.Users.AnyAsync(u => u.NormalizedEmail == email && u.Id != userId, ct)
            ? AuthFailure.Of(AuthError.EmailTaken, "email", FieldErrorCode.Taken)
            : null;
    }
}
