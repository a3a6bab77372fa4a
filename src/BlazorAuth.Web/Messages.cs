using BlazorAuth.Api;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Options;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Web.Components;

namespace BlazorAuth.Web;

/// <summary>
/// What a person reads for each refusal and notice. The switches are exhaustive: a new code without a sentence does not
/// compile.
/// </summary>
public static class Messages
{
    /// <summary>
    /// Prints a refusal: its status on the answer, its sentences on the form. <paramref name="ids"/> names the inputs
    /// of JSON fields whose id differs from the usual one.
    /// </summary>
    public static FormErrors Show(HttpContext http, AuthFailure refusal, params (string Field, string Id)[] ids)
    {
        http.Response.StatusCode =
            refusal.Error == AuthError.RateLimited
                ? StatusCodes.Status429TooManyRequests
                : StatusCodes.Status422UnprocessableEntity;
        http.Response.SayRetryAfter(refusal.RetryAfter);
        return refusal.FieldErrors.Count == 0
            ? FormErrors.None.Add(null, Sentence(refusal))
            : refusal.FieldErrors.Aggregate(
                FormErrors.None,
                (errors, fault) =>
                    errors.Add(
                        ids.FirstOrDefault(i => i.Field == fault.Field).Id ?? InputId(fault.Field),
                        refusal.Error == AuthError.SecondFactorInvalid && fault.Field == "code"
                            ? Sentence(refusal)
                            : Sentence(fault)
                    )
            );
    }

    /// <summary>The sentence for a refusal as a whole.</summary>
    public static string Sentence(AuthFailure refusal) =>
        refusal.Error switch
        {
            AuthError.ValidationFailed => "Check what you entered.",
            AuthError.BadJson or AuthError.PayloadTooLarge => "The form was too large or not readable. Try again.",
            AuthError.NotFound => "That was not found. It may have been removed already.",
            AuthError.Forbidden => "You are not allowed to do that.",
            AuthError.Conflict => "Something else changed your account at the same moment. Try again.",
            AuthError.RateLimited => $"Too many attempts. Wait {Wait(refusal.RetryAfter)}, then try again.",
            AuthError.UnexpectedFailure => "Something went wrong on our side. Nothing was changed. Try again.",
            AuthError.InvalidCredentials => "The e-mail address, user name or password is incorrect.",
            AuthError.EmailNotVerified =>
                "Verify your e-mail address first: we sent you an email with a link. You can ask for another one below.",
            AuthError.AccountLocked => "This account is locked. Contact the people who run this site.",
            AuthError.AccountDisabled => "This account is closed.",
            AuthError.SignUpDisabled => "This site takes no new accounts at the moment.",
            AuthError.EmailTaken =>
                "There is already an account with this e-mail address. Sign in, or reset its password.",
            AuthError.UsernameTaken => "This user name is taken. Choose another one.",
            AuthError.WeakPassword => "Choose a longer password.",
            AuthError.CommonPassword => "This password is on the list of the most used ones. Choose another one.",
            AuthError.SamePassword => "The new password is the same as the current one.",
            AuthError.SecondFactorRequired => "Enter the code of your second factor.",
            AuthError.SecondFactorInvalid =>
                "The code is incorrect or was used before. Enter the one that your app shows now.",
            AuthError.TicketExpired => "This sign-in was begun too long ago, or had too many wrong codes. Start again.",
            AuthError.StepUpRequired => "Confirm that it is you to go on.",
            AuthError.PasskeyFailed => "The passkey was not accepted. Try again, or sign in another way.",
            AuthError.AccessTokenInvalid
            or AuthError.AccessTokenExpired
            or AuthError.RefreshTokenInvalid
            or AuthError.RefreshTokenExpired
            or AuthError.RefreshTokenReused
            or AuthError.SessionRevoked
            or AuthError.SessionExpired
            or AuthError.PasswordChanged => "Your session has ended. Sign in again.",
            AuthError.LinkInvalid =>
                "This link or code is not right. It may have been cut off on the way: use the whole link, or ask for a new one.",
            AuthError.LinkExpired => "This link has expired, or a newer email took its place. Ask for a new one.",
            AuthError.LinkUsed => "This link was used already. If that was not you, reset your password.",
        };

