using System.Text;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Tokens;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace BlazorAuth.Api;

/// <summary>
/// The body of an OAuth request: a form with each parameter once, where one without a value counts as not sent (RFC
/// 6749 §3.2); and the client it names, in the Authorization header or in the form (§2.3.1).
/// </summary>
internal sealed class OAuthForm
{
    public const string ContentType = "application/x-www-form-urlencoded";

    private readonly Dictionary<string, string> _fields;

    private OAuthForm(Dictionary<string, string> fields, IntrospectToken.Client client) =>
        (_fields, Client) = (fields, client);

    /// <summary>A parameter, or null.</summary>
    public string? this[string name] => _fields.GetValueOrDefault(name);

    /// <summary>The client and its secret; both null where none is named.</summary>
    public IntrospectToken.Client Client { get; }

    /// <summary>
    /// Whether the client may be who the tokens were issued to: that one is public and has no secret, or an empty one.
    /// </summary>
    public bool IsPublicClient => Client is { Id: null or AccessTokens.Client, Secret: null or "" };

    /// <summary>Binds a handler's parameter.</summary>
    /// <exception cref="BadHttpRequestException">The body is no such form, or names two clients.</exception>
    public static async ValueTask<OAuthForm> BindAsync(HttpContext http)
    {
        var fields = await ReadAsync(http.Request);
        var (id, secret) = (fields.GetValueOrDefault("client_id"), fields.GetValueOrDefault("client_secret"));
        if (Basic(http.Request.Headers.Authorization) is not { } basic)
            return new(fields, new(id, secret));
        // More than one way to authenticate is an error of its own (§5.2).
        if (secret is not null || id is not null && id != basic.Id)
            throw Unreadable();
        return new(fields, basic);
    }

    private static async Task<Dictionary<string, string>> ReadAsync(HttpRequest request)
    {
        if (
            !MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            || !type.MediaType.Equals(ContentType, StringComparison.OrdinalIgnoreCase)
        )
            throw Unreadable();
        try
        {
            var form = await request.ReadFormAsync(request.HttpContext.RequestAborted);
            if (!OneValueForm.Is(form))
                throw Unreadable();
            return form.Where(field => !StringValues.IsNullOrEmpty(field.Value))
                .ToDictionary(field => field.Key, field => field.Value.ToString(), StringComparer.Ordinal);
        }
        catch (InvalidDataException)
        {
            throw Unreadable(); // more or longer names than a form may have
        }
    }

    private static IntrospectToken.Client? Basic(StringValues headers)
    {
        const string prefix = "Basic ";
        if (headers.Count > 1)
            throw Unreadable();
        if (headers.ToString() is not { } header || !header.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            return null;
        var encoded = header[prefix.Length..].Trim();
        var bytes = new byte[encoded.Length];
        var pair = Convert.TryFromBase64String(encoded, bytes, out var length)
            ? Encoding.UTF8.GetString(bytes.AsSpan(0, length)).Split(':', 2)
            : [];
        // Both halves are form-encoded before they are joined, so that an id may have a colon (§2.3.1).
        return pair is [var id, var secret] ? new(Decode(id), Decode(secret)) : new("", "");
    }

    private static string Decode(string text) => System.Net.WebUtility.UrlDecode(text);

    private static BadHttpRequestException Unreadable() => new(nameof(AuthError.BadJson));
}
