using System.Globalization;
using System.Net;
using System.Net.Mail;
using System.Net.Mime;
using System.Text;

namespace BlazorAuth.Core.Mail;

/// <summary>A letter on its way.</summary>
/// <param name="To">One bare address; an international domain is punycode already.</param>
/// <param name="MessageId">The unique part of the Message-ID, without domain: ASCII letters, digits, <c>.</c>, <c>_</c>, <c>-</c>. A retry repeats it.</param>
/// <param name="Letter">What it says.</param>
public sealed record OutgoingMail(string To, string MessageId, Letter Letter);

/// <summary>The last hop. Sends once or throws; trying again is the Postman's.</summary>
public interface IMailTransport
{
    /// <summary>Returns when the letter has been taken over, throws when it has not.</summary>
    /// <exception cref="ArgumentException">The address or the message id could smuggle in headers, recipients or paths.</exception>
    Task SendAsync(OutgoingMail mail, CancellationToken ct);
}

/// <summary>
/// One RFC 5322 file a letter, <c>{yyyyMMddTHHmmssfffZ}-{messageId}.eml</c>, for development, tests and pickup by another program.
/// A file under that name is complete. Letters carry live links, so what this makes only its owner can read.
/// </summary>
/// <param name="folder">Made when missing, with owner-only mode on Unix.</param>
/// <param name="from">The sender, bare or as <c>Name &lt;address&gt;</c>.</param>
/// <param name="time">Gives file name and Date header, both in UTC.</param>
public sealed class FolderTransport(string folder, string from, TimeProvider time) : IMailTransport
{
    /// <inheritdoc/>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public async Task SendAsync(OutgoingMail mail, CancellationToken ct)
    {
        using var message = Envelope.Build(mail, from);
        var now = time.GetUtcNow();
        var name = string.Create(CultureInfo.InvariantCulture, $"{now.UtcDateTime:yyyyMMdd'T'HHmmssfff'Z'}-{mail.MessageId}.eml");

        // Inside the folder, so that the move is a rename within one file system.
        MakePrivate(folder);
        var workshop = Path.Combine(Path.GetFullPath(folder), $".{Guid.NewGuid():N}.tmp");
        MakePrivate(workshop);
        try
        {
            using var client = new SmtpClient
            {
                DeliveryMethod = SmtpDeliveryMethod.SpecifiedPickupDirectory,
                PickupDirectoryLocation = workshop,
                DeliveryFormat = Envelope.Format(mail),
            };
            await client.SendMailAsync(message, ct);

            var raw = await File.ReadAllTextAsync(Directory.EnumerateFiles(workshop).Single(), ct);
            var finished = Path.Combine(workshop, name);
            await using (var file = new FileStream(finished, PrivateFile()))
                await file.WriteAsync(Encoding.UTF8.GetBytes(AsMessage(raw, now)), ct);
            File.Move(finished, Path.Combine(folder, name), overwrite: true);
        }
        finally
        {
            Directory.Delete(workshop, recursive: true);
        }
    }

    /// <summary>A pickup file holds the envelope as X- headers and the Date of the machine; a message has neither.</summary>
    private static string AsMessage(string pickup, DateTimeOffset now)
    {
        var end = pickup.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var message = new StringBuilder(pickup.Length);
        var dropped = false;
        foreach (var line in pickup[..end].Split("\r\n"))
        {
            if (line[0] is not (' ' or '\t')) dropped = Is(line, "X-Sender:") || Is(line, "X-Receiver:") || Is(line, "Date:");
            if (!dropped) message.Append(line).Append("\r\n");
        }
        message.Append(CultureInfo.InvariantCulture, $"Date: {now.UtcDateTime:ddd, dd MMM yyyy HH:mm:ss} +0000\r\n");
        return message.Append(pickup, end + 2, pickup.Length - end - 2).ToString();

        static bool Is(string line, string header) => line.StartsWith(header, StringComparison.OrdinalIgnoreCase);
    }

    private static void MakePrivate(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static FileStreamOptions PrivateFile()
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return options;
    }
}

/// <summary>How the connection to the mail server is protected.</summary>
public enum SmtpSecurity
{
    /// <summary>Not at all: letters and password travel in the clear. For a relay on the same machine or network.</summary>
    None,

    /// <summary>STARTTLS (RFC 3207), required: a server that does not offer it gets nothing.</summary>
    StartTls,
}

/// <summary>Where and how to hand letters to a mail server.</summary>
/// <param name="Host">Name or address; the name its certificate has to carry.</param>
/// <param name="Port">Usually 587 with STARTTLS, 25 without. 465 (TLS from the first byte) is not spoken.</param>
/// <param name="User">Null for a server that wants no sign-in.</param>
/// <param name="Password">Of <paramref name="User"/>.</param>
/// <param name="Security">See <see cref="SmtpSecurity"/>.</param>
public sealed record SmtpSettings(string Host, int Port, string? User, string? Password, SmtpSecurity Security)
{
    /// <summary>Without the password: settings end up in logs.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port} ({Security})");
}

