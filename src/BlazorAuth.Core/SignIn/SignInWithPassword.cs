using System.Text.Json;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.ExternalLogins;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.SignIn;

/// <summary>
/// Signs in with a password, and begins the session of every other flow that proves somebody.
/// Promises: unknown, wrong, locked and unverified accounts get the same answer for a wrong password, after the same
/// work; guesses are counted before they are looked at; one factor opens nothing where a second is on.
/// Reveals: that an account is locked, unverified or has a second factor, only to who gave its password.
/// Sends: <see cref="EmailKind.NewSignIn"/> for a device and network not seen before.
/// Fails with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.InvalidCredentials"/>, <see cref="AuthError.AccountLocked"/>,
/// <see cref="AuthError.EmailNotVerified"/>.
/// </summary>
public sealed class SignInWithPassword(
    AuthDbContext db,
    PasswordVerifier passwords,
    Throttle throttle,
    SecondFactorStore factors,
    TrustedDevices devices,
    KnownDevices known,
    ExternalLoginStore logins,
    OneTimeTokens tokens,
    SessionStore sessions,
    Outbox outbox,
    AuditLog audit,
    IOptions<AuthOptions> options
)
{
    /// <summary>
    /// What a person or program gives. The identifier is an e-mail address or a user name; the remembered device is the
    /// cookie of a browser that the second factor is not asked for in, the known one that of
    /// <see cref="KnownDevices"/>.
    /// </summary>
    public sealed record Input(
        string? Identifier,
        string? Password,
        SessionKind Door,
        bool Persistent = false,
        Dialect? Dialect = null,
        string? TrustedDevice = null,
        string? KnownDevice = null
    );

    /// <summary>Somebody who has proven to own an account, and the session they want.</summary>
    /// <param name="User">The account as it was when it was looked at.</param>
    /// <param name="Methods">
    /// How: RFC 8176 values, separated by spaces; with <c>mfa</c> no second factor is asked for.
    /// </param>
    /// <param name="Door">The door.</param>
    /// <param name="Persistent">Whether a cookie outlives the browser.</param>
    /// <param name="Dialect">The dialect, where it is one.</param>
    /// <param name="TrustedDevice">The cookie of a remembered browser.</param>
    /// <param name="OfAddress">
    /// Whether it shows that the account's address is theirs, so that it need not be verified before.
    /// </param>
    /// <param name="Link">
    /// The external provider to link when the session begins: not before the second factor is given.
    /// </param>
    internal sealed record AuthenticationResult(
        AuthUser User,
        string Methods,
        SessionKind Door,
        bool Persistent = false,
        Dialect? Dialect = null,
        string? TrustedDevice = null,
        bool OfAddress = false,
        ExternalLogin? Link = null
    )
    {
        public bool TwoFactors => Session.AreTwoFactors(Methods);
    }

    /// <summary>
    /// The state of a <see cref="TokenPurpose.SecondFactor"/> ticket: what was proven, by an account that has not
    /// changed since.
    /// </summary>
    internal sealed record PendingSignIn(
        string Stamp,
        string Methods,
        SessionKind Door,
        bool Persistent,
        Dialect? Dialect,
        ExternalLogin? Link = null
    );

    /// <summary>Begins a session where the password is right.</summary>
    public async Task<SignInOutcome> WithPasswordAsync(Caller caller, Input input, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(input.Identifier))
            return Refuse(AuthFailure.Shape("identifier", FieldErrorCode.Required));
        if (string.IsNullOrEmpty(input.Password))
            return Refuse(AuthFailure.Shape("password", FieldErrorCode.Required));

        var user = await FindAsync(input.Identifier, ct);
        // One count for an account, whichever of its names was typed (Authelia CVE-2025-24806), and one for all
        // spellings of nobody's.
        var subject =
            user?.Id
            ?? (
                EmailAddress.TryParse(input.Identifier, out var email)
                    ? email
                    : input.Identifier.Trim().ToLowerInvariant()
            );
        var taken = await throttle.BeginAttemptAsync(
            caller,
            user,
            subject,
            ct,
            known.Find(input.KnownDevice, user?.Id ?? subject)
        );
        if (taken.Value is not { } guess)
            return Refuse(taken.Failure!);
        bool right;
        using (guess)
            right = await passwords.MatchesAsync(guess, input.Password, ct);
        if (!right)
            return await RefuseAsync(caller, user?.Id, AuthError.InvalidCredentials, ct);
        var outcome = await CompleteSignInAsync(
            caller,
            new(user!, "pwd", input.Door, input.Persistent, input.Dialect, input.TrustedDevice),
            null,
            ct
        );
        // Too many sessions is no wrong password: counted as one, it would stop the account's.
        if (outcome is not SignInOutcome.Refused { Failure.Error: not AuthError.RateLimited })
            await throttle.ReportSuccessAsync(caller, guess, ct);
        return outcome;
    }

    /// <summary>
    /// Goes on after a proof, whichever it was (ADR 0015): refuses locked accounts and, where that is demanded,
    /// unverified ones; asks for the second factor; else begins the session.
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="proof">What was proven.</param>
    /// <param name="consumeAsync">
    /// Spends, in the session's own transaction, what was proven with; its refusal undoes everything.
    /// </param>
    /// <param name="ct">Ends the wait.</param>
    internal async Task<SignInOutcome> CompleteSignInAsync(
        Caller caller,
        AuthenticationResult proof,
        Func<Task<AuthFailure?>>? consumeAsync,
        CancellationToken ct
    )
    {
        var user = proof.User;
        if (user.LockedAt is not null)
            return await RefuseAsync(caller, user.Id, AuthError.AccountLocked, ct);
        if (options.Value.SignIn.RequireVerifiedEmail && !user.EmailConfirmed && !proof.OfAddress)
            return await RefuseAsync(caller, user.Id, AuthError.EmailNotVerified, ct);
        // Right passwords cost no attempt; whoever has an account must not fill tables and audit with sign-ins to it.
        if (await throttle.TakeAsync(caller, ct, (Budget.SessionsPerAccount, user.Id)) is { } limited)
            return Refuse(limited);
        var news = user.Email is not null && await IsNewDeviceAsync(user.Id, caller, ct);
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        // What was compared may have been changed or closed meanwhile; whoever did that ended the sessions there were,
        // not this one.
        if (!await LockUserRowIfUnchangedAsync(user, ct))
            return await UndoAsync(AuthError.InvalidCredentials);
        if (consumeAsync is not null && await consumeAsync() is { } spent)
            return await UndoAsync(spent);
        // Asked inside the transaction: a factor that is added just now is either seen here, or ends this session too.
        if (
            !proof.TwoFactors
            && await factors.AreDueAsync(user.Id, ct)
            && !await devices.IsRememberedAsync(user.Id, proof.TrustedDevice, ct)
        )
        {
            var half = new PendingSignIn(
                user.SecurityStamp!,
                proof.Methods,
                proof.Door,
                proof.Persistent,
                proof.Dialect,
                proof.Link
            );
            var (_, ticket) = tokens.Issue(TokenPurpose.SecondFactor, user.Id, "", JsonSerializer.Serialize(half));
            await db.SaveChangesAsync(ct);
            await transaction.CommitAsync(ct);
            return new SignInOutcome.NeedsSecondFactor(ticket, await factors.MethodsAsync(user.Id, ct));
        }
        if (proof.Link is { } link && await logins.LinkAsync(caller, user, link, ct) is { } taken)
            return await UndoAsync(taken);
        await sessions.MakeRoomAsync(user.Id, ct);
        var session = sessions.Begin(user.Id, caller, proof.Door, proof.Methods, proof.Persistent, proof.Dialect);
        if (news)
            outbox.Enqueue(EmailKind.NewSignIn, user.Email!, caller, user.Id);
        if (user.WrongCodes > 0)
            await OneTimeTokens.AllowCodesAsync(db, user.Id, ct);
        audit.Write(AuditEvent.SignedIn, caller, user.Id, sessionId: session.Id);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return new SignInOutcome.SignedIn(session, user);

        async Task<SignInOutcome> UndoAsync(AuthFailure refusal)
        {
            await transaction.RollbackAsync(ct);
            db.ChangeTracker.Clear();
            return await RefuseAsync(caller, user.Id, refusal, ct);
        }
    }

    /// <summary>
    /// Begins a session for an account that this very request made, where unverified accounts may have one.
    /// </summary>
    public async Task<SignInOutcome> AfterRegisterAsync(
        Caller caller,
        AuthUser user,
        SessionKind door,
        Dialect? dialect,
        CancellationToken ct
    )
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await LockUserRowIfUnchangedAsync(user, ct))
            return Refuse(AuthError.InvalidCredentials);
        var session = sessions.Begin(user.Id, caller, door, "pwd", dialect: dialect);
        audit.Write(AuditEvent.SignedIn, caller, user.Id, sessionId: session.Id);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return new SignInOutcome.SignedIn(session, user);
    }

    // Holds the account's row as LockUserRowAsync does, but only while password and lock are those that were looked at.
    private async Task<bool> LockUserRowIfUnchangedAsync(AuthUser user, CancellationToken ct) =>
        await db
            .Users.Where(u => u.Id == user.Id && u.SecurityStamp == user.SecurityStamp && u.LockedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.SecurityStamp, user.SecurityStamp), ct) == 1;

    private async Task<AuthUser?> FindAsync(string identifier, CancellationToken ct)
    {
        // A text that is neither kind of name still costs one look-up, as every unknown name does.
        if (EmailAddress.TryParse(identifier, out var email))
            return await db.Users.SingleOrDefaultAsync(u => u.NormalizedEmail == email, ct);
        var name = UserName.IsValid(identifier.Trim()) ? identifier.Trim().ToLowerInvariant() : "";
        return await db.Users.SingleOrDefaultAsync(u => u.NormalizedUserName == name, ct);
    }

    // The first sign-in of an account is news to nobody. Ended sessions count: a device seen once is known.
    private async Task<bool> IsNewDeviceAsync(string userId, Caller caller, CancellationToken ct)
    {
        var earlier = await db
            .Sessions.Where(s => s.UserId == userId)
            .OrderByDescending(s => s.CreatedAt)
            .Select(s => new { s.Agent, s.Address })
            .Take(200)
            .ToListAsync(ct);
        var network = Throttle.Network(caller);
        return earlier.Count > 0
            && !earlier.Exists(s =>
                s.Agent == caller.Agent && Throttle.Network(caller with { Address = s.Address }) == network
            );
    }

    private async Task<SignInOutcome> RefuseAsync(
        Caller caller,
        string? userId,
        AuthFailure refusal,
        CancellationToken ct
    )
    {
        await throttle.NoteAsync(caller, AuditEvent.SignInRefused, ct, userId, refusal.Error);
        return Refuse(refusal);
    }

    private static SignInOutcome.Refused Refuse(AuthFailure refusal) => new(refusal);
}
