using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Tokens;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Accounts;

public sealed class RegisterTests : AuthTest
{
    private Task<Result<Register.Registered>> Register(
        string? email = "jane@example.net",
        string? username = null,
        string? password = Password,
        string? displayName = null,
        string? profile = null
    ) =>
        Auth.Use(
            (Register flow) =>
                flow.CreateAsync(Auth.Caller, new(email, username, password, displayName, profile), default)
        );

    private async Task<AuthFailure> Refused(
        string? email = "jane@example.net",
        string? username = null,
        string? password = Password,
        string? displayName = null,
        string? profile = null
    )
    {
        var before = await Auth.RowsAsync();
        var outcome = await Register(email, username, password, displayName, profile);
        Assert.Null(outcome.Value);
        var after = await Auth.RowsAsync();
        foreach (var unchanging in new[] { "AspNetUsers", "Outbox", "Sessions" })
            Assert.Equal(before[unchanging], after[unchanging]);
        return outcome.Failure!;
    }

    [Fact]
    public async Task A_name_and_a_password_are_judged_without_making_anything()
    {
        await Register(username: "jane");
        var own = Auth.In(await Auth.SignInAsync("jane"));
        async Task<AuthError?> Judge(Register.Input input, Caller? caller = null)
        {
            var before = await Auth.RowsAsync();
            var refusal = await Auth.Use((Register flow) => flow.JudgeAsync(caller ?? Auth.Caller, input, default));
            var after = await Auth.RowsAsync();
            foreach (var unchanging in new[] { "AspNetUsers", "Outbox", "Sessions" })
                Assert.Equal(before[unchanging], after[unchanging]);
            return refusal?.Error;
        }
        Assert.Null(await Judge(new(null, "john", Password)));
        Assert.Null(await Judge(new("jane@example.net", null, null))); // whether an address is taken is not told
        Assert.Null(await Judge(new(null, "JANE", null), own));
        Assert.Equal(AuthError.UsernameTaken, await Judge(new(null, "JANE", null)));
        Assert.Equal(AuthError.ValidationFailed, await Judge(new(null, "x", null)));
        Assert.Equal(AuthError.WeakPassword, await Judge(new(null, null, "short")));
    }

    [Fact]
    public async Task A_sign_up_makes_an_account_that_can_sign_in()
    {
        var user = (await Register(displayName: "  Jane  ", username: "Jane.Doe", profile: """{"a":1}""")).Value!.User!;
        Assert.Equal(
            ("jane@example.net", "Jane.Doe", "Jane", """{"a":1}"""),
            (user.Email, user.ChosenUserName, user.DisplayName, user.Profile)
        );
        Assert.False(user.EmailConfirmed);
        Assert.Equal(Auth.Clock.Now, user.CreatedAt);
        await Auth.SignInAsync("jane@example.net");
        await Auth.SignInAsync("JANE.doe");
        Assert.Contains(await Auth.AuditAsync(), e => e.Event == AuditEvent.Registered && e.UserId == user.Id);
    }

    [Fact]
    public async Task A_sign_up_sends_a_email_that_verifies()
    {
        await Register();
        await Auth.DeliverAsync();
        var letter = Auth.LastEmailTo("jane@example.net");
        Assert.Contains($"{Site}/verify-email?token=", letter.Content.Text, StringComparison.Ordinal);
        Assert.Equal(6, CodeIn(letter).Length);
    }

    [Fact]
    public async Task The_address_is_kept_in_its_one_spelling()
    {
        await Register(" Jane@EXAMPLE.net ");
        Assert.Equal("jane@example.net", (await Auth.UserAsync("jane@example.net")).Email);
        Assert.Equal(AuthError.EmailTaken, (await Refused("JANE@example.NET")).Error);
    }

    [Fact]
    public async Task A_taken_address_is_told_where_sign_up_signs_in()
    {
        await Register();
        var refusal = await Refused(password: OtherPassword);
        Assert.Equal(new FieldError("email", FieldErrorCode.Taken), Assert.Single(refusal.FieldErrors));
        await Auth.SignInAsync("jane@example.net"); // the first password still
    }

    [Fact]
    public async Task A_taken_user_name_is_told()
    {
        await Register(username: "jane");
        Assert.Equal(AuthError.UsernameTaken, (await Refused("other@example.net", "JANE")).Error);
    }

