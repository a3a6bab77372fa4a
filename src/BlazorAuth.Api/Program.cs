using BlazorAuth.Api;
using BlazorAuth.Core;
using BlazorAuth.Core.Messaging.Email;
using BlazorAuth.Hosting;

// EmailTemplates point to the pages, which this host does not serve: in development they are at the site's own address.
const string Address = "http://localhost:5081",
    SiteAddress = "http://localhost:5080";

return await AuthHost.RunAsync(async () =>
{
    var builder = AuthHost.CreateBuilder(args, Address);
    var options = builder.AddAuth(SiteAddress);
    if (builder.Environment.IsDevelopment())
    {
        options.RecallSiteAddress(builder.Configuration);
        if (options.Api.PublicUrl.Length == 0)
            options.Api.PublicUrl = builder.ListeningUrl(Address);
    }
    builder.Services.AddTokenApi(options);

    await using var app = builder.Build();
    await app.Services.OpenAuthStoreAsync();
    app.UseConfiguredProxies(options);
    app.UseHead();
    app.UseNetworkLimiter();
    app.UseRouting();
    app.UseTokenApi(options, alone: true);
    app.UseAuthentication();
    app.UseAuthorization();
    app.MapTokenApi(options);
    Console.WriteLine(
        $"\n  BlazorAuth API, {app.Environment.EnvironmentName}\n    Site  {options.PublicUrl}\n    Data  {options.DataDirectory}\n"
    );
    await app.RunAsync();
    return 0;
});
