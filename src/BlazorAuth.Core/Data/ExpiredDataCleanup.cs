using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BlazorAuth.Core.Data;

/// <summary>
/// What has to be done from time to time: signing keys are read again, so that a process which only validates learns
/// new ones and drops retired ones; rows that can open nothing and tell nothing any more are deleted.
/// </summary>
public sealed partial class ExpiredDataCleanup(
    IServiceScopeFactory scopes,
    SigningKeys keys,
    TimeProvider time,
    ILogger<ExpiredDataCleanup> log
) : BackgroundService
{
    private static readonly TimeSpan KeysEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PurgeEvery = TimeSpan.FromHours(1);

    // A link explains itself for a while after its end; an ended session says why it ended, and keeps its device known.
    private static readonly TimeSpan TokensKept = TimeSpan.FromDays(30);
    private static readonly TimeSpan LettersKept = TimeSpan.FromDays(7);
    private static readonly TimeSpan SessionsKept = TimeSpan.FromDays(180);

    /// <summary>Deletes what is over. Safe in any number of processes.</summary>
    public async Task PurgeAsync(CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<AuthDbContext>();
        var now = time.GetUtcNow();
        var (tokens, letters, sessions) = (now - TokensKept, now - LettersKept, now - SessionsKept);
        await db.ThrottleCounts.Where(c => c.ResetsAt < now).ExecuteDeleteAsync(ct);
        await db
            .OneTimeTokens.Where(t => t.ExpiresAt < tokens && t.Purpose != TokenPurpose.SetUpAdministrator)
            .ExecuteDeleteAsync(ct);
        await db.TrustedDevices.Where(d => d.EndsAt < now).ExecuteDeleteAsync(ct);
        var begun = now - ManageAuthenticator.Patience;
        await db.Authenticators.Where(a => a.ConfirmedAt == null && a.CreatedAt < begun).ExecuteDeleteAsync(ct);
        await db.Outbox.Where(l => l.DoneAt < letters).ExecuteDeleteAsync(ct);
        // Nobody can sign in to these a second time. One that waits for its address to confirm has a password already.
        await db
            .Users.Where(u =>
                u.IsAnonymous
                && u.PasswordHash == null
                && !db.Sessions.Any(s =>
                    s.UserId == u.Id && s.EndedAt == null && s.IdleEndsAt > now && s.AbsoluteEndsAt > now
                )
            )
            .ExecuteDeleteAsync(ct);
        await db
            .Sessions.Where(s => s.EndedAt < sessions || s.IdleEndsAt < sessions || s.AbsoluteEndsAt < sessions)
            .ExecuteDeleteAsync(ct);
    }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var purged = time.GetTimestamp();
        using var timer = new PeriodicTimer(KeysEvery);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await TryAsync(keys.ReadAsync, stoppingToken);
                if (time.GetElapsedTime(purged) < PurgeEvery)
                    continue;
                await TryAsync(PurgeAsync, stoppingToken);
                purged = time.GetTimestamp();
            }
        }
        catch (OperationCanceledException)
        {
            // The host stops.
        }
    }

    private async Task TryAsync(Func<CancellationToken, Task> round, CancellationToken ct)
    {
        try
        {
            await round(ct);
        }
        catch (Exception fault) when (fault is not OperationCanceledException and not OutOfMemoryException)
        {
            Failed(log, fault.GetType().Name);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "A round failed: {Fault}; the next one tries again")]
    private static partial void Failed(ILogger log, string fault);
}
