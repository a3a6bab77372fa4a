using System.Net.Http.Headers;

namespace BlazorAuth.Client;

/// <summary>
/// Sends requests as the client's current user: adds the bearer token, refreshes it ahead of its end or once for all
/// requests that were refused, and tries those again, each once and only as the user it was begun as. The token goes to
/// the service and the origins named here, nowhere else. Answers 429 and 503 that ask for up to five seconds are waited
/// for once, where the method may be repeated; all others are the caller's.
/// </summary>
/// <remarks>
/// One handler belongs to one client, and so to one user. Do not put it into the pipeline of an
/// <c>IHttpClientFactory</c>, which shares handlers between users; it is made with an inner handler of its own so that
/// the factory refuses it. A refresh that could not be made is thrown (<see cref="HttpRequestException"/>,
/// <see cref="BlazorAuthException"/>, <see cref="TimeoutException"/>): nobody is signed out by a bad connection.
/// </remarks>
public sealed class BlazorAuthHandler : DelegatingHandler
{
    private const long LargestRepeat = 1024 * 1024;

    private readonly BearerLoop _loop;
    private readonly KeptSession _kept;
    private readonly HashSet<string> _origins;

    /// <summary>A handler for the requests of one user.</summary>
    /// <param name="client">Whose requests these are.</param>
    /// <param name="origins">Who may see the access token besides the service itself.</param>
    public BlazorAuthHandler(BlazorAuthClient client, params IEnumerable<Uri> origins)
        : this(client, new HttpClientHandler(), origins) { }

    /// <summary>A handler for the requests of one user, over a transport that is disposed with it.</summary>
    /// <param name="client">Whose requests these are.</param>
    /// <param name="inner">Sends them.</param>
    /// <param name="origins">Who may see the access token besides the service itself.</param>
    public BlazorAuthHandler(BlazorAuthClient client, HttpMessageHandler inner, params IEnumerable<Uri> origins)
        : base(inner)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(origins);
        (_loop, _kept) = (client.Loop, client.Kept);
        _origins = [_kept.Origin, .. origins.Select(OriginOf)];
    }

    /// <inheritdoc />
    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(request);
        // What the caller authorizes otherwise is the caller's.
        if (
            request.RequestUri is not { IsAbsoluteUri: true } address
            || !_origins.Contains(OriginOf(address))
            || request.Headers.Authorization is not null
        )
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);

        var (method, content) = (request.Method, request.Content);
        var (ours, repeats) = (
            OriginOf(address) == _kept.Origin,
            await CanRepeatAsync(content, cancellationToken).ConfigureAwait(false)
        );
        return await _loop
            .SendAsync(Send, repeats ? method : HttpMethod.Post, From, cancellationToken)
            .ConfigureAwait(false);

        Task<HttpResponseMessage> Send(string? token)
        {
            // Redirects rewrite the request: sent again as it is, it would carry the token to wherever it was led.
            (request.RequestUri, request.Method, request.Content) = (address, method, content);
            request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
            return base.SendAsync(request, cancellationToken);
        }

        // Who was led elsewhere was refused by somebody else.
        bool? From(HttpResponseMessage answer) =>
            repeats && request.RequestUri == address && request.Method == method ? ours : null;
    }

    private static string OriginOf(Uri address) => address.GetLeftPart(UriPartial.Authority);

    private static async Task<bool> CanRepeatAsync(HttpContent? content, CancellationToken ct)
    {
        if (content is null or ByteArrayContent or ReadOnlyMemoryContent)
            return true;
        if (content.Headers.ContentLength is not <= LargestRepeat)
            return false;
        await content.LoadIntoBufferAsync(ct).ConfigureAwait(false);
        return true;
    }
}
