namespace BlazorAuth.Web.Components;

/// <summary>What a session runs on, as far as its user agent tells. App: a client of the API.</summary>
public enum DeviceKind
{
    Computer,
    Phone,
    App,
}
