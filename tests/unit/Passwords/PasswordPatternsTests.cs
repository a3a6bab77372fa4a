using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Passwords;

/// <summary>What guessers try first is refused, and what only looks like it is not.</summary>
public sealed class PasswordPatternsTests : AuthTest
{
    private Task<AuthFailure?> JudgeAsync(string password) =>
        Auth.Use(
            (PasswordVerifier policy) =>
                Task.FromResult(policy.Judge(password, "password", "jane.doe@mail.example", "janed"))
        );

    [Theory]
    [InlineData("00000000")]
    [InlineData("88888888")]
    [InlineData("87654321")]
    [InlineData("123123123")]
    [InlineData("12121212")]
    [InlineData("abcdefgh")]
    [InlineData("asdasdasd")]
    [InlineData("AbCdEfGh")]
    [InlineData("zyxwvutsr")]
    [InlineData("qwertyuiop")]
    [InlineData("poiuytrewq")]
    [InlineData("qwerty123456")]
    [InlineData("qweasdzxc")]
    [InlineData("1qaz2wsx3edc")]
    [InlineData("abcd1234")]
    [InlineData("7890789078907890")]
    [InlineData("azertyuiop")]
    [InlineData("        ")]
    [InlineData("ééééééééé")]
    [InlineData("password")]
    [InlineData("trustno1trustno1", null)]
    public async Task A_common_password_is_refused(string password, string? code = "common_password") =>
        Assert.Equal(code, (await JudgeAsync(password))?.Error.Code());

    [Theory]
    [InlineData("blazorauth1")]
    [InlineData("BlazorAuth2026!")]
    [InlineData("janed1234")]
    [InlineData("jane.doe1984")]
    [InlineData("1984janedoe")]
    [InlineData("janedjaned99")]
    [InlineData("example2026")]
    [InlineData("id.example.org!")]
    [InlineData("jane.doe@mail.example")]
    public async Task A_name_with_digits_is_refused(string password) =>
        Assert.Equal("weak_password", (await JudgeAsync(password))?.Error.Code());

    [Theory]
    [InlineData("correct horse battery")]
    [InlineData("seven green bottles")]
    [InlineData("jane likes 4 cats")]
    [InlineData("abcdefgh no longer")]
    [InlineData("12 red, 345 blue")]
    [InlineData("qwe rty uio pas")]
    [InlineData("example of a good one")]
    public async Task Several_words_are_taken(string password) => Assert.Null(await JudgeAsync(password));

    [Fact]
    public async Task No_text_is_a_fault_of_ours()
    {
        foreach (
            var password in new[]
            {
                "\ud800\ud800\ud800\ud800\ud800\ud800\ud800\ud800x",
                "\0\0\0\0\0\0\0\0\0",
                "🦉🦉🦉🦉🦉🦉🦉🦉🦉",
            }
        )
            await JudgeAsync(password);
    }
}
