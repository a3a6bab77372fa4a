using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace BlazorAuth.Client;

internal sealed record SignInBody(string Identifier, string Password);

internal sealed record SecondFactorBody(string Ticket, string? Code, string? RecoveryCode);

internal sealed record EmailBody(string Email);

internal sealed record CodeBody(string Ticket, string Code);

internal sealed record CredentialBody(string Ticket, JsonElement Credential);

internal sealed record AnonymousBody(JsonElement? Profile);

internal sealed record RefreshBody(string RefreshToken);

internal sealed record ResetBody(string Token, string NewPassword);

internal sealed record VerifyBody(string? Token, string? Email, string? Code, string? NewPassword = null);

internal sealed record AppCodeBody(string Code);

/// <summary>A proof, and what the act that takes it changes.</summary>
internal sealed record ProofBody
{
    public string? Password { get; init; }
    public string? Code { get; init; }
    public string? Ticket { get; init; }
    public JsonElement? Credential { get; init; }
    public string? NewPassword { get; init; }
    public string? NewEmail { get; init; }
    public bool? EndKeys { get; init; }
}

internal sealed record CodesAnswer(string[]? RecoveryCodes);

internal sealed record TicketAnswer(string? Ticket);

internal sealed record TokenAnswer(
    string? AccessToken,
    int ExpiresIn,
    string? RefreshToken,
    string? SessionId,
    User? User
);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(NewAccount))]
[JsonSerializable(typeof(SignInBody))]
[JsonSerializable(typeof(SecondFactorBody))]
[JsonSerializable(typeof(EmailBody))]
[JsonSerializable(typeof(CodeBody))]
[JsonSerializable(typeof(CredentialBody))]
[JsonSerializable(typeof(AnonymousBody))]
[JsonSerializable(typeof(RefreshBody))]
[JsonSerializable(typeof(TicketAnswer))]
[JsonSerializable(typeof(TokenAnswer))]
[JsonSerializable(typeof(PasskeyChallenge))]
[JsonSerializable(typeof(StoredSession))]
[JsonSerializable(typeof(ResetBody))]
[JsonSerializable(typeof(VerifyBody))]
[JsonSerializable(typeof(AppCodeBody))]
[JsonSerializable(typeof(ProofBody))]
[JsonSerializable(typeof(CodesAnswer))]
[JsonSerializable(typeof(TotpSetup))]
[JsonSerializable(typeof(SessionInfo[]))]
[JsonSerializable(typeof(Dictionary<string, JsonElement>))]
[JsonSerializable(typeof(string))]
internal sealed partial class WireJson : JsonSerializerContext;

/// <summary>
/// Reads answers of the service. Nothing it sends, or what sits in between, is trusted to have a shape.
/// </summary>
internal sealed class Wire(TimeProvider time)
{
    private const int LargestAnswer = 1024 * 1024;
    private static readonly JsonElement Empty = JsonElement.Parse("{}");

    public static HttpRequestMessage Post<T>(string path, T body, JsonTypeInfo<T> shape) =>
        Send(HttpMethod.Post, path, body, shape);

    public static HttpRequestMessage Send<T>(HttpMethod method, string path, T body, JsonTypeInfo<T> shape) =>
        new(method, path) { Content = JsonContent.Create(body, shape) };

    /// <summary>The body of an answer that must be a success.</summary>
    public async Task<T> ReadAsync<T>(HttpResponseMessage answer, JsonTypeInfo<T> shape, CancellationToken ct)
        where T : class
    {
        if (!answer.IsSuccessStatusCode)
            throw await RefusalAsync(answer, ct).ConfigureAwait(false);
        try
        {
            var body = await BodyAsync(answer, ct).ConfigureAwait(false);
            return JsonSerializer.Deserialize(body, shape) ?? throw Malformed(answer);
        }
        catch (JsonException unreadable)
        {
            throw Malformed(answer, unreadable);
        }
    }

