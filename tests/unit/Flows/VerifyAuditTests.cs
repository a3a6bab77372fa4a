using BlazorAuth.Core.Flows;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Flows;

/// <summary>What it finds is in Laws/AuditTests; here, that looking leaves no trace.</summary>
public sealed class VerifyAuditTests : AuthTest
{
    [Fact]
    public async Task A_look_changes_nothing()
    {
        await Auth.MemberAsync("jane@example.net");
        var before = await Auth.RowsAsync();
        var first = await Auth.Use((VerifyAudit flow) => flow.LookAsync(default));
        Assert.Null(first.Broken);
        Assert.Equal(first, await Auth.Use((VerifyAudit flow) => flow.LookAsync(default)));
        Assert.Equal(before, await Auth.RowsAsync());
    }
}
