using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Web;
using Xunit;

namespace BlazorAuth.UnitTests.Messaging.Email;

public sealed class EmlFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("eml-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private async Task<EmlFile> ThereAndBack(string to, string from, RenderedEmail letter)
    {
        await new FolderTransport(folder, from, "", TimeProvider.System).SendAsync(
            new OutgoingEmail(to, "m1", letter),
            CancellationToken.None
        );
        return EmlFile.Read(Assert.Single(Directory.GetFiles(folder)));
    }

    [Fact]
    public async Task What_the_folder_transport_files_reads_back_the_same()
    {
        var letter = new RenderedEmail(
            "BlazorAuth: Grüße aus Zürich, こんにちは世界, und noch ein ganzes Stück länger, bis es umbricht 🦉🦉🦉🦉🦉🦉🦉🦉🦉",
            "Größe = 5 ☂\n\n  eingerückt \nhttps://id.example.org/" + new string('x', 200) + "?a=3D&b=%20\n",
            "<p lang=\"ja\">" + new string('世', 300) + "</p>\n"
        );
        var read = await ThereAndBack("jane@example.net", "Prüfstelle Ö <no-reply@id.example.org>", letter);
        Assert.Equal(letter, new RenderedEmail(read.Subject, read.Text, read.Html));
        Assert.Equal("jane@example.net", read.To);
        Assert.Contains("Prüfstelle Ö", read.From, StringComparison.Ordinal);
        Assert.Contains("<no-reply@id.example.org>", read.From, StringComparison.Ordinal);
        Assert.Equal("m1@id.example.org", read.MessageId);
        Assert.InRange(read.Date, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddSeconds(1));
    }

    [Theory, MemberData(nameof(EmailTemplatesTests.Kinds), MemberType = typeof(EmailTemplatesTests))]
    public async Task Every_email_survives_the_post(EmailKind kind)
    {
        var site = new Uri("https://id.example.org/");
        var letter = EmailTemplates.Render(
            kind,
            new EmailModel
            {
                Site = site,
                At = DateTimeOffset.UnixEpoch,
                Link = new Uri(site, "x?a=b&c=" + new string('d', 120)),
                Code = "000042",
            }
        );
        var read = await ThereAndBack("jane@example.net", "no-reply@id.example.org", letter);
        Assert.Equal(letter, new RenderedEmail(read.Subject, read.Text, read.Html));
    }

    [Fact]
    public void A_message_without_parts_is_its_text() =>
        Assert.Equal("hello\n", EmlFile.Parse("Subject: x\r\n\r\nhello\r\n").Text);

    [Fact]
    public async Task Half_a_email_gives_what_it_has()
    {
        var whole = await ThereAndBack(
            "jane@example.net",
            "no-reply@id.example.org",
            new RenderedEmail("Grüße", "Grüße\n", "<p>Grüße</p>\n")
        );
        var read = EmlFile.Parse(whole.Raw[..(whole.Raw.LastIndexOf("\r\n\r\n", StringComparison.Ordinal) + 12)]);
        Assert.Equal(("Grüße", "Grüße\n"), (read.Subject, read.Text));
        Assert.StartsWith("<p>", read.Html, StringComparison.Ordinal);
        for (var length = 0; length < whole.Raw.Length; length++)
            EmlFile.Parse(whole.Raw[..length]);
    }

    [Fact]
    public async Task No_damage_makes_it_throw()
    {
        var whole = await ThereAndBack(
            "jane@example.net",
            "no-reply@id.example.org",
            new RenderedEmail("Grüße ☂", "Grüße\n", "<p>Grüße</p>\n")
        );
        var random = new Random(4711);
        const string bits = "=?BQ_-:;\"\n\r\t <>@.Z9\0\uD83E\u2028";
        for (var i = 0; i < 3000; i++)
        {
            var damaged = whole.Raw.ToCharArray();
            for (var hit = 0; hit < 20; hit++)
                damaged[random.Next(damaged.Length)] = bits[random.Next(bits.Length)];
            EmlFile.Parse(new string(damaged));
            EmlFile.Parse(
                "Subject: =?utf-8?B?"
                    + new string(damaged, random.Next(300), 40)
                    + "?=\nContent-Transfer-Encoding: base64\n\n"
                    + new string(damaged, random.Next(300), 40)
            );
        }
    }

    [Fact]
    public void A_file_that_is_gone_reads_as_nothing() =>
        Assert.Null(EmlFile.TryRead(Path.Combine(folder, "gone.eml")));

    [Fact]
    public void An_empty_file_reads_as_an_empty_email()
    {
        var path = Path.Combine(folder, "empty.eml");
        File.WriteAllText(path, "");
        Assert.Equal(new EmlFile("", "", "", DateTimeOffset.MinValue, "", "", "", ""), EmlFile.Read(path));
    }
}
