using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Options;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// A user as Feathers' programs expect one: whatever they sent beside the credentials stands at the top again. It is
/// kept in the profile, which is what a user says of themselves; names that are ours, or that programs would believe,
/// are not taken from it.
/// </summary>
internal static class UserRecord
{
    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        "id",
        "_id",
        "email",
        "username",
        "emailVerified",
        "displayName",
        "avatar",
        "isAnonymous",
        "active",
        "roles",
        "profile",
        "createdAt",
        "updatedAt",
        "password",
        "oldPassword",
        "currentPassword",
        "newPassword",
        "strategy",
        "authentication",
        "accessToken",
        "refreshToken",
        "token",
        "isVerified",
        "verifyToken",
        "verifyShortToken",
        "verifyExpires",
        "verifyChanges",
        "resetToken",
        "resetShortToken",
        "resetExpires",
        "resetAttempts",
        "role",
        "permissions",
        "scope",
        "scopes",
        "admin",
        "isAdmin",
        "__proto__",
        "constructor",
        "prototype",
    };

    /// <summary>
    /// The record. An account without a picture of its own has that of its address, where the settings say so.
    /// </summary>
    public static JsonObject Print(Account account, ApiOptions api)
    {
        var record = new JsonObject
        {
            ["id"] = account.Id,
            ["email"] = account.Email,
            ["username"] = account.Username,
            ["emailVerified"] = account.EmailVerified,
            ["isVerified"] = account.EmailVerified,
            ["displayName"] = account.DisplayName,
            ["avatar"] = account.Avatar ?? GravatarOf(account.Email, api),
            ["isAnonymous"] = account.IsAnonymous,
            ["active"] = account.Active,
            ["roles"] = new JsonArray([.. account.Roles.Select(role => JsonValue.Create(role))]),
            ["profile"] = account.Profile.ToNode(),
            ["createdAt"] = account.CreatedAt,
        };
        Lift(record, account.Profile);
        return record;
    }

    /// <summary>What was asked for, where it must not show whether an account came of it.</summary>
    public static JsonObject Echo(string email, string? profile, ApiOptions api)
    {
        var record = new JsonObject { ["email"] = email, ["isVerified"] = false };
        if (GravatarOf(email, api) is { } avatar)
            record["avatar"] = avatar;
        if (profile is null)
            return record;
        var said = JsonElement.Parse(profile);
        record["profile"] = said.ToNode();
        Lift(record, said);
        return record;
    }

    /// <summary>The picture of an address at Gravatar, as a generated Feathers application makes it.</summary>
    /// <returns>Null where there is no address, or where <c>Api:FeathersGravatar</c> is off.</returns>
    [SuppressMessage(
        "Security",
        "CA5351",
        Justification = "Gravatar finds a picture by the MD5 of its address; nothing is protected by it."
    )]
    public static string? GravatarOf(string? email, ApiOptions api) =>
        email is null || !api.FeathersGravatar
            ? null
            : $"https://s.gravatar.com/avatar/{Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(email.ToLowerInvariant())))}?s=60";

    /// <summary>
    /// The profile that the data gives: that of the field of this name, with the other fields set in it.
    /// </summary>
    /// <returns>JSON, or null where there is nothing in it.</returns>
    public static string? ProfileOf(JsonElement data)
    {
        var given = data.Field("profile");
        if (given.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null or JsonValueKind.Object))
            return given.GetRawText(); // the flow says what is wrong
        var profile = new JsonObject();
        if (given.ValueKind == JsonValueKind.Object)
            foreach (var field in given.EnumerateObject())
                profile[field.Name] = field.Value.ToNode();
        foreach (var field in Fields(data))
            profile[field.Name] = field.Value.ToNode();
        return profile.Count == 0 ? null : profile.ToJsonString();
    }

    /// <summary>
    /// The fields that the data sets beside a profile, without those that the profile has so already.
    /// </summary>
    /// <returns>JSON, or null where there are none.</returns>
    public static string? FieldsOf(JsonElement data, JsonElement profile)
    {
        var fields = Fields(data).Where(f => !ForeignJson.Holds(profile, f)).ToList();
        return fields.Count == 0 ? null : ForeignJson.ObjectOf(fields);
    }

    private static IEnumerable<JsonProperty> Fields(JsonElement data) =>
        data.EnumerateObject().Where(field => !Reserved.Contains(field.Name));

    private static void Lift(JsonObject record, JsonElement profile)
    {
        foreach (var field in profile.EnumerateObject().Where(field => !Reserved.Contains(field.Name)))
            record[field.Name] = field.Value.ToNode();
    }
}
