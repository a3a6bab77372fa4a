using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Mail;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Flows;

/// <summary>What came of a sign-in. The reason of a wrong one goes to the audit, never out.</summary>
public abstract record SignInOutcome
{
    private SignInOutcome() { }

    /// <summary>A session began.</summary>
    public sealed record SignedIn(Session Session, AuthUser User) : SignInOutcome
    {
        /// <inheritdoc />
        public override T Match<T>(Func<SignedIn, T> signedIn, Func<Refusal, T> refused) => signedIn(this);
    }

    /// <summary>Nothing began.</summary>
    public sealed record Refused(Refusal Refusal) : SignInOutcome
    {
        /// <inheritdoc />
        public override T Match<T>(Func<SignedIn, T> signedIn, Func<Refusal, T> refused) => refused(Refusal);
    }

    /// <summary>One of the branches; a new branch breaks every edge at compile time.</summary>
    public abstract T Match<T>(Func<SignedIn, T> signedIn, Func<Refusal, T> refused);
}

/// <summary>
/// Signs in with a password. Promises: unknown, wrong, locked and unverified accounts get the same answer for a wrong password,
/// after the same work; guesses are counted before they are looked at. Reveals: that an account is locked or unverified, only to
/// who gave its password. Sends: <see cref="LetterKind.NewSignIn"/> for a device and network not seen before.
/// Refuses with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>, <see cref="AuthError.InvalidCredentials"/>,
/// <see cref="AuthError.AccountLocked"/>, <see cref="AuthError.EmailNotVerified"/>.
/// </summary>
public sealed class SignIn(
    AuthDbContext db, Passwords passwords, Throttle throttle, Sessions sessions, Outbox outbox, Audit audit, IOptions<AuthOptions> options)
{
    /// <summary>What a person or program gives. The identifier is an e-mail address or a user name.</summary>
    public sealed record Input(string? Identifier, string? Password, SessionKind Door, bool Persistent = false, Dialect? Dialect = null);

    /// <summary>Begins a session where the password is right.</summary>
    public async Task<SignInOutcome> WithPasswordAsync(Caller caller, Input input, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(input.Identifier)) return Refuse(Refusal.Shape("identifier", Fault.Required));
        if (string.IsNullOrEmpty(input.Password)) return Refuse(Refusal.Shape("password", Fault.Required));

        var user = await FindAsync(input.Identifier, ct);
        // One count for an account, whichever of its names was typed (Authelia CVE-2025-24806), and one for all spellings of nobody's.
        var subject = user?.Id ?? (EmailAddress.TryParse(input.Identifier, out var email) ? email : input.Identifier.Trim().ToLowerInvariant());
        var taken = await throttle.TakeGuessAsync(caller, user, subject, ct);
        if (taken.Value is not { } guess) return Refuse(taken.Refusal!);
        bool right;
        using (guess) right = await passwords.MatchesAsync(guess, input.Password, ct);
        var refusal = !right ? AuthError.InvalidCredentials
            : user!.LockedAt is not null ? AuthError.AccountLocked
            : options.Value.SignIn.RequireVerifiedEmail && !user.EmailConfirmed ? AuthError.EmailNotVerified
            : (AuthError?)null;
        if (refusal is { } error)
        {
            audit.Write(AuditEvent.SignInRefused, caller, user?.Id, error);
            await db.SaveChangesAsync(ct);
            return Refuse(error);
        }

        var news = user!.Email is not null && await IsNewDeviceAsync(user.Id, caller, ct);
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        // What was compared may have been changed or closed meanwhile; whoever did that ended the sessions there were, not this one.
        if (!await HoldAsComparedAsync(user, ct))
        {
            audit.Write(AuditEvent.SignInRefused, caller, user.Id, AuthError.InvalidCredentials);
            await db.SaveChangesAsync(ct);
            await transaction.CommitAsync(ct);
            return Refuse(AuthError.InvalidCredentials);
        }
        var session = sessions.Begin(user.Id, caller, input.Door, "pwd", input.Persistent, input.Dialect);
        if (news) outbox.Promise(LetterKind.NewSignIn, user.Email!, caller, user.Id);
        audit.Write(AuditEvent.SignedIn, caller, user.Id, sessionId: session.Id);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        await throttle.GuessedRightAsync(caller, guess, ct);
        return new SignInOutcome.SignedIn(session, user);
    }

    /// <summary>Begins a session for an account that this very request made, where unverified accounts may have one.</summary>
    public async Task<SignInOutcome> AfterRegisterAsync(
        Caller caller, AuthUser user, SessionKind door, Dialect? dialect, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await HoldAsComparedAsync(user, ct)) return Refuse(AuthError.InvalidCredentials);
        var session = sessions.Begin(user.Id, caller, door, "pwd", dialect: dialect);
        audit.Write(AuditEvent.SignedIn, caller, user.Id, sessionId: session.Id);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return new SignInOutcome.SignedIn(session, user);
    }

    // Holds the account's row as HoldAsync does, but only while password and lock are those that were looked at.
    private async Task<bool> HoldAsComparedAsync(AuthUser user, CancellationToken ct) =>
        await db.Users.Where(u => u.Id == user.Id && u.SecurityStamp == user.SecurityStamp && u.LockedAt == null)
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
        var earlier = await db.Sessions.Where(s => s.UserId == userId)
            .OrderByDescending(s => s.CreatedAt).Select(s => new { s.Agent, s.Address }).Take(200).ToListAsync(ct);
        var network = Throttle.Network(caller);
        return earlier.Count > 0 && !earlier.Exists(s =>
            s.Agent == caller.Agent && Throttle.Network(caller with { Address = s.Address }) == network);
    }

    private static SignInOutcome.Refused Refuse(Refusal refusal) => new(refusal);
}
