using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Hosting;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace BlazorAuth.Hosting;

/// <summary>
/// <c>/health/live</c>: the process answers. <c>/health/ready</c>: it can sign people in. Both change nothing, tell a
/// stranger one word, and stand before the check of the Host header, because an orchestrator asks by the address of the
/// machine.
/// </summary>
internal sealed class HealthProbes : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) =>
        app =>
        {
            app.UseHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false });
            app.UseHealthChecks("/health/ready");
            next(app);
        };
}
