using BlazorAuth.Faults.Support;

namespace BlazorAuth.Faults;

/// <summary>The process dies in the middle (kill -9), or is asked to end.</summary>
internal static class KillFaults
{
    private const int Rounds = 3,
        Together = 10;
    private static readonly (string, string) Unlimited = ("BlazorAuth__Throttle__Enabled", "false");

    /// <summary>
    /// Who was told to have an account has it, with that password and an email; everybody else can sign up again.
    /// </summary>
    public static async Task<string> SignUpsAsync()
    {
        await using var server = new Server(settings: Unlimited);
        using var client = new Client(server);
        var (told, silent) = (0, 0);
        for (var round = 0; round < Rounds; round++)
        {
            await server.StartAsync();
            var emails = Emails($"new{round}");
            var answers = Race(emails, email => client.SignUpAsync(email));
            await Task.Delay(Random.Shared.Next(300, 2500));
            await server.KillAsync();
            await Task.WhenAll(answers);
            server.IsWhole();
            await server.StartAsync();
            for (var i = 0; i < emails.Length; i++)
            {
                var (email, answer) = (emails[i], await answers[i]);
                var entered = await Patiently(() => client.SignInAsync(email));
                if (answer.Ok)
                    told++;
                else
                    silent++;
                if (!answer.Ok && !entered.Ok)
                {
                    var again = await Patiently(() => client.SignUpAsync(email));
                    Claim.That(
                        again.Ok,
                        $"{email} heard {answer}, cannot sign in ({entered}) and not sign up again ({again})"
                    );
                    entered = await Patiently(() => client.SignInAsync(email));
                }
                Claim.That(entered.Ok, $"{email} was told {answer} and cannot sign in: {entered}");
                var letter = await client.LetterAsync(email, "verify-email");
                var verified = await client.PostAsync("/api/account/verify", new { token = letter.Token });
                Claim.That(verified.Ok, $"the newest email of {email} opens nothing: {verified}");
            }
            await server.KillAsync();
        }
        server.IsWhole();
        return $"{Rounds} kills; {told} sign-ups were answered, {silent} not";
    }

    /// <summary>No client loses its session; a rotated token is still known as one afterwards.</summary>
    public static async Task<string> RefreshesAsync()
    {
        await using var server = new Server(settings: Unlimited);
        using var client = new Client(server);
        await server.StartAsync();
        var emails = Emails("refresh")[..6];
        foreach (var email in emails)
            await Client.DoneAsync(() => client.SignUpAsync(email));
        var held = new string[emails.Length];
        var first = new string[emails.Length];
        var refreshed = 0;
        for (var i = 0; i < emails.Length; i++)
            first[i] = held[i] = (await Client.DoneAsync(() => client.SignInAsync(emails[i]))).Text("refreshToken");
        for (var round = 0; round < Rounds; round++)
        {
            using var storm = new CancellationTokenSource();
            var clients = Enumerable
                .Range(0, emails.Length)
                .Select(i =>
                    Task.Run(async () =>
                    {
                        while (!storm.IsCancellationRequested)
                        {
                            var answer = await client.RefreshAsync(held[i]);
                            if (answer.Ok)
                                held[i] = answer.Text("refreshToken");
                            else if (answer.Broken)
                                return;
                            else
                                Claim.That(answer.Status is 429 or >= 500, $"{emails[i]} was refused: {answer}");
                            Interlocked.Increment(ref refreshed);
                        }
                    })
                )
                .ToArray();
            await Task.Delay(Random.Shared.Next(300, 2000));
            await server.KillAsync();
            await storm.CancelAsync();
            await Task.WhenAll(clients);
            server.IsWhole();
            await server.StartAsync();
            for (var i = 0; i < emails.Length; i++)
            {
                var answer = await client.RefreshAsync(held[i]);
                Claim.That(answer.Ok, $"after the kill {emails[i]} is refused with the token it holds: {answer}");
                held[i] = answer.Text("refreshToken");
                Claim.That(
                    (await client.MeAsync(answer.Text("accessToken"))).Ok,
                    $"the new access token of {emails[i]} opens nothing"
                );
            }
        }
        await Task.Delay(TimeSpan.FromSeconds(10.5));
        for (var i = 0; i < emails.Length; i++)
        {
            var replay = await client.RefreshAsync(first[i]);
            Claim.That(replay.Code == "refresh_token_reused", $"the first token of {emails[i]} again: {replay}");
            Claim.That(
                (await client.RefreshAsync(held[i])).Code == "refresh_token_reused",
                $"the family of {emails[i]} outlived a replay"
            );
        }
        return $"{Rounds} kills in {refreshed} refreshes; nobody was signed out, every replay was seen";
    }

