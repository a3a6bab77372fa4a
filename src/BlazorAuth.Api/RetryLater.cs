using System.Globalization;

namespace BlazorAuth.Api;

/// <summary>Tells when to come back, in whole seconds and never too early (RFC 9110 §10.2.3).</summary>
public static class RetryLater
{
    /// <summary>The seconds of a wait.</summary>
    public static int Seconds(TimeSpan wait) => (int)Math.Ceiling(wait.TotalSeconds);

    /// <summary>Writes the header, where there is a wait.</summary>
    public static void SayRetryAfter(this HttpResponse response, TimeSpan? wait)
    {
        if (wait is { } time)
            response.Headers.RetryAfter = Seconds(time).ToString(CultureInfo.InvariantCulture);
    }
}
