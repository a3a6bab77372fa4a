using System.Security.Cryptography;
using System.Text;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Tokens;

/// <summary>
/// Keys of an account for programs that nobody watches.
/// Promises: a key is shown once, nothing of it is stored, it is refused from the request after its end on, and it
/// may do nothing that needs a step-up. Ends with a changed password, unless its owner keeps it then; a reset, a lock
/// or a closed account ends it always (ADR 0013).
/// Sends: <see cref="EmailKind.ApiKeyMade"/>, with undo.
/// Fails with: those of <see cref="Reauthenticate"/>, <see cref="AuthError.ValidationFailed"/>,
/// <see cref="AuthError.Forbidden"/> to an anonymous account, <see cref="AuthError.Conflict"/> beyond
/// <see cref="Most"/> keys, <see cref="AuthError.RateLimited"/>, <see cref="AuthError.NotFound"/>,
/// <see cref="AuthError.SessionRevoked"/>.
/// </summary>
public sealed class ApiKeys(
    AuthDbContext db,
    Reauthenticate stepUp,
    TokenCodec secret,
    SessionStore sessions,
    Throttle throttle,
    Outbox outbox,
    AuditLog audit,
    TimeProvider time
)
{
    /// <summary>A key that is to live longer is one without an end, which is this far away.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(3653);

    /// <summary>Lets a key read what its owner may read at this API.</summary>
    public const string Read = "read";

    /// <summary>Lets a key change what its owner may change at this API without a step-up.</summary>
    public const string Write = "write";

    /// <summary>The most living keys of an account.</summary>
    public const int Most = 50;

    private const int MaximumDescription = 200,
        MaximumScopes = 20,
        MaximumScope = 40;

    /// <summary>
    /// What is asked for. Scopes beside <see cref="Read"/> and <see cref="Write"/> are for APIs that introspect.
    /// </summary>
    public sealed record Input(
        string? Description,
        TimeSpan? Lifetime = null,
        IReadOnlyList<string>? Scopes = null,
        string? Password = null
    );

    /// <summary>A new key: the one time that its text exists.</summary>
    public sealed record CreatedKey(string Key, Session Session);

    /// <summary>Makes a key, on the password or on a recent sign-in.</summary>
    public async Task<Result<CreatedKey>> MakeAsync(Caller caller, Input input, CancellationToken ct)
    {
        if (Shape(input) is { } malformed)
            return malformed;
        // A key outlives every token: where the session was begun elsewhere, a token alone makes none (ADR 0018).
        if (input.Password is null && !caller.ByKey && !caller.AtHome && !caller.SteppedUp)
            return AuthError.StepUpRequired;
        var demanded = await stepUp.RequireRecentAuthenticationAsync(
            caller,
            Reauthentication.From(input.Password),
            "password",
            ct
        );
        if (demanded.Value is not { User: var user })
            return demanded.Failure!;
        // Nobody can come back to an anonymous account, and anybody can make one: its keys would be a stranger's, for
        // years.
        if (user.IsAnonymous)
            return AuthError.Forbidden;
        if (await throttle.TakeChangeAsync(caller, ct) is { } limited)
            return limited;

        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        var now = time.GetUtcNow();
        // Inside the transaction that holds the account: two at once see each other.
        if (await Living(user.Id, now).CountAsync(ct) >= Most)
            return AuthFailure.Of(AuthError.Conflict, "keys", FieldErrorCode.TooLong, Most);
        var end = now + (input.Lifetime ?? Longest);
        var session = new Session
        {
            Id = TokenCodec.Random(16),
            UserId = user.Id,
            Kind = SessionKind.Key,
            Methods = "key",
            Description = input.Description!.Trim(),
            Scopes = input.Scopes is null ? null : string.Join(' ', input.Scopes),
            CreatedAt = now,
            AuthenticatedAt = now,
            LastSeenAt = now,
            Address = caller.Address,
            Agent = caller.Agent,
            IdleEndsAt = end,
            AbsoluteEndsAt = end,
            Generation = 1,
            RenewedGeneration = 1,
            GenerationAt = now,
        };
        db.Sessions.Add(session);
        audit.Write(AuditEvent.ApiKeyMade, caller);
        // A key lives for years and works without a password: whoever made it in a stranger's session must not do so
        // unseen.
        if (user.Email is not null)
            outbox.Enqueue(
                EmailKind.ApiKeyMade,
                user.Email,
                caller,
                user.Id,
                detail: session.Description,
                state: new RevertibleChange.ApiKeyMade(session.Id).ToJson()
            );
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return new CreatedKey(secret.ApiKey(session.Id), session);
    }

    /// <summary>The caller's living keys, the newest first.</summary>
    public async Task<IReadOnlyList<Session>> ListAsync(Caller caller, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        return await Living(caller.UserId, now).AsNoTracking().OrderByDescending(s => s.CreatedAt).ToListAsync(ct);
    }

    private IQueryable<Session> Living(string? userId, DateTimeOffset now) =>
        db.Sessions.Where(s =>
            s.UserId == userId && s.Kind == SessionKind.Key && s.EndedAt == null && s.AbsoluteEndsAt > now
        );

    /// <summary>Revokes one, on the password or on a recent sign-in.</summary>
    public async Task<Result> RevokeAsync(Caller caller, string id, string? password, CancellationToken ct)
    {
        var demanded = await stepUp.RequireRecentAuthenticationAsync(
            caller,
            Reauthentication.From(password),
            "password",
            ct
        );
        if (demanded.Value is not { User: var user })
            return demanded.Failure!;
        if (!TokenCodec.IsSessionId(id))
            return AuthError.NotFound;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await sessions.EndKeyAsync(user.Id, id, ct) == 0)
            return AuthError.NotFound;
        audit.Write(AuditEvent.ApiKeyRevoked, caller);
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return Result.Done;
    }

    /// <summary>SHA-256 of a key as its owner has it, in hexadecimal: programs tell their keys apart by it.</summary>
    /// <param name="key">The key's session.</param>
    /// <param name="spelled">The key's text as the edge hands it out.</param>
    public string Fingerprint(Session key, Func<string, string> spelled) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(spelled(secret.ApiKey(key.Id)))));

    /// <summary>When a key ends; null where it does not.</summary>
    public static DateTimeOffset? EndOf(Session key) =>
        key.AbsoluteEndsAt - key.CreatedAt >= Longest ? null : key.AbsoluteEndsAt;

    /// <summary>
    /// The living session of a key; <paramref name="changes"/> is whether the request may change something.
    /// </summary>
    public async Task<Result<Session>> FindAsync(string? key, bool changes, CancellationToken ct)
    {
        if (!secret.TryReadApiKey(key, out var id))
            return AuthError.AccessTokenInvalid;
        var found = await sessions.FindLiveAsync(id, 1, ct);
        if (found.Value is not { } session)
            return found;
        if (session.Kind != SessionKind.Key)
            return AuthError.AccessTokenInvalid;
        if (session.Scopes is { } scopes && !scopes.Split(' ').Contains(changes ? Write : Read))
            return AuthError.Forbidden;
        await sessions.TouchAsync(session, ct);
        return session;
    }

    private static AuthFailure? Shape(Input input)
    {
        if (string.IsNullOrWhiteSpace(input.Description))
            return AuthFailure.Shape("description", FieldErrorCode.Required);
        if (ChangeProfile.ShapeOfText("description", input.Description, MaximumDescription) is { } malformed)
            return malformed;
        if (input.Lifetime is { } life && (life <= TimeSpan.Zero || life > Longest))
            return AuthFailure.Shape("expiresIn", FieldErrorCode.TooLong, (int)Longest.TotalSeconds);
        if (input.Scopes is null)
            return null;
        return input.Scopes.Count is 0 or > MaximumScopes || !input.Scopes.All(IsScope)
            ? AuthFailure.Shape("scopes", FieldErrorCode.TooLong, MaximumScopes)
            : null;
    }

    // As RFC 6749 §3.3 spells a scope, but shorter.
    private static bool IsScope(string? scope) =>
        scope is { Length: > 0 and <= MaximumScope } && scope.All(c => c is > ' ' and <= '~' and not ('"' or '\\'));
}
