using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;

namespace BlazorAuth.Tests;

/// <summary>
/// An OAuth 2.0 provider on a port of its own, strict where RFC 6749 and RFC 7636 are: exact redirect addresses, PKCE
/// with S256, codes of one use, one way to authenticate a client. What it answers otherwise is the test's to say.
/// </summary>
public sealed class TestProvider : IAsyncDisposable
{
    public const string ClientId = "blazor auth";
    public const string ClientSecret = "s3cret:with/signs & spaces+%";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, Grant> _codes = new();
    private readonly ConcurrentDictionary<string, Dictionary<string, object?>> _tokens = new();
    private readonly ConcurrentQueue<string> _issued = new();

    private TestProvider(WebApplication app) => _app = app;

    private sealed record Grant(string RedirectUri, string Challenge, Dictionary<string, object?> Claims);

    public string Url { get; private set; } = "";

    /// <summary>Who is signed in at the provider.</summary>
    public Dictionary<string, object?> Person { get; set; } =
        new()
        {
            ["sub"] = "u-1",
            ["email"] = "jane@example.net",
            ["email_verified"] = true,
            ["name"] = "Jane Doe",
        };

    /// <summary>Addresses it sends browsers back to, character for character.</summary>
    public HashSet<string> RedirectUris { get; } = [];

    /// <summary>Whether the secret is taken in the body, and there only.</summary>
    public bool SecretInBody { get; set; }

    /// <summary>The error it sends browsers back with.</summary>
    public string? Refuses { get; set; }

    /// <summary>Whether it shows a page of its own first.</summary>
    public bool AsksConsent { get; set; }

    /// <summary>What a path answers in place of what it should.</summary>
    public ConcurrentDictionary<string, RequestDelegate> Instead { get; } = new();

    /// <summary>Every request, path and query.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Every code and token handed out.</summary>
    public IEnumerable<string> Issued => _issued;

