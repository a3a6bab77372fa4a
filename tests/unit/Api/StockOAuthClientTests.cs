using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace BlazorAuth.UnitTests.Api;

/// <summary>
/// A client that knows the address of the metadata and its own name, and nothing else of this product.
/// </summary>
public sealed class StockOAuthClientTests(OAuthSite site) : IClassFixture<OAuthSite>
{
    [Fact]
    public async Task It_refreshes_introspects_and_revokes_by_what_the_metadata_says()
    {
        var metadata = await MetadataAsync("/.well-known/oauth-authorization-server");
        Assert.Equal(["refresh_token"], Texts(metadata, "grant_types_supported"));
        Assert.Equal(["none"], Texts(metadata, "token_endpoint_auth_methods_supported"));
        Assert.Equal(["none"], Texts(metadata, "revocation_endpoint_auth_methods_supported"));
        Assert.Equal(
            ["client_secret_basic", "client_secret_post"],
            Texts(metadata, "introspection_endpoint_auth_methods_supported")
        );
        var (token, introspect, revoke) = (
            Path(metadata, "token_endpoint"),
            Path(metadata, "introspection_endpoint"),
            Path(metadata, "revocation_endpoint")
        );

        var pair = await site.PairAsync();
        var request = new OpenIdConnectMessage
        {
            GrantType = OpenIdConnectGrantTypes.RefreshToken,
            RefreshToken = pair.GetProperty("refreshToken").GetString(),
            ClientId = "blazorauth",
        };
        using var sent = await site.Client.PostAsync(token, new FormUrlEncodedContent(request.Parameters));
        Assert.True(sent.IsSuccessStatusCode);
        var answer = new OpenIdConnectMessage(await sent.Content.ReadAsStringAsync());
        Assert.Equal("bearer", answer.TokenType, ignoreCase: true); // RFC 6749 §5.1: case insensitive
        Assert.Equal(600, int.Parse(answer.ExpiresIn, System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(
            HttpStatusCode.OK,
            (await site.SendAsync(HttpMethod.Get, "/api/account", bearer: answer.AccessToken)).StatusCode
        );

        var server = OAuthSite.Basic(OAuthSite.Awkward, OAuthSite.AwkwardSecret);
        var told = await OAuthSite.JsonAsync(
            await site.PostAsync(introspect, server, ("token", answer.AccessToken), ("token_type_hint", "access_token"))
        );
        Assert.True(told.GetProperty("active").GetBoolean());
        Assert.Equal(metadata.GetProperty("issuer").GetString(), told.GetProperty("iss").GetString());

        Assert.Equal(
            HttpStatusCode.OK,
            (
                await site.PostAsync(
                    revoke,
                    ("token", answer.RefreshToken),
                    ("token_type_hint", "refresh_token"),
                    ("client_id", "blazorauth")
                )
            ).StatusCode
        );
        told = await OAuthSite.JsonAsync(await site.PostAsync(introspect, server, ("token", answer.AccessToken)));
        Assert.Equal("""{"active":false}""", told.GetRawText());

        request.RefreshToken = answer.RefreshToken;
        using var refused = await site.Client.PostAsync(token, new FormUrlEncodedContent(request.Parameters));
        var error = new OpenIdConnectMessage(await refused.Content.ReadAsStringAsync());
        Assert.Equal(
            (HttpStatusCode.BadRequest, "invalid_grant", "session_revoked"),
            (refused.StatusCode, error.Error, error.ErrorDescription)
        );
    }

    [Fact]
    public async Task The_reader_inside_the_bearer_handler_takes_the_metadata()
    {
        var documents = new HttpDocumentRetriever(site.Client) { RequireHttps = false };
        var read = await OpenIdConnectConfigurationRetriever.GetAsync(
            new Uri(site.Client.BaseAddress!, "/.well-known/openid-configuration").ToString(),
            new Elsewhere(documents, site.Client.BaseAddress!),
            default
        );
        Assert.Equal(("http://localhost:5080", "http://localhost:5080/oauth/token"), (read.Issuer, read.TokenEndpoint));
        Assert.Equal(["refresh_token"], read.GrantTypesSupported);
        Assert.NotEmpty(read.SigningKeys);
    }

    [Fact]
    public async Task Both_documents_say_the_same() =>
        Assert.Equal(
            (await MetadataAsync("/.well-known/openid-configuration")).GetRawText(),
            (await MetadataAsync("/.well-known/oauth-authorization-server")).GetRawText()
        );

    /// <summary>The test's site listens at another port than its public address names.</summary>
    private sealed class Elsewhere(HttpDocumentRetriever documents, Uri listening) : IDocumentRetriever
    {
        public Task<string> GetDocumentAsync(string address, CancellationToken cancel) =>
            documents.GetDocumentAsync(new Uri(listening, new Uri(address).AbsolutePath).ToString(), cancel);
    }

    private Task<JsonElement> MetadataAsync(string path) => site.Client.GetFromJsonAsync<JsonElement>(path);

    private static string Path(JsonElement metadata, string name) =>
        new Uri(metadata.GetProperty(name).GetString()!).AbsolutePath;

    private static string[] Texts(JsonElement metadata, string name) =>
        [.. metadata.GetProperty(name).EnumerateArray().Select(v => v.GetString()!)];
}
