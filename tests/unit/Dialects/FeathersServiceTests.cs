using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.UnitTests.Support;
using BlazorAuth.Web;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>The users service as programs use it: queries, events, pictures; over REST and sockets.</summary>
public sealed class FeathersServiceTests : ForeignTest
{
    private const string Password = "correct horse battery";

    public FeathersServiceTests()
        : this(Store.Memory) { }

    private FeathersServiceTests(Store store)
        : base(store, ("Throttle:SignUpPerAddress", "1000"), ("Throttle:SignInPerAddress", "1000")) { }

    /// <summary>
    /// An address, what a socket sends for it, and the names of those who are found by an administrator.
    /// </summary>
    public static TheoryData<string, string, string> Queries =>
        new()
        {
            { "", "{}", "eve dan cleo ben root" },
            { "?$limit=2", """{"$limit":2}""", "eve dan" },
            { "?$limit=0", """{"$limit":0}""", "" },
            { "?$limit=2&$skip=1&$sort[username]=1", """{"$limit":2,"$skip":1,"$sort":{"username":1}}""", "cleo dan" },
            // all at one moment of the tests' clock
            { "?$sort[createdAt]=1", """{"$sort":{"createdAt":1}}""", "eve dan cleo ben root" },
            { "?$sort[id]=1", """{"$sort":{"id":1}}""", "root ben cleo dan eve" },
            {
                "?$sort[isVerified]=-1&$sort[email]=-1",
                """{"$sort":{"isVerified":-1,"email":-1}}""",
                "root eve dan cleo ben"
            },
            { "?email=BEN@example.net", """{"email":"BEN@example.net"}""", "ben" },
            { "?username=Ben", """{"username":"Ben"}""", "ben" },
            { "?email=nonsense", """{"email":"nonsense"}""", "" },
            { "?username[$in][]=ben&username[$in][]=dan", """{"username":{"$in":["ben","dan"]}}""", "dan ben" },
            { "?username[$in][0]=ben&username[$in][1]=nobody", """{"username":{"$in":["ben","nobody"]}}""", "ben" },
            { "?username[$in]=ben", """{"username":{"$in":["ben"]}}""", "ben" },
            {
                "?username[$nin][]=ben&username[$nin][]=dan",
                """{"username":{"$nin":["ben","dan"]}}""",
                "eve cleo root"
            },
            { "?username[$ne]=ben", """{"username":{"$ne":"ben"}}""", "eve dan cleo root" },
            { "?username[$gt]=ben&username[$lte]=dan", """{"username":{"$gt":"ben","$lte":"dan"}}""", "dan cleo" },
            {
                "?createdAt[$gte]=2000-01-01T00:00:00.000Z",
                """{"createdAt":{"$gte":"2000-01-01T00:00:00.000Z"}}""",
                "eve dan cleo ben root"
            },
            { "?createdAt[$lt]=946684800000", """{"createdAt":{"$lt":946684800000}}""", "" },
            { "?createdAt[$lt]=2000-01-01", """{"createdAt":{"$lt":946684800000}}""", "" },
            { "?isAnonymous=true", """{"isAnonymous":true}""", "" },
            { "?isVerified=true&active=true", """{"isVerified":true,"active":true}""", "root" },
            {
                "?$or[0][username]=ben&$or[1][email]=dan@example.net",
                """{"$or":[{"username":"ben"},{"email":"dan@example.net"}]}""",
                "dan ben"
            },
            {
                "?$or[][username]=ben&username[$ne]=ben",
                """{"$or":[{"username":"ben"}],"username":{"$ne":"ben"}}""",
                ""
            },
            {
                "?$and[0][username][$gt]=ben&$and[1][$or][0][username]=cleo",
                """{"$and":[{"username":{"$gt":"ben"}},{"$or":[{"username":"cleo"}]}]}""",
                "cleo"
            },
            { "?displayName=Ben%25", """{"displayName":"Ben%"}""", "" },
        };

