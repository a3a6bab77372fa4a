using BlazorAuth.Core.Accounts;

namespace BlazorAuth.UnitTests.Accounts;

public sealed class UserNameTests
{
    [Theory]
    [InlineData("abc")]
    [InlineData("Jane.Doe-1_x")]
    [InlineData("a1234567890123456789012345678901")] // 32
    public void A_user_name_is_taken(string name) => Assert.True(UserName.IsValid(name));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("ab")]
    [InlineData("a12345678901234567890123456789012")] // 33
    [InlineData("1abc")]
    [InlineData(".abc")]
    [InlineData("jane doe")]
    [InlineData(" jane")]
    [InlineData("jane\n")]
    [InlineData("jane@example")]
    [InlineData("j\u00e4ne")]
    [InlineData("\u0458ane")]
    [InlineData("jane\0")]
    [InlineData("jane\u200b")]
    [InlineData("<b>jane")]
    public void Anything_else_is_refused(string? name) => Assert.False(UserName.IsValid(name));

    [Fact]
    public void No_account_key_is_a_user_name() =>
        Assert.False(UserName.IsValid(new BlazorAuth.Core.Accounts.AuthUser().Id));
}
