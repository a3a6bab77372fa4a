using System.Globalization;

namespace BlazorAuth.Core.Messaging.Email;

/// <summary>
/// One RFC 5322 file an email, <c>{yyyyMMddTHHmmssfffZ}-{messageId}.eml</c>, for development, tests and pickup by
/// another program. A file under that name is complete. Emails carry live links, so only the process's own user can
/// read what this makes.
/// </summary>
/// <param name="folder">Made when missing, with owner-only mode on Unix.</param>
/// <param name="from">The sender, bare or as <c>Name &lt;address&gt;</c>.</param>
/// <param name="replyTo">Where answers go, or empty.</param>
/// <param name="time">Gives file name and Date header, both in UTC.</param>
public sealed class FolderTransport(string folder, string from, string replyTo, TimeProvider time) : IEmailTransport
{
    /// <inheritdoc/>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public async Task SendAsync(OutgoingEmail mail, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        using var message = MimeMessages.Build(mail, from, replyTo, now);
        MakePrivate(folder);
        var name = string.Create(
            CultureInfo.InvariantCulture,
            $"{now.UtcDateTime:yyyyMMdd'T'HHmmssfff'Z'}-{mail.MessageId}.eml"
        );
        // Inside the folder, so that the move is a rename within one file system.
        var unfinished = Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
        try
        {
            await using (var file = new FileStream(unfinished, PrivateFile()))
                await message.WriteToAsync(MimeMessages.Format(mail), file, ct);
            File.Move(unfinished, Path.Combine(folder, name), overwrite: true);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    private static void MakePrivate(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static FileStreamOptions PrivateFile()
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return options;
    }
}
