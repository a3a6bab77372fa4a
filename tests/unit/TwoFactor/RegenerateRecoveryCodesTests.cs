using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;

namespace BlazorAuth.UnitTests.TwoFactor;

public sealed class RegenerateRecoveryCodesTests : AuthTest
{
    private const string Jane = "jane@example.org";
    private Session session = null!;

    private async Task<(IReadOnlyList<string> Codes, byte[] App)> JaneAsync()
    {
        await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        return await Auth.SecondFactorAsync(session);
    }

    private Task<Result<RegenerateRecoveryCodes.NewCodes>> MakeAsync() =>
        Auth.Use((RegenerateRecoveryCodes flow) => flow.MakeAsync(Auth.ProvenIn(session), default));

    [Fact]
    public async Task There_are_ten_each_opens_once_and_people_may_write_them_their_way()
    {
        var (codes, _) = await JaneAsync();
        Assert.Equal(10, codes.Distinct().Count());
        Assert.All(codes, code => Assert.Matches("^[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}$", code));
        var typed =
            " "
            + codes[0]
                .ToUpperInvariant()
                .Replace("-", " ", StringComparison.Ordinal)
                .Replace('0', 'O')
                .Replace('1', 'l');
        var given = Assert.IsType<SignInOutcome.SignedIn>(
            (await Auth.VerifyAsync(await Auth.TicketAsync(Jane), null, typed)).Outcome
        );
        Assert.Equal("pwd otp mfa", given.Session.Methods);
        Assert.Equal(
            AuthError.SecondFactorInvalid,
            (await Auth.VerifyAsync(await Auth.TicketAsync(Jane), null, codes[0])).Outcome.Failure()?.Error
        );
        await Auth.DeliverAsync();
        Assert.Contains(
            "Codes left: 9",
            Auth.Mail.Sent.Last(m =>
                m.Content.Subject.Contains("recovery code", StringComparison.Ordinal)
            ).Content.Text,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task New_ones_take_the_place_of_the_old_and_the_owner_is_told()
    {
        var (old, _) = await JaneAsync();
        var made = (await MakeAsync()).Value!;
        Assert.Empty(made.Codes.Intersect(old));
        Assert.Equal(10, (await Auth.RowsAsync())["RecoveryCodes"]);
        Assert.NotNull((await Auth.VerifyAsync(await Auth.TicketAsync(Jane), null, old[0])).Outcome.Failure());
        Assert.Null((await Auth.VerifyAsync(await Auth.TicketAsync(Jane), null, made.Codes[0])).Outcome.Failure());
        await Auth.DeliverAsync();
        Assert.Contains("You have new recovery codes", Auth.SubjectsTo(Jane));
        Assert.Single(await Auth.AuditAsync(), e => e.Event == AuditEvent.RecoveryCodesMade);
    }

    [Fact]
    public async Task How_many_are_left_is_known_and_two_are_few()
    {
        var (codes, _) = await JaneAsync();
        for (var left = 9; left >= 2; left--)
        {
            Assert.Null((await Auth.VerifyAsync(await Auth.TicketAsync(Jane), null, codes[left])).Outcome.Failure());
            var state = await Auth.Use(
                (ManageAuthenticator flow) => flow.PreviewAsync(Auth.ProvenIn(session), default)
            );
            Assert.Equal((left, left <= 2), (state.CodesLeft, state.RunsOut));
        }
    }

    [Fact]
    public async Task A_used_one_stays_used_after_a_restart()
    {
        var (codes, _) = await JaneAsync();
        Assert.Null((await Auth.VerifyAsync(await Auth.TicketAsync(Jane), null, codes[3])).Outcome.Failure());
        await Auth.RestartAsync();
        Assert.Equal(
            AuthError.SecondFactorInvalid,
            (await Auth.VerifyAsync(await Auth.TicketAsync(Jane), null, codes[3])).Outcome.Failure()?.Error
        );
    }

    [Fact]
    public async Task They_are_made_where_there_is_a_second_factor_on_a_fresh_sign_in_by_a_person()
    {
        await Auth.MemberAsync(Jane);
        session = await Auth.SignInAsync(Jane);
        Assert.Equal(AuthError.NotFound, (await MakeAsync()).Failure?.Error);
        await Auth.SecondFactorAsync(session);
        var key = Auth.In(
            (await Auth.Use((ApiKeys flow) => flow.MakeAsync(Auth.In(session), new("ci"), default))).Value!.Session
        );
        Assert.Equal(
            AuthError.Forbidden,
            (await Auth.Use((RegenerateRecoveryCodes flow) => flow.MakeAsync(key, default))).Failure?.Error
        );
        Auth.Clock.Move(TimeSpan.FromMinutes(15));
        Assert.Equal(AuthError.StepUpRequired, (await MakeAsync()).Failure?.Error);
    }

    [Fact]
    public async Task Guesses_share_the_budget_of_the_app_at_every_door()
    {
        var (codes, app) = await JaneAsync();
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        for (var i = 0; i < 10; i++)
            Assert.Equal(
                AuthError.SecondFactorInvalid,
                (
                    await Auth.VerifyAsync(
                        await Auth.TicketAsync(Jane, i % 2 == 0 ? SessionKind.Api : SessionKind.Browser),
                        i % 3 == 0 ? "000000" : null,
                        "aaaaa-aaaaa"
                    )
                )
                    .Outcome.Failure()
                    ?.Error
            );
        Assert.Equal(
            AuthError.RateLimited,
            (await Auth.VerifyAsync(await Auth.TicketAsync(Jane), null, codes[0])).Outcome.Failure()?.Error
        );
        Assert.Equal(
            AuthError.RateLimited,
            (await Auth.VerifyAsync(await Auth.TicketAsync(Jane, SessionKind.Api), Auth.CodeOf(app)))
                .Outcome.Failure()
                ?.Error
        );
        Assert.Equal(
            AuthError.RateLimited,
            (
                await Auth.Use(
                    (Reauthenticate flow) =>
                        flow.ReauthenticateAsync(
                            Auth.In(session),
                            new Reauthentication.ByCode(Auth.CodeOf(app)),
                            default
                        )
                )
            )
                .Failure
                ?.Error
        );
    }
}
