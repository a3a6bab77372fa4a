using System.Globalization;
using System.Text;

namespace BlazorAuth.Core.Mail;

/// <summary>
/// A letter read back from a file of <see cref="FolderTransport"/>, for the development inbox and for tests.
/// Reads what our own transports write (RFC 5322, 2045-2047); of anything else, what it can. What is missing is empty.
/// </summary>
/// <param name="To">The header, decoded.</param>
/// <param name="From">The header, decoded.</param>
/// <param name="Subject">The header, decoded.</param>
/// <param name="Date">UTC; <see cref="DateTimeOffset.MinValue"/> when there is none.</param>
/// <param name="MessageId">With domain, without angle brackets.</param>
/// <param name="Text">The first text/plain part, lines ending in <c>\n</c>.</param>
/// <param name="Html">The first text/html part, lines ending in <c>\n</c>.</param>
/// <param name="Raw">The file as it is.</param>
public sealed record Eml(string To, string From, string Subject, DateTimeOffset Date, string MessageId, string Text, string Html, string Raw)
{
    private const int DeepestPart = 8;

    /// <summary>Reads a file. Its content is never a reason to throw.</summary>
    /// <exception cref="IOException">There is no such file, or it cannot be opened.</exception>
    public static Eml Read(string path) => Parse(File.ReadAllText(path, Encoding.UTF8));

    /// <summary>Reads a file that may be gone by now; null when it cannot be opened.</summary>
    public static Eml? TryRead(string path)
    {
        try
        {
            return Read(path);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Reads a message. Never throws.</summary>
    public static Eml Parse(string raw)
    {
        var (headers, body) = Split(raw.ReplaceLineEndings("\n"));
        var parts = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        Collect(headers, body, parts, 0);
        return new Eml(
            Decoded("To"), Decoded("From"), Decoded("Subject"), ReadDate(Header(headers, "Date")),
            Header(headers, "Message-ID").Trim('<', '>'),
            parts.GetValueOrDefault("text/plain", ""), parts.GetValueOrDefault("text/html", ""), raw);

        string Decoded(string name) => EncodedWords.Decode(Header(headers, name));
    }

    private static (Dictionary<string, string> Headers, string Body) Split(string entity)
    {
        var end = entity.StartsWith('\n') ? 0 : entity.IndexOf("\n\n", StringComparison.Ordinal);
        var head = end < 0 ? entity : entity[..end];
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        // A line that starts with white space goes on with the one before (RFC 5322 section 2.2.3).
        foreach (var line in head.Replace("\n ", " ", StringComparison.Ordinal).Replace("\n\t", "\t", StringComparison.Ordinal).Split('\n'))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0) headers.TryAdd(line[..colon].Trim(), line[(colon + 1)..].Trim());
        }
        return (headers, end < 0 ? "" : entity[end..].TrimStart('\n'));
    }

    private static string Header(Dictionary<string, string> headers, string name) => headers.GetValueOrDefault(name, "");

    private static void Collect(Dictionary<string, string> headers, string body, Dictionary<string, string> parts, int depth)
    {
        var type = Header(headers, "Content-Type");
        var media = type.Split(';')[0].Trim();
        if (!media.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase))
        {
            parts.TryAdd(media.Length == 0 ? "text/plain" : media, Content(headers, type, body));
            return;
        }

        var boundary = Parameter(type, "boundary");
        if (boundary.Length == 0 || depth == DeepestPart) return;
        var sections = ("\n" + body).Split("\n--" + boundary);
        foreach (var section in sections.Skip(1).TakeWhile(s => !s.StartsWith("--", StringComparison.Ordinal)))
        {
            var start = section.IndexOf('\n', StringComparison.Ordinal);
            if (start < 0) continue;
            var (inner, content) = Split(section[(start + 1)..]);
            Collect(inner, content, parts, depth + 1);
        }
    }

    private static string Content(Dictionary<string, string> headers, string type, string body)
    {
        var bytes = Header(headers, "Content-Transfer-Encoding").ToUpperInvariant() switch
        {
            "QUOTED-PRINTABLE" => EncodedWords.FromQuotedPrintable(body),
            "BASE64" => EncodedWords.FromBase64(body),
            _ => null,
        };
        return bytes is null ? body : EncodedWords.Charset(Parameter(type, "charset")).GetString(bytes).ReplaceLineEndings("\n");
    }

    private static string Parameter(string header, string name)
    {
        foreach (var part in header.Split(';').Skip(1))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && part.AsSpan(0, equals).Trim().Equals(name, StringComparison.OrdinalIgnoreCase))
                return part[(equals + 1)..].Trim().Trim('"');
        }
        return "";
    }

    private static DateTimeOffset ReadDate(string date)
    {
        // The weekday adds nothing, and a wrong one would lose the rest.
        var value = date.AsSpan(date.IndexOf(',', StringComparison.Ordinal) + 1);
        var comment = value.IndexOf('(');
        return DateTimeOffset.TryParse(comment < 0 ? value : value[..comment], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var read)
            ? read.ToUniversalTime()
            : DateTimeOffset.MinValue;
    }
}

