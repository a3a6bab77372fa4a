using BlazorAuth.Core.Messaging.Email;

namespace BlazorAuth.Core.Options;

/// <summary>Section <c>Mail</c>.</summary>
public sealed class MailOptions
{
    /// <summary>How emails leave; <c>Folder</c> in Development, required in Production.</summary>
    public MailTransport? Transport { get; set; }

    /// <summary>Folder of the <c>Folder</c> transport, relative to the data directory.</summary>
    public string Folder { get; set; } = "mail";

    /// <summary>Sender.</summary>
    public string From { get; set; } = "BlazorAuth <no-reply@localhost>";

    /// <summary>Where answers go; empty for the sender.</summary>
    public string ReplyTo { get; set; } = "";

    /// <summary>Server of the <c>Smtp</c> transport.</summary>
    public SmtpOptions Smtp { get; set; } = new();
}

/// <summary>How emails leave.</summary>
public enum MailTransport
{
    /// <summary>One .eml file an email.</summary>
    Folder,

    /// <summary>A mail server.</summary>
    Smtp,
}

/// <summary>Section <c>Mail:Smtp</c>.</summary>
public sealed class SmtpOptions
{
    /// <summary>Host name.</summary>
    public string Host { get; set; } = "";

    /// <summary>Port.</summary>
    public int Port { get; set; } = 587;

    /// <summary>User name, or empty.</summary>
    public string User { get; set; } = "";

    /// <summary>Password.</summary>
    public string Password { get; set; } = "";

    /// <summary>
    /// Transport security. <c>Auto</c> is TLS from the first byte on port 465, and STARTTLS, required, on every other.
    /// </summary>
    public SmtpSecurity Security { get; set; } = SmtpSecurity.Auto;

    /// <summary>The name that this machine gives of itself to the server; empty for its own.</summary>
    public string HelloName { get; set; } = "";
}
