using BlazorAuth.Core.Accounts;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.Tokens;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// Which credentials are alive, as the papers have it and in memory only: lists and flags, no transaction, no hash, no
/// clever statement. What the product does is compared with it.
/// </summary>
internal sealed class Model(TimeProvider time)
{
    private static readonly TimeSpan Leeway = TimeSpan.FromSeconds(10),
        Idle = TimeSpan.FromDays(14),
        Absolute = TimeSpan.FromDays(90);

    public sealed class Account(string id, string email, string password)
    {
        public string Id => id;
        public string Email { get; set; } = email;

        /// <summary>Null where it is void and a new one has to be chosen by mail.</summary>
        public string? Password { get; set; } = password;
        public List<string> OldPasswords { get; } = [];
        public bool Verified { get; set; }
        public bool Contested { get; set; }
        public bool Locked { get; set; }
        public bool Closed { get; set; }

        /// <summary>A change of address whose email may still come.</summary>
        public (string Address, string SessionId)? Asked { get; set; }
    }

    public sealed class Login(Session row, Account account, DateTimeOffset now)
    {
        public Session Row { get; set; } = row;
        public Account Account => account;
        public int Generation { get; set; } = 1;
        public int Renewed { get; set; } = 1;

        /// <summary>When each generation was rotated.</summary>
        public Dictionary<int, DateTimeOffset> RotatedAt { get; } = [];
        public DateTimeOffset SeenAt { get; set; } = now;
        public DateTimeOffset IdleEnd { get; set; } = now + Idle;
        public DateTimeOffset AbsoluteEnd { get; } = now + Absolute;
        public bool Ended { get; set; }
        public List<TokenPair> Pairs { get; } = [];
    }

    public sealed record TokenPair(int Generation, string Access, string Refresh, DateTimeOffset AccessEnd);

    public sealed class Link(
        TokenPurpose purpose,
        string text,
        string? code,
        string address,
        Account account,
        string? sessionId,
        DateTimeOffset end
    )
    {
        public TokenPurpose Purpose => purpose;
        public string Text => text;
        public string? Code => code;
        public string Address => address;
        public Account Account => account;
        public string? SessionId => sessionId;
        public DateTimeOffset End => end;
        public int Attempts { get; set; }
        public bool Dead { get; set; }
    }

    public List<Account> Accounts { get; } = [];
    public List<Login> Logins { get; } = [];
    public List<Link> Links { get; } = [];

    public IReadOnlyList<Account> Open => [.. Accounts.Where(a => !a.Closed)];

    public IReadOnlyList<Login> Live => [.. Logins.Where(l => IsAlive(l))];

    private DateTimeOffset Now => time.GetUtcNow();

    public Account? OwnerOf(string email) => Accounts.SingleOrDefault(a => !a.Closed && a.Email == email);

    public bool IsAlive(Login login) => !login.Ended && login.IdleEnd > Now && login.AbsoluteEnd > Now;

    public bool IsAlive(Login login, int generation) =>
        IsAlive(login)
        && generation >= login.Renewed
        && (generation == login.Generation || IsInLeeway(login, generation));

    public bool IsAlive(Login login, TokenPair pair) =>
        IsAlive(login, pair.Generation) && pair.AccessEnd + AccessTokens.ClockSkew > Now;

    public bool IsAlive(Link link) => !link.Dead && link.End > Now;

    public bool IsInLeeway(Login login, int generation) =>
        login.RotatedAt.TryGetValue(generation, out var at) && Now - at < Leeway;

    public void Verified(Account account, bool byItsOwner)
    {
        Kill(account, TokenPurpose.VerifyEmail);
        account.Verified = true;
        if (account.Contested && !byItsOwner)
        {
            Replace(account, null);
            KillAll(account);
            EndAll(account);
        }
        account.Contested = false;
    }

    public void Reset(Account account, string password)
    {
        Replace(account, password);
        (account.Verified, account.Contested) = (true, false);
        KillAll(account);
        EndAll(account);
    }

    public void PasswordChanged(Login login, Session renewed, string password)
    {
        Replace(login.Account, password);
        Kill(login.Account, TokenPurpose.ResetPassword, TokenPurpose.ChangeEmail);
        login.Account.Asked = null;
        EndAll(login.Account, login);
        login.Renewed = ++login.Generation;
        (login.Row, login.SeenAt) = (renewed, Now);
    }

    public void AskedToMove(Login login, string address)
    {
        Kill(login.Account, TokenPurpose.ChangeEmail);
        login.Account.Asked = (address, login.Row.Id);
    }

    public void Moved(Link link)
    {
        // Confirmed in a browser that is not signed in: what was set counts only where an address was verified before.
        var isVoid = !link.Account.Verified || link.Account.Contested;
        (link.Account.Email, link.Account.Verified, link.Account.Contested) = (link.Address, true, false);
        KillAll(link.Account);
        if (isVoid)
            Replace(link.Account, null);
        EndAll(link.Account, isVoid ? null : Logins.Single(l => l.Row.Id == link.SessionId));
    }

    public void Rotated(Login login)
    {
        login.RotatedAt[login.Generation++] = Now;
        login.SeenAt = Now;
        login.IdleEnd = Earlier(Now + Idle, login.AbsoluteEnd);
    }

    public void Seen(Login login)
    {
        if (Now - login.SeenAt < TimeSpan.FromMinutes(1))
            return;
        (login.SeenAt, login.IdleEnd) = (Now, Earlier(Now + Idle, login.AbsoluteEnd));
    }

    public void Closed(Account account)
    {
        Replace(account, null);
        account.Closed = true;
        KillAll(account);
        EndAll(account);
    }

    public void Minted(Link link)
    {
        Kill(link.Account, link.Purpose);
        if (link.Purpose == TokenPurpose.ChangeEmail)
            link.Account.Asked = null;
        Links.Add(link);
    }

    /// <summary>The link a code opens; the try counts against every code that was sent there.</summary>
    public Link? Try(string address, string code)
    {
        var live = Links
            .Where(l => l.Purpose == TokenPurpose.VerifyEmail && l.Address == address && IsAlive(l))
            .ToList();
        var counted = live.Where(l => l.Attempts < OneTimeTokens.MaximumAttempts).ToList();
        foreach (var link in counted)
            link.Attempts++;
        return counted.Count > 0 ? live.Find(l => l.Code == code) : null;
    }

    public void EndAll(Account account, Login? except = null)
    {
        foreach (var login in Logins.Where(l => l.Account == account && l != except))
            login.Ended = true;
    }

    private static void Replace(Account account, string? password)
    {
        if (account.Password is not null)
            account.OldPasswords.Add(account.Password);
        account.Password = password;
    }

    private void KillAll(Account account)
    {
        account.Asked = null;
        Kill(account, Enum.GetValues<TokenPurpose>());
    }

    private void Kill(Account account, params TokenPurpose[] purposes)
    {
        foreach (var link in Links.Where(l => l.Account == account && purposes.Contains(l.Purpose)))
            link.Dead = true;
    }

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;
}
