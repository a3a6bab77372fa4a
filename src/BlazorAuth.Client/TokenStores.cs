using System.Text.Json;

namespace BlazorAuth.Client;

/// <summary>
/// A signed-in session as a client keeps it. Whoever reads it is the user: keep it as safe as a password.
/// </summary>
/// <param name="Site">The origin of the service that issued it; another one never gets to see it.</param>
/// <param name="SessionId">The session's id.</param>
/// <param name="AccessToken">Goes into <c>Authorization: Bearer</c>.</param>
/// <param name="RefreshToken">Gets the next pair; works once.</param>
/// <param name="IssuedAt">When the pair arrived, by the client's clock.</param>
/// <param name="ExpiresAt">When the access token ends, by the client's clock.</param>
/// <param name="User">Whose it is.</param>
public sealed record StoredSession(
    string Site,
    string SessionId,
    string AccessToken,
    string RefreshToken,
    DateTimeOffset IssuedAt,
    DateTimeOffset ExpiresAt,
    User User
)
{
    /// <summary>Names the session, never its tokens: records end up in logs.</summary>
    public override string ToString() => $"session {SessionId} of {User.Id} at {Site}";
}

/// <summary>Where a client keeps its session between starts. One store belongs to one user of the program.</summary>
public interface ITokenStore
{
    /// <summary>What was written last, or null.</summary>
    Task<StoredSession?> ReadAsync(CancellationToken ct);

    /// <summary>Replaces what is there, whole or not at all.</summary>
    Task WriteAsync(StoredSession session, CancellationToken ct);

    /// <summary>Forgets.</summary>
    Task ClearAsync(CancellationToken ct);
}

/// <summary>Keeps the session as long as the program, or the circuit, lives.</summary>
public sealed class MemoryTokenStore : ITokenStore
{
    private volatile StoredSession? _session;

    /// <inheritdoc />
    public Task<StoredSession?> ReadAsync(CancellationToken ct) => Task.FromResult(_session);

    /// <inheritdoc />
    public Task WriteAsync(StoredSession session, CancellationToken ct)
    {
        _session = session;
        return Task.CompletedTask;
    }

    /// <inheritdoc />
    public Task ClearAsync(CancellationToken ct)
    {
        _session = null;
        return Task.CompletedTask;
    }
}

/// <summary>
/// Keeps the session in a file that only its owner can read (mode 0600; on Windows the folder's rules hold). It is
/// replaced by a rename, so a crash leaves the old one or the new one. A file that is not ours reads as nobody.
/// </summary>
public sealed class FileTokenStore(string path) : ITokenStore
{
    private readonly string _path = Path.GetFullPath(path);

    /// <inheritdoc />
    public async Task<StoredSession?> ReadAsync(CancellationToken ct)
    {
        try
        {
            var session = JsonSerializer.Deserialize(
                await File.ReadAllBytesAsync(_path, ct).ConfigureAwait(false),
                WireJson.Default.StoredSession
            );
            return
                session
                    is {
                        Site: not null,
                        SessionId: not null,
                        AccessToken: not null,
                        RefreshToken: not null,
                        User.Id: not null
                    }
                ? session
                : null;
        }
        catch (Exception absent) when (absent is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null;
        }
    }

    /// <inheritdoc />
    public async Task WriteAsync(StoredSession session, CancellationToken ct)
    {
        var folder = Path.GetDirectoryName(_path)!;
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else if (!Directory.Exists(folder))
            Directory.CreateDirectory(
                folder,
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            );
        var beside = $"{_path}.{Guid.NewGuid():N}";
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Options = FileOptions.Asynchronous,
        };
        // The mode is given at creation: a file that is closed down afterwards was readable for a moment.
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            var file = new FileStream(beside, options);
            await using (file.ConfigureAwait(false))
            {
                await JsonSerializer
                    .SerializeAsync(file, session, WireJson.Default.StoredSession, ct)
                    .ConfigureAwait(false);
                file.Flush(flushToDisk: true);
            }
            File.Move(beside, _path, overwrite: true);
        }
        catch
        {
            File.Delete(beside);
            throw;
        }
    }

    /// <inheritdoc />
    public Task ClearAsync(CancellationToken ct)
    {
        if (File.Exists(_path))
            File.Delete(_path);
        return Task.CompletedTask;
    }
}
