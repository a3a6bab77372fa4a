using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Options;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Web;

/// <summary>
/// Reads the mail folder for the development inbox. Mapped in Development only: elsewhere these addresses do not exist.
/// </summary>
public sealed class DevMail(IOptions<AuthOptions> options)
{
    /// <summary>One email and the name of its file.</summary>
    public sealed record Entry(string Id, EmlFile Mail);

    /// <summary>The newest emails first; those to one address where one is given.</summary>
    public IReadOnlyList<Entry> List(string? to)
    {
        if (!Directory.Exists(options.Value.MailPath))
            return [];
        return
        [
            .. Directory
                .EnumerateFiles(options.Value.MailPath, "*.eml")
                .OrderDescending(StringComparer.Ordinal)
                .Select(path => (Path.GetFileNameWithoutExtension(path), EmlFile.TryRead(path)))
                .Where(f =>
                    f.Item2 is { } mail
                    && (string.IsNullOrEmpty(to) || string.Equals(mail.To, to, StringComparison.OrdinalIgnoreCase))
                )
                .Take(500)
                .Select(f => new Entry(f.Item1, f.Item2!)),
        ];
    }
}

internal static class DevMailEndpoints
{
    public static void MapDevMail(this WebApplication app)
    {
        app.MapGet(
            "/dev/mail.json",
            (string? to, DevMail mail) =>
                TypedResults.Ok(
                    mail.List(to)
                        .Select(entry => new
                        {
                            entry.Id,
                            entry.Mail.To,
                            entry.Mail.From,
                            entry.Mail.Subject,
                            entry.Mail.Date,
                            entry.Mail.Text,
                            entry.Mail.Html,
                            Links = Links(entry.Mail.Text),
                        })
                )
        );
        app.MapGet(
            "/dev/mail/{id}/html",
            (string id, HttpContext http, DevMail mail) =>
            {
                if (mail.List(null).FirstOrDefault(entry => entry.Id == id) is not { } found)
                    return Results.NotFound();
                http.Response.Headers.ContentSecurityPolicy = SecurityHeaders.LetterPolicy;
                return Results.Content(found.Mail.Html, "text/html; charset=utf-8");
            }
        );
    }

    /// <summary>The addresses an email's text offers, each on a line of its own.</summary>
    internal static IEnumerable<string> Links(string text) =>
        text.Split('\n', StringSplitOptions.TrimEntries)
            .Where(line => Uri.TryCreate(line, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https");
}