    /// <summary>The sentence for a refusal of what an external provider said.</summary>
    public static string Sentence(AuthFailure refusal, string provider) =>
        refusal switch
        {
            { Error: AuthError.EmailTaken } =>
                $"There is already an account with the e-mail address of your {provider} account. Sign in to it first, then link {provider} there.",
            { Error: AuthError.ValidationFailed } =>
                $"{provider} gave us no e-mail address, and this site needs one. Create an account with your address, then link {provider} there.",
            { Error: AuthError.InvalidCredentials } => $"That is not the {provider} account that is linked to yours.",
            { Error: AuthError.Conflict, FieldErrors: [{ Code: FieldErrorCode.Taken }] } =>
                $"That {provider} account is linked to another account here.",
            { Error: AuthError.Conflict, FieldErrors: [{ Code: FieldErrorCode.Alone }] } =>
                $"Your account is linked to another {provider} account. Unlink it first.",
            _ => Sentence(refusal),
        };

    /// <summary>The sentence for one field.</summary>
    public static string Sentence(FieldError fault) =>
        fault.Code switch
        {
            FieldErrorCode.Required when fault.Field == "credential" => "Confirm with your passkey.",
            FieldErrorCode.Required => $"Enter {Noun(fault.Field)}.",
            FieldErrorCode.TooShort => $"Use at least {fault.Limit} characters.",
            FieldErrorCode.TooLong when fault.Field == "passkeys" =>
                $"You have {fault.Limit} passkeys, which is the most. Remove one first.",
            FieldErrorCode.TooLong => $"Use at most {fault.Limit} characters.",
            FieldErrorCode.NotAnEmail => "Enter an e-mail address in the form name@example.com.",
            FieldErrorCode.NotAUserName =>
                "A user name has 3 to 32 letters, digits, dots, hyphens or underscores, and begins with a letter.",
            FieldErrorCode.NotAUrl => "Enter an address that begins with https://.",
            FieldErrorCode.NotAnObject => "The profile must be a JSON object.",
            FieldErrorCode.NotAMode => "This way to sign in does not exist here.",
            FieldErrorCode.HasControlCharacters => "Leave out line breaks and control characters.",
            FieldErrorCode.Taken when fault.Field == "username" => "This user name is taken. Choose another one.",
            FieldErrorCode.Taken =>
                "There is already an account with this e-mail address. Sign in, or reset its password.",
            FieldErrorCode.Common => "This password is on the list of the most used ones. Choose another one.",
            FieldErrorCode.Guessable => "This password is easy to guess from your account. Choose another one.",
            FieldErrorCode.Same when fault.Field == "newEmail" => "This is your address already.",
            FieldErrorCode.Same => "The new password is the same as the current one.",
            FieldErrorCode.Wrong when fault.Field == "code" =>
                "The code is not right, or its email is too old. Ask for a new email.",
            FieldErrorCode.Wrong when fault.Field == "recoveryCode" =>
                "The recovery code is not right, or was used before.",
            FieldErrorCode.Wrong => "The password is incorrect.",
            FieldErrorCode.LastWayIn => "This is the last way into your account. Add another one first.",
            FieldErrorCode.Alone => "Change one thing at a time.",
        };

