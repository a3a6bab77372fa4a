namespace BlazorAuth.Core.Options;

/// <summary>Section <c>Keys</c>.</summary>
public sealed class KeyOptions
{
    /// <summary>File of the master key, relative to the data directory; made at the first start.</summary>
    public string MasterKeyFile { get; set; } = "master.key";

    /// <summary>Age at which a signing key gets a successor.</summary>
    public TimeSpan RotateEvery { get; set; } = TimeSpan.FromDays(90);
}
