using System.Globalization;

namespace BlazorAuth.Api.Dialects.Feathers;

/// <summary>How several packets stand in one poll.</summary>
internal abstract class Payload
{
    /// <summary>Engine.IO 4: a separator between them.</summary>
    public static readonly Payload Version4 = new Separated();

    /// <summary>Engine.IO 3: the length in UTF-16 units and a colon before each.</summary>
    public static readonly Payload Version3 = new Counted();

    // No packet is empty: it closes the connection, as everything does that cannot be read.
    private static readonly string[] Unreadable = [""];

    public abstract string Join(IEnumerable<string> packets);

    public abstract IReadOnlyList<string> Split(string text);

    private sealed class Separated : Payload
    {
        private const char Separator = '\x1e';

        public override string Join(IEnumerable<string> packets) => string.Join(Separator, packets);

        public override IReadOnlyList<string> Split(string text) => text.Split(Separator);
    }

    private sealed class Counted : Payload
    {
        public override string Join(IEnumerable<string> packets) =>
            string.Concat(packets.Select(packet => $"{packet.Length.ToString(CultureInfo.InvariantCulture)}:{packet}"));

        public override IReadOnlyList<string> Split(string text)
        {
            var packets = new List<string>();
            for (var at = 0; at < text.Length; )
            {
                var colon = text.IndexOf(':', at, Math.Min(6, text.Length - at));
                if (
                    colon < 0
                    || !int.TryParse(
                        text.AsSpan(at, colon - at),
                        NumberStyles.None,
                        CultureInfo.InvariantCulture,
                        out var length
                    )
                    || length == 0
                    || length > text.Length - colon - 1
                )
                    return Unreadable;
                packets.Add(text.Substring(colon + 1, length));
                at = colon + 1 + length;
            }
            return packets.Count > 0 ? packets : Unreadable;
        }
    }
}
