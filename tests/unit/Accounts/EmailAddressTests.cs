using BlazorAuth.Core.Accounts;

namespace BlazorAuth.UnitTests.Accounts;

public sealed class EmailAddressTests
{
    [Theory]
    [InlineData("jane@example.net", "jane@example.net")]
    [InlineData(" Jane.Doe+News@EXAMPLE.Net\t", "jane.doe+news@example.net")]
    [InlineData("o'brien@example.net", "o'brien@example.net")]
    [InlineData("!#$%&'*+-/=?^_`{|}~@example.net", "!#$%&'*+-/=?^_`{|}~@example.net")]
    [InlineData("jane@b\u00fccher.example", "jane@xn--bcher-kva.example")]
    [InlineData("jane@bu\u0308cher.example", "jane@xn--bcher-kva.example")] // decomposed
    [InlineData("jane@B\u00dcCHER.example", "jane@xn--bcher-kva.example")]
    [InlineData("jane@xn--bcher-kva.example", "jane@xn--bcher-kva.example")]
    [InlineData("jane@sub-domain.example.co", "jane@sub-domain.example.co")]
    [InlineData("1@1.example", "1@1.example")]
    public void An_address_has_one_spelling(string text, string canonical)
    {
        Assert.True(EmailAddress.TryParse(text, out var parsed));
        Assert.Equal(canonical, parsed);
        Assert.True(EmailAddress.TryParse(parsed, out var again));
        Assert.Equal(parsed, again);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("jane")]
    [InlineData("@example.net")]
    [InlineData("jane@")]
    [InlineData("jane@localhost")]
    [InlineData("jane@@example.net")]
    [InlineData("jane@evil.example@example.net")]
    [InlineData("jane@example.net,eve@evil.example")]
    [InlineData("Jane <jane@example.net>")]
    [InlineData("\"jane doe\"@example.net")]
    [InlineData("jane doe@example.net")]
    [InlineData("jane@exam ple.net")]
    [InlineData(".jane@example.net")]
    [InlineData("jane.@example.net")]
    [InlineData("ja..ne@example.net")]
    [InlineData("jane@example..net")]
    [InlineData("jane@.example.net")]
    [InlineData("jane@example.net.")]
    [InlineData("jane@-example.net")]
    [InlineData("jane@exam_ple.net")]
    [InlineData("jane@127.0.0.1")]
    [InlineData("jane@[127.0.0.1]")]
    [InlineData("jane@example.net\r\nBcc: eve@evil.example")]
    [InlineData("jane\n@example.net")]
    [InlineData("jane\0@example.net")]
    [InlineData("jane@example.net\0")]
    [InlineData("jane\u200b@example.net")]
    [InlineData("jane@exam\u0001ple.net")]
    [InlineData("<script>@example.net")]
    public void What_is_no_address_is_refused(string? text)
    {
        Assert.False(EmailAddress.TryParse(text, out var parsed));
        Assert.Equal("", parsed);
    }

    [Theory]
    [InlineData("\u017fam@example.net")] // long s
    [InlineData("\u212aate@example.net")] // Kelvin sign
    [InlineData("\u0455am@example.net")] // Cyrillic s
    [InlineData("\uff53am@example.net")] // full width
    [InlineData("s\u0131m@example.net")] // dotless i
    [InlineData("j\u00fcrgen@example.net")]
    public void A_look_alike_is_refused_and_never_merged(string text) =>
        Assert.False(EmailAddress.TryParse(text, out _));

    [Fact]
    public void Lengths_are_those_of_smtp()
    {
        var local = new string('a', 64);
        Assert.True(EmailAddress.TryParse(local + "@example.net", out _));
        Assert.False(EmailAddress.TryParse(local + "a@example.net", out _));
        var domain = string.Concat(Enumerable.Repeat(new string('d', 62) + ".", 3)); // 189
        Assert.True(EmailAddress.TryParse("a@" + domain + new string('e', 254 - 2 - 189), out _));
        Assert.False(EmailAddress.TryParse("a@" + domain + new string('e', 255 - 2 - 189), out _));
        Assert.False(EmailAddress.TryParse("a@" + new string('d', 64) + ".net", out _)); // one label
        Assert.False(EmailAddress.TryParse(new string('a', 1_000_000), out _));
        Assert.False(EmailAddress.TryParse("a@" + new string('\u00fc', 200) + ".net", out _));
    }

    [Fact]
    public void A_text_that_is_not_unicode_is_refused() =>
        Assert.False(EmailAddress.TryParse("jane@\ud800.net", out _)); // an attribute could not carry it
}
