using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Tokens;

public sealed class TokenCodecTests : AuthTest
{
    private Task<T> With<T>(Func<TokenCodec, T> act) => Auth.Use((TokenCodec secret) => Task.FromResult(act(secret)));

    [Theory]
    [InlineData(16, 22)]
    [InlineData(32, 43)]
    public void Random_text_is_base64url_of_that_many_bytes(int bytes, int length)
    {
        var made = Enumerable.Range(0, 1000).Select(_ => TokenCodec.Random(bytes)).ToHashSet();
        Assert.Equal(1000, made.Count);
        Assert.All(made, text => Assert.Matches($"^[A-Za-z0-9_-]{{{length}}}$", text));
    }

    [Fact]
    public void Codes_are_six_digits_and_begin_with_any()
    {
        var codes = Enumerable.Range(0, 2000).Select(_ => TokenCodec.SixDigits()).ToList();
        Assert.All(codes, code => Assert.Matches("^[0-9]{6}$", code));
        Assert.Equal(10, codes.Select(code => code[0]).Distinct().Count());
        Assert.True(codes.Distinct().Count() > 1950);
    }

    [Fact]
    public async Task A_hash_depends_on_purpose_secret_and_key()
    {
        var hash = await With(s => s.Hash("link:ResetPassword", "x"));
        Assert.Equal(hash, await With(s => s.Hash("link:ResetPassword", "x")));
        Assert.NotEqual(hash, await With(s => s.Hash("link:VerifyEmail", "x")));
        Assert.NotEqual(hash, await With(s => s.Hash("link:ResetPassword", "y")));
        await using var elsewhere = await AuthFixture.StartAsync();
        Assert.NotEqual(
            hash,
            await elsewhere.Use((TokenCodec s) => Task.FromResult(s.Hash("link:ResetPassword", "x")))
        );
    }

    [Fact]
    public async Task A_refresh_token_is_computed_again_and_read_back()
    {
        var session = TokenCodec.Random(16);
        var token = await With(s => s.RefreshToken(session, 7));
        Assert.Equal(token, await With(s => s.RefreshToken(session, 7)));
        Assert.Equal(
            (true, session, 7),
            await With(s => (s.TryReadRefreshToken(token, out var id, out var generation), id, generation))
        );
    }

    [Fact]
    public async Task Generations_sessions_and_stores_have_different_tokens()
    {
        var session = TokenCodec.Random(16);
        var token = await With(s => s.RefreshToken(session, 1));
        Assert.NotEqual(token, await With(s => s.RefreshToken(session, 2)));
        Assert.NotEqual(token, await With(s => s.RefreshToken(TokenCodec.Random(16), 1)));
        await using var elsewhere = await AuthFixture.StartAsync();
        Assert.False(
            await elsewhere.Use((TokenCodec s) => Task.FromResult(s.TryReadRefreshToken(token, out _, out _)))
        );
    }

    [Fact]
    public async Task A_verifier_of_another_generation_does_not_fit()
    {
        var session = TokenCodec.Random(16);
        var (first, second) = (
            await With(s => s.RefreshToken(session, 1)),
            await With(s => s.RefreshToken(session, 2))
        );
        var mixed = second.Split('.')[0] + "." + first.Split('.')[1];
        Assert.False(await With(s => s.TryReadRefreshToken(mixed, out _, out _)));
    }

    [Fact]
    public async Task Another_spelling_of_the_same_bytes_is_not_ours()
    {
        const string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        var token = await With(s => s.RefreshToken(TokenCodec.Random(16), 1));
        foreach (var at in new[] { token.IndexOf('.') - 1, token.Length - 1 })
        foreach (var other in alphabet.Where(c => c != token[at]))
            Assert.False(await With(s => s.TryReadRefreshToken(token[..at] + other + token[(at + 1)..], out _, out _)));
        foreach (
            var other in new[]
            {
                token + "=",
                " " + token,
                token + "\n",
                token.Replace('.', ':'),
                token.Replace(".", ".."),
            }
        )
            Assert.False(await With(s => s.TryReadRefreshToken(other, out _, out _)));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ.ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ")]
    public async Task Nonsense_is_no_token(string? token) =>
        Assert.False(await With(s => s.TryReadRefreshToken(token, out _, out _)));
}
