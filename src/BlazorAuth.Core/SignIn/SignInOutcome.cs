using System.Text.Json;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.TwoFactor;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.SignIn;

/// <summary>What came of a sign-in. The reason of a wrong one goes to the audit, never out.</summary>
public abstract record SignInOutcome
{
    private SignInOutcome() { }

    /// <summary>A session began.</summary>
    public sealed record SignedIn(Session Session, AuthUser User) : SignInOutcome
    {
        /// <inheritdoc />
        public override T Match<T>(
            Func<SignedIn, T> signedIn,
            Func<NeedsSecondFactor, T> due,
            Func<AuthFailure, T> refused
        ) => signedIn(this);
    }

    /// <summary>
    /// The first factor was right, and <c>VerifySecondFactor</c> goes on with the ticket. Nothing is open yet.
    /// </summary>
    /// <param name="Ticket">
    /// Proves the first factor, once, for five minutes; whoever has it needs the second factor only.
    /// </param>
    /// <param name="Methods">
    /// What would be taken: <c>totp</c>, <c>recovery_code</c>; <c>passkey</c> is given by signing in with it instead.
    /// </param>
    public sealed record NeedsSecondFactor(string Ticket, IReadOnlyList<string> Methods) : SignInOutcome
    {
        /// <summary>As a refusal, for doors whose clients know no second factor.</summary>
        public AuthFailure Failure { get; } = AuthError.SecondFactorRequired;

        /// <inheritdoc />
        public override T Match<T>(
            Func<SignedIn, T> signedIn,
            Func<NeedsSecondFactor, T> due,
            Func<AuthFailure, T> refused
        ) => due(this);
    }

    /// <summary>Nothing began.</summary>
    public sealed record Refused(AuthFailure Failure) : SignInOutcome
    {
        /// <inheritdoc />
        public override T Match<T>(
            Func<SignedIn, T> signedIn,
            Func<NeedsSecondFactor, T> due,
            Func<AuthFailure, T> refused
        ) => refused(Failure);
    }

    /// <summary>One of the branches; a new branch breaks every edge at compile time.</summary>
    public abstract T Match<T>(
        Func<SignedIn, T> signedIn,
        Func<NeedsSecondFactor, T> due,
        Func<AuthFailure, T> refused
    );
}