    /// <summary>The sentence for a notice.</summary>
    public static string Sentence(Notice notice, string? detail) =>
        notice switch
        {
            Notice.SessionOver => "Your session has ended. Sign in again to go on.",
            Notice.SignedOut => "You are signed out.",
            Notice.VerifyLetterAsked => $"If {detail} has an account that is not verified yet, an email is on its way.",
            Notice.EmailVerified => "Your e-mail address is verified.",
            Notice.EmailVerifiedPasswordVoid =>
                "Your e-mail address is verified. Somebody else may have signed up with it, so nothing that was set counts: "
                    + "we sent you an email to choose a password.",
            Notice.EmailAlreadyVerified =>
                "This e-mail address is verified already. All is well, and there is nothing left to do.",
            Notice.EmailVerifiedNewPassword =>
                "Your e-mail address is verified, and everything that was set before has ended. Choose a new password.",
            Notice.EmailChangeRefused => "Thank you. The account does not get your address.",
            Notice.EmailDisowned => "Thank you. The account that was made with your address is removed.",
            Notice.ResetLetterAsked =>
                $"If there is an account with {detail}, an email with a link to choose a new password is on its way.",
            Notice.PasswordReset =>
                "Your password is changed, and every device is signed out. Sign in with the new password.",
            Notice.PasswordChanged => "Your password is changed. All other devices are signed out.",
            Notice.EmailChangeAsked => $"We sent an email to {detail}. Your address changes when you confirm it there.",
            Notice.EmailChanged => "Your e-mail address is changed.",
            Notice.SessionEnded => "That session is ended.",
            Notice.OtherSessionsEnded => "All other sessions are ended.",
            Notice.ApiKeyRevoked => "The key is revoked. Programs that use it are refused from now on.",
            Notice.ProfileChanged => "Your profile is saved.",
            Notice.SecondFactorOn =>
                "Your authenticator app is set up. From now on it is asked for when you sign in with a password.",
            Notice.SecondFactorOff => "Your authenticator app is removed. All other devices are signed out.",
            Notice.DeviceForgotten => "That browser is forgotten. The second factor is asked for there again.",
            Notice.PasskeyAdded => $"The passkey {detail} is added.",
            Notice.PasskeyRenamed => "The passkey has its new name.",
            Notice.PasskeyRemoved => "The passkey is removed, and all other devices are signed out.",
            Notice.PasswordAloneRefused =>
                "From now on a passkey is asked for after the password. All other devices are signed out.",
            Notice.PasswordAloneAllowed => "From now on the password alone signs in.",
            Notice.SignInCodeAsked => $"If there is an account with {detail}, an email with a code is on its way.",
            Notice.ProviderLinked => $"You can now sign in with {detail}.",
            Notice.ProviderUnlinked => $"You can no longer sign in with {detail}.",
            Notice.ProviderDenied => $"You did not go on at {detail}. Nothing was changed.",
            Notice.ProviderFailed =>
                $"{detail} did not confirm who you are, or it took too long. Nothing was changed. Try again, or use another way.",
            Notice.ProviderCookieMissing =>
                $"This way back from {detail} was used already, began in another browser, or your browser keeps no cookies. "
                    + "Nothing was changed. Try again.",
            Notice.ProviderRefused => detail ?? "",
            Notice.Undone when detail is not null =>
                $"It is taken back, and every device is signed out. {detail} belongs to another account by now: "
                    + "write to the people who run this site to get yours back.",
            Notice.Undone =>
                "It is taken back, and every device is signed out. We sent you an email to choose a new password.",
            Notice.AccountClosed => "Your account is closed, and everything in it is deleted.",
        };

    /// <summary>The sentence for something that happened to the reader's account.</summary>
    public static string Sentence(AuditEvent what) =>
        what switch
        {
            AuditEvent.Registered => "The account was made",
            AuditEvent.RegisterRefused => "Somebody tried to sign up with your address",
            AuditEvent.SignedIn => "Signed in",
            AuditEvent.SignInRefused => "A sign-in was refused",
            AuditEvent.SignedOut => "Signed out",
            AuditEvent.SessionEnded => "A session was ended",
            AuditEvent.OtherSessionsEnded => "All other sessions were ended",
            AuditEvent.RefreshTokenReused => "An old refresh token came again; its session was ended",
            AuditEvent.EmailVerified => "The e-mail address was verified",
            AuditEvent.CodeRefused => "A wrong code was typed",
            AuditEvent.EmailDisowned => "The e-mail address was disowned",
            AuditEvent.PasswordResetAsked => "An email to reset the password was asked for",
            AuditEvent.PasswordReset => "The password was reset by mail",
            AuditEvent.PasswordChanged => "The password was changed",
            AuditEvent.StepUpRefused => "A wrong current password was typed",
            AuditEvent.Throttled => "Too many sign-ins were tried; more were turned away for a while",
            AuditEvent.PasswordStopped => "The password was guessed at too often and opens nothing until it is reset",
            AuditEvent.EmailChangeAsked => "A change of the e-mail address was asked for",
            AuditEvent.EmailChanged => "The e-mail address was changed",
            AuditEvent.ProfileChanged => "The profile was changed",
            AuditEvent.AccountClosed => "The account was closed",
            AuditEvent.AdministratorMade => "The account became an administrator's",
            AuditEvent.SignedInAnonymously => "Signed in without an account",
            AuditEvent.Upgraded => "The account got a name and a password",
            AuditEvent.ApiKeyMade => "An API key was made",
            AuditEvent.ApiKeyRevoked => "An API key was revoked",
            AuditEvent.AccountLocked => "An administrator locked the account",
            AuditEvent.AccountUnlocked => "An administrator unlocked the account",
            AuditEvent.AccountDeleted => "An administrator deleted the account",
            AuditEvent.AdministratorUnmade => "The account is no administrator's any more",
            AuditEvent.SecondFactorRefused => "A wrong second factor was given",
            AuditEvent.TotpAdded => "An authenticator app was set up",
            AuditEvent.TotpRemoved => "The authenticator app was removed",
            AuditEvent.RecoveryCodesMade => "New recovery codes were made",
            AuditEvent.RecoveryCodeUsed => "A recovery code was used",
            AuditEvent.DeviceRemembered => "A browser was remembered",
            AuditEvent.DeviceForgotten => "A remembered browser was forgotten",
            AuditEvent.PasskeyAdded => "A passkey was added",
            AuditEvent.PasskeyRenamed => "A passkey was renamed",
            AuditEvent.PasskeyRemoved => "A passkey was removed",
            AuditEvent.PasskeyRefused => "A passkey was not accepted",
            AuditEvent.EmailCodeAsked => "A code to sign in was asked for",
            AuditEvent.ProviderLinked => "A sign-in provider was linked",
            AuditEvent.ProviderUnlinked => "A sign-in provider was unlinked",
            AuditEvent.SteppedUp => "Confirmed again who you are",
            AuditEvent.Exported => "A copy of everything stored of the account was taken",
            AuditEvent.Undone => "Something was taken back by \"this wasn't me\"",
            AuditEvent.CodesStopped =>
                "Codes of emails were guessed at too often and open nothing until you prove who you are",
            AuditEvent.PasswordAloneRefused => "A passkey is asked for after the password",
            AuditEvent.PasswordAloneAllowed => "A password alone signs in again",
            AuditEvent.SigningKeyRotated => "The key that signs access tokens was rotated",
        };

