using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Administration;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// No text brings a fault: PostgreSQL refuses NUL, and nothing can write half a surrogate pair as UTF-8.
/// </summary>
public abstract class AnyTextTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : AnyTextTests(Store.Memory);

    [OnPostgres]
    public sealed class OnPostgres() : AnyTextTests(Store.Postgres);

    [StoreTheory]
    [InlineData("a\0b")]
    [InlineData("\0")]
    [InlineData("jane\0@example.net")]
    [InlineData("jane@exam\0ple.net")]
    [InlineData("half")]
    [InlineData("'; DROP TABLE \"Sessions\"; --")]
    public async Task Every_field_of_every_act_is_answered(string text)
    {
        if (text == "half")
            text = "jane\ud83d@example.net"; // cannot stand in an attribute
        var jane = await Auth.MemberAsync("jane@example.net");
        var session = await Auth.SignInAsync("jane@example.net");
        Auth.Caller = Caller.Anonymous("203.0.113.7", text); // the address comes from the connection
        var me = Auth.In(session);
        await Auth.Use(
            (SignInWithPassword flow) =>
                flow.WithPasswordAsync(Auth.Caller, new(text, text, SessionKind.Browser), default)
        );
        await Auth.SignInAsync("jane@example.net");
        await Auth.Use(
            (Register flow) => flow.CreateAsync(Auth.Caller, new(text, null, text + "long enough"), default)
        );
        await Auth.Use(
            (Register flow) => flow.CreateAsync(Auth.Caller, new(null, text, text + "long enough"), default)
        );
        await Auth.Use(
            (Register flow) =>
                flow.CreateAsync(Auth.Caller, new(null, "john", text + "long enough", text, text), default)
        );
        await Auth.Use((VerifyEmail flow) => flow.SendAsync(Auth.Caller, text, default));
        await Auth.Use((VerifyEmail flow) => flow.ConfirmAsync(Auth.Caller, text, default));
        await Auth.Use((VerifyEmail flow) => flow.ConfirmCodeAsync(Auth.Caller, text, text, default));
        await Auth.Use((VerifyEmail flow) => flow.ConfirmCodeAsync(Auth.Caller, "jane@example.net", text, default));
        await Auth.Use((VerifyEmail flow) => flow.DisownAsync(Auth.Caller, text, default));
        await Auth.Use((ResetPassword flow) => flow.RequestAsync(Auth.Caller, text, default));
        await Auth.Use((ResetPassword flow) => flow.SetAsync(Auth.Caller, text, text, default));
        await Auth.Use((ChangeEmail flow) => flow.RequestAsync(me, text, text, default));
        await Auth.Use((ChangeEmail flow) => flow.ConfirmAsync(me, text, default));
        await Auth.Use((ChangePassword flow) => flow.ChangeAsync(me, text, text, default));
        await Auth.Use((ChangeProfile flow) => flow.ChangeAsync(me, new(DisplayName: text), default));
        await Auth.Use(
            (ChangeProfile flow) => flow.ChangeAsync(me, new(Avatar: "https://example.net/" + text), default)
        );
        await Auth.Use((ChangeProfile flow) => flow.ChangeAsync(me, new(Username: text), default));
        await Auth.Use((ChangeProfile flow) => flow.ChangeAsync(me, new(Profile: text), default));
        await Auth.Use((ChangeProfile flow) => flow.ChangeAsync(me, new(Profile: """{"a":"\u0000"}"""), default));
        await Auth.Use((CreateFirstAdministrator flow) => flow.MakeAsync(Auth.Caller, text, text, text, default));
        await Auth.RefreshAsync(text);
        Assert.Equal(
            AuthError.NotFound,
            (await Auth.Use((SessionStore flow) => flow.EndAsync(me, text, default))).Failure?.Error
        );
        Assert.Equal(jane.Id, (await Auth.UserAsync("jane@example.net")).Id);
    }

    [StoreFact]
    public async Task An_agent_that_is_cut_in_the_middle_of_a_character_is_kept()
    {
        await Auth.MemberAsync("jane@example.net");
        Auth.Caller = Caller.Anonymous("203.0.113.7", new string('x', Caller.MaximumAgentLength - 1) + "\ud83d\ude00");
        var session = await Auth.SignInAsync("jane@example.net");
        Assert.Equal(new string('x', Caller.MaximumAgentLength - 1) + "\ufffd", session.Agent);
    }
}