    [Fact]
    public async Task A_user_name_alone_makes_an_account_and_no_email()
    {
        var user = (await Register(email: null, username: "jane")).Value!.User!;
        Assert.Null(user.Email);
        Assert.Equal(0, await Auth.DeliverAsync());
        await Auth.SignInAsync("jane");
    }

    [Fact]
    public async Task Accounts_without_an_address_do_not_collide()
    {
        Assert.NotNull((await Register(email: null, username: "jane")).Value);
        Assert.NotNull((await Register(email: null, username: "john")).Value);
    }

    [Theory]
    [InlineData(null, null, "email", FieldErrorCode.Required)]
    [InlineData("", " ", "email", FieldErrorCode.Required)]
    [InlineData("not an address", null, "email", FieldErrorCode.NotAnEmail)]
    [InlineData("\u017fam@example.net", null, "email", FieldErrorCode.NotAnEmail)]
    [InlineData("jane@example.net", "x", "username", FieldErrorCode.NotAUserName)]
    [InlineData("jane@example.net", "a@b.example", "username", FieldErrorCode.NotAUserName)]
    public async Task A_malformed_name_is_refused(
        string? email,
        string? username,
        string field,
        FieldErrorCode fault
    ) => Assert.Equal(new FieldError(field, fault), Assert.Single((await Refused(email, username)).FieldErrors));

    [Theory]
    [InlineData(null, AuthError.ValidationFailed, FieldErrorCode.Required)]
    [InlineData("short", AuthError.WeakPassword, FieldErrorCode.TooShort)]
    [InlineData("password", AuthError.CommonPassword, FieldErrorCode.Common)]
    [InlineData("jane@example.net", AuthError.WeakPassword, FieldErrorCode.Guessable)]
    public async Task A_weak_password_is_refused(string? password, AuthError error, FieldErrorCode fault)
    {
        var refusal = await Refused(password: password);
        Assert.Equal(
            (error, "password", fault),
            (refusal.Error, refusal.FieldErrors[0].Field, refusal.FieldErrors[0].Code)
        );
    }

    [Theory]
    [InlineData("a\u0000b", null, "displayName", FieldErrorCode.HasControlCharacters)]
    [InlineData("a\nb", null, "displayName", FieldErrorCode.HasControlCharacters)]
    [InlineData(null, "[1]", "profile", FieldErrorCode.NotAnObject)]
    [InlineData(null, "{oops", "profile", FieldErrorCode.NotAnObject)]
    public async Task A_malformed_description_is_refused(
        string? displayName,
        string? profile,
        string field,
        FieldErrorCode fault
    )
    {
        var refusal = await Refused(displayName: displayName, profile: profile);
        Assert.Equal(new FieldError(field, fault), Assert.Single(refusal.FieldErrors));
    }

    [Fact]
    public async Task A_description_has_limits()
    {
        Assert.Equal(FieldErrorCode.TooLong, (await Refused(displayName: new string('x', 201))).FieldErrors[0].Code);
        Assert.Equal(
            FieldErrorCode.TooLong,
            (await Refused(profile: $$"""{"a":"{{new string('x', 16 * 1024)}}"}""")).FieldErrors[0].Code
        );
        Assert.NotNull((await Register(displayName: string.Concat(Enumerable.Repeat("🦉", 200)))).Value);
    }

    [Fact]
    public async Task Sign_ups_from_one_network_address_are_limited()
    {
        await Auth.RestartAsync(("Throttle:SignUpPerAddress", "2"));
        Assert.NotNull((await Register("a@example.net")).Value);
        Assert.NotNull((await Register("b@example.net")).Value);
        var refusal = await Refused("c@example.net");
        Assert.Equal(AuthError.RateLimited, refusal.Error);
        Assert.Equal(TimeSpan.FromHours(1), refusal.RetryAfter);
    }

    [Fact]
    public async Task A_site_without_sign_up_takes_nobody()
    {
        await Auth.RestartAsync(("SignUp:Enabled", "false"));
        Assert.Equal(AuthError.SignUpDisabled, (await Refused()).Error);
    }
}

public sealed class RegisterInThePrivateModeTests() : AuthTest(settings: ("SignIn:RequireVerifiedEmail", "true"))
{
    private Task<Result<Register.Registered>> Register(
        string password = Password,
        string? username = null,
        string? displayName = null
    ) =>
        Auth.Use(
            (Register flow) =>
                flow.CreateAsync(Auth.Caller, new("jane@example.net", username, password, displayName), default)
        );

