using System.Text;
using BlazorAuth.Core;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace BlazorAuth.UnitTests.Passwords;

public sealed class PasswordVerifierTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private async Task<FieldErrorCode?> Judge(string? password, string? email = Jane, string? userName = "jane.doe") =>
        (await Auth.Use((PasswordVerifier p) => Task.FromResult(p.Judge(password, "password", email, userName))))
            ?.FieldErrors[0]
            .Code;

    private async Task<bool> SignsIn(string password) =>
        await Auth.TrySignInAsync(Jane, password) is SignInOutcome.SignedIn;

    [Theory]
    [InlineData("abcdefgh ijk")]
    [InlineData("zebra quilt")]
    [InlineData("only lower case letters and spaces")]
    [InlineData("\u00e9\u00e8\u00ea\u00eb\u00e0\u00e2\u00ee\u00ef")]
    public async Task There_are_no_rules_of_composition(string password) => Assert.Null(await Judge(password));

    [Fact]
    public async Task Length_is_counted_in_code_points()
    {
        Assert.Equal(FieldErrorCode.TooShort, await Judge(string.Concat(Enumerable.Repeat("🦉", 7)))); // 14 UTF-16 units
        Assert.Null(await Judge(string.Concat(Enumerable.Repeat("🦉", 7)) + "🐸"));
        Assert.Null(await Judge(new string('x', 63) + "y"));
        Assert.Null(await Judge(string.Concat(Enumerable.Repeat("🦉", 255)) + "🐸"));
        Assert.Equal(FieldErrorCode.TooLong, await Judge(string.Concat(Enumerable.Repeat("🦉", 257))));
        Assert.Null(await Judge(new string('x', 255) + "y"));
        Assert.Equal(FieldErrorCode.TooLong, await Judge(new string('x', 257)));
        Assert.Equal(FieldErrorCode.Required, await Judge(""));
        Assert.Equal(FieldErrorCode.Required, await Judge(null));
    }

    [Theory]
    [InlineData("password", FieldErrorCode.Common)]
    [InlineData("PassWord", FieldErrorCode.Common)]
    [InlineData("12345678", FieldErrorCode.Common)]
    [InlineData("jane@example.net", FieldErrorCode.Guessable)]
    [InlineData("JANE@EXAMPLE.NET", FieldErrorCode.Guessable)]
    [InlineData("jane.doe", FieldErrorCode.Guessable)]
    [InlineData("BlazorAuth", FieldErrorCode.Guessable)]
    public async Task What_anybody_would_guess_is_refused(string password, FieldErrorCode fault) =>
        Assert.Equal(fault, await Judge(password));

    [Fact]
    public async Task The_local_part_is_refused_and_words_inside_are_not()
    {
        Assert.Equal(
            FieldErrorCode.Guessable,
            await Judge("jane-from-next-door", "jane-from-next-door@example.net", null)
        );
        Assert.Null(await Judge("my password is long", Jane));
        Assert.Null(await Judge("jane.doe and john.doe", Jane));
    }

    [Fact]
    public async Task Sixty_four_and_two_hundred_fifty_six_code_points_sign_in_and_none_is_cut()
    {
        var longest = string.Concat(Enumerable.Repeat("🦉", 255));
        await Auth.RegisterAsync(Jane, longest + "a");
        Assert.True(await SignsIn(longest + "a"));
        Assert.False(await SignsIn(longest + "b"));
        Assert.False(await SignsIn(longest));
        await Auth.RegisterAsync("john@example.net", new string('x', 63) + "y");
        await Auth.SignInAsync("john@example.net", new string('x', 63) + "y");
    }

    [Fact]
    public async Task Two_passwords_that_differ_after_72_bytes_are_two()
    {
        var first72 = new string('x', 72);
        await Auth.RegisterAsync(Jane, first72 + "a");
        Assert.False(await SignsIn(first72 + "b"));
        Assert.False(await SignsIn(first72));
        Assert.True(await SignsIn(first72 + "a"));
    }

    [Theory]
    [InlineData(NormalizationForm.FormC, NormalizationForm.FormD)]
    [InlineData(NormalizationForm.FormD, NormalizationForm.FormC)]
    public async Task Composed_and_decomposed_emails_are_one_password(NormalizationForm set, NormalizationForm typed)
    {
        const string password = "caf\u00e9 cr\u00e8me \u00c5ngstr\u00f6m";
        await Auth.RegisterAsync(Jane, password.Normalize(set));
        Assert.True(await SignsIn(password.Normalize(typed)));
        Assert.False(await SignsIn("cafe creme Angstrom"));
    }

    [Fact]
    public async Task Compatible_emails_are_not_one_password()
    {
        await Auth.RegisterAsync(Jane, "o\ufb03ce o\ufb03ce"); // a ligature
        Assert.False(await SignsIn("office office"));
    }

    [Fact]
    public async Task A_text_that_is_not_unicode_is_no_fault_of_ours()
    {
        await Auth.RegisterAsync(Jane);
        Assert.False(await SignsIn("\ud800\ud800\ud800\ud800 \udfff"));
    }

    [Fact]
    public async Task A_hash_with_older_parameters_is_renewed_at_sign_in()
    {
        var user = await Auth.RegisterAsync(Jane);
        var older = new NfcPasswordHasher(
            Microsoft.Extensions.Options.Options.Create(new PasswordHasherOptions { IterationCount = 5 })
        ).HashPassword(user, AuthFixture.Password);
        await Auth.ChangeUserAsync(user.Id, row => row.PasswordHash = older);
        Assert.False(await SignsIn("not the password"));
        Assert.Equal(older, (await Auth.UserAsync(Jane)).PasswordHash);

        var session = await Auth.SignInAsync(Jane);
        var renewed = await Auth.UserAsync(Jane);
        Assert.NotEqual(older, renewed.PasswordHash);
        Assert.Null(await Auth.DeathOfAsync(session));
        var hashed = Auth.Hashes.Hashed;
        Assert.True(await SignsIn(AuthFixture.Password));
        Assert.Equal(hashed, Auth.Hashes.Hashed);
    }

    [Fact]
    public void The_products_own_cost_is_above_what_is_asked_for() =>
        Assert.True(BlazorAuthServices.HashIterations >= 210_000);

    [Fact]
    public async Task The_same_password_is_never_stored_the_same()
    {
        await Auth.RegisterAsync(Jane);
        await Auth.RegisterAsync("john@example.net");
        Assert.NotEqual(
            (await Auth.UserAsync(Jane)).PasswordHash,
            (await Auth.UserAsync("john@example.net")).PasswordHash
        );
    }

    [Fact]
    public async Task A_minimum_that_was_raised_counts_for_new_passwords_only()
    {
        await Auth.RegisterAsync(Jane, "twelve chars");
        await Auth.RestartAsync(("Passwords:MinimumLength", "15"));
        Assert.True(await SignsIn("twelve chars"));
        Assert.Equal(FieldErrorCode.TooShort, await Judge("fourteen chars"));
        Assert.Null(await Judge("fifteen chars..."));
    }
}
