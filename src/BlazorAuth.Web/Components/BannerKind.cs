namespace BlazorAuth.Web.Components;

/// <summary>What a banner is about. Errors have <see cref="ErrorSummary"/>.</summary>
public enum BannerKind
{
    Success,
    Info,
    Warning,
}
