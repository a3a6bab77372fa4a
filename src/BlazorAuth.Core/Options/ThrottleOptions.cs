using BlazorAuth.Core.Security;

namespace BlazorAuth.Core.Options;

/// <summary>Section <c>Throttle</c>. A limit is a number of attempts in its window.</summary>
public sealed class ThrottleOptions
{
    /// <summary>Whether attempts are limited; false is for benchmarks and says so at start.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>
    /// Wrong passwords for one account in 15 minutes; each device that the account knows has as many of its own.
    /// </summary>
    public int SignInPerAccount { get; set; } = 10;

    /// <summary>Wrong passwords from one network address (IPv6: one /64) in 15 minutes.</summary>
    public int SignInPerAddress { get; set; } = 300;

    /// <summary>
    /// Emails of one kind that anybody can ask for, sent to one verified address in an hour; half of them asked for by
    /// one network. Over it nothing is sent, and the answer stays the same.
    /// </summary>
    public int MailPerAddress { get; set; } = 10;

    /// <summary>Emails asked for from one network address in an hour.</summary>
    public int MailPerCaller { get; set; } = 300;

    /// <summary>
    /// Emails of every kind sent to one verified address in an hour. The last quarter is for notices, which wait and
    /// are folded into one over it; one reset email always goes out.
    /// </summary>
    public int MailPerDestination { get; set; } = 20;

    /// <summary>The same in a day.</summary>
    public int MailPerDestinationDaily { get; set; } = 60;

    /// <summary>
    /// Emails sent in an hour to one address that nobody has verified; only those that verify it go there.
    /// </summary>
    public int MailToUnverified { get; set; } = 3;

    /// <summary>The same in a day.</summary>
    public int MailToUnverifiedDaily { get; set; } = 8;

    /// <summary>Sign-ups from one network address in an hour.</summary>
    public int SignUpPerAddress { get; set; } = 1000;

    /// <summary>Anonymous accounts made from one network address in an hour.</summary>
    public int AnonymousPerAddress { get; set; } = 100;

    /// <summary>Wrong second factors for one account in 15 minutes.</summary>
    public int SecondFactorPerAccount { get; set; } = 10;

    /// <summary>
    /// Passkey ceremonies begun from one network address (IPv6: one /64) in an hour, and answers to them.
    /// </summary>
    public int PasskeyPerAddress { get; set; } = 3000;

    /// <summary>
    /// Security events that strangers cause from one network address in an hour and that are written down; over it one
    /// entry says that more came.
    /// </summary>
    public int EventsPerAddress { get; set; } = 60;

    /// <summary>
    /// Changes that the owner of one account makes in an hour: profile, API keys, exports, changes of address.
    /// </summary>
    public int ChangesPerAccount { get; set; } = 120;

    /// <summary>Links and tickets that are none, from one network address (IPv6: one /64) in 15 minutes.</summary>
    public int LinksPerAddress { get; set; } = 300;

    /// <summary>Sessions begun for one account in an hour.</summary>
    public int SessionsPerAccount { get; set; } = 120;
}
