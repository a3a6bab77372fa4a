using BlazorAuth.Core.Tokens;
using Microsoft.AspNetCore.Identity;

namespace BlazorAuth.Core.Accounts;

/// <summary>
/// An account. The key is a UUID v7; the tables are ASP.NET Core Identity's own, so that an existing store can be
/// adopted.
/// </summary>
public sealed class AuthUser : IdentityUser
{
    /// <summary>A new account with its key and its stamp.</summary>
    public AuthUser()
    {
        Id = Guid.CreateVersion7().ToString();
        SecurityStamp = Guid.NewGuid().ToString();
    }

    /// <summary>The name others see; at most 200 code points.</summary>
    public string? DisplayName { get; set; }

    /// <summary>An https address of a picture.</summary>
    public string? Avatar { get; set; }

    /// <summary>Any JSON object up to 16 KiB, kept as it came.</summary>
    public string? Profile { get; set; }

    /// <summary>Whether nobody has yet given the account an address, a name or a password.</summary>
    public bool IsAnonymous { get; set; }

    /// <summary>
    /// When the account was made, in whole milliseconds: what is answered at sign-up is what is stored.
    /// </summary>
    public DateTimeOffset CreatedAt
    {
        get;
        set => field = DateTimeOffset.FromUnixTimeMilliseconds(value.ToUnixTimeMilliseconds());
    }

    /// <summary>When somebody signed up again with the address before anybody had verified it, or null.</summary>
    public DateTimeOffset? ContestedAt { get; set; }

    /// <summary>When an administrator locked the account, or null.</summary>
    public DateTimeOffset? LockedAt { get; set; }

    /// <summary>
    /// Whether its owner chose that a password alone does not sign in: a passkey is asked for after it, while there is
    /// one.
    /// </summary>
    public bool PasskeyAfterPassword { get; set; }

    /// <summary>Wrong codes of emails in a row; see <c>OneTimeTokens.WrongCodesInARow</c>.</summary>
    public int WrongCodes { get; set; }

    /// <summary>Takes away what a registrant said of themselves, the user name included.</summary>
    internal void ClearProfile()
    {
        (DisplayName, Avatar, Profile) = (null, null, null);
        (UserName, NormalizedUserName) = (Id, Id);
    }

    /// <summary>
    /// The user name somebody chose, or null. Identity demands one of everybody, so an account without carries its key
    /// there.
    /// </summary>
    public string? ChosenUserName => UserName == Id || UserName == Email ? null : UserName;
}
