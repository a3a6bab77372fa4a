namespace BlazorAuth.Core.Options;

/// <summary>Section <c>Proxy</c>.</summary>
public sealed class ProxyOptions
{
    /// <summary>Addresses of reverse proxies.</summary>
    public List<string> KnownProxies { get; set; } = [];

    /// <summary>Networks of reverse proxies, in CIDR form.</summary>
    public List<string> KnownNetworks { get; set; } = [];
}
