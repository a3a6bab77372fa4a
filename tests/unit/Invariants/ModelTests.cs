using System.Diagnostics.CodeAnalysis;
using BlazorAuth.UnitTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// Random stories of several accounts, told to the product and to a model that knows which credentials are alive. After
/// every act: what is dead never works, what is alive always does. A failure prints the shortest story found and its
/// seed; BLAZORAUTH_MODEL_SEED="seed,gamma" tells it again, BLAZORAUTH_MODEL_STORIES=400 looks longer.
/// </summary>
public abstract class ModelTests(Store store, int stories)
{
    public sealed class OnSqlite() : ModelTests(Store.Memory, stories: 30);

    [OnPostgres]
    public sealed class OnPostgres() : ModelTests(Store.Postgres, stories: 5);

    [StoreFact]
    [SuppressMessage(
        "Usage",
        "xUnit1031",
        Justification = "FsCheck shrinks in synchronous code; the task runs on a thread of the pool."
    )]
    public Task In_no_story_a_dead_credential_works_or_a_live_one_does_not() =>
        Task.Run(() =>
        {
            var config = Config
                .QuickThrowOnFailure.WithMaxTest(
                    int.Parse(Environment.GetEnvironmentVariable("BLAZORAUTH_MODEL_STORIES") ?? $"{stories}")
                )
                .WithReplay(Seed());
            Check.One(
                config,
                Prop.ForAll(
                    Scenario.Any,
                    story =>
                    {
                        TellAsync(story).GetAwaiter().GetResult();
                    }
                )
            );
        });

    private async Task TellAsync(Scenario story)
    {
        await using var auth = await AuthFixture.StartAsync(store, ("Throttle:Enabled", "false"));
        var telling = new ModelDriver(auth);
        foreach (var step in story.Steps)
            await telling.TellAsync(step);
        await telling.EndAsync();
    }

    private static FSharpOption<Replay>? Seed()
    {
        if (Environment.GetEnvironmentVariable("BLAZORAUTH_MODEL_SEED")?.Split(',') is not [var seed, var gamma])
            return null;
        return FSharpOption<Replay>.Some(new Replay(new Rnd(ulong.Parse(seed), ulong.Parse(gamma)), null));
    }
}
