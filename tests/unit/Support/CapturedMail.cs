using System.Collections.Concurrent;
using BlazorAuth.Core.Mail;

namespace BlazorAuth.UnitTests.Support;

/// <summary>A transport that keeps what it gets, or fails when it is told to.</summary>
public sealed class CapturedMail : IMailTransport
{
    private readonly ConcurrentQueue<OutgoingMail> sent = new();
    private volatile Func<OutgoingMail, Task>? before;

    /// <summary>What was taken over, oldest first.</summary>
    public IReadOnlyList<OutgoingMail> Sent => [.. sent];

    /// <summary>Runs before a letter is taken over; what it throws is the transport's failure.</summary>
    public void Before(Func<OutgoingMail, Task>? act) => before = act;

    /// <summary>From now on nothing gets through, as when the mail server is down.</summary>
    public void Fail() => before = _ => throw new IOException("the server is down");

    /// <summary>From now on everything gets through.</summary>
    public void Recover() => before = null;

    public async Task SendAsync(OutgoingMail mail, CancellationToken ct)
    {
        if (before is { } act) await act(mail);
        sent.Enqueue(mail);
    }
}
