using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.UnitTests.Support;
using Xunit;

namespace BlazorAuth.UnitTests.Messaging.Email;

public sealed class TransportsTests : IDisposable
{
    private const string From = "BlazorAuth <no-reply@id.example.org>";
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);
    private static readonly RenderedEmail Hello = new(
        "BlazorAuth: Hello",
        "Grüße\n\nhttps://id.example.org/x?a=b&c=d\n",
        "<p>Grüße = ☂ 🦉</p>\n<p>.</p>\n"
    );
    private readonly string folder = Path.Combine(Path.GetTempPath(), "mail-" + Guid.NewGuid().ToString("N"), "out");

    public void Dispose()
    {
        var parent = Path.GetDirectoryName(folder)!;
        if (Directory.Exists(parent))
            Directory.Delete(parent, recursive: true);
    }

    private static OutgoingEmail Mail(
        string to = "jane@example.net",
        string id = "0198-abc",
        RenderedEmail? letter = null
    ) => new(to, id, letter ?? Hello);

    private FolderTransport Folder() =>
        new(folder, From, "", new StoppedClock(new DateTimeOffset(2026, 3, 9, 8, 5, 1, 234, TimeSpan.Zero)));

    private static SmtpTransport Smtp(
        SmtpListener listener,
        SmtpSecurity security = SmtpSecurity.None,
        string? user = null,
        int milliseconds = 5000,
        string helloName = "",
        string from = From,
        string replyTo = "",
        RemoteCertificateValidationCallback? trust = null
    ) =>
        new(
            new SmtpSettings("127.0.0.1", listener.Port, user, user is null ? null : "s3cret", security, helloName),
            from,
            replyTo,
            TimeProvider.System,
            TimeSpan.FromMilliseconds(milliseconds),
            trust
        );

    private async Task<string> Filed(OutgoingEmail mail)
    {
        await Folder().SendAsync(mail, CancellationToken.None);
        return await File.ReadAllTextAsync(Assert.Single(Directory.GetFiles(folder)));
    }

    private static string[] HeaderNames(string raw) =>
        [
            .. raw[..raw.IndexOf("\r\n\r\n", StringComparison.Ordinal)]
                .Split("\r\n")
                .Where(line => line[0] is not (' ' or '\t'))
                .Select(line => line.Split(':')[0]),
        ];

    [Fact]
    public async Task A_filed_email_is_named_by_time_and_message_and_leaves_nothing_else_behind()
    {
        await Filed(Mail());
        Assert.Equal(
            ["20260309T080501234Z-0198-abc.eml"],
            Directory.GetFileSystemEntries(folder).Select(Path.GetFileName)
        );
    }

    [Fact]
    public async Task A_reader_never_sees_half_a_email()
    {
        Directory.CreateDirectory(folder);
        using var done = new CancellationTokenSource();
        var reading = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
                foreach (var file in Directory.GetFiles(folder, "*.eml"))
                    Assert.EndsWith("--\r\n", File.ReadAllText(file).TrimEnd() + "\r\n", StringComparison.Ordinal);
        });
        for (var i = 0; i < 30; i++)
            await Folder().SendAsync(Mail(id: $"m{i}"), CancellationToken.None);
        await done.CancelAsync();
        await reading;
        Assert.Equal(30, Directory.GetFiles(folder).Length);
    }

    [Fact]
    public async Task Folder_and_emails_are_for_their_owner_only()
    {
        await Filed(Mail());
        if (OperatingSystem.IsWindows())
            return;
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(folder)
        );
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite,
            File.GetUnixFileMode(Directory.GetFiles(folder)[0])
        );
    }

    [Fact]
    public async Task A_filed_email_is_a_plain_message_with_text_before_html()
    {
        var raw = await Filed(Mail());
        var names = HeaderNames(raw);
        Assert.Equal(
            [
                "Auto-Submitted",
                "Content-Type",
                "Date",
                "From",
                "MIME-Version",
                "Message-Id",
                "Subject",
                "To",
                "X-Auto-Response-Suppress",
            ],
            names.Order(StringComparer.Ordinal)
        );
        Assert.Contains("\r\nDate: Mon, 09 Mar 2026 08:05:01 +0000\r\n", raw, StringComparison.Ordinal);
        Assert.Contains("Message-Id: <0198-abc@id.example.org>\r\n", raw, StringComparison.Ordinal);
        Assert.Contains("multipart/alternative", raw, StringComparison.OrdinalIgnoreCase);
        Assert.InRange(
            raw.IndexOf("text/plain", StringComparison.Ordinal),
            1,
            raw.IndexOf("text/html", StringComparison.Ordinal)
        );
        Assert.DoesNotContain(raw.Replace("\r\n", ""), c => c is '\r' or '\n' or > '~');
        Assert.All(raw.Split("\r\n"), line => Assert.InRange(line.Length, 0, 78));
    }

    [Fact]
    public async Task Robots_are_told_not_to_answer()
    {
        var raw = await Filed(Mail());
        Assert.Contains("Auto-Submitted: auto-generated\r\n", raw, StringComparison.Ordinal);
        Assert.Contains("X-Auto-Response-Suppress: All\r\n", raw, StringComparison.Ordinal);
        Assert.DoesNotContain("List-Unsubscribe", raw, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task The_same_email_filed_again_replaces_itself()
    {
        await Filed(Mail());
        await Filed(Mail());
    }

    [Theory]
    [InlineData("jane@example.net\r\nBcc: eve@example.net")]
    [InlineData("jane@example.net\n")]
    [InlineData("jane\0@example.net")]
    [InlineData("jane@example.net, eve@example.net")]
    [InlineData("Jane <jane@example.net>")]
    [InlineData("jane@example.net (eve)")]
    [InlineData("jane")]
    [InlineData("")]
    public async Task Only_one_bare_address_is_written_to(string to)
    {
        await using var listener = new SmtpListener();
        await Assert.ThrowsAsync<ArgumentException>(() => Folder().SendAsync(Mail(to), CancellationToken.None));
        await Assert.ThrowsAsync<ArgumentException>(() => Smtp(listener).SendAsync(Mail(to), CancellationToken.None));
        Assert.False(Directory.Exists(folder));
        Assert.Empty(listener.Commands);
    }

    [Theory]
    [InlineData("../../etc/x")]
    [InlineData("a/b")]
    [InlineData(".hidden")]
    [InlineData("a>\r\nBcc: eve@example.net")]
    [InlineData("")]
    public async Task A_message_id_is_no_path_and_no_header(string id) =>
        await Assert.ThrowsAsync<ArgumentException>(() => Folder().SendAsync(Mail(id: id), CancellationToken.None));

    [Fact]
    public async Task A_subject_cannot_add_a_header() =>
        await Assert.ThrowsAsync<ArgumentException>(() =>
            Folder()
                .SendAsync(Mail(letter: Hello with { Subject = "x\r\nBcc: eve@example.net" }), CancellationToken.None)
        );

    [Fact]
    public async Task Smtp_delivers_the_same_email()
    {
        await using var listener = new SmtpListener();
        await Smtp(listener).SendAsync(Mail(), CancellationToken.None);
        var letter = EmlFile.Parse(Assert.Single(await listener.WaitFor(1, Soon)));
        Assert.Equal(
            ("jane@example.net", "BlazorAuth: Hello", "0198-abc@id.example.org"),
            (letter.To, letter.Subject, letter.MessageId)
        );
        Assert.Equal((Hello.Text, Hello.Html), (letter.Text, letter.Html));
        Assert.NotEqual(DateTimeOffset.MinValue, letter.Date);
        Assert.Contains("Auto-Submitted: auto-generated\r\n", letter.Raw, StringComparison.Ordinal);
        Assert.Contains("MAIL FROM:<no-reply@id.example.org>", listener.Commands);
        Assert.Contains("RCPT TO:<jane@example.net>", listener.Commands);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("ü")]
    public async Task No_dot_is_lost_wherever_a_line_is_broken(string letter)
    {
        await using var listener = new SmtpListener();
        var text = new StringBuilder(".\n");
        for (var i = 60; i < 90; i++)
            text.Append(string.Concat(Enumerable.Repeat(letter, i))).Append("...b..\n.\n..\n. c \n\n");
        var dotted = Hello with { Text = text.ToString(), Html = text.ToString() };
        await Smtp(listener).SendAsync(Mail(letter: dotted), CancellationToken.None);
        var sent = EmlFile.Parse((await listener.WaitFor(1, Soon))[0]);
        Assert.Equal((dotted.Text, dotted.Html), (sent.Text, sent.Html));
        var filed = EmlFile.Parse(await Filed(Mail(letter: dotted)));
        Assert.Equal((dotted.Text, dotted.Html), (filed.Text, filed.Html));
    }

    [Fact]
    public async Task An_ascii_letter_can_be_read_in_its_file() =>
        Assert.Contains(
            "\r\nhttps://id.example.org/x?a=b&c=d\r\n",
            await Filed(Mail(letter: Hello with { Text = "Hello\n\nhttps://id.example.org/x?a=b&c=d\n" })),
            StringComparison.Ordinal
        );

    [Fact]
    public async Task A_line_too_long_for_mail_is_encoded()
    {
        var wide = Hello with { Text = new string('x', 2000) + "\n" };
        var raw = await Filed(Mail(letter: wide));
        Assert.All(raw.Split("\r\n"), line => Assert.InRange(line.Length, 0, 998));
        Assert.Equal(wide.Text, EmlFile.Parse(raw).Text);
    }

    [Theory]
    [InlineData(SmtpStage.Connect, 421)]
    [InlineData(SmtpStage.Connect, 554)]
    [InlineData(SmtpStage.Rcpt, 450)]
    [InlineData(SmtpStage.Rcpt, 550)]
    [InlineData(SmtpStage.Data, 451)]
    [InlineData(SmtpStage.Data, 554)]
    [InlineData(SmtpStage.Message, 452)]
    [InlineData(SmtpStage.Message, 552)]
    public async Task A_refusal_throws_and_a_later_attempt_delivers(SmtpStage stage, int code)
    {
        await using var listener = new SmtpListener();
        listener.Refuse(stage, code);
        await Assert.ThrowsAnyAsync<EmailException>(() => Smtp(listener).SendAsync(Mail(), CancellationToken.None));
        Assert.Empty(listener.Received);

        listener.Recover();
        await Smtp(listener).SendAsync(Mail(), CancellationToken.None);
        Assert.Single(await listener.WaitFor(1, Soon));
    }

    [Fact]
    public async Task No_server_throws()
    {
        var listener = new SmtpListener();
        var transport = Smtp(listener);
        await listener.DisposeAsync();
        await Assert.ThrowsAsync<EmailException>(() => transport.SendAsync(Mail(), CancellationToken.None));
    }

    [Theory]
    [InlineData(SmtpStage.Connect)]
    [InlineData(SmtpStage.Rcpt)]
    [InlineData(SmtpStage.Data)]
    [InlineData(SmtpStage.Message)]
    public async Task A_server_that_goes_silent_costs_no_more_than_the_limit(SmtpStage stage)
    {
        await using var listener = new SmtpListener();
        listener.Stall(stage);
        var clock = Stopwatch.StartNew();
        await Assert.ThrowsAsync<TimeoutException>(() =>
            Smtp(listener, milliseconds: 300).SendAsync(Mail(), CancellationToken.None)
        );
        Assert.InRange(clock.ElapsedMilliseconds, 250, 2000);
    }

    [Fact]
    public async Task A_shutdown_ends_a_send_as_cancelled()
    {
        await using var listener = new SmtpListener();
        listener.Stall(SmtpStage.Rcpt);
        using var stop = new CancellationTokenSource(200);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Smtp(listener).SendAsync(Mail(), stop.Token));
    }

    [Fact]
    public async Task Nothing_is_said_in_the_clear_to_a_server_without_starttls()
    {
        await using var listener = new SmtpListener { Offers = ["AUTH LOGIN"] };
        await Assert.ThrowsAsync<EmailException>(() =>
            Smtp(listener, SmtpSecurity.StartTls, "mailer").SendAsync(Mail(), CancellationToken.None)
        );
        Assert.DoesNotContain(
            listener.Commands,
            said =>
                said.StartsWith("AUTH", StringComparison.Ordinal) || said.StartsWith("MAIL", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_user_signs_in_before_sending()
    {
        await using var listener = new SmtpListener { Offers = ["AUTH LOGIN"] };
        await Smtp(listener, user: "mailer").SendAsync(Mail(), CancellationToken.None);
        var said = string.Join('\n', listener.Commands);
        Assert.Contains(Convert.ToBase64String("mailer"u8), said, StringComparison.Ordinal);
        Assert.InRange(
            said.IndexOf(Convert.ToBase64String("s3cret"u8), StringComparison.Ordinal),
            1,
            said.IndexOf("MAIL FROM", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_server_that_offers_only_auth_plain_is_signed_in_to()
    {
        await using var listener = new SmtpListener { Offers = ["AUTH PLAIN"] };
        await Smtp(listener, user: "mailer").SendAsync(Mail(), CancellationToken.None);
        Assert.Contains("AUTH PLAIN " + Convert.ToBase64String("\0mailer\0s3cret"u8), listener.Commands);
        Assert.Single(await listener.WaitFor(1, Soon));
    }

    [Fact]
    public async Task A_wrong_password_is_told_without_it()
    {
        await using var listener = new SmtpListener { Offers = ["AUTH PLAIN"] };
        listener.Refuse(SmtpStage.Auth, 535);
        var refused = await Assert.ThrowsAsync<EmailException>(() =>
            Smtp(listener, user: "mailer").SendAsync(Mail(), CancellationToken.None)
        );
        Assert.Equal("SMTP authentication refused", refused.Message);
    }

    [Theory]
    [InlineData(SmtpSecurity.Tls)]
    [InlineData(SmtpSecurity.StartTls)]
    public async Task An_email_travels_under_tls_to_a_server_that_is_trusted(SmtpSecurity security)
    {
        using var certificate = SelfSigned();
        await using var listener = new SmtpListener
        {
            Certificate = certificate,
            TlsFromTheFirstByte = security == SmtpSecurity.Tls,
            Offers = ["STARTTLS"],
        };
        await Smtp(
                listener,
                security,
                trust: (_, shown, _, _) => shown?.GetCertHashString() == certificate.GetCertHashString()
            )
            .SendAsync(Mail(), CancellationToken.None);
        Assert.Equal(Hello.Text, EmlFile.Parse(Assert.Single(await listener.WaitFor(1, Soon))).Text);
        Assert.True(listener.WasEncrypted);
    }

    [Theory]
    [InlineData(SmtpSecurity.Tls)]
    [InlineData(SmtpSecurity.StartTls)]
    public async Task A_server_whose_certificate_nobody_vouches_for_gets_nothing(SmtpSecurity security)
    {
        using var certificate = SelfSigned();
        await using var listener = new SmtpListener
        {
            Certificate = certificate,
            TlsFromTheFirstByte = security == SmtpSecurity.Tls,
            Offers = ["STARTTLS"],
        };
        var refused = await Assert.ThrowsAsync<EmailException>(() =>
            Smtp(listener, security, "mailer").SendAsync(Mail(), CancellationToken.None)
        );
        Assert.Equal("TLS handshake failed", refused.Message);
        Assert.Empty(listener.Received);
        Assert.DoesNotContain(listener.Commands, said => said.StartsWith("AUTH", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Automatic_security_never_means_none()
    {
        await using var listener = new SmtpListener();
        await Assert.ThrowsAsync<EmailException>(() =>
            Smtp(listener, SmtpSecurity.Auto).SendAsync(Mail(), CancellationToken.None)
        );
        Assert.Empty(listener.Received);
    }

    [Fact]
    public async Task The_machine_gives_the_name_that_the_settings_say()
    {
        await using var listener = new SmtpListener();
        await Smtp(listener, helloName: "auth.example.org").SendAsync(Mail(), CancellationToken.None);
        Assert.Contains("EHLO auth.example.org", listener.Commands);
    }

    [Fact]
    public async Task A_sender_with_an_international_domain_is_written_in_ascii()
    {
        await using var listener = new SmtpListener();
        await Smtp(listener, from: "Bücher <no-reply@bücher.example>", replyTo: "Hilfe <hilfe@bücher.example>")
            .SendAsync(Mail(), CancellationToken.None);
        var sent = Assert.Single(await listener.WaitFor(1, Soon));
        Assert.Contains(
            "MAIL FROM:<no-reply@xn--bcher-kva.example>",
            string.Join('\n', listener.Commands),
            StringComparison.Ordinal
        );
        Assert.Contains("Message-Id: <0198-abc@xn--bcher-kva.example>", sent, StringComparison.Ordinal);
        Assert.Contains("<hilfe@xn--bcher-kva.example>", sent, StringComparison.Ordinal);
        Assert.DoesNotContain(sent, c => c > '~');
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
    }

    [Fact]
    public async Task An_address_beyond_ascii_goes_to_a_server_that_speaks_it()
    {
        await using var listener = new SmtpListener { Offers = ["8BITMIME", "SMTPUTF8"] };
        await Smtp(listener).SendAsync(Mail("jürgen@example.net"), CancellationToken.None);
        Assert.Contains("jürgen@example.net", (await listener.WaitFor(1, Soon))[0], StringComparison.Ordinal);
        Assert.Equal("jürgen@example.net", EmlFile.Parse(await Filed(Mail("jürgen@example.net"))).To);
    }

    [Fact]
    public void Settings_print_no_password() =>
        Assert.DoesNotContain(
            "s3cret",
            new SmtpSettings("h", 25, "u", "s3cret", SmtpSecurity.None).ToString(),
            StringComparison.Ordinal
        );

    private sealed class StoppedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
