namespace BlazorAuth.Web.Components;

/// <summary>One thing wrong with a form. A null <paramref name="FieldId"/> concerns the form as a whole.</summary>
public sealed record FormError(string? FieldId, string Sentence);

/// <summary>
/// What is wrong with a form, in the order of its fields. Immutable: <see cref="None"/> is shared by every request.
/// </summary>
public sealed class FormErrors
{
    public static FormErrors None { get; } = new([]);

    FormErrors(IReadOnlyList<FormError> all) => All = all;

    public IReadOnlyList<FormError> All { get; }

    public bool Any => All.Count > 0;

    /// <summary>The first sentence about this field: one message beside an input is read, three are not.</summary>
    public string? For(string fieldId) =>
        All.FirstOrDefault(error => string.Equals(error.FieldId, fieldId, StringComparison.Ordinal))?.Sentence;

    public FormErrors Add(string? fieldId, string sentence) => new([.. All, new FormError(fieldId, sentence)]);
}
