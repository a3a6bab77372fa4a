using BlazorAuth.Core.Security;

namespace BlazorAuth.UnitTests.Security;

public class RevertibleChangeTests
{
    [Theory]
    [InlineData("""{"kind":"passkey-added","id":"AQID"}""")]
    [InlineData("""{"kind":"second-factor-added"}""")]
    [InlineData("""{"kind":"second-factor-removed","id":"a","wrapped":"AQID"}""")]
    [InlineData("""{"kind":"provider-linked","provider":"acme","key":"jane"}""")]
    [InlineData("""{"kind":"email-changed","address":"jane@example.net","verified":true}""")]
    public void A_state_is_written_as_it_is_read(string json) =>
        Assert.Equal(json, RevertibleChange.Read(json)!.ToJson());

    [Fact]
    public void A_removed_passkey_keeps_its_whole_row()
    {
        var data = new Microsoft.AspNetCore.Identity.IdentityPasskeyData
        {
            PublicKey = [1],
            Name = "a key",
            CreatedAt = DateTimeOffset.UnixEpoch,
            SignCount = 3,
            Transports = ["usb", "nfc"],
            IsUserVerified = true,
            IsBackupEligible = true,
            IsBackedUp = true,
            AttestationObject = [2],
            ClientDataJson = [3],
        };
        var read = Assert.IsType<RevertibleChange.PasskeyRemoved>(
            RevertibleChange.Read(new RevertibleChange.PasskeyRemoved("AQID", data).ToJson())
        );
        Assert.Equivalent(data, read.Data, strict: true);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("not json")]
    [InlineData("""{"kind":"something-newer"}""")]
    [InlineData("01976f2e-0000-7000-8000-000000000000")]
    public void What_this_version_does_not_know_leaves_nothing_to_restore(string? state) =>
        Assert.Null(RevertibleChange.Read(state));
}
