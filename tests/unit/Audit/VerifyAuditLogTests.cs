using BlazorAuth.Core.Audit;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Audit;

/// <summary>What it finds is in Invariants/AuditTests; here, that looking leaves no trace.</summary>
public sealed class VerifyAuditLogTests : AuthTest
{
    [Fact]
    public async Task A_look_changes_nothing()
    {
        await Auth.MemberAsync("jane@example.net");
        var before = await Auth.RowsAsync();
        var first = await Auth.Use((VerifyAuditLog flow) => flow.PreviewAsync(default));
        Assert.Null(first.Broken);
        Assert.Equal(first, await Auth.Use((VerifyAuditLog flow) => flow.PreviewAsync(default)));
        Assert.Equal(before, await Auth.RowsAsync());
    }
}
