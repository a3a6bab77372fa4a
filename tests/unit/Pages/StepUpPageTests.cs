using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Pages;

public sealed class StepUpPageTests : AuthTest, IAsyncLifetime
{
    private const string Jane = "jane@example.net";
    private RunningSite site = null!;

    async Task IAsyncLifetime.InitializeAsync()
    {
        await InitializeAsync();
        site = await Auth.SiteAsync();
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await ((IAsyncLifetime)site).DisposeAsync();
        await DisposeAsync();
    }

    private async Task<Visitor> JaneAsync()
    {
        await Auth.MemberAsync(Jane);
        var visitor = new Visitor(site);
        await visitor.SignInAsync(Jane, Password);
        return visitor;
    }

    [Fact]
    public async Task Who_signed_in_long_ago_is_asked_again_and_comes_back_to_the_form_filled()
    {
        var visitor = await JaneAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(16));
        var asked = await visitor.FillInAsync("/account/keys", "keys", ("description", "the <backup>"));
        Assert.Equal((303, "/account/step-up?returnUrl=%2Faccount%2Fkeys"), (asked.Status, asked.Location));

        var wrong = await visitor.FillInAsync(asked.Location!, "step-up", ("current-password", "not the password"));
        Assert.Equal(422, wrong.Status);
        Assert.Contains("The password is incorrect.", wrong.Body, StringComparison.Ordinal);

        var back = await visitor.FillInAsync(asked.Location!, "step-up", ("current-password", Password));
        Assert.Equal((303, "/account/keys"), (back.Status, back.Location));
        var page = await visitor.GetAsync(back.Location!);
        Assert.Contains("value=\"the &lt;backup&gt;\"", page, StringComparison.Ordinal);
        Assert.DoesNotContain("open too long", page, StringComparison.Ordinal);
        // once
        Assert.DoesNotContain("the &lt;backup&gt;", await visitor.GetAsync("/account/keys"), StringComparison.Ordinal);

        Assert.Contains(
            "blazorauth_",
            (await visitor.SendFormAsync("/account/keys", Visitor.FormOf(page, "keys"), ("description", "x"))).Body,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task What_was_typed_is_shown_on_its_own_page_only()
    {
        var visitor = await JaneAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(16));
        await visitor.FillInAsync("/account/keys", "keys", ("description", "the backup"));
        Assert.DoesNotContain("the backup", await visitor.GetAsync("/account"), StringComparison.Ordinal);
        Assert.DoesNotContain("the backup", await visitor.GetAsync("/account/email"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_copy_of_the_cookie_from_before_the_proof_opens_nothing()
    {
        var visitor = await JaneAsync();
        var copy = visitor.Copy();
        await visitor.FillInAsync("/account/step-up", "step-up", ("current-password", Password));
        Assert.NotEmpty(await visitor.GetAsync("/account"));
        Assert.Empty(await copy.GetAsync("/account"));
    }

    [Fact]
    public async Task The_code_of_the_authenticator_is_asked_for_where_there_is_one()
    {
        var visitor = await JaneAsync();
        Assert.DoesNotContain(
            "authenticator",
            await visitor.GetAsync("/account/step-up"),
            StringComparison.OrdinalIgnoreCase
        );
        var app = await Auth.AuthenticatorAsync(await Auth.UserAsync(Jane));
        var back = await visitor.FillInAsync(
            "/account/step-up?returnUrl=/account/email",
            "step-up-code",
            ("code", app.Code())
        );
        Assert.Equal((303, "/account/email"), (back.Status, back.Location));
    }

    [Fact]
    public async Task The_way_back_is_a_path_of_this_site()
    {
        var visitor = await JaneAsync();
        var back = await visitor.FillInAsync(
            "/account/step-up?returnUrl=//evil.example",
            "step-up",
            ("current-password", Password)
        );
        Assert.Equal("/account", back.Location);
    }

    [Fact]
    public async Task Who_leaves_the_password_out_for_the_authenticator_changes_the_address_with_its_code()
    {
        var visitor = await JaneAsync();
        var app = await Auth.AuthenticatorAsync(await Auth.UserAsync(Jane));
        var empty = await visitor.FillInAsync(
            "/account/email",
            "email",
            ("email", "new@example.net"),
            ("current-password", ""),
            ("code", "")
        );
        Assert.Equal(422, empty.Status);
        var done = await visitor.FillInAsync(
            "/account/email",
            "email",
            ("email", "new@example.net"),
            ("current-password", ""),
            ("code", app.Code())
        );
        Assert.Equal(303, done.Status);
        await Auth.DeliverAsync();
        Assert.Contains("Confirm your new e-mail address", Auth.SubjectsTo("new@example.net"));
    }

    [Fact]
    public async Task Where_the_next_act_takes_no_password_none_is_asked_for()
    {
        var visitor = await JaneAsync();
        var app = await Auth.AuthenticatorAsync(await Auth.UserAsync(Jane));
        var asked = await visitor.FillInAsync("/account/two-factor", "two-factor", ("act", "make"));
        Assert.Equal("/account/step-up?returnUrl=%2Faccount%2Ftwo-factor&with=factor", asked.Location);
        var page = await visitor.GetAsync(asked.Location!);
        Assert.DoesNotContain("current-password", page, StringComparison.Ordinal);
        Assert.Equal(303, (await visitor.FillInAsync(asked.Location!, "step-up-code", ("code", app.Code()))).Status);
    }

    [Fact]
    public async Task The_api_asks_for_it_takes_it_and_goes_on_with_the_new_token()
    {
        await Auth.MemberAsync(Jane);
        var token = (await Auth.ApiPairAsync(Jane)).AccessToken;
        Auth.Clock.Move(TimeSpan.FromMinutes(9));
        var pair = await Auth.ApiPairAsync(Jane);
        Auth.Clock.Move(TimeSpan.FromMinutes(8));
        Assert.NotNull(token);
        Assert.Equal("access_token_expired", await CodeAsync(HttpMethod.Post, "/api/account/totp", null, token));

        var refreshed = await Auth.RefreshAsync(pair.RefreshToken);
        Auth.Clock.Move(TimeSpan.FromMinutes(8));
        Assert.Equal(
            "step_up_required",
            await CodeAsync(HttpMethod.Post, "/api/account/totp", null, refreshed.Value!.AccessToken)
        );
        Assert.Equal(
            "validation_failed",
            await CodeAsync(HttpMethod.Post, "/api/account/step-up", new { }, refreshed.Value.AccessToken)
        );
        Assert.Equal(
            "invalid_credentials",
            await CodeAsync(
                HttpMethod.Post,
                "/api/account/step-up",
                new { password = "wrong" },
                refreshed.Value.AccessToken
            )
        );
        using var answer = await site.SendAsync(
            HttpMethod.Post,
            "/api/account/step-up",
            JsonContent.Create(new { password = Password }),
            refreshed.Value.AccessToken
        );
        Assert.Equal((HttpStatusCode.OK, true), (answer.StatusCode, answer.Headers.CacheControl!.NoStore));
        var fresh = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("accessToken").GetString();
        Assert.Equal(
            "access_token_expired",
            await CodeAsync(HttpMethod.Get, "/api/account", null, refreshed.Value.AccessToken)
        );
        Assert.Null(await CodeAsync(HttpMethod.Post, "/api/account/totp", null, fresh));
    }

    private async Task<string?> CodeAsync(HttpMethod method, string path, object? body, string? token)
    {
        using var answer = await site.SendAsync(method, path, body is null ? null : JsonContent.Create(body), token);
        return answer.IsSuccessStatusCode
            ? null
            : (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString();
    }
}
