using System.Globalization;
using System.Net;
using System.Text;
using BlazorAuth.Core.Sessions;

namespace BlazorAuth.Core.Messaging.Email;

/// <summary>The one look of all emails, as text and as HTML. The order of the parts is the same in both.</summary>
internal static class EmailLayout
{
    private const int TextWidth = 78;

    // The light colours stand in every style attribute: many mail programs drop the style block, and with it only the
    // dark ones.
    private const string Ink = "#1b2430";
    private const string Soft = "#566172";
    private const string Accent = "#1d5fae";
    private const string Rule = "#dde3ea";

    private const string NeverAsk = "We never ask for your password by e-mail.";
    private const string Footer = $"An automatic email from {EmailTemplates.Brand}:";

    public static string Text(EmailBody content, EmailModel facts)
    {
        var text = new StringBuilder();
        Add(EmailTemplates.Brand);
        Add(content.Title + "\n" + new string('-', content.Title.Length));
        AddLines(content.Opening);
        if (content.Link is { } link)
            Add($"{content.Button}:\n{link.AbsoluteUri}");
        if (Code(content, facts) is { } code)
            Add($"{content.CodeLabel}\n{code}");
        if (Expiry(content, facts) is { } expiry)
            Add(Wrap(expiry));
        AddLines(content.Closing);
        Add(string.Join('\n', Rows(facts).Select(row => $"{row.Name + ":", -17}{row.Value}")));
        AddLines(content.NotYou);
        Add(NeverAsk);
        Add($"{Footer}\n{facts.Site.AbsoluteUri}");
        return text.ToString().TrimEnd('\n') + "\n";

        void Add(string paragraph) => text.Append(paragraph).Append("\n\n");

        // A URL stands directly under the sentence that introduces it.
        void AddLines(IReadOnlyList<Line> lines)
        {
            for (var i = 0; i < lines.Count; i++)
            {
                text.Append(lines[i].IsUrl ? lines[i].Text : Wrap(lines[i].Text));
                text.Append(i + 1 < lines.Count && lines[i + 1].IsUrl ? "\n" : "\n\n");
            }
        }
    }

    public static string Html(EmailBody content, EmailModel facts)
    {
        var body = new StringBuilder();
        body.Append(
            CultureInfo.InvariantCulture,
            $"<h1 class=\"ink\" style=\"margin:0 0 16px;font-size:24px;line-height:32px;font-weight:600;color:{Ink}\">{Safe(content.Title)}</h1>\n"
        );
        AddLines(content.Opening);
        if (content.Link is { } link)
            body.Append(HtmlButton(content.Button!, link.AbsoluteUri));
        if (Code(content, facts) is { } code)
            body.Append(HtmlCode(content.CodeLabel!, code));
        if (Expiry(content, facts) is { } expiry)
            AddLines([expiry]);
        AddLines(content.Closing);
        body.Append(HtmlRows(facts));
        AddLines(content.NotYou);
        return HtmlDocument(content.Title, body.ToString(), facts.Site.AbsoluteUri);

        void AddLines(IReadOnlyList<Line> lines)
        {
            foreach (var line in lines)
                body.Append(HtmlParagraph(line.IsUrl ? HtmlUrl(line.Text) : Safe(line.Text)));
        }
    }

    /// <summary>"in 60 minutes", "in 24 hours", "in 7 days": rounded down, so it never promises too much.</summary>
    internal static string InWords(TimeSpan lifetime)
    {
        var (count, unit) = lifetime.TotalHours switch
        {
            >= 48 => (lifetime.TotalDays, "day"),
            >= 2 => (lifetime.TotalHours, "hour"),
            _ => (lifetime.TotalMinutes, "minute"),
        };
        var whole = Math.Max(1, (long)count);
        return string.Create(CultureInfo.InvariantCulture, $"in {whole} {unit}{(whole == 1 ? "" : "s")}");
    }

    internal static string Wrap(string paragraph)
    {
        var text = new StringBuilder();
        var column = 0;
        foreach (var word in paragraph.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (column > 0 && column + 1 + word.Length > TextWidth)
                (column, _) = (0, text.Append('\n'));
            if (column > 0)
                (column, _) = (column + 1, text.Append(' '));
            text.Append(word);
            column += word.Length;
        }
        return text.ToString();
    }

    /// <summary>
    /// Without line breaks and invisible characters, with which a value could pretend to be a paragraph or run
    /// backwards.
    /// </summary>
    internal static string OneLine(string value) =>
        string.Concat(
            value.Where(c =>
                char.GetUnicodeCategory(c)
                    is not (
                        UnicodeCategory.Control
                        or UnicodeCategory.Format
                        or UnicodeCategory.LineSeparator
                        or UnicodeCategory.ParagraphSeparator
                    )
            )
        );

    private static string? Code(EmailBody content, EmailModel facts) =>
        content.CodeLabel is null || facts.Code is null ? null : OneLine(facts.Code);

    private static string? Expiry(EmailBody content, EmailModel facts) =>
        (facts.Lifetime, facts.Link, Code(content, facts)) switch
        {
            ({ } lifetime, not null, null) when content.Link is not null =>
                $"The link expires {InWords(lifetime)} and works once.",
            ({ } lifetime, not null, not null) => $"The link and the code expire {InWords(lifetime)} and work once.",
            _ => null,
        };

