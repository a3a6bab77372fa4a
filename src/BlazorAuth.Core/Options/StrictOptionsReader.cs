using System.Collections;
using System.Globalization;
using System.Reflection;
using BlazorAuth.Core.Clients;
using BlazorAuth.Core.Data;
using BlazorAuth.Core.Passwords;
using BlazorAuth.Core.Security;
using Microsoft.Extensions.Configuration;

namespace BlazorAuth.Core.Options;

/// <summary>Reads, completes and checks <see cref="AuthOptions"/>; all faults are told at once.</summary>
internal static class StrictOptionsReader
{
    /// <exception cref="ConfigurationException">Something is wrong; every fault has its line.</exception>
    public static AuthOptions Read(
        IConfiguration configuration,
        bool development,
        string listeningUrl,
        IReadOnlyList<IAuthDatabase> databases
    )
    {
        if (IsInvariant())
            throw new ConfigurationException(
                "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT: must be off, and the ICU libraries installed (package icu-libs "
                    + "on Alpine). Without them addresses and passwords are compared wrongly."
            );
        var section = configuration.GetSection(AuthOptions.Section);
        List<string> faults = [];
        CheckKeys(section, typeof(AuthOptions), faults);
        if (faults.Count > 0)
            throw new ConfigurationException(faults);

        var options = section.Get<AuthOptions>() ?? new AuthOptions();
        // One value replaces the shipped list; its numbered entries could only be written over, one by one.
        if (section[$"{nameof(AuthOptions.Api)}:{nameof(ApiOptions.Dialects)}"] is { } dialects)
            options.Api.Dialects =
            [
                .. Names(dialects).Select(name => Enum.Parse<Dialect>(name, ignoreCase: true)).Distinct(),
            ];
        if (section[$"{nameof(AuthOptions.Tokens)}:{nameof(TokenOptions.Claims)}"] is { } claims)
            options.Tokens.Claims = [.. Names(claims).Select(name => Enum.Parse<TokenClaim>(name, ignoreCase: true))];
        options.Tokens.Claims = [.. options.Tokens.Claims.Distinct()];
        foreach (var (name, provider) in options.External)
            provider.Complete(
                name,
                section[$"{nameof(AuthOptions.External)}:{name}:{nameof(ExternalProviderOptions.Scopes)}"]
            );
        options.DataPath = Path.GetFullPath(options.DataDirectory, Home());
        if (development)
        {
            if (options.PublicUrl.Length == 0)
                options.PublicUrl = listeningUrl;
            options.Mail.Transport ??= MailTransport.Folder;
        }

        var database = databases.Single(known => known.Provider == options.Database.Provider);
        options.MigrateOnStart = options.Database.MigrateOnStart ?? (development || database.MigratesUnasked);

        faults.AddRange(Check(options, development, database));
        return faults.Count == 0 ? options : throw new ConfigurationException(faults);
    }

    // What the product needs, not what a switch says: 'é' typed as two characters must become the one, and an
    // international host its ASCII form. In the invariant mode one person gets two accounts, and a password typed on
    // another keyboard is wrong.
    private static bool IsInvariant()
    {
        if (AppContext.TryGetSwitch("System.Globalization.Invariant", out var invariant) && invariant)
            return true;
        try
        {
            return "e\u0301".Normalize(System.Text.NormalizationForm.FormC) != "\u00e9"
                || new IdnMapping().GetAscii("bücher.example") != "xn--bcher-kva.example";
        }
        catch (Exception missing) when (missing is PlatformNotSupportedException or ArgumentException)
        {
            return true;
        }
    }

