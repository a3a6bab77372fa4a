using System.Buffers.Binary;
using System.Buffers.Text;
using System.Formats.Cbor;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Core;
using BlazorAuth.Core.Passkeys;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Web;

namespace BlazorAuth.UnitTests.Support;

/// <summary>
/// A browser with an authenticator in software: one ES256 key, attestation 'none' (WebAuthn §6). What a test changes is
/// wrong on purpose.
/// </summary>
internal sealed class SoftAuthenticator(
    string origin = AuthFixture.Site,
    string aaguid = "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"
) : IDisposable
{
    private const byte Present = 0x01,
        Verified = 0x04,
        Eligible = 0x08,
        Backed = 0x10,
        Attested = 0x40;

    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private string userHandle = "";

    public byte[] CredentialId { get; set; } = RandomNumberGenerator.GetBytes(32);

    public string Id => Base64Url.EncodeToString(CredentialId);

    /// <summary>The next signature's counter; zero for the many that do not count.</summary>
    public uint Counter { get; set; }

    public string Origin { get; set; } = origin;

    public string? TopOrigin { get; set; }

    public string RelyingParty { get; set; } = new Uri(origin).Host;

    public bool UserVerified { get; set; } = true;

    public bool Synced { get; set; }

    /// <summary>What <c>navigator.credentials.create</c> would answer.</summary>
    public string Create(string options)
    {
        var asked = JsonNode.Parse(options)!;
        userHandle = (string)asked["user"]!["id"]!;
        return Answer(
            new JsonObject
            {
                ["clientDataJSON"] = Base64Url.EncodeToString(
                    ClientData("webauthn.create", (string)asked["challenge"]!)
                ),
                ["attestationObject"] = Base64Url.EncodeToString(AttestationObject()),
                ["transports"] = new JsonArray("internal"),
            }
        );
    }

    /// <inheritdoc cref="Create(string)"/>
    public string Create(Ceremony ceremony) => Create(ceremony.Options);

    /// <summary>What <c>navigator.credentials.get</c> would answer.</summary>
    public string Get(string options)
    {
        var client = ClientData("webauthn.get", (string)JsonNode.Parse(options)!["challenge"]!);
        var data = AuthenticatorData(0);
        var signature = key.SignData(
            [.. data, .. SHA256.HashData(client)],
            HashAlgorithmName.SHA256,
            DSASignatureFormat.Rfc3279DerSequence
        );
        return Answer(
            new JsonObject
            {
                ["clientDataJSON"] = Base64Url.EncodeToString(client),
                ["authenticatorData"] = Base64Url.EncodeToString(data),
                ["signature"] = Base64Url.EncodeToString(signature),
                ["userHandle"] = userHandle,
            }
        );
    }

    /// <inheritdoc cref="Get(string)"/>
    public string Get(Ceremony ceremony) => Get(ceremony.Options);

    /// <summary>An answer of <see cref="Get(string)"/> whose signature is not of it.</summary>
    public static string Forged(string credential)
    {
        var json = JsonNode.Parse(credential)!;
        var signature = Base64Url.DecodeFromChars((string)json["response"]!["signature"]!);
        signature[^1] ^= 1;
        json["response"]!["signature"] = Base64Url.EncodeToString(signature);
        return json.ToJsonString();
    }

    public void Dispose() => key.Dispose();

    private string Answer(JsonObject response) =>
        new JsonObject
        {
            ["id"] = Id,
            ["rawId"] = Id,
            ["type"] = "public-key",
            ["authenticatorAttachment"] = "platform",
            ["clientExtensionResults"] = new JsonObject(),
            ["response"] = response,
        }.ToJsonString();

    private byte[] ClientData(string type, string challenge)
    {
        var data = new JsonObject
        {
            ["type"] = type,
            ["challenge"] = challenge,
            ["origin"] = Origin,
            ["crossOrigin"] = TopOrigin is not null,
        };
        if (TopOrigin is not null)
            data["topOrigin"] = TopOrigin;
        return JsonSerializer.SerializeToUtf8Bytes(data);
    }

    private byte[] AuthenticatorData(byte more)
    {
        var flags = (byte)(Present | more | (UserVerified ? Verified : 0) | (Synced ? Eligible | Backed : 0));
        var counter = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(counter, Counter);
        return [.. SHA256.HashData(Encoding.UTF8.GetBytes(RelyingParty)), flags, .. counter];
    }

    private byte[] AttestationObject()
    {
        var length = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)CredentialId.Length);
        byte[] data =
        [
            .. AuthenticatorData(Attested),
            .. new Guid(aaguid).ToByteArray(bigEndian: true),
            .. length,
            .. CredentialId,
            .. CoseKey(),
        ];
        var writer = new CborWriter(CborConformanceMode.Ctap2Canonical);
        writer.WriteStartMap(3);
        writer.WriteTextString("fmt");
        writer.WriteTextString("none");
        writer.WriteTextString("attStmt");
        writer.WriteStartMap(0);
        writer.WriteEndMap();
        writer.WriteTextString("authData");
        writer.WriteByteString(data);
        writer.WriteEndMap();
        return writer.Encode();
    }

    // RFC 9053 §7.1.1: kty 2 (EC2), alg -7 (ES256), crv 1 (P-256), x, y.
    private byte[] CoseKey()
    {
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        var writer = new CborWriter(CborConformanceMode.Ctap2Canonical);
        writer.WriteStartMap(5);
        foreach (var (label, value) in new[] { (1, 2), (3, -7), (-1, 1) })
        {
            writer.WriteInt32(label);
            writer.WriteInt32(value);
        }
        writer.WriteInt32(-2);
        writer.WriteByteString(point.X!);
        writer.WriteInt32(-3);
        writer.WriteByteString(point.Y!);
        writer.WriteEndMap();
        return writer.Encode();
    }
}

internal static class PasskeysOfTests
{
    /// <summary>Gives an account the passkey of an authenticator, through the flow.</summary>
    public static async Task<BlazorAuth.Core.Passkeys.ManagePasskeys.Passkey> PasskeyAsync(
        this AuthFixture auth,
        Core.Sessions.Session session,
        SoftAuthenticator device,
        string? name = null
    )
    {
        var begun = await auth.Use(
            (BlazorAuth.Core.Passkeys.ManagePasskeys flow) => flow.BeginAsync(auth.ProvenIn(session), default)
        );
        Assert.Null(begun.Failure);
        var added = await auth.Use(
            (BlazorAuth.Core.Passkeys.ManagePasskeys flow) =>
                flow.AddAsync(
                    auth.ProvenIn(session),
                    new(begun.Value!.Ticket, device.Create(begun.Value), name),
                    default
                )
        );
        Assert.Null(added.Failure);
        return added.Value!;
    }

    /// <summary>Begins a sign-in by passkey.</summary>
    public static async Task<Ceremony> CeremonyAsync(this AuthFixture auth) =>
        (
            await auth.Use((BlazorAuth.Core.Passkeys.SignInWithPasskey flow) => flow.BeginAsync(auth.Caller, default))
        ).Value!;
}
