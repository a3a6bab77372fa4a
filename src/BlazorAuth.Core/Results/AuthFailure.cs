using System.Collections.Frozen;
using System.Text.Json;

namespace BlazorAuth.Core.Results;

/// <summary>A refusal: a value, never an exception. Nothing was changed when one is returned.</summary>
public sealed record AuthFailure(AuthError Error)
{
    /// <summary>The fields at fault, if any.</summary>
    public IReadOnlyList<FieldError> FieldErrors { get; init; } = [];

    /// <summary>For <see cref="AuthError.RateLimited"/>: how long to wait.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>A refusal about one field.</summary>
    public static AuthFailure Of(AuthError error, string field, FieldErrorCode fault, int? limit = null) =>
        new(error) { FieldErrors = [new(field, fault, limit)] };

    /// <summary>A refusal about the shape of one field.</summary>
    public static AuthFailure Shape(string field, FieldErrorCode fault, int? limit = null) =>
        Of(AuthError.ValidationFailed, field, fault, limit);

    /// <summary>The bare error as a refusal.</summary>
    public static implicit operator AuthFailure(AuthError error) => new(error);
}
