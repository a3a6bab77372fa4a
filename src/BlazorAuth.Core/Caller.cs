using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Sessions;

namespace BlazorAuth.Core;

/// <summary>
/// Who asks, as the edge knows them. Everything in it is established; nothing is taken from the request's body.
/// </summary>
/// <param name="UserId">The signed-in user, or null.</param>
/// <param name="SessionId">The session the request came in, or null.</param>
/// <param name="AuthenticatedAt">When that session last proved who it is.</param>
/// <param name="Address">The network address, from the connection or a configured proxy only (ASVS 4.1.3).</param>
/// <param name="Agent">The User-Agent header, cut to 256 characters.</param>
public sealed record Caller(
    string? UserId,
    string? SessionId,
    DateTimeOffset? AuthenticatedAt,
    string? Address,
    string? Agent
)
{
    /// <summary>
    /// Whether an API key asks: a program that nobody watches, which may do nothing that needs a step-up.
    /// </summary>
    public bool ByKey { get; init; }

    /// <summary>Whether the session proved two factors.</summary>
    public bool TwoFactors { get; init; }

    /// <summary>The dialect whose address was called; null at our own API and at the pages.</summary>
    public Dialect? Door { get; init; }

    /// <summary>
    /// Whether the session was begun at this door. A dialect is lenient to its own sessions only (ADR 0018). A cookie
    /// belongs to the site and is at home everywhere.
    /// </summary>
    public bool AtHome { get; init; }

    /// <summary>Whether the owner gave the session's last proof by a step-up, which counts at every door.</summary>
    public bool SteppedUp { get; init; }

    /// <summary>When a passkey or a code of the second factor last proved the session; null where none did.</summary>
    public DateTimeOffset? FactorAt { get; init; }

    /// <summary>When the session began, by a sign-in; null for somebody not signed in.</summary>
    public DateTimeOffset? BegunAt { get; init; }

    /// <summary>The dialect the session was begun in, where it was one.</summary>
    public Dialect? Dialect { get; init; }

    /// <summary>The longest agent text kept.</summary>
    public const int MaximumAgentLength = 256;

    /// <summary>Somebody not signed in.</summary>
    public static Caller Anonymous(string? address, string? agent) => new(null, null, null, address, Clean(agent));

    /// <summary>The owner of a live session, at our own API and pages or at the door of a dialect.</summary>
    public static Caller Of(Session session, string? address, string? agent, Dialect? door = null) =>
        new(session.UserId, session.Id, session.AuthenticatedAt, address, Clean(agent))
        {
            ByKey = session.Kind == SessionKind.Key,
            TwoFactors = Session.AreTwoFactors(session.Methods),
            Door = door,
            AtHome = session.Kind == SessionKind.Browser || session.Dialect == door,
            SteppedUp = session.RenewedByStepUp,
            FactorAt = session.FactorAt,
            BegunAt = session.CreatedAt,
            Dialect = session.Dialect,
        };

    // CR/LF in a header value would forge a line wherever the agent is printed.
    private static string? Clean(string? agent) =>
        string.IsNullOrWhiteSpace(agent)
            ? null
            : Whole(string.Concat(agent.Where(c => !char.IsControl(c)).Take(MaximumAgentLength)));

    // Half a surrogate pair, as the cut may leave it, is no text to some databases.
    private static string Whole(string text) => string.Concat(text.EnumerateRunes());
}
