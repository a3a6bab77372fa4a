using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Mail;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Flows;

/// <summary>
/// Makes an account. Promises: one account per address and per user name under any concurrency, and a letter that verifies
/// the address. Reveals: whether an address is taken only where sign-up signs in; with <c>RequireVerifiedEmail</c> both answers
/// are the same and the owner gets a letter. Kills: in that mode, what an earlier registrant set on an address never verified.
/// Sends: <see cref="LetterKind.VerifyEmail"/> or <see cref="LetterKind.AddressTaken"/>.
/// Refuses with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.ValidationFailed"/>, <see cref="AuthError.SignUpDisabled"/>,
/// <see cref="AuthError.WeakPassword"/>, <see cref="AuthError.CommonPassword"/>, <see cref="AuthError.EmailTaken"/>, <see cref="AuthError.UsernameTaken"/>.
/// </summary>
public sealed class Register(
    AuthDbContext db, UserManager<AuthUser> users, Passwords passwords, HashingGate gate, Throttle throttle, Outbox outbox, Audit audit,
    OneTimeTokens tokens, Sessions sessions, IOptions<AuthOptions> options, TimeProvider time)
{
    /// <summary>What a person or program gives; an address or a user name is needed.</summary>
    public sealed record Input(string? Email, string? Username, string? Password, string? DisplayName = null, string? Profile = null);

    /// <summary>The new account; or no account, where the answer must not tell whether there is one.</summary>
    public sealed record Registered(AuthUser? User, string? Email);

    /// <summary>Makes the account.</summary>
    public async Task<Outcome<Registered>> CreateAsync(Caller caller, Input input, CancellationToken ct)
    {
        if (await throttle.TakeAsync(ct, (Budget.SignUpPerAddress, Throttle.Network(caller))) is { } limited) return limited;
        if (!options.Value.SignUp.Enabled) return AuthError.SignUpDisabled;
        if (Shape(input, out var email) is { } malformed) return malformed;
        // An account without an address could never be verified, and so never signed in to.
        if (options.Value.SignIn.RequireVerifiedEmail && email is null) return Refusal.Shape("email", Fault.Required);
        if (passwords.Judge(input.Password, "password", email, input.Username) is { } weak) return weak;

        var hidden = options.Value.SignIn.RequireVerifiedEmail && email is not null;
        if (await TakenNameAsync(input.Username, ct) is { } nameTaken) return nameTaken;
        var owner = email is null ? null : await db.Users.SingleOrDefaultAsync(u => u.NormalizedEmail == email, ct);
        if (owner is not null) return hidden ? await HideAsync(owner) : await RefuseAsync();

        var user = new AuthUser { Email = email, CreatedAt = time.GetUtcNow() };
        Describe(user);
        using (await gate.EnterAsync(ct))
            (await users.CreateAsync(user, input.Password!)).Demand();
        audit.Write(AuditEvent.Registered, caller, user.Id);
        if (email is not null) outbox.Promise(LetterKind.VerifyEmail, email, caller);
        try
        {
            await db.SaveChangesAsync(ct);
        }
        catch (DbUpdateException)
        {
            // Somebody else took the address or the name between the look and the write: the unique index decides.
            db.ChangeTracker.Clear();
            if (await TakenNameAsync(input.Username, ct) is { } lost) return lost;
            owner = await db.Users.SingleOrDefaultAsync(u => u.NormalizedEmail == email, ct);
            if (owner is null) throw;
            return hidden ? await HideAsync(owner) : await RefuseAsync();
        }
        return new Registered(hidden ? null : user, email);

        void Describe(AuthUser account)
        {
            account.UserName = input.Username ?? account.Id;
            account.DisplayName = input.DisplayName?.Trim();
            account.Profile = input.Profile;
        }

        async Task<Outcome<Registered>> RefuseAsync()
        {
            audit.Write(AuditEvent.RegisterRefused, caller, owner.Id, AuthError.EmailTaken);
            await db.SaveChangesAsync(ct);
            return Refusal.Of(AuthError.EmailTaken, "email", Fault.Taken);
        }

        async Task<Outcome<Registered>> HideAsync(AuthUser account)
        {
            if (account.EmailConfirmed)
            {
                await passwords.StandInAsync(input.Password!, ct);
            }
            else if (await ReplaceAsync(account) is { } lost)
            {
                return lost;
            }
            audit.Write(AuditEvent.RegisterRefused, caller, account.Id, AuthError.EmailTaken);
            outbox.Promise(LetterKind.AddressTaken, email!, caller);
            await db.SaveChangesAsync(ct);
            return new Registered(null, email);
        }

        // Nobody has shown that the address is theirs: the latest sign-up counts, and the earlier one leaves nothing.
        async Task<Refusal?> ReplaceAsync(AuthUser account)
        {
            Describe(account);
            account.Avatar = null;
            await passwords.SetAsync(account, input.Password!, ct);
            await using var transaction = await db.Database.BeginTransactionAsync(ct);
            await db.HoldAsync(account.Id, ct);
            await tokens.KillAsync(account.Id, ct);
            await sessions.EndAllAsync(account.Id, null, SessionEnd.PasswordReset, ct);
            try
            {
                // Of simultaneous ones the first counts; the others get the same answer and a letter.
                if (await db.TrySaveAsync(ct)) await transaction.CommitAsync(ct);
            }
            catch (DbUpdateException)
            {
                await transaction.RollbackAsync(ct);
                db.ChangeTracker.Clear();
                if (await TakenNameAsync(input.Username, ct) is { } lost) return lost;
                throw;
            }
            return null;
        }
    }

    private static Refusal? Shape(Input input, out string? email)
    {
        email = null;
        if (!string.IsNullOrWhiteSpace(input.Email))
        {
            if (!EmailAddress.TryParse(input.Email, out var canonical)) return Refusal.Shape("email", Fault.NotAnEmail);
            email = canonical;
        }
        else if (string.IsNullOrWhiteSpace(input.Username))
        {
            return Refusal.Shape("email", Fault.Required);
        }
        if (input.Username is not null && !UserName.IsValid(input.Username)) return Refusal.Shape("username", Fault.NotAUserName);
        return ChangeProfile.Shape(input.DisplayName, input.Profile);
    }

    private async Task<Refusal?> TakenNameAsync(string? name, CancellationToken ct)
    {
        var normalized = name?.ToLowerInvariant();
        return normalized is not null && await db.Users.AnyAsync(u => u.NormalizedUserName == normalized, ct)
            ? Refusal.Of(AuthError.UsernameTaken, "username", Fault.Taken) : null;
    }
}
