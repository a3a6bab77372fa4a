using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>The frames of <c>socket.io-client</c>, and those that it would never send.</summary>
[Collection(SiteCollection.Name)]
public sealed class FeathersSocketTests(RunningSite site)
{
    private const string Password = "correct horse battery",
        Polling = "/socket.io/?EIO=4&transport=polling";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_handshake_by_poll_offers_the_websocket()
    {
        var (status, text) = await GetAsync(Polling);
        Assert.Equal((200, '0'), (status, text[0]));
        var open = JsonDocument.Parse(text[1..]).RootElement;
        Assert.Equal("""["websocket"]""", open.GetProperty("upgrades").GetRawText());
        Assert.Equal(
            (25000, 20000, 65536),
            (
                open.GetProperty("pingInterval").GetInt32(),
                open.GetProperty("pingTimeout").GetInt32(),
                open.GetProperty("maxPayload").GetInt32()
            )
        );
    }

    [Fact]
    public async Task Calls_by_poll_are_answered_in_one_payload()
    {
        var path = await PollingAsync();
        Assert.Equal(
            (200, "ok"),
            await PostAsync(path, "40\u001e420[\"get\",\"users\",\"me\",{}]\u001e421[\"find\",\"nothing\",{}]")
        );
        var packets = (await GetAsync(path)).Text.Split('\u001e');
        Assert.StartsWith("40{\"sid\":", packets[0], StringComparison.Ordinal);
        Assert.StartsWith("430[{\"name\":\"NotAuthenticated\",", packets[1], StringComparison.Ordinal);
        Assert.StartsWith("431[{\"name\":\"NotFound\",", packets[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_socket_that_signed_in_is_somebody_and_nobody_after_it_signed_out()
    {
        using var socket = await OpenAsync();
        var email = await SignInAsync(socket);
        Assert.Equal(
            email,
            (await CallAsync(socket, "[\"get\",\"users\",\"me\",{}]"))[1].GetProperty("email").GetString()
        );
        Assert.Equal(
            JsonValueKind.Null,
            (await CallAsync(socket, "[\"remove\",\"authentication\",null,{}]"))[0].ValueKind
        );
        Assert.Equal(401, (await CallAsync(socket, "[\"get\",\"users\",\"me\",{}]"))[0].GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task A_socket_of_a_session_that_ended_elsewhere_is_told_and_closed()
    {
        using var socket = await OpenAsync();
        var email = await SignInAsync(socket);
        var token = (
            await CallAsync(
                socket,
                $$"""["create","authentication",{"strategy":"local","email":"{{email}}","password":"{{Password}}"},{}]"""
            )
        )[1]
            .GetProperty("accessToken")
            .GetString();
        await site.SendAsync(HttpMethod.Post, "/api/token/revoke", bearer: token);
        var told = await ReceiveAsync(socket);
        Assert.StartsWith("42[\"logout\",{\"name\":\"NotAuthenticated\",", told, StringComparison.Ordinal);
        Assert.Null(await ReceiveAsync(socket));
    }

    [Fact]
    public async Task A_poll_becomes_a_websocket_and_is_a_poll_no_more()
    {
        var path = await PollingAsync();
        await PostAsync(path, "40");
        await GetAsync(path);
        var waiting = GetAsync(path);
        using var socket = await ConnectAsync(path.Replace("polling", "websocket", StringComparison.Ordinal));
        await SendAsync(socket, "2probe");
        Assert.Equal("3probe", await ReceiveAsync(socket));
        Assert.Equal((200, "6"), await waiting.WaitAsync(Patience));
        await SendAsync(socket, "5");
        Assert.Equal(401, (await CallAsync(socket, "[\"get\",\"users\",\"me\",{}]"))[0].GetProperty("code").GetInt32());
        Assert.Equal(400, (await GetAsync(path)).Status);
    }

    [Theory]
    [InlineData("/socket.io/?EIO=2&transport=polling", 5)]
    [InlineData("/socket.io/", 0)]
    [InlineData("/socket.io/?transport=polling", 5)]
    [InlineData("/socket.io/?EIO=4&transport=nonsense", 0)]
    [InlineData("/socket.io/?EIO=4&transport=websocket", 3)]
    [InlineData("/socket.io/?EIO=4&transport=polling&sid=nonsense", 1)]
    [InlineData("/socket.io/?EIO=4&transport=polling&sid=a&sid=b", 1)]
    public async Task A_request_that_is_no_handshake_has_its_code(string path, int code)
    {
        var (status, text) = await GetAsync(path);
        Assert.Equal((400, code), (status, JsonDocument.Parse(text).RootElement.GetProperty("code").GetInt32()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("9")]
    [InlineData("2")]
    [InlineData("bAAAA")]
    [InlineData("4")]
    [InlineData("49")]
    [InlineData("451-[\"create\",{\"_placeholder\":true,\"num\":0}]")]
    [InlineData("420[\"get\",\"users\",\"me\",{}]")]
    [InlineData("40\u001e40")]
    [InlineData("43")]
    [InlineData("44{}")]
    public async Task A_frame_that_no_client_sends_closes_the_connection(string payload)
    {
        var path = await PollingAsync();
        Assert.Equal(400, (await PostAsync(path, payload)).Status);
        var last = await GetAsync(path);
        if (last.Text != "1")
            last = await GetAsync(path); // what was said before the end comes in a payload of its own
        Assert.Equal((200, "1"), last);
        Assert.Equal(400, (await GetAsync(path)).Status);
    }

    [Theory]
    [InlineData("[1,2]")]
    [InlineData("[\"create\"]")]
    [InlineData("[\"create\",\"users\",[1]]")]
    [InlineData("[\"create\",\"users\",7]")]
    [InlineData("[\"create\",\"users\",{\"email\":\"\\ud800\"},{}]")]
    [InlineData("[\"create\",\"users\",{\"a\":1,\"a\":2},{}]")]
    [InlineData("[\"get\",\"users\",{},{}]")]
    [InlineData("[\"__proto__\",\"users\",{}]")]
    [InlineData("[\"constructor\",\"users\",{}]")]
    [InlineData("[\"create\",\"users/../authentication\",{}]")]
    [InlineData("[\"find\",\"users\",{\"$limit\":{\"a\":1}}]")]
    public async Task An_event_that_is_no_call_is_answered_in_shape(string json)
    {
        using var socket = await OpenAsync();
        Assert.InRange((await CallAsync(socket, json))[0].GetProperty("code").GetInt32(), 400, 405);
        Assert.Equal(401, (await CallAsync(socket, "[\"get\",\"users\",\"me\",{}]"))[0].GetProperty("code").GetInt32());
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("[\"create\",")]
    [InlineData("[\"create\"]]")]
    [InlineData("[null,\"users\"]")]
    [InlineData("[\"disconnect\",\"users\"]")]
    [InlineData("{\"create\":\"users\"}")]
    [InlineData("\"create\"")]
    [InlineData("")]
    public async Task A_malformed_event_closes_the_connection(string json)
    {
        using var socket = await OpenAsync();
        await SendAsync(socket, "427" + json);
        Assert.Null(await ReceiveAsync(socket));
    }

    [Theory]
    [InlineData("40[1]")]
    [InlineData("40\"x\"")]
    public async Task A_malformed_connect_closes_the_connection(string packet)
    {
        using var socket = await ConnectAsync(Polling.Replace("polling", "websocket", StringComparison.Ordinal));
        await ReceiveAsync(socket);
        await SendAsync(socket, packet);
        Assert.Null(await ReceiveAsync(socket));
    }

    [Fact]
    public async Task A_disconnect_leaves_its_namespace_only()
    {
        using var socket = await OpenAsync();
        await SignInAsync(socket);
        await SendAsync(socket, "41");
        await SendAsync(socket, "40");
        Assert.StartsWith("40{\"sid\":", await ReceiveAsync(socket), StringComparison.Ordinal);
        // Who comes back is nobody until they sign in again.
        Assert.Equal(401, (await CallAsync(socket, "[\"get\",\"users\",\"me\",{}]"))[0].GetProperty("code").GetInt32());
        await SendAsync(socket, "431[]"); // answers nothing that was asked
        Assert.Equal(401, (await CallAsync(socket, "[\"get\",\"users\",\"me\",{}]"))[0].GetProperty("code").GetInt32());
        await SendAsync(socket, "41");
        await SendAsync(socket, "427[\"get\",\"users\",\"me\",{}]");
        Assert.Null(await ReceiveAsync(socket));
    }

    [Fact]
    public async Task Many_calls_at_once_are_all_answered_in_one_poll_after_the_other()
    {
        var path = await PollingAsync();
        await PostAsync(path, "40");
        await GetAsync(path);
        var calls = string.Join(
            '\u001e',
            Enumerable.Range(0, 350).Select(call => $"42{call}[\"get\",\"users\",\"me\",{{}}]")
        );
        var posted = PostAsync(path, calls);
        var answered = 0;
        while (answered < 350)
            answered += (await GetAsync(path).WaitAsync(Patience))
                .Text.Split('\u001e')
                .Count(packet => packet.StartsWith("43", StringComparison.Ordinal));
        Assert.Equal((200, "ok"), await posted);
    }

    [Fact]
    public async Task Polls_of_one_network_at_once_do_not_wait_for_each_other()
    {
        var paths = new List<string>();
        for (var each = 0; each < 60; each++)
            paths.Add(await PollingAsync());
        var posts = await Task.WhenAll(
                paths.Select(path => PostAsync(path, "40\u001e420[\"get\",\"users\",\"me\",{}]"))
            )
            .WaitAsync(TimeSpan.FromSeconds(60));
        Assert.All(posts, post => Assert.Equal(200, post.Status));
        foreach (var path in paths)
            await PostAsync(path, "1");
    }

    [Fact]
    public async Task A_client_of_Engine_IO_3_polls_and_changes_to_the_websocket()
    {
        const string Old = "/socket.io/?EIO=3&transport=polling";
        var (status, text) = await GetAsync(Old);
        Assert.Equal(200, status);
        Assert.Equal(
            text.Length,
            text.IndexOf(':', StringComparison.Ordinal)
                + 1
                + int.Parse(
                    text[..text.IndexOf(':', StringComparison.Ordinal)],
                    System.Globalization.CultureInfo.InvariantCulture
                )
        );
        var open = JsonDocument.Parse(text[(text.IndexOf('{', StringComparison.Ordinal))..]).RootElement;
        var path = $"{Old}&sid={open.GetProperty("sid").GetString()}";
        Assert.Equal((200, "2:40"), await GetAsync(path)); // in the namespace without asking
        const string Call = "420[\"find\",\"nothing \u00e9\",{}]";
        Assert.Equal((200, "ok"), await PostAsync(path, $"{Call.Length}:{Call}1:28:40/admin"));
        var answers = (await GetAsync(path)).Text;
        Assert.Contains(":430[{\"name\":\"NotFound\"", answers, StringComparison.Ordinal);
        Assert.Contains("1:3", answers, StringComparison.Ordinal); // its pings are answered, none is sent
        Assert.EndsWith("28:44/admin,\"Invalid namespace\"", answers, StringComparison.Ordinal);
        using var socket = await ConnectAsync(path.Replace("polling", "websocket", StringComparison.Ordinal));
        await SendAsync(socket, "2probe");
        Assert.Equal("3probe", await ReceiveAsync(socket));
        await SendAsync(socket, "5");
        await SendAsync(socket, "2");
        Assert.Equal("3", await ReceiveAsync(socket));
        Assert.Equal(401, (await CallAsync(socket, "[\"get\",\"users\",\"me\",{}]"))[0].GetProperty("code").GetInt32());
    }

    [Theory]
    [InlineData("")]
    [InlineData("40")]
    [InlineData("x:40")]
    [InlineData("0:")]
    [InlineData("9:40")]
    [InlineData("-2:40")]
    [InlineData("99999999999:40")]
    public async Task A_payload_of_Engine_IO_3_that_is_none_closes_the_connection(string payload)
    {
        var text = (await GetAsync("/socket.io/?EIO=3&transport=polling")).Text;
        var path =
            $"/socket.io/?EIO=3&transport=polling&sid={JsonDocument.Parse(text[text.IndexOf('{', StringComparison.Ordinal)..]).RootElement.GetProperty("sid").GetString()}";
        Assert.Equal(400, (await PostAsync(path, payload)).Status);
        await GetAsync(path);
        await GetAsync(path);
        Assert.Equal(400, (await GetAsync(path)).Status);
    }

    [Theory]
    [InlineData("/admin")]
    [InlineData("/a?b=c&d={\"e\":1}")]
    public async Task Another_namespace_is_refused_and_the_connection_stays(string name)
    {
        using var socket = await OpenAsync();
        await SendAsync(socket, $"40{name},");
        Assert.Equal($"44{name},{{\"message\":\"Invalid namespace\"}}", await ReceiveAsync(socket));
        Assert.Equal(401, (await CallAsync(socket, "[\"get\",\"users\",\"me\",{}]"))[0].GetProperty("code").GetInt32());
    }

    [Theory]
    [InlineData(WebSocketMessageType.Binary, 10)]
    [InlineData(WebSocketMessageType.Text, 70_000)]
    public async Task A_binary_or_an_oversize_message_closes_the_socket(WebSocketMessageType type, int length)
    {
        using var socket = await OpenAsync();
        using var late = new CancellationTokenSource(Patience);
        await socket.SendAsync(Encoding.UTF8.GetBytes("420" + new string(' ', length)), type, true, late.Token);
        Assert.Null(await ReceiveAsync(socket));
    }

    [Fact]
    public async Task Two_polls_at_once_close_the_connection()
    {
        var path = await PollingAsync();
        var first = GetAsync(path);
        await Task.Delay(300);
        Assert.Equal(400, (await GetAsync(path)).Status);
        Assert.Equal((200, "1"), await first.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_flood_of_calls_is_slowed_down()
    {
        using var socket = await OpenAsync();
        var codes = new List<int>();
        for (var call = 0; call < 700; call++)
            await SendAsync(socket, $"42{call}[\"get\",\"users\",\"me\",{{}}]");
        for (var call = 0; call < 700; call++)
        {
            var answer = await ReceiveAsync(socket);
            codes.Add(JsonDocument.Parse(answer![$"43{call}".Length..]).RootElement[0].GetProperty("code").GetInt32());
        }
        Assert.All(codes.Take(400), code => Assert.Equal(401, code));
        Assert.Contains(429, codes);
    }

    [Theory]
    [InlineData("https://evil.example", 403)]
    [InlineData("null", 403)]
    [InlineData("http://localhost:5080.evil.example", 403)]
    [InlineData("http://localhost:5080", 200)]
    public async Task A_page_of_another_origin_gets_no_connection(string origin, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Polling);
        request.Headers.Add("Origin", origin);
        Assert.Equal(status, (int)(await site.Client.SendAsync(request)).StatusCode);
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Origin", origin);
        socket.Options.CollectHttpResponseDetails = true;
        using var late = new CancellationTokenSource(Patience);
        var opened = await Record.ExceptionAsync(() =>
            socket.ConnectAsync(Url(Polling.Replace("polling", "websocket", StringComparison.Ordinal)), late.Token)
        );
        Assert.Equal(status == 200, opened is null);
        Assert.Equal(
            status == 200 ? HttpStatusCode.SwitchingProtocols : HttpStatusCode.Forbidden,
            socket.HttpStatusCode
        );
    }

    private async Task<string> SignInAsync(WebSocket socket)
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        Assert.Equal(
            JsonValueKind.Null,
            (await CallAsync(socket, $$"""["create","users",{"email":"{{email}}","password":"{{Password}}"},{}]"""))[
                0
            ].ValueKind
        );
        Assert.Equal(
            JsonValueKind.Null,
            (
                await CallAsync(
                    socket,
                    $$"""["create","authentication",{"strategy":"local","email":"{{email}}","password":"{{Password}}"},{}]"""
                )
            )[0].ValueKind
        );
        return email;
    }

    private async Task<WebSocket> OpenAsync()
    {
        var socket = await ConnectAsync(Polling.Replace("polling", "websocket", StringComparison.Ordinal));
        Assert.StartsWith("0{\"sid\":", await ReceiveAsync(socket), StringComparison.Ordinal);
        await SendAsync(socket, "40");
        Assert.StartsWith("40{\"sid\":", await ReceiveAsync(socket), StringComparison.Ordinal);
        return socket;
    }

    private async Task<WebSocket> ConnectAsync(string path)
    {
        var socket = new ClientWebSocket();
        using var late = new CancellationTokenSource(Patience);
        await socket.ConnectAsync(Url(path), late.Token);
        return socket;
    }

    private Uri Url(string path) => new(new UriBuilder(site.Client.BaseAddress!) { Scheme = "ws" }.Uri, path);

    private static async Task<JsonElement[]> CallAsync(WebSocket socket, string json)
    {
        await SendAsync(socket, "427" + json);
        var answer = await ReceiveAsync(socket);
        Assert.StartsWith("437[", answer, StringComparison.Ordinal);
        return [.. JsonDocument.Parse(answer![3..]).RootElement.EnumerateArray()];
    }

    private static async Task SendAsync(WebSocket socket, string packet)
    {
        using var late = new CancellationTokenSource(Patience);
        await socket.SendAsync(Encoding.UTF8.GetBytes(packet), WebSocketMessageType.Text, true, late.Token);
    }

    private static async Task<string?> ReceiveAsync(WebSocket socket)
    {
        using var late = new CancellationTokenSource(Patience);
        using var message = new MemoryStream();
        var buffer = new byte[4096];
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer, late.Token);
            if (part.MessageType == WebSocketMessageType.Close)
                return null;
            message.Write(buffer, 0, part.Count);
            if (part.EndOfMessage)
                return Encoding.UTF8.GetString(message.ToArray());
        }
    }

    private async Task<string> PollingAsync() =>
        $"{Polling}&sid={JsonDocument.Parse((await GetAsync(Polling)).Text[1..]).RootElement.GetProperty("sid").GetString()}";

    private async Task<(int Status, string Text)> GetAsync(string path)
    {
        using var answer = await site.Client.GetAsync(path);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task<(int Status, string Text)> PostAsync(string path, string payload)
    {
        using var answer = await site.Client.PostAsync(path, new StringContent(payload, Encoding.UTF8, "text/plain"));
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
