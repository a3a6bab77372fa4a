using System.Text;
using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Options;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Keys;

public sealed class MasterKeyTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("key-").FullName;

    private string KeyFile => Path.Combine(folder, "master.key");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void It_is_made_for_its_owner_only_and_leaves_no_draft()
    {
        MasterKey.Open(KeyFile, storeHasKeys: false);
        Assert.Equal(["master.key"], Directory.GetFiles(folder).Select(Path.GetFileName));
        Assert.Equal(32, Convert.FromBase64String(File.ReadAllText(KeyFile).Trim()).Length);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyFile));
    }

    [Fact]
    public void What_one_opening_wraps_the_next_unwraps()
    {
        var wrapped = MasterKey.Open(KeyFile, false).Wrap("mac-1", "secret"u8);
        Assert.Equal("secret"u8.ToArray(), MasterKey.Open(KeyFile, true).Unwrap("mac-1", wrapped));
        Assert.DoesNotContain("secret", Encoding.Latin1.GetString(wrapped), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_thing_is_never_wrapped_the_same()
    {
        var key = MasterKey.Open(KeyFile, false);
        Assert.NotEqual(key.Wrap("a", "secret"u8), key.Wrap("a", "secret"u8));
    }

    [Fact]
    public void A_wrapped_key_opens_under_its_own_name_only_and_unchanged()
    {
        var key = MasterKey.Open(KeyFile, false);
        var wrapped = key.Wrap("signing-1", "secret"u8);
        Assert.Throws<ConfigurationException>(() => key.Unwrap("signing-2", wrapped));
        for (var i = 0; i < wrapped.Length; i++)
        {
            wrapped[i] ^= 1;
            Assert.Throws<ConfigurationException>(() => key.Unwrap("signing-1", wrapped));
            wrapped[i] ^= 1;
        }
        Assert.Equal("secret"u8.ToArray(), key.Unwrap("signing-1", wrapped));
    }

    [Fact]
    public void A_store_with_keys_gets_no_new_master_key()
    {
        var fault = Assert.Throws<ConfigurationException>(() => MasterKey.Open(KeyFile, storeHasKeys: true));
        Assert.Contains("is missing", Assert.Single(fault.Lines), StringComparison.Ordinal);
        Assert.False(File.Exists(KeyFile));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not base64 !")]
    [InlineData("c2hvcnQ=")]
    [InlineData("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")]
    public void A_file_that_is_no_master_key_is_refused_and_not_quoted(string content)
    {
        File.WriteAllText(KeyFile, content);
        var fault = Assert.Throws<ConfigurationException>(() => MasterKey.Open(KeyFile, false));
        if (content.Length > 0)
            Assert.DoesNotContain(content, fault.Message, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(KeyFile));
    }

    [Fact]
    public async Task Processes_that_start_together_use_one_master_key()
    {
        var wrapped = await AuthFixture.RaceAsync(
            8,
            _ => Task.FromResult(MasterKey.Open(KeyFile, false).Wrap("x", "secret"u8))
        );
        var key = MasterKey.Open(KeyFile, true);
        Assert.All(wrapped, one => Assert.Equal("secret"u8.ToArray(), key.Unwrap("x", one)));
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public async Task A_store_opens_with_its_own_master_key_only()
    {
        await using var auth = await AuthFixture.StartAsync(Store.File);
        var file = Path.Combine(auth.Folder, "master.key");
        var right = await File.ReadAllTextAsync(file);
        await File.WriteAllTextAsync(file, Convert.ToBase64String(new byte[32]));
        var fault = await Assert.ThrowsAsync<ConfigurationException>(() => auth.RestartAsync());
        Assert.Contains("does not open with this master key", Assert.Single(fault.Lines), StringComparison.Ordinal);
        await File.WriteAllTextAsync(file, right);
        await auth.RestartAsync();
    }
}
