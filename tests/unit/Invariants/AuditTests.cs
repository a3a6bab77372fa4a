using BlazorAuth.Core;
using BlazorAuth.Core.Audit;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passwords;
using BlazorAuth.UnitTests.Support;
using Microsoft.EntityFrameworkCore;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>The audit can be added to and nothing else; whoever writes around it is found out.</summary>
public abstract class AuditTests(Store store) : AuthTest(store)
{
    public sealed class OnSqlite() : AuditTests(Store.File)
    {
        protected override string[] Unlock =>
            ["DROP TRIGGER \"AuditEntries_keep\"", "DROP TRIGGER \"AuditEntries_stay\""];
    }

    [OnPostgres]
    public sealed class OnPostgres() : AuditTests(Store.Postgres)
    {
        protected override string[] Unlock => ["DROP TRIGGER \"AuditEntries_keep\" ON \"AuditEntries\""];
    }

    private const string Jane = "jane@example.net";

    /// <summary>What somebody who may change the schema does first.</summary>
    protected abstract string[] Unlock { get; }

    private async Task FillAsync()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        await Auth.TrySignInAsync(Jane, "not the password");
        await Auth.Use((ChangePassword flow) => flow.ChangeAsync(Auth.In(session), Password, OtherPassword, default));
    }

    private Task<AuditChain.AuditCheck> VerifyAsync() => Auth.Use((VerifyAuditLog flow) => flow.PreviewAsync(default));

    private Task ExecuteAsync(params string[] statements) =>
        Auth.Use(
            async (AuthDbContext db) =>
            {
                foreach (var statement in statements)
                    await db.Database.ExecuteSqlRawAsync(statement);
            }
        );

    [StoreFact]
    public async Task What_was_written_is_found_whole()
    {
        Assert.Equal(0, (await VerifyAsync()).Count);
        await FillAsync();
        var found = await VerifyAsync();
        Assert.Null(found.Broken);
        Assert.Equal((await Auth.AuditAsync()).Count, found.Count);
        Assert.Equal(
            Enumerable.Range(1, (int)found.Count).Select(i => (long)i),
            (await Auth.AuditAsync()).Select(e => e.Id)
        );
        await Auth.RestartAsync();
        Assert.Equal(found, await VerifyAsync());
    }

    [StoreTheory]
    [InlineData("UPDATE \"AuditEntries\" SET \"Address\" = '192.0.2.1' WHERE \"Id\" = 2")]
    [InlineData("DELETE FROM \"AuditEntries\" WHERE \"Id\" = 2")]
    public async Task Rows_are_neither_changed_nor_deleted(string statement)
    {
        await FillAsync();
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => ExecuteAsync(statement));
        Assert.Null((await VerifyAsync()).Broken);
    }

    [StoreTheory]
    [InlineData("UPDATE \"AuditEntries\" SET \"Address\" = '192.0.2.1' WHERE \"Id\" = 2", AuditChain.Break.Changed, 2)]
    [InlineData("UPDATE \"AuditEntries\" SET \"At\" = \"At\" + 1 WHERE \"Id\" = 3", AuditChain.Break.Changed, 3)]
    [InlineData("UPDATE \"AuditEntries\" SET \"Mac\" = NULL WHERE \"Id\" = 1", AuditChain.Break.Changed, 1)]
    [InlineData("DELETE FROM \"AuditEntries\" WHERE \"Id\" = 1", AuditChain.Break.Missing, 1)]
    [InlineData("DELETE FROM \"AuditEntries\" WHERE \"Id\" = 3", AuditChain.Break.Missing, 3)]
    [InlineData("DELETE FROM \"AuditEntries\" WHERE \"Id\" = 5", AuditChain.Break.Missing, 5)]
    [InlineData(
        "INSERT INTO \"AuditEntries\" (\"Id\", \"At\", \"Event\") VALUES (6, 0, 'SignedIn')",
        AuditChain.Break.Added,
        6
    )]
    [InlineData(
        "DELETE FROM \"AuditEntries\" WHERE \"Id\" = 5;UPDATE \"AuditHead\" SET \"Count\" = 4",
        AuditChain.Break.Changed,
        4
    )]
    [InlineData(
        "UPDATE \"AuditHead\" SET \"Before\" = 2;DELETE FROM \"AuditEntries\" WHERE \"Id\" < 3",
        AuditChain.Break.Changed,
        3
    )]
    public async Task A_row_that_was_tampered_with_is_found(string statements, AuditChain.Break broken, long at)
    {
        await FillAsync();
        Assert.Equal(5, (await Auth.AuditAsync()).Count);
        await ExecuteAsync([.. Unlock, .. statements.Split(';')]);
        var found = await VerifyAsync();
        Assert.Equal((broken, at), (found.Broken, found.At));
    }

    [StoreFact]
    public async Task Many_at_once_make_one_chain()
    {
        // Two at a time for each account: more are turned away before anything is written (ADR 0012).
        for (var i = 0; i < 16; i++)
            await Auth.MemberAsync($"member{i}@example.net");
        await using var beside = await Auth.BesideAsync();
        await RaceAsync(
            32,
            i =>
                (i % 2 == 0 ? Auth : beside).TrySignInAsync(
                    $"member{i / 2}@example.net",
                    i % 8 < 4 ? Password : "not the password"
                )
        );
        var found = await VerifyAsync();
        Assert.Null(found.Broken);
        Assert.Equal(32 + 32, found.Count);
    }

    [StoreFact]
    public async Task What_was_rolled_back_leaves_no_gap()
    {
        await FillAsync();
        await Auth.Use(
            async (AuthDbContext db) =>
                await Auth.Use(
                    async (AuditLog _) =>
                    {
                        await using var transaction = await db.Database.BeginTransactionAsync();
                        new AuditLog(db, Auth.Clock).Write(AuditEvent.SignedIn, Auth.Caller);
                        await db.SaveChangesAsync();
                    }
                )
        );
        await Auth.SignInAsync(Jane, OtherPassword);
        Assert.Null((await VerifyAsync()).Broken);
    }
}
