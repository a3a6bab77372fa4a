using BlazorAuth.Web;

namespace BlazorAuth.UnitTests.Pages;

public sealed class ReturnAddressTests
{
    [Theory]
    [InlineData("/account/sessions")]
    [InlineData("/somewhere?page=2&q=a%2Fb")]
    [InlineData("/")]
    public void A_path_of_this_site_is_kept(string address) => Assert.Equal(address, ReturnAddress.Local(address));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("account")]
    [InlineData("~/account")]
    [InlineData("//evil.example")]
    [InlineData("/\\evil.example")]
    [InlineData("/a\\..\\\\evil.example")]
    [InlineData("https://evil.example/")]
    [InlineData("javascript:alert(1)")]
    [InlineData("/\t/evil.example")]
    [InlineData("/a\r\nSet-Cookie: x=1")]
    public void Anything_else_becomes_the_account_page(string? address) =>
        Assert.Equal("/account", ReturnAddress.Local(address));

    [Fact]
    public void It_is_handed_on_encoded() =>
        Assert.Equal("/register?returnUrl=%2Fa%3Fb%3Dc%26d", ReturnAddress.With("/register", "/a?b=c&d"));

    [Fact]
    public void A_hostile_one_is_not_handed_on() =>
        Assert.Equal("/login?returnUrl=%2Faccount", ReturnAddress.With("/login", "//evil.example"));

    [Fact]
    public void Without_one_the_next_page_has_a_clean_address() =>
        Assert.Equal("/login", ReturnAddress.With("/login", null));
}
