using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace BlazorAuth.Core.Data;

/// <summary>
/// Lets EF Core run on the SQLitePCLRaw a package feed has (ADR 0002), and prefers the operating system's SQLite,
/// which receives security updates, over the one bundled with the package. Both steps do nothing where they are not needed.
/// </summary>
internal static class SqliteLibrary
{
#pragma warning disable CA2255 // must run before the first SQLite type loads, in whatever process that is
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Prepare()
    {
        // EF Core asks for assembly version 2.1; where only 2.0 was found, its API serves.
        AssemblyLoadContext.Default.Resolving += (context, name) =>
        {
            var path = Path.Combine(Path.GetDirectoryName(typeof(SqliteLibrary).Assembly.Location)!, name.Name + ".dll");
            return name.Name!.StartsWith("SQLitePCLRaw", StringComparison.Ordinal) && File.Exists(path)
                ? context.LoadFromAssemblyPath(path) : null;
        };
        AppDomain.CurrentDomain.AssemblyLoad += (_, loaded) =>
        {
            if (loaded.LoadedAssembly.GetName().Name == "SQLitePCLRaw.provider.e_sqlite3")
                PreferSystemLibrary(loaded.LoadedAssembly);
        };
    }

    private static void PreferSystemLibrary(Assembly provider) =>
        NativeLibrary.SetDllImportResolver(provider, (name, _, _) =>
            name == "e_sqlite3" && OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libsqlite3.so.0", out var system)
                ? system : nint.Zero);
}
