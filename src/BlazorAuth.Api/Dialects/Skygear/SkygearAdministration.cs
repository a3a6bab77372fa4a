using System.Text.Json.Nodes;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Administration;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;

namespace BlazorAuth.Api.Dialects;

/// <summary>
/// What the SDK lets administrators do: roles, of which there is one, and disabling. The rules are those of
/// <see cref="ManageAccounts"/>.
/// </summary>
internal static class SkygearAdministration
{
    private const int Most = 100;

    public static void Map(RouteGroupBuilder group)
    {
        Skygear.Owner(group, "/auth/disable/set", DisableAsync);
        Skygear.Owner(group, "/role/get", ReadRolesAsync);
        Skygear.Owner(group, "/role/assign", (call, session, ct) => ChangeRolesAsync(call, session, true, ct));
        Skygear.Owner(group, "/role/revoke", (call, session, ct) => ChangeRolesAsync(call, session, false, ct));
    }

    private static async Task<IResult> DisableAsync(SkygearCall call, Session session, CancellationToken ct)
    {
        var (user, disabled) = (
            call.Body.Required("auth_id"),
            call.Body.Flag("disabled") ?? throw ForeignJson.Unreadable()
        );
        // Locking for longer than was asked for would be another act.
        if (call.Body.Text("expiry") is not null)
            return SkygearErrors.Of(SkygearErrors.Argument("A lock has no end of its own here."));
        return Skygear.Say(
            await call.Use<ManageAccounts>().LockAsync(call.In(session), SkygearRecord.IdOf(user), disabled, ct)
        );
    }

    private static async Task<IResult> ReadRolesAsync(SkygearCall call, Session session, CancellationToken ct)
    {
        var roles = new JsonObject();
        foreach (var user in call.Body.Texts("users", Most).Select(SkygearRecord.IdOf).Distinct(StringComparer.Ordinal))
        {
            var account =
                user == session.UserId
                    ? await call.Use<ChangeProfile>().ReadAsync(call.In(session), ct)
                    : await call.Use<ManageAccounts>().ReadAsync(call.In(session), user, ct);
            if (account.Value is not { } found)
                return Problems.Of(account.Failure!);
            roles[user] = new JsonArray([.. found.Roles.Select(role => JsonValue.Create(role))]);
        }
        return Skygear.Result(roles);
    }

    private static async Task<IResult> ChangeRolesAsync(
        SkygearCall call,
        Session session,
        bool given,
        CancellationToken ct
    )
    {
        if (
            call.Body.Texts("roles", Most) is not [{ } role]
            || !role.Equals(AuthDbContext.Administrator, StringComparison.OrdinalIgnoreCase)
        )
            return SkygearErrors.Of(SkygearErrors.Argument($"The one role here is {AuthDbContext.Administrator}."));
        var users = call.Body.Texts("users", Most).Select(SkygearRecord.IdOf).ToList();
        var outcome = await call.Use<ManageAccounts>().MakeAdministratorsAsync(call.In(session), users, given, ct);
        return outcome.Failure is { } refusal ? Problems.Of(refusal) : Skygear.Result("OK");
    }
}
