using System.Net;
using System.Text.RegularExpressions;

namespace BlazorAuth.UnitTests.Support;

/// <summary>A browser without JavaScript: cookies, pages, and forms sent as they stand in the page.</summary>
internal sealed partial class Visitor : IDisposable
{
    private readonly CookieContainer _cookies;
    private readonly HttpClient _client;

    public Visitor(RunningSite site) : this(site.ClientOptions.BaseAddress, new CookieContainer()) { }

    private Visitor(Uri site, CookieContainer cookies)
    {
        _cookies = cookies;
        _client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = site };
    }

    /// <summary>Somebody who has the same cookies now.</summary>
    public Visitor Copy()
    {
        var stolen = new CookieContainer();
        stolen.Add(_cookies.GetAllCookies());
        return new Visitor(_client.BaseAddress!, stolen);
    }

    /// <summary>The page; empty where it is a redirect.</summary>
    public async Task<string> GetAsync(string path) => await _client.GetStringOrRedirectAsync(path);

    /// <summary>Sends a form with its hidden fields; returns the status, and the address of a redirect or else the page.</summary>
    public async Task<(int Status, string Text)> PostAsync(string path, string form, params (string Name, string Value)[] fields)
    {
        var hidden = Hidden().Matches(form).Select(m => m.Value)
            .Select(input => new KeyValuePair<string, string>(Attribute(input, "name"), WebUtility.HtmlDecode(Attribute(input, "value"))))
            .Where(h => !Array.Exists(fields, f => f.Name == h.Key));
        using var content = new FormUrlEncodedContent([.. hidden, .. fields.Select(f => new KeyValuePair<string, string>(f.Name, f.Value))]);
        var answer = await _client.PostAsync(path, content);
        return ((int)answer.StatusCode, answer.Headers.Location?.OriginalString ?? await answer.Content.ReadAsStringAsync());
    }

    public void Dispose() => _client.Dispose();

    private static string Attribute(string input, string name) => Regex.Match(input, $"\\b{name}=\"([^\"]*)\"").Groups[1].Value;

    [GeneratedRegex("<input[^>]*type=\"hidden\"[^>]*>")]
    private static partial Regex Hidden();
}

internal static class Answers
{
    public static async Task<string> GetStringOrRedirectAsync(this HttpClient client, string path)
    {
        using var answer = await client.GetAsync(path);
        return answer.Headers.Location is null ? await answer.Content.ReadAsStringAsync() : "";
    }
}