    /// <summary>What taking something back restores; null where that is told otherwise.</summary>
    public static string? TakesBack(RevertibleChange act) =>
        act switch
        {
            RevertibleChange.PasskeyAdded => "The passkey is removed.",
            RevertibleChange.PasskeyRemoved => "The passkey is put back.",
            RevertibleChange.SecondFactorAdded => "The authenticator app and its recovery codes are removed.",
            RevertibleChange.SecondFactorRemoved =>
                "The authenticator app is put back, and asked for again at sign-in.",
            RevertibleChange.RecoveryCodesMade => "The new recovery codes work no more.",
            RevertibleChange.ProviderLinked => "The provider is unlinked.",
            RevertibleChange.ProviderUnlinked => "The provider is linked again.",
            RevertibleChange.ApiKeyMade => "The API key is revoked.",
            RevertibleChange.DeviceRemembered => "The browser is forgotten: the code is asked for there again.",
            RevertibleChange.PasswordAloneAllowed => "A passkey is asked for after the password again.",
            RevertibleChange.EmailChangeAsked => "The change of your e-mail address is stopped.",
            _ => null,
        };

    /// <summary>The rules for a password, said before one is chosen.</summary>
    public static string PasswordRule(PasswordOptions rules) =>
        $"At least {rules.MinimumLength} characters. Several words make a good one; spaces and every alphabet are welcome.";

    /// <summary>How somebody proved who they are: the RFC 8176 values of a session, in words.</summary>
    public static string Ways(string methods) =>
        string.Join(" and ", methods.Split(' ').Select(Way).OfType<string>().Distinct());

    private static string? Way(string method) =>
        method switch
        {
            "pwd" => "password",
            "otp" => "code",
            "hwk" or "swk" => "passkey",
            "fed" => "another provider",
            _ => null,
        };

    /// <summary>How many recovery codes are left.</summary>
    public static string CodesLeft(int left) =>
        left switch
        {
            0 => "You have no recovery codes left.",
            1 => "You have one recovery code left.",
            _ => $"You have {left} recovery codes left.",
        };

    private static string InputId(string field) =>
        field switch
        {
            "password" or "currentPassword" => "current-password",
            "newPassword" => "new-password",
            "newEmail" => "email",
            "displayName" => "display-name",
            "recoveryCode" => "recovery-code",
            _ => field,
        };

    private static string Noun(string field) =>
        field switch
        {
            "identifier" => "your e-mail address or user name",
            "email" or "newEmail" => "your e-mail address",
            "password" => "a password",
            "currentPassword" => "your current password",
            "newPassword" => "a new password",
            "username" => "a user name",
            "code" => "the code",
            "description" => "what it is for",
            "name" => "a name",
            _ => "this",
        };

    private static string Wait(TimeSpan? wait)
    {
        var minutes = (int)Math.Ceiling((wait ?? TimeSpan.FromMinutes(1)).TotalMinutes);
        return minutes <= 1 ? "a minute" : $"{minutes} minutes";
    }
}
