using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;

namespace BlazorAuth.Client.Blazor;

/// <summary>
/// Tells components who is signed in, from the <see cref="BlazorAuthClient"/> of the same scope, and tells them again
/// at every change: sign-in, sign-out, a changed profile, a session that the service ended. It never asks the network.
/// </summary>
public sealed class BlazorAuthStateProvider : AuthenticationStateProvider, IDisposable
{
    /// <summary>The authentication type of the identity.</summary>
    public const string AuthenticationType = "BlazorAuth";

    private readonly BlazorAuthClient _auth;
    private readonly IDisposable _watch;

    /// <summary>A provider over the client of this scope.</summary>
    public BlazorAuthStateProvider(BlazorAuthClient auth)
    {
        ArgumentNullException.ThrowIfNull(auth);
        _auth = auth;
        _watch = auth.OnUserChanged(change => NotifyAuthenticationStateChanged(Task.FromResult(StateOf(change.User))));
    }

    /// <inheritdoc />
    public override Task<AuthenticationState> GetAuthenticationStateAsync() =>
        Task.FromResult(StateOf(_auth.CurrentUser));

    /// <summary>Hears of no more changes.</summary>
    public void Dispose() => _watch.Dispose();

    // The claims as a stock ASP.NET Core names them; the name is never the display name, which anyone may choose.
    private static AuthenticationState StateOf(User? user)
    {
        if (user is null)
            return new(new ClaimsPrincipal(new ClaimsIdentity()));
        List<Claim> claims =
        [
            new(ClaimTypes.NameIdentifier, user.Id),
            new(ClaimTypes.Name, user.Username ?? user.Email ?? user.Id),
        ];
        if (user.Email is { } email)
            claims.AddRange([
                new(ClaimTypes.Email, email),
                new("email_verified", user.EmailVerified ? "true" : "false", ClaimValueTypes.Boolean),
            ]);
        if (user.DisplayName is { } name)
            claims.Add(new("name", name));
        claims.AddRange(user.Roles.Select(role => new Claim(ClaimTypes.Role, role)));
        return new(new ClaimsPrincipal(new ClaimsIdentity(claims, AuthenticationType)));
    }
}
