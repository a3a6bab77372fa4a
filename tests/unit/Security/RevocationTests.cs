using BlazorAuth.Core.Security;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Security;

/// <summary>
/// The table itself; that each event does what its row says is what WhatDiesWhenTests shows at the flows.
/// </summary>
public sealed class RevocationTests
{
    private const string Begin = "<!-- what dies when: begin -->",
        End = "<!-- what dies when: end -->";

    [Fact]
    public void Every_event_has_one_rule() =>
        Assert.Equal(Enum.GetValues<SecurityEvent>(), Revocation.Table.Select(rule => rule.Event));

    /// <summary>The documents repeat the table: with UPDATE_DOCS=1 they are written anew.</summary>
    [Theory]
    [InlineData("ARCHITECTURE.md")]
    [InlineData("docs/flows.md")]
    public void The_documents_show_the_table(string file)
    {
        var path = Path.Combine(Clone.Root, file);
        var text = File.ReadAllText(path);
        var (begin, end) = (text.IndexOf(Begin, StringComparison.Ordinal), text.IndexOf(End, StringComparison.Ordinal));
        Assert.True(begin >= 0 && end > begin, $"{file} has no place for the table");
        var table = $"{Begin}\n{Printed()}\n";
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, text[..begin] + table + text[end..]);
        else
            Assert.Equal(table, text[begin..end]);
    }

    private static string Printed() =>
        string.Join(
            '\n',
            Revocation
                .Table.Select(rule =>
                    $"| {Words(rule.Event.ToString())} | {Tokens(rule)} | {Sessions(rule.Sessions)} | "
                    + $"{(rule.ApiKeys ? "ended" : "kept")} | {(rule.TrustedDevices ? "forgotten" : "kept")} |"
                )
                .Prepend("|---|---|---|---|---|")
                .Prepend("| event | one-time tokens that end | sessions | API keys | trusted devices |")
        );

    private static string Tokens(RevocationRule rule) =>
        rule.Tokens.Count > 0 ? string.Join(", ", rule.Tokens.Select(purpose => Words(purpose.ToString())))
        : rule.UndoToo ? "all"
        : $"all but {Words(nameof(TokenPurpose.Undo))}";

    private static string Sessions(SessionScope scope) =>
        scope switch
        {
            SessionScope.Others => "all others end",
            SessionScope.All => "all end",
            SessionScope.AllAndErased => "all end, nothing of them is kept",
        };

    private static string Words(string name) =>
        string.Concat(
            name.Select(
                (c, i) => i > 0 && char.IsUpper(c) ? $" {char.ToLowerInvariant(c)}" : $"{char.ToLowerInvariant(c)}"
            )
        );
}
