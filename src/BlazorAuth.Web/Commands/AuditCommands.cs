using System.CommandLine;
using BlazorAuth.Core.Audit;

namespace BlazorAuth.Web.Commands;

/// <summary><c>audit verify</c>.</summary>
internal static class AuditCommands
{
    public static Command All(Func<WebApplicationBuilder> host) =>
        new("audit", "The record of security events.")
        {
            new Command("verify", "Look whether a row was changed, taken out or put in.").Does<VerifyAuditLog>(
                host,
                async (flow, _, ct) => Print(await flow.PreviewAsync(ct))
            ),
        };

    private static CliCommand.Printed Print(AuditChain.AuditCheck found)
    {
        var document = new
        {
            whole = found.Broken is null,
            entries = found.Count,
            head = found.Head,
            broken = found.Broken,
            at = found.At,
        };
        if (found.Broken is not { } broken)
            return new(
                document,
                $"The audit is whole: {found.Count} entries. Its head is {(found.Head.Length > 0 ? found.Head : "empty")};\n"
                    + "noted elsewhere, it shows later that the end was not cut off."
            );
        return new(
            document,
            broken switch
            {
                AuditChain.Break.Changed => $"Entry {found.At} of the audit is not what was written.",
                AuditChain.Break.Missing => $"Entry {found.At} of the audit is missing.",
                AuditChain.Break.Added => $"Entry {found.At} of the audit was not written by this product.",
            },
            CliCommand.Refused
        );
    }
}
