using System.Collections.Frozen;
using System.Text;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Tokens;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace BlazorAuth.Core.Passwords;

/// <summary>What is compared where there is no account: a hash with today's parameters.</summary>
public sealed class DummyPasswordHash
{
    private string? _hash;

    internal AuthUser User { get; } = new();

    internal string Hash(IPasswordHasher<AuthUser> hasher) =>
        _hash ??= hasher.HashPassword(User, TokenCodec.Random(16));
}
