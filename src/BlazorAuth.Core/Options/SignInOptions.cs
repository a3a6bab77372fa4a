namespace BlazorAuth.Core.Options;

/// <summary>Section <c>SignUp</c>.</summary>
public sealed class SignUpOptions
{
    /// <summary>Whether new accounts are taken.</summary>
    public bool Enabled { get; set; } = true;
}

/// <summary>Section <c>SignIn</c>.</summary>
public sealed class SignInOptions
{
    /// <summary>
    /// Whether an account needs a verified address to sign in; sign-up then hides whether an address is taken.
    /// </summary>
    public bool RequireVerifiedEmail { get; set; }
}