    private static IEnumerable<(string Name, string Value)> Rows(EmailModel facts)
    {
        yield return ("When", facts.At.UtcDateTime.ToString("d MMMM yyyy, HH:mm 'UTC'", CultureInfo.InvariantCulture));
        if (facts.Agent is not null)
            yield return ("Device", UserAgentName.Describe(facts.Agent));
        // Parsed, not copied: behind a careless proxy this is text a stranger wrote.
        if (IPAddress.TryParse(facts.Address, out var ip))
            yield return ("Network address", (ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip).ToString());
    }

    private static string Safe(string value) => WebUtility.HtmlEncode(value);

    private static string HtmlParagraph(string html) =>
        $"<p class=\"ink\" style=\"margin:0 0 16px;font-size:16px;line-height:24px;overflow-wrap:anywhere;color:{Ink}\">{html}</p>\n";

    private static string HtmlAside(string html) =>
        $"<p class=\"soft\" style=\"margin:0 0 16px;font-size:16px;line-height:24px;color:{Soft}\">{html}</p>\n";

    private static string HtmlUrl(string url) =>
        $"<a class=\"link\" href=\"{Safe(url)}\" style=\"color:{Accent};word-break:break-all\">{Safe(url)}</a>";

    private static string HtmlButton(string label, string url) =>
        $"""
            <table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:8px 0 24px"><tr>
            <td class="button" bgcolor="{Accent}" style="border-radius:8px;background-color:{Accent}">
            <a class="button" href="{Safe(
                url
            )}" style="display:inline-block;padding:12px 24px;border-radius:8px;font-size:16px;line-height:24px;font-weight:600;color:#ffffff;text-decoration:none">{Safe(
                label
            )}</a>
            </td></tr></table>
            {HtmlAside("Or copy this address into your browser:<br>" + HtmlUrl(url))}
            """;

    private static string HtmlCode(string label, string code) =>
        $"""
            {HtmlParagraph(Safe(label))}
            <p class="code" style="margin:0 0 16px;padding:12px 16px;border-radius:8px;background-color:#eef2f7;font-family:Consolas,Menlo,monospace;font-size:28px;line-height:36px;letter-spacing:6px;text-align:center;color:{Ink}">{Safe(
                code
            )}</p>

            """;

    private static string HtmlRows(EmailModel facts)
    {
        var rows = Rows(facts)
            .Select(row =>
                $"""
                    <tr><td class="soft" style="padding:2px 16px 2px 0;font-size:16px;line-height:24px;color:{Soft};vertical-align:top">{Safe(
                        row.Name
                    )}</td><td class="ink" style="padding:2px 0;font-size:16px;line-height:24px;color:{Ink}">{Safe(
                        row.Value
                    )}</td></tr>
                    """
            );
        return $"""
            <table role="presentation" class="rule" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:8px 0 24px;border-top:1px solid {Rule};border-bottom:1px solid {Rule}"><tr><td style="padding:12px 0">
            <table role="presentation" cellpadding="0" cellspacing="0" border="0">
            {string.Join('\n', rows)}
            </table>
            </td></tr></table>

            """;
    }

    private static string HtmlDocument(string title, string body, string site) =>
        $$"""
            <!doctype html>
            <html lang="en" dir="ltr">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width,initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="supported-color-schemes" content="light dark">
            <title>{{Safe(EmailTemplates.Brand + ": " + title)}}</title>
            <style>
            :root { color-scheme: light dark; supported-color-schemes: light dark; }
            @media (prefers-color-scheme: dark) {
              .page { background-color: #10151c !important; }
              .card { background-color: #1a212b !important; border-color: #2c3644 !important; }
              .ink { color: #e8edf3 !important; }
              .soft { color: #a9b4c2 !important; }
              .link { color: #8cbcf5 !important; }
              .rule { border-color: #2c3644 !important; }
              .code { background-color: #263040 !important; color: #ffffff !important; }
              .button { background-color: #8cbcf5 !important; color: #0c1a2b !important; }
            }
            </style>
            </head>
            <body class="page" style="margin:0;padding:0;background-color:#f3f5f8;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
            <table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background-color:#f3f5f8"><tr><td align="center" style="padding:32px 12px">
            <table role="presentation" width="560" cellpadding="0" cellspacing="0" border="0" style="width:100%;max-width:560px;text-align:start">
            <tr><td class="ink" style="padding:0 4px 16px;font-size:18px;line-height:24px;font-weight:600;color:{{Ink}}">{{EmailTemplates.Brand}}</td></tr>
            <tr><td class="card" style="padding:32px 32px 16px;border:1px solid {{Rule}};border-radius:12px;background-color:#ffffff">
            {{body}}</td></tr>
            <tr><td style="padding:20px 4px 0">
            {{HtmlAside(Safe(NeverAsk))}}{{HtmlAside(Safe(Footer) + "<br>" + HtmlUrl(site))}}</td></tr>
            </table>
            </td></tr></table>
            </body>
            </html>

            """;
}
