namespace BlazorAuth.UnitTests.Support;

/// <summary>The clone the tests run in.</summary>
internal static class Clone
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "BlazorAuth.sln")))
                return folder.FullName;
        throw new InvalidOperationException("The tests run inside a clone.");
    }
}