    [Fact]
    public async Task A_query_finds_the_same_over_rest_and_over_a_socket()
    {
        var people = await PeopleAsync();
        foreach (var token in new[] { people.Administrator, people.Member })
        {
            using var socket = await FeathersSocket.OpenAsync(Site, token);
            foreach (var row in Queries)
            {
                var (address, query, names) = ((string)row[0], (string)row[1], (string)row[2]);
                var rest = await SendAsync(HttpMethod.Get, "/users" + address, bearer: token);
                var answer = await socket.CallAsync($"""["find","users",{query}]""");
                Assert.True(rest.Status == 200, address + rest.Body);
                Assert.Equal(JsonValueKind.Null, answer[0].ValueKind);
                Assert.Equal(rest.Json().GetRawText(), answer[1].GetRawText());
                var found = rest.Json()
                    .GetProperty("data")
                    .EnumerateArray()
                    .Select(user => user.GetProperty("username").GetString());
                // Whoever is no administrator finds nobody else, however they ask.
                if (token == people.Administrator)
                    Assert.Equal((address, names), (address, string.Join(' ', found)));
                else
                    Assert.All(found, name => Assert.Equal("ben", name));
            }
        }
    }

    public static TheoryData<string, string> UnknownQueries =>
        new()
        {
            { "?$where=1", """{"$where":"1"}""" },
            { "?$limit=-1", """{"$limit":-1}""" },
            { "?$limit=x", """{"$limit":"x"}""" },
            { "?$limit=1.5", """{"$limit":1.5}""" },
            { "?$limit[a]=1", """{"$limit":{"a":1}}""" },
            { "?$skip=99999999999", """{"$skip":99999999999}""" },
            { "?$sort=email", """{"$sort":"email"}""" },
            { "?$sort[password]=1", """{"$sort":{"password":1}}""" },
            { "?$sort[email]=2", """{"$sort":{"email":2}}""" },
            { "?$select[a]=1", """{"$select":{"a":1}}""" },
            { "?passwordHash=x", """{"passwordHash":"x"}""" },
            { "?nick=ada", """{"nick":"ada"}""" },
            { "?roles=administrator", """{"roles":"administrator"}""" },
            { "?email[$regex]=.", """{"email":{"$regex":"."}}""" },
            { "?email[$gt][a]=", """{"email":{"$gt":{"a":""}}}""" },
            { "?email[$like]=%25", """{"email":{"$like":"%"}}""" },
            { "?email[a]=1", """{"email":{"a":"1"}}""" },
            { "?email=%00", """{"email":"\u0000"}""" },
            { "?email[]=a&email[]=b", """{"email":["a","b"]}""" },
            { "?$or=1", """{"$or":1}""" },
            { "?$or[]=1", """{"$or":[1]}""" },
            { "?$or[a]=1", """{"$or":{"a":1}}""" },
            { "?isVerified=maybe", """{"isVerified":"maybe"}""" },
            { "?isVerified[$gt]=true", """{"isVerified":{"$gt":true}}""" },
            { "?createdAt=yesterday", """{"createdAt":"yesterday"}""" },
            { "?createdAt[$gt]=-1", """{"createdAt":{"$gt":-1}}""" },
            { "?__proto__[a]=1", """{"__proto__":{"a":1}}""" },
        };

    [Fact]
    public async Task A_query_that_is_not_known_is_a_bad_request_over_rest_and_over_a_socket()
    {
        var (_, member) = await SignedInAsync("ben");
        using var socket = await FeathersSocket.OpenAsync(Site, member);
        foreach (var row in UnknownQueries)
        {
            var rest = await SendAsync(HttpMethod.Get, "/users" + row[0], bearer: member);
            var answer = await socket.CallAsync($"""["find","users",{row[1]}]""");
            Assert.True((400, "BadRequest") == (rest.Status, rest.Text("name")), row[0] + rest.Body);
            Assert.True(
                answer[0].ValueKind == JsonValueKind.Object && answer[0].GetProperty("code").GetInt32() == 400,
                $"{row[0]}{answer[0]}"
            );
        }
    }