    private static void CheckKeys(IConfigurationSection section, Type type, List<string> faults)
    {
        foreach (var child in section.GetChildren())
        {
            var property = type.GetProperty(
                child.Key,
                BindingFlags.IgnoreCase | BindingFlags.Public | BindingFlags.Instance
            );
            // What the product derives from the settings can be read, but is not one.
            if (property?.SetMethod is not { IsPublic: true })
                faults.Add($"{child.Path}: there is no such setting.");
            else if (typeof(IDictionary).IsAssignableFrom(property.PropertyType))
            {
                foreach (var named in child.GetChildren())
                    CheckSection(named, property.PropertyType.GetGenericArguments()[1], faults);
            }
            else if (
                property.PropertyType.IsClass
                && property.PropertyType != typeof(string)
                && !typeof(IList).IsAssignableFrom(property.PropertyType)
            )
            {
                CheckSection(child, property.PropertyType, faults);
            }
            else if (ListedEnum(property.PropertyType) is { } listed)
            {
                // One value with commas, or numbered entries; the binder would leave out a name that it does not know.
                foreach (
                    var (path, name) in Names(child.Value ?? "")
                        .Select(name => (child.Path, name))
                        .Concat(child.GetChildren().Select(entry => (entry.Path, entry.Value ?? "")))
                )
                    if (!Readable(name, listed))
                        faults.Add($"{path}: {Expected(listed)}.");
            }
            else if (typeof(IList).IsAssignableFrom(property.PropertyType))
            {
                if (type != typeof(ExternalProviderOptions) && !string.IsNullOrEmpty(child.Value))
                    faults.Add($"{child.Path}: is a list; write {child.Path}:0 for its first value.");
            }
            else if (!Readable(child.Value, property.PropertyType))
                faults.Add(
                    $"{child.Path}: {Expected(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType)}."
                );
        }
    }

    private static Type? ListedEnum(Type type) =>
        type.IsGenericType
        && type.GetGenericTypeDefinition() == typeof(List<>)
        && type.GetGenericArguments()[0] is { IsEnum: true } listed
            ? listed
            : null;

    private static void CheckSection(IConfigurationSection section, Type type, List<string> faults)
    {
        if (!string.IsNullOrEmpty(section.Value))
            faults.Add($"{section.Path}: is a section, not a value.");
        CheckKeys(section, type, faults);
    }

