namespace BlazorAuth.Core.Messaging.Email;

/// <summary>An email on its way.</summary>
/// <param name="To">One bare address; an international domain is punycode already.</param>
/// <param name="MessageId">
/// The unique part of the Message-ID, without domain: ASCII letters, digits, <c>.</c>, <c>_</c>, <c>-</c>. A retry
/// repeats it.
/// </param>
/// <param name="Content">What it says.</param>
public sealed record OutgoingEmail(string To, string MessageId, RenderedEmail Content);

/// <summary>The last hop. Sends once or throws; the outbox tries again.</summary>
public interface IEmailTransport
{
    /// <summary>Returns when the email has been taken over, throws when it has not.</summary>
    /// <exception cref="EmailException">The mail server refused, or could not be reached.</exception>
    /// <exception cref="ArgumentException">
    /// The address or the message id could smuggle in headers, recipients or paths.
    /// </exception>
    Task SendAsync(OutgoingEmail mail, CancellationToken ct);
}

/// <summary>
/// An email was not taken over. The message names kinds and codes only, so that it may be stored and logged: what a
/// server says can quote the email and its link.
/// </summary>
public sealed class EmailException(string reason, Exception inner) : Exception(reason, inner);
