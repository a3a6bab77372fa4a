using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;

namespace BlazorAuth.Core.Security;

/// <summary>What happened to an account, where something that opens it must end because of that.</summary>
public enum SecurityEvent
{
    /// <summary>The owner changed the password.</summary>
    PasswordChanged,

    /// <summary>The password was reset by the link of an email.</summary>
    PasswordReset,

    /// <summary>The account moved to another email address.</summary>
    EmailChanged,

    /// <summary>An authenticator app was added, replaced or removed.</summary>
    SecondFactorChanged,

    /// <summary>A passkey was removed.</summary>
    PasskeyRemoved,

    /// <summary>The owner chose that a password alone does not sign in.</summary>
    PasswordAloneRefused,

    /// <summary>A provider was unlinked.</summary>
    ProviderUnlinked,

    /// <summary>The owner took a change back by the link of a notice.</summary>
    ChangeReverted,

    /// <summary>The owner of the address verified it, and somebody else had registered it (pre-hijack).</summary>
    RegistrationTakenOver,

    /// <summary>Who verified the address asked for a new password and an end of everything older.</summary>
    OlderCredentialsEnded,

    /// <summary>The owner of the address rejected the registration.</summary>
    RegistrationRejected,

    /// <summary>An administrator locked the account.</summary>
    AccountLocked,

    /// <summary>The account was closed.</summary>
    AccountClosed,
}

/// <summary>Which sessions an event ends.</summary>
public enum SessionScope
{
    /// <summary>Every session but the one the owner acts in.</summary>
    Others,

    /// <summary>Every session.</summary>
    All,

    /// <summary>Every session; nothing of where they came from is kept.</summary>
    AllAndErased,
}

/// <summary>What one event revokes.</summary>
/// <param name="Event">The event.</param>
/// <param name="Tokens">The one-time tokens that end; empty for all but those that take a change back.</param>
/// <param name="Sessions">The sessions that end.</param>
/// <param name="Reason">The reason that the ended sessions get.</param>
/// <param name="ApiKeys">Whether the API keys of the account end too, where the owner does not say otherwise.</param>
/// <param name="TrustedDevices">Whether the trusted devices are forgotten.</param>
/// <param name="UndoToo">Whether the tokens that take a change back end too.</param>
public sealed record RevocationRule(
    SecurityEvent Event,
    IReadOnlyList<TokenPurpose> Tokens,
    SessionScope Sessions,
    SessionEnd Reason,
    bool ApiKeys,
    bool TrustedDevices,
    bool UndoToo = false
);

/// <summary>What dies when: the one table of what an event revokes, and the one place that applies it.</summary>
public sealed class Revocation(OneTimeTokens tokens, SessionStore sessions, TrustedDevices devices)
{
    private static readonly TokenPurpose[] AllButUndo = [];

    /// <summary>One rule for every event.</summary>
    public static readonly IReadOnlyList<RevocationRule> Table =
    [
        new(
            SecurityEvent.PasswordChanged,
            [TokenPurpose.ResetPassword, TokenPurpose.ChangeEmail, TokenPurpose.SecondFactor, TokenPurpose.EmailCode],
            SessionScope.Others,
            SessionEnd.PasswordChanged,
            ApiKeys: true,
            TrustedDevices: true
        ),
        new(SecurityEvent.PasswordReset, AllButUndo, SessionScope.All, SessionEnd.PasswordReset, true, true),
        new(SecurityEvent.EmailChanged, AllButUndo, SessionScope.Others, SessionEnd.EmailChanged, false, false),
        new(
            SecurityEvent.SecondFactorChanged,
            [TokenPurpose.SecondFactor],
            SessionScope.Others,
            SessionEnd.Revoked,
            ApiKeys: false,
            TrustedDevices: true
        ),
        new(
            SecurityEvent.PasskeyRemoved,
            [
                TokenPurpose.SecondFactor,
                TokenPurpose.PasskeyAssertion,
                TokenPurpose.PasskeyCreation,
                TokenPurpose.EmailCode,
            ],
            SessionScope.Others,
            SessionEnd.Revoked,
            ApiKeys: false,
            TrustedDevices: true
        ),
        new(
            SecurityEvent.PasswordAloneRefused,
            [TokenPurpose.SecondFactor],
            SessionScope.Others,
            SessionEnd.Revoked,
            ApiKeys: false,
            TrustedDevices: true
        ),
        new(
            SecurityEvent.ProviderUnlinked,
            [TokenPurpose.SecondFactor],
            SessionScope.Others,
            SessionEnd.Revoked,
            ApiKeys: false,
            TrustedDevices: true
        ),
        new(SecurityEvent.ChangeReverted, AllButUndo, SessionScope.All, SessionEnd.Revoked, true, true),
        new(SecurityEvent.RegistrationTakenOver, AllButUndo, SessionScope.All, SessionEnd.Disowned, true, true, true),
        new(
            SecurityEvent.OlderCredentialsEnded,
            AllButUndo,
            SessionScope.All,
            SessionEnd.PasswordReset,
            ApiKeys: true,
            TrustedDevices: true,
            UndoToo: true
        ),
        new(SecurityEvent.RegistrationRejected, AllButUndo, SessionScope.AllAndErased, SessionEnd.Disowned, true, true),
        new(SecurityEvent.AccountLocked, AllButUndo, SessionScope.All, SessionEnd.AccountLocked, true, false),
        new(SecurityEvent.AccountClosed, AllButUndo, SessionScope.AllAndErased, SessionEnd.AccountClosed, true, true),
    ];

    /// <summary>
    /// Revokes what the event revokes. Call it inside the transaction of the event, which holds the user's row.
    /// </summary>
    /// <param name="what">The event.</param>
    /// <param name="userId">The account.</param>
    /// <param name="except">The session that the owner acts in, where there is one.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <param name="keepApiKeys">Whether the owner said that the API keys stay.</param>
    internal async Task ApplyAsync(
        SecurityEvent what,
        string userId,
        string? except,
        CancellationToken ct,
        bool keepApiKeys = false
    )
    {
        var rule = Table.Single(known => known.Event == what);
        await tokens.KillAsync(userId, ct, [.. rule.Tokens]);
        if (rule.UndoToo)
            await tokens.KillAsync(userId, ct, TokenPurpose.Undo);
        if (rule.TrustedDevices)
            await devices.ForgetAllAsync(userId, ct);
        _ = rule.Sessions switch
        {
            SessionScope.Others => await sessions.EndOthersAsync(
                userId,
                except,
                rule.Reason,
                ct,
                keysToo: rule.ApiKeys && !keepApiKeys
            ),
            SessionScope.All => await sessions.EndAllAsync(userId, rule.Reason, ct),
            SessionScope.AllAndErased => await sessions.EraseAllAsync(userId, rule.Reason, ct),
        };
    }
}
