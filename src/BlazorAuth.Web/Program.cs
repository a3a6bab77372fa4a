using BlazorAuth.Api;
using BlazorAuth.Core;
using BlazorAuth.Web;
using BlazorAuth.Web.Verbs;

const string Address = "http://localhost:5080";

return await Hosting.RunAsync(async () =>
{
    if (Verb.IsMeant(args)) return await Verb.RunAsync(args, Address);

    var builder = Hosting.CreateBuilder(args, Address);
    var options = builder.Services.AddAuthCore(builder.Configuration, builder.Environment.IsDevelopment(), builder.ListeningUrl(Address));
    builder.Services.AddSite(options);
    if (options.Api.InProcess) builder.Services.AddTokenApi(options);

    await using var app = builder.Build();
    await app.Services.OpenAuthStoreAsync();
    if (app.Environment.IsDevelopment()) options.NoteSiteAddress();
    app.UseSite(options);
    if (options.Api.InProcess) app.MapTokenApi(options);
    app.MapSite();
    await app.StartAsync();
    await app.WelcomeAsync(options);
    await app.WaitForShutdownAsync();
    return 0;
});
