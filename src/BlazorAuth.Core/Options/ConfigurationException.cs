using System.Collections;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace BlazorAuth.Core.Options;

/// <summary>The configuration cannot be served. The hosts print the lines and exit with code 78 (EX_CONFIG).</summary>
public sealed class ConfigurationException(params IReadOnlyList<string> lines) : Exception(string.Join('\n', lines))
{
    /// <summary>One plain line a fault; never a value that may be secret.</summary>
    public IReadOnlyList<string> Lines { get; } = lines;
}
