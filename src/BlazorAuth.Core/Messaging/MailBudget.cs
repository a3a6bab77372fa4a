using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Security;

namespace BlazorAuth.Core.Messaging;

/// <summary>
/// How many emails an address gets. Counted when an email is about to be sent, never when it is asked for, so that no
/// stranger learns whether the address is anybody's or keeps its owner from being answered (ADR 0021).
/// </summary>
public sealed class MailBudget(Throttle throttle)
{
    /// <summary>What becomes of an email.</summary>
    public enum Verdict
    {
        /// <summary>It goes out.</summary>
        Send,

        /// <summary>It goes out later, with what came meanwhile.</summary>
        Later,

        /// <summary>It does not go out.</summary>
        Drop,
    }

    /// <summary>
    /// Whether an email proves that its reader owns the address: the only ones that go to an unverified address.
    /// </summary>
    public static bool Verifies(EmailKind kind) =>
        kind
            is EmailKind.VerifyEmail
                or EmailKind.ResetPassword
                or EmailKind.SignInCode
                or EmailKind.Invited
                or EmailKind.ConfirmEmailChange;

    /// <summary>Takes one email from the budgets of its address.</summary>
    /// <param name="letter">Where it goes, and from which network it was asked for.</param>
    /// <param name="kind">What is sent.</param>
    /// <param name="verified">Whether somebody has shown that the address is theirs.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<Verdict> TakeAsync(OutboxMessage letter, EmailKind kind, bool verified, CancellationToken ct)
    {
        if (kind == EmailKind.MailTest)
            return Verdict.Send; // an operator asked for it
        if (!verified)
            return Verifies(kind) && await TakeUnverifiedAsync(letter.To, ct) ? Verdict.Send : Verdict.Drop;
        if (!Verifies(kind) && kind != EmailKind.AddressTaken)
            // a notice is never lost
            return await TakeDestinationAsync(letter.To, 1, ct) ? Verdict.Send : Verdict.Later;
        // Narrow before wide: what one network may not ask for any more takes nothing from the others.
        var (subject, most) = ($"{kind}:{letter.To}", throttle.LimitOf(Budget.MailPerAddress));
        if (
            await throttle.TryTakeAsync(Budget.MailPerAddress, $"{subject}:{letter.Network}", ct, (most + 1) / 2)
            && await throttle.TryTakeAsync(Budget.MailPerAddress, subject, ct)
            && await TakeDestinationAsync(letter.To, 0.75, ct)
        )
            return Verdict.Send;
        return kind == EmailKind.ResetPassword && await throttle.TryTakeAsync(Budget.MailReserve, letter.To, ct)
            ? Verdict.Send
            : Verdict.Drop;
    }

    private async Task<bool> TakeUnverifiedAsync(string address, CancellationToken ct)
    {
        if (await throttle.TryTakePlaceAsync(Budget.MailToUnverified, address, ct) is not { } place)
            return false;
        if (await throttle.TryTakePlaceAsync(Budget.MailToUnverifiedDaily, address, ct) is not null)
            return true;
        await throttle.FreePlaceAsync(Budget.MailToUnverified, address, place, ct);
        return false;
    }

    // One count for everything. What strangers can ask for may use a share of it only, so that notices have the rest.
    private async Task<bool> TakeDestinationAsync(string address, double share, CancellationToken ct)
    {
        return await throttle.TryTakeAsync(Budget.MailPerDestination, address, ct, Share(Budget.MailPerDestination))
            && await throttle.TryTakeAsync(
                Budget.MailPerDestinationDaily,
                address,
                ct,
                Share(Budget.MailPerDestinationDaily)
            );

        int Share(Budget budget) => Math.Max(1, (int)(throttle.LimitOf(budget) * share));
    }
}
