using BlazorAuth.Core;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;

namespace BlazorAuth.UnitTests.Support;

/// <summary>Shorter calls for tests whose proof is the password.</summary>
internal static class Proofs
{
    public static Task<Result> CloseAsync(
        this CloseAccount flow,
        Caller caller,
        string password,
        CancellationToken ct
    ) => flow.CloseAsync(caller, new Reauthentication.ByPassword(password), ct);

    public static Task<Result<Session>> ChangeAsync(
        this ChangePassword flow,
        Caller caller,
        string? current,
        string? next,
        CancellationToken ct
    ) => flow.ChangeAsync(caller, Reauthentication.From(current), next, ct);

    public static Task<Result> RequestAsync(
        this ChangeEmail flow,
        Caller caller,
        string? email,
        string? password,
        CancellationToken ct
    ) => flow.RequestAsync(caller, email, Reauthentication.From(password), ct);

    /// <summary>The owner of a session, as if a factor had proven it when it was last proven.</summary>
    public static Caller ProvenIn(this AuthFixture auth, Session session) =>
        auth.In(session) with
        {
            FactorAt = session.AuthenticatedAt,
        };
}
