using Microsoft.AspNetCore.Components;

namespace BlazorAuth.Web.Components;

/// <summary>
/// What every field has in common: its label, its hint, its error, and how these are tied to the input.
/// </summary>
public abstract class FieldBase : ComponentBase
{
    /// <summary>
    /// Stable across releases and without dots: password managers remember it, and error links point to it.
    /// </summary>
    [Parameter, EditorRequired]
    public string Id { get; set; } = "";

    /// <summary>The form key; the id when not given.</summary>
    [Parameter]
    public string? Name { get; set; }

    [Parameter, EditorRequired]
    public string Label { get; set; } = "";

    [Parameter]
    public string? Hint { get; set; }

    [Parameter]
    public FormErrors Errors { get; set; } = FormErrors.None;

    [Parameter]
    public bool Required { get; set; }

    internal bool HasHint => Hint is not null;

    internal string? Error => Errors.For(Id);

    protected string InputName => Name ?? Id;

    protected string? Invalid => Error is null ? null : "true";

    protected string? DescribedBy =>
        (HasHint, Error) switch
        {
            (true, null) => $"{Id}-hint",
            (true, _) => $"{Id}-hint {Id}-error",
            (false, null) => null,
            (false, _) => $"{Id}-error",
        };
}
