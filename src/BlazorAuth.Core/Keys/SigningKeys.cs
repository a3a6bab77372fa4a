using System.Security.Cryptography;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Tokens;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace BlazorAuth.Core.Keys;

/// <summary>
/// The P-256 keys that sign access tokens. A successor is published a day before it signs, so that no resource API
/// meets a key it has not seen, and a retired key is published until the last token it signed has expired (RFC 7517,
/// ASVS 13.1.4).
/// </summary>
public sealed class SigningKeys(
    IServiceScopeFactory scopes,
    KeyRing ring,
    IOptions<AuthOptions> options,
    TimeProvider time
)
{
    private static readonly TimeSpan PublishedAhead = TimeSpan.FromDays(1);
    private static readonly TimeSpan Reread = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The shortest time between a key's publication and its first signature: two looks at the store.
    /// </summary>
    public static readonly TimeSpan ShortestNotice = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _loading = new(1);
    private Ring _current = new([], DateTimeOffset.MinValue);

    /// <summary>A key and when it begins to sign.</summary>
    public sealed record SigningKey(ECDsaSecurityKey Key, DateTimeOffset ActiveFrom, int Ordinal);

    private sealed record Ring(IReadOnlyList<SigningKey> Keys, DateTimeOffset ReadAt);

    /// <summary>Every key that a valid token may be signed with, newest last; from memory.</summary>
    public IReadOnlyList<SigningKey> Published => _current.Keys;

    /// <summary>The key that signs now.</summary>
    public async ValueTask<SigningKey> CurrentAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        if (now - _current.ReadAt >= Reread || _current.ReadAt > now)
            await ReadAsync(ct);
        // A clock behind the one that made the first key signs with it all the same: there is no other.
        return _current.Keys.LastOrDefault(k => k.ActiveFrom <= now) ?? _current.Keys[0];
    }

    /// <summary>Reads the keys again, and makes what is missing: the first key, or a due successor.</summary>
    public async Task ReadAsync(CancellationToken ct)
    {
        await _loading.WaitAsync(ct);
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var db = scope.ServiceProvider.GetRequiredService<AuthDbContext>();
            var keys = await LoadAsync(db, ct);
            var now = time.GetUtcNow();
            if (keys.Count == 0)
                keys = [await MakeAsync(db, 1, now, ct)];
            else if (
                now - keys[^1].ActiveFrom >= options.Value.Keys.RotateEvery - PublishedAhead
                && now >= keys[^1].ActiveFrom
            )
                keys = [.. keys, await MakeAsync(db, keys[^1].Ordinal + 1, now + PublishedAhead, ct)];

            // A key's last token expires one lifetime after its successor began.
            var graveyard = now - LongestToken - AccessTokens.ClockSkew;
            _current = new([.. keys.Where((_, i) => i == keys.Count - 1 || keys[i + 1].ActiveFrom > graveyard)], now);
        }
        finally
        {
            _loading.Release();
        }
    }

    /// <summary>
    /// Makes a successor, published now and signing after <paramref name="signsIn"/>. Where one waits already that
    /// begins no later, that one is it: two processes that rotate together make one key.
    /// </summary>
    /// <param name="signsIn">
    /// At least <see cref="ShortestNotice"/>, or processes would meet tokens of a key they have not read.
    /// </param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<SigningKey> RotateAsync(TimeSpan signsIn, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(signsIn, ShortestNotice);
        await ReadAsync(ct);
        var (last, now) = (Published[^1], time.GetUtcNow());
        if (last.ActiveFrom > now && last.ActiveFrom <= now + signsIn)
            return last;
        await using var scope = scopes.CreateAsyncScope();
        var made = await MakeAsync(
            scope.ServiceProvider.GetRequiredService<AuthDbContext>(),
            last.Ordinal + 1,
            now + signsIn,
            ct
        );
        await ReadAsync(ct);
        return made;
    }

    // A key is published until the last token it signed is over. Clients of Kuzzle say themselves how long theirs are.
    private TimeSpan LongestToken =>
        options.Value.Api.Dialects.Contains(Dialect.Kuzzle)
            ? options.Value.Tokens.RefreshTokenAbsoluteLifetime
            : options
                .Value.Api.Dialects.Select(options.Value.Tokens.DialectAccessLifetimes.Of)
                .Append(options.Value.Tokens.AccessTokenLifetime)
                .Max();

    private async Task<List<SigningKey>> LoadAsync(AuthDbContext db, CancellationToken ct)
    {
        var known = _current.Keys.ToDictionary(k => k.Key.KeyId);
        var rows = await db.Keys.AsNoTracking().Where(k => k.Purpose == KeyPurpose.Signing).ToListAsync(ct);
        return [.. rows.Select(row => known.GetValueOrDefault(row.KeyId) ?? Open(row)).OrderBy(k => k.Ordinal)];
    }

    private async Task<SigningKey> MakeAsync(
        AuthDbContext db,
        int ordinal,
        DateTimeOffset activeFrom,
        CancellationToken ct
    )
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var keyId = TokenCodec.Random(12);
        return Open(
            await ring.AddAsync(
                db,
                $"signing-{ordinal}",
                KeyPurpose.Signing,
                keyId,
                key.ExportPkcs8PrivateKey(),
                activeFrom,
                ct
            )
        );
    }

    private SigningKey Open(StoredKey row)
    {
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(ring.Master.Unwrap(row.Id, row.Wrapped), out _);
        return new(
            new ECDsaSecurityKey(key) { KeyId = row.KeyId },
            row.ActiveFrom,
            int.Parse(row.Id.AsSpan("signing-".Length))
        );
    }
}
