using System.Collections.Concurrent;
using System.Data.Common;
using BlazorAuth.Core.Data;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BlazorAuth.Core.Sessions;

/// <summary>
/// The sessions in use, in memory: a request with a cookie or an access token asks no database. What this process
/// commits is seen by its very next request; what another process commits, within a second (ADR 0010).
/// </summary>
public sealed partial class SessionCache(IServiceScopeFactory scopes, TimeProvider time, ILogger<SessionCache> log)
    : BackgroundService
{
    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(400);

    // Nothing older than this is believed, whatever keeps the rounds from happening.
    private static readonly TimeSpan Trusted = TimeSpan.FromMilliseconds(900);

    // A transaction numbers its rows when it writes them and shows them when it commits; none lasts this long.
    private static readonly TimeSpan LongestTransaction = TimeSpan.FromSeconds(6);

    // So many changes may have their numbers already and be committed after the first look.
    private const int UnderWay = 1000;

    /// <summary>The most rows that one statement reads.</summary>
    internal const int PageSize = 500;

    /// <summary>After so many pages all entries are dropped instead: each request then looks for its own row.</summary>
    internal const int MaximumPages = 8;

    private static readonly TimeSpan KeptUnused = TimeSpan.FromMinutes(20);

    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _reading = new(1);
    private readonly Queue<(long At, long Highest)> _seen = new();
    private long _settled;
    private long _readAt;
    private long _ended;
    private long _readEnded = -1;

    private sealed record Entry(Session Session)
    {
        public long UsedAt { get; set; }
    }

    /// <summary>
    /// The session as it stands, or null where there is none. A credential of a generation not seen yet is looked up.
    /// </summary>
    public async ValueTask<Session?> FindAsync(string sessionId, int generation, CancellationToken ct)
    {
        // Nobody waits for somebody else's reading, which may be long: they look for their own row meanwhile.
        if (!IsRecentlyAuthenticated())
            await TryReadAsync(always: false, ct);
        if (
            IsRecentlyAuthenticated()
            && _entries.TryGetValue(sessionId, out var entry)
            && generation <= entry.Session.Generation
        )
        {
            entry.UsedAt = time.GetTimestamp();
            return entry.Session;
        }
        return await FindAgainAsync(sessionId, ct);
    }

    /// <summary>The session as the store has it.</summary>
    internal async Task<Session?> FindAgainAsync(string sessionId, CancellationToken ct)
    {
        var ended = Interlocked.Read(ref _ended);
        await using var scope = scopes.CreateAsyncScope();
        var session = await scope
            .ServiceProvider.GetRequiredService<AuthDbContext>()
            .Sessions.AsNoTracking()
            .SingleOrDefaultAsync(s => s.Id == sessionId, ct);
        // Something may have ended it since the row was read; then it is not kept, and looked up again.
        if (session is not null && ended == Interlocked.Read(ref _ended))
            _entries[sessionId] = new(session) { UsedAt = time.GetTimestamp() };
        return session;
    }

    /// <summary>
    /// This process committed the end or renewal of a session: the next look reads what changed first.
    /// </summary>
    internal void Ended() => Interlocked.Increment(ref _ended);

    /// <summary>The session as it was just read; one that is not in use stays unknown.</summary>
    internal void Learn(Session session)
    {
        if (_entries.TryGetValue(session.Id, out var entry) && entry.Session.ChangeNumber <= session.ChangeNumber)
            _entries.TryUpdate(session.Id, entry with { Session = session }, entry);
    }

    // What the poll reads of a session: whether what is in memory is still true.
    private sealed record Change(string Id, long ChangeNumber);

    /// <summary>Looks which sessions changed since the last time, unless somebody else does so already.</summary>
    private async Task TryReadAsync(bool always, CancellationToken ct)
    {
        if (!await _reading.WaitAsync(TimeSpan.Zero, ct))
            return;
        try
        {
            if (!always && IsRecentlyAuthenticated())
                return; // somebody else has just read
            var (ended, began) = (Interlocked.Read(ref _ended), time.GetTimestamp());
            await using var scope = scopes.CreateAsyncScope();
            var sessions = scope.ServiceProvider.GetRequiredService<AuthDbContext>().Sessions;
            if (_readAt == 0)
            {
                var highest = await sessions.MaxAsync(s => (long?)s.ChangeNumber, ct) ?? 0;
                _seen.Enqueue((began, highest));
                _settled = Math.Max(0, highest - UnderWay);
            }
            // Numbers, not times: clocks step. What was the highest number long enough ago is settled below it.
            while (_seen.TryPeek(out var oldest) && time.GetElapsedTime(oldest.At) > LongestTransaction)
                _settled = _seen.Dequeue().Highest;
            var highestRead = await ReadPagesAsync(sessions, ct);
            if (highestRead > _settled)
                _seen.Enqueue((began, highestRead));
            Volatile.Write(ref _readEnded, ended);
            Volatile.Write(ref _readAt, began);
        }
        finally
        {
            _reading.Release();
        }
    }

    // Ids and numbers only, page by page: one account may have thousands of sessions that end in one statement, and
    // share a number.
    private async Task<long> ReadPagesAsync(IQueryable<Session> sessions, CancellationToken ct)
    {
        var (number, id) = (_settled + 1, "");
        for (var pages = 0; pages < MaximumPages; pages++)
        {
            var page = await sessions
                .Where(s => s.ChangeNumber >= number && (s.ChangeNumber > number || string.Compare(s.Id, id) > 0))
                .OrderBy(s => s.ChangeNumber)
                .ThenBy(s => s.Id)
                .Take(PageSize)
                .Select(s => new Change(s.Id, s.ChangeNumber))
                .ToListAsync(ct);
            foreach (var change in page)
                if (_entries.TryGetValue(change.Id, out var entry) && entry.Session.ChangeNumber < change.ChangeNumber)
                    _entries.TryRemove(new(change.Id, entry)); // its next request reads the row
            if (page.Count > 0)
                (number, id) = (page[^1].ChangeNumber, page[^1].Id);
            if (page.Count < PageSize)
                return page.Count > 0 || pages > 0 ? number : _settled;
        }
        // More than a poll may read: nothing in memory is believed, and the rest need not be read.
        _entries.Clear();
        return await sessions.MaxAsync(s => s.ChangeNumber, ct);
    }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Round);
        while (await WaitAsync(timer, stoppingToken))
        {
            try
            {
                await TryReadAsync(always: true, stoppingToken);
                DropUnused();
            }
            catch (Exception fault) when (fault is not OperationCanceledException and not OutOfMemoryException)
            {
                // Requests find the view too old and ask the store themselves, which fails closed.
                NotRead(log, fault.GetType().Name);
            }
        }
    }

    private static async Task<bool> WaitAsync(PeriodicTimer timer, CancellationToken ct)
    {
        try
        {
            return await timer.WaitForNextTickAsync(ct);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private bool IsRecentlyAuthenticated() =>
        _readAt != 0
        && Volatile.Read(ref _readEnded) == Interlocked.Read(ref _ended)
        && time.GetElapsedTime(Volatile.Read(ref _readAt)) < Trusted;

    private void DropUnused()
    {
        foreach (var (id, entry) in _entries)
            if (time.GetElapsedTime(entry.UsedAt) > KeptUnused)
                _entries.TryRemove(id, out _);
    }

    [LoggerMessage(1, LogLevel.Warning, "Changed sessions could not be read: {Fault}; tries again")]
    private static partial void NotRead(ILogger log, string fault);
}
