using System.Net;
using System.Text;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>A site where addresses are hidden, with a page of another origin.</summary>
public sealed class HiddenSite()
    : RunningSite(("SignIn:RequireVerifiedEmail", "true"), ("Api:AllowedOrigins:0", Origin))
{
    public const string Origin = "https://app.example.org";
}

/// <summary>A site that speaks another dialect only.</summary>
public sealed class OtherSite()
    : RunningSite(
        ("Api:Dialects:0", "Conduit"),
        ("Api:Dialects:1", "Conduit"),
        ("Api:Dialects:2", "Conduit"),
        ("Api:Dialects:3", "Conduit"),
        ("Api:Dialects:4", "Conduit")
    );

public sealed class FeathersElsewhereTests(HiddenSite hidden, OtherSite other)
    : IClassFixture<HiddenSite>,
        IClassFixture<OtherSite>
{
    [Fact]
    public async Task A_free_and_a_taken_address_sign_up_alike_where_that_is_hidden()
    {
        var answers = new List<(HttpStatusCode, string)>();
        for (var time = 0; time < 2; time++)
        {
            var answer = await hidden.Client.PostAsync(
                "/users",
                Json("""{"email":"jane@example.net","password":"correct horse battery","nick":"ada"}""")
            );
            answers.Add((answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        }
        Assert.Equal(
            (
                HttpStatusCode.Created,
                """{"email":"jane@example.net","isVerified":false,"avatar":"https://s.gravatar.com/avatar/2d45313c2508bceda5167e1fce57628f?s=60","profile":{"nick":"ada"},"nick":"ada"}"""
            ),
            Assert.Single(answers.Distinct())
        );
        var signIn = await hidden.Client.PostAsync(
            "/authentication",
            Json("""{"strategy":"local","email":"jane@example.net","password":"correct horse battery"}""")
        );
        Assert.Equal(HttpStatusCode.Forbidden, signIn.StatusCode);
    }

    [Theory]
    [InlineData("PATCH", "/users/me", "authorization,content-type,x-service-method")]
    [InlineData("DELETE", "/authentication", "authorization")]
    [InlineData("POST", "/socket.io/?EIO=4&transport=polling&sid=x", "content-type")]
    public async Task An_allowed_origin_may_ask_before(string method, string path, string headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, path);
        request.Headers.Add("Origin", HiddenSite.Origin);
        request.Headers.Add("Access-Control-Request-Method", method);
        request.Headers.Add("Access-Control-Request-Headers", headers);
        using var answer = await hidden.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal(HiddenSite.Origin, Assert.Single(answer.Headers.GetValues("Access-Control-Allow-Origin")));
    }

    [Fact]
    public async Task One_network_gets_so_many_connections()
    {
        var statuses = new List<HttpStatusCode>();
        for (var count = 0; count <= Connections.MaximumPerNetwork; count++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/socket.io/?EIO=4&transport=polling");
            request.Headers.Add("Origin", HiddenSite.Origin);
            using var answer = await hidden.Client.SendAsync(request);
            statuses.Add(answer.StatusCode);
        }
        Assert.Equal(HttpStatusCode.TooManyRequests, statuses[^1]);
        Assert.All(statuses[..^1], status => Assert.Equal(HttpStatusCode.OK, status));
    }

    [Theory]
    [InlineData("/users")]
    [InlineData("/authentication")]
    [InlineData("/auth-management")]
    [InlineData("/socket.io/?EIO=4&transport=polling")]
    [InlineData("/socket.io/socket.io.js")]
    [InlineData("/socket.io/LICENSE")]
    public async Task A_dialect_that_is_not_listed_does_not_exist(string path)
    {
        Assert.Equal(HttpStatusCode.NotFound, (await other.Client.GetAsync(path)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await other.Client.PostAsync(path, Json("{}"))).StatusCode);
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");
}

/// <summary>A connection by its own clock.</summary>
public sealed class FeathersConnectionTests
{
    private readonly Ticks _time = new();
    private readonly Connection _connection;

    public FeathersConnectionTests() => _connection = new(null!, "203.0.113.7", null, _time);

    [Fact]
    public async Task Who_does_not_answer_a_ping_is_let_go()
    {
        Assert.True(await _connection.TakeAsync("40"));
        After(Connection.PingInterval);
        After(Connection.PingTimeout);
        Assert.True(_connection.Closed.IsCancellationRequested);
        Assert.Equal(["40", "2"], Sent().Select(packet => packet[..Math.Min(2, packet.Length)]));
    }

    [Fact]
    public async Task Who_calls_stays_while_the_pong_waits_behind_the_calls()
    {
        Assert.True(await _connection.TakeAsync("40"));
        After(Connection.PingInterval);
        for (var call = 0; call < 5; call++)
        {
            After(Connection.PingTimeout / 2);
            Assert.True(await _connection.TakeAsync("431[]"));
        }
        Assert.False(_connection.Closed.IsCancellationRequested);
    }

    [Fact]
    public async Task Events_leave_room_for_answers_and_never_close()
    {
        Assert.True(await _connection.TakeAsync("40"));
        for (var packet = 0; packet < 1000; packet++)
            _connection.SendEvent("42[]");
        Assert.False(_connection.Closed.IsCancellationRequested);
        Assert.Equal(50, Sent().Count);
    }

    [Fact]
    public async Task Who_answers_stays()
    {
        Assert.True(await _connection.TakeAsync("40"));
        for (var round = 0; round < 5; round++)
        {
            After(Connection.PingInterval);
            Assert.True(await _connection.TakeAsync("3"));
        }
        Assert.False(_connection.Closed.IsCancellationRequested);
    }

    [Fact]
    public void Who_never_says_what_for_is_let_go()
    {
        After(Connection.PingTimeout);
        Assert.True(_connection.Closed.IsCancellationRequested);
    }

    [Fact]
    public void Who_does_not_read_is_let_go()
    {
        for (var packet = 0; packet < 200; packet++)
            _connection.Send("6");
        Assert.True(_connection.Closed.IsCancellationRequested);
        Assert.InRange(Sent().Count, 1, 100);
    }

    private void After(TimeSpan time)
    {
        _time.Move(time + TimeSpan.FromSeconds(1));
        _connection.Beat();
    }

    private List<string> Sent()
    {
        var sent = new List<string>();
        while (_connection.Outgoing.TryRead(out var packet))
            sent.Add(packet);
        return sent;
    }

    private sealed class Ticks : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Move(TimeSpan by) => _now += by.Ticks;
    }
}
