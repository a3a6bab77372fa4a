using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Pages;

[Collection(SiteCollection.Name)]
public sealed class ModuleOriginsTests(RunningSite site)
{
    [Fact]
    public async Task Pages_of_other_origins_may_import_it_and_nothing_else()
    {
        var module = await site.SendAsync(HttpMethod.Get, "/blazorauth.js");
        Assert.Equal(
            ("*", "text/javascript"),
            (
                module.Headers.GetValues("Access-Control-Allow-Origin").Single(),
                module.Content.Headers.ContentType?.MediaType
            )
        );
        foreach (var path in new[] { "/", "/login", "/app.js", "/api/account" })
            Assert.False((await site.SendAsync(HttpMethod.Get, path)).Headers.Contains("Access-Control-Allow-Origin"));
    }
}
