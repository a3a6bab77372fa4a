using System.Text.Json;
using BlazorAuth.Core.Results;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Routing;

namespace BlazorAuth.UnitTests.Api;

[Collection(SiteCollection.Name)]
public sealed class ApiDocumentTests(RunningSite site)
{
    [Fact]
    public async Task The_document_has_every_route_with_every_verb()
    {
        var paths = (await Document()).GetProperty("paths");
        foreach (var route in site.ApiRoutes.Concat(site.OAuthRoutes))
        foreach (var method in route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods)
            Assert.True(
                paths
                    .GetProperty("/" + route.RoutePattern.RawText!.Trim('/'))
                    .TryGetProperty(method.ToLowerInvariant(), out _),
                $"{method} {route}"
            );
    }

    [Fact]
    public async Task Every_operation_says_what_it_does_and_which_codes_it_refuses_with()
    {
        foreach (
            var path in (await Document())
                .GetProperty("paths")
                .EnumerateObject()
                .Where(p => p.Name.StartsWith("/api", StringComparison.Ordinal))
        )
        foreach (var operation in path.Value.EnumerateObject())
        {
            Assert.NotEmpty(operation.Value.GetProperty("summary").GetString()!);
            var responses = operation.Value.GetProperty("responses");
            Assert.Contains(
                "unexpected_failure",
                responses.GetProperty("500").GetProperty("description").GetString(),
                StringComparison.Ordinal
            );
            Assert.Contains(responses.EnumerateObject(), r => r.Name.StartsWith('2'));
        }
    }

    [Fact]
    public async Task The_document_names_every_code_that_exists_so_far()
    {
        // Those of second factors come with their routes; a locked or closed account and a missing right are not
        // reachable over these.
        AuthError[] later =
        [
            AuthError.SecondFactorRequired,
            AuthError.SecondFactorInvalid,
            AuthError.TicketExpired,
            AuthError.AccountDisabled,
            AuthError.Forbidden,
        ];
        var text = (await Document()).GetRawText();
        foreach (var error in Enum.GetValues<AuthError>().Except(later))
            Assert.Contains($"`{error.Code()}`", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Routes_that_speak_oauth_list_their_form_and_their_errors()
    {
        var paths = (await Document()).GetProperty("paths");
        foreach (var route in site.OAuthRoutes)
        {
            var post = paths.GetProperty("/" + route.RoutePattern.RawText!.Trim('/')).GetProperty("post");
            Assert.NotEmpty(post.GetProperty("summary").GetString()!);
            Assert.Equal(
                "application/x-www-form-urlencoded",
                post.GetProperty("requestBody").GetProperty("content").EnumerateObject().Single().Name
            );
            foreach (
                var (status, error) in new[]
                {
                    ("400", "invalid_request"),
                    ("401", "invalid_client"),
                    ("413", "invalid_request"),
                    ("500", "server_error"),
                }
            )
            {
                var response = post.GetProperty("responses").GetProperty(status);
                Assert.Contains(
                    $"`{error}`",
                    response.GetProperty("description").GetString(),
                    StringComparison.Ordinal
                );
                Assert.Equal("application/json", response.GetProperty("content").EnumerateObject().Single().Name);
            }
        }
        var grants = paths
            .GetProperty("/oauth/token")
            .GetProperty("post")
            .GetProperty("responses")
            .GetProperty("400")
            .GetProperty("description")
            .GetString()!;
        foreach (
            var told in new[] { "unsupported_grant_type", "invalid_scope", "invalid_grant", "refresh_token_reused" }
        )
            Assert.Contains($"`{told}`", grants, StringComparison.Ordinal);
        var form = (await Document()).GetProperty("components").GetProperty("schemas").GetProperty("TokenForm");
        Assert.Equal(
            ["grant_type", "refresh_token", "client_id", "scope"],
            form.GetProperty("properties").EnumerateObject().Select(p => p.Name)
        );
        Assert.Equal(
            ["grant_type", "refresh_token"],
            form.GetProperty("required").EnumerateArray().Select(p => p.GetString()!)
        );
    }

    [Fact]
    public async Task Bearer_routes_carry_the_security_scheme()
    {
        var get = (await Document()).GetProperty("paths").GetProperty("/api/account").GetProperty("get");
        Assert.Equal("Bearer", get.GetProperty("security")[0].EnumerateObject().Single().Name);
        Assert.Contains(
            "access_token_expired",
            get.GetProperty("responses").GetProperty("401").GetProperty("description").GetString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task The_address_in_a_problem_type_opens()
    {
        foreach (var error in Enum.GetValues<AuthError>())
            Assert.StartsWith(
                error.Code(),
                await site.Client.GetStringAsync($"/problems/{error.Code()}"),
                StringComparison.Ordinal
            );
    }

    private async Task<JsonElement> Document() =>
        JsonDocument.Parse(await site.Client.GetStringAsync("/openapi/v1.json")).RootElement;
}