    /// <summary>
    /// Exactly one of the two passwords works, the sessions go with it, and a reset that was not answered can be
    /// repeated.
    /// </summary>
    public static async Task<string> ResetsAsync()
    {
        await using var server = new Server(settings: Unlimited);
        using var client = new Client(server);
        var (told, silent) = (0, 0);
        for (var round = 0; round < Rounds; round++)
        {
            await server.StartAsync();
            var people = await PeopleAsync(client, $"reset{round}");
            foreach (var (email, _) in people)
                await Client.DoneAsync(() => client.ForgetAsync(email));
            var links = new List<string>();
            foreach (var (email, _) in people)
                links.Add((await client.LetterAsync(email, "reset-password")).Token);
            var answers = Race(links, link => client.ResetAsync(link, Client.Next));
            await Task.Delay(Random.Shared.Next(150, 1200));
            await server.KillAsync();
            await Task.WhenAll(answers);
            server.IsWhole();
            await server.StartAsync();
            for (var i = 0; i < people.Length; i++)
            {
                var ((email, refresh), answer) = (people[i], await answers[i]);
                var (old, next) = (
                    await Patiently(() => client.SignInAsync(email)),
                    await Patiently(() => client.SignInAsync(email, Client.Next))
                );
                Claim.That(old.Ok != next.Ok, $"{email}: old password {old}, new password {next}");
                Claim.That(next.Ok || !answer.Ok, $"{email} was told {answer} and the new password is refused");
                Claim.That(
                    (await client.RefreshAsync(refresh)).Ok == old.Ok,
                    $"the session of {email} does not go with the password"
                );
                if (answer.Ok)
                    told++;
                else
                    silent++;
                var again = await client.ResetAsync(links[i], Client.Next);
                Claim.That(old.Ok ? again.Ok : again.Code == "link_used", $"the link of {email} again: {again}");
            }
            await server.KillAsync();
        }
        server.IsWhole();
        return $"{Rounds} kills; {told} resets were answered, {silent} not";
    }

