using BlazorAuth.Api;
using BlazorAuth.Core;

const string Address = "http://localhost:5081", SiteAddress = "http://localhost:5080";
try
{
    var builder = Hosting.CreateBuilder(args, Address);
    var options = builder.Services.AddAuthCore(builder.Configuration, builder.Environment.IsDevelopment(), SiteAddress);
    builder.Services.AddTokenApi(options);

    await using var app = builder.Build();
    await app.Services.OpenAuthStoreAsync();
    app.UseConfiguredProxies(options);
    app.UseRouting();
    app.UseTokenApi(options);
    app.UseAuthentication();
    app.UseAuthorization();
    app.MapTokenApi(options);
    await app.RunAsync();
    return 0;
}
catch (ConfigurationFault fault)
{
    return Hosting.Refuse(fault);
}
