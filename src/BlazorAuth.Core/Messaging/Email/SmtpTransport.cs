using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;

namespace BlazorAuth.Core.Messaging.Email;

/// <summary>How the connection to the mail server is protected.</summary>
public enum SmtpSecurity
{
    /// <summary>By the port: TLS from the first byte on 465, STARTTLS on every other.</summary>
    Auto,

    /// <summary>
    /// Not at all: emails and password travel in the clear. For a relay on the same machine or network.
    /// </summary>
    None,

    /// <summary>STARTTLS (RFC 3207), required: a server that does not offer it gets nothing.</summary>
    StartTls,

    /// <summary>TLS from the first byte (RFC 8314).</summary>
    Tls,
}

/// <summary>Where and how to hand emails to a mail server.</summary>
/// <param name="Host">Name or address; the name its certificate has to carry.</param>
/// <param name="Port">Usually 587 with STARTTLS, 465 with TLS from the first byte, 25 without.</param>
/// <param name="User">Null for a server that wants no sign-in.</param>
/// <param name="Password">Of <paramref name="User"/>.</param>
/// <param name="Security">See <see cref="SmtpSecurity"/>.</param>
/// <param name="HelloName">
/// The name that this machine gives of itself (RFC 5321 section 4.1.1.1); empty for its own.
/// </param>
public sealed record SmtpSettings(
    string Host,
    int Port,
    string? User,
    string? Password,
    SmtpSecurity Security,
    string HelloName = ""
)
{
    /// <summary>Without the password: settings end up in logs.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port} ({Security})");
}

/// <summary>
/// Hands each email to a mail server over a connection of its own. Speaks AUTH PLAIN, LOGIN, CRAM-MD5 and SCRAM.
/// </summary>
public sealed class SmtpTransport : IEmailTransport
{
    private readonly SmtpSettings settings;
    private readonly string from;
    private readonly string replyTo;
    private readonly TimeProvider time;
    private readonly TimeSpan limit;
    private readonly RemoteCertificateValidationCallback? trust;

    /// <summary>Twenty seconds for one email, from connecting to the server's last word.</summary>
    /// <param name="settings">Where to.</param>
    /// <param name="from">The sender, bare or as <c>Name &lt;address&gt;</c>.</param>
    /// <param name="replyTo">Where answers go, or empty.</param>
    /// <param name="time">Gives the Date header.</param>
    public SmtpTransport(SmtpSettings settings, string from, string replyTo, TimeProvider time)
        : this(settings, from, replyTo, time, TimeSpan.FromSeconds(20), null) { }

    internal SmtpTransport(
        SmtpSettings settings,
        string from,
        string replyTo,
        TimeProvider time,
        TimeSpan limit,
        RemoteCertificateValidationCallback? trust
    ) =>
        (this.settings, this.from, this.replyTo, this.time, this.limit, this.trust) = (
            settings,
            from,
            replyTo,
            time,
            limit,
            trust
        );

    /// <inheritdoc/>
    /// <exception cref="TimeoutException">
    /// The server took longer than the limit. It may still have taken the email.
    /// </exception>
    public async Task SendAsync(OutgoingEmail mail, CancellationToken ct)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct);
        both.CancelAfter(limit);
        try
        {
            await DeliverAsync(mail, both.Token);
        }
        catch (OperationCanceledException slow) when (!ct.IsCancellationRequested)
        {
            throw new TimeoutException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The mail server {settings.Host} did not take the email within {limit.TotalSeconds} s."
                ),
                slow
            );
        }
        catch (Exception fault) when (ReasonOf(fault) is { } reason)
        {
            throw new EmailException(reason, fault);
        }
    }

    private async Task DeliverAsync(OutgoingEmail mail, CancellationToken ct)
    {
        using var message = MimeMessages.Build(mail, from, replyTo, time.GetUtcNow());
        // Without a look at revocation lists: they are out of reach of many a machine that sends mail, and then nothing
        // would leave.
        using var client = new SmtpClient
        {
            CheckCertificateRevocation = false,
            ServerCertificateValidationCallback = trust,
        };
        if (settings.HelloName.Length > 0)
            client.LocalDomain = settings.HelloName;
        await client.ConnectAsync(settings.Host, settings.Port, Security(), ct);
        if (settings.User is not null)
            await client.AuthenticateAsync(settings.User, settings.Password ?? "", ct);
        await client.SendAsync(MimeMessages.Format(mail), message, ct);
        try
        {
            await client.DisconnectAsync(quit: true, ct);
        }
        catch (Exception late)
            when (late is IOException or SocketException or ProtocolException or OperationCanceledException)
        {
            // The server has taken the email; to report a fault now would send it twice.
        }
    }

    private SecureSocketOptions Security() =>
        settings.Security switch
        {
            SmtpSecurity.None => SecureSocketOptions.None,
            SmtpSecurity.StartTls => SecureSocketOptions.StartTls,
            SmtpSecurity.Tls => SecureSocketOptions.SslOnConnect,
            SmtpSecurity.Auto => settings.Port == 465 ? SecureSocketOptions.SslOnConnect : SecureSocketOptions.StartTls,
        };

    private static string? ReasonOf(Exception fault) =>
        fault switch
        {
            SmtpCommandException refused => string.Create(
                CultureInfo.InvariantCulture,
                $"SMTP {(int)refused.StatusCode} {refused.ErrorCode}"
            ),
            MailKit.Security.AuthenticationException => "SMTP authentication refused",
            SslHandshakeException => "TLS handshake failed",
            NotSupportedException => "SMTP server lacks what the settings demand",
            ProtocolException => $"SMTP {fault.GetType().Name}",
            SocketException socket => $"SMTP {socket.SocketErrorCode}",
            IOException => $"SMTP {fault.GetType().Name}",
            _ => null,
        };
}
