using System.Text.RegularExpressions;
using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Tokens;

public sealed class ApiKeysTests() : AuthTest(Store.File)
{
    private const string Jane = "jane@example.net";
    private Session session = null!;

    private async Task<ApiKeys.CreatedKey> MadeAsync(params string[]? scopes)
    {
        if (session is null)
        {
            await Auth.MemberAsync(Jane);
            session = await Auth.SignInAsync(Jane);
        }
        return (await MakeAsync(new("ci", Scopes: scopes is { Length: > 0 } ? scopes : null))).Value!;
    }

    private Task<Result<ApiKeys.CreatedKey>> MakeAsync(ApiKeys.Input input) =>
        Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), input, default));

    private async Task<AuthError?> WhyNotAsync(string key, bool changes = false) =>
        (await Auth.Use((ApiKeys flow) => flow.FindAsync(key, changes, default))).Failure?.Error;

    [Fact]
    public async Task It_is_shown_once_and_nothing_of_it_is_stored()
    {
        var made = await MadeAsync();
        Assert.Matches(new Regex("^blazorauth_[A-Za-z0-9_-]{66}$"), made.Key);
        Assert.Null(await WhyNotAsync(made.Key));
        var listed = Assert.Single(await Auth.Use((ApiKeys flow) => flow.ListAsync(Auth.In(session), default)));
        Assert.Equal(("ci", null), (listed.Description, ApiKeys.EndOf(listed)));
        var proof = made.Key[^43..];
        Assert.DoesNotContain(
            Directory.EnumerateFiles(Auth.Folder, "blazorauth.db*"),
            file =>
                System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(file)).Contains(proof, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Every_changed_character_is_refused()
    {
        var made = await MadeAsync();
        for (var i = 0; i < made.Key.Length; i++)
            foreach (var other in "Aa0_-.".Where(c => c != made.Key[i]))
                Assert.Equal(
                    AuthError.AccessTokenInvalid,
                    await WhyNotAsync(made.Key[..i] + other + made.Key[(i + 1)..])
                );
        foreach (var cut in new[] { made.Key[..^1], made.Key + "A", made.Key.ToUpperInvariant(), "blazorauth_", "" })
            Assert.Equal(AuthError.AccessTokenInvalid, await WhyNotAsync(cut));
    }

    [Fact]
    public async Task Use_is_noted()
    {
        var made = await MadeAsync();
        Auth.Clock.Move(TimeSpan.FromDays(40));
        Assert.Null(await WhyNotAsync(made.Key));
        Assert.Equal(
            Auth.Clock.Now,
            Assert.Single(await Auth.Use((ApiKeys flow) => flow.ListAsync(Auth.In(session), default))).LastSeenAt
        );
    }

    [Fact]
    public async Task It_ends_when_it_was_said_to()
    {
        await MadeAsync();
        var made = (await MakeAsync(new("short", TimeSpan.FromHours(1)))).Value!;
        Auth.Clock.Move(TimeSpan.FromHours(1) - TimeSpan.FromSeconds(1));
        Assert.Null(await WhyNotAsync(made.Key));
        Auth.Clock.Move(TimeSpan.FromSeconds(1));
        Assert.Equal(AuthError.SessionExpired, await WhyNotAsync(made.Key));
    }

    [Fact]
    public async Task A_revoked_one_is_refused_at_once_here_and_elsewhere_after_a_restart()
    {
        var made = await MadeAsync();
        await using var beside = await Auth.BesideAsync();
        Assert.Null(await WhyNotAsync(made.Key));
        Assert.Null(
            (
                await Auth.Use((ApiKeys flow) => flow.RevokeAsync(Auth.In(session), made.Session.Id, null, default))
            ).Failure
        );
        Assert.Equal(AuthError.SessionRevoked, await WhyNotAsync(made.Key));
        Assert.Equal(
            AuthError.SessionRevoked,
            (await beside.Use((ApiKeys flow) => flow.FindAsync(made.Key, false, default))).Failure?.Error
        );
        await Auth.RestartAsync();
        Assert.Equal(AuthError.SessionRevoked, await WhyNotAsync(made.Key));
    }

    [Fact]
    public async Task Nobody_revokes_anothers_key_or_a_session_by_this_way()
    {
        var made = await MadeAsync();
        await Auth.MemberAsync("john@example.net");
        var john = await Auth.SignInAsync("john@example.net");
        Assert.Equal(
            AuthError.NotFound,
            (await Auth.Use((ApiKeys flow) => flow.RevokeAsync(Auth.In(john), made.Session.Id, null, default)))
                .Failure
                ?.Error
        );
        Assert.Equal(
            AuthError.NotFound,
            (await Auth.Use((ApiKeys flow) => flow.RevokeAsync(Auth.In(session), session.Id, null, default)))
                .Failure
                ?.Error
        );
        Assert.Equal(
            AuthError.NotFound,
            (await Auth.Use((SessionStore flow) => flow.EndAsync(Auth.In(session), made.Session.Id, default)))
                .Failure
                ?.Error
        );
        Assert.Null(await WhyNotAsync(made.Key));
    }

    [Fact]
    public async Task It_does_not_sign_itself_out()
    {
        var made = await MadeAsync();
        await Auth.Use((SessionStore flow) => flow.SignOutAsync(Auth.In(made.Session), made.Session.Id, default));
        Assert.Null(await WhyNotAsync(made.Key));
    }

    [Fact]
    public async Task A_changed_password_ends_it_unless_its_owner_keeps_it_and_a_reset_ends_it_always()
    {
        var (first, kept) = (await MadeAsync(), true);
        var made = first;
        Assert.Null(
            (
                await Auth.Use(
                    (ChangePassword flow) =>
                        flow.ChangeAsync(
                            Auth.In(session),
                            new Reauthentication.ByPassword(Password),
                            OtherPassword,
                            endKeys: !kept,
                            default
                        )
                )
            ).Failure
        );
        Assert.Null(await WhyNotAsync(made.Key));
        Assert.Null(
            (
                await Auth.Use(
                    (ChangePassword flow) =>
                        flow.ChangeAsync(
                            Auth.In(session),
                            new Reauthentication.ByPassword(OtherPassword),
                            Password,
                            default
                        )
                )
            ).Failure
        );
        Assert.Equal(AuthError.PasswordChanged, await WhyNotAsync(made.Key));
        made = (await MakeAsync(new("another", Password: Password))).Value!;
        var link = await Auth.ResetLinkAsync(Jane);
        Assert.Null(
            (await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, link, Password, default))).Failure
        );
        Assert.Equal(AuthError.PasswordChanged, await WhyNotAsync(made.Key));
    }

    [Fact]
    public async Task To_sign_out_everywhere_else_ends_it()
    {
        var made = await MadeAsync();
        Assert.Null((await Auth.Use((SessionStore flow) => flow.EndOthersAsync(Auth.In(session), default))).Failure);
        Assert.Equal(AuthError.SessionRevoked, await WhyNotAsync(made.Key));
        Assert.Null(await Auth.DeathOfAsync(session));
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("read", null, AuthError.Forbidden)]
    [InlineData("write", AuthError.Forbidden, null)]
    [InlineData("read write", null, null)]
    [InlineData("orders:list", AuthError.Forbidden, AuthError.Forbidden)]
    public async Task Its_scopes_say_what_it_may_do(string? scopes, AuthError? reads, AuthError? changes)
    {
        var made = await MadeAsync(scopes?.Split(' ') ?? []);
        Assert.Equal((reads, changes), (await WhyNotAsync(made.Key), await WhyNotAsync(made.Key, changes: true)));
    }

    [Fact]
    public async Task It_does_nothing_that_needs_a_step_up_even_with_the_password()
    {
        var caller = Auth.In((await MadeAsync()).Session);
        var refusals = new[]
        {
            (
                await Auth.Use((ChangePassword flow) => flow.ChangeAsync(caller, Password, OtherPassword, default))
            ).Failure,
            (
                await Auth.Use((ChangeEmail flow) => flow.RequestAsync(caller, "new@example.net", Password, default))
            ).Failure,
            (await Auth.Use((CloseAccount flow) => flow.CloseAsync(caller, Password, default))).Failure,
            (
                await Auth.Use(
                    (CloseAccount flow) => flow.CloseAsync(caller, new Reauthentication.RecentOnly(), default)
                )
            ).Failure,
            (
                await Auth.Use((ApiKeys flow) => flow.MakeAsync(caller, new("more", Password: Password), default))
            ).Failure,
            (await Auth.Use((ApiKeys flow) => flow.RevokeAsync(caller, caller.SessionId!, Password, default))).Failure,
            (await Auth.Use((SessionStore flow) => flow.EndOthersAsync(caller, default))).Failure,
            (await Auth.Use((SessionStore flow) => flow.EndAsync(caller, session.Id, default))).Failure,
        };
        Assert.All(refusals, refusal => Assert.Equal(AuthError.Forbidden, refusal?.Error));
    }

    [Fact]
    public async Task Making_one_needs_a_fresh_sign_in_or_the_password()
    {
        await MadeAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        Assert.Equal(AuthError.StepUpRequired, (await MakeAsync(new("late"))).Failure?.Error);
        Assert.Equal(
            AuthError.InvalidCredentials,
            (await MakeAsync(new("late", Password: "not the password"))).Failure?.Error
        );
        Assert.Null((await MakeAsync(new("late", Password: Password))).Failure);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData(" ", null, null)]
    [InlineData("a\u0000b", null, null)]
    [InlineData("long", null, null)]
    [InlineData("ci", -1, null)]
    [InlineData("ci", 0, null)]
    [InlineData("ci", null, "with space")]
    [InlineData("ci", null, "")]
    public async Task Bad_input_is_refused(string? description, int? seconds, string? scope)
    {
        await MadeAsync();
        var input = new ApiKeys.Input(
            description == "long" ? new string('x', 201) : description,
            seconds is null ? null : TimeSpan.FromSeconds(seconds.Value),
            scope is null ? null : [scope]
        );
        Assert.Equal(AuthError.ValidationFailed, (await MakeAsync(input)).Failure?.Error);
    }

    [Fact]
    public async Task Its_text_can_be_read_apart_from_the_text_of_a_session() =>
        Assert.False(
            (
                await Auth.Use(
                    (TokenCodec secret) =>
                        Task.FromResult(secret.TryReadApiKey(secret.RefreshToken(TokenCodec.Random(16), 1), out _))
                )
            )
        );
}
