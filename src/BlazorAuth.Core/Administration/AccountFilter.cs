using System.Linq.Expressions;
using BlazorAuth.Core.Accounts;

namespace BlazorAuth.Core.Administration;

/// <summary>
/// What accounts may be searched and sorted by. Nothing else of an account can be asked for: no hash, no stamp, no key.
/// </summary>
public enum AccountField
{
    /// <summary>The id; a text.</summary>
    Id,

    /// <summary>The address, in its canonical form; a text or null.</summary>
    Email,

    /// <summary>The chosen user name, in lower case; a text or null.</summary>
    Username,

    /// <summary>The display name; a text or null.</summary>
    DisplayName,

    /// <summary>When the account was made; a <see cref="DateTimeOffset"/>.</summary>
    CreatedAt,

    /// <summary>Whether the address is verified.</summary>
    EmailVerified,

    /// <summary>Whether the account is anonymous.</summary>
    IsAnonymous,

    /// <summary>Whether the account is not locked.</summary>
    Active,
}

/// <summary>How a field is compared with a value. Texts are ordered as the database orders them.</summary>
public enum Comparison
{
    /// <summary>Equal.</summary>
    Equal,

    /// <summary>Not equal.</summary>
    NotEqual,

    /// <summary>Less than.</summary>
    Less,

    /// <summary>Less than, or equal.</summary>
    LessOrEqual,

    /// <summary>Greater than.</summary>
    Greater,

    /// <summary>Greater than, or equal.</summary>
    GreaterOrEqual,
}

/// <summary>One field to sort by.</summary>
/// <param name="Field">The field.</param>
/// <param name="Descending">Whether the greatest comes first.</param>
public sealed record AccountOrder(AccountField Field, bool Descending);

/// <summary>A condition on accounts. It becomes one SQL condition; every value in it is a parameter.</summary>
public abstract record AccountFilter
{
    private static readonly ParameterExpression User = Expression.Parameter(typeof(AuthUser), "user");

    private AccountFilter() { }

    /// <summary>Compares a field with a value of its type; only texts, times and null have an order.</summary>
    public sealed record Compare(AccountField Field, Comparison Is, object? Value) : AccountFilter;

    /// <summary>Whether a field has one of the values.</summary>
    public sealed record OneOf(AccountField Field, IReadOnlyList<object?> Values) : AccountFilter;

    /// <summary>The opposite of a condition.</summary>
    public sealed record Not(AccountFilter Part) : AccountFilter;

    /// <summary>All of the conditions; true where there are none.</summary>
    public sealed record All(IReadOnlyList<AccountFilter> Parts) : AccountFilter;

    /// <summary>At least one of the conditions; false where there are none.</summary>
    public sealed record Any(IReadOnlyList<AccountFilter> Parts) : AccountFilter;

    internal Expression<Func<AuthUser, bool>> ToPredicate() =>
        Expression.Lambda<Func<AuthUser, bool>>(Body(this), User);

    /// <summary>Sorts by the fields in turn, then by id, the newest first, so that pages do not overlap.</summary>
    internal static IQueryable<AuthUser> Sort(IQueryable<AuthUser> users, IReadOnlyList<AccountOrder> orders)
    {
        IOrderedQueryable<AuthUser>? sorted = null;
        foreach (var (field, descending) in orders)
        {
            sorted = field switch
            {
                AccountField.CreatedAt => By<DateTimeOffset>(field, descending),
                AccountField.EmailVerified or AccountField.IsAnonymous or AccountField.Active => By<bool>(
                    field,
                    descending
                ),
                _ => By<string?>(field, descending),
            };
        }
        return sorted is null ? users.OrderByDescending(u => u.Id) : sorted.ThenByDescending(u => u.Id);

        IOrderedQueryable<AuthUser> By<T>(AccountField field, bool descending)
        {
            var key = Expression.Lambda<Func<AuthUser, T>>(Column(field), User);
            if (sorted is null)
                return descending ? users.OrderByDescending(key) : users.OrderBy(key);
            return descending ? sorted.ThenByDescending(key) : sorted.ThenBy(key);
        }
    }

