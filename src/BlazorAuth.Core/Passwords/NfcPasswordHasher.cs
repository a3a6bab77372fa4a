using System.Collections.Frozen;
using System.Text;
using BlazorAuth.Core.Accounts;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Passwords;

/// <summary>
/// PBKDF2-HMAC-SHA512 as Identity stores it, over the NFC form: a password typed on another keyboard still signs in.
/// </summary>
internal sealed class NfcPasswordHasher(IOptions<PasswordHasherOptions> options) : PasswordHasher<AuthUser>(options)
{
    public override string HashPassword(AuthUser user, string password) =>
        base.HashPassword(user, PasswordVerifier.Nfc(password));

    public override PasswordVerificationResult VerifyHashedPassword(
        AuthUser user,
        string hashedPassword,
        string providedPassword
    ) => base.VerifyHashedPassword(user, hashedPassword, PasswordVerifier.Nfc(providedPassword));
}
