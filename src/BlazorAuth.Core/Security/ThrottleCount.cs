using Microsoft.AspNetCore.Identity;

namespace BlazorAuth.Core.Security;

/// <summary>A counter of attempts.</summary>
public sealed class ThrottleCount
{
    /// <summary>Keyed hash of what is counted: what people type in the wrong field is not kept.</summary>
    public required string Key { get; init; }

    /// <summary>Attempts in the running window.</summary>
    public required int Count { get; set; }

    /// <summary>When the window ends.</summary>
    public required DateTimeOffset ResetsAt { get; set; }
}
