using System.Collections.Frozen;
using System.Text.Json;

namespace BlazorAuth.Core.Results;

/// <summary>Done, or refused.</summary>
public readonly record struct Result(AuthFailure? Failure)
{
    /// <summary>It was done.</summary>
    public static readonly Result Done;

    /// <summary>Whether it was done.</summary>
    public bool Ok => Failure is null;

    /// <summary>A refusal as an outcome.</summary>
    public static implicit operator Result(AuthFailure refusal) => new(refusal);

    /// <summary>An error as an outcome.</summary>
    public static implicit operator Result(AuthError error) => new(error);
}

/// <summary>A value, or a refusal.</summary>
public readonly record struct Result<T>
    where T : class
{
    private Result(T? value, AuthFailure? refusal) => (Value, Failure) = (value, refusal);

    /// <summary>The value, where it was not refused.</summary>
    public T? Value { get; }

    /// <summary>The refusal, where there is no value.</summary>
    public AuthFailure? Failure { get; }

    /// <summary>One of the two branches, with its value.</summary>
    public TResult Match<TResult>(Func<T, TResult> done, Func<AuthFailure, TResult> refused) =>
        Value is { } value ? done(value) : refused(Failure!);

    /// <summary>A value as an outcome.</summary>
    public static implicit operator Result<T>(T value) => new(value, null);

    /// <summary>A refusal as an outcome.</summary>
    public static implicit operator Result<T>(AuthFailure refusal) => new(null, refusal);

    /// <summary>An error as an outcome.</summary>
    public static implicit operator Result<T>(AuthError error) => new(null, error);
}
