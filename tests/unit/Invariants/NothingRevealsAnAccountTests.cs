using System.Net.Http.Headers;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using BlazorAuth.Web;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// Every door that takes an e-mail address or an identifier answers alike and works alike whoever it is: status, bytes,
/// headers, cookies, redirects, the page after those; hashes, rows and statements. The doors are those of the running
/// site.
/// </summary>
public abstract partial class NothingRevealsAnAccountTests(Store store)
    : AuthTest(
        store,
        ("Throttle:SignInPerAddress", "100000"),
        ("Throttle:MailPerCaller", "100000"),
        ("Throttle:SignUpPerAddress", "100000"),
        ("Throttle:MailPerAddress", "1000"),
        ("Throttle:SignInPerAccount", "1000"),
        ("Throttle:EventsPerAddress", "100000"),
        ("Throttle:SessionsPerAccount", "100000"),
        ("Throttle:AnonymousPerAddress", "100000")
    )
{
    public sealed class OnSqlite() : NothingRevealsAnAccountTests(Store.File);

    [OnPostgres]
    public sealed class OnPostgres() : NothingRevealsAnAccountTests(Store.Postgres);

    private const string Stranger = "stranger@example.net",
        Wrong = "not the password";
    private static readonly string Long = new('x', 1000),
        Huge = new('x', 70_000);

    // All of one length, so that an answer which quotes them has one length too. The first of a list is nobody's.
    private static readonly string[] Addresses =
    [
        "unknown0@example.net",
        "verified@example.net",
        "unverifd@example.net",
        "lockedup@example.net",
        "nopasswd@example.net",
        "twofactr@example.net",
    ];
    private static readonly string[] Names =
    [
        "unknown0.name",
        "verified.name",
        "unverifd.name",
        "lockedup.name",
        "nopasswd.name",
        "twofactr.name",
    ];

    /// <summary>One way to send something to a door: a JSON body, or the fields of a form.</summary>
    private sealed record Attempt(
        string Path,
        string Field,
        Dictionary<string, object?> Others,
        string Form = "",
        bool Signed = false,
        string Raw = ""
    );

    private sealed record Work(string Answer, int Hashed, int Verified, string Rows, string Statements);

    private static IEnumerable<Attempt> Json(
        string path,
        string field,
        string other,
        object? right,
        bool signed = false
    ) =>
        [
            .. new[] { right, Wrong, null, "", 1, "\0", Long, Huge }.Select(value => new Attempt(
                path,
                field,
                With(other, value),
                Signed: signed
            )),
            new(path, field, [], Signed: signed),
            new(path, field, new(With(other, Wrong)) { ["emailVerified"] = true, ["id"] = "1" }, Signed: signed),
            new(path + "?mode=nonsense&returnUrl=//evil.example", field, With(other, Wrong), Signed: signed),
            new(path + "/", field, With(other, Wrong), Signed: signed),
            new(path, field, [], Signed: signed, Raw: """{"FIELD":"ID","FIELD":"ID"}"""),
            new(path, field, [], Signed: signed, Raw: """{"FIELD":"ID" """),
        ];

    private static IEnumerable<Attempt> Page(
        string path,
        string form,
        string field,
        string other,
        string right = Wrong,
        bool signed = false
    ) =>
        [
            .. new[] { right, Wrong, "", "\0", Long, Huge }.Select(value => new Attempt(
                path,
                field,
                With(other, value),
                form,
                signed
            )),
            new(path, field, [], form, signed),
            new(path, field, new(With(other, Wrong)) { ["__RequestVerificationToken"] = "stale" }, form, signed),
            .. new[] { "//evil.example", "/account/sessions", "%00", Long }.Select(to => new Attempt(
                $"{path}?returnUrl={to}",
                field,
                With(other, Wrong),
                form,
                signed
            )),
        ];

    private static Dictionary<string, object?> With(string name, object? value) => new() { [name] = value };

    private static readonly Dictionary<string, Attempt[]> Doors = new()
    {
        ["POST /api/token"] =
        [
            .. Json("/api/token", "identifier", "password", Wrong),
            .. Json("/api/token?mode=cookie", "identifier", "password", Wrong),
        ],
        ["POST /api/account/password/forgot"] = [.. Json("/api/account/password/forgot", "email", "ignored", "")],
        ["POST /api/account/verify/send"] = [.. Json("/api/account/verify/send", "email", "ignored", "")],
        ["POST /api/account/verify"] = [.. Json("/api/account/verify", "email", "code", "000000")],
        ["POST /api/token/email-code"] = [.. Json("/api/token/email-code", "email", "ignored", "")],
        ["form ask-code"] = [.. Page("/login/email-code", "ask-code", "email", "ignored")],
        ["POST /api/account/email"] =
        [
            .. Json("/api/account/email", "newEmail", "currentPassword", Password, signed: true),
        ],
        ["form login"] = [.. Page("/login", "login", "identifier", "current-password")],
        ["form forgot"] = [.. Page("/forgot-password", "forgot", "email", "ignored")],
        ["form code"] = [.. Page("/verify-email", "code", "email", "code")],
        ["form resend"] = [.. Page("/verify-email", "resend", "email", "ignored")],
        ["form email"] = [.. Page("/account/email", "email", "email", "current-password", Password, signed: true)],
        ["form setup"] = [.. Page("/admin/setup", "setup", "email", "new-password", OtherPassword)],
    };

    // Sign-up tells a taken address where it signs in. Elsewhere only its work differs, by what it does; its answer and
    // its hash do not.
    private static readonly Dictionary<string, Attempt[]> PrivateDoors = new()
    {
        ["POST /api/account"] = [.. Json("/api/account", "email", "password", OtherPassword)],
        ["form register"] = [.. Page("/register", "register", "email", "new-password", OtherPassword)],
    };

    public static TheoryData<string> DoorNames => [.. Doors.Keys];

    public static TheoryData<string> PrivateDoorNames => [.. Doors.Keys.Concat(PrivateDoors.Keys)];

    [StoreFact]
    public async Task No_door_that_takes_an_address_is_left_out()
    {
        await using var site = await Auth.SiteAsync();
        var routes = site
            .ApiRoutes.Where(route =>
                route
                    .Metadata.GetMetadata<IAcceptsMetadata>()
                    ?.RequestType?.GetProperties()
                    .Any(p => NamesSomebody(p.Name)) == true
            )
            .SelectMany(route =>
                route
                    .Metadata.GetMetadata<HttpMethodMetadata>()!
                    .HttpMethods.Select(verb => $"{verb} /{route.RoutePattern.RawText!.Trim('/')}")
            );
        var forms = typeof(BrowserSession)
            .Assembly.GetTypes()
            .SelectMany(type =>
                type.GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            )
            .Select(property => property.GetCustomAttribute<SupplyParameterFromFormAttribute>())
            .OfType<SupplyParameterFromFormAttribute>()
            .Where(field => NamesSomebody(field.Name ?? ""))
            .Select(field => $"form {field.FormName}");
        Assert.Equal(
            Doors.Keys.Concat(PrivateDoors.Keys).Order(StringComparer.Ordinal),
            routes.Concat(forms).Distinct().Order(StringComparer.Ordinal)
        );

        static bool NamesSomebody(string field) =>
            Regex.IsMatch(field, "e-?mail|identifier|login|account", RegexOptions.IgnoreCase);
    }

    [StoreTheory]
    [MemberData(nameof(DoorNames))]
    public async Task Every_door_answers_and_works_alike(string door) =>
        await AllAlikeAsync(Doors[door], sameWork: true);

    [StoreTheory]
    [MemberData(nameof(PrivateDoorNames))]
    public async Task In_the_private_mode_every_door_answers_alike(string door) =>
        await AllAlikeAsync(
            Doors.GetValueOrDefault(door) ?? PrivateDoors[door],
            sameWork: Doors.ContainsKey(door),
            ("SignIn:RequireVerifiedEmail", "true")
        );

    [StoreFact]
    public async Task In_the_private_mode_a_sign_up_does_not_tell_a_user_name()
    {
        await AccountsAsync();
        await using var site = await Auth.SiteAsync(("SignIn:RequireVerifiedEmail", "true"));
        foreach (var (i, name) in Names.Index())
        {
            var attempt = new Attempt(
                "/api/account",
                "username",
                new() { ["email"] = $"another{i}@example.net", ["password"] = OtherPassword }
            );
            Assert.Equal(
                (name, "202", 1),
                (name, (await WorkOfAsync(site, attempt, name)) is var work ? work.Answer[..3] : "", work.Hashed)
            );
        }
    }

    private async Task AllAlikeAsync(Attempt[] attempts, bool sameWork, params (string, string)[] settings)
    {
        await AccountsAsync();
        await using var site = await Auth.SiteAsync(settings);
        await Auth.MemberAsync(Stranger);
        foreach (var (i, attempt) in attempts.Index())
        foreach (var accounts in attempt.Field == "identifier" ? new[] { Addresses, Names } : [Addresses])
        {
            Work? first = null;
            // What is made once for an asker or a name is made; one that was asked for by its address is counted under
            // its user name too.
            if (i == 0)
                foreach (var account in accounts)
                    await WorkOfAsync(site, attempt, account);
            else if (attempt.Signed)
                await WorkOfAsync(site, attempt, accounts[0]); // the asker's own wrong passwords are counted in a row
            foreach (var account in accounts)
            {
                // a sign-up makes somebody of nobody
                var id = sameWork ? account : account.Replace("unknown0", $"unknow{i:D2}", StringComparison.Ordinal);
                var work = await WorkOfAsync(site, attempt, id);
                if (!sameWork)
                    work = work with { Rows = "", Statements = "" };
                first ??= work;
                var which = $"{attempt.Path} {attempt.Form}, attempt {i}, {id}:\n";
                Assert.Equal(which + first.Answer, which + work.Answer);
                Assert.Equal(
                    (which, first.Hashed, first.Verified, first.Rows),
                    (which, work.Hashed, work.Verified, work.Rows)
                );
                Assert.Equal(which + first.Statements, which + work.Statements);
            }
            Assert.DoesNotMatch("^5", first!.Answer);
            if (attempt.Signed && i == 0)
                Assert.Matches("^(202|303)", first.Answer);
        }
    }

    private async Task AccountsAsync()
    {
        foreach (var (email, name) in Addresses.Zip(Names).Skip(1))
        {
            if (email.StartsWith("unverifd", StringComparison.Ordinal))
                await Auth.RegisterAsync(email, username: name);
            else
                await Auth.MemberAsync(email, username: name);
        }
        await Auth.ChangeUserAsync(
            (await Auth.UserAsync("lockedup@example.net")).Id,
            row => row.LockedAt = Auth.Clock.Now
        );
        await Auth.ChangeUserAsync((await Auth.UserAsync("nopasswd@example.net")).Id, row => row.PasswordHash = null);
        await Auth.AuthenticatorAsync(await Auth.UserAsync("twofactr@example.net"));
    }

    private async Task<Work> WorkOfAsync(RunningSite site, Attempt attempt, string id)
    {
        var send = attempt.Form.Length == 0 ? await JsonAsync(site, attempt, id) : await FormAsync(site, attempt, id);
        var before = await Auth.RowsAsync();
        var (hashed, verified) = (Auth.Hashes.Hashed, Auth.Hashes.Verified);
        site.Sql.Take();
        var answers = await send();
        var statements = string.Join('\n', site.Sql.Take());
        var after = await Auth.RowsAsync();
        var rows = string.Join(
            ", ",
            after.Where(t => t.Value != before[t.Key]).Select(t => $"{t.Key} {t.Value - before[t.Key]:+0;-0}")
        );
        return new(
            string.Join("\n\n", answers.Select(answer => Told(answer, id))),
            Auth.Hashes.Hashed - hashed,
            Auth.Hashes.Verified - verified,
            rows,
            statements
        );
    }

    private async Task<Func<Task<Answer[]>>> JsonAsync(RunningSite site, Attempt attempt, string id)
    {
        var body =
            attempt.Raw.Length > 0
                ? attempt
                    .Raw.Replace("FIELD", attempt.Field, StringComparison.Ordinal)
                    .Replace("ID", id, StringComparison.Ordinal)
                : JsonSerializer.Serialize(new Dictionary<string, object?>(attempt.Others) { [attempt.Field] = id });
        var bearer = attempt.Signed ? (await Auth.ApiPairAsync(Stranger)).AccessToken : null;
        return async () =>
            [
                await Answer.OfAsync(
                    await site.SendAsync(
                        HttpMethod.Post,
                        attempt.Path,
                        new StringContent(body, Encoding.UTF8, "application/json"),
                        bearer
                    )
                ),
            ];
    }

    // As a browser does it: the page, the form, and where the answer leads.
    private static async Task<Func<Task<Answer[]>>> FormAsync(RunningSite site, Attempt attempt, string id)
    {
        var visitor = new Visitor(site);
        if (attempt.Signed)
            Assert.Equal(303, (await visitor.SignInAsync(Stranger, Password)).Status);
        var html = await visitor.GetAsync(attempt.Path);
        var form =
            Visitor.FormsOf(html).FirstOrDefault(f => Visitor.NameOf(f) == attempt.Form)
            ?? Visitor
                .FormOf(await visitor.GetAsync("/login"), "login")
                .Replace("value=\"login\"", $"value=\"{attempt.Form}\"", StringComparison.Ordinal);
        (string, string)[] fields = [(attempt.Field, id), .. attempt.Others.Select(f => (f.Key, (string)f.Value!))];
        return async () =>
        {
            var answer = await visitor.SendFormAsync(attempt.Path, form, fields);
            return answer.Location is { } next
                ? [answer, await visitor.SendAsync(new(HttpMethod.Get, next))]
                : [answer];
        };
    }

    // What is protected is random and keeps its length.
    private static string Told(Answer answer, string id)
    {
        var body = Protected()
            .Replace(Ticket().Replace(TraceId().Replace(answer.Body, "$1"), "$1"), text => $"protected, {text.Length}");
        var headers = answer
            .Headers.Where(h => h.Name is not ("Date" or "Set-Cookie"))
            .Select(h => $"{h.Name}: {h.Value}");
        var cookies = answer.Cookies.Select(cookie =>
            $"Set-Cookie: {cookie.Split(';')[0].Split('=')[0]}{cookie[cookie.IndexOf(';', StringComparison.Ordinal)..]}"
        );
        return $"{answer.Status}\n{string.Join('\n', headers.Concat(cookies))}\n\n{body.Replace(id, "ID", StringComparison.OrdinalIgnoreCase)}";
    }

    [GeneratedRegex("(\"traceId\":\")[^\"]*")]
    private static partial Regex TraceId();

    [GeneratedRegex("(\"ticket\":\")[A-Za-z0-9_-]{43}(?=\")")]
    private static partial Regex Ticket();

    [GeneratedRegex("CfDJ8[A-Za-z0-9_-]+")]
    private static partial Regex Protected();
}
