using System.Globalization;
using MimeKit;
using MimeKit.Text;

namespace BlazorAuth.Core.Messaging.Email;

/// <summary>The one message that both transports send (RFC 5322).</summary>
internal static class MimeMessages
{
    /// <summary>Makes the message.</summary>
    /// <param name="mail">What is sent.</param>
    /// <param name="from">The sender, bare or as <c>Name &lt;address&gt;</c>.</param>
    /// <param name="replyTo">Where answers go, or empty.</param>
    /// <param name="now">The Date header.</param>
    /// <exception cref="ArgumentException">
    /// The address or the message id could smuggle in headers, recipients or paths.
    /// </exception>
    public static MimeMessage Build(OutgoingEmail mail, string from, string replyTo, DateTimeOffset now)
    {
        if (
            mail.MessageId.Length is 0 or > 100
            || mail.MessageId[0] == '.'
            || !mail.MessageId.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')
        )
            throw new ArgumentException(
                "A message id is made of ASCII letters, digits, '.', '_' and '-'.",
                nameof(mail)
            );
        if (mail.Content.Subject.AsSpan().ContainsAny('\r', '\n', '\0'))
            throw new ArgumentException("A subject is one line.", nameof(mail));

        var sender = MailboxAddress.Parse(from);
        var message = new MimeMessage { Date = now.ToUniversalTime(), Subject = mail.Content.Subject };
        message.From.Add(sender);
        message.To.Add(Recipient(mail.To));
        if (replyTo.Length > 0)
            message.ReplyTo.Add(MailboxAddress.Parse(replyTo));
        // A message id is ASCII, also where the sender's domain is not.
        message.MessageId = $"{mail.MessageId}@{new IdnMapping().GetAscii(sender.Domain)}";
        // No vacation notice, no loop between robots (RFC 3834 section 5; the second is Exchange's own).
        message.Headers.Add(HeaderId.AutoSubmitted, "auto-generated");
        message.Headers.Add("X-Auto-Response-Suppress", "All");
        // The last alternative is the preferred one (RFC 2046 section 5.1.4).
        message.Body = new MultipartAlternative(
            new TextPart(TextFormat.Plain) { Text = Canonical(mail.Content.Text) },
            new TextPart(TextFormat.Html) { Text = Canonical(mail.Content.Html) }
        );
        message.Prepare(EncodingConstraint.SevenBit, maxLineLength: 998);
        return message;
    }

    /// <summary>
    /// SMTPUTF8 (RFC 6531) only for an address that cannot do without it: not every relay on the way speaks it.
    /// </summary>
    public static FormatOptions Format(OutgoingEmail mail)
    {
        var format = FormatOptions.Default.Clone();
        format.NewLineFormat = NewLineFormat.Dos;
        format.International = !mail.To.All(char.IsAscii);
        return format;
    }

    private static MailboxAddress Recipient(string to)
    {
        // A display name, a comment or a second address would parse: then the email would not go where To says.
        if (
            to.AsSpan().ContainsAny('\r', '\n', '\0')
            || !MailboxAddress.TryParse(to, out var address)
            || address.Address != to
            || !to.Contains('@', StringComparison.Ordinal)
            || !string.IsNullOrEmpty(address.Name)
        )
            throw new ArgumentException("Not one bare email address.", nameof(to));
        return address;
    }

    private static string Canonical(string text) => text.ReplaceLineEndings("\r\n");
}
