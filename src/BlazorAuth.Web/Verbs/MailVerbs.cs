using System.CommandLine;
using BlazorAuth.Core.Mail;

namespace BlazorAuth.Web.Verbs;

/// <summary><c>mail test</c>.</summary>
internal static class MailVerbs
{
    private static readonly Option<string> To = new("--to") { Description = "The address the test letter goes to.", Required = true };

    public static Command All(string address) => new("mail", "The letters this site sends.")
    {
        new Command("test", "Send a test letter straight through the configured transport.") { To }.Does<TestLetter>(address, async (letter, parsed, ct) =>
            (await letter.SendAsync(parsed.GetValue(To), ct)).Match(Print, refusal => new Verb.Printed(new { refused = refusal.Error }, "That is no e-mail address.", Verb.Refused))),
    };

    private static Verb.Printed Print(TestLetter.Tried tried)
    {
        var document = new { sent = tried.Fault is null, to = tried.To, transport = tried.Transport, fault = tried.Fault };
        return tried.Fault is { } fault
            ? new(document, $"The letter was refused by the transport {tried.Transport}: {fault}.", Verb.Refused)
            : new(document, $"The letter to {tried.To} was taken over by the transport {tried.Transport}.");
    }
}
