using System.Collections.Concurrent;
using System.Net.Http.Json;
using BlazorAuth.Client;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace BlazorAuth.UnitTests.Support;

/// <summary>A running site with a clock that tests move.</summary>
public sealed class ClientSite() : RunningSite(("Throttle:SignInPerAddress", "10000"))
{
    public ManualClock Clock { get; } = new();

    public async Task<string> AccountAsync(string? email = null)
    {
        email ??= $"{Guid.NewGuid():N}@example.com";
        (
            await Client.PostAsJsonAsync("/api/account", new { email, password = Person.Password })
        ).EnsureSuccessStatusCode();
        return email;
    }

    /// <summary>Somebody with an account, signed in through a client of their own.</summary>
    public async Task<Person> PersonAsync(ITokenStore? store = null)
    {
        var email = await AccountAsync();
        var person = Stranger(store);
        Assert.IsType<SignInResult.SignedIn>(await person.Auth.SignInAsync(email, Person.Password));
        return person;
    }

    public Person Stranger(ITokenStore? store = null) => new(Client.BaseAddress!, store ?? new MemoryTokenStore());

    /// <summary>Ends every session of a user from elsewhere.</summary>
    public async Task EndSessionsAsync(Person person)
    {
        var elsewhere = Stranger();
        await elsewhere.Auth.SignInAsync(person.Auth.CurrentUser!.Email!, Person.Password);
        using var api = elsewhere.Api();
        (await api.DeleteAsync("/api/account/sessions")).EnsureSuccessStatusCode();
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.ConfigureServices(services => services.AddSingleton<TimeProvider>(Clock));
    }
}

/// <summary>
/// One user of the client: a clock, a wire that can be watched and cut, and what the observers heard.
/// </summary>
public sealed class Person
{
    public const string Password = "correct horse battery";

    private readonly Uri _site;

    public Person(Uri site, ITokenStore store)
    {
        (_site, Store, Wire) = (site, store, new Tap());
        Auth = new BlazorAuthClient(new HttpClient(Wire) { BaseAddress = site }, store, Clock);
        Auth.OnUserChanged(Heard.Enqueue);
    }

    public BlazorAuthClient Auth { get; }

    public ITokenStore Store { get; }

    public Tap Wire { get; }

    public ManualClock Clock { get; } = new();

    public ConcurrentQueue<UserChange> Heard { get; } = [];

    public IEnumerable<UserChangeReason> Reasons => Heard.Select(change => change.Reason);

    public Task<StoredSession?> KeptAsync() => Store.ReadAsync(default);

    /// <summary>Requests of this user, over the same wire.</summary>
    public HttpClient Api(Uri? address = null, params Uri[] origins) =>
        new(new BlazorAuthHandler(Auth, new Shared(Wire), origins), disposeHandler: false)
        {
            BaseAddress = address ?? _site,
        };

    /// <summary>The same user after a restart of their program.</summary>
    public Person Again(ITokenStore store) => new(_site, store);

    private sealed class Shared(HttpMessageHandler inner) : DelegatingHandler(inner);
}

/// <summary>The wire: what went over it, and what happens to it.</summary>
public sealed class Tap : DelegatingHandler
{
    private readonly ConcurrentQueue<string> _sent = [];

    public Tap()
        : base(new SocketsHttpHandler { UseCookies = false }) { }

    /// <summary>Answers instead of the site, or throws instead of reaching it.</summary>
    public Func<HttpRequestMessage, HttpResponseMessage?>? Before { get; set; }

    /// <summary>Changes or loses what the site answered.</summary>
    public Func<HttpRequestMessage, HttpResponseMessage, Task>? After { get; set; }

    public IReadOnlyList<string> Sent => [.. _sent];

    public int Count(string request) => _sent.Count(sent => sent == request);

    public void Forget() => _sent.Clear();

    public void Cut() =>
        Before = _ => throw new HttpRequestException(HttpRequestError.ConnectionError, "The wire is cut.");

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request,
        CancellationToken cancellationToken
    )
    {
        _sent.Enqueue($"{request.Method} {request.RequestUri!.AbsolutePath}");
        if (Before?.Invoke(request) is { } instead)
            return instead;
        var answer = await base.SendAsync(request, cancellationToken);
        if (After is { } after)
            await after(request, answer);
        return answer;
    }
}
