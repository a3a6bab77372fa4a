using System.Text.Json;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.Identity;

namespace BlazorAuth.UnitTests.Accounts;

public sealed class ChangeProfileTests : AuthTest
{
    private const string Jane = "jane@example.net";

    private async Task<Caller> SignedIn(string email = Jane, string? username = null)
    {
        await Auth.RegisterAsync(email, username: username);
        return Auth.In(await Auth.SignInAsync(email));
    }

    private Task<Result<Account>> Change(Caller caller, ChangeProfile.Input input) =>
        Auth.Use((ChangeProfile flow) => flow.ChangeAsync(caller, input, default));

    [Fact]
    public async Task What_is_given_changes_and_the_rest_stays()
    {
        var caller = await SignedIn(username: "jane");
        var account = (
            await Change(
                caller,
                new(DisplayName: " Jane ", Avatar: "https://example.org/j.png", Profile: """ {"a":[1]} """)
            )
        ).Value!;
        Assert.Equal(
            ("Jane", "https://example.org/j.png", "jane"),
            (account.DisplayName, account.Avatar, account.Username)
        );
        Assert.Equal(1, account.Profile.GetProperty("a")[0].GetInt32());

        account = (await Change(caller, new(Avatar: (string?)null))).Value!;
        Assert.Equal(("Jane", null), (account.DisplayName, account.Avatar));
        account = (await Change(caller, new(DisplayName: (string?)null, Profile: (string?)null))).Value!;
        Assert.Null(account.DisplayName);
        Assert.Equal("{}", account.Profile.GetRawText());
    }

