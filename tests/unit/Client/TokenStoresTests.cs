using BlazorAuth.Client;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Client;

/// <summary>What survives a restart, and who can read it.</summary>
public sealed class TokenStoresTests(ClientSite site) : IClassFixture<ClientSite>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("client-").FullName;

    private string File => Path.Combine(_folder, "made", "session.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_session_in_a_file_survives_a_restart()
    {
        var person = await site.PersonAsync(new FileTokenStore(File));
        var again = person.Again(new FileTokenStore(File));
        Assert.Null(again.Auth.CurrentUser);
        Assert.Equal(person.Auth.CurrentUser!.Id, (await again.Auth.RestoreAsync())!.Id);
        Assert.Empty(again.Wire.Sent);
        Assert.Equal([UserChangeReason.Restored], again.Reasons);
        Assert.Equal(person.Auth.CurrentUser.Email, (await again.Auth.WhoAmIAsync())!.Email);
        await again.Auth.SignOutAsync();
        Assert.Null(await person.Again(new FileTokenStore(File)).Auth.RestoreAsync());
    }

    [Fact]
    public async Task Only_the_owner_reads_the_file_and_nothing_is_left_beside_it()
    {
        var person = await site.PersonAsync(new FileTokenStore(File));
        person.Clock.Move(TimeSpan.FromMinutes(11));
        await person.Auth.WhoAmIAsync();
        Assert.Equal(File, Assert.Single(Directory.GetFiles(Path.GetDirectoryName(File)!)));
        if (OperatingSystem.IsWindows())
            return;
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            System.IO.File.GetUnixFileMode(Path.GetDirectoryName(File)!)
        );
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"site\":\"http://localhost\"}")]
    public async Task A_broken_file_is_nobody_and_the_next_sign_in_replaces_it(string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        await System.IO.File.WriteAllTextAsync(File, content);
        var person = site.Stranger(new FileTokenStore(File));
        Assert.Null(await person.Auth.RestoreAsync());
        await person.Auth.SignInAsync(await site.AccountAsync(), Person.Password);
        Assert.NotNull(await person.Again(new FileTokenStore(File)).Auth.RestoreAsync());
    }

    [Fact]
    public async Task A_session_of_one_service_is_never_shown_to_another()
    {
        var person = await site.PersonAsync(new FileTokenStore(File));
        var elsewhere = new Person(new Uri("http://other.example"), person.Store);
        Assert.Null(await elsewhere.Auth.RestoreAsync());
        Assert.NotNull(await person.KeptAsync());
    }

    [Fact]
    public async Task Two_processes_over_one_file_take_each_others_pairs()
    {
        var one = await site.PersonAsync(new FileTokenStore(File));
        var two = one.Again(new FileTokenStore(File));
        await two.Auth.RestoreAsync();
        one.Clock.Move(TimeSpan.FromMinutes(11));
        two.Clock.Move(TimeSpan.FromMinutes(11));
        await one.Auth.WhoAmIAsync();
        site.Clock.Move(TimeSpan.FromMinutes(1)); // the leeway is over: the old token would end the session
        Assert.NotNull(await two.Auth.WhoAmIAsync());
        Assert.Equal((1, 0), (one.Wire.Count("POST /api/token/refresh"), two.Wire.Count("POST /api/token/refresh")));
        one.Clock.Move(TimeSpan.FromMinutes(1));
        await one.Auth.ChangePasswordAsync(Person.Password, "an even better one");
        Assert.NotNull(await two.Auth.WhoAmIAsync());
        Assert.Equal([UserChangeReason.Restored], two.Reasons);
    }

    [Fact]
    public void A_stored_session_prints_no_token()
    {
        var user = new User("u", null, null, false, null, null, true, true, [], default, default);
        var text = new StoredSession(
            "https://id.example",
            "s",
            "access-secret",
            "refresh-secret",
            default,
            default,
            user
        ).ToString();
        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
    }
}
