using System.Net;

namespace BlazorAuth.Client;

/// <summary>Exchanges a refresh token for the next pair, and asks again where the answer was lost.</summary>
internal sealed class Exchange(HttpClient http, Wire wire, TimeProvider time)
{
    // The service gives the same successor for ten seconds: a lost answer must be noticed early enough to ask again.
    private static readonly TimeSpan[] Patience =
    [
        TimeSpan.FromSeconds(4),
        TimeSpan.FromSeconds(4),
        TimeSpan.FromSeconds(20),
    ];

    public async Task<TokenAnswer> AskAsync(StoredSession stale)
    {
        for (var attempt = 0; ; attempt++)
        {
            using var patience = new CancellationTokenSource(Patience[attempt], time);
            var last = attempt == Patience.Length - 1;
            try
            {
                using var answer = await http.SendAsync(
                        Wire.Post(
                            "api/token/refresh",
                            new RefreshBody(stale.RefreshToken),
                            WireJson.Default.RefreshBody
                        ),
                        patience.Token
                    )
                    .ConfigureAwait(false);
                // A gateway that gave up may have passed the request on.
                if (!last && answer.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout)
                    continue;
                return await wire.TokensAsync(answer, patience.Token).ConfigureAwait(false);
            }
            catch (HttpRequestException) when (!last)
            {
                // Lost on the way there or back: the same token gets the same successor.
            }
            catch (OperationCanceledException slow)
            {
                if (last)
                    throw new TimeoutException("The service did not answer a refresh.", slow);
            }
        }
    }
}
