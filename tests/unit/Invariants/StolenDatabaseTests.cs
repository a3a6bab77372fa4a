using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Keys;
using BlazorAuth.Core.Messaging;
using BlazorAuth.Core.Tokens;
using BlazorAuth.Core.TwoFactor;
using BlazorAuth.UnitTests.Support;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using static BlazorAuth.UnitTests.Support.AuthFixture;

namespace BlazorAuth.UnitTests.Invariants;

/// <summary>
/// Whoever steals the database alone signs nothing and opens nothing: its raw bytes are searched for everything that
/// would.
/// </summary>
public sealed class StolenDatabaseTests() : AuthTest(Store.File)
{
    private const string Jane = "jane@example.net";

    private byte[] Stolen()
    {
        using var all = new MemoryStream();
        foreach (var file in Directory.GetFiles(Auth.Folder, "blazorauth.db*"))
        {
            using var stream = new FileStream(
                file,
                FileMode.Open,
                FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete
            );
            stream.CopyTo(all);
        }
        return all.ToArray();
    }

    private static void NotIn(byte[] stolen, string what, byte[] secret) =>
        Assert.True(stolen.AsSpan().IndexOf(secret) < 0, what + " lies in the database");

    [Fact]
    public async Task Nothing_in_it_opens_anything()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var first = await Auth.ApiPairAsync(Jane);
        var second = (await Auth.RefreshAsync(first.RefreshToken)).Value!;
        string[] links =
        [
            .. Auth.Mail.Sent.Select(LinkTokenIn),
            await Auth.ResetLinkAsync(Jane),
            await Auth.EmailChangeLinkAsync(session, "new@example.net"),
        ];
        Auth.Services.GetRequiredService<IDataProtectionProvider>().CreateProtector("cookie").Protect("session");
        await Auth.TrySignInAsync(Password, "not the password"); // a password typed into the wrong field

