using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Accounts;

/// <summary>
/// Reads and changes what an account says of itself.
/// Promises: the account's row is locked from the read to the change, so that changes at the same time are all kept.
/// Fails with: <see cref="AuthError.ValidationFailed"/>, <see cref="AuthError.UsernameTaken"/>,
/// <see cref="AuthError.RateLimited"/>, <see cref="AuthError.Forbidden"/> a user name to an anonymous account,
/// <see cref="AuthError.SessionRevoked"/>, <see cref="AuthError.Conflict"/>.
/// </summary>
public sealed class ChangeProfile(AuthDbContext db, Throttle throttle, SessionStore sessions, AuditLog audit)
{
    /// <summary>Longest display name, in code points.</summary>
    public const int MaximumNameLength = 200;

    /// <summary>Largest profile, in UTF-8 bytes of JSON.</summary>
    public const int MaximumProfileLength = 16 * 1024;

    /// <summary>Deepest profile: it stands inside answers of a few levels more.</summary>
    public const int MaximumProfileDepth = 24;

    private const int MaximumAvatarLength = 2048;
    private static readonly JsonElement Empty = JsonElement.Parse("{}");

    // Escapes would make a text up to twice as long as its owner wrote it.
    private static readonly JsonSerializerOptions AsWritten = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>A field that may be absent (left alone), null (cleared) or given.</summary>
    public readonly record struct Field(bool IsGiven, string? Value)
    {
        /// <summary>A given value.</summary>
        public static implicit operator Field(string? value) => new(true, value);
    }

    /// <summary>What a given profile does to the one there is.</summary>
    public enum ProfileMode
    {
        /// <summary>It takes its place.</summary>
        Replace,

        /// <summary>Its fields take the place of those of the same name; all others stay.</summary>
        SetFields,

        /// <summary>It is added object by object, at every depth.</summary>
        Merge,
    }

    /// <summary>What to change.</summary>
    public sealed record Input(
        Field DisplayName = default,
        Field Avatar = default,
        Field Username = default,
        Field Profile = default,
        ProfileMode Mode = ProfileMode.Replace
    );

    /// <summary>The caller's account.</summary>
    public async Task<Result<Account>> ReadAsync(Caller caller, CancellationToken ct)
    {
        var user = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        return user is null ? AuthError.SessionRevoked : await ViewAsync(user, ct);
    }

    /// <summary>The account of a user row.</summary>
    public async Task<Account> ViewAsync(AuthUser user, CancellationToken ct)
    {
        var roles = await db
            .UserRoles.Where(r => r.UserId == user.Id)
            .Join(db.Roles, r => r.RoleId, r => r.Id, (_, role) => role.Name!)
            .ToListAsync(ct);
        return new(
            user.Id,
            user.Email,
            user.ChosenUserName,
            user.EmailConfirmed,
            user.DisplayName,
            user.Avatar,
            user.IsAnonymous,
            user.LockedAt is null,
            roles,
            user.Profile is null ? Empty : JsonElement.Parse(user.Profile),
            user.CreatedAt
        );
    }

    /// <summary>Changes the fields that are given.</summary>
    public async Task<Result<Account>> ChangeAsync(Caller caller, Input input, CancellationToken ct)
    {
        if (Shape(input.DisplayName.Value, input.Profile.Value) is { } malformed)
            return malformed;
        if (input.Avatar.Value is { } avatar && !IsPicture(avatar))
            return AuthFailure.Shape("avatar", FieldErrorCode.NotAUrl);
        if (input.Username.Value is { } name && !UserName.IsValid(name))
            return AuthFailure.Shape("username", FieldErrorCode.NotAUserName);
        if (input.Username.IsGiven && await MayTryAsync(caller, input.Username.Value, ct) is { } limited)
            return limited;
        if (caller.UserId is not null && await throttle.TakeChangeAsync(caller, ct) is { } tooMany)
            return tooMany;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (!await sessions.LockUserRowAsync(caller, ct))
            return AuthError.SessionRevoked;
        var user = await db.Users.SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        if (user is null)
            return AuthError.SessionRevoked;
        if (input.Username is { IsGiven: true, Value: null } && user.Email is null)
            return AuthFailure.Shape("username", FieldErrorCode.Required);
        if (input.Username.IsGiven && await WhyNotNamedAsync(user, input.Username.Value, ct) is { } unnamed)
            return unnamed;

        if (input.DisplayName.IsGiven)
            user.DisplayName = input.DisplayName.Value?.Trim();
        if (input.Avatar.IsGiven)
            user.Avatar = input.Avatar.Value;
        if (input.Profile.IsGiven)
            user.Profile = Apply(input, user.Profile);
        if (input.Mode != ProfileMode.Replace && Shape(null, user.Profile) is { } tooMuch)
            return tooMuch;
        if (input.Username.IsGiven)
        {
            user.UserName = input.Username.Value ?? user.Id;
            user.NormalizedUserName = user.UserName.ToLowerInvariant();
        }
        audit.Write(AuditEvent.ProfileChanged, caller);
        try
        {
            if (!await db.TrySaveAsync(ct))
                return AuthError.Conflict;
            await transaction.CommitAsync(ct);
        }
        catch (DbUpdateException)
        {
            await transaction.RollbackAsync(ct);
            db.ChangeTracker.Clear();
            if (await UserName.WhyTakenAsync(db, user.UserName, user.Id, ct) is { } lost)
                return lost;
            throw;
        }
        return await ViewAsync(user, ct);
    }

