using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using FsCheck;
using FsCheck.Fluent;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>What people, their mail server, an administrator and the operator do.</summary>
internal enum Act
{
    Register,
    SignInToTheSite,
    SignInToTheApi,
    VerifyByLink,
    VerifyByCode,
    AskToVerify,
    Refresh,
    Replay,
    Visit,
    Forget,
    Reset,
    AskToMove,
    ConfirmMove,
    ChangePassword,
    EndOne,
    EndOthers,
    SignOut,
    Close,
    LockOrUnlock,
    HoldMail,
    Wait,
    Restart,
}

/// <summary>
/// One act. The numbers choose among whatever there is when its turn comes, so that any part of a story is a story.
/// </summary>
internal sealed record Step(Act Act, int Who, int Which)
{
    public override string ToString() => $"{Act} {Who} {Which}";
}

/// <summary>A random sequence of acts, shrunk by leaving acts out and then by choosing smaller numbers.</summary>
internal sealed record Scenario(IReadOnlyList<Step> Steps)
{
    private const int Longest = 40;

    private static readonly (int Weight, Act Act)[] Acts =
    [
        (3, Act.Register),
        (4, Act.SignInToTheSite),
        (4, Act.SignInToTheApi),
        (2, Act.VerifyByLink),
        (2, Act.VerifyByCode),
        (1, Act.AskToVerify),
        (5, Act.Refresh),
        (3, Act.Replay),
        (2, Act.Visit),
        (3, Act.Forget),
        (4, Act.Reset),
        (3, Act.AskToMove),
        (3, Act.ConfirmMove),
        (2, Act.ChangePassword),
        (1, Act.EndOne),
        (1, Act.EndOthers),
        (1, Act.SignOut),
        (1, Act.Close),
        (1, Act.LockOrUnlock),
        (1, Act.HoldMail),
        (4, Act.Wait),
        (1, Act.Restart),
    ];

    public static Arbitrary<Scenario> Any { get; } = Arb.ToArbitrary(Tell(), story => story.Smaller());

    public override string ToString() => string.Join("; ", Steps);

    private static Gen<Scenario> Tell()
    {
        var deck = Acts.SelectMany(act => Enumerable.Repeat(act.Act, act.Weight)).ToArray();
        var step =
            from act in Gen.Elements(deck)
            from who in Gen.Choose(0, 11)
            from which in Gen.Choose(0, 11)
            select new Step(act, who, which);
        Step[] opening = [new(Act.Register, 0, 0), new(Act.SignInToTheApi, 0, 0), new(Act.SignInToTheSite, 0, 0)];
        return from length in Gen.Choose(2, Longest - opening.Length)
            from steps in step.ArrayOf(length)
            select new Scenario([.. opening, .. steps]);
    }

    private IEnumerable<Scenario> Smaller()
    {
        for (var cut = Steps.Count / 2; cut > 0; cut /= 2)
        for (var from = 0; from + cut <= Steps.Count; from += cut)
            yield return new Scenario([.. Steps.Take(from), .. Steps.Skip(from + cut)]);
        for (var i = 0; i < Steps.Count; i++)
        {
            if (Steps[i].Who > 0)
                yield return With(i, Steps[i] with { Who = 0 });
            if (Steps[i].Which > 0)
                yield return With(i, Steps[i] with { Which = 0 });
        }
    }

    private Scenario With(int place, Step step) => new([.. Steps.Take(place), step, .. Steps.Skip(place + 1)]);
}