        var stolen = Stolen();
        Assert.True(stolen.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Jane)) > 0); // or the search proves nothing
        var texts = links
            .Append(Password)
            .Append("not the password")
            .Concat(
                new[] { first, second }.SelectMany(pair =>
                    new[]
                    {
                        pair.RefreshToken,
                        pair.RefreshToken.Split('.')[1],
                        pair.AccessToken,
                        pair.AccessToken.Split('.')[2],
                    }
                )
            );
        foreach (var text in texts)
        {
            Assert.True(text.Length > 10);
            NotIn(stolen, text, Encoding.UTF8.GetBytes(text));
            NotIn(stolen, "the bare hash of " + text, SHA256.HashData(Encoding.UTF8.GetBytes(text)));
        }
        foreach (var text in links.Concat([first.RefreshToken.Split('.')[1], second.RefreshToken.Split('.')[1]]))
            NotIn(stolen, "the bytes of " + text, System.Buffers.Text.Base64Url.DecodeFromChars(text));
    }

    [Fact]
    public async Task No_private_key_lies_in_it()
    {
        var stolen = Stolen();
        var signing = Auth.Services.GetRequiredService<SigningKeys>().Published.Single().Key.ECDsa;
        NotIn(stolen, "the signing key", signing.ExportParameters(includePrivateParameters: true).D!);
        NotIn(
            stolen,
            "the master key",
            Convert.FromBase64String((await File.ReadAllTextAsync(Path.Combine(Auth.Folder, "master.key"))).Trim())
        );

        var ring = Auth.Services.GetRequiredService<KeyRing>();
        var rows = await Auth.Use((AuthDbContext db) => db.Keys.AsNoTracking().ToListAsync());
        Assert.All(rows, row => NotIn(stolen, row.Id, ring.Master.Unwrap(row.Id, row.Wrapped)));
    }

    [Fact]
    public async Task A_protected_cookies_key_does_not_lie_in_it()
    {
        Auth.Services.GetRequiredService<IDataProtectionProvider>().CreateProtector("cookie").Protect("session");
        var row = await Auth.Use(
            (AuthDbContext db) => db.Keys.AsNoTracking().SingleAsync(k => k.Purpose == KeyPurpose.DataProtection)
        );
        var element = Encoding.UTF8.GetString(
            Auth.Services.GetRequiredService<KeyRing>().Master.Unwrap(row.Id, row.Wrapped)
        );
        var key = Regex
            .Match(element, "<value>([^<]+)</value>", RegexOptions.None, TimeSpan.FromSeconds(1))
            .Groups[1]
            .Value;
        Assert.NotEmpty(key);
        NotIn(Stolen(), "the data protection key", Encoding.UTF8.GetBytes(key));
    }

    [Fact]
    public async Task A_code_cannot_be_found_by_trying_all_of_them()
    {
        await Auth.RegisterAsync(Jane);
        await Auth.DeliverAsync();
        var code = CodeIn(Auth.LastEmailTo(Jane));
        var row = await Auth.Use((AuthDbContext db) => db.OneTimeTokens.AsNoTracking().SingleAsync());
        foreach (var guess in new[] { code, $"{Jane}:{code}", $"code:{code}", $"{row.UserId}:{code}" })
        foreach (
            var hash in new[]
            {
                SHA256.HashData(Encoding.UTF8.GetBytes(guess)),
                SHA1.HashData(Encoding.UTF8.GetBytes(guess)),
                SHA512.HashData(Encoding.UTF8.GetBytes(guess)),
            }
        )
            NotIn(Stolen(), "a bare hash of the code", hash);
        Assert.DoesNotMatch($"(^|[^0-9a-zA-Z]){code}([^0-9a-zA-Z]|$)", System.Text.Json.JsonSerializer.Serialize(row));
        var letters = await Auth.Use((AuthDbContext db) => db.Outbox.AsNoTracking().ToListAsync());
        Assert.DoesNotMatch(
            $"(^|[^0-9a-zA-Z]){code}([^0-9a-zA-Z]|$)",
            System.Text.Json.JsonSerializer.Serialize(letters)
        );
    }

    [Fact]
    public async Task No_second_factor_can_be_given_from_it()
    {
        await Auth.MemberAsync(Jane);
        var session = await Auth.SignInAsync(Jane);
        var waiting = (
            await Auth.Use((ManageAuthenticator flow) => flow.BeginAsync(Auth.ProvenIn(session), default))
        ).Value!;
        var (codes, app) = await Auth.SecondFactorAsync(session);
        Auth.Clock.Move(TimeSpan.FromMinutes(1));
        var ticket = await Auth.TicketAsync(Jane);
        var device = (
            await Auth.VerifyAsync(await Auth.TicketAsync(Jane), Auth.CodeOf(app), remember: true)
        ).TrustedDevice!;
        // its email can give it back
        await Auth.Use((ManageAuthenticator flow) => flow.RemoveAsync(Auth.ProvenIn(session), default));
        var kept = (await Auth.SecondFactorAsync(session)).App;

        var stolen = Stolen();
        foreach (var secret in new[] { SecretOf(waiting), app, kept })
        {
            NotIn(stolen, "an authenticator's secret", secret);
            foreach (
                var text in new[]
                {
                    TotpCode.Base32(secret),
                    Convert.ToHexString(secret),
                    Convert.ToHexStringLower(secret),
                    Convert.ToBase64String(secret),
                }
            )
                NotIn(stolen, "an authenticator's secret as text", Encoding.UTF8.GetBytes(text));
        }
        foreach (var code in codes)
        foreach (var spelled in new[] { code, code.Replace("-", "", StringComparison.Ordinal) })
        {
            NotIn(stolen, "a recovery code", Encoding.UTF8.GetBytes(spelled));
            foreach (
                var hash in new[]
                {
                    SHA256.HashData(Encoding.UTF8.GetBytes(spelled)),
                    SHA512.HashData(Encoding.UTF8.GetBytes(spelled)),
                }
            )
                NotIn(stolen, "a bare hash of a recovery code", hash);
        }
        NotIn(stolen, "a ticket", Encoding.UTF8.GetBytes(ticket));
        NotIn(stolen, "what a browser is remembered by", Encoding.UTF8.GetBytes(device));
        NotIn(stolen, "its proof", Convert.FromHexString(device.Split('.')[1]));
    }

    [Fact]
    public async Task What_is_deleted_is_overwritten()
    {
        await Auth.RegisterAsync(Jane);
        var hash = (await Auth.UserAsync(Jane)).PasswordHash!;
        await Auth.Use(
            async (AuthDbContext db) =>
            {
                await db.Users.ExecuteDeleteAsync();
                await db.Database.ExecuteSqlAsync($"PRAGMA wal_checkpoint(TRUNCATE)");
            }
        );
        NotIn(Stolen(), "a deleted password's hash", Encoding.UTF8.GetBytes(hash));
    }
}
