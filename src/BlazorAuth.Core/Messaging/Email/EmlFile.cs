using System.Text;
using MimeKit;

namespace BlazorAuth.Core.Messaging.Email;

/// <summary>
/// An email read back from a file of <see cref="FolderTransport"/>, for the development inbox and for tests. What is
/// missing is empty.
/// </summary>
/// <param name="To">The header, decoded.</param>
/// <param name="From">The header, decoded.</param>
/// <param name="Subject">The header, decoded.</param>
/// <param name="Date">UTC; <see cref="DateTimeOffset.MinValue"/> when there is none.</param>
/// <param name="MessageId">With domain, without angle brackets.</param>
/// <param name="Text">The first text/plain part, lines ending in <c>\n</c>.</param>
/// <param name="Html">The first text/html part, lines ending in <c>\n</c>.</param>
/// <param name="Raw">The file as it is.</param>
public sealed record EmlFile(
    string To,
    string From,
    string Subject,
    DateTimeOffset Date,
    string MessageId,
    string Text,
    string Html,
    string Raw
)
{
    /// <summary>Reads a file. Its content is never a reason to throw.</summary>
    /// <exception cref="IOException">There is no such file, or it cannot be opened.</exception>
    public static EmlFile Read(string path) => Parse(File.ReadAllText(path, Encoding.UTF8));

    /// <summary>Reads a file that may be gone by now; null when it cannot be opened.</summary>
    public static EmlFile? TryRead(string path)
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

    /// <summary>Reads a message; where the text is none, only <see cref="Raw"/> is not empty. Never throws.</summary>
    public static EmlFile Parse(string raw)
    {
        try
        {
            using var bytes = new MemoryStream(Encoding.UTF8.GetBytes(raw));
            using var message = MimeMessage.Load(bytes);
            return new EmlFile(
                message.To.ToString(),
                message.From.ToString(),
                message.Subject ?? "",
                message.Date.ToUniversalTime(),
                message.MessageId ?? "",
                Lines(message.TextBody),
                Lines(message.HtmlBody),
                raw
            );
        }
        catch (FormatException)
        {
            return new EmlFile("", "", "", DateTimeOffset.MinValue, "", "", "", raw);
        }
    }

    private static string Lines(string? text) => (text ?? "").ReplaceLineEndings("\n");
}
