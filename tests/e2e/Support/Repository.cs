namespace BlazorAuth.EndToEndTests.Support;

/// <summary>Where things are in the clone.</summary>
public static class Repository
{
    public static string Root { get; } = Find();

    private static string Configuration { get; } =
        AppContext.BaseDirectory.Contains(
            $"{Path.DirectorySeparatorChar}Release{Path.DirectorySeparatorChar}",
            StringComparison.Ordinal
        )
            ? "Release"
            : "Debug";

    public static string Program(string name) =>
        Path.Combine(Root, "src", name, "bin", Configuration, "net10.0", name + ".dll");

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "BlazorAuth.sln")))
                return folder.FullName;
        throw new InvalidOperationException("The tests run inside a clone.");
    }
}
