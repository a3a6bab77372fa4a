using System.Collections.Concurrent;
using BlazorAuth.Core.Messaging.Email;

namespace BlazorAuth.UnitTests.Support;

/// <summary>A transport that keeps what it gets, or fails when it is told to.</summary>
public sealed class CapturedMail : IEmailTransport
{
    private readonly ConcurrentQueue<OutgoingEmail> sent = new();
    private volatile Func<OutgoingEmail, Task>? before;

    /// <summary>What was taken over, oldest first.</summary>
    public IReadOnlyList<OutgoingEmail> Sent => [.. sent];

    /// <summary>Runs before an email is taken over; what it throws is the transport's failure.</summary>
    public void Before(Func<OutgoingEmail, Task>? act) => before = act;

    /// <summary>From now on nothing gets through, as when the mail server is down.</summary>
    public void Fail() => before = _ => throw new IOException("the server is down");

    /// <summary>From now on everything gets through.</summary>
    public void Recover() => before = null;

    public async Task SendAsync(OutgoingEmail mail, CancellationToken ct)
    {
        if (before is { } act)
            await act(mail);
        sent.Enqueue(mail);
    }
}
