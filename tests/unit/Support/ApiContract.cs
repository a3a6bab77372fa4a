using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Web;
using NJsonSchema;
using NSwag;

namespace BlazorAuth.UnitTests.Support;

/// <summary>
/// A running site, its API document as a code generator reads it, and what was recorded of the site's answers.
/// </summary>
public sealed class ApiContract : IAsyncLifetime
{
    public const string Client = "orders",
        ClientSecret = "a-secret-of-forty-characters-0123456789-";

    private readonly HashSet<string> _succeeded = new(StringComparer.Ordinal);

    public AuthFixture Auth { get; private set; } = null!;

    public RunningSite Site { get; private set; } = null!;

    /// <summary>The text of the document.</summary>
    public string Text { get; private set; } = "";

    /// <summary>The document, parsed.</summary>
    public OpenApiDocument Document { get; private set; } = null!;

    /// <summary>Every operation with its method and path.</summary>
    public IEnumerable<OpenApiOperationDescription> Operations => Document.Operations;

    /// <summary>The operations that answered with success at least once.</summary>
    public IReadOnlyCollection<string> Succeeded => _succeeded;

    public async Task InitializeAsync()
    {
        Auth = await AuthFixture.StartAsync(
            settings: [("Throttle:SignInPerAddress", "10000"), ("Throttle:SignUpPerAddress", "10000")]
        );
        Site = await Auth.SiteAsync(($"Api:IntrospectionClients:{Client}:Secret", ClientSecret));
        Text = await Site.Client.GetStringAsync("/openapi/v1.json");
        Document = await OpenApiDocument.FromJsonAsync(Text);
    }

    public async Task DisposeAsync()
    {
        await Site.DisposeAsync();
        await Auth.DisposeAsync();
    }

    /// <summary>Sends the request, checks its answer against the document, and returns the body.</summary>
    public async Task<JsonElement> AnswerAsync(
        int status,
        string operationId,
        string path,
        object? body = null,
        string? bearer = null
    )
    {
        using var content = body as HttpContent ?? (body is null ? null : JsonContent.Create(body));
        var operation = Operations.Single(o => o.Operation.OperationId == operationId);
        Assert.True(
            Matches(operation.Path, path.Split('?')[0]),
            $"{path} is not the path {operation.Path} of {operationId}."
        );
        using var answer = await Site.SendAsync(
            new HttpMethod(operation.Method.ToUpperInvariant()),
            path,
            content,
            bearer
        );
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(status == (int)answer.StatusCode, $"{operationId}: {(int)answer.StatusCode} {text}");
        Check(
            operation.Operation,
            operationId,
            (int)answer.StatusCode,
            answer.Content.Headers.ContentType?.MediaType,
            text
        );
        if (answer.IsSuccessStatusCode)
            _succeeded.Add(operationId);
        return text.Length == 0 || text[0] is not ('{' or '[') ? default : JsonElement.Parse(text);
    }

    /// <summary>
    /// What is wrong with a JSON text by a schema of the document; fields that the schema does not name are wrong too.
    /// </summary>
    public static IReadOnlyList<string> Faults(JsonSchema schema, string json) =>
        [
            .. schema.ActualSchema.Validate(json).Select(fault => fault.ToString()),
            .. Undeclared(schema, JsonElement.Parse(json), "#"),
        ];

    private static void Check(OpenApiOperation operation, string name, int status, string? mediaType, string text)
    {
        var key = status.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var documented =
            operation.Responses.TryGetValue(key, out var exact) ? exact
            : operation.Responses.TryGetValue("default", out var other) ? other
            : null;
        Assert.True(documented is not null, $"{name} does not document {status}.");
        var response = documented.ActualResponse;
        if (text.Length == 0)
        {
            Assert.True(response.Content.Count == 0, $"{name} {status} documents a body and has none.");
            return;
        }
        Assert.True(
            mediaType is not null && response.Content.TryGetValue(mediaType, out _),
            $"{name} {status} does not document {mediaType}."
        );
        if (!mediaType.EndsWith("json", StringComparison.Ordinal))
            return;
        var faults = Faults(response.Content[mediaType].Schema, text);
        Assert.True(faults.Count == 0, $"{name} {status}: {string.Join("; ", faults)}\n{text}");
    }

    private static IEnumerable<string> Undeclared(JsonSchema declared, JsonElement json, string at)
    {
        var schema = declared.ActualSchema;
        if (schema.OneOf.Count > 0)
            schema = schema.OneOf.Last().ActualSchema;
        if (json.ValueKind == JsonValueKind.Array && schema.Item is { } item)
            foreach (var fault in json.EnumerateArray().SelectMany((one, i) => Undeclared(item, one, $"{at}[{i}]")))
                yield return fault;
        if (json.ValueKind != JsonValueKind.Object || schema.ActualProperties.Count == 0)
            yield break;
        foreach (var property in json.EnumerateObject())
            if (!schema.ActualProperties.TryGetValue(property.Name, out var known))
                yield return $"{at}.{property.Name} is not declared";
            else
                foreach (var fault in Undeclared(known, property.Value, $"{at}.{property.Name}"))
                    yield return fault;
    }

    private static bool Matches(string template, string path)
    {
        var (expected, parts) = (template.Split('/'), path.Split('/'));
        return expected.Length == parts.Length
            && expected.Zip(parts).All(pair => pair.First.StartsWith('{') || pair.First == pair.Second);
    }
}