    [Fact]
    public async Task A_query_is_bounded()
    {
        var (_, member) = await SignedInAsync("ben");
        foreach (
            var (query, status) in new[]
            {
                (Repeat(20, at => $"$or[{at}][email]=a@example.net"), 200),
                (Repeat(21, at => $"$or[{at}][email]=a@example.net"), 400),
                (Repeat(50, _ => "email[$in][]=a"), 200),
                (Repeat(51, _ => "email[$in][]=a"), 400),
                (Repeat(21, at => $"$and[0][email][$in][{at}]=a&$and[{at}][email]=a"), 400),
                (Repeat(201, _ => "email[$in][]=a"), 400),
                ("$or[0][$or][0][$or][0][email]=a", 200),
                ($"$or[0]{string.Concat(Enumerable.Repeat("[$or][0]", 5))}[email]=a", 400),
            }
        )
            Assert.Equal(
                (query, status),
                (query, (await SendAsync(HttpMethod.Get, "/users?" + query, bearer: member)).Status)
            );

        static string Repeat(int times, Func<int, string> part) =>
            string.Join('&', Enumerable.Range(0, times).Select(part));
    }

    [Fact]
    public async Task Selected_fields_come_alone_with_the_id_for_every_method()
    {
        var (id, token) = await SignedInAsync("ben", nick: "b");
        var page = (await SendAsync(HttpMethod.Get, "/users?$select[]=email&$select[]=nick", bearer: token)).Json();
        Assert.Equal(
            ["id", "email", "nick"],
            page.GetProperty("data")[0].EnumerateObject().Select(field => field.Name)
        );
        var own = (await SendAsync(HttpMethod.Get, $"/users/{id}?$select=email", bearer: token)).Json();
        Assert.Equal(["id", "email"], own.EnumerateObject().Select(field => field.Name));
        using var socket = await FeathersSocket.OpenAsync(Site, token);
        var patched = (await socket.CallAsync("""["patch","users","me",{"nick":"c"},{"$select":["nick"]}]"""))[1];
        Assert.Equal(["id", "nick"], patched.EnumerateObject().Select(field => field.Name));
        var wrong = await SendAsync(HttpMethod.Patch, "/users/me?$select[a]=b", new { nick = "d" }, token);
        Assert.Equal(400, wrong.Status);
        Assert.Equal("c", (await SendAsync(HttpMethod.Get, "/users/me", bearer: token)).Text("nick"));
    }

    [Fact]
    public async Task Changes_are_told_to_the_owners_sockets_and_to_administrators_and_to_nobody_else()
    {
        var people = await PeopleAsync();
        using var own = await FeathersSocket.OpenAsync(Site, people.Member);
        using var administrator = await FeathersSocket.OpenAsync(Site, people.Administrator);
        using var other = await FeathersSocket.OpenAsync(Site, people.Other);
        using var nobody = await FeathersSocket.OpenAsync(Site, null);

        await SendAsync(HttpMethod.Patch, "/users/me", new { nick = "one" }, people.Member);
        foreach (var socket in new[] { own, administrator })
        {
            var told = await socket.EventAsync();
            Assert.Equal(("users patched", "one"), (told[0].GetString(), told[1].GetProperty("nick").GetString()));
        }
        await own.CallAsync("""["update","users","me",{"nick":"two"},{}]""");
        Assert.Equal("users updated", (await own.EventAsync())[0].GetString());
        Assert.Equal("two", (await administrator.EventAsync())[1].GetProperty("nick").GetString());

        await SendAsync(HttpMethod.Post, "/users", new { email = "new@example.net", password = Password });
        var created = await administrator.EventAsync();
        Assert.Equal(
            ("users created", "new@example.net"),
            (created[0].GetString(), created[1].GetProperty("email").GetString())
        );
        Assert.DoesNotContain("assword", created.ToString(), StringComparison.Ordinal);

        // A record that is as it was is no change.
        await SendAsync(HttpMethod.Patch, "/users/me", new { nick = "two" }, people.Member);

        var changed = await SendAsync(
            HttpMethod.Patch,
            "/users/me",
            new { oldPassword = Password, password = "another horse battery" },
            people.Member
        );
        Assert.Equal(200, changed.Status);
        Assert.NotNull(changed.Text("accessToken"));
        var patched = await administrator.EventAsync();
        Assert.Equal("users patched", patched[0].GetString());
        Assert.DoesNotContain("oken", patched[1].GetRawText(), StringComparison.Ordinal);

        var removed = await SendAsync(HttpMethod.Delete, "/users/me", new { password = Password }, people.Other);
        Assert.Equal(200, removed.Status);
        var gone = await administrator.EventAsync();
        Assert.Equal(("users removed", "cleo"), (gone[0].GetString(), gone[1].GetProperty("username").GetString()));
        var last = await other.EventAsync();
        Assert.Equal("users removed", last[0].GetString());
        Assert.Equal(["id"], last[1].EnumerateObject().Select(field => field.Name));

        Assert.Empty(nobody.Events);
        Assert.DoesNotContain(other.Events, told => told[0].GetString() != "logout");
    }