    /// <summary>
    /// Exactly one of the two addresses is the account's, and a confirmation that was not answered can be repeated.
    /// </summary>
    public static async Task<string> MovesAsync()
    {
        await using var server = new Server(settings: Unlimited);
        using var client = new Client(server);
        var (told, silent) = (0, 0);
        for (var round = 0; round < Rounds; round++)
        {
            await server.StartAsync();
            var people = await PeopleAsync(client, $"move{round}");
            var links = new List<string>();
            foreach (var (email, _) in people)
            {
                var here = (await Client.DoneAsync(() => client.SignInAsync(email))).Text("accessToken");
                var verify = (await client.LetterAsync(email, "verify-email")).Token;
                await Client.DoneAsync(() => client.PostAsync("/api/account/verify", new { token = verify }, here));
                await Client.DoneAsync(() =>
                    client.PostAsync(
                        "/api/account/email",
                        new { newEmail = "to-" + email, currentPassword = Client.Password },
                        here
                    )
                );
                links.Add((await client.LetterAsync("to-" + email, "confirm-email-change")).Token);
            }
            var answers = Race(links, token => client.PostAsync("/api/account/email/confirm", new { token }));
            await Task.Delay(Random.Shared.Next(50, 700));
            await server.KillAsync();
            await Task.WhenAll(answers);
            server.IsWhole();
            await server.StartAsync();
            for (var i = 0; i < people.Length; i++)
            {
                var ((email, other), answer) = (people[i], await answers[i]);
                var (old, next) = (
                    await Patiently(() => client.SignInAsync(email)),
                    await Patiently(() => client.SignInAsync("to-" + email))
                );
                Claim.That(old.Ok != next.Ok, $"{email}: old address {old}, new address {next}");
                Claim.That(next.Ok || !answer.Ok, $"{email} was told {answer} and has the old address");
                Claim.That(
                    (await client.RefreshAsync(other)).Ok == old.Ok,
                    $"the other session of {email} does not go with the address"
                );
                if (answer.Ok)
                    told++;
                else
                    silent++;
                var again = await client.PostAsync("/api/account/email/confirm", new { token = links[i] });
                Claim.That(old.Ok ? again.Ok : again.Code == "link_used", $"the link of {email} again: {again}");
            }
            await server.KillAsync();
        }
        server.IsWhole();
        return $"{Rounds} kills; {told} changes were answered, {silent} not";
    }

    /// <summary>
    /// What was under way is answered, and the answers are true; then the process is gone, by itself.
    /// </summary>
    public static async Task<string> TerminatedAsync()
    {
        await using var server = new Server(settings: Unlimited);
        using var client = new Client(server);
        await server.StartAsync();
        var emails = Emails("term")[..8];
        var answers = Race(emails, email => client.SignUpAsync(email));
        await Task.Delay(200);
        var underWay = answers.Count(a => !a.IsCompleted);
        Claim.That(underWay > 0, "nothing was under way any more");
        server.Terminate();
        var late = await client.SignUpAsync("late@example.com");
        await Task.WhenAll(answers);
        var exit = await server.ExitAsync(TimeSpan.FromSeconds(31));
        Claim.That(exit == 0, $"the host ended with {exit}");
        var lost = answers.Count(a => a.Result.Status == -1);
        Claim.That(lost == 0, $"{lost} of {answers.Length} requests under way were not answered");
        server.IsWhole();
        await server.KillAsync();
        await server.StartAsync();
        for (var i = 0; i < emails.Length; i++)
            Claim.That(
                (await Patiently(() => client.SignInAsync(emails[i]))).Ok == (await answers[i]).Ok,
                $"{emails[i]} heard {await answers[i]}, and it is not so"
            );
        Claim.That(
            !late.Ok || (await Patiently(() => client.SignInAsync("late@example.com"))).Ok,
            "the last sign-up was answered and is lost"
        );
        return $"{underWay} sign-ups were under way, none was lost; {answers.Count(a => a.Result.Ok)} of {answers.Length} done; exit 0";
    }

    private static string[] Emails(string name) =>
        [.. Enumerable.Range(0, Together).Select(i => $"{name}-{i}@example.com")];

    private static Task<Answer>[] Race<T>(IEnumerable<T> what, Func<T, Task<Answer>> act) =>
        [.. what.Select(one => Task.Run(() => act(one)))];

    // Accounts with a session elsewhere.
    private static async Task<(string Email, string Refresh)[]> PeopleAsync(Client client, string name)
    {
        var people = new List<(string, string)>();
        foreach (var email in Emails(name)[..8])
        {
            await Client.DoneAsync(() => client.SignUpAsync(email));
            people.Add((email, (await Client.DoneAsync(() => client.SignInAsync(email))).Text("refreshToken")));
        }
        return [.. people];
    }

    // A host that has just started may ask to come again.
    private static async Task<Answer> Patiently(Func<Task<Answer>> act)
    {
        var answer = await act();
        for (var i = 0; i < 10 && answer.Status is 429 or 503; i++)
        {
            await Task.Delay(300);
            answer = await act();
        }
        return answer;
    }
}
