using BlazorAuth.Api;
using BlazorAuth.Core;
using BlazorAuth.Hosting;
using BlazorAuth.Web;
using BlazorAuth.Web.Commands;

const string Address = "http://localhost:5080";

return await AuthHost.RunAsync(async () =>
{
    if (CliCommand.IsMeant(args))
        return await CliCommand.RunAsync(
            args,
            () =>
            {
                var host = AuthHost.CreateBuilder([], Address);
                host.AddAuth(host.ListeningUrl(Address));
                return host;
            }
        );

    var builder = AuthHost.CreateBuilder(args, Address);
    var options = builder.AddAuth(builder.ListeningUrl(Address));
    builder.Services.AddSite(options);
    if (options.Api.InProcess)
        builder.Services.AddTokenApi(options);

    await using var app = builder.Build();
    await app.Services.OpenAuthStoreAsync();
    if (app.Environment.IsDevelopment())
        options.NoteSiteAddress();
    app.UseConfiguredProxies(options);
    app.UseNetworkLimiter();
    app.UseSite(options);
    if (options.Api.InProcess)
        app.MapTokenApi(options);
    app.MapSite();
    await app.StartAsync();
    await app.WelcomeAsync(options);
    await app.WaitForShutdownAsync();
    return 0;
});
