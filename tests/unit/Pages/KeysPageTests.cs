using System.Text.RegularExpressions;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Pages;

[Collection(SiteCollection.Name)]
public sealed partial class KeysPageTests(RunningSite site)
{
    private const string Password = "correct horse battery";

    [Fact]
    public async Task A_key_made_on_the_page_opens_the_api_until_it_is_revoked_there()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        await site.PairAsync(email, Password);
        var visitor = new Visitor(site);
        await visitor.PostAsync(
            "/login",
            Form().Matches(await visitor.GetAsync("/login"))[0].Value,
            ("identifier", email),
            ("current-password", Password)
        );
        var (status, page) = await visitor.PostAsync(
            "/account/keys",
            Keys(await visitor.GetAsync("/account/keys")),
            ("description", "a <b>backup</b>")
        );
        Assert.Equal(200, status);
        var key = Key().Match(page).Value;
        Assert.Contains("a &lt;b&gt;backup&lt;/b&gt;", page, StringComparison.Ordinal);
        Assert.Equal(
            System.Net.HttpStatusCode.OK,
            (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: key)).StatusCode
        );

        var again = await visitor.GetAsync("/account/keys");
        Assert.DoesNotMatch(Key(), again); // shown once
        var revoke = Regex.Match(again, "name=\"revoke\" value=\"([^\"]+)\"").Groups[1].Value;
        Assert.Equal((303, "/account/keys"), await visitor.PostAsync("/account/keys", Keys(again), ("revoke", revoke)));
        Assert.Equal(
            System.Net.HttpStatusCode.Unauthorized,
            (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: key)).StatusCode
        );
        Assert.Contains("The key is revoked", await visitor.GetAsync("/account/keys"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_without_a_purpose_is_refused_on_the_page()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        await site.PairAsync(email, Password);
        var visitor = new Visitor(site);
        await visitor.PostAsync(
            "/login",
            Form().Matches(await visitor.GetAsync("/login"))[0].Value,
            ("identifier", email),
            ("current-password", Password)
        );
        var (status, page) = await visitor.PostAsync(
            "/account/keys",
            Keys(await visitor.GetAsync("/account/keys")),
            ("description", " ")
        );
        Assert.Equal(422, status);
        Assert.Contains("Enter what it is for.", page, StringComparison.Ordinal);
    }

    private static string Keys(string page) =>
        Form().Matches(page).First(f => f.Value.Contains("description", StringComparison.Ordinal)).Value;

    [GeneratedRegex("<form.*?</form>", RegexOptions.Singleline)]
    private static partial Regex Form();

    [GeneratedRegex("blazorauth_[A-Za-z0-9_-]{66}")]
    private static partial Regex Key();
}
