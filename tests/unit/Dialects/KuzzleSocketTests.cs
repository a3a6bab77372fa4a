using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>What only a socket has: it stays, it is told things, and it is bounded.</summary>
public sealed class KuzzleSocketTests : IAsyncLifetime
{
    private const string Password = "correct horse battery";

    private sealed class SocketSite() : RunningSite(("Api:AllowedOrigins:0", "https://app.example"));

    private readonly RunningSite _site = new SocketSite();

    public Task InitializeAsync() => _site.InitializeAsync();

    public Task DisposeAsync() => ((IAsyncLifetime)_site).DisposeAsync();

    private async Task<string> MemberAsync()
    {
        var username = $"u{Guid.NewGuid():N}"[..20];
        (
            await _site.Client.PostAsJsonAsync("/api/account", new { username, password = Password })
        ).EnsureSuccessStatusCode();
        return username;
    }

    private static async Task<string> LoginAsync(KuzzleFrames frames, string username, int? expiresIn = null)
    {
        var arguments = new JsonObject { ["strategy"] = "local" };
        if (expiresIn is not null)
            arguments["expiresIn"] = expiresIn;
        var login = await frames.RequestAsync(
            "auth",
            "login",
            new() { ["username"] = username, ["password"] = Password },
            null,
            arguments
        );
        return login.GetProperty("result").GetProperty("jwt").GetString()!;
    }

    private static Task<JsonElement> MeAsync(KuzzleFrames frames, string? jwt = null) =>
        frames.RequestAsync("auth", "getCurrentUser", null, jwt, []);

    // kuzzle-sdk in a browser asks for the protocol 'null', and the browser closes a socket that does not confirm it.
    [Theory]
    [InlineData("null")]
    [InlineData("null", "other")]
    public async Task A_browser_gets_the_protocol_that_it_asks_for(params string[] asked)
    {
        using var socket = new ClientWebSocket();
        foreach (var protocol in asked)
            socket.Options.AddSubProtocol(protocol);
        await socket.ConnectAsync(
            new UriBuilder(new Uri(_site.ClientOptions.BaseAddress, "/")) { Scheme = "ws" }.Uri,
            default
        );
        Assert.Equal(asked[0], socket.SubProtocol);
    }

