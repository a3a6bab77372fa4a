using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using BlazorAuth.Faults.Support;

namespace BlazorAuth.Faults;

/// <summary>Two processes over one SQLite file are one site.</summary>
internal static partial class TwoProcesses
{
    public static async Task<string> OneFileAsync()
    {
        (string, string)[] settings = [("BlazorAuth__Throttle__Enabled", "false")];
        await using var first = new Server(settings: settings);
        await using var second = new Server(first.Data, settings: settings);
        await Task.WhenAll(first.StartAsync(), second.StartAsync());
        using var a = new Client(first);
        using var b = new Client(second);

        for (var i = 0; i < 8; i++)
        {
            var email = $"one{i}@example.com";
            var answers = await Task.WhenAll(
                a.SignUpAsync(email),
                b.SignUpAsync(email),
                a.SignUpAsync(email),
                b.SignUpAsync(email)
            );
            Claim.That(
                answers.Count(r => r.Ok) == 1 && answers.All(r => r.Ok || r.Code == "email_taken"),
                $"sign-ups of {email}: {string.Join(", ", answers.AsEnumerable())}"
            );
        }

        var pair = await Client.DoneAsync(() => a.SignInAsync("one0@example.com"));
        for (var i = 0; i < 10; i++)
        {
            var token = pair.Text("refreshToken");
            var answers = await Task.WhenAll(a.RefreshAsync(token), b.RefreshAsync(token));
            Claim.That(answers.All(r => r.Ok), $"a refresh at both: {answers[0]}, {answers[1]}");
            Claim.That(
                answers[0].Text("refreshToken") == answers[1].Text("refreshToken"),
                "a refresh token has two successors"
            );
            pair = answers[0];
        }

        var slowest = TimeSpan.Zero;
        for (var i = 0; i < 5; i++)
        {
            var session = await Client.DoneAsync(() => a.SignInAsync("one1@example.com"));
            Claim.That((await b.MeAsync(session.Text("accessToken"))).Ok, "a session of one is not known at the other");
            await Client.DoneAsync(() =>
                a.PostAsync("/api/token/revoke", new { refreshToken = session.Text("refreshToken") })
            );
            var clock = Stopwatch.StartNew();
            while ((await b.MeAsync(session.Text("accessToken"))).Ok)
                Claim.That(
                    clock.Elapsed < TimeSpan.FromSeconds(1),
                    "an ended session lives on at the other for more than a second"
                );
            if (clock.Elapsed > slowest)
                slowest = clock.Elapsed;
        }

        await Client.DoneAsync(() => a.ForgetAsync("one2@example.com"));
        var link = (await a.LetterAsync("one2@example.com", "reset-password")).Token;
        Claim.That((await b.ResetAsync(link, Client.Next)).Ok, "a reset link from one is refused at the other");
        Claim.That((await a.ResetAsync(link, Client.Password)).Code == "link_used", "a reset link works twice");
        Claim.That(
            (await a.SignInAsync("one2@example.com", Client.Next)).Ok,
            "the password set at one is refused at the other"
        );

        await FormAsync(first, second);
        await first.KillAsync();
        await second.KillAsync();
        first.IsWhole();
        return $"one winner each, one successor each; an end was seen by the other after at most {slowest.TotalMilliseconds:0} ms";
    }

    // The page of one, sent to the other: cookies do not know ports, so the browser is one to both.
    private static async Task FormAsync(Server first, Server second)
    {
        using var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
        using var browser = new HttpClient(handler);
        var page = (await browser.GetStringAsync(new Uri(first.Url, "/login")))
            .Split("</form>")
            .First(form => form.Contains("identifier", StringComparison.Ordinal));
        var fields = Hidden()
            .Matches(page)
            .Select(m => new KeyValuePair<string, string>(
                Attribute(m.Value, "name"),
                WebUtility.HtmlDecode(Attribute(m.Value, "value"))
            ))
            .Append(new(Name(page, "identifier"), "one3@example.com"))
            .Append(new(Name(page, "current-password"), Client.Password));
        using var content = new FormUrlEncodedContent(fields);
        using var answer = await browser.PostAsync(new Uri(second.Url, "/login"), content);
        Claim.That(
            answer.StatusCode is HttpStatusCode.Found or HttpStatusCode.SeeOther,
            $"the form of one, sent to the other: {(int)answer.StatusCode}"
        );
        using var account = await browser.GetAsync(new Uri(first.Url, "/account"));
        Claim.That(
            account.StatusCode == HttpStatusCode.OK,
            $"the cookie of one at the other: {(int)account.StatusCode}"
        );
    }

    private static string Name(string page, string id) =>
        Attribute(Inputs().Matches(page).Select(m => m.Value).First(input => Attribute(input, "id") == id), "name");

    private static string Attribute(string input, string name) =>
        Regex.Match(input, $"\\b{name}=\"([^\"]*)\"").Groups[1].Value;

    [GeneratedRegex("<input[^>]*>")]
    private static partial Regex Inputs();

    [GeneratedRegex("<input[^>]*type=\"hidden\"[^>]*>")]
    private static partial Regex Hidden();
}
