using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Messaging.Email;

/// <summary>
/// The email by which an operator sees whether mail works: handed straight to the configured transport, so that its
/// answer is known at once. Nothing is stored and nothing is tried again.
/// </summary>
public sealed class SendTestEmail(IEmailTransport transport, IOptions<AuthOptions> options, TimeProvider time)
{
    /// <summary>
    /// What came of it. <paramref name="Fault"/> is null where the transport took the email over, else type and code of
    /// its refusal.
    /// </summary>
    public sealed record SendResult(string To, MailTransport Transport, string? Fault);

    /// <summary>Sends it; a refusal about the address where it is none.</summary>
    public async Task<Result<SendResult>> SendAsync(string? to, CancellationToken ct)
    {
        if (!EmailAddress.TryParse(to, out var address))
            return AuthFailure.Shape("to", FieldErrorCode.NotAnEmail);
        var facts = new EmailModel { Site = options.Value.Site, At = time.GetUtcNow() };
        var mail = new OutgoingEmail(
            address,
            Guid.CreateVersion7().ToString(),
            EmailTemplates.Render(EmailKind.MailTest, facts)
        );
        string? fault = null;
        try
        {
            await transport.SendAsync(mail, ct);
        }
        catch (Exception refused)
            when (refused
                    is EmailException
                        or IOException
                        or UnauthorizedAccessException
                        or InvalidOperationException
                        or TimeoutException
            )
        {
            fault = OutboxDispatcher.Reason(refused);
        }
        return new SendResult(address, options.Value.Mail.Transport!.Value, fault);
    }
}
