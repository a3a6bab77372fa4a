namespace BlazorAuth.Api;

/// <summary>
/// The one rule for the fields of every form that this product reads, on pages and under <c>/oauth</c>.
/// </summary>
public static class OneValueForm
{
    /// <summary>
    /// Whether each field was sent once. A field that was sent twice is refused: two readers would pick two values
    /// (CWE-235, RFC 6749 §3.2).
    /// </summary>
    public static bool Is(IFormCollection form) => form.All(field => field.Value.Count <= 1);
}
