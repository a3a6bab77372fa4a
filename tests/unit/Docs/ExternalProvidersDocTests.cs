using System.Text;
using System.Text.RegularExpressions;
using BlazorAuth.Core.Data;
using BlazorAuth.Tests;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;

namespace BlazorAuth.UnitTests.Docs;

/// <summary>
/// The worked examples of the how-to, as they stand there but for the provider's address: each signs somebody in.
/// </summary>
public sealed class ExternalProvidersDocTests() : AuthTest(Store.File)
{
    private const string Here = "http://localhost:5080";

    [Theory]
    [InlineData("work", "Example Works", "openid email profile")]
    [InlineData("github", "GitHub", "read:user")]
    public async Task Every_key_of_an_example_is_true(string name, string label, string scope)
    {
        await using var provider = await TestProvider.StartAsync();
        provider.RedirectUris.Add($"{Here}/login/external/{name}/callback");
        provider.Person =
            name == "github"
                ? new()
                {
                    ["id"] = 583231,
                    ["login"] = "octocat",
                    ["email"] = "jane@example.net",
                    ["sub"] = "not this",
                }
                : new()
                {
                    ["sub"] = "583231",
                    ["name"] = "octocat",
                    ["email"] = "jane@example.net",
                    ["email_verified"] = true,
                };
        await using var site = await Auth.SiteAsync([.. SettingsOf(name, provider)]);
        var visitor = new Visitor(site);
        Assert.Contains($"Continue with {label}", await visitor.GetAsync("/login"), StringComparison.Ordinal);
        var left = await visitor.FillInAsync("/login/external/" + name, "external");
        Assert.Contains($"scope={Uri.EscapeDataString(scope)}&", left.Location, StringComparison.Ordinal);
        using var outside = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        using var sent = await outside.GetAsync(left.Location);
        Assert.Equal(
            "/account",
            (await visitor.SendAsync(new(HttpMethod.Get, sent.Headers.Location!.PathAndQuery))).Location
        );
        Assert.Equal(
            (name, "583231"),
            (await Auth.Use((AuthDbContext db) => db.UserLogins.SingleAsync())) is var login
                ? (login.LoginProvider, login.ProviderKey)
                : default
        );
        var user = await Auth.UserAsync("jane@example.net");
        Assert.Equal(("octocat", name == "work"), (user.DisplayName, user.EmailConfirmed));
    }

    private static IEnumerable<(string, string)> SettingsOf(string name, TestProvider provider)
    {
        var paper = File.ReadAllText(Path.Combine(Clone.Root, "docs", "external-providers.md"));
        var example = Regex
            .Matches(paper, "```json\n(.*?)```", RegexOptions.Singleline)
            .Select(m => m.Groups[1].Value)
            .Single(json => json.Contains($"\"{name}\"", StringComparison.Ordinal));
        using var json = new MemoryStream(Encoding.UTF8.GetBytes(example));
        foreach (
            var (key, value) in new ConfigurationBuilder()
                .AddJsonStream(json)
                .Build()
                .AsEnumerable()
                .Where(s => s.Value is not null)
        )
            yield return (
                key["BlazorAuth:".Length..],
                key.Split(':')[^1] switch
                {
                    "ClientId" => TestProvider.ClientId,
                    "ClientSecret" => TestProvider.ClientSecret,
                    "AuthorizationEndpoint" => provider.Url + "/authorize",
                    "TokenEndpoint" => provider.Url + "/token",
                    "UserInfoEndpoint" => provider.Url + "/userinfo",
                    _ => value!,
                }
            );
    }
}