    private static Expression Body(AccountFilter filter) =>
        filter switch
        {
            Compare compare => Body(compare),
            OneOf oneOf => Body(oneOf),
            Not not => Expression.Not(Body(not.Part)),
            All all => all.Parts.Select(Body).DefaultIfEmpty(Expression.Constant(true)).Aggregate(Expression.AndAlso),
            Any any => any.Parts.Select(Body).DefaultIfEmpty(Expression.Constant(false)).Aggregate(Expression.OrElse),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    private static MethodCallExpression Body(OneOf oneOf)
    {
        var column = Column(oneOf.Field);
        var list = typeof(List<>).MakeGenericType(column.Type);
        var values = (System.Collections.IList)Activator.CreateInstance(list)!;
        foreach (var value in oneOf.Values)
            values.Add(Canonical(oneOf.Field, value));
        return Expression.Call(
            typeof(Enumerable),
            nameof(Enumerable.Contains),
            [column.Type],
            Parameter(list, values),
            column
        );
    }

    private static BinaryExpression Body(Compare compare)
    {
        var column = Column(compare.Field);
        var value = Parameter(column.Type, Canonical(compare.Field, compare.Value));
        if (compare.Is == Comparison.Equal)
            return Expression.Equal(column, value);
        if (compare.Is == Comparison.NotEqual)
            return Expression.NotEqual(column, value);
        var isText = column.Type == typeof(string);
        Expression left = isText
            ? Expression.Call(typeof(string), nameof(string.Compare), null, column, value)
            : column;
        Expression right = isText ? Expression.Constant(0) : value;
        return compare.Is switch
        {
            Comparison.Less => Expression.LessThan(left, right),
            Comparison.LessOrEqual => Expression.LessThanOrEqual(left, right),
            Comparison.Greater => Expression.GreaterThan(left, right),
            _ => Expression.GreaterThanOrEqual(left, right),
        };
    }

    // An account without a user name has its id in that column.
    private static Expression Column(AccountField field) =>
        field switch
        {
            AccountField.Id => Property(nameof(AuthUser.Id)),
            AccountField.Email => Property(nameof(AuthUser.NormalizedEmail)),
            AccountField.Username => Expression.Condition(
                Expression.Equal(Property(nameof(AuthUser.NormalizedUserName)), Property(nameof(AuthUser.Id))),
                Expression.Constant(null, typeof(string)),
                Property(nameof(AuthUser.NormalizedUserName))
            ),
            AccountField.DisplayName => Property(nameof(AuthUser.DisplayName)),
            AccountField.CreatedAt => Property(nameof(AuthUser.CreatedAt)),
            AccountField.EmailVerified => Property(nameof(AuthUser.EmailConfirmed)),
            AccountField.IsAnonymous => Property(nameof(AuthUser.IsAnonymous)),
            AccountField.Active => Expression.Equal(
                Property(nameof(AuthUser.LockedAt)),
                Expression.Constant(null, typeof(DateTimeOffset?))
            ),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    private static MemberExpression Property(string name) => Expression.Property(User, name);

    private static object? Canonical(AccountField field, object? value) =>
        (field, value) switch
        {
            (AccountField.Email, string text) => EmailAddress.TryParse(text, out var canonical)
                ? canonical
                : text.ToLowerInvariant(),
            (AccountField.Username or AccountField.Id, string text) => text.ToLowerInvariant(),
            _ => value,
        };

    // A captured variable, as the compiler writes it: EF makes it a parameter, so that values need no plans of their
    // own.
    private static MemberExpression Parameter(Type type, object? value)
    {
        var captured = Activator.CreateInstance(typeof(Captured<>).MakeGenericType(type), value)!;
        return Expression.Property(Expression.Constant(captured), nameof(Captured<>.Value));
    }

    private sealed class Captured<T>(T value)
    {
        public T Value { get; } = value;
    }
}
