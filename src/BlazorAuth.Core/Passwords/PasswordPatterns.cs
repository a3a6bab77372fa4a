using BlazorAuth.Core.Messaging.Email;

namespace BlazorAuth.Core.Passwords;

/// <summary>
/// Passwords that every guesser tries and that no list can hold, because there are too many of them: repetitions, runs
/// along the keyboard, and names with digits (NIST SP 800-63B-4 §3.1.1.2, ASVS 6.2.4 and 6.2.11).
/// </summary>
internal static class PasswordPatterns
{
    // Fewer characters than this are what a longer password may well begin with.
    private const int ShortestRun = 3,
        MostRuns = 4,
        LongestChunk = 7,
        ShortestName = 3;

    // Rows of the common keyboards, their columns, digits, and the alphabet.
    private static readonly string[] Rows =
    [
        "01234567890",
        "abcdefghijklmnopqrstuvwxyz",
        "qwertyuiop",
        "asdfghjkl",
        "zxcvbnm",
        "qwertzuiop",
        "yxcvbnm",
        "azertyuiop",
        "qsdfghjklm",
        "wxcvbn",
        "1qaz",
        "2wsx",
        "3edc",
        "4rfv",
        "5tgb",
        "6yhn",
        "7ujm",
        "8ik,",
        "9ol.",
        "0p;/",
        "!@#$%^&*()",
    ];

    // Pairs of characters that follow each other, there and back. The columns follow each other, too: 1qaz2wsx.
    private static readonly HashSet<(char, char)> Forward = [.. Rows.SelectMany(row => row.Zip(row[1..]))];
    private static readonly HashSet<(char, char)> Backward = [.. Forward.Select(pair => (pair.Item2, pair.Item1))];

    /// <summary>
    /// One character or one short piece, again and again: <c>00000000</c>, <c>123123123</c>, <c>asdasdasd</c>.
    /// </summary>
    public static bool IsRepetition(string password)
    {
        for (var length = 1; length <= Math.Min(LongestChunk, password.Length / 2); length++)
        {
            var (chunk, same) = (length, true);
            for (var i = chunk; same && i < password.Length; i++)
                same = Lower(password[i]) == Lower(password[i - chunk]);
            if (same)
                return true;
        }
        return false;
    }

    /// <summary>
    /// A few straight runs and nothing else: <c>87654321</c>, <c>abcdefgh</c>, <c>qwertyuiop123</c>, <c>qweasdzxc</c>,
    /// <c>1qaz2wsx</c>.
    /// </summary>
    public static bool IsRuns(string password)
    {
        var (runs, start) = (0, 0);
        while (start < password.Length)
        {
            var end = Math.Max(RunEnd(password, start, Forward), RunEnd(password, start, Backward));
            if (end - start < ShortestRun || ++runs > MostRuns)
                return false;
            start = end;
        }
        return true;
    }

    /// <summary>
    /// A name, perhaps twice, with nothing beside it but digits and signs: <c>jane2026!</c>, <c>123blazorauth</c>.
    /// </summary>
    /// <param name="password">The password.</param>
    /// <param name="name">
    /// The product's, the site's or the account's; those of fewer than three emails count for nothing.
    /// </param>
    public static bool IsNameWithDigits(string password, string? name)
    {
        var letters = EmailTemplates(name ?? "");
        if (letters.Length < ShortestName)
            return false;
        var rest = EmailTemplates(password);
        return rest == letters || rest == letters + letters;
    }

    private static int RunEnd(string password, int start, HashSet<(char, char)> pairs)
    {
        var end = start + 1;
        while (end < password.Length && pairs.Contains((Lower(password[end - 1]), Lower(password[end]))))
            end++;
        return end;
    }

    private static char Lower(char c) => char.ToLowerInvariant(c);

    private static string EmailTemplates(string text) => string.Concat(text.Where(char.IsLetter).Select(Lower));
}
