using System.Globalization;
using System.Text.Json.Nodes;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>
/// Reads a query as the <c>qs</c> package writes it, which is what Feathers' REST client sends:
/// <c>$sort[createdAt]=-1&amp;$or[0][email]=a&amp;$select[]=email</c>. The result is the object that a socket sends as
/// JSON, with every value a text.
/// </summary>
internal static class QueryText
{
    private const int MaximumDepth = 8,
        MaximumValues = 200;

    /// <summary>Reads it; null where it is no such object, too deep or too long.</summary>
    public static JsonObject? Read(IQueryCollection query)
    {
        var root = new Node();
        var values = 0;
        foreach (var (key, texts) in query)
        {
            values += texts.Count;
            if (values > MaximumValues || PathOf(key) is not { } path)
                return null;
            // A name that ends with a next place takes one for each value.
            foreach (var text in texts)
                root.At(path).Texts.Add(text ?? "");
        }
        return root.ToJson() as JsonObject ?? (root.IsEmpty ? [] : null);
    }

    // 'a[b][c]' are three names; an empty one is the next place of a list.
    private static List<string>? PathOf(string key)
    {
        var open = key.IndexOf('[', StringComparison.Ordinal);
        if (open <= 0 || !key.EndsWith(']'))
            return open < 0 && key.Length > 0 ? [key] : null;
        var path = key[(open + 1)..^1].Split("][").Prepend(key[..open]).ToList();
        return path.Count <= MaximumDepth && path.Skip(1).All(name => name.IndexOfAny(['[', ']']) < 0) ? path : null;
    }

    private sealed class Node
    {
        private readonly List<(string Name, Node Node)> _children = [];

        public List<string> Texts { get; } = [];

        public bool IsEmpty => Texts.Count == 0 && _children.Count == 0;

        public Node At(IEnumerable<string> path)
        {
            var at = this;
            foreach (var given in path)
            {
                var name = given.Length > 0 ? given : at._children.Count.ToString(CultureInfo.InvariantCulture);
                var child = at._children.Find(c => c.Name == name).Node;
                if (child is null)
                    at._children.Add((name, child = new()));
                at = child;
            }
            return at;
        }

        /// <summary>
        /// An object, a list where every name is a number, or a text; null where one name has two kinds.
        /// </summary>
        public JsonNode? ToJson()
        {
            if (_children.Count == 0)
                return Texts.Count == 1
                    ? JsonValue.Create(Texts[0])
                    : new JsonArray([.. Texts.Select(text => JsonValue.Create(text))]);
            if (Texts.Count > 0)
                return null;
            var parts = new List<(string Name, JsonNode Json)>();
            foreach (var (name, node) in _children)
            {
                if (node.ToJson() is not { } json)
                    return null;
                parts.Add((name, json));
            }
            if (parts.TrueForAll(p => int.TryParse(p.Name, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
                return new JsonArray([
                    .. parts.OrderBy(p => int.Parse(p.Name, CultureInfo.InvariantCulture)).Select(p => p.Json),
                ]);
            return new JsonObject(parts.Select(p => KeyValuePair.Create<string, JsonNode?>(p.Name, p.Json)));
        }
    }
}