    [Fact]
    public async Task An_administrator_of_one_factor_is_told_as_much_as_anybody()
    {
        var (id, token) = await SignedInAsync("root");
        await MakeAdministratorAsync(id);
        using var socket = await FeathersSocket.OpenAsync(Site, token);
        var (_, member) = await SignedInAsync("ben");
        await SendAsync(HttpMethod.Patch, "/users/me", new { nick = "one" }, member);
        await SendAsync(HttpMethod.Patch, "/users/me", new { nick = "mine" }, token);
        Assert.Equal("mine", (await socket.EventAsync())[1].GetProperty("nick").GetString());
        Assert.Empty(socket.Events);
    }

    [Fact]
    public async Task The_avatar_is_that_of_the_address_until_the_user_sets_one()
    {
        const string Gravatar = "https://s.gravatar.com/avatar/ffe2a09df37d7c646e974a2d2b8d3e03?s=60",
            Own = "https://example.com/a.png";
        var made = await PostAsync("/users", new { email = "Hello@feathersjs.com", password = Password });
        Assert.Equal(Gravatar, made.Text("avatar"));
        var auth = await PostAsync(
            "/authentication",
            new
            {
                strategy = "local",
                email = "hello@feathersjs.com",
                password = Password,
            }
        );
        Assert.Equal(Gravatar, auth.Text("user", "avatar"));
        var token = auth.Text("accessToken");

        // Programs send whole records back: the picture is still that of the address, not the user's own.
        await SendAsync(HttpMethod.Put, "/users/me", auth.Json().GetProperty("user").GetRawText(), token);
        await SendAsync(HttpMethod.Patch, "/users/me", new { avatar = Gravatar }, token);
        var elsewhere = await SendAsync(HttpMethod.Get, "/api/account", bearer: token);
        Assert.DoesNotContain("gravatar", elsewhere.Body, StringComparison.Ordinal);
        Assert.Null(await Auth.Use((AuthDbContext db) => db.Users.Select(u => u.Avatar).SingleAsync()));

        Assert.Equal(Own, (await SendAsync(HttpMethod.Patch, "/users/me", new { avatar = Own }, token)).Text("avatar"));
        var anonymous = await PostAsync("/authentication", new { strategy = "anonymous" });
        Assert.Equal(JsonValueKind.Null, anonymous.Json().GetProperty("user").GetProperty("avatar").ValueKind);
    }

    public static TheoryData<string, string, string?> ClientFiles =>
        new()
        {
            { "socket.io.js", "text/javascript", "e135466dffd976ef028000a211a6dfd4dda0f5a91af760f122585131f4ee9936" },
            {
                "socket.io.min.js",
                "text/javascript",
                "d5d79a35039e860b32bdef4795528b05c2f788d4b2d9dacc913120e2878f7b3f"
            },
            {
                "socket.io.esm.min.js",
                "text/javascript",
                "771c3872e7d9bf81020615fda67ef0fd2aa61fcaf1990100714a46fa2c39f8a1"
            },
            { "socket.io.js.map", "application/json", null },
            { "socket.io.min.js.map", "application/json", null },
            { "socket.io.esm.min.js.map", "application/json", null },
            { "LICENSE", "text/plain", null },
        };

