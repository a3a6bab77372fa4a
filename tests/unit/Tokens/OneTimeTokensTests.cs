using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Tokens;

public sealed class OneTimeTokensTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private Task<OneTimeTokens.Minted> Mint(
        TokenPurpose purpose,
        string user = "u1",
        string destination = Jane,
        bool withCode = true
    ) =>
        Auth.Use(
            async (IServiceProvider services) =>
            {
                var tokens = (OneTimeTokens)services.GetService(typeof(OneTimeTokens))!;
                var minted = await tokens.MintAsync(purpose, user, destination, withCode, sessionId: null, default);
                await ((AuthDbContext)services.GetService(typeof(AuthDbContext))!).SaveChangesAsync();
                return minted;
            }
        );

    private Task<Result<OneTimeToken>> Find(TokenPurpose purpose, string? link) =>
        Auth.Use((OneTimeTokens t) => t.FindAsync(Auth.Caller, purpose, link, default));

    private Task<OneTimeToken?> FindByCode(string code, string destination = Jane) =>
        Auth.Use((OneTimeTokens t) => t.FindByCodeAsync(TokenPurpose.VerifyEmail, destination, code, default));

    public static readonly TheoryData<TokenPurpose> Purposes = new(Enum.GetValues<TokenPurpose>());

    [Theory]
    [MemberData(nameof(Purposes))]
    public async Task A_link_opens_its_purpose_and_no_other(TokenPurpose purpose)
    {
        var minted = await Mint(purpose);
        foreach (var asked in Enum.GetValues<TokenPurpose>())
            Assert.Equal(
                asked == purpose ? null : AuthError.LinkInvalid,
                (await Find(asked, minted.Link)).Failure?.Error
            );
    }

    [Theory]
    [MemberData(nameof(Purposes))]
    public async Task A_link_opens_nothing_from_its_end_on(TokenPurpose purpose)
    {
        var minted = await Mint(purpose);
        var token = (await Find(purpose, minted.Link)).Value!;
        Auth.Clock.Move(OneTimeTokens.Lifetime(purpose));
        Assert.Equal(AuthError.LinkExpired, (await Find(purpose, minted.Link)).Failure?.Error);
        Assert.False(await Auth.Use((OneTimeTokens t) => t.SpendAsync(token, default)));
    }

    [Fact]
    public void Links_that_take_an_account_over_live_an_hour_at_most()
    {
        Assert.True(OneTimeTokens.Lifetime(TokenPurpose.ResetPassword) <= TimeSpan.FromHours(1));
        Assert.True(OneTimeTokens.Lifetime(TokenPurpose.ChangeEmail) <= TimeSpan.FromHours(1));
        // 'This wasn't me' sets no password and signs nobody in.
        Assert.All(
            Enum.GetValues<TokenPurpose>().Except([TokenPurpose.Undo]),
            purpose => Assert.True(OneTimeTokens.Lifetime(purpose) <= TimeSpan.FromHours(24))
        );
    }

    [Fact]
    public async Task A_new_one_replaces_the_older_of_its_purpose_and_account_only()
    {
        var older = await Mint(TokenPurpose.ResetPassword);
        var verify = await Mint(TokenPurpose.VerifyEmail);
        var johns = await Mint(TokenPurpose.ResetPassword, "u2", "john@example.net");
        await Mint(TokenPurpose.ResetPassword);
        Assert.Equal(AuthError.LinkExpired, (await Find(TokenPurpose.ResetPassword, older.Link)).Failure?.Error);
        Assert.Null((await Find(TokenPurpose.VerifyEmail, verify.Link)).Failure);
        Assert.Null((await Find(TokenPurpose.ResetPassword, johns.Link)).Failure);
    }

    [Fact]
    public async Task It_is_spent_once()
    {
        var token = (await Find(TokenPurpose.ResetPassword, (await Mint(TokenPurpose.ResetPassword)).Link)).Value!;
        Assert.True(await Auth.Use((OneTimeTokens t) => t.SpendAsync(token, default)));
        Assert.False(await Auth.Use((OneTimeTokens t) => t.SpendAsync(token, default)));
    }

    [Fact]
    public async Task A_killed_one_is_not_spent()
    {
        var token = (await Find(TokenPurpose.ResetPassword, (await Mint(TokenPurpose.ResetPassword)).Link)).Value!;
        await Auth.Use((OneTimeTokens t) => t.KillAsync("u1", default));
        Assert.False(await Auth.Use((OneTimeTokens t) => t.SpendAsync(token, default)));
    }

    [Fact]
    public async Task Killing_takes_the_purposes_named_or_all()
    {
        var (reset, verify) = (await Mint(TokenPurpose.ResetPassword), await Mint(TokenPurpose.VerifyEmail));
        await Auth.Use((OneTimeTokens t) => t.KillAsync("u1", default, TokenPurpose.ResetPassword));
        Assert.NotNull((await Find(TokenPurpose.ResetPassword, reset.Link)).Failure);
        Assert.Null((await Find(TokenPurpose.VerifyEmail, verify.Link)).Failure);
        await Auth.Use((OneTimeTokens t) => t.KillAsync("u1", default));
        Assert.NotNull((await Find(TokenPurpose.VerifyEmail, verify.Link)).Failure);
    }

    [Theory]
    [InlineData("{0}")]
    [InlineData("  {0}  ")]
    [InlineData("code: {0}.")]
    public async Task A_code_is_found_however_it_was_pasted(string pasted)
    {
        await Auth.RegisterAsync(Jane); // codes are counted for the account
        var minted = await Mint(TokenPurpose.VerifyEmail);
        Assert.NotNull(await FindByCode(string.Format(pasted, minted.Code)));
    }

    [Fact]
    public async Task A_code_with_a_gap_or_in_other_digits_is_found()
    {
        await Auth.RegisterAsync(Jane); // codes are counted for the account
        var code = (await Mint(TokenPurpose.VerifyEmail)).Code!;
        Assert.NotNull(await FindByCode($"{code[..3]}-{code[3..]}"));
        Assert.NotNull(await FindByCode(string.Concat(code.Select(c => (char)(c - '0' + '\u0660')))));
    }

    [Fact]
    public async Task A_code_is_worth_nothing_after_five_tries_or_elsewhere()
    {
        await Auth.RegisterAsync(Jane); // codes are counted for the account
        var code = (await Mint(TokenPurpose.VerifyEmail)).Code!;
        Assert.Null(await FindByCode(code, "john@example.net"));
        for (var i = 0; i < OneTimeTokens.MaximumAttempts; i++)
            Assert.Null(await FindByCode("x"));
        Assert.Null(await FindByCode(code));
    }

    [Fact]
    public async Task An_email_without_a_code_has_none_to_guess()
    {
        Assert.Null((await Mint(TokenPurpose.VerifyEmail, withCode: false)).Code);
        Assert.Null(await FindByCode(""));
    }
}
