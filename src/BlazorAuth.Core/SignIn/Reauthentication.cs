using BlazorAuth.Core.Clients;

namespace BlazorAuth.Core.SignIn;

/// <summary>
/// The proof that came with a request: that the caller is the account's owner. The family is closed. An edge fills in
/// what was sent and decides nothing; the flow decides which of these its act accepts. An empty field is a missing
/// proof, never a smaller one.
/// </summary>
public abstract record Reauthentication
{
    private Reauthentication() { }

    /// <summary>The current password.</summary>
    public sealed record ByPassword(string? Password) : Reauthentication;

    /// <summary>
    /// The ticket of a ceremony that <see cref="Reauthenticate.BeginPasskeyAsync"/> began, and the browser's answer as
    /// JSON.
    /// </summary>
    public sealed record ByPasskey(string? Ticket, string? Credential) : Reauthentication;

    /// <summary>A code of the authenticator app. A recovery code is never taken here.</summary>
    public sealed record ByCode(string? Code) : Reauthentication;

    /// <summary>Nothing was sent, so that only the age of the sign-in can speak for the caller.</summary>
    /// <param name="In">
    /// The dialect the request came in by, where its published clients send no proof (ADR 0020).
    /// </param>
    public sealed record RecentOnly(Dialect? In = null) : Reauthentication;

    /// <summary>
    /// What an edge read, as a proof. A field that is null was not sent. Where several are filled in, the strongest one
    /// counts and the others are not looked at: a browser fills in the password by itself.
    /// </summary>
    /// <param name="password">The current password.</param>
    /// <param name="code">A code of the authenticator app.</param>
    /// <param name="ticket">The ticket of a passkey ceremony.</param>
    /// <param name="credential">The browser's answer to it, as JSON.</param>
    /// <param name="dialect">The dialect, where its published clients may send nothing.</param>
    public static Reauthentication From(
        string? password,
        string? code = null,
        string? ticket = null,
        string? credential = null,
        Dialect? dialect = null
    ) =>
        !string.IsNullOrEmpty(ticket) || !string.IsNullOrEmpty(credential) ? new ByPasskey(ticket, credential)
        : !string.IsNullOrWhiteSpace(code) ? new ByCode(code)
        : password is not null ? new ByPassword(password)
        : code is not null ? new ByCode(code)
        : ticket is not null || credential is not null ? new ByPasskey(ticket, credential)
        : new RecentOnly(dialect);
}
