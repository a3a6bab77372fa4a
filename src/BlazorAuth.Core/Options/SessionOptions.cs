namespace BlazorAuth.Core.Options;

/// <summary>Section <c>Sessions</c>.</summary>
public sealed class SessionOptions
{
    /// <summary>A browser session not used this long is dead.</summary>
    public TimeSpan IdleLifetime { get; set; } = TimeSpan.FromDays(14);

    /// <summary>A browser session ends here in any case.</summary>
    public TimeSpan AbsoluteLifetime { get; set; } = TimeSpan.FromDays(90);

    /// <summary>How fresh an authentication sensitive acts need.</summary>
    public TimeSpan StepUpWindow { get; set; } = TimeSpan.FromMinutes(15);
}