    public async Task<TokenAnswer> TokensAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        var tokens = await ReadAsync(answer, WireJson.Default.TokenAnswer, ct).ConfigureAwait(false);
        var whole =
            tokens is
            {
                AccessToken.Length: > 0,
                RefreshToken.Length: > 0,
                SessionId.Length: > 0,
                ExpiresIn: > 0,
                User: not null
            };
        return whole ? tokens with { User = Whole(answer, tokens.User!) } : throw Malformed(answer);
    }

    public async Task<User> UserAsync(HttpResponseMessage answer, CancellationToken ct) =>
        Whole(answer, await ReadAsync(answer, WireJson.Default.User, ct).ConfigureAwait(false));

    /// <summary>The refusal as an exception, whatever the body is.</summary>
    public async Task<BlazorAuthException> RefusalAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        var problem = await ProblemAsync(answer, ct).ConfigureAwait(false);
        var words = $"{Text(problem, "title")} {Text(problem, "detail")}".Trim();
        return new(answer.StatusCode, words.Length > 0 ? words : $"The service answered {(int)answer.StatusCode}.")
        {
            CodeText = Text(problem, "code"),
            TraceId = Text(problem, "traceId"),
            RetryAfter = RetryAfter(answer),
            Errors = Errors(problem),
        };
    }

    public async Task<AuthErrorCode> CodeAsync(HttpResponseMessage answer, CancellationToken ct) =>
        AuthErrorCodes.Read(Text(await ProblemAsync(answer, ct).ConfigureAwait(false), "code"));

    /// <summary>The ticket of an answer that asks for a second factor, or null.</summary>
    public async Task<SignInResult.NeedsSecondFactor?> SecondFactorAsync(
        HttpResponseMessage answer,
        CancellationToken ct
    )
    {
        if (answer.StatusCode != HttpStatusCode.Unauthorized)
            return null;
        var problem = await ProblemAsync(answer, ct).ConfigureAwait(false);
        if (AuthErrorCodes.Read(Text(problem, "code")) != AuthErrorCode.SecondFactorRequired)
            return null;
        var methods =
            problem.TryGetProperty("methods", out var list) && list.ValueKind == JsonValueKind.Array ? Texts(list) : [];
        return new(Text(problem, "ticket") ?? throw Malformed(answer), methods);
    }

    /// <summary>How long the answer asks to wait (RFC 9110 §10.2.3).</summary>
    public TimeSpan? RetryAfter(HttpResponseMessage answer)
    {
        var asked = answer.Headers.RetryAfter is { } header ? header.Delta ?? header.Date - time.GetUtcNow() : null;
        return asked < TimeSpan.Zero ? TimeSpan.Zero : asked;
    }

    private static User Whole(HttpResponseMessage answer, User user) =>
        string.IsNullOrEmpty(user.Id)
            ? throw Malformed(answer)
            : user with
            {
                Roles = user.Roles ?? [],
                Profile = user.Profile.ValueKind == JsonValueKind.Object ? user.Profile : Empty,
            };

    private static async Task<byte[]> BodyAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        try
        {
            // and it stays readable for whoever comes after
            await answer.Content.LoadIntoBufferAsync(LargestAnswer, ct).ConfigureAwait(false);
            return await answer.Content.ReadAsByteArrayAsync(ct).ConfigureAwait(false);
        }
        catch (HttpRequestException endless)
            when (endless.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded)
        {
            throw Malformed(answer, endless);
        }
    }

    private static async Task<JsonElement> ProblemAsync(HttpResponseMessage answer, CancellationToken ct)
    {
        if (answer.Content.Headers.ContentType?.MediaType is not ("application/problem+json" or "application/json"))
            return Empty;
        try
        {
            var problem = JsonElement.Parse(await BodyAsync(answer, ct).ConfigureAwait(false));
            return problem.ValueKind == JsonValueKind.Object ? problem : Empty;
        }
        catch (JsonException)
        {
            return Empty;
        }
    }

    private static string? Text(JsonElement problem, string name) =>
        problem.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static Dictionary<string, IReadOnlyList<string>> Errors(JsonElement problem)
    {
        var errors = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        if (problem.TryGetProperty("errors", out var fields) && fields.ValueKind == JsonValueKind.Object)
            foreach (var field in fields.EnumerateObject())
                if (field.Value.ValueKind == JsonValueKind.Array)
                    errors[field.Name] = Texts(field.Value);
        return errors;
    }

    private static List<string> Texts(JsonElement list) =>
        [.. list.EnumerateArray().Where(v => v.ValueKind == JsonValueKind.String).Select(v => v.GetString()!)];

    public static BlazorAuthException Malformed(HttpResponseMessage answer, Exception? inner = null) =>
        new(
            answer.StatusCode,
            $"The answer ({(int)answer.StatusCode}, {answer.Content.Headers.ContentType?.MediaType ?? "no type"}) is not one of the service's.",
            inner
        );
}