    [Fact]
    public async Task The_root_is_a_socket_for_those_who_ask_for_one_and_a_page_for_all_others()
    {
        await using var root = await KuzzleFrames.OpenAsync(_site);
        await using var own = await KuzzleFrames.OpenAsync(_site, "/_kuzzle");
        Assert.Equal(200, (await MeAsync(root)).GetProperty("status").GetInt32());
        Assert.Equal(200, (await MeAsync(own)).GetProperty("status").GetInt32());
        var page = await _site.Client.GetAsync("/");
        Assert.Equal("text/html", page.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task The_ping_of_browsers_is_answered()
    {
        await using var frames = await KuzzleFrames.OpenAsync(_site);
        await frames.SendAsync("""{"p":1}""");
        Assert.Equal("""{"p":2}""", (await frames.ReceiveAsync()).GetRawText());
    }

    [Fact]
    public async Task The_example_of_the_handbook_is_answered_as_written()
    {
        await using var frames = await KuzzleFrames.OpenAsync(_site);
        var jwt = await LoginAsync(frames, await MemberAsync());
        await frames.SendAsync(
            "{ \"controller\": \"auth\", \"action\": \"getCurrentUser\", \"jwt\": \"" + jwt + "\" }"
        );
        var envelope = await frames.ReceiveAsync();
        Assert.Equal(envelope.GetProperty("requestId").GetString(), envelope.GetProperty("room").GetString());
        Assert.NotEqual("-1", envelope.GetProperty("result").GetProperty("_id").GetString());
    }

    [Fact]
    public async Task Who_is_signed_out_elsewhere_is_told_and_may_stay()
    {
        await using var frames = await KuzzleFrames.OpenAsync(_site);
        var jwt = await LoginAsync(frames, await MemberAsync());
        (await _site.SendAsync(HttpMethod.Post, "/_logout", bearer: jwt)).EnsureSuccessStatusCode();
        var told = await frames.ReceiveAsync();
        Assert.Equal(
            ("TokenExpired", 200),
            (told.GetProperty("type").GetString(), told.GetProperty("status").GetInt32())
        );
        Assert.Equal("-1", (await MeAsync(frames)).GetProperty("result").GetProperty("_id").GetString());
        Assert.Equal(
            "security.token.invalid",
            (await MeAsync(frames, jwt)).GetProperty("error").GetProperty("id").GetString()
        );
    }

    [Fact]
    public async Task The_end_of_a_token_is_told_when_it_comes()
    {
        await using var frames = await KuzzleFrames.OpenAsync(_site);
        await LoginAsync(frames, await MemberAsync(), expiresIn: 500);
        Assert.Equal("TokenExpired", (await frames.ReceiveAsync()).GetProperty("type").GetString());
    }

    [Fact]
    public async Task Who_logs_out_is_not_told_of_it_again()
    {
        await using var frames = await KuzzleFrames.OpenAsync(_site);
        var jwt = await LoginAsync(frames, await MemberAsync());
        await frames.RequestAsync("auth", "logout", null, jwt, []);
        await Task.Delay(TimeSpan.FromSeconds(2.5));
        await frames.SendAsync("""{"p":1}""");
        Assert.Equal("""{"p":2}""", (await frames.ReceiveAsync()).GetRawText());
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("1")]
    [InlineData("{\"controller\":\"auth\",\"controller\":\"auth\",\"action\":\"getCurrentUser\"}")]
    [InlineData(
        "{\"controller\":\"auth\",\"action\":\"login\",\"strategy\":\"local\",\"body\":{\"username\":\"\\ud800\",\"password\":\"\\ud800\"}}"
    )]
    [InlineData("{\"\\udc00\":1}")]
    public async Task A_frame_that_is_no_object_is_refused_and_the_next_is_heard(string text)
    {
        await using var frames = await KuzzleFrames.OpenAsync(_site);
        await frames.SendAsync(text);
        var refused = await frames.ReceiveAsync();
        Assert.Equal(
            (400, "network.websocket.unexpected_error"),
            (refused.GetProperty("status").GetInt32(), refused.GetProperty("error").GetProperty("id").GetString())
        );
        Assert.Equal(200, (await MeAsync(frames)).GetProperty("status").GetInt32());
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"p\":2}")]
    [InlineData("{\"controller\":{},\"action\":[],\"requestId\":{},\"jwt\":1,\"volatile\":1}")]
    [InlineData("{\"controller\":\"realtime\",\"action\":\"subscribe\"}")]
    [InlineData("{\"controller\":\"auth\",\"action\":\"fly\"}")]
    [InlineData("{\"controller\":\"auth\",\"action\":\"login\"}")]
    [InlineData("{\"controller\":\"auth\",\"action\":\"login\",\"strategy\":{},\"expiresIn\":{},\"body\":[]}")]
    [InlineData(
        "{\"controller\":\"auth\",\"action\":\"login\",\"strategy\":\"local\",\"expiresIn\":1e400,\"body\":{\"username\":1,\"password\":{}}}"
    )]
    [InlineData(
        "{\"controller\":\"auth\",\"action\":\"login\",\"strategy\":\"local\",\"body\":{\"username\":\"\\u0000\",\"password\":\"\\u0000\"}}"
    )]
    [InlineData("{\"controller\":\"auth\",\"action\":\"checkToken\",\"body\":{\"token\":{}}}")]
    [InlineData("{\"controller\":\"auth\",\"action\":\"getCurrentUser\",\"jwt\":\"\\u0000..\"}")]
    [InlineData(
        "{\"controller\":\"security\",\"action\":\"createRestrictedUser\",\"body\":{\"content\":1,\"credentials\":{\"local\":1}}}"
    )]
    public async Task Wrong_types_are_refused_with_an_error_of_the_clients(string text)
    {
        await using var frames = await KuzzleFrames.OpenAsync(_site);
        await frames.SendAsync(text);
        var refused = await frames.ReceiveAsync();
        Assert.InRange(refused.GetProperty("status").GetInt32(), 400, 499);
        Assert.NotEmpty(refused.GetProperty("error").GetProperty("id").GetString()!);
    }

    [Fact]
    public async Task Too_large_and_binary_messages_close_the_socket()
    {
        await using var large = await KuzzleFrames.OpenAsync(_site);
        await large.SendAsync("{\"a\":\"" + new string('x', 70_000) + "\"}");
        Assert.Equal(WebSocketCloseStatus.MessageTooBig, await large.ClosedAsync());
        await using var binary = await KuzzleFrames.OpenAsync(_site);
        await binary.Socket.SendAsync(Encoding.UTF8.GetBytes("{}"), WebSocketMessageType.Binary, true, default);
        Assert.Equal(WebSocketCloseStatus.InvalidMessageType, await binary.ClosedAsync());
    }

    [Fact]
    public async Task Many_requests_at_once_are_all_answered()
    {
        await using var frames = await KuzzleFrames.OpenAsync(_site);
        for (var i = 0; i < 40; i++)
            await frames.SendAsync($$"""{"controller":"auth","action":"getCurrentUser","requestId":"{{i}}"}""");
        var rooms = new HashSet<string?>();
        for (var i = 0; i < 40; i++)
            rooms.Add((await frames.ReceiveAsync()).GetProperty("room").GetString());
        Assert.Equal(40, rooms.Count);
    }

    [Fact]
    public async Task Who_sends_too_fast_is_read_more_slowly()
    {
        await using var frames = await KuzzleFrames.OpenAsync(_site);
        var began = System.Diagnostics.Stopwatch.StartNew();
        for (var i = 0; i < 120; i++)
            await frames.SendAsync("""{"p":1}""");
        for (var i = 0; i < 120; i++)
            await frames.ReceiveAsync();
        Assert.True(began.Elapsed > TimeSpan.FromSeconds(1.5), began.Elapsed.ToString());
    }

    [Theory]
    [InlineData("https://app.example", true)]
    [InlineData("http://localhost:5080", true)]
    [InlineData("https://evil.example", false)]
    [InlineData("https://app.example.evil.example", false)]
    [InlineData("null", false)]
    public async Task Pages_of_other_origins_open_no_socket(string origin, bool welcome)
    {
        if (welcome)
        {
            await using var frames = await KuzzleFrames.OpenAsync(_site, origin: origin);
            Assert.Equal(200, (await MeAsync(frames)).GetProperty("status").GetInt32());
        }
        else
        {
            var refused = await Assert.ThrowsAsync<WebSocketException>(() =>
                KuzzleFrames.OpenAsync(_site, origin: origin)
            );
            Assert.Contains("403", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task One_address_has_a_bounded_number_of_sockets_and_a_closed_one_makes_room()
    {
        var open = new List<KuzzleFrames>();
        for (var i = 0; i < 100; i++)
            open.Add(await KuzzleFrames.OpenAsync(_site));
        var refused = await Assert.ThrowsAsync<WebSocketException>(() => KuzzleFrames.OpenAsync(_site));
        Assert.Contains("429", refused.Message, StringComparison.Ordinal);
        await open[0].Socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, default);
        open[1].Socket.Abort(); // left without a word
        foreach (var _ in new[] { 0, 1 })
            open.Add(await SoonAsync());
        foreach (var frames in open)
            await frames.DisposeAsync();

        async Task<KuzzleFrames> SoonAsync()
        {
            for (var attempt = 0; ; attempt++)
                try
                {
                    return await KuzzleFrames.OpenAsync(_site);
                }
                catch (WebSocketException) when (attempt < 50)
                {
                    await Task.Delay(100);
                }
        }
    }

    [Fact]
    public async Task A_server_that_stops_says_goodbye()
    {
        RunningSite site = new SocketSite();
        await site.InitializeAsync();
        await using var frames = await KuzzleFrames.OpenAsync(site);
        await MeAsync(frames);
        var stopping = ((IAsyncLifetime)site).DisposeAsync();
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, await frames.ClosedAsync());
        await frames.Socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
        await stopping.WaitAsync(TimeSpan.FromSeconds(10));
    }
}
