using System.Buffers;

namespace BlazorAuth.Core.Sessions;

/// <summary>A name a person recognises for the program behind a user agent.</summary>
public static class UserAgentName
{
    private const int Longest = 512;
    private const int LongestProgram = 30;
    private const string Unknown = "Unknown device";
    private static readonly SearchValues<char> EndOfProduct = SearchValues.Create("/ \t(;,");

    // First match wins: nearly every browser also names the ones before it.
    private static readonly (string Mark, string Name)[] Browsers =
    [
        ("Edg/", "Edge"),
        ("EdgA/", "Edge"),
        ("EdgiOS/", "Edge"),
        ("Edge/", "Edge"),
        ("OPR/", "Opera"),
        ("OPT/", "Opera"),
        ("OPiOS/", "Opera"),
        ("Vivaldi/", "Vivaldi"),
        ("YaBrowser/", "Yandex Browser"),
        ("DuckDuckGo/", "DuckDuckGo"),
        ("Ddg/", "DuckDuckGo"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("FxiOS/", "Firefox"),
        ("Firefox/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];

    private static readonly (string Mark, string Name)[] Systems =
    [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("CrOS", "ChromeOS"),
        ("Macintosh", "macOS"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];

    private static readonly (string Mark, string Name)[] Programs =
    [
        ("curl/", "curl"),
        ("Wget/", "Wget"),
        ("PostmanRuntime/", "OutboxDispatcher"),
        ("BlazorAuth", ".NET program"),
        (".NET", ".NET program"),
        ("dotnet", ".NET program"),
        ("okhttp/", "Android program"),
        ("python", "Python program"),
        ("Go-http-client/", "Go program"),
    ];

    /// <summary>
    /// "Chrome on Windows", "Safari on iPhone", "curl". For a program it does not know: the letters and digits of its
    /// first product name, at most 30. "Unknown device" for nothing. Linear in the first 512 characters, never throws.
    /// </summary>
    /// <remarks>
    /// A user agent is text a stranger wrote: only own words and ASCII letters and digits come out, so no link and no
    /// markup.
    /// </remarks>
    public static string Describe(string? userAgent)
    {
        var agent = userAgent.AsSpan(0, Math.Min(userAgent?.Length ?? 0, Longest)).Trim();
        if (agent.StartsWith("Mozilla/", StringComparison.OrdinalIgnoreCase))
        {
            var browser = Find(Browsers, agent) ?? "Browser";
            return Find(Systems, agent) is { } system ? $"{browser} on {system}"
                : browser == "Browser" ? Unknown
                : browser;
        }

        foreach (var (mark, name) in Programs)
            if (agent.StartsWith(mark, StringComparison.OrdinalIgnoreCase))
                return name;
        return FirstProduct(agent);
    }

    private static string? Find((string Mark, string Name)[] known, ReadOnlySpan<char> agent)
    {
        foreach (var (mark, name) in known)
            if (agent.Contains(mark, StringComparison.Ordinal))
                return name;
        return null;
    }

    private static string FirstProduct(ReadOnlySpan<char> agent)
    {
        var end = agent.IndexOfAny(EndOfProduct);
        Span<char> clean = stackalloc char[LongestProgram];
        var length = 0;
        foreach (var c in end < 0 ? agent : agent[..end])
            if (char.IsAsciiLetterOrDigit(c) && length < LongestProgram)
                clean[length++] = c;
        return length == 0 ? Unknown : new string(clean[..length]);
    }
}
