using System.CommandLine;
using BlazorAuth.Core.Messaging.Email;

namespace BlazorAuth.Web.Commands;

/// <summary><c>mail test</c>.</summary>
internal static class MailCommands
{
    private static readonly Option<string> To = new("--to")
    {
        Description = "The address the test email goes to.",
        Required = true,
    };

    public static Command All(Func<WebApplicationBuilder> host) =>
        new("mail", "The emails this site sends.")
        {
            new Command("test", "Send a test email straight through the configured transport.")
            {
                To,
            }.Does<SendTestEmail>(
                host,
                async (letter, parsed, ct) =>
                    (await letter.SendAsync(parsed.GetValue(To), ct)).Match(
                        Print,
                        refusal => new CliCommand.Printed(
                            new { refused = refusal.Error },
                            "That is no e-mail address.",
                            CliCommand.Refused
                        )
                    )
            ),
        };

    private static CliCommand.Printed Print(SendTestEmail.SendResult tried)
    {
        var document = new
        {
            sent = tried.Fault is null,
            to = tried.To,
            transport = tried.Transport,
            fault = tried.Fault,
        };
        return tried.Fault is { } fault
            ? new(document, $"The email was refused by the transport {tried.Transport}: {fault}.", CliCommand.Refused)
            : new(document, $"The email to {tried.To} was taken over by the transport {tried.Transport}.");
    }
}
