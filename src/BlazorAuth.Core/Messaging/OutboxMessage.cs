using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Tokens;

namespace BlazorAuth.Core.Messaging;

/// <summary>
/// An email that was promised. It carries no secret: the OutboxDispatcher mints the token when it sends.
/// </summary>
public sealed class OutboxMessage
{
    /// <summary>UUID v7; also the unique part of the Message-ID, so that an email sent twice is recognised.</summary>
    public required string Id { get; init; }

    /// <summary>Which email.</summary>
    public required EmailKind Kind { get; init; }

    /// <summary>
    /// The address it is for. For emails anybody can ask for, the address typed; it is sent only to the same address on
    /// file.
    /// </summary>
    public required string To { get; init; }

    /// <summary>The account it is about, where the asker is signed in to it.</summary>
    public string? UserId { get; init; }

    /// <summary>The session it was asked from, where that one survives.</summary>
    public string? SessionId { get; init; }

    /// <summary>The new address of a change of address.</summary>
    public string? NewAddress { get; init; }

    /// <summary>What the email names: a passkey, a provider, how many codes are left.</summary>
    public string? Detail { get; init; }

    /// <summary>
    /// What goes into the state of the token that the OutboxDispatcher mints; see <c>OneTimeToken.State</c>.
    /// </summary>
    public string? State { get; init; }

    /// <summary>Network address of the asker.</summary>
    public string? Address { get; init; }

    /// <summary>The asker's network (<c>Throttle.Network</c>): networks are served in turn.</summary>
    public string Network { get; init; } = "";

    /// <summary>How many later ones of its kind it tells of as well.</summary>
    public int Folded { get; set; }

    /// <summary>User-Agent of the asker.</summary>
    public string? Agent { get; init; }

    /// <summary>When it was promised.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Not tried before this.</summary>
    public required DateTimeOffset NextAttemptAt { get; set; }

    /// <summary>How often it was tried.</summary>
    public int Attempts { get; set; }

    /// <summary>A OutboxDispatcher has it in hand until here.</summary>
    public DateTimeOffset? ClaimedUntil { get; set; }

    /// <summary>When it was sent, found to be for nobody, or given up.</summary>
    public DateTimeOffset? DoneAt { get; set; }

    /// <summary>
    /// The type of the last failure, never its text, which may quote the email; or why it was not sent. Null where it
    /// was.
    /// </summary>
    public string? LastError { get; set; }
}