    private static string[] Names(string list) =>
        list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static bool Readable(string? value, Type type)
    {
        if (string.IsNullOrEmpty(value) && (type == typeof(string) || Nullable.GetUnderlyingType(type) is not null))
            return true;
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string))
            return true;
        if (type == typeof(bool))
            return bool.TryParse(value, out _);
        if (type == typeof(int))
            return int.TryParse(value, NumberStyles.Integer, CultureInfo.InvariantCulture, out _);
        // A bare number would be read as days: '600' for ten minutes is a token of two years.
        if (type == typeof(TimeSpan))
            return value!.Contains(':', StringComparison.Ordinal)
                && TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out _);
        return Enum.GetNames(type).Contains(value, StringComparer.OrdinalIgnoreCase);
    }

    private static string Expected(Type type) =>
        type == typeof(bool) ? "must be true or false"
        : type == typeof(int) ? "must be a whole number"
        : type == typeof(TimeSpan) ? "must be a length of time such as 00:10:00 or 14.00:00:00"
        : "must be one of " + string.Join(", ", Enum.GetNames(type));

    private static readonly TimeSpan Longest = TimeSpan.FromDays(3653);

    private static IEnumerable<string> Check(AuthOptions o, bool development, IAuthDatabase database)
    {
        const string p = AuthOptions.Section + ":";
        if (o.PublicUrl.Length == 0)
            yield return p
                + "PublicUrl: required; the address people reach the site at, such as https://auth.example.com.";
        else if (!IsOrigin(o.PublicUrl))
            yield return p
                + "PublicUrl: must be an http or https address without path, query or fragment, such as https://auth.example.com.";
        if (o.Api.PublicUrl.Length > 0 && !IsOrigin(o.Api.PublicUrl))
            yield return p
                + "Api:PublicUrl: must be an http or https address without path, query or fragment, such as https://auth.example.com.";
        if (database.FindError(o.Database.ConnectionString) is { } fault)
            yield return p + "Database:ConnectionString: " + fault;
        if (o.Mail.Transport is null)
            yield return p + "Mail:Transport: required; Smtp or Folder.";
        if (o.Mail.Transport == MailTransport.Smtp && o.Mail.Smtp.Host.Length == 0)
            yield return p + "Mail:Smtp:Host: required by the Smtp transport.";
        if (o.Mail.Smtp.Port is < 1 or > 65535)
            yield return p + "Mail:Smtp:Port: must be from 1 to 65535.";
        if (!IsMailbox(o.Mail.From))
            yield return p + "Mail:From: must be an e-mail address.";
        if (o.Mail.ReplyTo.Length > 0 && !IsMailbox(o.Mail.ReplyTo))
            yield return p + "Mail:ReplyTo: must be an e-mail address.";
        if (o.Mail.Smtp.HelloName.Length > 0 && Uri.CheckHostName(o.Mail.Smtp.HelloName) == UriHostNameType.Unknown)
            yield return p + "Mail:Smtp:HelloName: must be a host name.";
        if (o.Passwords.MinimumLength is < 8 or > 64)
            yield return p + "Passwords:MinimumLength: must be from 8 to 64.";
        if (o.Passwords.MaximumLength is < 64 or > 1024)
            yield return p + "Passwords:MaximumLength: must be from 64 to 1024.";
        foreach (var (key, value) in Lifetimes(o))
            if (value <= TimeSpan.Zero || value > Longest)
                yield return p + key + ": must be longer than zero and at most ten years.";
        if (o.Tokens.AccessTokenLifetime > TimeSpan.FromDays(1))
            yield return p
                + "Tokens:AccessTokenLifetime: must be at most a day; an API of your own believes a token until it expires.";
        foreach (var dialect in Enum.GetValues<Dialect>())
            if (o.Tokens.DialectAccessLifetimes.Of(dialect) > o.Tokens.RefreshTokenAbsoluteLifetime)
                yield return p
                    + $"Tokens:DialectAccessLifetimes:{dialect}: must not be longer than RefreshTokenAbsoluteLifetime.";
        if (o.Tokens.ReuseLeeway < TimeSpan.Zero || o.Tokens.ReuseLeeway > TimeSpan.FromMinutes(1))
            yield return p + "Tokens:ReuseLeeway: must be from 00:00:00 to 00:01:00.";
        if (o.Tokens.LostAnswerLeeway < TimeSpan.Zero || o.Tokens.LostAnswerLeeway > TimeSpan.FromMinutes(10))
            yield return p + "Tokens:LostAnswerLeeway: must be from 00:00:00 to 00:10:00.";
        if (o.Tokens.RefreshTokenIdleLifetime > o.Tokens.RefreshTokenAbsoluteLifetime)
            yield return p + "Tokens:RefreshTokenIdleLifetime: must not be longer than RefreshTokenAbsoluteLifetime.";
        if (o.Sessions.IdleLifetime > o.Sessions.AbsoluteLifetime)
            yield return p + "Sessions:IdleLifetime: must not be longer than AbsoluteLifetime.";
        foreach (var (key, value) in Limits(o.Throttle))
            if (value < 1)
                yield return p + "Throttle:" + key + ": must be at least 1.";
        foreach (var proxy in o.Proxy.KnownProxies)
            if (!System.Net.IPAddress.TryParse(proxy, out _))
                yield return p + "Proxy:KnownProxies: must be network addresses.";
        foreach (var network in o.Proxy.KnownNetworks)
            if (!System.Net.IPNetwork.TryParse(network, out _))
                yield return p + "Proxy:KnownNetworks: must be networks such as 10.0.0.0/8.";
        foreach (var origin in o.Api.AllowedOrigins)
            if (!IsOrigin(origin) && !IsAppOrigin(origin))
                yield return p
                    + "Api:AllowedOrigins: must be origins such as https://app.example.com or capacitor://localhost.";
        foreach (var (id, client) in o.Api.IntrospectionClients)
            if (PasswordVerifier.CodePoints(client.Secret) < IntrospectionClientOptions.MinimumSecretLength)
                yield return p
                    + $"Api:IntrospectionClients:{id}:Secret: must have at least {IntrospectionClientOptions.MinimumSecretLength} characters.";
        foreach (var (name, provider) in o.External)
        foreach (var line in provider.Faults($"{p}External:{name}", development))
            yield return line;
    }

    private static IEnumerable<(string, TimeSpan)> Lifetimes(AuthOptions o) =>
        [
            ("Tokens:AccessTokenLifetime", o.Tokens.AccessTokenLifetime),
            ("Tokens:RefreshTokenIdleLifetime", o.Tokens.RefreshTokenIdleLifetime),
            ("Tokens:RefreshTokenAbsoluteLifetime", o.Tokens.RefreshTokenAbsoluteLifetime),
            .. Enum.GetValues<Dialect>()
                .Select(d => ($"Tokens:DialectAccessLifetimes:{d}", o.Tokens.DialectAccessLifetimes.Of(d))),
            ("Sessions:IdleLifetime", o.Sessions.IdleLifetime),
            ("Sessions:AbsoluteLifetime", o.Sessions.AbsoluteLifetime),
            ("Sessions:StepUpWindow", o.Sessions.StepUpWindow),
            ("Keys:RotateEvery", o.Keys.RotateEvery),
        ];

    private static IEnumerable<(string, int)> Limits(ThrottleOptions t) =>
        [
            (nameof(t.SignInPerAccount), t.SignInPerAccount),
            (nameof(t.SignInPerAddress), t.SignInPerAddress),
            (nameof(t.MailPerAddress), t.MailPerAddress),
            (nameof(t.MailPerCaller), t.MailPerCaller),
            (nameof(t.SignUpPerAddress), t.SignUpPerAddress),
            (nameof(t.SecondFactorPerAccount), t.SecondFactorPerAccount),
            (nameof(t.PasskeyPerAddress), t.PasskeyPerAddress),
            (nameof(t.MailPerDestination), t.MailPerDestination),
            (nameof(t.MailPerDestinationDaily), t.MailPerDestinationDaily),
            (nameof(t.MailToUnverified), t.MailToUnverified),
            (nameof(t.MailToUnverifiedDaily), t.MailToUnverifiedDaily),
            (nameof(t.AnonymousPerAddress), t.AnonymousPerAddress),
            (nameof(t.EventsPerAddress), t.EventsPerAddress),
            (nameof(t.ChangesPerAccount), t.ChangesPerAccount),
            (nameof(t.SessionsPerAccount), t.SessionsPerAccount),
            (nameof(t.LinksPerAddress), t.LinksPerAddress),
        ];

    private static bool IsMailbox(string text) =>
        MimeKit.MailboxAddress.TryParse(text, out var mailbox)
        && mailbox.Address.Contains('@', StringComparison.Ordinal)
        && mailbox.Domain.Length > 0;

    private static bool IsOrigin(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && uri.Scheme is "http" or "https"
        && uri.Query.Length == 0
        && uri.Fragment.Length == 0
        && uri.UserInfo.Length == 0
        && uri.AbsolutePath == "/";

    // What the web view of an app sends: capacitor://localhost, ionic://localhost, tauri://localhost. Any page can have
    // the origins that have no host, 'null' and 'file://'.
    private static bool IsAppOrigin(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && uri.Scheme is not ("http" or "https" or "file" or "data" or "blob" or "javascript")
        && uri.Host.Length > 0
        && url.TrimEnd('/').Equals($"{uri.Scheme}://{uri.Authority}", StringComparison.OrdinalIgnoreCase);

    // The clone's root for a program built in a clone, so that both hosts share one store; else the program's own
    // folder.
    private static string Home()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "BlazorAuth.sln")))
                return folder.FullName;
        return AppContext.BaseDirectory;
    }
}
