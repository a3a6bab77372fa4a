using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Messaging;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Hosting;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace BlazorAuth.Core.Data;

/// <summary>
/// Whether the store answers and a key can sign: else the probe is 503. An email that has been waiting for a quarter of
/// an hour is told as <c>Degraded</c> under 200: a restart does not help against a mail server that is away. Asks the
/// store at most once a second, however often a stranger asks.
/// </summary>
public sealed class StoreHealth(
    IServiceScopeFactory scopes,
    IAuthDatabase database,
    SigningKeys keys,
    TimeProvider time
) : IHealthCheck, IDisposable
{
    /// <summary>
    /// When to try again where the store is away: it is back within seconds, or an operator is on the way.
    /// </summary>
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(15);

    private readonly SemaphoreSlim _asking = new(1);
    private HealthCheckResult _last;
    private DateTimeOffset? _askedAt;

    /// <inheritdoc />
    public async Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context,
        CancellationToken cancellationToken = default
    )
    {
        await _asking.WaitAsync(cancellationToken);
        try
        {
            var now = time.GetUtcNow();
            if (_askedAt is { } asked && (now - asked).Duration() < Remembered)
                return _last;
            (_last, _askedAt) = (await RequestAsync(cancellationToken), now);
            return _last;
        }
        finally
        {
            _asking.Release();
        }
    }

    /// <inheritdoc />
    public void Dispose() => _asking.Dispose();

    private async Task<HealthCheckResult> RequestAsync(CancellationToken ct)
    {
        try
        {
            await keys.CurrentAsync(ct);
            await using var scope = scopes.CreateAsyncScope();
            var late = time.GetUtcNow() - LongestWait;
            var waits = await scope
                .ServiceProvider.GetRequiredService<AuthDbContext>()
                .Outbox.AnyAsync(mail => mail.DoneAt == null && mail.CreatedAt < late, ct);
            return waits
                ? HealthCheckResult.Degraded("An email has not been sent for 15 minutes.")
                : HealthCheckResult.Healthy();
        }
        catch (Exception fault) when (database.IsAway(fault))
        {
            return HealthCheckResult.Unhealthy($"The store does not answer ({fault.GetType().Name}).");
        }
    }
}
