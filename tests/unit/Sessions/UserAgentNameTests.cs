using System.Diagnostics;
using BlazorAuth.Core.Sessions;
using Xunit;

namespace BlazorAuth.UnitTests.Sessions;

public class UserAgentNameTests
{
    private const string Like = "AppleWebKit/537.36 (KHTML, like Gecko)";

    [Theory]
    [InlineData(
        $"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {Like} Chrome/140.0.0.0 Safari/537.36",
        "Chrome on Windows"
    )]
    [InlineData(
        $"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {Like} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
        "Edge on macOS"
    )]
    [InlineData("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux")]
    [InlineData(
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
        "Safari on iPhone"
    )]
    [InlineData(
        "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
        "Chrome on iPad"
    )]
    [InlineData(
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/140.0 Mobile/15E148 Safari/605.1.15",
        "Firefox on iPhone"
    )]
    [InlineData(
        $"Mozilla/5.0 (Linux; Android 15; SM-S921B) {Like} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        "Samsung Internet on Android"
    )]
    [InlineData("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox on Android")]
    [InlineData(
        $"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {Like} Chrome/140.0.0.0 Safari/537.36",
        "Chrome on ChromeOS"
    )]
    [InlineData($"Mozilla/5.0 (X11; Linux x86_64) {Like} HeadlessChrome/140.0.0.0 Safari/537.36", "Chrome on Linux")]
    [InlineData(
        $"Mozilla/5.0 (Windows NT 10.0) {Like} Chrome/140.0.0.0 Safari/537.36 OPR/120.0.0.0",
        "Opera on Windows"
    )]
    [InlineData("Mozilla/5.0 (Linux; something new)", "Browser on Linux")]
    [InlineData("Mozilla/5.0 (compatible)", "Unknown device")]
    public void A_browser_is_named_with_its_system(string agent, string name) =>
        Assert.Equal(name, UserAgentName.Describe(agent));

    [Theory]
    [InlineData("curl/8.14.1", "curl")]
    [InlineData("BlazorAuth.Client/0.1.0", ".NET program")]
    [InlineData("dotnet/10.0", ".NET program")]
    [InlineData("python-requests/2.32", "Python program")]
    [InlineData("MyApp/1.0 (+https://example.org)", "MyApp")]
    [InlineData("evil.example/click-here", "evilexample")]
    [InlineData("<script>alert(1)</script>", "scriptalert")]
    public void A_program_is_named_by_its_first_product(string agent, string name) =>
        Assert.Equal(name, UserAgentName.Describe(agent));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("((((")]
    [InlineData("日本語")]
    public void Nothing_usable_is_an_unknown_device(string? agent) =>
        Assert.Equal("Unknown device", UserAgentName.Describe(agent));

    [Fact]
    public void Whatever_comes_in_only_short_and_safe_names_come_out()
    {
        var random = new Random(4711);
        for (var i = 0; i < 5000; i++)
        {
            var noise = string.Concat(Enumerable.Range(0, random.Next(80)).Select(_ => (char)random.Next(1, 0x3000)));
            var name = UserAgentName.Describe(
                (i % 3) switch
                {
                    0 => noise,
                    1 => "Mozilla/5.0 " + noise,
                    _ => "A" + noise,
                }
            );
            Assert.InRange(name.Length, 1, 40);
            Assert.All(name, c => Assert.True(char.IsAsciiLetterOrDigit(c) || c is ' ' or '.', name));
        }
    }

    [Fact]
    public void A_huge_agent_costs_no_more_than_a_long_one()
    {
        var huge = "Mozilla/" + new string('(', 10_000_000);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < 100; i++)
            UserAgentName.Describe(huge);
        Assert.InRange(clock.ElapsedMilliseconds, 0, 500);
        Assert.Equal(30, UserAgentName.Describe(new string('a', 1000)).Length);
    }
}
