using System.Runtime.CompilerServices;
using System.Runtime.Loader;

namespace BlazorAuth.UnitTests.Support;

/// <summary>Lets bUnit run on the AngleSharp.Diffing a package feed has (ADR 0002); does nothing where the feed has the newest.</summary>
internal static class AngleSharpLibrary
{
#pragma warning disable CA2255 // must run before the first bUnit type loads
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Prepare() => AssemblyLoadContext.Default.Resolving += (context, name) =>
    {
        var path = Path.Combine(AppContext.BaseDirectory, name.Name + ".dll");
        return name.Name!.StartsWith("AngleSharp", StringComparison.Ordinal) && File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
    };
}
