using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.Core.Data;

/// <summary>Gives a context that no host made the same model as one of a host.</summary>
public static class IdentityModel
{
    /// <summary>Identity reads its options from these services while it builds the model.</summary>
    public static DbContextOptionsBuilder<T> UseIdentityModel<T>(this DbContextOptionsBuilder<T> options)
        where T : DbContext =>
        options.UseApplicationServiceProvider(new ServiceCollection().AddAuthIdentity().BuildServiceProvider());
}
