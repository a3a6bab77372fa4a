using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>How a client of Kuzzle asks, over one of the two protocols.</summary>
internal interface IKuzzleWire : IAsyncDisposable
{
    Task<JsonElement> RequestAsync(
        string controller,
        string action,
        JsonObject? body,
        string? jwt,
        JsonObject arguments
    );
}

/// <summary>Over HTTP, at the addresses that <c>/_publicApi</c> tells.</summary>
internal sealed class KuzzleHttp(RunningSite site) : IKuzzleWire
{
    public async Task<JsonElement> RequestAsync(
        string controller,
        string action,
        JsonObject? body,
        string? jwt,
        JsonObject arguments
    )
    {
        var route = (await site.Client.GetFromJsonAsync<JsonElement>("/_publicApi"))
            .GetProperty("result")
            .GetProperty(controller)
            .GetProperty(action)
            .GetProperty("http")[0];
        var url = route.GetProperty("url").GetString()!;
        var query = new List<string>();
        foreach (var (name, value) in arguments)
            if (url.Contains($":{name}", StringComparison.Ordinal))
                url = url.Replace($":{name}", Uri.EscapeDataString(value!.ToString()), StringComparison.Ordinal);
            else if (value!.GetValueKind() == JsonValueKind.True)
                query.Add(name);
            else
                query.Add($"{name}={Uri.EscapeDataString(value.ToString())}");
        using var request = new HttpRequestMessage(
            new HttpMethod(route.GetProperty("verb").GetString()!),
            query.Count == 0 ? url : $"{url}?{string.Join('&', query)}"
        );
        if (jwt is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", jwt);
        if (body is not null)
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        var answer = await site.Client.SendAsync(request);
        var envelope = await answer.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal((int)answer.StatusCode, envelope.GetProperty("status").GetInt32());
        return envelope;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>Over a socket: one frame a request, found again by its room.</summary>
internal sealed class KuzzleFrames : IKuzzleWire
{
    private readonly ClientWebSocket _socket = new();
    private int _last;

    public ClientWebSocket Socket => _socket;

    public static async Task<KuzzleFrames> OpenAsync(RunningSite site, string path = "/", string? origin = null)
    {
        var frames = new KuzzleFrames();
        if (origin is not null)
            frames._socket.Options.SetRequestHeader("Origin", origin);
        var address = new UriBuilder(new Uri(site.ClientOptions.BaseAddress, path)) { Scheme = "ws" };
        await frames._socket.ConnectAsync(address.Uri, default);
        return frames;
    }

    public async Task<JsonElement> RequestAsync(
        string controller,
        string action,
        JsonObject? body,
        string? jwt,
        JsonObject arguments
    )
    {
        var id = $"r{++_last}";
        var frame = arguments.DeepClone().AsObject();
        (frame["controller"], frame["action"], frame["requestId"], frame["jwt"]) = (controller, action, id, jwt);
        if (body is not null)
            frame["body"] = body.DeepClone();
        await SendAsync(frame.ToJsonString());
        var envelope = await ReceiveAsync();
        // What the server says by itself may come in between.
        while (envelope.TryGetProperty("type", out _))
            envelope = await ReceiveAsync();
        Assert.Equal(
            (id, id),
            (envelope.GetProperty("room").GetString(), envelope.GetProperty("requestId").GetString())
        );
        return envelope;
    }

    public Task SendAsync(string text) =>
        _socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, default);

    public async Task<JsonElement> ReceiveAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var message = new MemoryStream();
        var buffer = new byte[4096];
        while (true)
        {
            var part = await _socket.ReceiveAsync(buffer, patience.Token);
            Assert.Equal(WebSocketMessageType.Text, part.MessageType);
            message.Write(buffer, 0, part.Count);
            if (part.EndOfMessage)
                return JsonElement.Parse(message.ToArray());
        }
    }

    /// <summary>Reads until the server closes, and returns what it says of it.</summary>
    public async Task<WebSocketCloseStatus?> ClosedAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var buffer = new byte[4096];
        while ((await _socket.ReceiveAsync(buffer, patience.Token)).MessageType != WebSocketMessageType.Close) { }
        return _socket.CloseStatus;
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
