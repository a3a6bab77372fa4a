namespace BlazorAuth.Core.Audit;

/// <summary>One security event. Rows are added and never changed; each is chained to the one before it.</summary>
public sealed class AuditEntry
{
    /// <summary>Its place in the chain, from 1, without gaps.</summary>
    public long Id { get; internal set; }

    /// <summary>When, UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>What happened.</summary>
    public required AuditEvent Event { get; init; }

    /// <summary>To whose account, where known.</summary>
    public string? UserId { get; init; }

    /// <summary>In which session.</summary>
    public string? SessionId { get; init; }

    /// <summary>From which network address.</summary>
    public string? Address { get; init; }

    /// <summary>With which agent.</summary>
    public string? Agent { get; init; }

    /// <summary>The refusal's code, where it was refused.</summary>
    public string? Reason { get; init; }

    /// <summary>MAC over this row and the one before it; null in rows older than the chain.</summary>
    public byte[]? Mac { get; internal set; }
}

/// <summary>Where the audit's chain ends; one row.</summary>
public sealed class AuditHead
{
    /// <summary>The key of the one row.</summary>
    public const int Only = 1;

    /// <summary>Always <see cref="Only"/>.</summary>
    public int Id { get; init; }

    /// <summary>How many rows are older than the chain.</summary>
    public long Before { get; init; }

    /// <summary>The last row's place.</summary>
    public long Count { get; set; }

    /// <summary>The last row's MAC.</summary>
    public required byte[] Mac { get; set; }
}
