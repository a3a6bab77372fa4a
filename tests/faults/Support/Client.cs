using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

namespace BlazorAuth.Faults.Support;

/// <summary>What came back: status 0 where the connection was refused, -1 where it broke or nothing came.</summary>
internal sealed record Answer(int Status, string? Code, JsonElement Body, TimeSpan Took)
{
    public bool Ok => Status is >= 200 and < 300;
    public bool Broken => Status <= 0;

    public string Text(string name) => Body.GetProperty(name).GetString()!;

    public override string ToString() => $"{Status} {Code} after {Took.TotalSeconds:0.0} s";
}

internal sealed record Letter(string Subject, string Token);

/// <summary>A program that speaks the JSON API, and never takes a fault for an answer.</summary>
internal sealed class Client(Server server) : IDisposable
{
    public const string Password = "a quiet first morning",
        Next = "an even quieter second";

    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
    {
        BaseAddress = server.Url,
        Timeout = TimeSpan.FromSeconds(40),
    };

    public Task<Answer> PostAsync(string path, object body, string? bearer = null) =>
        SendAsync(HttpMethod.Post, path, body, bearer);

    public Task<Answer> GetAsync(string path, string? bearer = null) => SendAsync(HttpMethod.Get, path, null, bearer);

    public async Task<Answer> SendAsync(HttpMethod method, string path, object? body, string? bearer)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            using var request = new HttpRequestMessage(method, path)
            {
                Content = body is null ? null : JsonContent.Create(body),
            };
            if (bearer is not null)
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
            using var answer = await http.SendAsync(request);
            var text = await answer.Content.ReadAsStringAsync();
            var json = text.Length > 0 && text[0] is '{' or '[' ? JsonElement.Parse(text) : default;
            var code =
                json.ValueKind == JsonValueKind.Object && json.TryGetProperty("code", out var told)
                    ? told.GetString()
                    : null;
            return new((int)answer.StatusCode, code, json, clock.Elapsed);
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException or TaskCanceledException)
        {
            var refused =
                broken is HttpRequestException
                {
                    InnerException: SocketException { SocketErrorCode: SocketError.ConnectionRefused }
                };
            return new(refused ? 0 : -1, null, default, clock.Elapsed);
        }
    }

    public Task<Answer> SignUpAsync(string email, string password = Password) =>
        PostAsync("/api/account", new { email, password });

    public Task<Answer> SignInAsync(string identifier, string password = Password) =>
        PostAsync("/api/token", new { identifier, password });

    public Task<Answer> RefreshAsync(string refreshToken) => PostAsync("/api/token/refresh", new { refreshToken });

    public Task<Answer> MeAsync(string access) => GetAsync("/api/account", access);

    public Task<Answer> ForgetAsync(string email) => PostAsync("/api/account/password/forgot", new { email });

    public Task<Answer> ResetAsync(string token, string newPassword) =>
        PostAsync("/api/account/password/reset", new { token, newPassword });

    /// <summary>What has to succeed before the fault; a busy host is asked again, as it asks for.</summary>
    public static async Task<Answer> DoneAsync(Func<Task<Answer>> act)
    {
        var answer = await act();
        for (var i = 0; i < 20 && answer.Status is 429 or 503; i++)
        {
            await Task.Delay(300);
            answer = await act();
        }
        Claim.That(answer.Ok, $"what comes before the fault: {answer}");
        return answer;
    }

    /// <summary>The newest email to an address that carries a link to a page, from the folder.</summary>
    public async Task<Letter> LetterAsync(string to, string page, Func<Letter, bool>? which = null)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(100))
        {
            var answer = await GetAsync($"/dev/mail.json?to={Uri.EscapeDataString(to)}");
            if (!answer.Ok)
                continue;
            foreach (var mail in answer.Body.EnumerateArray())
            foreach (var link in mail.GetProperty("links").EnumerateArray().Select(l => l.GetString()!))
                if (
                    link.Contains($"/{page}?token=", StringComparison.Ordinal)
                    && new Letter(mail.GetProperty("subject").GetString()!, link.Split("token=")[1]) is var letter
                    && which?.Invoke(letter) != false
                )
                    return letter;
        }
        throw new ClaimFailed($"no email to {to} with a link to {page}");
    }

    public void Dispose() => http.Dispose();
}