    private async Task<AuthError?> SignInError(string identifier, string password)
    {
        var outcome = await Auth.TrySignInAsync(identifier, password);
        return outcome.Failure()?.Error;
    }

    [Fact]
    public async Task A_free_and_a_taken_address_get_the_same_answer_after_the_same_hashing()
    {
        var hashes = Auth.Hashes.Hashed;
        var free = await Register();
        Assert.Equal(1, Auth.Hashes.Hashed - hashes);
        await Auth.DeliverAsync();
        await Auth.Use(
            (VerifyEmail flow) =>
                flow.ConfirmAsync(Auth.Caller, LinkTokenIn(Auth.LastEmailTo("jane@example.net")), default)
        );

        hashes = Auth.Hashes.Hashed;
        var taken = await Register(OtherPassword);
        Assert.Equal(1, Auth.Hashes.Hashed - hashes);
        Assert.Equal(free, taken);
        Assert.Null(free.Value!.User);
    }

    [Fact]
    public async Task The_owner_of_a_taken_address_gets_a_email_and_keeps_everything()
    {
        var owner = await Auth.MemberAsync("jane@example.net");
        await Register(OtherPassword, "thief", "Thief");
        await Auth.DeliverAsync();
        Assert.Equal("You already have an account", Auth.SubjectsTo("jane@example.net")[^1]);
        Assert.Equal("", LinkTokenIn(Auth.LastEmailTo("jane@example.net")));
        var now = await Auth.UserAsync("jane@example.net");
        Assert.Equal(
            (owner.PasswordHash, owner.UserName, owner.DisplayName),
            (now.PasswordHash, now.UserName, now.DisplayName)
        );
    }

    [Fact]
    public async Task An_account_gets_no_session_before_its_address_is_verified()
    {
        await Register();
        Assert.Equal(AuthError.EmailNotVerified, await SignInError("jane@example.net", Password));
        Assert.Equal(AuthError.InvalidCredentials, await SignInError("jane@example.net", OtherPassword));
        Assert.Equal(0, (await Auth.RowsAsync())["Sessions"]);
    }

    [Fact]
    public async Task Where_two_signed_up_with_an_address_verifying_it_voids_what_either_set_and_a_password_is_chosen_by_mail()
    {
        await Register(Password, "stranger", "Stranger");
        await Register(OtherPassword, "jane", "Jane");
        await Auth.DeliverAsync();
        Assert.Null(
            (
                await Auth.Use(
                    (VerifyEmail flow) =>
                        flow.ConfirmAsync(Auth.Caller, LinkTokenIn(Auth.LastEmailTo("jane@example.net")), default)
                )
            ).Failure
        );

        Assert.Equal(AuthError.InvalidCredentials, await SignInError("jane@example.net", Password));
        Assert.Equal(AuthError.InvalidCredentials, await SignInError("jane@example.net", OtherPassword));
        Assert.Equal(AuthError.InvalidCredentials, await SignInError("stranger", Password));
        var user = await Auth.UserAsync("jane@example.net");
        Assert.Equal((user.Id, null, null, null), (user.UserName, user.DisplayName, user.Avatar, user.Profile));
        await Auth.DeliverAsync();
        Assert.Null(
            (
                await Auth.Use(
                    (ResetPassword flow) =>
                        flow.SetAsync(
                            Auth.Caller,
                            LinkTokenIn(Auth.LastEmailTo("jane@example.net")),
                            "green bottles on a wall",
                            default
                        )
                )
            ).Failure
        );
        await Auth.SignInAsync("jane@example.net", "green bottles on a wall");
    }

    [Fact]
    public async Task A_user_name_is_not_reserved_where_that_would_tell_a_free_address()
    {
        await Register(Password, "jane");
        Assert.Null((await Auth.UserAsync("jane@example.net")).ChosenUserName);
    }

    [Fact]
    public async Task Somebody_who_signs_up_twice_gets_the_link_again()
    {
        await Register();
        await Register();
        await Auth.DeliverAsync();
        Assert.All(
            Auth.SubjectsTo("jane@example.net"),
            subject => Assert.Equal("Confirm your e-mail address", subject)
        );
        Assert.Single(
            await Auth.Use((AuthDbContext db) => db.OneTimeTokens.Where(t => t.RevokedAt == null).ToListAsync())
        );
    }
}
