using System.CommandLine;
using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core.Keys;

namespace BlazorAuth.Web.Commands;

/// <summary><c>key list</c> and <c>key rotate</c>.</summary>
internal static class KeyCommands
{
    private static readonly Option<TimeSpan> In = new("--in")
    {
        Description =
            "How long the successor is published before it signs, as [d.]hh:mm:ss. APIs elsewhere that fetch the keys once a day need 1.00:00:00.",
        DefaultValueFactory = _ => SigningKeys.ShortestNotice,
    };

    public static Command All(Func<WebApplicationBuilder> host) =>
        new("key", "The keys that sign access tokens.")
        {
            new Command("list", "Every published key.").Does<RotateSigningKey>(
                host,
                async (flow, _, ct) => Print(await flow.ListAsync(ct), null)
            ),
            new Command("rotate", "Make a successor. No valid token is refused by it.") { In }.Does<RotateSigningKey>(
                host,
                async (flow, parsed, ct) =>
                {
                    var outcome = await flow.RotateAsync(CliCommand.Operator, parsed.GetValue(In), ct);
                    if (outcome.Value is { } made)
                        return Print(await flow.ListAsync(ct), made);
                    return new CliCommand.Printed(
                        new { refused = outcome.Failure!.Error },
                        "A key is published at least a minute before it signs.",
                        CliCommand.Refused
                    );
                }
            ),
        };

    private static CliCommand.Printed Print(IReadOnlyList<SigningKeys.SigningKey> keys, SigningKeys.SigningKey? made)
    {
        var now = TimeProvider.System.GetUtcNow();
        var signing = keys.LastOrDefault(k => k.ActiveFrom <= now) ?? keys[0];
        var rows = keys.Select(k => new
            {
                kid = k.Key.KeyId,
                signsFrom = k.ActiveFrom,
                state = k == signing ? "signing"
                : k.ActiveFrom > now ? "waiting"
                : "retired",
            })
            .ToList();
        var lines = rows.Select(r => $"{r.kid}  {r.state, -8} from {r.signsFrom.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC");
        return new(new { keys = rows, made = made?.Key.KeyId }, string.Join('\n', lines));
    }
}
