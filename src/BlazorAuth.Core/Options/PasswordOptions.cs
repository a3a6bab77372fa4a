namespace BlazorAuth.Core.Options;

/// <summary>Section <c>Passwords</c>. No composition rules (NIST SP 800-63B-4 §3.1.1.2).</summary>
public sealed class PasswordOptions
{
    /// <summary>Fewest code points.</summary>
    public int MinimumLength { get; set; } = 8;

    /// <summary>Most code points; longer is refused, never cut.</summary>
    public int MaximumLength { get; set; } = 256;

    /// <summary>What new passwords are compared with.</summary>
    public BreachCheck BreachCheck { get; set; } = BreachCheck.Common;
}

/// <summary>What new passwords are compared with.</summary>
public enum BreachCheck
{
    /// <summary>The embedded list of common passwords.</summary>
    Common,
}
