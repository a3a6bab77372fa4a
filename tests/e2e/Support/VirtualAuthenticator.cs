using System.Text.Json;
using Microsoft.Playwright;

namespace BlazorAuth.EndToEndTests.Support;

/// <summary>
/// The fingerprint reader of one page's browser, in software (Chrome DevTools protocol, domain WebAuthn).
/// </summary>
public sealed class VirtualAuthenticator
{
    private readonly ICDPSession _session;
    private readonly string _id;

    private VirtualAuthenticator(ICDPSession session, string id) => (_session, _id) = (session, id);

    public static async Task<VirtualAuthenticator> PlugInAsync(IPage page)
    {
        var session = await page.Context.NewCDPSessionAsync(page);
        await session.SendAsync("WebAuthn.enable", new() { ["enableUI"] = false });
        var added = await session.SendAsync(
            "WebAuthn.addVirtualAuthenticator",
            new()
            {
                ["options"] = new Dictionary<string, object>
                {
                    ["protocol"] = "ctap2",
                    ["transport"] = "internal",
                    ["hasResidentKey"] = true,
                    ["hasUserVerification"] = true,
                    ["isUserVerified"] = true,
                    ["automaticPresenceSimulation"] = true,
                },
            }
        );
        return new(session, added!.Value.GetProperty("authenticatorId").GetString()!);
    }

    /// <summary>Whether a finger rests on it.</summary>
    public Task TouchAsync(bool touched) =>
        _session.SendAsync(
            "WebAuthn.setAutomaticPresenceSimulation",
            new() { ["authenticatorId"] = _id, ["enabled"] = touched }
        );

    /// <summary>Whether it is the right finger.</summary>
    public Task KnowAsync(bool known) =>
        _session.SendAsync("WebAuthn.setUserVerified", new() { ["authenticatorId"] = _id, ["isUserVerified"] = known });

    public async Task<IReadOnlyList<JsonElement>> PasskeysAsync()
    {
        var answer = await _session.SendAsync("WebAuthn.getCredentials", new() { ["authenticatorId"] = _id });
        return [.. answer!.Value.GetProperty("credentials").EnumerateArray()];
    }
}
