using System.Globalization;
using System.Text.RegularExpressions;

namespace BlazorAuth.Api.Dialects.Kuzzle;

/// <summary>
/// How long a token is to last, as clients of Kuzzle write it: milliseconds, or a number and a unit (<c>6d</c>,
/// <c>2 hours</c>).
/// </summary>
internal static partial class KuzzleDuration
{
    /// <summary>For ever, which no token of a login may be.</summary>
    public static bool IsEndless(string? text) => text?.Trim() == "-1";

    /// <summary>False where the text is no duration that has an end.</summary>
    public static bool TryRead(string text, out TimeSpan duration)
    {
        duration = default;
        if (text.Length > 40 || Pattern().Match(text) is not { Success: true } match)
            return false;
        if (
            !double.TryParse(
                match.Groups["number"].ValueSpan,
                NumberStyles.AllowDecimalPoint,
                CultureInfo.InvariantCulture,
                out var number
            )
        )
            return false;
        var milliseconds = number * Unit(match.Groups["unit"].Value.ToLowerInvariant());
        // A duration that cannot be counted is longer than any that is allowed.
        duration =
            milliseconds >= TimeSpan.MaxValue.TotalMilliseconds
                ? TimeSpan.MaxValue
                : TimeSpan.FromMilliseconds(milliseconds);
        return duration > TimeSpan.Zero;
    }

    private static double Unit(string unit) =>
        unit switch
        {
            "s" or "sec" or "secs" or "second" or "seconds" => 1_000,
            "m" or "min" or "mins" or "minute" or "minutes" => 60_000,
            "h" or "hr" or "hrs" or "hour" or "hours" => 3_600_000,
            "d" or "day" or "days" => 86_400_000,
            "w" or "week" or "weeks" => 7 * 86_400_000d,
            "y" or "yr" or "yrs" or "year" or "years" => 365.25 * 86_400_000d,
            _ => 1,
        };

    [GeneratedRegex(
        @"\A\s*(?<number>\d{0,15}\.?\d{1,15})\s*(?<unit>ms|msecs?|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|y|yrs?|years?)?\s*\z",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 100
    )]
    private static partial Regex Pattern();
}
