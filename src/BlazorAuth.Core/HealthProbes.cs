using BlazorAuth.Core.Credentials;
using BlazorAuth.Core.Data;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Hosting;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace BlazorAuth.Core;

/// <summary>
/// <c>/health/live</c>: the process answers. <c>/health/ready</c>: it can sign people in. Both change nothing, tell a stranger one
/// word, and stand before the check of the Host header, because an orchestrator asks by the address of the machine.
/// </summary>
internal sealed class HealthProbes : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.UseHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false });
        app.UseHealthChecks("/health/ready");
        next(app);
    };
}

/// <summary>
/// Whether the store answers and a key can sign: else the probe is 503. An email that has been waiting for a quarter of an hour is told
/// as <c>Degraded</c> under 200: a restart does not help against a mail server that is away. Asks the store at most once a second,
/// however often a stranger asks.
/// </summary>
internal sealed class StoreHealth(IServiceScopeFactory scopes, SigningKeys keys, TimeProvider time) : IHealthCheck, IDisposable
{
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(15);

    private readonly SemaphoreSlim _asking = new(1);
    private HealthCheckResult _last;
    private DateTimeOffset? _askedAt;

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        await _asking.WaitAsync(cancellationToken);
        try
        {
            var now = time.GetUtcNow();
            if (_askedAt is { } asked && (now - asked).Duration() < Remembered) return _last;
            (_last, _askedAt) = (await AskAsync(cancellationToken), now);
            return _last;
        }
        finally
        {
            _asking.Release();
        }
    }

    public void Dispose() => _asking.Dispose();

    private async Task<HealthCheckResult> AskAsync(CancellationToken ct)
    {
        try
        {
            await keys.CurrentAsync(ct);
            await using var scope = scopes.CreateAsyncScope();
            var late = time.GetUtcNow() - LongestWait;
            var waits = await scope.ServiceProvider.GetRequiredService<AuthDbContext>().Outbox
                .AnyAsync(mail => mail.DoneAt == null && mail.CreatedAt < late, ct);
            return waits ? HealthCheckResult.Degraded("An email has not been sent for 15 minutes.") : HealthCheckResult.Healthy();
        }
        catch (Exception fault) when (Providers.IsAway(fault))
        {
            return HealthCheckResult.Unhealthy($"The store does not answer ({fault.GetType().Name}).");
        }
    }
}
