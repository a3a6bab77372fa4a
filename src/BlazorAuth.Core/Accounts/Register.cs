using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Accounts;

/// <summary>
/// Makes an account.
/// Promises: one account per address and per user name under any concurrency, and an email that verifies the address.
/// Reveals: whether an address is taken only where sign-up signs in; with <c>RequireVerifiedEmail</c> both answers
/// are the same and the owner gets an email; a user name given there is not looked at. Who asks from an anonymous
/// account keeps it (see <see cref="UpgradeAnonymousAccount"/>). A second sign-up with an address never verified
/// contests the first.
/// Sends: <see cref="EmailKind.VerifyEmail"/> or <see cref="EmailKind.AddressTaken"/>.
/// Fails with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.SignUpDisabled"/>, <see cref="AuthError.WeakPassword"/>,
/// <see cref="AuthError.CommonPassword"/>, <see cref="AuthError.EmailTaken"/>, <see cref="AuthError.UsernameTaken"/>.
/// </summary>
public sealed class Register(
    AuthDbContext db,
    PasswordVerifier passwords,
    PasswordHashingLimiter gate,
    UpgradeAnonymousAccount upgrade,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit,
    IOptions<AuthOptions> options,
    TimeProvider time
)
{
    /// <summary>What a person or program gives; an address or a user name is needed.</summary>
    public sealed record Input(
        string? Email,
        string? Username,
        string? Password,
        string? DisplayName = null,
        string? Profile = null
    );

    /// <summary>The new account; or no account, where the answer must not tell whether there is one.</summary>
    public sealed record Registered(AuthUser? User, string? Email);

    /// <summary>Makes the account.</summary>
    public async Task<Result<Registered>> CreateAsync(Caller caller, Input input, CancellationToken ct)
    {
        using var place = gate.TryAcquire(caller);
        if (place is null)
            return PasswordHashingLimiter.Rejected;
        if (await throttle.TakeAsync(caller, ct, (Budget.SignUpPerAddress, Throttle.Network(caller))) is { } limited)
            return limited;
        if (!options.Value.SignUp.Enabled)
            return AuthError.SignUpDisabled;
        if (Shape(input, out var email) is { } malformed)
            return malformed;
        var hidden = options.Value.SignIn.RequireVerifiedEmail;
        // An account without an address could never be verified, and so never signed in to.
        if (hidden && email is null)
            return AuthFailure.Shape("email", FieldErrorCode.Required);
        if (passwords.Judge(input.Password, "password", email, input.Username) is { } weak)
            return weak;
        if (await AnonymousAsync(caller, ct) is { } anonymous)
            return await upgrade.UpgradeAsync(caller, anonymous, input, email, place, ct);

        // A name reserved with a free address only would tell that it was free, and a taken one names an account; where
        // that is hidden, names are chosen later.
        var name = hidden ? null : input.Username;
        if (await UserName.WhyTakenAsync(db, name, null, ct) is { } nameTaken)
            return nameTaken;
        // Over the budget the answer stays the same, and no email goes out: a sign-up form is no way to flood a
        // mailbox.
        var mayWrite = !hidden || await throttle.TakeLetterAsync(caller, ct) is null;
        var owner = email is null ? null : await db.Users.SingleOrDefaultAsync(u => u.NormalizedEmail == email, ct);
        if (owner is not null)
            return hidden ? await HideAsync(owner) : await RefuseAsync();

        var user = new AuthUser { Email = email, CreatedAt = time.GetUtcNow() };
        Describe(user);
        await passwords.CreateAsync(place, user, input.Password!, ct);
        audit.Write(AuditEvent.Registered, caller, user.Id);
        if (email is not null && mayWrite)
            outbox.Enqueue(EmailKind.VerifyEmail, email, caller);
        try
        {
            await db.SaveChangesAsync(ct);
        }
        catch (DbUpdateException)
        {
            // Somebody else took the address or the name between the look and the write: the unique index decides.
            db.ChangeTracker.Clear();
            if (await UserName.WhyTakenAsync(db, name, null, ct) is { } lost)
                return lost;
            owner = await db.Users.SingleOrDefaultAsync(u => u.NormalizedEmail == email, ct);
            if (owner is null)
                throw;
            return hidden ? await HideAsync(owner) : await RefuseAsync();
        }
        return new Registered(hidden ? null : user, email);

        void Describe(AuthUser account)
        {
            account.UserName = name ?? account.Id;
            account.DisplayName = input.DisplayName?.Trim();
            account.Profile = input.Profile;
        }

        async Task<Result<Registered>> RefuseAsync()
        {
            await ContestAsync(db, owner.Id, time.GetUtcNow(), ct);
            await throttle.NoteAsync(caller, AuditEvent.RegisterRefused, ct, owner.Id, AuthError.EmailTaken);
            return AuthFailure.Of(AuthError.EmailTaken, "email", FieldErrorCode.Taken);
        }

        async Task<Result<Registered>> HideAsync(AuthUser account)
        {
            await passwords.StandInAsync(place, input.Password!, ct);
            await ContestAsync(db, account.Id, time.GetUtcNow(), ct);
            if (mayWrite)
                outbox.Enqueue(EmailKind.AddressTaken, email!, caller);
            await throttle.NoteAsync(caller, AuditEvent.RegisterRefused, ct, account.Id, AuthError.EmailTaken);
            return new Registered(null, email);
        }
    }

    /// <summary>
    /// Why <see cref="CreateAsync"/> would refuse a name, a password, or both, for the caller; whether an address is
    /// taken is not looked at, nor, where sign-up hides it, a name.
    /// </summary>
    public async Task<AuthFailure?> JudgeAsync(Caller caller, Input input, CancellationToken ct)
    {
        if (await throttle.TakeAsync(caller, ct, (Budget.SignUpPerAddress, Throttle.Network(caller))) is { } limited)
            return limited;
        if ((input.Email ?? input.Username) is not null && Shape(input, out _) is { } malformed)
            return malformed;
        if (
            input.Password is not null
            && passwords.Judge(input.Password, "password", input.Email, input.Username) is { } weak
        )
            return weak;
        return options.Value.SignIn.RequireVerifiedEmail
            ? null
            : await UserName.WhyTakenAsync(db, input.Username, caller.UserId, ct);
    }

    private async Task<AuthUser?> AnonymousAsync(Caller caller, CancellationToken ct) =>
        caller.UserId is null || caller.ByKey
            ? null
            : await db.Users.SingleOrDefaultAsync(u => u.Id == caller.UserId && u.IsAnonymous, ct);

    // Two signed up with an address that neither has shown to be theirs; VerifyEmail decides who it belongs to.
    internal static Task ContestAsync(AuthDbContext db, string userId, DateTimeOffset now, CancellationToken ct) =>
        db
            .Users.Where(u => u.Id == userId && !u.EmailConfirmed)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.ContestedAt, now), ct);

    private static AuthFailure? Shape(Input input, out string? email)
    {
        email = null;
        if (!string.IsNullOrWhiteSpace(input.Email))
        {
            if (!EmailAddress.TryParse(input.Email, out var canonical))
                return AuthFailure.Shape("email", FieldErrorCode.NotAnEmail);
            email = canonical;
        }
        else if (string.IsNullOrWhiteSpace(input.Username))
        {
            return AuthFailure.Shape("email", FieldErrorCode.Required);
        }
        if (input.Username is not null && !UserName.IsValid(input.Username))
            return AuthFailure.Shape("username", FieldErrorCode.NotAUserName);
        return ChangeProfile.Shape(input.DisplayName, input.Profile);
    }
}
