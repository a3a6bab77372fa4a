using System.Net;

namespace BlazorAuth.Client;

/// <summary>
/// How a request is kept signed in: it begins with a fresh token, is tried once more after a refresh where the token
/// was refused, and once more where the answer asks for a short wait.
/// </summary>
internal sealed class BearerLoop(KeptSession kept, Wire wire, TimeProvider time)
{
    /// <summary>Longer waits are the caller's to decide.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    /// <param name="send">Sends it with a token, or with none; once or twice.</param>
    /// <param name="method">What may be sent again after a wait.</param>
    /// <param name="fromService">
    /// Whether the answer is of the service itself, whose reasons end a session; never another API's.
    /// </param>
    /// <param name="ct">Ends the request.</param>
    public async Task<HttpResponseMessage> SendAsync(
        Func<string?, Task<HttpResponseMessage>> send,
        HttpMethod method,
        Func<HttpResponseMessage, bool?> fromService,
        CancellationToken ct
    )
    {
        var begun = await kept.FreshAsync(ct).ConfigureAwait(false);
        var answer = await PatientAsync(() => send(begun?.AccessToken), method, ct).ConfigureAwait(false);
        if (answer.StatusCode != HttpStatusCode.Unauthorized || begun is null || fromService(answer) is not { } ours)
            return answer;
        StoredSession? next;
        try
        {
            AuthErrorCode? code = ours ? await wire.CodeAsync(answer, ct).ConfigureAwait(false) : null;
            next = await kept.AfterRefusalAsync(begun, code, ct).ConfigureAwait(false);
        }
        catch
        {
            answer.Dispose();
            throw;
        }
        if (next is null)
            return answer;
        answer.Dispose();
        return await PatientAsync(() => send(next.AccessToken), method, ct).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> PatientAsync(
        Func<Task<HttpResponseMessage>> send,
        HttpMethod method,
        CancellationToken ct
    )
    {
        var answer = await send().ConfigureAwait(false);
        if (answer.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable))
            return answer;
        if (wire.RetryAfter(answer) is not { } wait || wait > LongestWait || !IsIdempotent(method))
            return answer;
        answer.Dispose();
        await Task.Delay(wait, time, ct).ConfigureAwait(false);
        return await send().ConfigureAwait(false);
    }

    private static bool IsIdempotent(HttpMethod method) =>
        method == HttpMethod.Get
        || method == HttpMethod.Head
        || method == HttpMethod.Options
        || method == HttpMethod.Put
        || method == HttpMethod.Delete;
}
