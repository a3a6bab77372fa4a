using System.Collections.ObjectModel;
using System.Net;

namespace BlazorAuth.Client;

/// <summary>
/// The service refused, or answered with what is not its own. What never reached it is the framework's own
/// <see cref="HttpRequestException"/>.
/// </summary>
public sealed class BlazorAuthException : Exception
{
    internal BlazorAuthException(HttpStatusCode status, string message, Exception? inner = null)
        : base(message, inner) => Status = status;

    /// <summary>The status of the answer.</summary>
    public HttpStatusCode Status { get; }

    /// <summary>
    /// Why it refused; <see cref="AuthErrorCode.Unknown"/> where the answer does not say so in words of this version.
    /// </summary>
    public AuthErrorCode Code => AuthErrorCodes.Read(CodeText);

    /// <summary>The code as the wire has it, or null.</summary>
    public string? CodeText { get; internal init; }

    /// <summary>What is wrong with which field, by its JSON name.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Errors { get; internal init; } =
        ReadOnlyDictionary<string, IReadOnlyList<string>>.Empty;

    /// <summary>How long to wait before the next attempt counts, where the answer says so.</summary>
    public TimeSpan? RetryAfter { get; internal init; }

    /// <summary>Finds the request in the service's logs.</summary>
    public string? TraceId { get; internal init; }
}
