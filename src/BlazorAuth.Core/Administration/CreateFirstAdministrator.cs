using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Administration;

/// <summary>
/// Makes the first administrator, by a one-time link that only the console of a new store shows. There are no default
/// credentials (ASVS 6.3.2).
/// Sends: <see cref="EmailKind.VerifyEmail"/>.
/// Fails with: those of <see cref="Register"/> about address and password, <see cref="AuthError.LinkInvalid"/>,
/// <see cref="AuthError.LinkExpired"/>, <see cref="AuthError.LinkUsed"/>.
/// </summary>
public sealed class CreateFirstAdministrator(
    AuthDbContext db,
    PasswordVerifier passwords,
    PasswordHashingLimiter gate,
    OneTimeTokens tokens,
    SignInWithPassword signIn,
    Outbox outbox,
    AuditLog audit,
    IOptions<AuthOptions> options,
    TimeProvider time
)
{
    private const string Nobody = "";

    /// <summary>The link, once, where the store has neither accounts nor an earlier link; else null.</summary>
    public async Task<Uri?> OfferAsync(CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (
            await db.Users.AnyAsync(ct)
            || await db.OneTimeTokens.AnyAsync(t => t.Purpose == TokenPurpose.SetUpAdministrator, ct)
        )
            return null;
        var minted = await tokens.MintAsync(
            TokenPurpose.SetUpAdministrator,
            Nobody,
            Nobody,
            withCode: false,
            sessionId: null,
            ct
        );
        try
        {
            await db.SaveChangesAsync(ct);
        }
        catch (DbUpdateException)
        {
            await transaction.RollbackAsync(ct);
            db.ChangeTracker.Clear();
            if (await db.OneTimeTokens.AnyAsync(t => t.Purpose == TokenPurpose.SetUpAdministrator, ct))
                return null;
            throw;
        }
        await transaction.CommitAsync(ct);
        return options.Value.Link($"admin/setup?token={minted.Link}");
    }

    /// <summary>What a link would do, without doing it.</summary>
    public Task<Result<OneTimeToken>> PreviewAsync(Caller caller, string? link, CancellationToken ct) =>
        tokens.FindAsync(caller, TokenPurpose.SetUpAdministrator, link, ct);

    /// <summary>Makes the account, gives it the role, and signs it in.</summary>
    public async Task<SignInOutcome> MakeAsync(
        Caller caller,
        string? link,
        string? email,
        string? password,
        CancellationToken ct
    )
    {
        var found = await tokens.FindAsync(caller, TokenPurpose.SetUpAdministrator, link, ct);
        if (found.Value is not { } token)
            return new SignInOutcome.Refused(found.Failure!);
        if (!EmailAddress.TryParse(email, out var address))
            return Refuse(AuthFailure.Shape("email", FieldErrorCode.NotAnEmail));
        if (passwords.Judge(password, "password", address, null) is { } weak)
            return Refuse(weak);
        if (await db.Users.AnyAsync(u => u.NormalizedEmail == address, ct))
            return Refuse(AuthFailure.Of(AuthError.EmailTaken, "email", FieldErrorCode.Taken));

        var user = new AuthUser { Email = address, CreatedAt = time.GetUtcNow() };
        user.UserName = user.Id;
        using (var place = gate.TryAcquire(caller))
        {
            if (place is null)
                return Refuse(PasswordHashingLimiter.Rejected);
            await passwords.CreateAsync(place, user, password!, ct);
        }
        await using (var transaction = await db.Database.BeginTransactionAsync(ct))
        {
            if (!await tokens.SpendAsync(token, ct))
                return Refuse(AuthError.LinkUsed);
            db.UserRoles.Add(new IdentityUserRole<string> { UserId = user.Id, RoleId = AuthDbContext.Administrator });
            outbox.Enqueue(EmailKind.VerifyEmail, address, caller);
            audit.Write(AuditEvent.Registered, caller, user.Id);
            audit.Write(AuditEvent.AdministratorMade, caller, user.Id);
            try
            {
                await db.SaveChangesAsync(ct);
            }
            catch (DbUpdateException)
            {
                await transaction.RollbackAsync(ct);
                db.ChangeTracker.Clear();
                if (await db.Users.AnyAsync(u => u.NormalizedEmail == address, ct))
                    return Refuse(AuthFailure.Of(AuthError.EmailTaken, "email", FieldErrorCode.Taken));
                throw;
            }
            await transaction.CommitAsync(ct);
        }
        return await signIn.AfterRegisterAsync(caller, user, SessionKind.Browser, null, ct);
    }

    private static SignInOutcome.Refused Refuse(AuthFailure refusal) => new(refusal);
}
