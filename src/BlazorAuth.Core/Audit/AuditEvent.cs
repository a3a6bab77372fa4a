namespace BlazorAuth.Core.Audit;

/// <summary>Every security event there is (ASVS 16.3).</summary>
public enum AuditEvent
{
    /// <summary>An account was made.</summary>
    Registered,

    /// <summary>A sign-up was refused or made no account.</summary>
    RegisterRefused,

    /// <summary>Somebody signed in.</summary>
    SignedIn,

    /// <summary>A sign-in was refused.</summary>
    SignInRefused,

    /// <summary>A session's owner signed out.</summary>
    SignedOut,

    /// <summary>A session was ended by its owner from another one.</summary>
    SessionEnded,

    /// <summary>All other sessions were ended.</summary>
    OtherSessionsEnded,

    /// <summary>A rotated refresh token came again; its session was ended.</summary>
    RefreshTokenReused,

    /// <summary>An address was verified.</summary>
    EmailVerified,

    /// <summary>A wrong code was typed; whose address it was for is not looked up.</summary>
    CodeRefused,

    /// <summary>The owner of an address disowned an account made with it.</summary>
    EmailDisowned,

    /// <summary>Somebody asked for a reset email.</summary>
    PasswordResetAsked,

    /// <summary>A password was reset by mail.</summary>
    PasswordReset,

    /// <summary>A password was changed by its owner.</summary>
    PasswordChanged,

    /// <summary>A signed-in user could not prove again who they are.</summary>
    StepUpRefused,

    /// <summary>Somebody used up the attempts of an account or a network; once in each window.</summary>
    Throttled,

    /// <summary>A password was guessed at so often that it opens nothing until it is reset.</summary>
    PasswordStopped,

    /// <summary>A change of address was asked for.</summary>
    EmailChangeAsked,

    /// <summary>An address was changed.</summary>
    EmailChanged,

    /// <summary>A profile was changed.</summary>
    ProfileChanged,

    /// <summary>An account was closed by its owner.</summary>
    AccountClosed,

    /// <summary>An account became an administrator's.</summary>
    AdministratorMade,

    /// <summary>A session without an account of a person began.</summary>
    SignedInAnonymously,

    /// <summary>An anonymous account got an address or a name, and a password.</summary>
    Upgraded,

    /// <summary>An API key was made.</summary>
    ApiKeyMade,

    /// <summary>An API key was revoked.</summary>
    ApiKeyRevoked,

    /// <summary>An administrator locked the account.</summary>
    AccountLocked,

    /// <summary>An administrator unlocked the account.</summary>
    AccountUnlocked,

    /// <summary>An administrator deleted the account.</summary>
    AccountDeleted,

    /// <summary>An account is no administrator's any more.</summary>
    AdministratorUnmade,

    /// <summary>An operator gave the signing key a successor.</summary>
    SigningKeyRotated,

    /// <summary>A second factor was wrong, used before, or tried too often.</summary>
    SecondFactorRefused,

    /// <summary>An authenticator app was added or replaced.</summary>
    TotpAdded,

    /// <summary>The authenticator app was removed.</summary>
    TotpRemoved,

    /// <summary>Ten new recovery codes were made.</summary>
    RecoveryCodesMade,

    /// <summary>A recovery code was used up.</summary>
    RecoveryCodeUsed,

    /// <summary>A browser was remembered.</summary>
    DeviceRemembered,

    /// <summary>A remembered browser was forgotten.</summary>
    DeviceForgotten,

    /// <summary>A passkey was added.</summary>
    PasskeyAdded,

    /// <summary>A passkey was renamed.</summary>
    PasskeyRenamed,

    /// <summary>A passkey was removed.</summary>
    PasskeyRemoved,

    /// <summary>A passkey ceremony failed.</summary>
    PasskeyRefused,

    /// <summary>An email with a code to sign in was asked for.</summary>
    EmailCodeAsked,

    /// <summary>An external provider was linked.</summary>
    ProviderLinked,

    /// <summary>An external provider was unlinked.</summary>
    ProviderUnlinked,

    /// <summary>A signed-in user proved again who they are.</summary>
    SteppedUp,

    /// <summary>The owner took something back by 'this wasn't me'.</summary>
    Undone,

    /// <summary>The owner took a copy of everything that is stored of the account.</summary>
    Exported,

    /// <summary>
    /// Codes of emails were guessed at so often that they open nothing until the owner proves who they are.
    /// </summary>
    CodesStopped,

    /// <summary>The owner chose that a password alone does not sign in.</summary>
    PasswordAloneRefused,

    /// <summary>The owner chose that a password alone signs in again.</summary>
    PasswordAloneAllowed,
}
