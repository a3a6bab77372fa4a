using System.Net;
using System.Text.RegularExpressions;

namespace BlazorAuth.UnitTests.Support;

/// <summary>What came back, read.</summary>
internal sealed record Answer(int Status, string Body, IReadOnlyList<(string Name, string Value)> Headers)
{
    public string? Location => Header("Location");

    public string? Header(string name) =>
        Headers
            .Where(h => h.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            .Select(h => h.Value)
            .FirstOrDefault();

    public IEnumerable<string> Cookies => Headers.Where(h => h.Name == "Set-Cookie").Select(h => h.Value);

    public static async Task<Answer> OfAsync(HttpResponseMessage answer) =>
        new(
            (int)answer.StatusCode,
            await answer.Content.ReadAsStringAsync(),
            [
                .. from header in answer.Headers.Concat(answer.Content.Headers)
                from value in header.Value
                orderby header.Key
                select (header.Key, value),
            ]
        );
}

/// <summary>
/// A browser without JavaScript: cookies, pages, and forms sent as they stand in the page. Cookies marked Secure are
/// sent too: a proxy that takes TLS off stands between.
/// </summary>
internal sealed partial class Visitor(HttpClient client)
{
    private readonly Dictionary<string, string> _cookies = [];

    public Visitor(RunningSite site)
        : this(site.Client) { }

    /// <summary>Somebody who has the same cookies now.</summary>
    public Visitor Copy(HttpClient? elsewhere = null)
    {
        var stolen = new Visitor(elsewhere ?? client);
        foreach (var (name, value) in _cookies)
            stolen._cookies[name] = value;
        return stolen;
    }

    /// <summary>The page; empty where it is a redirect.</summary>
    public async Task<string> GetAsync(string path)
    {
        var answer = await SendAsync(new(HttpMethod.Get, path));
        return answer.Location is null ? answer.Body : "";
    }

    /// <summary>
    /// Sends a form with its hidden fields; returns the status, and the address of a redirect or else the page.
    /// </summary>
    public async Task<(int Status, string Text)> PostAsync(
        string path,
        string form,
        params (string Name, string Value)[] fields
    )
    {
        var answer = await SendFormAsync(path, form, fields);
        return (answer.Status, answer.Location ?? answer.Body);
    }

    /// <inheritdoc cref="PostAsync"/>
    public Task<Answer> SendFormAsync(string path, string form, params (string Name, string Value)[] fields)
    {
        var hidden = Hidden()
            .Matches(form)
            .Select(m => m.Value)
            .Select(input => new KeyValuePair<string, string>(
                Attribute(input, "name"),
                WebUtility.HtmlDecode(Attribute(input, "value"))
            ))
            .Where(h => !Array.Exists(fields, f => f.Name == h.Key));
        return SendAsync(
            new(HttpMethod.Post, path)
            {
                Content = new FormUrlEncodedContent([
                    .. hidden,
                    .. fields.Select(f => new KeyValuePair<string, string>(f.Name, f.Value)),
                ]),
            }
        );
    }

    /// <summary>Opens the page and sends its form of this name.</summary>
    public async Task<Answer> FillInAsync(string path, string form, params (string Name, string Value)[] fields) =>
        await SendFormAsync(path, FormOf(await GetAsync(path), form), fields);

    public async Task<Answer> SignInAsync(string identifier, string password) =>
        await FillInAsync("/login", "login", ("identifier", identifier), ("current-password", password));

    /// <summary>Any request, with the cookies there are; those of the answer are kept.</summary>
    public async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        lock (_cookies)
            if (_cookies.Count > 0)
                request.Headers.Add("Cookie", string.Join("; ", _cookies.Select(c => $"{c.Key}={c.Value}")));
        using var answer = await client.SendAsync(request);
        var read = await Answer.OfAsync(answer);
        lock (_cookies)
            foreach (var cookie in read.Cookies)
            {
                var pair = cookie.Split(';')[0].Split('=', 2);
                if (pair[1].Length > 0)
                    _cookies[pair[0]] = pair[1];
                else
                    _cookies.Remove(pair[0]);
            }
        return read;
    }

    /// <summary>The forms of a page, each as it stands there.</summary>
    public static IReadOnlyList<string> FormsOf(string html) => [.. Form().Matches(html).Select(m => m.Value)];

    /// <summary>The page's form of this name.</summary>
    public static string FormOf(string html, string name) =>
        FormsOf(html).FirstOrDefault(form => NameOf(form) == name)
        ?? throw new InvalidOperationException($"No form {name} in: {html}");

    /// <summary>What the form calls itself.</summary>
    public static string NameOf(string form) =>
        Regex.Match(form, "name=\"_handler\" value=\"([^\"]*)\"").Groups[1].Value;

    private static string Attribute(string input, string name) =>
        Regex.Match(input, $"\\b{name}=\"([^\"]*)\"").Groups[1].Value;

    [GeneratedRegex("<form.*?</form>", RegexOptions.Singleline)]
    private static partial Regex Form();

    [GeneratedRegex("<input[^>]*type=\"hidden\"[^>]*>")]
    private static partial Regex Hidden();
}