/// <summary>Hands each letter to a mail server over a connection of its own.</summary>
public sealed class SmtpTransport : IMailTransport
{
    private readonly SmtpSettings settings;
    private readonly string from;
    private readonly TimeSpan limit;

    /// <summary>Twenty seconds for one letter, from connecting to the server's last word.</summary>
    /// <param name="settings">Where to.</param>
    /// <param name="from">The sender, bare or as <c>Name &lt;address&gt;</c>.</param>
    public SmtpTransport(SmtpSettings settings, string from) : this(settings, from, TimeSpan.FromSeconds(20)) { }

    internal SmtpTransport(SmtpSettings settings, string from, TimeSpan limit) =>
        (this.settings, this.from, this.limit) = (settings, from, limit);

    /// <inheritdoc/>
    /// <exception cref="SmtpException">The server refused (its status is in the exception), could not be reached, or offers no STARTTLS.</exception>
    /// <exception cref="TimeoutException">The server took longer than the limit. It may still have taken the letter.</exception>
    public async Task SendAsync(OutgoingMail mail, CancellationToken ct)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct);
        both.CancelAfter(limit);
        var sending = Deliver(mail, both.Token);
        try
        {
            // SmtpClient does not look at its token in every state: it waits on for the answer to a message.
            await sending.WaitAsync(both.Token);
        }
        catch (OperationCanceledException slow) when (!ct.IsCancellationRequested)
        {
            throw new TimeoutException(string.Create(CultureInfo.InvariantCulture, $"The mail server {settings.Host} did not take the letter within {limit.TotalSeconds} s."), slow);
        }
        finally
        {
            // Left alone, it ends by its own time-out: nobody is there any more to see how.
            _ = sending.ContinueWith(late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }
    }

    private async Task Deliver(OutgoingMail mail, CancellationToken ct)
    {
        using var message = Envelope.Build(mail, from);
        using var client = new SmtpClient(settings.Host, settings.Port)
        {
            EnableSsl = settings.Security == SmtpSecurity.StartTls,
            DeliveryFormat = Envelope.Format(mail),
            UseDefaultCredentials = false,
            Credentials = settings.User is null ? null : new NetworkCredential(settings.User, settings.Password),
            Timeout = (int)limit.TotalMilliseconds * 2,
        };
        await client.SendMailAsync(message, ct);
    }
}

/// <summary>The one message both transports send.</summary>
internal static class Envelope
{
    public static MailMessage Build(OutgoingMail mail, string from)
    {
        if (mail.MessageId.Length is 0 or > 100 || mail.MessageId[0] == '.' || !mail.MessageId.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
            throw new ArgumentException("A message id is made of ASCII letters, digits, '.', '_' and '-'.", nameof(mail));

        var sender = new MailAddress(from);
        var message = new MailMessage
        {
            From = sender,
            Subject = mail.Letter.Subject,
            SubjectEncoding = Encoding.UTF8,
            HeadersEncoding = Encoding.UTF8,
        };
        message.To.Add(Recipient(mail.To));
        // No vacation notice, no loop between robots (RFC 3834 section 5; the second is Exchange's own).
        message.Headers["Auto-Submitted"] = "auto-generated";
        message.Headers["X-Auto-Response-Suppress"] = "All";
        message.Headers["Message-ID"] = $"<{mail.MessageId}@{sender.Host}>";
        // The last alternative is the preferred one (RFC 2046 section 5.1.4).
        message.AlternateViews.Add(Part(mail.Letter.Text, MediaTypeNames.Text.Plain));
        message.AlternateViews.Add(Part(mail.Letter.Html, MediaTypeNames.Text.Html));
        return message;
    }

    /// <summary>SMTPUTF8 (RFC 6531) only for an address that cannot do without it: not every relay on the way speaks it.</summary>
    public static SmtpDeliveryFormat Format(OutgoingMail mail) =>
        mail.To.All(char.IsAscii) ? SmtpDeliveryFormat.SevenBit : SmtpDeliveryFormat.International;

    private static MailAddress Recipient(string to)
    {
        // A display name, a comment or a second address would parse: then the letter would not go where To says.
        if (to.AsSpan().ContainsAny('\r', '\n', '\0') || !MailAddress.TryCreate(to, out var address) || address.Address != to)
            throw new ArgumentException("Not one bare e-mail address.", nameof(to));
        return address;
    }

    private static AlternateView Part(string content, string mediaType)
    {
        var canonical = content.ReplaceLineEndings("\r\n");
        var view = AlternateView.CreateAlternateViewFromString(canonical, Encoding.UTF8, mediaType);
        // Not quoted-printable: this MailMessage would write line breaks as =0D=0A, which RFC 2045 section 6.7 keeps for binaries.
        view.TransferEncoding = Travels(canonical) ? TransferEncoding.SevenBit : TransferEncoding.Base64;
        return view;
    }

    /// <summary>As it is: ASCII, no line beyond the 998 of RFC 5322 section 2.1.1.</summary>
    private static bool Travels(string canonical) => canonical.All(char.IsAscii) && canonical.Split("\r\n").All(line => line.Length <= 998);
}
