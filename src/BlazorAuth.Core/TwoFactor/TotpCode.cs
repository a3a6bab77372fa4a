using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using BlazorAuth.Core.Tokens;

namespace BlazorAuth.Core.TwoFactor;

/// <summary>
/// The codes of authenticator apps (RFC 6238): six digits, HMAC-SHA-1, steps of 30 seconds, which is what every app
/// makes. A code of one step before or after is taken too: phones' clocks drift. The stock takes two, which NIST and
/// ASVS 6.5.5 forbid.
/// </summary>
internal static class TotpCode
{
    /// <summary>160 bits, as RFC 4226 §4 recommends.</summary>
    public const int SecretLength = 20;

    private const int Step = 30,
        Drift = 1,
        Digits = 6;

    /// <summary>
    /// A secret as apps and people read it (RFC 4648 §6). Its length is a multiple of five bytes, so that nothing is
    /// padded.
    /// </summary>
    public static string Base32(byte[] secret)
    {
        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        var bits = new BigInteger(secret, isUnsigned: true, isBigEndian: true);
        return string.Create(
            secret.Length * 8 / 5,
            bits,
            (text, left) =>
            {
                for (var i = text.Length - 1; i >= 0; i--, left >>= 5)
                    text[i] = Alphabet[(int)(left & 31)];
            }
        );
    }

    /// <summary>The time steps whose code this is, the oldest first; none where it is wrong.</summary>
    public static IEnumerable<long> StepsOf(byte[] secret, string code, DateTimeOffset now)
    {
        var typed = Encoding.ASCII.GetBytes(Normal(code));
        var current = StepOf(now);
        for (var step = current - Drift; step <= current + Drift; step++)
            if (CryptographicOperations.FixedTimeEquals(typed, Encoding.ASCII.GetBytes(At(secret, step))))
                yield return step;
    }

    /// <summary>The code of the step an instant is in.</summary>
    public static string At(byte[] secret, DateTimeOffset now) => At(secret, StepOf(now));

    /// <summary>The step an instant is in.</summary>
    public static long StepOf(DateTimeOffset now) => now.ToUnixTimeSeconds() / Step;

    [SuppressMessage(
        "Security",
        "CA5350",
        Justification = "RFC 6238: apps know no other; HMAC does not need collision resistance."
    )]
    private static string At(byte[] secret, long step)
    {
        Span<byte> counter = stackalloc byte[sizeof(long)],
            mac = stackalloc byte[HMACSHA1.HashSizeInBytes];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
        HMACSHA1.HashData(secret, counter, mac);
        var number = BinaryPrimitives.ReadInt32BigEndian(mac[(mac[^1] & 0xf)..]) & int.MaxValue;
        return (number % 1_000_000).ToString("D6", CultureInfo.InvariantCulture);
    }

    /// <summary>The digits of what was typed or pasted, in whichever alphabet; empty where there are not six.</summary>
    public static string Normal(string code)
    {
        var digits = TokenCodec.DigitsIn(code);
        return digits.Length == Digits ? digits : "";
    }
}