    [Fact]
    public async Task The_client_script_is_the_published_one_and_any_page_may_load_it()
    {
        foreach (var row in ClientFiles)
            await LoadAsync((string)row[0], (string)row[1], (string?)row[2]);
    }

    private async Task LoadAsync(string name, string type, string? hash)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/socket.io/{name}");
        request.Headers.Add("Origin", "https://anywhere.example");
        using var answer = await Site.Client.SendAsync(request);
        Assert.Equal((HttpStatusCode.OK, type), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
        Assert.Equal("*", Assert.Single(answer.Headers.GetValues("Access-Control-Allow-Origin")));
        Assert.Equal("public, max-age=3600", answer.Headers.CacheControl!.ToString());
        var bytes = await answer.Content.ReadAsByteArrayAsync();
        if (hash is not null)
            Assert.Equal(hash, Convert.ToHexStringLower(SHA256.HashData(bytes)));
        if (type == "application/json")
            Assert.Equal(3, JsonDocument.Parse(bytes).RootElement.GetProperty("version").GetInt32());
        if (name == "LICENSE")
            Assert.Contains("Permission is hereby granted", Encoding.UTF8.GetString(bytes), StringComparison.Ordinal);

        using var again = new HttpRequestMessage(HttpMethod.Get, $"/socket.io/{name}");
        again.Headers.IfNoneMatch.Add(answer.Headers.ETag!);
        Assert.Equal(HttpStatusCode.NotModified, (await Site.Client.SendAsync(again)).StatusCode);
        using var head = await Site.Client.SendAsync(new(HttpMethod.Head, $"/socket.io/{name}"));
        Assert.Equal((HttpStatusCode.OK, bytes.LongLength), (head.StatusCode, head.Content.Headers.ContentLength));
        Assert.Equal(HttpStatusCode.NotFound, (await Site.Client.PostAsync($"/socket.io/{name}", null)).StatusCode);
    }

    private sealed record People(string Administrator, string Member, string Other);

    // root, ben, cleo, dan and eve, made in this order.
    private async Task<People> PeopleAsync()
    {
        var (id, first) = await SignedInAsync("root");
        await MakeAdministratorAsync(id);
        await Auth.Use(
            async (AuthDbContext db) =>
                await db
                    .Users.Where(u => u.Id == id)
                    .ExecuteUpdateAsync(set => set.SetProperty(u => u.EmailConfirmed, true))
        );
        var app = await AuthenticatorApp.AddAsync(Site.Services, id);
        var root = (await SendAsync(HttpMethod.Post, "/api/account/step-up", new { code = app.Code() }, first)).Text(
            "accessToken"
        );
        var (_, ben) = await SignedInAsync("ben");
        var (_, cleo) = await SignedInAsync("cleo");
        await SignedInAsync("dan");
        await SignedInAsync("eve");
        return new(root, ben, cleo);
    }

    private Task MakeAdministratorAsync(string id) =>
        Auth.Use(
            async (AuthDbContext db) =>
            {
                db.UserRoles.Add(new() { UserId = id, RoleId = AuthDbContext.Administrator });
                await db.SaveChangesAsync();
            }
        );

    private async Task<(string Id, string Token)> SignedInAsync(string name, string nick = "zero")
    {
        var email = $"{name}@example.net";
        var made = await PostAsync(
            "/users",
            new
            {
                email,
                username = name,
                password = Password,
                nick,
            }
        );
        Assert.Equal(201, made.Status);
        var auth = await PostAsync(
            "/authentication",
            new
            {
                strategy = "local",
                email,
                password = Password,
            }
        );
        return (made.Text("id"), auth.Text("accessToken"));
    }

