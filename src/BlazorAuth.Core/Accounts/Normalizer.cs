using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Accounts;

/// <summary>Makes Identity compare as we do; its own upper-casing merges look-alikes.</summary>
internal sealed class Normalizer : ILookupNormalizer
{
    public string? NormalizeEmail(string? email) => EmailAddress.TryParse(email, out var canonical) ? canonical : email;

    public string? NormalizeName(string? name) => name?.ToLowerInvariant();
}
