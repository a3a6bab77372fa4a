using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;

namespace BlazorAuth.Api.Dialects;

/// <summary>
/// The user record: what an application keeps of its user beside name and address. The one record there is here.
/// </summary>
internal static class SkygearRecord
{
    /// <summary>The most records one call saves.</summary>
    public const int Most = 20;

    private const string Prefix = "user/",
        Pending = "email_pending";

    private static readonly HashSet<string> Own = new(
        ["username", "email", Pending, "is_verified", "email_verified", "last_login_at", "last_seen_at", "password"],
        StringComparer.Ordinal
    );

    public static string IdOf(string text) =>
        text.StartsWith(Prefix, StringComparison.Ordinal) ? text[Prefix.Length..] : text;

    public static JsonObject Print(Account account, DateTimeOffset? lastLogin = null)
    {
        var record = new JsonObject
        {
            ["_id"] = Prefix + account.Id,
            ["_type"] = "record",
            ["_access"] = null,
            ["_ownerID"] = account.Id,
            ["_created_at"] = account.CreatedAt.UtcDateTime,
            ["_created_by"] = account.Id,
            ["_updated_at"] = account.CreatedAt.UtcDateTime,
            ["_updated_by"] = account.Id,
        };
        foreach (var field in account.Profile.EnumerateObject().Where(f => !IsOwn(f.Name)))
            record[field.Name] = JsonNode.Parse(field.Value.GetRawText());
        if (account.Username is not null)
            record["username"] = account.Username;
        if (account.Email is not null)
            (record["email"], record["email_verified"]) = (account.Email, account.EmailVerified);
        record["is_verified"] = account.EmailVerified;
        if (lastLogin is { } at)
            record["last_login_at"] = new JsonObject { ["$type"] = "date", ["$date"] = at.UtcDateTime };
        return record;
    }

    /// <summary>
    /// Saves one record of the list, and returns it as it is then, or an error in its place. A new address counts when
    /// it confirms: until then it stands beside the old one. It is asked for first, so that where it is refused nothing
    /// has changed.
    /// </summary>
    public static async Task<JsonObject> SaveAsync(
        SkygearCall call,
        Session session,
        ForeignJson record,
        CancellationToken ct
    )
    {
        var id = record.Required("_id");
        if (!id.StartsWith(Prefix, StringComparison.Ordinal))
            return Fail(id, SkygearErrors.Print(SkygearErrors.NotSupported));
        if (IdOf(id) != session.UserId)
            return Fail(id, SkygearErrors.Print(SkygearErrors.NotTheOwn));
        var (profiles, caller) = (call.Use<ChangeProfile>(), call.In(session));
        var before = await profiles.ReadAsync(caller, ct);
        if (before.Value is not { } account)
            return Fail(id, SkygearErrors.Print(before.Failure!));

        var (email, username) = (record.Text("email"), record.Text("username"));
        // Only what is not so already: the SDK sends whole records back, and would undo what others changed meanwhile.
        var fields = record.Fields(without: IsOwn).Where(f => !ForeignJson.Holds(account.Profile, f)).ToList();
        var moves = email is not null && email != account.Email;
        if (email is null && account.Email is not null && record.Has("email"))
            return Fail(id, SkygearErrors.Print(SkygearErrors.Argument("An address cannot be taken away.")));
        // Judged before the email goes out, which cannot be taken back.
        if (
            moves
            && username is not null
            && username != account.Username
            && await call.Use<Register>().JudgeAsync(caller, new(null, username, null), ct) is { } unnamed
        )
            return Fail(id, SkygearErrors.Print(unnamed));
        // The SDK sends no password with a record: what stands for it is a sign-in of just now.
        var proof = new Reauthentication.RecentOnly(Dialect.Skygear);
        if (moves && (await call.Use<ChangeEmail>().RequestAsync(caller, email, proof, ct)).Failure is { } refused)
        {
            if (refused is not { FieldErrors: [{ Code: FieldErrorCode.Same }] })
                return Fail(id, SkygearErrors.Print(refused)); // the same in other letters is no other
            moves = false;
        }
        var input = new ChangeProfile.Input(
            Username: record.Has("username") && username != account.Username ? username : default(ChangeProfile.Field),
            Profile: fields.Count == 0 ? default(ChangeProfile.Field) : ForeignJson.ObjectOf(fields),
            Mode: ChangeProfile.ProfileMode.SetFields
        );
        if (input.Username.IsGiven || input.Profile.IsGiven)
        {
            var changed = await profiles.ChangeAsync(caller, input, ct);
            if (changed.Value is null)
                return Fail(id, SkygearErrors.Print(changed.Failure!));
            account = changed.Value;
        }
        var saved = Print(account, session.AuthenticatedAt);
        if (moves)
            saved[Pending] = email!.Trim();
        return saved;
    }

    private static bool IsOwn(string name) => name.StartsWith('_') || Own.Contains(name);

    private static JsonObject Fail(string id, JsonObject error)
    {
        (error["_id"], error["_type"]) = (id, "error");
        return error;
    }
}
