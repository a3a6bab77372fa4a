using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.SignIn;

/// <summary>
/// Begins a session of a new account that has neither address nor name nor password.
/// Promises: a full account, with the id and the profile that it keeps when <see cref="Register"/> upgrades it.
/// Nobody can sign in to it a second time, so it is deleted when its last session is over. Sends nothing.
/// Fails with: <see cref="AuthError.RateLimited"/>, <see cref="AuthError.SignUpDisabled"/>,
/// <see cref="AuthError.ValidationFailed"/>.
/// </summary>
public sealed class SignInAnonymously(
    AuthDbContext db,
    Throttle throttle,
    SessionStore sessions,
    AuditLog audit,
    IOptions<AuthOptions> options,
    TimeProvider time
)
{
    /// <summary>Makes the account and its session.</summary>
    public async Task<SignInOutcome> BeginAsync(
        Caller caller,
        string? profile,
        SessionKind door,
        Dialect? dialect,
        CancellationToken ct
    )
    {
        if (
            await throttle.TakeAsync(
                caller,
                ct,
                (Budget.SignUpPerAddress, Throttle.Network(caller)),
                (Budget.AnonymousPerAddress, Throttle.Network(caller))
            ) is
            { } limited
        )
            return Refuse(limited);
        if (!options.Value.SignUp.Enabled)
            return Refuse(AuthError.SignUpDisabled);
        if (ChangeProfile.Shape(null, profile) is { } malformed)
            return Refuse(malformed);

        var user = new AuthUser
        {
            IsAnonymous = true,
            CreatedAt = time.GetUtcNow(),
            Profile = profile,
        };
        (user.UserName, user.NormalizedUserName) = (user.Id, user.Id);
        db.Users.Add(user);
        var session = sessions.Begin(user.Id, caller, door, "anon", dialect: dialect);
        audit.Write(AuditEvent.SignedInAnonymously, caller, user.Id, sessionId: session.Id);
        await db.SaveChangesAsync(ct);
        return new SignInOutcome.SignedIn(session, user);
    }

    private static SignInOutcome.Refused Refuse(AuthFailure refusal) => new(refusal);
}
