using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using BlazorAuth.Core;

namespace BlazorAuth.Web.Commands;

/// <summary>
/// What an operator does from the command line, over the same store and the same flows as the hosts. Exit codes: 0
/// done, 1 refused, 2 wrong usage, 78 bad configuration.
/// </summary>
internal static class CliCommand
{
    public const int Done = 0,
        Refused = 1,
        WrongUsage = 2;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private static readonly Option<bool> AsJson = new("--json")
    {
        Description = "Print one JSON document and nothing else.",
        Recursive = true,
    };

    /// <summary>Who acts: nobody's session.</summary>
    public static Caller Operator => Caller.Anonymous(null, "command line");

    /// <summary>Whether the arguments name a verb; a host's own all begin with a hyphen.</summary>
    public static bool IsMeant(string[] args) => args is [{ Length: > 0 } first, ..] && first[0] != '-';

    public static async Task<int> RunAsync(string[] args, Func<WebApplicationBuilder> host)
    {
        var root = new RootCommand("BlazorAuth. Without a verb it serves.")
        {
            AsJson,
            KeyCommands.All(host),
            MailCommands.All(host),
            AuditCommands.All(host),
        };
        var parsed = root.Parse(args);
        if (parsed.Errors.Count == 0)
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        foreach (var error in parsed.Errors)
            await Console.Error.WriteLineAsync(error.Message);
        await Console.Error.WriteLineAsync("See --help.");
        return WrongUsage;
    }

    /// <summary>Makes a verb that acts through a flow.</summary>
    public static Command Does<TFlow>(
        this Command command,
        Func<WebApplicationBuilder> host,
        Func<TFlow, ParseResult, CancellationToken, Task<Printed>> act
    )
        where TFlow : notnull
    {
        command.SetAction(
            async (parsed, ct) =>
            {
                // The hosts' own settings, but for the log: it would stand between the lines of an answer.
                var builder = host();
                builder.Logging.ClearProviders();
                await using var app = builder.Build();
                await app.Services.OpenAuthStoreAsync(ct);
                await using var scope = app.Services.CreateAsyncScope();
                var printed = await act(scope.ServiceProvider.GetRequiredService<TFlow>(), parsed, ct);
                var text = parsed.GetValue(AsJson) ? JsonSerializer.Serialize(printed.Document, Json) : printed.Text;
                await (printed.Code == Done || parsed.GetValue(AsJson) ? Console.Out : Console.Error).WriteLineAsync(
                    text
                );
                return printed.Code;
            }
        );
        return command;
    }

    /// <summary>What a verb answers: for programs, for people, and the exit code.</summary>
    public sealed record Printed(object Document, string Text, int Code = Done);
}