/// <summary>The two encodings of mail: of bodies (RFC 2045 section 6) and of words in headers (RFC 2047).</summary>
internal static class EncodedWords
{
    public static string Decode(string header)
    {
        var text = new StringBuilder();
        var pending = new List<byte>();
        var charset = "";
        var rest = header.AsSpan();
        while (rest.Length > 0)
        {
            var start = rest.IndexOf("=?", StringComparison.Ordinal);
            if (start < 0 || !TryWord(rest[start..], out var length, out var name, out var bytes))
            {
                var plain = start < 0 ? rest : rest[..(start + 2)];
                Flush();
                text.Append(plain);
                rest = rest[plain.Length..];
                continue;
            }

            // White space between two encoded words is not text, and a letter may be cut in two by their border.
            if (pending.Count == 0 || !rest[..start].IsWhiteSpace() || name != charset)
            {
                var between = pending.Count > 0 && rest[..start].IsWhiteSpace() ? default : rest[..start];
                Flush();
                text.Append(between);
            }
            charset = name;
            pending.AddRange(bytes);
            rest = rest[(start + length)..];
        }
        Flush();
        return text.ToString();

        void Flush()
        {
            text.Append(Charset(charset).GetString([.. pending]));
            pending.Clear();
        }
    }

    private static bool TryWord(ReadOnlySpan<char> word, out int length, out string charset, out byte[] bytes)
    {
        (length, charset, bytes) = (0, "", []);
        var firstEnd = Next(word, 2);
        var secondEnd = firstEnd < 0 ? -1 : Next(word, firstEnd + 1);
        var close = secondEnd < 0 ? -1 : word[(secondEnd + 1)..].IndexOf("?=", StringComparison.Ordinal);
        if (close < 0) return false;

        charset = word[2..firstEnd].ToString().ToUpperInvariant();
        length = secondEnd + 1 + close + 2;
        var encoded = word.Slice(secondEnd + 1, close).ToString();
        switch (word[(firstEnd + 1)..secondEnd])
        {
            case "B" or "b": bytes = FromBase64(encoded); return true;
            case "Q" or "q": bytes = FromQuotedPrintable(encoded.Replace('_', ' ')); return true;
            default: return false;
        }

        static int Next(ReadOnlySpan<char> word, int from)
        {
            var at = word[from..].IndexOf('?');
            return at < 0 ? -1 : from + at;
        }
    }

    public static Encoding Charset(string name)
    {
        try
        {
            return name.Length == 0 ? Encoding.UTF8 : Encoding.GetEncoding(name);
        }
        catch (ArgumentException)
        {
            return Encoding.UTF8;
        }
    }

    public static byte[] FromQuotedPrintable(string encoded)
    {
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(encoded);
        var bytes = new List<byte>(rest.Length);
        while (rest.Length > 0)
        {
            var used = 1;
            if (rest.StartsWith("=\n"u8)) used = 2;
            else if (rest is [(byte)'=', _, _, ..] && byte.TryParse(rest[1..3], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                bytes.Add(value);
                used = 3;
            }
            else bytes.Add(rest[0]);
            rest = rest[used..];
        }
        return [.. bytes];
    }

    /// <summary>Up to the first thing that is not base64, so half a file still shows its half.</summary>
    public static byte[] FromBase64(string encoded)
    {
        var clean = string.Concat(encoded.Where(c => !char.IsWhiteSpace(c)).TakeWhile(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '/'));
        var usable = clean.Length % 4 == 1 ? clean[..^1] : clean;
        return Convert.FromBase64String(usable.PadRight((usable.Length + 3) / 4 * 4, '='));
    }
}
