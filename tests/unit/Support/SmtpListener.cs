using System.Collections.Immutable;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace BlazorAuth.UnitTests.Support;

/// <summary>Where in the conversation a <see cref="SmtpListener"/> refuses or stalls.</summary>
public enum SmtpStage
{
    Connect,
    Auth,
    Rcpt,
    Data,
    Message,
}

/// <summary>A mail server on a free loopback port that keeps what it gets, refuses, or says nothing at all.</summary>
public sealed class SmtpListener : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly Task accepting;
    private ImmutableList<string> received = [];
    private ImmutableList<string> commands = [];
    private volatile Trouble? trouble;

    private sealed record Trouble(SmtpStage Stage, string? Reply);

    public SmtpListener()
    {
        listener.Start();
        accepting = Accept();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Raw messages, dots unstuffed, lines ending in CRLF.</summary>
    public IReadOnlyList<string> Received => received;

    /// <summary>Every line a client said outside of messages.</summary>
    public IReadOnlyList<string> Commands => commands;

    /// <summary>What EHLO offers. Nothing is asked for without being offered.</summary>
    public IReadOnlyList<string> Offers { get; set; } = [];

    /// <summary>The certificate of a server that speaks TLS.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Whether TLS begins at once (port 465), and not with STARTTLS.</summary>
    public bool TlsFromTheFirstByte { get; init; }

    /// <summary>Whether the last conversation went under TLS.</summary>
    public bool WasEncrypted { get; private set; }

    /// <summary>From now on answers <paramref name="stage"/> with a 4xx or 5xx.</summary>
    public void Refuse(SmtpStage stage, int code) => trouble = new(stage, $"{code} refused");

    /// <summary>From now on goes silent at <paramref name="stage"/> with the connection left open.</summary>
    public void Stall(SmtpStage stage) => trouble = new(stage, null);

    /// <summary>From now on takes everything.</summary>
    public void Recover() => trouble = null;

    /// <summary>Returns what has come as soon as it is <paramref name="count"/> messages.</summary>
    public async Task<IReadOnlyList<string>> WaitFor(int count, TimeSpan timeout)
    {
        var end = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        while (received.Count < count)
        {
            if (Environment.TickCount64 > end)
                throw new TimeoutException($"{received.Count} of {count} messages came within {timeout}.");
            await Task.Delay(10);
        }
        return received;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await accepting;
        stop.Dispose();
    }

    private async Task Accept()
    {
        var talks = new List<Task>();
        try
        {
            while (true)
                talks.Add(Talk(await listener.AcceptTcpClientAsync(stop.Token)));
        }
        catch (Exception over) when (over is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(talks);
        }
    }

    private async Task Talk(TcpClient client)
    {
        using var _ = client;
        try
        {
            Stream stream = client.GetStream();
            if (TlsFromTheFirstByte)
                stream = await Encrypt(stream);
            var (reader, writer) = Open(stream);
            if (!await Answer(SmtpStage.Connect, "220 listener"))
                return;
            while (await reader.ReadLineAsync(stop.Token) is { } line)
            {
                ImmutableInterlocked.Update(ref commands, (all, one) => all.Add(one), line);
                switch (line.Split(' ', ':')[0].ToUpperInvariant())
                {
                    case "EHLO":
                        await writer.WriteAsync(
                            string.Concat(
                                new[] { "listener" }.Concat(Offers).SkipLast(1).Select(offer => $"250-{offer}\r\n")
                            )
                        );
                        await Say($"250 {(Offers.Count == 0 ? "listener" : Offers[^1])}");
                        break;
                    case "STARTTLS":
                        await Say("220 go on");
                        (reader, writer) = Open(stream = await Encrypt(stream));
                        break;
                    case "AUTH" when line.StartsWith("AUTH PLAIN ", StringComparison.Ordinal):
                        await Answer(SmtpStage.Auth, "235 welcome");
                        break;
                    case "AUTH":
                        await Credentials();
                        break;
                    case "RCPT":
                        await Answer(SmtpStage.Rcpt, "250 ok");
                        break;
                    case "DATA":
                        if (!await Answer(SmtpStage.Data, "354 go on"))
                            break;
                        var message = await Message();
                        if (trouble?.Stage != SmtpStage.Message)
                            ImmutableInterlocked.Update(ref received, (all, one) => all.Add(one), message);
                        await Answer(SmtpStage.Message, "250 taken");
                        break;
                    case "QUIT":
                        await Say("221 bye");
                        return;
                    default:
                        await Say("250 ok");
                        break;
                }
            }

            (StreamReader, StreamWriter) Open(Stream over) =>
                (
                    new StreamReader(over, new UTF8Encoding(false)),
                    new StreamWriter(over, new UTF8Encoding(false)) { NewLine = "\r\n", AutoFlush = true }
                );

            async Task<Stream> Encrypt(Stream clear)
            {
                var encrypted = new SslStream(clear);
                await encrypted.AuthenticateAsServerAsync(Certificate!);
                WasEncrypted = true;
                return encrypted;
            }

            Task Say(string reply) => writer.WriteLineAsync(reply.AsMemory(), stop.Token);

            async Task<bool> Answer(SmtpStage stage, string fine)
            {
                var now = trouble?.Stage == stage ? trouble : null;
                if (now is { Reply: null })
                    await Task.Delay(Timeout.Infinite, stop.Token);
                await Say(now?.Reply ?? fine);
                return now is null;
            }

            // AUTH LOGIN: two base64 lines. The first may come with the command.
            async Task Credentials()
            {
                var asked = commands[^1].Split(' ').Length > 2 ? 1 : 2;
                for (var i = 0; i < asked; i++)
                {
                    await Say(i == asked - 1 ? "334 UGFzc3dvcmQ6" : "334 VXNlcm5hbWU6");
                    ImmutableInterlocked.Update(
                        ref commands,
                        (all, one) => all.Add(one),
                        await reader.ReadLineAsync(stop.Token) ?? ""
                    );
                }
                await Say("235 welcome");
            }

            async Task<string> Message()
            {
                var message = new StringBuilder();
                while (await reader.ReadLineAsync(stop.Token) is { } line && line != ".")
                    message.Append(line.StartsWith('.') ? line[1..] : line).Append("\r\n");
                return message.ToString();
            }
        }
        catch (Exception over)
            when (over
                    is IOException
                        or OperationCanceledException
                        or SocketException
                        or ObjectDisposedException
                        or AuthenticationException
            )
        {
            // The client hung up, or the test is over.
        }
    }
}