    [Fact]
    public async Task An_account_shows_itself_and_no_secret()
    {
        var caller = await SignedIn();
        var account = (await Auth.Use((ChangeProfile flow) => flow.ReadAsync(caller, default))).Value!;
        Assert.Equal(
            (caller.UserId, Jane, null, false, true, false),
            (account.Id, account.Email, account.Username, account.EmailVerified, account.Active, account.IsAnonymous)
        );
        Assert.Empty(account.Roles);
        var user = await Auth.UserAsync(Jane);
        foreach (var secret in new[] { user.PasswordHash!, user.SecurityStamp!, user.ConcurrencyStamp! })
            Assert.DoesNotContain(secret, account.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Roles_and_a_lock_are_shown()
    {
        var caller = await SignedIn();
        await Auth.Use(
            async (AuthDbContext db) =>
            {
                db.UserRoles.Add(
                    new IdentityUserRole<string> { UserId = caller.UserId!, RoleId = AuthDbContext.Administrator }
                );
                await db.SaveChangesAsync();
            }
        );
        await Auth.ChangeUserAsync(caller.UserId!, row => row.LockedAt = Auth.Clock.Now);
        var account = (await Auth.Use((ChangeProfile flow) => flow.ReadAsync(caller, default))).Value!;
        Assert.Equal([AuthDbContext.Administrator], account.Roles);
        Assert.False(account.Active);
    }

    [Theory]
    [InlineData("javascript:alert(1)")]
    [InlineData("http://example.org/x.png")]
    [InlineData("https://user:secret@example.org/x.png")]
    [InlineData("https://example.org/\n")]
    [InlineData("//example.org/x.png")]
    [InlineData("")]
    public async Task An_avatar_is_an_https_address(string avatar) =>
        Assert.Equal(
            new FieldError("avatar", FieldErrorCode.NotAUrl),
            Assert.Single((await Change(await SignedIn(), new(Avatar: avatar))).Failure!.FieldErrors)
        );

    [Theory]
    [InlineData("{oops")]
    [InlineData("{}{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("\"{\"")]
    public async Task A_profile_is_a_json_object(string profile)
    {
        var caller = await SignedIn();
        Assert.Equal(
            new FieldError("profile", FieldErrorCode.NotAnObject),
            Assert.Single((await Change(caller, new(Profile: profile))).Failure!.FieldErrors)
        );
        Assert.NotNull((await Auth.Use((ChangeProfile flow) => flow.ReadAsync(caller, default))).Value);
    }

    [Fact]
    public async Task A_profile_that_is_not_unicode_is_refused() => // an attribute could not carry it
        Assert.Equal(
            FieldErrorCode.NotAnObject,
            (await Change(await SignedIn(), new(Profile: "{\"a\":\"\ud800\"}"))).Failure!.FieldErrors[0].Code
        );

    [Fact]
    public async Task Names_and_profiles_have_limits()
    {
        var caller = await SignedIn();
        Assert.Equal(200, (await Change(caller, new(DisplayName: new string('x', 201)))).Failure!.FieldErrors[0].Limit);
        Assert.Null((await Change(caller, new(DisplayName: string.Concat(Enumerable.Repeat("🦉", 200))))).Failure);
        var room = ChangeProfile.MaximumProfileLength - """{"a":""}""".Length;
        Assert.Null((await Change(caller, new(Profile: $$"""{"a":"{{new string('x', room)}}"}"""))).Failure);
        Assert.Equal(
            FieldErrorCode.TooLong,
            (await Change(caller, new(Profile: $$"""{"a":"{{new string('x', room + 1)}}"}""")))
                .Failure!
                .FieldErrors[0]
                .Code
        );
        Assert.Equal(
            FieldErrorCode.TooLong,
            (await Change(caller, new(Profile: $$"""{"a":"{{new string('é', room / 2 + 1)}}"}""")))
                .Failure!
                .FieldErrors[0]
                .Code
        );
        Assert.Equal(
            FieldErrorCode.NotAUrl,
            (await Change(caller, new(Avatar: "https://example.org/" + new string('x', 2048))))
                .Failure!
                .FieldErrors[0]
                .Code
        );
        Assert.Equal(
            FieldErrorCode.HasControlCharacters,
            (await Change(caller, new(DisplayName: "a\u0000"))).Failure!.FieldErrors[0].Code
        );
    }

    [Fact]
    public async Task A_user_name_is_chosen_changed_and_dropped()
    {
        var caller = await SignedIn();
        Assert.Equal("Jane", (await Change(caller, new(Username: "Jane"))).Value!.Username);
        await Auth.SignInAsync("jane");
        Assert.Equal("janet", (await Change(caller, new(Username: "janet"))).Value!.Username);
        Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync("jane"));
        Assert.Null((await Change(caller, new(Username: (string?)null))).Value!.Username);
        Assert.IsType<SignInOutcome.Refused>(await Auth.TrySignInAsync("janet"));
        await Auth.RegisterAsync("other@example.net", username: "janet");
    }

    [Fact]
    public async Task A_taken_user_name_is_refused_and_nothing_changes()
    {
        await Auth.RegisterAsync("john@example.net", username: "john");
        var caller = await SignedIn();
        var refusal = (await Change(caller, new(DisplayName: "Jane", Username: "JOHN"))).Failure!;
        Assert.Equal(
            (AuthError.UsernameTaken, new FieldError("username", FieldErrorCode.Taken)),
            (refusal.Error, Assert.Single(refusal.FieldErrors))
        );
        Assert.Null((await Auth.UserAsync(Jane)).DisplayName);
    }

    [Fact]
    public async Task The_last_name_of_an_account_stays()
    {
        await Auth.RegisterAsync(null, username: "jane");
        var caller = Auth.In(await Auth.SignInAsync("jane"));
        Assert.Equal(
            new FieldError("username", FieldErrorCode.Required),
            Assert.Single((await Change(caller, new(Username: (string?)null))).Failure!.FieldErrors)
        );
        Assert.Equal(
            FieldErrorCode.NotAUserName,
            (await Change(caller, new(Username: "x"))).Failure!.FieldErrors[0].Code
        );
    }

    [Fact]
    public async Task Nobody_in_particular_has_no_account()
    {
        Assert.Equal(AuthError.SessionRevoked, (await Change(Auth.Caller, new(DisplayName: "x"))).Failure?.Error);
        Assert.Equal(
            AuthError.SessionRevoked,
            (await Auth.Use((ChangeProfile flow) => flow.ReadAsync(Auth.Caller, default))).Failure?.Error
        );
    }

    [Fact]
    public async Task A_merged_profile_keeps_what_is_not_named()
    {
        var caller = await SignedIn();
        await Change(caller, new(Profile: """{"city":"Lyon","likes":{"tea":true,"list":[1]}}"""));
        var account = (
            await Change(
                caller,
                new(
                    Profile: """{"likes":{"coffee":null,"list":[2]},"motto":"né"}""",
                    Mode: ChangeProfile.ProfileMode.Merge
                )
            )
        ).Value!;
        Assert.True(
            JsonElement.DeepEquals(
                JsonElement.Parse("""{"city":"Lyon","likes":{"tea":true,"list":[2],"coffee":null},"motto":"né"}"""),
                account.Profile
            )
        );
        var part = "{\"more\":\"" + new string('x', 16_300) + "\"}";
        Assert.Equal(
            FieldErrorCode.TooLong,
            (await Change(caller, new(Profile: part, Mode: ChangeProfile.ProfileMode.Merge)))
                .Failure!
                .FieldErrors[0]
                .Code
        );
        Assert.Equal(
            FieldErrorCode.NotAnObject,
            (await Change(caller, new(Profile: """{"a":1,"a":2}""", Mode: ChangeProfile.ProfileMode.Merge)))
                .Failure!
                .FieldErrors[0]
                .Code
        );
    }

    [Fact]
    public async Task A_merged_profile_is_no_longer_than_it_was_written()
    {
        var caller = await SignedIn();
        await Change(caller, new(Profile: "{\"a\":\"" + new string('好', 5000) + "\"}"));
        // 15 KB, and 30 KB if it were escaped
        Assert.Null((await Change(caller, new(Profile: """{"b":1}""", Mode: ChangeProfile.ProfileMode.Merge))).Failure);
    }

    [Fact]
    public async Task An_anonymous_account_takes_no_user_name_and_learns_of_none()
    {
        await Auth.RegisterAsync("jane@example.net", username: "jane");
        var begun = Assert.IsType<SignInOutcome.SignedIn>(
            await Auth.Use(
                (SignInAnonymously flow) => flow.BeginAsync(Auth.Caller, null, SessionKind.Api, null, default)
            )
        );
        foreach (var name in new[] { "jane", "nobody" })
            Assert.Equal(
                AuthError.Forbidden,
                (
                    await Auth.Use(
                        (ChangeProfile flow) => flow.ChangeAsync(Auth.In(begun.Session), new(Username: name), default)
                    )
                )
                    .Failure
                    ?.Error
            );
    }

    [Fact]
    public async Task Trying_user_names_is_counted()
    {
        await Auth.RegisterAsync("jane@example.net", username: "jane");
        await Auth.RegisterAsync("john@example.net");
        var john = await Auth.SignInAsync("john@example.net");
        await Auth.RestartAsync(("Throttle:SignUpPerAddress", "4"));
        async Task<AuthError?> NameAsync(string name) =>
            (await Auth.Use((ChangeProfile flow) => flow.ChangeAsync(Auth.In(john), new(Username: name), default)))
                .Failure
                ?.Error;
        Assert.Equal(AuthError.UsernameTaken, await NameAsync("jane"));
        Assert.Null(await NameAsync("john"));
        Assert.Null(await NameAsync("john")); // no change is no try
        Assert.Equal(AuthError.RateLimited, await NameAsync("jane"));
    }
}
