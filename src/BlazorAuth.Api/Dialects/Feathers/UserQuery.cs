using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using BlazorAuth.Core.Administration;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// A query of the users service, read by the same code whether it came in an address or over a socket. What is not
/// known is refused: an operator that is ignored would answer something that nobody asked.
/// </summary>
internal sealed record UserQuery(
    AccountFilter Filter,
    IReadOnlyList<AccountOrder> Order,
    int Limit,
    int Skip,
    IReadOnlyList<string>? Select
)
{
    public const int DefaultLimit = 10,
        MaximumLimit = 50;

    private const int MaximumConditions = 20,
        MaximumValues = 50,
        MaximumDepth = 4,
        MaximumSorts = 4,
        MaximumSelected = 100;

    /// <summary>Reads a query.</summary>
    /// <returns>The query, or what is wrong with it.</returns>
    public static (UserQuery? Query, Failure? Failure) Read(JsonObject query)
    {
        try
        {
            return (new Reader().Read(query), null);
        }
        catch (FormatException wrong)
        {
            return (null, Failure.BadRequest("Invalid query parameter", ("query", wrong.Message)));
        }
    }

    /// <summary>Leaves the fields that were asked for; the id and new tokens always stay.</summary>
    public static JsonObject Project(JsonObject record, IReadOnlyList<string>? select)
    {
        if (select is null)
            return record;
        foreach (var name in record.Select(field => field.Key).ToList())
            if (name is not ("id" or "accessToken" or "refreshToken") && !select.Contains(name))
                record.Remove(name);
        return record;
    }

    /// <summary>The fields that a query asks for; null where it asks for all.</summary>
    public static (IReadOnlyList<string>? Select, Failure? Failure) ReadSelect(JsonObject query)
    {
        if (!query.TryGetPropertyValue("$select", out var select))
            return (null, null);
        var (read, failure) = Read(new JsonObject { ["$select"] = select?.DeepClone() });
        return (read?.Select, failure);
    }

    private sealed class Reader
    {
        private int _conditions;

        public UserQuery Read(JsonObject query)
        {
            var (order, limit, skip, select) = (
                (IReadOnlyList<AccountOrder>)[],
                DefaultLimit,
                0,
                (IReadOnlyList<string>?)null
            );
            var parts = new List<AccountFilter>();
            foreach (var (name, value) in query)
            {
                switch (name)
                {
                    case "$limit":
                        limit = Math.Min(Number(name, value), MaximumLimit);
                        break;
                    case "$skip":
                        skip = Number(name, value);
                        break;
                    case "$sort":
                        order = Orders(value);
                        break;
                    case "$select":
                        select = Selected(value);
                        break;
                    default:
                        parts.Add(Condition(name, value, 1));
                        break;
                }
            }
            return new(new AccountFilter.All(parts), order, limit, skip, select);
        }

        private AccountFilter Condition(string name, JsonNode? value, int depth)
        {
            if (name is "$or" or "$and")
            {
                if (value is not JsonArray list || depth > MaximumDepth || list.Count > MaximumConditions)
                    throw new FormatException(
                        $"{name} is a list of at most {MaximumConditions} queries, {MaximumDepth} deep."
                    );
                var parts = list.Select(part =>
                        part is JsonObject query
                            ? (AccountFilter)
                                new AccountFilter.All([
                                    .. query.Select(field => Condition(field.Key, field.Value, depth + 1)),
                                ])
                            : throw new FormatException($"{name} is a list of queries.")
                    )
                    .ToList();
                return name == "$or" ? new AccountFilter.Any(parts) : new AccountFilter.All(parts);
            }
            var field = FieldOf(name);
            if (value is not JsonObject operators)
                return Counted(new AccountFilter.Compare(field, Comparison.Equal, ValueOf(field, value)));
            if (operators.Count == 0)
                throw new FormatException($"{name} has no operator.");
            return new AccountFilter.All([.. operators.Select(each => Operator(field, each.Key, each.Value))]);
        }

        private AccountFilter Operator(AccountField field, string name, JsonNode? value)
        {
            if (name is "$in" or "$nin")
            {
                // A list of one is a text in an address.
                var list = value is JsonArray array ? [.. array] : new List<JsonNode?> { value };
                if (list.Count > MaximumValues)
                    throw new FormatException($"{name} takes at most {MaximumValues} values.");
                var oneOf = Counted(new AccountFilter.OneOf(field, [.. list.Select(each => ValueOf(field, each))]));
                return name == "$in" ? oneOf : new AccountFilter.Not(oneOf);
            }
            var comparison = name switch
            {
                "$ne" => Comparison.NotEqual,
                "$lt" => Comparison.Less,
                "$lte" => Comparison.LessOrEqual,
                "$gt" => Comparison.Greater,
                "$gte" => Comparison.GreaterOrEqual,
                _ => throw new FormatException($"{Shown(name)} is not known here."),
            };
            var compared = ValueOf(field, value);
            if (comparison != Comparison.NotEqual && compared is null or bool)
                throw new FormatException($"{name} has no order to compare by.");
            return Counted(new AccountFilter.Compare(field, comparison, compared));
        }

        private AccountFilter Counted(AccountFilter filter) =>
            ++_conditions <= MaximumConditions
                ? filter
                : throw new FormatException($"A query has at most {MaximumConditions} conditions.");

        private static AccountField FieldOf(string name) =>
            name switch
            {
                "id" => AccountField.Id,
                "email" => AccountField.Email,
                "username" => AccountField.Username,
                "displayName" => AccountField.DisplayName,
                "createdAt" => AccountField.CreatedAt,
                "emailVerified" or "isVerified" => AccountField.EmailVerified,
                "isAnonymous" => AccountField.IsAnonymous,
                "active" => AccountField.Active,
                _ => throw new FormatException($"{Shown(name)} is not known here."),
            };

        // An address has texts only; a socket sends numbers, booleans and null as they are.
        private static object? ValueOf(AccountField field, JsonNode? value)
        {
            var text = TextOf(value);
            switch (field)
            {
                // Milliseconds; an address has them as digits.
                case AccountField.CreatedAt
                    when long.TryParse(
                        text ?? value?.ToJsonString(),
                        NumberStyles.None,
                        CultureInfo.InvariantCulture,
                        out var time
                    )
                        && time < 253_402_300_800_000:
                    return DateTimeOffset.FromUnixTimeMilliseconds(time);
                case AccountField.CreatedAt
                    when DateTimeOffset.TryParse(
                        text,
                        CultureInfo.InvariantCulture,
                        DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
                        out var time
                    ):
                    return time;
                case AccountField.EmailVerified
                or AccountField.IsAnonymous
                or AccountField.Active when (text ?? value?.ToJsonString()) is "true" or "false":
                    return (text ?? value!.ToJsonString()) == "true";
                case AccountField.Id
                or AccountField.Email
                or AccountField.Username
                or AccountField.DisplayName when value is null || text is not null:
                    // No database stores NUL in a text, and PostgreSQL refuses to compare with it.
                    return text is null || !text.Contains('\0', StringComparison.Ordinal)
                        ? text
                        : throw new FormatException("A text has no NUL.");
                default:
                    throw new FormatException($"{field} is not compared with such a value.");
            }
        }

        private static int Number(string name, JsonNode? value) =>
            value is JsonValue number
                && number.GetValueKind() == JsonValueKind.Number
                && number.TryGetValue(out int counted)
                && counted >= 0
            || int.TryParse(TextOf(value), NumberStyles.None, CultureInfo.InvariantCulture, out counted)
                ? counted
                : throw new FormatException($"{name} is a number.");

        private static List<AccountOrder> Orders(JsonNode? value)
        {
            if (value is not JsonObject fields || fields.Count > MaximumSorts)
                throw new FormatException($"$sort names at most {MaximumSorts} fields.");
            return
            [
                .. fields.Select(field => new AccountOrder(
                    FieldOf(field.Key),
                    (TextOf(field.Value) ?? field.Value?.ToJsonString()) switch
                    {
                        "1" => false,
                        "-1" => true,
                        _ => throw new FormatException("$sort is 1 or -1 for each field."),
                    }
                )),
            ];
        }

        private static List<string> Selected(JsonNode? value)
        {
            var list = value is JsonArray array ? [.. array] : new List<JsonNode?> { value };
            if (list.Count > MaximumSelected)
                throw new FormatException($"$select names at most {MaximumSelected} fields.");
            return
            [
                .. list.Select(name =>
                    TextOf(name) is { Length: > 0 } text
                        ? text
                        : throw new FormatException("$select is a list of names.")
                ),
            ];
        }

        private static string? TextOf(JsonNode? value) =>
            value is JsonValue text && text.GetValueKind() == JsonValueKind.String ? text.GetValue<string>() : null;

        private static string Shown(string name) => name.Length <= 50 ? name : name[..50];
    }
}