    public static async Task<TestProvider> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var provider = new TestProvider(builder.Build());
        provider._app.Run(provider.AnswerAsync);
        await provider._app.StartAsync();
        provider.Url = provider._app.Urls.First();
        return provider;
    }

    /// <summary>The settings that name it, and where they send people back to.</summary>
    public (string Key, string Value)[] Settings(string name, string site, params (string Key, string Value)[] more)
    {
        RedirectUris.Add($"{site}/login/external/{name}/callback");
        (string Key, string Value)[] settings =
        [
            ("ClientId", ClientId),
            ("ClientSecret", ClientSecret),
            ("AuthorizationEndpoint", Url + "/authorize"),
            ("TokenEndpoint", Url + "/token"),
            ("UserInfoEndpoint", Url + "/userinfo"),
            .. more,
        ];
        return [.. settings.Select(s => ($"External:{name}:{s.Key}", s.Value))];
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private Task AnswerAsync(HttpContext http)
    {
        Requests.Enqueue(http.Request.Path + http.Request.QueryString);
        var path = http.Request.Path.Value!;
        if (Instead.TryGetValue(path, out var instead))
            return instead(http);
        return path switch
        {
            "/authorize" => AuthorizeAsync(http),
            "/token" => TokenAsync(http),
            "/userinfo" => UserInfoAsync(http),
            _ => EndAsync(http, HttpStatusCode.NotFound),
        };
    }

    private async Task AuthorizeAsync(HttpContext http)
    {
        string Of(string name) => http.Request.Query[name].ToString();
        // Without a known client and address it must not send the browser anywhere (RFC 6749 §4.1.2.1).
        if (Of("client_id") != ClientId || !RedirectUris.Contains(Of("redirect_uri")))
        {
            await EndAsync(http, HttpStatusCode.BadRequest);
            return;
        }
        if (AsksConsent && Of("consent").Length == 0)
        {
            var fields = string.Concat(
                http.Request.Query.Select(q =>
                    $"<input type=\"hidden\" name=\"{q.Key}\" value=\"{WebUtility.HtmlEncode(q.Value)}\">"
                )
            );
            http.Response.ContentType = "text/html; charset=utf-8";
            await http.Response.WriteAsync(
                $"<!DOCTYPE html><title>Test provider</title><form action=\"/authorize\">{fields}<button name=\"consent\" value=\"yes\">Allow</button><button name=\"consent\" value=\"no\">Deny</button></form>"
            );
            return;
        }
        var error =
            Refuses
            ?? (
                Of("consent") == "no" ? "access_denied"
                : Of("response_type") != "code" ? "unsupported_response_type"
                : Of("code_challenge_method") != "S256"
                || !Regex.IsMatch(Of("code_challenge"), "^[A-Za-z0-9_-]{43}$")
                || Of("state").Length == 0
                    ? "invalid_request"
                : null
            );
        var back = error is null
            ? ("code", CodeFor(new(Of("redirect_uri"), Of("code_challenge"), Person)))
            : ("error", error);
        var query = new Dictionary<string, string?> { [back.Item1] = back.Item2, ["state"] = Of("state") };
        if (error is not null)
            query["error_description"] = "<script>alert(1)</script>\r\nforged line";
        http.Response.Redirect(QueryHelpers.AddQueryString(Of("redirect_uri"), query));
    }

    private string CodeFor(Grant grant)
    {
        var code = Issue();
        _codes[code] = grant;
        return code;
    }

    private async Task TokenAsync(HttpContext http)
    {
        if (!HttpMethods.IsPost(http.Request.Method) || !http.Request.HasFormContentType)
        {
            await EndAsync(http, HttpStatusCode.MethodNotAllowed);
            return;
        }
        var form = await http.Request.ReadFormAsync();
        if (!IsClient(http, form))
            await ErrorAsync(http, HttpStatusCode.Unauthorized, "invalid_client");
        else if (form["grant_type"] != "authorization_code")
            await ErrorAsync(http, HttpStatusCode.BadRequest, "unsupported_grant_type");
        else if (
            !_codes.TryRemove(form["code"].ToString(), out var grant)
            || grant.RedirectUri != form["redirect_uri"]
            || grant.Challenge
                != WebEncoders.Base64UrlEncode(
                    SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString()))
                )
        )
            await ErrorAsync(http, HttpStatusCode.BadRequest, "invalid_grant");
        else
        {
            var token = Issue();
            _tokens[token] = grant.Claims;
            await http.Response.WriteAsJsonAsync(
                new
                {
                    access_token = token,
                    token_type = "Bearer",
                    expires_in = 3600,
                    refresh_token = Issue(),
                    id_token = Issue(),
                }
            );
        }
    }

    private bool IsClient(HttpContext http, IFormCollection form)
    {
        var basic = Convert.ToBase64String(
            Encoding.ASCII.GetBytes($"{Uri.EscapeDataString(ClientId)}:{Uri.EscapeDataString(ClientSecret)}")
        );
        return SecretInBody
            ? form["client_id"] == ClientId
                && form["client_secret"] == ClientSecret
                && http.Request.Headers.Authorization.Count == 0
            : http.Request.Headers.Authorization == "Basic " + basic && !form.ContainsKey("client_secret");
    }

    private async Task UserInfoAsync(HttpContext http)
    {
        if (
            http.Request.Headers.Authorization.ToString() is ['B', 'e', 'a', 'r', 'e', 'r', ' ', .. var token]
            && _tokens.TryGetValue(token, out var claims)
        )
            await http.Response.WriteAsJsonAsync(claims);
        else
            await EndAsync(http, HttpStatusCode.Unauthorized);
    }

    private string Issue()
    {
        var secret = WebEncoders.Base64UrlEncode(RandomNumberGenerator.GetBytes(32));
        _issued.Enqueue(secret);
        return secret;
    }

    private static Task ErrorAsync(HttpContext http, HttpStatusCode status, string error)
    {
        http.Response.StatusCode = (int)status;
        return http.Response.WriteAsJsonAsync(new { error, error_description = "a description of the provider" });
    }

    private static Task EndAsync(HttpContext http, HttpStatusCode status)
    {
        http.Response.StatusCode = (int)status;
        return Task.CompletedTask;
    }
}
