using System.Security.Cryptography;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.TwoFactor;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.Support;

/// <summary>An authenticator app that an account has, as if set up.</summary>
internal sealed class AuthenticatorApp(byte[] secret, TimeProvider clock)
{
    public static async Task<AuthenticatorApp> AddAsync(IServiceProvider services, string userId)
    {
        var (secret, clock) = (
            RandomNumberGenerator.GetBytes(TotpCode.SecretLength),
            services.GetRequiredService<TimeProvider>()
        );
        await using var scope = services.CreateAsyncScope();
        var (db, id) = (scope.ServiceProvider.GetRequiredService<AuthDbContext>(), Guid.CreateVersion7().ToString());
        var wrapped = scope.ServiceProvider.GetRequiredService<SecondFactorStore>().Wrap(id, secret);
        db.Authenticators.Add(
            new()
            {
                Id = id,
                UserId = userId,
                Wrapped = wrapped,
                CreatedAt = clock.GetUtcNow(),
                ConfirmedAt = clock.GetUtcNow(),
            }
        );
        await db.SaveChangesAsync();
        return new(secret, clock);
    }

    /// <summary>What it shows now, or would on a clock that is off.</summary>
    public string Code(int secondsOff = 0) => TotpCode.At(secret, clock.GetUtcNow().AddSeconds(secondsOff));
}