    // A taken name is told, so trying names is counted like signing up, before the transaction: a refused try counts
    // too.
    private async Task<AuthFailure?> MayTryAsync(Caller caller, string? name, CancellationToken ct)
    {
        var user = await db.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == caller.UserId, ct);
        return user is null || user.IsAnonymous || name == user.ChosenUserName
            ? null
            : await throttle.TakeAsync(caller, ct, (Budget.SignUpPerAddress, Throttle.Network(caller)));
    }

    // A user name needs an account that is somebody's: an anonymous one gets its name with its password (Upgrade).
    private async Task<AuthFailure?> WhyNotNamedAsync(AuthUser user, string? name, CancellationToken ct) =>
        name == user.ChosenUserName ? null
        : user.IsAnonymous ? AuthError.Forbidden
        : await UserName.WhyTakenAsync(db, name, user.Id, ct);

    private static string? Apply(Input input, string? before)
    {
        if (input.Mode == ProfileMode.Replace || input.Profile.Value is not { } given || before is null)
            return input.Profile.Value;
        var (profile, added) = (JsonNode.Parse(before)!.AsObject(), JsonNode.Parse(given)!.AsObject());
        if (input.Mode == ProfileMode.Merge)
            Merge(profile, added);
        else
            foreach (var (name, value) in added)
                profile[name] = value?.DeepClone();
        return profile.ToJsonString(AsWritten);
    }

    private static void Merge(JsonObject into, JsonObject added)
    {
        foreach (var (name, value) in added)
            if (value is JsonObject inner && into[name] is JsonObject known)
                Merge(known, inner);
            else
                into[name] = value?.DeepClone();
    }

    internal static AuthFailure? Shape(string? displayName, string? profile)
    {
        if (ShapeOfText("displayName", displayName, MaximumNameLength) is { } malformed)
            return malformed;
        if (profile is null)
            return null;
        if (System.Text.Encoding.UTF8.GetByteCount(profile) > MaximumProfileLength)
            return AuthFailure.Shape("profile", FieldErrorCode.TooLong, MaximumProfileLength);
        return IsObject(profile) ? null : AuthFailure.Shape("profile", FieldErrorCode.NotAnObject);
    }

    internal static AuthFailure? ShapeOfText(string field, string? text, int maximum) =>
        text is null ? null
        : text.Any(char.IsControl) || !IsWhole(text) ? AuthFailure.Shape(field, FieldErrorCode.HasControlCharacters)
        : PasswordVerifier.CodePoints(text) > maximum ? AuthFailure.Shape(field, FieldErrorCode.TooLong, maximum)
        : null;

    // What cannot be written again must not be stored: half a surrogate pair would break every later answer.
    private static bool IsObject(string json)
    {
        try
        {
            var parsed = JsonElement.Parse(
                json,
                new JsonDocumentOptions { MaxDepth = MaximumProfileDepth, AllowDuplicateProperties = false }
            );
            JsonSerializer.SerializeToUtf8Bytes(parsed);
            return parsed.ValueKind == JsonValueKind.Object;
        }
        catch (Exception unwritable)
            when (unwritable is JsonException or InvalidOperationException or ArgumentException)
        {
            return false;
        }
    }

    // Half a surrogate pair cannot be written as UTF-8.
    private static bool IsWhole(string text) => string.Concat(text.EnumerateRunes()) == text;

    private static bool IsPicture(string text) =>
        text.Length <= MaximumAvatarLength
        && !text.Any(char.IsControl)
        && IsWhole(text)
        && Uri.TryCreate(text, UriKind.Absolute, out var uri)
        && uri.Scheme == Uri.UriSchemeHttps
        && uri.UserInfo.Length == 0;
}
