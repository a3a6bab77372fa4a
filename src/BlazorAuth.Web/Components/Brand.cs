namespace BlazorAuth.Web.Components;

/// <summary>What the product calls itself, in one place.</summary>
public static class Brand
{
    public const string Name = "BlazorAuth";

    /// <summary>The mark as a data URL: a favicon file would be one more request on every first visit.</summary>
    public const string Favicon =
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
        + "%3Cpath fill='%23cf4a12' d='"
        + MarkFlame
        + "'/%3E%3Cpath fill='%23fff' d='"
        + MarkKeyhole
        + "'/%3E%3C/svg%3E";

    internal const string MarkFlame =
        "M17.2 1.5c.9 5.4 8.8 8.7 8.8 18A10 10 0 0 1 16 30.5 10 10 0 0 1 6 19.5c0-4.8 2.7-7.3 4-11.5 2 1.2 3 2.7 3.2 4.7C15.9 9.9 17.5 6 17.2 1.5Z";

    internal const string MarkKeyhole = "M16 15.5a3.4 3.4 0 0 1 1.7 6.35l.9 4.4h-5.2l.9-4.4A3.4 3.4 0 0 1 16 15.5Z";
}
