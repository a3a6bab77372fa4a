using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Components.Server.ProtectedBrowserStorage;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.Client.Blazor;

/// <summary>
/// Keeps the session in the browser's <c>localStorage</c>, encrypted by the server's data protection, so that it
/// outlives the circuit and no script can read the tokens. Browser storage is reachable only after the first rendering:
/// call <see cref="BlazorAuthClient.RestoreAsync"/> in <c>OnAfterRenderAsync</c>.
/// </summary>
public sealed class ProtectedLocalTokenStore(ProtectedLocalStorage storage) : ITokenStore
{
    private const string Key = "blazorauth";

    /// <summary>For <see cref="BlazorAuthClientOptions.Store"/>: the store of the user of a scope.</summary>
    public static ITokenStore Of(IServiceProvider provider) =>
        new ProtectedLocalTokenStore(provider.GetRequiredService<ProtectedLocalStorage>());

    /// <summary>
    /// What was written last; null where there is nothing, or it is of other keys or of another version.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is read while the page is prerendered.</exception>
    public async Task<StoredSession?> ReadAsync(CancellationToken ct)
    {
        try
        {
            var found = await storage.GetAsync<StoredSession>(Key);
            return
                found
                    is {
                        Success: true,
                        Value:
                        {
                            Site: not null,
                            SessionId: not null,
                            AccessToken: not null,
                            RefreshToken: not null,
                            User.Id: not null
                        } session
                    }
                ? session
                : null;
        }
        catch (Exception foreign) when (foreign is CryptographicException or JsonException or FormatException)
        {
            return null; // any script of the origin can write there
        }
    }

    /// <inheritdoc />
    public Task WriteAsync(StoredSession session, CancellationToken ct) => storage.SetAsync(Key, session).AsTask();

    /// <inheritdoc />
    public Task ClearAsync(CancellationToken ct) => storage.DeleteAsync(Key).AsTask();
}
