using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Accounts;

/// <summary>An account as its owner sees it: never a hash, a stamp or a key.</summary>
public sealed record Account(
    string Id,
    string? Email,
    string? Username,
    bool EmailVerified,
    string? DisplayName,
    string? Avatar,
    bool IsAnonymous,
    bool Active,
    IReadOnlyList<string> Roles,
    JsonElement Profile,
    DateTimeOffset CreatedAt
);
