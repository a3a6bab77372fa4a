using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using BlazorAuth.UnitTests.Support;
using BlazorAuth.Web;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>The site over a store of its own, spoken to in another system's words.</summary>
public abstract class ForeignTest(Store store, params (string Key, string Value)[] settings)
    : AuthTest(store, settings),
        IAsyncLifetime
{
    protected ForeignTest(params (string Key, string Value)[] settings)
        : this(Store.Memory, settings) { }

    protected const string Jane = "jane@example.net";

    protected RunningSite Site { get; private set; } = null!;

    async Task IAsyncLifetime.InitializeAsync()
    {
        await InitializeAsync();
        Site = await Auth.SiteAsync();
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await ((IAsyncLifetime)Site).DisposeAsync();
        await DisposeAsync();
    }

    private protected async Task<Answer> SendAsync(
        HttpMethod method,
        string path,
        object? body = null,
        string? bearer = null,
        params (string Name, string Value)[] headers
    )
    {
        using var request = new HttpRequestMessage(method, path)
        {
            Content = body switch
            {
                null => null,
                string raw => new StringContent(raw, Encoding.UTF8, "application/json"),
                _ => JsonContent.Create(body),
            },
        };
        if (bearer is not null)
            request.Headers.Authorization = new("Bearer", bearer);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var answer = await Site.Client.SendAsync(request);
        return await Answer.OfAsync(answer);
    }

    private protected Task<Answer> PostAsync(string path, object? body = null, string? bearer = null) =>
        SendAsync(HttpMethod.Post, path, body, bearer);

    /// <summary>What no client should send; every dialect refuses it in its own shape.</summary>
    public static TheoryData<string, string> BadBodies =>
        new()
        {
            { "half an object", "{\"email\":" },
            { "an array", "[]" },
            { "null", "null" },
            { "a duplicate name", """{"email":"a@b.example","email":"c@d.example"}""" },
            {
                "numbers",
                """{"email":1,"password":1,"newEmail":1,"newPassword":1,"refreshToken":1,"resetCode":1,"passwordResetToken":1,"auth_data":1,"args":1,"records":1,"old_password":1,"code":1,"enable":1,"userData":1,"username":1}"""
            },
            { "deep nesting", new string('[', 500) + new string(']', 500) },
            {
                "half a surrogate pair",
                """{"email":"\ud800","password":"\ud800","newEmail":"\ud800","newPassword":"\ud800","oldPassword":"\ud800","refreshToken":"\ud800","resetCode":"\ud800","passwordResetToken":"\ud800","auth_data":{"email":"\ud800"},"args":{"email":"\ud800","code":"\ud800","record_key":"\ud800"},"records":[{"_id":"\ud800"}],"old_password":"\ud800","code":"\ud800","twoFactorCode":"\ud800","username":"\ud800","userData":{"a":"\ud800"},"users":["\ud800"],"auth_id":"\ud800","access_token":"\ud800"}"""
            },
            {
                "NUL",
                """{"email":"a\u0000@b.example","password":"\u0000","newEmail":"\u0000","newPassword":"\u0000","oldPassword":"\u0000","refreshToken":"\u0000","resetCode":"\u0000","passwordResetToken":"\u0000","auth_data":{"email":"\u0000"},"args":{"email":"\u0000","code":"\u0000","record_key":"\u0000"},"records":[{"_id":"\u0000"}],"old_password":"\u0000","code":"\u0000","username":"\u0000","userData":{"a":"\u0000"},"users":["\u0000"],"roles":["\u0000"],"auth_id":"\u0000","enable":true,"disabled":true}"""
            },
            { "too much", "{\"email\":\"" + new string('a', 70_000) + "\"}" },
        };
}

internal static class ForeignAnswers
{
    public static JsonElement Json(this Answer answer) => JsonDocument.Parse(answer.Body).RootElement;

    public static string Text(this Answer answer, params string[] path) => answer.Json().At(path).GetString()!;

    public static JsonElement At(this JsonElement json, params string[] path) =>
        path.Aggregate(json, (at, name) => at.GetProperty(name));
}
