using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Keys;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Audit;

/// <summary>
/// Chains the security events: each row carries a MAC over itself and the one before it, under a key that is not in the
/// database (ASVS 16.4.2, ADR 0011). Whoever can write the database can then neither change a row, nor take one out,
/// nor put one in.
/// </summary>
public sealed class AuditChain(KeyRing ring)
{
    private sealed record End(long Before, long Count, byte[] Mac);

    /// <summary>What is wrong with the chain.</summary>
    public enum Break
    {
        /// <summary>A row is not what was written.</summary>
        Changed,

        /// <summary>A row is gone.</summary>
        Missing,

        /// <summary>A row is there that was never written.</summary>
        Added,
    }

    /// <summary>What a look at the whole chain found.</summary>
    /// <param name="Count">How many rows were looked at.</param>
    /// <param name="Head">
    /// The last row's MAC, in hexadecimal. Noted outside, it also shows that the end was cut off and set back.
    /// </param>
    /// <param name="Broken">What is wrong, if anything.</param>
    /// <param name="At">The row's place.</param>
    public sealed record AuditCheck(long Count, string Head, Break? Broken = null, long? At = null);

    /// <summary>
    /// Adds the events at the end. Inside the transaction of what they tell of, as its last statements.
    /// </summary>
    internal async Task AppendAsync(AuthDbContext db, IReadOnlyList<AuditEntry> events, CancellationToken ct)
    {
        // Holds the head's row until the commit: one writer at a time, and the one before is committed or gone.
        var end = (
            await db
                .Database.SqlQuery<End>(
                    $"""UPDATE "AuditHead" SET "Count" = "Count" + {events.Count} WHERE "Id" = {AuditHead.Only} RETURNING "Before", "Count", "Mac" """
                )
                .ToListAsync(ct)
        ).Single();
        var (place, mac) = (end.Count - events.Count, end.Mac);
        foreach (var added in events)
        {
            added.Id = ++place;
            added.Mac = mac = MacOf(added, mac, end.Before);
            db.AuditEntries.Add(added);
        }
        await db
            .AuditHead.Where(h => h.Id == AuditHead.Only)
            .ExecuteUpdateAsync(set => set.SetProperty(h => h.Mac, mac), ct);
    }

    /// <summary>Looks at every row, from the first to the last.</summary>
    public async Task<AuditCheck> VerifyAsync(AuthDbContext db, CancellationToken ct)
    {
        // What is at or below a head is never written again; rows added meanwhile are above it.
        var last = await db.AuditEntries.MaxAsync(e => (long?)e.Id, ct) ?? 0;
        var head = await db.AuditHead.AsNoTracking().SingleAsync(ct);
        if (last > head.Count)
            return Wrong(Break.Added, last);
        var (place, mac) = (head.Before, Array.Empty<byte>());
        await foreach (
            var row in db
                .AuditEntries.AsNoTracking()
                .Where(e => e.Id > head.Before && e.Id <= head.Count)
                .OrderBy(e => e.Id)
                .AsAsyncEnumerable()
                .WithCancellation(ct)
        )
        {
            if (row.Id != ++place)
                return Wrong(Break.Missing, place);
            mac = MacOf(row, mac, head.Before);
            if (!CryptographicOperations.FixedTimeEquals(mac, row.Mac))
                return Wrong(Break.Changed, row.Id);
        }
        return place < head.Count ? Wrong(Break.Missing, place + 1)
            : !CryptographicOperations.FixedTimeEquals(mac, head.Mac) ? Wrong(Break.Changed, place)
            : new(head.Count - head.Before, Convert.ToHexStringLower(head.Mac));

        AuditCheck Wrong(Break broken, long at) =>
            new(head.Count - head.Before, Convert.ToHexStringLower(head.Mac), broken, at);
    }

    private byte[] MacOf(AuditEntry row, byte[] before, long older)
    {
        using var text = new MemoryStream();
        Write(before);
        WriteNumber(older);
        WriteNumber(row.Id);
        WriteNumber(row.At.ToUnixTimeMilliseconds());
        foreach (
            var field in new[] { row.Event.ToString(), row.UserId, row.SessionId, row.Address, row.Agent, row.Reason }
        )
            Write(field is null ? null : Encoding.UTF8.GetBytes(field));
        return ring.Mac("audit", text.ToArray());

        // Each with its length: two rows of which one field ends where the next began must not look alike.
        void Write(byte[]? field)
        {
            WriteNumber(field?.Length ?? -1);
            text.Write(field);
        }

        void WriteNumber(long number)
        {
            Span<byte> bytes = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(bytes, number);
            text.Write(bytes);
        }
    }
}
