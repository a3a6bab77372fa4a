using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Mail;

/// <summary>
/// The letter by which an operator sees whether mail works: handed straight to the configured transport, so that its answer is known at
/// once. Nothing is stored and nothing is tried again.
/// </summary>
public sealed class TestLetter(IMailTransport transport, IOptions<AuthOptions> options, TimeProvider time)
{
    /// <summary>What came of it. <paramref name="Fault"/> is null where the transport took the letter over, else type and code of its refusal.</summary>
    public sealed record Tried(string To, MailTransport Transport, string? Fault);

    /// <summary>Sends it; a refusal about the address where it is none.</summary>
    public async Task<Outcome<Tried>> SendAsync(string? to, CancellationToken ct)
    {
        if (!Credentials.EmailAddress.TryParse(to, out var address)) return Refusal.Shape("to", Core.Fault.NotAnEmail);
        var facts = new LetterFacts { Site = options.Value.Site, At = time.GetUtcNow() };
        var mail = new OutgoingMail(address, Guid.CreateVersion7().ToString(), Letters.Render(LetterKind.MailTest, facts));
        string? fault = null;
        try
        {
            await transport.SendAsync(mail, ct);
        }
        catch (Exception refused) when (refused is MailException or IOException or UnauthorizedAccessException or InvalidOperationException or TimeoutException)
        {
            fault = Postman.Reason(refused);
        }
        return new Tried(address, options.Value.Mail.Transport!.Value, fault);
    }
}
