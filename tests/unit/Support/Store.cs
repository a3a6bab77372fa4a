using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace BlazorAuth.UnitTests.Support;

/// <summary>What a test's store is.</summary>
public enum Store
{
    /// <summary>SQLite in memory: the fastest.</summary>
    Memory,

    /// <summary>SQLite in a file: several connections and real locks.</summary>
    File,

    /// <summary>A database of its own on the PostgreSQL server of the tests.</summary>
    Postgres,
}

/// <summary>The class runs on PostgreSQL; its tests are skipped, with the reason, where there is no server.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class OnPostgresAttribute : Attribute
{
    public static string? WhyNot =>
        PostgresServer.ConnectionString.Length > 0
            ? null
            : $"No PostgreSQL server: {PostgresServer.Variable} is not set. ./test.sh starts one.";
}

/// <summary>
/// A fact about every store: stated in an abstract class, once, and run by the class of each store within it.
/// </summary>
[XunitTestCaseDiscoverer("BlazorAuth.UnitTests.Support.StoreFactDiscoverer", "BlazorAuth.UnitTests")]
public sealed class StoreFactAttribute : FactAttribute;

/// <inheritdoc cref="StoreFactAttribute"/>
[XunitTestCaseDiscoverer("BlazorAuth.UnitTests.Support.StoreTheoryDiscoverer", "BlazorAuth.UnitTests")]
public sealed class StoreTheoryAttribute : TheoryAttribute;

public sealed class StoreFactDiscoverer(IMessageSink sink) : FactDiscoverer(sink)
{
    protected override IXunitTestCase CreateTestCase(
        ITestFrameworkDiscoveryOptions discoveryOptions,
        ITestMethod testMethod,
        IAttributeInfo factAttribute
    ) =>
        new StoreTestCase(
            DiagnosticMessageSink,
            discoveryOptions.MethodDisplayOrDefault(),
            discoveryOptions.MethodDisplayOptionsOrDefault(),
            testMethod
        );
}

public sealed class StoreTheoryDiscoverer(IMessageSink sink) : TheoryDiscoverer(sink)
{
    protected override IEnumerable<IXunitTestCase> CreateTestCasesForDataRow(
        ITestFrameworkDiscoveryOptions discoveryOptions,
        ITestMethod testMethod,
        IAttributeInfo theoryAttribute,
        object[] dataRow
    ) =>
        [
            new StoreTestCase(
                DiagnosticMessageSink,
                discoveryOptions.MethodDisplayOrDefault(),
                discoveryOptions.MethodDisplayOptionsOrDefault(),
                testMethod,
                dataRow
            ),
        ];
}

/// <summary>
/// xunit 2 skips by attribute, and these facts have one attribute for all stores: whether to skip is the class's to
/// say.
/// </summary>
public sealed class StoreTestCase : XunitTestCase
{
    [Obsolete("For the runner, which makes it from what was serialized.")]
    public StoreTestCase() { }

    public StoreTestCase(
        IMessageSink sink,
        TestMethodDisplay display,
        TestMethodDisplayOptions options,
        ITestMethod method,
        object[]? arguments = null
    )
        : base(sink, display, options, method, arguments) { }

    protected override string? GetSkipReason(IAttributeInfo factAttribute) =>
        base.GetSkipReason(factAttribute)
        ?? (
            TestMethod.TestClass.Class.ToRuntimeType().GetCustomAttribute<OnPostgresAttribute>() is null
                ? null
                : OnPostgresAttribute.WhyNot
        );
}
