using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using BlazorAuth.Core.Options;

namespace BlazorAuth.Core.Keys;

/// <summary>
/// The one secret that is not in the database: 32 bytes in a file of mode 0600. It wraps every stored key, so that a
/// stolen database signs nothing and opens nothing.
/// </summary>
public sealed class MasterKey
{
    private const int NonceLength = 12,
        TagLength = 16,
        KeyLength = 32;
    private readonly byte[] _key;

    private MasterKey(byte[] key) => _key = key;

    /// <summary>Reads the file, or makes it where the store is new.</summary>
    /// <param name="path">The file.</param>
    /// <param name="storeHasKeys">
    /// Whether keys wrapped by an earlier master key exist: a new one could open none of them.
    /// </param>
    /// <exception cref="ConfigurationException">
    /// The file is missing though the store has keys, or is not 32 bytes of base64.
    /// </exception>
    public static MasterKey Open(string path, bool storeHasKeys)
    {
        if (!File.Exists(path))
        {
            if (storeHasKeys)
                throw new ConfigurationException(
                    $"BlazorAuth:Keys:MasterKeyFile: {path} is missing, and the store's keys open only with it. "
                        + "Restore the file from your backup; without it every session and link is void, and deleting all rows of the table Keys starts anew."
                );
            Make(path);
        }

        var bytes = new byte[KeyLength];
        if (!Convert.TryFromBase64String(File.ReadAllText(path).Trim(), bytes, out var read) || read != KeyLength)
            throw new ConfigurationException(
                $"BlazorAuth:Keys:MasterKeyFile: {path} is not a master key (32 bytes in base64)."
            );
        return new MasterKey(bytes);
    }

    /// <summary>Encrypts with AES-256-GCM under a key of its own, bound to <paramref name="name"/>.</summary>
    public byte[] Wrap(string name, ReadOnlySpan<byte> plain)
    {
        var wrapped = new byte[NonceLength + TagLength + plain.Length];
        var nonce = wrapped.AsSpan(0, NonceLength);
        var tag = wrapped.AsSpan(NonceLength, TagLength);
        RandomNumberGenerator.Fill(nonce);
        using var aes = Cipher(name);
        aes.Encrypt(nonce, plain, wrapped.AsSpan(NonceLength + TagLength), tag, Encoding.UTF8.GetBytes(name));
        return wrapped;
    }

    /// <summary>The reverse of <see cref="Wrap"/>.</summary>
    /// <exception cref="ConfigurationException">Wrapped by another master key, or changed since.</exception>
    public byte[] Unwrap(string name, ReadOnlySpan<byte> wrapped)
    {
        var plain = new byte[wrapped.Length - NonceLength - TagLength];
        using var aes = Cipher(name);
        try
        {
            aes.Decrypt(
                wrapped[..NonceLength],
                wrapped[(NonceLength + TagLength)..],
                wrapped.Slice(NonceLength, TagLength),
                plain,
                Encoding.UTF8.GetBytes(name)
            );
        }
        catch (AuthenticationTagMismatchException)
        {
            throw new ConfigurationException(
                $"BlazorAuth:Keys:MasterKeyFile: the stored key {name} does not open with this master key. Restore the file that belongs to this store."
            );
        }
        return plain;
    }

    private AesGcm Cipher(string name) =>
        new(
            HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, KeyLength, info: Encoding.UTF8.GetBytes("wrap:" + name)),
            TagLength
        );

    // Written whole under another name first: a kill in between leaves no half key, and of two processes one wins.
    private static void Make(string path)
    {
        var draft = $"{path}.{Guid.NewGuid():N}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var file = new FileStream(draft, options))
        {
            file.Write(
                Encoding.ASCII.GetBytes(Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyLength)) + "\n")
            );
            file.Flush(flushToDisk: true);
        }
        try
        {
            // File.Move looks first and renames then; a hard link is made by one of any number of processes.
            if (OperatingSystem.IsWindows() || (Link(draft, path) != 0 && !File.Exists(path)))
                File.Move(draft, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            // Another process made it first.
        }
        File.Delete(draft);
    }

    [DllImport("libc", EntryPoint = "link", CharSet = CharSet.Ansi, BestFitMapping = false)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Link(string existing, string made);
}
