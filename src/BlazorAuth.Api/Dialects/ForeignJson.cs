using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using BlazorAuth.Core.Results;
using Microsoft.AspNetCore.Http.Features;

namespace BlazorAuth.Api.Dialects;

/// <summary>
/// An object of a foreign body, read one field at a time: each name once, texts that are texts. What is anything else
/// is refused as unreadable before a flow sees it. No body at all is an empty object: some clients send none where
/// nothing is asked.
/// </summary>
internal sealed class ForeignJson
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 32 };

    // Escapes would make a text up to twice as long as its owner wrote it.
    private static readonly JsonSerializerOptions AsWritten = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly JsonElement _object;

    private ForeignJson(JsonElement from) => _object = from;

    /// <summary>Binds a handler's parameter.</summary>
    /// <exception cref="BadHttpRequestException">The body is no JSON object, or too large.</exception>
    public static async ValueTask<ForeignJson> BindAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false })
            return new(JsonElement.Parse("{}"));
        if (!http.Request.HasJsonContentType())
            throw new BadHttpRequestException(nameof(AuthError.BadJson), StatusCodes.Status415UnsupportedMediaType);
        try
        {
            using var document = await JsonDocument.ParseAsync(http.Request.Body, Strict, http.RequestAborted);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new(document.RootElement.Clone())
                : throw Unreadable();
        }
        catch (Exception malformed)
            when (malformed is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            throw Unreadable();
        }
    }

    /// <summary>The JSON, where every text in it can be written again.</summary>
    public static bool TryParse(ReadOnlySpan<byte> utf8, out JsonElement json)
    {
        json = default;
        try
        {
            json = JsonElement.Parse(utf8, Strict);
            return IsWhole(json);
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>A text; null where it is absent or null.</summary>
    public string? Text(string name) =>
        Find(name) switch
        {
            null => null,
            { ValueKind: JsonValueKind.String } text => Whole(text),
            _ => throw Unreadable(),
        };

    /// <summary>A text that the dialect cannot do without.</summary>
    public string Required(string name) => Text(name) ?? throw Unreadable();

    /// <summary>True or false; null where it is absent or null.</summary>
    public bool? Flag(string name) =>
        Find(name) switch
        {
            null => null,
            { ValueKind: JsonValueKind.True } => true,
            { ValueKind: JsonValueKind.False } => false,
            _ => throw Unreadable(),
        };

    /// <summary>An object within; null where it is absent or null.</summary>
    public ForeignJson? Object(string name) =>
        Find(name) switch
        {
            null => null,
            { ValueKind: JsonValueKind.Object } within => new(within),
            _ => throw Unreadable(),
        };

    /// <summary>The objects of a list.</summary>
    public IReadOnlyList<ForeignJson> Objects(string name, int most) =>
        [
            .. List(name, most)
                .Select(item => item.ValueKind == JsonValueKind.Object ? new ForeignJson(item) : throw Unreadable()),
        ];

    /// <summary>The texts of a list.</summary>
    public IReadOnlyList<string> Texts(string name, int most) =>
        [.. List(name, most).Select(item => item.ValueKind == JsonValueKind.String ? Whole(item) : throw Unreadable())];

    /// <summary>Whether the name is there, with null or with a value.</summary>
    public bool Has(string name) => _object.TryGetProperty(name, out _);

    /// <summary>Names and values, without those that are left out.</summary>
    public IEnumerable<JsonProperty> Fields(Func<string, bool> without) =>
        _object.EnumerateObject().Where(field => !without(field.Name));

    /// <summary>The object as it was written.</summary>
    public string Raw()
    {
        try
        {
            return _object.GetRawText();
        }
        catch (Exception malformed) when (malformed is InvalidOperationException or ArgumentException)
        {
            throw Unreadable(); // not UTF-8 inside
        }
    }

    public static BadHttpRequestException Unreadable() => new(nameof(AuthError.BadJson));

    /// <summary>Whether an object has the field with this very value.</summary>
    public static bool Holds(JsonElement json, JsonProperty field) =>
        json.TryGetProperty(field.Name, out var known) && JsonElement.DeepEquals(known, field.Value);

    /// <summary>One object of these fields, as text.</summary>
    public static string ObjectOf(IEnumerable<JsonProperty> fields)
    {
        try
        {
            var byName = fields.ToDictionary(f => f.Name, f => f.Value, StringComparer.Ordinal);
            return JsonSerializer.Serialize(byName, AsWritten);
        }
        catch (Exception malformed) when (malformed is InvalidOperationException or ArgumentException or JsonException)
        {
            throw Unreadable();
        }
    }

    // Half a surrogate pair is valid in JSON and no text: it throws when it is read.
    private static bool IsWhole(JsonElement json) =>
        json.ValueKind switch
        {
            JsonValueKind.Object => json.EnumerateObject().All(p => p.Name.Length >= 0 && IsWhole(p.Value)),
            JsonValueKind.Array => json.EnumerateArray().All(IsWhole),
            JsonValueKind.String => json.GetString() is not null,
            _ => true,
        };

    private JsonElement? Find(string name) =>
        _object.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private IEnumerable<JsonElement> List(string name, int most) =>
        Find(name) is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() <= most
            ? list.EnumerateArray()
            : throw Unreadable();

    private static string Whole(JsonElement text)
    {
        try
        {
            return text.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Unreadable(); // half a surrogate pair, or not UTF-8
        }
    }
}
