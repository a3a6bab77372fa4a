using System.Collections.Frozen;
using System.Text.Json;
using BlazorAuth.Core.Accounts;

namespace BlazorAuth.Core.Results;

/// <summary>What is wrong with one field.</summary>
public enum FieldErrorCode
{
    /// <summary>Nothing was given.</summary>
    Required,

    /// <summary>Fewer than <see cref="FieldError.Limit"/> code points.</summary>
    TooShort,

    /// <summary>More than <see cref="FieldError.Limit"/> code points (or bytes of JSON).</summary>
    TooLong,

    /// <summary>Not an e-mail address this product takes (see <c>EmailAddress</c>).</summary>
    NotAnEmail,

    /// <summary>Not a user name: 3 to 32 letters, digits, dot, hyphen or underscore, beginning with a letter.</summary>
    NotAUserName,

    /// <summary>Not an absolute https address.</summary>
    NotAUrl,

    /// <summary>Not a JSON object.</summary>
    NotAnObject,

    /// <summary>Not a way to sign in that this host has.</summary>
    NotAMode,

    /// <summary>Contains control characters.</summary>
    HasControlCharacters,

    /// <summary>Somebody has it already.</summary>
    Taken,

    /// <summary>On the list of common passwords.</summary>
    Common,

    /// <summary>Is the account's own address, name, or the name of the product.</summary>
    Guessable,

    /// <summary>Is what it was before.</summary>
    Same,

    /// <summary>Is not the current password.</summary>
    Wrong,

    /// <summary>Has to be changed by itself.</summary>
    Alone,

    /// <summary>Is the last way into the account, which nothing may remove.</summary>
    LastWayIn,
}

/// <summary>One field and what is wrong with it. <see cref="Field"/> is the JSON name.</summary>
public sealed record FieldError(string Field, FieldErrorCode Code, int? Limit = null);
