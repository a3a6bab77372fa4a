namespace BlazorAuth.Core.Security;

/// <summary>What attempts are counted for.</summary>
public enum Budget
{
    /// <summary>Wrong passwords for one account; each device that the account knows has a count of its own.</summary>
    SignInPerAccount,

    /// <summary>Wrong passwords from one network address.</summary>
    SignInPerAddress,

    /// <summary>Emails of one kind sent to one verified address, because somebody asked for them.</summary>
    MailPerAddress,

    /// <summary>Emails asked for from one network address.</summary>
    MailPerCaller,

    /// <summary>Emails of every kind sent to one verified address in an hour.</summary>
    MailPerDestination,

    /// <summary>Emails of every kind sent to one verified address in a day.</summary>
    MailPerDestinationDaily,

    /// <summary>Emails sent in an hour to one address that nobody has verified.</summary>
    MailToUnverified,

    /// <summary>Emails sent in a day to one address that nobody has verified.</summary>
    MailToUnverifiedDaily,

    /// <summary>The one reset email an hour that goes out whatever else was sent.</summary>
    MailReserve,

    /// <summary>Sign-ups from one network address.</summary>
    SignUpPerAddress,

    /// <summary>Wrong second factors for one account.</summary>
    SecondFactorPerAccount,

    /// <summary>Passkey ceremonies begun from one network address.</summary>
    PasskeyPerAddress,

    /// <summary>Anonymous accounts made from one network address.</summary>
    AnonymousPerAddress,

    /// <summary>Security events that a stranger caused from one network address.</summary>
    EventsPerAddress,

    /// <summary>Changes that one account's owner makes: profile, keys, exports.</summary>
    ChangesPerAccount,

    /// <summary>Sessions begun for one account.</summary>
    SessionsPerAccount,

    /// <summary>Links and tickets from one network address that are none.</summary>
    LinksPerAddress,
}