    [OnPostgres]
    public sealed class OnPostgres() : AuthTest(Store.Postgres)
    {
        [StoreFact]
        public async Task Every_query_is_one_that_the_database_takes()
        {
            await using var site = await Auth.SiteAsync(
                ("Throttle:SignUpPerAddress", "1000"),
                ("Throttle:SignInPerAddress", "1000")
            );
            using var made = await site.Client.PostAsync(
                "/users",
                Json($$"""{"email":"ben@example.net","password":"{{Password}}","username":"ben"}""")
            );
            using var signedIn = await site.Client.PostAsync(
                "/authentication",
                Json($$"""{"strategy":"local","email":"ben@example.net","password":"{{Password}}"}""")
            );
            var token = JsonDocument
                .Parse(await signedIn.Content.ReadAsStringAsync())
                .RootElement.GetProperty("accessToken")
                .GetString();
            foreach (var query in Queries)
            {
                using var answer = await site.SendAsync(HttpMethod.Get, "/users" + query[0], bearer: token);
                Assert.True(
                    answer.StatusCode == HttpStatusCode.OK,
                    $"{query[0]}: {await answer.Content.ReadAsStringAsync()}"
                );
            }
        }

        private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
    }
}

/// <summary>A site whose users have no picture but their own.</summary>
public sealed class FeathersWithoutGravatarTests() : ForeignTest(("Api:FeathersGravatar", "false"))
{
    [Fact]
    public async Task The_picture_of_the_address_can_be_switched_off()
    {
        var made = await PostAsync("/users", new { email = Jane, password = "correct horse battery" });
        Assert.Equal(JsonValueKind.Null, made.Json().GetProperty("avatar").ValueKind);
    }
}

/// <summary>A socket as Feathers' client uses it: calls with an answer each, and events beside them.</summary>
internal sealed class FeathersSocket : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ClientWebSocket _socket = new();
    private int _calls;

    public List<JsonElement> Events { get; } = [];

    public static async Task<FeathersSocket> OpenAsync(RunningSite site, string? token)
    {
        var opened = new FeathersSocket();
        using var late = new CancellationTokenSource(Patience);
        var address = new UriBuilder(site.Client.BaseAddress!)
        {
            Scheme = "ws",
            Path = "/socket.io/",
            Query = "EIO=4&transport=websocket",
        }.Uri;
        await opened._socket.ConnectAsync(address, late.Token);
        await opened.ReceiveAsync();
        await opened.SendAsync("40");
        await opened.ReceiveAsync();
        if (token is null)
            return opened;
        var answer = await opened.CallAsync(
            $$"""["create","authentication",{"strategy":"jwt","accessToken":"{{token}}"},{}]"""
        );
        Assert.Equal(JsonValueKind.Null, answer[0].ValueKind);
        return opened;
    }

    public async Task<JsonElement> CallAsync(string json)
    {
        var number = _calls++;
        await SendAsync($"42{number}{json}");
        while (true)
        {
            var packet = await ReceiveAsync();
            if (packet.StartsWith($"43{number}[", StringComparison.Ordinal))
                return JsonDocument.Parse(packet[$"43{number}".Length..]).RootElement;
            Note(packet);
        }
    }

    /// <summary>The next event, one that came beside an answer first.</summary>
    public async Task<JsonElement> EventAsync()
    {
        while (Events.Count == 0)
            Note(await ReceiveAsync());
        var first = Events[0];
        Events.RemoveAt(0);
        return first;
    }

    public void Dispose() => _socket.Dispose();

    private void Note(string packet)
    {
        if (packet.StartsWith("42[", StringComparison.Ordinal))
            Events.Add(JsonDocument.Parse(packet[2..]).RootElement);
    }

    private async Task SendAsync(string packet)
    {
        using var late = new CancellationTokenSource(Patience);
        await _socket.SendAsync(Encoding.UTF8.GetBytes(packet), WebSocketMessageType.Text, true, late.Token);
    }

    private async Task<string> ReceiveAsync()
    {
        using var late = new CancellationTokenSource(Patience);
        using var message = new MemoryStream();
        var buffer = new byte[4096];
        while (true)
        {
            var part = await _socket.ReceiveAsync(buffer, late.Token);
            if (part.MessageType == WebSocketMessageType.Close)
                throw new InvalidOperationException("The socket was closed.");
            message.Write(buffer, 0, part.Count);
            if (part.EndOfMessage)
                return Encoding.UTF8.GetString(message.ToArray());
        }
    }
}
