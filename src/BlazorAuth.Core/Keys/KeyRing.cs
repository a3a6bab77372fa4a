using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Keys;

/// <summary>
/// The stored keys, unwrapped: the secret that keys MACs, and the data-protection ring. Opened once at start, before
/// anything is served.
/// </summary>
public sealed class KeyRing(IServiceScopeFactory scopes, IOptions<AuthOptions> options, TimeProvider time)
    : IXmlRepository
{
    private const string MacKeyId = "mac-1";
    private MasterKey? _master;
    private byte[]? _mac;
    private readonly ConcurrentDictionary<string, byte[]> _macKeys = new();

    internal MasterKey Master => _master ?? throw new InvalidOperationException("The key ring is opened at start.");

    /// <summary>Opens the master key and the MAC secret; makes both in a new store.</summary>
    /// <exception cref="ConfigurationException">The master key is missing or is another store's.</exception>
    public async Task OpenAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<AuthDbContext>();
        _master = MasterKey.Open(options.Value.MasterKeyPath, await db.Keys.AnyAsync(ct));
        var stored =
            await db.Keys.AsNoTracking().SingleOrDefaultAsync(k => k.Id == MacKeyId, ct)
            ?? await AddAsync(
                db,
                MacKeyId,
                KeyPurpose.Mac,
                MacKeyId,
                RandomNumberGenerator.GetBytes(32),
                time.GetUtcNow(),
                ct
            );
        _mac = Master.Unwrap(stored.Id, stored.Wrapped);
    }

    /// <summary>
    /// HMAC-SHA-256 under a key of its own for each <paramref name="purpose"/>. Not computable from the database.
    /// </summary>
    public byte[] Mac(string purpose, ReadOnlySpan<byte> data)
    {
        var root = _mac ?? throw new InvalidOperationException("The key ring is opened at start.");
        var key = _macKeys.GetOrAdd(
            purpose,
            p => HKDF.DeriveKey(HashAlgorithmName.SHA256, root, 32, info: Encoding.UTF8.GetBytes(p))
        );
        return HMACSHA256.HashData(key, data);
    }

    /// <summary>
    /// Stores a key, wrapped. Where another process stored the same id first, its key is the one returned.
    /// </summary>
    internal async Task<StoredKey> AddAsync(
        AuthDbContext db,
        string id,
        KeyPurpose purpose,
        string keyId,
        byte[] plain,
        DateTimeOffset activeFrom,
        CancellationToken ct
    )
    {
        var row = new StoredKey
        {
            Id = id,
            Purpose = purpose,
            KeyId = keyId,
            CreatedAt = time.GetUtcNow(),
            ActiveFrom = activeFrom,
            Wrapped = Master.Wrap(id, plain),
        };
        db.Keys.Add(row);
        try
        {
            await db.SaveChangesAsync(ct);
            return row;
        }
        catch (DbUpdateException)
        {
            db.Entry(row).State = EntityState.Detached;
            return await db.Keys.AsNoTracking().SingleAsync(k => k.Id == id, ct);
        }
    }

    IReadOnlyCollection<XElement> IXmlRepository.GetAllElements()
    {
        using var scope = scopes.CreateScope();
        return
        [
            .. scope
                .ServiceProvider.GetRequiredService<AuthDbContext>()
                .Keys.AsNoTracking()
                .Where(k => k.Purpose == KeyPurpose.DataProtection)
                .OrderBy(k => k.Id)
                .AsEnumerable()
                .Select(k => XElement.Parse(Encoding.UTF8.GetString(Master.Unwrap(k.Id, k.Wrapped)))),
        ];
    }

    void IXmlRepository.StoreElement(XElement element, string friendlyName)
    {
        using var scope = scopes.CreateScope();
        var db = scope.ServiceProvider.GetRequiredService<AuthDbContext>();
        var id = "data-protection-" + Guid.CreateVersion7();
        var now = time.GetUtcNow();
        db.Keys.Add(
            new StoredKey
            {
                Id = id,
                Purpose = KeyPurpose.DataProtection,
                KeyId = id,
                CreatedAt = now,
                ActiveFrom = now,
                Wrapped = Master.Wrap(id, Encoding.UTF8.GetBytes(element.ToString(SaveOptions.DisableFormatting))),
            }
        );
        db.SaveChanges();
    }
}
