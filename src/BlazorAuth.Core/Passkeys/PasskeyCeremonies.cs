using System.Buffers.Text;
using System.Text.Json;
using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Security;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace BlazorAuth.Core.Passkeys;

/// <summary>
/// A ceremony that was begun: <paramref name="Options"/> is JSON for the browser, the ticket goes on with its answer,
/// once.
/// </summary>
public sealed record Ceremony(string Ticket, string Options);

/// <summary>
/// WebAuthn ceremonies, each a one-time ticket of its own: two tabs, two processes and a pending second factor leave
/// each other alone (ADR 0014). The ticket is bound to the account and session that began it; one that signs in is
/// nobody's yet.
/// </summary>
public sealed class PasskeyCeremonies(
    AuthDbContext db,
    IPasskeyHandler<AuthUser> handler,
    OneTimeTokens tokens,
    Throttle throttle,
    TimeProvider time
)
{
    /// <summary>A credential whose answer was right, before anything is opened with it.</summary>
    internal sealed record Assertion(OneTimeToken Ticket, AuthUser User, UserPasskeyInfo Passkey)
    {
        /// <summary>
        /// RFC 8176: a key in hardware or, where it is synced, in software; the person was verified, so two factors.
        /// </summary>
        public string Methods => $"{(Passkey.IsBackupEligible ? "swk" : "hwk")} user {Session.TwoFactors}";
    }

    /// <summary>A credential that was made, before it is anybody's.</summary>
    internal sealed record Creation(OneTimeToken Ticket, UserPasskeyInfo Passkey);

    /// <summary>
    /// Begins a ceremony that proves somebody; without an account the browser offers whatever passkeys it has, and
    /// nothing is told about any.
    /// </summary>
    internal async Task<Result<Ceremony>> BeginAsync(Caller caller, AuthUser? user, CancellationToken ct)
    {
        if (await CountAsync(caller, ct) is { } limited)
            return limited;
        var begun = await handler.MakeRequestOptionsAsync(user, Nowhere);
        return await IssueAsync(
            TokenPurpose.PasskeyAssertion,
            user is null ? null : caller,
            begun.AssertionState!,
            begun.RequestOptionsJson,
            ct
        );
    }

    /// <summary>
    /// Begins a ceremony that makes a passkey; those the account has are named, so that no device makes a second one.
    /// </summary>
    internal async Task<Result<Ceremony>> BeginCreationAsync(Caller caller, AuthUser user, CancellationToken ct)
    {
        if (await CountAsync(caller, ct) is { } limited)
            return limited;
        var name = user.Email ?? user.ChosenUserName ?? user.Id;
        var entity = new PasskeyUserEntity
        {
            Id = user.Id,
            Name = name,
            DisplayName = user.DisplayName ?? name,
        };
        var begun = await handler.MakeCreationOptionsAsync(entity, Nowhere);
        return await IssueAsync(
            TokenPurpose.PasskeyCreation,
            caller,
            begun.AttestationState!,
            begun.CreationOptionsJson,
            ct
        );
    }

    /// <summary>
    /// The owner of a right answer to the ticket's own challenge, from this site's origin, with the person verified.
    /// Everything else is refused with <see cref="AuthError.PasskeyFailed"/>, or <see cref="AuthError.RateLimited"/>.
    /// Each try counts. Nothing is spent yet: see <see cref="UseAsync"/>.
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="ticket">Of <see cref="BeginAsync"/>.</param>
    /// <param name="credential">What the browser answered, as JSON.</param>
    /// <param name="owner">Whose session the ticket must be of; null for one that signs in.</param>
    /// <param name="ct">Ends the wait.</param>
    internal async Task<Result<Assertion>> CheckAsync(
        Caller caller,
        string? ticket,
        string? credential,
        Caller? owner,
        CancellationToken ct
    )
    {
        var found = await FindAsync(caller, TokenPurpose.PasskeyAssertion, ticket, credential, owner, ct);
        if (found.Value is not { } token)
            return found.Failure!;
        var answer = await handler.PerformAssertionAsync(
            new()
            {
                HttpContext = Nowhere,
                CredentialJson = credential!,
                AssertionState = token.State,
            }
        );
        db.ChangeTracker.Clear(); // what was read outside of a transaction must not answer inside one
        return answer.Succeeded ? new Assertion(token, answer.User, answer.Passkey) : AuthError.PasskeyFailed;
    }

    /// <summary>
    /// The passkey of a right answer to the ticket's own challenge; everything else is refused as above.
    /// </summary>
    internal async Task<Result<Creation>> CheckCreationAsync(
        string? ticket,
        string? credential,
        Caller owner,
        CancellationToken ct
    )
    {
        var found = await FindAsync(owner, TokenPurpose.PasskeyCreation, ticket, credential, owner, ct);
        if (found.Value is not { } token)
            return found.Failure!;
        var answer = await handler.PerformAttestationAsync(
            new()
            {
                HttpContext = Nowhere,
                CredentialJson = credential!,
                AttestationState = token.State,
            }
        );
        db.ChangeTracker.Clear();
        return answer is { Succeeded: true, Passkey.IsUserVerified: true }
            ? new Creation(token, answer.Passkey)
            : AuthError.PasskeyFailed;
    }

    /// <summary>
    /// Spends the ticket and notes the use: true for one of any number of callers. Call it inside the transaction of
    /// what it opens, which holds the account; saved by the caller.
    /// </summary>
    internal async Task<bool> UseAsync(Assertion proven, CancellationToken ct)
    {
        if (!await tokens.SpendAsync(proven.Ticket, ct))
            return false;
        var passkey = await db.UserPasskeys.SingleOrDefaultAsync(
            p => p.UserId == proven.User.Id && p.CredentialId == proven.Passkey.CredentialId,
            ct
        );
        // Removed meanwhile; or used meanwhile, by whoever has a copy of the key: the counter only goes up (WebAuthn
        // §6.1.1).
        if (
            passkey is null
            || (
                (proven.Passkey.SignCount | passkey.Data.SignCount) != 0
                && proven.Passkey.SignCount <= passkey.Data.SignCount
            )
        )
            return false;
        (passkey.Data.SignCount, passkey.Data.IsBackedUp) = (proven.Passkey.SignCount, proven.Passkey.IsBackedUp);
        db.Entry(passkey).Property(AuthDbContext.PasskeyLastUsed).CurrentValue = time.GetUtcNow();
        return true;
    }

    /// <summary>Whose passkey a browser's answer names, right or wrong; null for nobody's.</summary>
    internal async Task<string?> OwnerAsync(string? credential, CancellationToken ct) =>
        IdIn(credential) is { } id
            ? await db.UserPasskeys.Where(p => p.CredentialId == id).Select(p => p.UserId).SingleOrDefaultAsync(ct)
            : null;

    /// <summary>The id of a passkey as addresses and answers write it.</summary>
    internal static string Text(byte[] credentialId) => Base64Url.EncodeToString(credentialId);

    /// <summary>The id that a text writes; null where it writes none.</summary>
    internal static byte[]? Id(string? text) =>
        text is { Length: > 0 and <= LongestId } && Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : null;

    // 1023 bytes (WebAuthn §4).
    private const int LongestId = 1364;

    /// <summary>The id that a browser's answer names, right or wrong.</summary>
    internal static byte[]? IdIn(string? credential)
    {
        try
        {
            return
                JsonElement.Parse(credential ?? "") is { ValueKind: JsonValueKind.Object } json
                && json.TryGetProperty("id", out var id)
                && id.ValueKind == JsonValueKind.String
                ? Id(id.GetString())
                : null;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Counts a ceremony, or an answer to one, for the network it comes from.</summary>
    internal Task<AuthFailure?> CountAsync(Caller caller, CancellationToken ct) =>
        throttle.TakeAsync(caller, ct, (Budget.PasskeyPerAddress, Throttle.Network(caller)));

    private async Task<Result<Ceremony>> IssueAsync(
        TokenPurpose purpose,
        Caller? owner,
        string state,
        string options,
        CancellationToken ct
    )
    {
        db.ChangeTracker.Clear();
        var (_, ticket) = tokens.Issue(purpose, owner?.UserId ?? "", "", state, owner?.SessionId);
        await db.SaveChangesAsync(ct);
        return new Ceremony(ticket, options);
    }

    private async Task<Result<OneTimeToken>> FindAsync(
        Caller caller,
        TokenPurpose purpose,
        string? ticket,
        string? credential,
        Caller? owner,
        CancellationToken ct
    )
    {
        if (string.IsNullOrEmpty(credential))
            return AuthError.PasskeyFailed;
        var found = await tokens.FindCountedAsync(caller, purpose, ticket, ct);
        if (found.Failure is { Error: AuthError.RateLimited } limited)
            return limited;
        return found.Value is { } token && token.UserId == (owner?.UserId ?? "") && token.SessionId == owner?.SessionId
            ? token
            : AuthError.PasskeyFailed;
    }

    // The handler asks a request only for what the options name already: the domain and the origin of the public
    // address.
    private static DefaultHttpContext Nowhere => new();
}
