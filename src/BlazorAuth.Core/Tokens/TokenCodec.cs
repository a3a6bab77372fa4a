using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using BlazorAuth.Core.Keys;

namespace BlazorAuth.Core.Tokens;

/// <summary>Makes secrets and the keyed hashes they are stored as.</summary>
public sealed class TokenCodec(KeyRing ring)
{
    /// <summary>Random bytes in base64url. 16 are an id, 32 a secret (ASVS 7.2.3, 11.5.1).</summary>
    public static string Random(int bytes) => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(bytes));

    /// <summary>Six decimal digits, all values equally likely.</summary>
    public static string SixDigits() =>
        RandomNumberGenerator.GetInt32(1_000_000).ToString("D6", CultureInfo.InvariantCulture);

    /// <summary>
    /// The digits of a code as people paste it ('123 456') and type it ('123-456'), in whichever alphabet.
    /// </summary>
    internal static string DigitsIn(string code) =>
        string.Concat(code.EnumerateRunes().Where(Rune.IsDigit).Select(r => (int)Rune.GetNumericValue(r)));

    /// <summary>
    /// What a secret is stored as. Keyed, because six digits under a bare hash fall to a loop; a stolen database has no
    /// key.
    /// </summary>
    public byte[] Hash(string purpose, string secret) => ring.Mac(purpose, Encoding.UTF8.GetBytes(secret));

    /// <summary>
    /// The refresh token of one generation of a session: <c>selector.verifier</c>, where the selector is session id and
    /// generation and the verifier their MAC. Nothing of it is stored, and a successor can be computed again (ADR
    /// 0004).
    /// </summary>
    public string RefreshToken(string sessionId, int generation)
    {
        var selector = Selector(sessionId, generation);
        return $"{Base64Url.EncodeToString(selector)}.{Base64Url.EncodeToString(ring.Mac("refresh", selector))}";
    }

    /// <summary>Takes a refresh token apart; false unless we made it, whatever was done to its text.</summary>
    public bool TryReadRefreshToken(string? token, out string sessionId, out int generation)
    {
        (sessionId, generation) = ("", 0);
        if (token is not { Length: RefreshTokenLength } || token[SelectorLength] != '.')
            return false;
        var selector = new byte[SessionIdBytes + sizeof(int)];
        var verifier = new byte[32];
        if (
            !TryDecode(token.AsSpan(0, SelectorLength), selector)
            || !TryDecode(token.AsSpan(SelectorLength + 1), verifier)
        )
            return false;
        if (!CryptographicOperations.FixedTimeEquals(verifier, ring.Mac("refresh", selector)))
            return false;
        sessionId = Base64Url.EncodeToString(selector.AsSpan(0, SessionIdBytes));
        generation = BinaryPrimitives.ReadInt32BigEndian(selector.AsSpan(SessionIdBytes));
        return true;
    }

    /// <summary>What every API key begins with, so that scanners of leaked secrets know one when they see it.</summary>
    public const string ApiKeyPrefix = "blazorauth_";

    /// <summary>The API key of a session of its kind: prefix, id, and their MAC. Nothing of it is stored.</summary>
    public string ApiKey(string sessionId) =>
        $"{ApiKeyPrefix}{sessionId}_{Base64Url.EncodeToString(ring.Mac("api-key", Encoding.UTF8.GetBytes(sessionId)))}";

    /// <summary>Takes an API key apart; false unless we made it.</summary>
    public bool TryReadApiKey(string? key, out string sessionId)
    {
        sessionId = "";
        if (
            key is null
            || key.Length != ApiKeyPrefix.Length + 22 + 1 + 43
            || !key.StartsWith(ApiKeyPrefix, StringComparison.Ordinal)
        )
            return false;
        var id = key.Substring(ApiKeyPrefix.Length, 22);
        if (
            !IsSessionId(id)
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(ApiKey(id)))
        )
            return false;
        sessionId = id;
        return true;
    }

    /// <summary>Whether the text can be the id of a session.</summary>
    internal static bool IsSessionId(string text) => TryDecode(text, new byte[SessionIdBytes]);

    private const int SessionIdBytes = 16,
        SelectorLength = 27,
        RefreshTokenLength = SelectorLength + 1 + 43;

    private static byte[] Selector(string sessionId, int generation)
    {
        var selector = new byte[SessionIdBytes + sizeof(int)];
        Base64Url.DecodeFromChars(sessionId, selector.AsSpan(0, SessionIdBytes));
        BinaryPrimitives.WriteInt32BigEndian(selector.AsSpan(SessionIdBytes), generation);
        return selector;
    }

    /// <summary>
    /// Decodes base64url of exactly that many bytes. It has several spellings of the same bytes; only the one we write
    /// is ours, or a changed character would pass.
    /// </summary>
    internal static bool TryDecode(ReadOnlySpan<char> text, byte[] bytes) =>
        // The overload that begins with Try throws where a character is not of the alphabet.
        Base64Url.DecodeFromChars(text, bytes, out _, out var written) == OperationStatus.Done
        && written == bytes.Length
        && text.SequenceEqual(Base64Url.EncodeToString(bytes));
}
