using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;

namespace BlazorAuth.Core.SignIn;

/// <summary>The acts that always need a proof made for them, however recent the sign-in is.</summary>
public enum SensitiveAct
{
    /// <summary>Closing the account.</summary>
    CloseAccount,

    /// <summary>Changing the password, or setting the first one.</summary>
    ChangePassword,

    /// <summary>Asking for another email address.</summary>
    ChangeEmail,
}
