using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Administration;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// The <c>users</c> service: sign-up for anybody, the own record (by its id, or <c>me</c>), and those of others for an
/// administrator.
/// </summary>
internal sealed class Users(
    Register register,
    ChangeProfile profiles,
    ChangeEmail emails,
    ChangePassword passwords,
    CloseAccount close,
    ManageAccounts administer,
    RefreshTokens tokens,
    IOptions<AuthOptions> options
)
{
    public async Task<Answer> RunAsync(Call call, (Caller Caller, Failure? Refused) from, CancellationToken ct)
    {
        if (call.Method == "find")
            return await ActAsync(call, from, ct);
        // Before the act: a call that is refused has changed nothing.
        var (select, wrong) = UserQuery.ReadSelect(call.Query);
        if (wrong is not null)
            return wrong;
        var answer = await ActAsync(call, from, ct);
        return answer.Value is JsonObject record ? answer with { Value = UserQuery.Project(record, select) } : answer;
    }

    private Task<Answer> ActAsync(Call call, (Caller Caller, Failure? Refused) from, CancellationToken ct)
    {
        if (call is { Method: "create", Id: null })
            return CreateAsync(call.Data, from.Caller, ct);
        if (call.Method is not ("find" or "get" or "update" or "patch" or "remove"))
            return Task.FromResult<Answer>(call.Unsupported("find", "get", "create", "update", "patch", "remove"));
        if (from.Refused is { } refused)
            return Task.FromResult<Answer>(refused);
        if (call.Method == "find")
            return FindAsync(call.Query, from.Caller, ct);
        if (call.Id is not { } id)
            return Task.FromResult<Answer>(Failure.NotAllowed($"Can not {call.Method} multiple entries"));
        var own = id == "me" || id == from.Caller.UserId;
        return call.Method switch
        {
            "get" => own ? GetAsync(from.Caller, ct) : GetOtherAsync(id, from.Caller, ct),
            "remove" => own ? RemoveAsync(call.Data, from.Caller, ct) : RemoveOtherAsync(id, from.Caller, ct),
            _ => own ? ChangeAsync(call, from.Caller, ct) : ChangeOtherAsync(call, id, from.Caller, ct),
        };
    }

    private async Task<Answer> CreateAsync(JsonElement data, Caller caller, CancellationToken ct)
    {
        if (data.IsMistyped(out var mistyped, "email", "username", "password", "displayName"))
            return mistyped;
        var profile = UserRecord.ProfileOf(data);
        var outcome = await register.CreateAsync(
            caller,
            new(data.Text("email"), data.Text("username"), data.Text("password"), data.Text("displayName"), profile),
            ct
        );
        return await outcome.Match(
            async made =>
                made.User is null
                    ? UserRecord.Echo(made.Email!, profile, options.Value.Api)
                    : Happened("created", await profiles.ViewAsync(made.User, ct)),
            refusal => Task.FromResult<Answer>(refusal)
        );
    }

    private async Task<Answer> FindAsync(JsonObject given, Caller caller, CancellationToken ct)
    {
        var (query, wrong) = UserQuery.Read(given);
        if (query is null)
            return wrong!;
        return (
            await administer.FindAsync(caller, new(query.Filter, query.Order, query.Skip, query.Limit), ct)
        ).Match<Answer>(
            page => new JsonObject
            {
                ["total"] = page.Total,
                ["limit"] = query.Limit,
                ["skip"] = query.Skip,
                ["data"] = new JsonArray([
                    .. page.Accounts.Select(account => UserQuery.Project(Print(account), query.Select)),
                ]),
            },
            refusal => refusal
        );
    }

    private async Task<Answer> GetAsync(Caller caller, CancellationToken ct) =>
        Print(await profiles.ReadAsync(caller, ct));

    private async Task<Answer> GetOtherAsync(string id, Caller caller, CancellationToken ct) =>
        Print(await administer.ReadAsync(caller, id, ct));

    private async Task<Answer> RemoveAsync(JsonElement data, Caller caller, CancellationToken ct)
    {
        if (data.IsMistyped(out var mistyped, "password"))
            return mistyped;
        var answer = await GetAsync(caller, ct);
        if (answer.Failure is not null)
            return answer;
        // The client's remove carries no body: what stands for the password is a sign-in of just now.
        var proof = Reauthentication.From(data.Text("password"), dialect: Dialect.Feathers);
        return (await close.CloseAsync(caller, proof, ct)).Failure is { } refusal
            ? refusal
            : Removed(answer) with
            {
                Unbinds = true,
            };
    }

    private async Task<Answer> RemoveOtherAsync(string id, Caller caller, CancellationToken ct)
    {
        var answer = await GetOtherAsync(id, caller, ct);
        if (answer.Failure is not null)
            return answer;
        return (await administer.DeleteAsync(caller, id, ct)).Failure is { } refusal ? refusal : Removed(answer);
    }

    // One act a call: a second one that is refused would leave the first one done.
    private async Task<Answer> ChangeAsync(Call call, Caller caller, CancellationToken ct)
    {
        var data = call.Data;
        if (data.IsMistyped(out var mistyped, "email", "username", "password", "oldPassword", "displayName", "avatar"))
            return mistyped;
        var read = await profiles.ReadAsync(caller, ct);
        if (read.Value is not { } own)
            return read.Failure!;
        var changes = Differences(own, data, replaces: call.Method == "update");
        var (email, password, old) = (data.Text("email"), data.Text("password"), data.Text("oldPassword"));
        if (data.Field("email").ValueKind == JsonValueKind.Null && own.Email is not null)
            return Failure.BadRequest("The e-mail address cannot be taken away.", ("email", "Is required."));
        var moves = email is not null && !(EmailAddress.TryParse(email, out var canonical) && canonical == own.Email);
        var secret = moves || password is not null;
        if (secret && changes is not null)
            return Failure.BadRequest("Change email, password and everything else one after the other.");
        if (moves && old is not null && password is not null)
            return Failure.BadRequest("Change email and password one after the other.");
        if (moves)
            return await MoveAsync(own, email!, old ?? password, caller, ct);
        if (password is not null)
            return await ChangePasswordAsync(own, old, password, caller, ct);
        // Nothing changes, nothing is told: whoever sends the same record again and again has no budget to spend.
        if (changes is null)
            return Print(own);
        return (await profiles.ChangeAsync(caller, changes, ct)).Match(
            account => Happened(NameOf(call.Method), account),
            refusal => refusal
        );
    }

    private async Task<Answer> MoveAsync(
        Account own,
        string email,
        string? password,
        Caller caller,
        CancellationToken ct
    )
    {
        if (password is null)
            return Failure.BadRequest(
                "To change the email, send the current password with it, as password.",
                ("password", "Is required.")
            );
        if (
            (await emails.RequestAsync(caller, email, new Reauthentication.ByPassword(password), ct)).Failure is
            { } refusal
        )
            return refusal;
        var record = Print(own);
        record["verifyChanges"] = new JsonObject { ["email"] = email }; // until the new address confirms
        return record;
    }

    private async Task<Answer> ChangePasswordAsync(
        Account own,
        string? old,
        string password,
        Caller caller,
        CancellationToken ct
    )
    {
        if (old is null)
            return Failure.BadRequest(
                "To change the password, send the current one with it, as oldPassword.",
                ("oldPassword", "Is required.")
            );
        var outcome = await passwords.ChangeAsync(caller, new Reauthentication.ByPassword(old), password, ct);
        if (outcome.Value is not { } session)
            return outcome.Failure!;
        // Every older token is dead, that of this call too.
        var pair = await tokens.IssueAsync(session, ct);
        var record = Print(own);
        (record["accessToken"], record["refreshToken"]) = (pair.AccessToken, pair.RefreshToken);
        return new Answer(record, null)
        {
            Binds = Binding.Of(pair.AccessToken, session),
            Event = new("patched", own.Id, Print(own)),
        };
    }

    // Only what is not so already: programs send whole records back.
    private ChangeProfile.Input? Differences(Account own, JsonElement data, bool replaces)
    {
        // A given profile takes the place of the one before, as put does; other fields are set in it by the flow.
        var whole = replaces || data.Field("profile").ValueKind != JsonValueKind.Undefined;
        var profile = whole ? UserRecord.ProfileOf(data) : UserRecord.FieldsOf(data, own.Profile);
        var same = whole
            ? JsonNode.DeepEquals(profile is null ? new JsonObject() : JsonNode.Parse(profile), own.Profile.ToNode())
            : profile is null;
        // The picture of the address is computed: a record that is sent back must not make it the user's own.
        var computed =
            own.Avatar is null
            && data.Text("avatar") is { } sent
            && sent == UserRecord.GravatarOf(own.Email, options.Value.Api);
        var picture = computed ? default : Field("avatar", own.Avatar, replaces);
        var input = new ChangeProfile.Input(
            Field("displayName", own.DisplayName, replaces),
            picture,
            Field("username", own.Username, false),
            same ? default : new(true, profile),
            whole ? ChangeProfile.ProfileMode.Replace : ChangeProfile.ProfileMode.SetFields
        );
        return
            input
                is {
                    DisplayName.IsGiven: false,
                    Avatar.IsGiven: false,
                    Username.IsGiven: false,
                    Profile.IsGiven: false
                }
            ? null
            : input;

        ChangeProfile.Field Field(string name, string? before, bool absentClears) =>
            (absentClears || data.Field(name).ValueKind != JsonValueKind.Undefined) && data.Text(name) != before
                ? data.Text(name)
                : default(ChangeProfile.Field);
    }

    private async Task<Answer> ChangeOtherAsync(Call call, string id, Caller caller, CancellationToken ct)
    {
        var read = await administer.ReadAsync(caller, id, ct);
        if (read.Value is not { } other)
            return read.Failure!;
        var (active, roles) = (call.Data.Field("active"), call.Data.Field("roles"));
        if (active.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.True or JsonValueKind.False))
            return Failure.BadRequest("active is true or false.", ("active", "Must be true or false."));
        if (roles.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Array))
            return Failure.BadRequest("roles is a list.", ("roles", "Must be a list."));
        if (roles.ValueKind == JsonValueKind.Array && !roles.EnumerateArray().All(IsAdministrator))
            return Failure.BadRequest(
                $"The one role here is {AuthDbContext.Administrator}.",
                ("roles", "Is not a role.")
            );
        var raised = roles.ValueKind == JsonValueKind.Array && roles.GetArrayLength() > 0;
        bool? locks =
            active.ValueKind == JsonValueKind.Undefined || active.GetBoolean() == other.Active
                ? null
                : !active.GetBoolean();
        bool? raises =
            roles.ValueKind == JsonValueKind.Undefined || raised == other.Roles.Contains(AuthDbContext.Administrator)
                ? null
                : raised;
        if (
            locks is null == raises is null
            || call.Method == "update"
            || call.Data.EnumerateObject().Any(f => f.Name is not ("active" or "roles"))
        )
            return Failure.BadRequest("Of another user, patch either active or roles.");
        var outcome = locks is { } locked
            ? await administer.LockAsync(caller, id, locked, ct)
            : await administer.MakeAdministratorAsync(caller, id, raises!.Value, ct);
        if (outcome.Failure is { } refusal)
            return refusal;
        return (await administer.ReadAsync(caller, id, ct)).Match(
            account => Happened("patched", account),
            refused => refused
        );
    }

    private static bool IsAdministrator(JsonElement role) =>
        role.ValueKind == JsonValueKind.String
        && string.Equals(role.GetString(), AuthDbContext.Administrator, StringComparison.OrdinalIgnoreCase);

    private JsonObject Print(Account account) => UserRecord.Print(account, options.Value.Api);

    private Answer Print(Result<Account> outcome) =>
        outcome.Match<Answer>(account => Print(account), refusal => refusal);

    private static string NameOf(string method) => method == "update" ? "updated" : "patched";

    private Answer Happened(string name, Account account) =>
        new(Print(account), null) { Event = new(name, account.Id, Print(account)) };

    private static Answer Removed(Answer answer) =>
        answer with
        {
            Event = new("removed", answer.Value!["id"]!.GetValue<string>(), answer.Value.DeepClone()),
        };
}
