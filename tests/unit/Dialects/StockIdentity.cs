using System.Collections.Concurrent;
using BlazorAuth.Core.Messaging.Email;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.AspNetCore.Routing;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace BlazorAuth.UnitTests.Dialects;

/// <summary>
/// ASP.NET Core's own identity endpoints as a new project has them, over SQLite in memory: what ours is compared with.
/// </summary>
public sealed class StockIdentity : IAsyncDisposable
{
    private readonly SqliteConnection _connection = new("Data Source=:memory:");
    private readonly EmailTemplates _letters = new();
    private readonly WebApplication _app;

    private StockIdentity()
    {
        _connection.Open();
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddDbContext<IdentityDbContext>(options => options.UseSqlite(_connection));
        builder.Services.AddAuthorization();
        builder.Services.AddIdentityApiEndpoints<IdentityUser>().AddEntityFrameworkStores<IdentityDbContext>();
        builder.Services.AddSingleton<IEmailSender<IdentityUser>>(_letters);
        _app = builder.Build();
        _app.MapGroup("/identity").MapIdentityApi<IdentityUser>();
    }

    public HttpClient Client { get; private set; } = null!;

    public static async Task<StockIdentity> StartAsync()
    {
        var stock = new StockIdentity();
        await using (var scope = stock._app.Services.CreateAsyncScope())
            await scope.ServiceProvider.GetRequiredService<IdentityDbContext>().Database.EnsureCreatedAsync();
        await stock._app.StartAsync();
        stock.Client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
        {
            BaseAddress = new Uri(stock._app.Urls.First()),
        };
        return stock;
    }

    /// <summary>The last link or code sent to an address.</summary>
    public string LetterTo(string address) => _letters.Sent[address];

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
        await _connection.DisposeAsync();
    }

    private sealed class EmailTemplates : IEmailSender<IdentityUser>
    {
        public ConcurrentDictionary<string, string> Sent { get; } = new(StringComparer.Ordinal);

        public Task SendConfirmationLinkAsync(IdentityUser user, string email, string confirmationLink) =>
            Keep(email, confirmationLink);

        public Task SendPasswordResetLinkAsync(IdentityUser user, string email, string resetLink) =>
            Keep(email, resetLink);

        public Task SendPasswordResetCodeAsync(IdentityUser user, string email, string resetCode) =>
            Keep(email, resetCode);

        private Task Keep(string email, string text)
        {
            Sent[email] = System.Net.WebUtility.HtmlDecode(text);
            return Task.CompletedTask;
        }
    }
}
