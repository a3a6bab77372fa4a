using System.Text.Json;
using System.Text.Json.Serialization;
using BlazorAuth.Api.Endpoints;
using BlazorAuth.Core.Accounts;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace BlazorAuth.Api;

/// <summary>
/// Makes the schemas of the API document say what the wire says: a field that is left out is not required, a name
/// belongs to one type, and free JSON has the type that the route takes.
/// </summary>
internal static class ApiSchemas
{
    // The wire's types are nested in their endpoints, so two of them may have one short name.
    private static readonly Dictionary<Type, string> Names = new()
    {
        [typeof(AccountEndpoints.SignInBody)] = "SignInChoiceBody",
        [typeof(AccountEndpoints.SignInAnswer)] = "SignInChoiceAnswer",
        [typeof(OAuthEndpoints.TokenAnswer)] = "OAuthTokenAnswer",
        [typeof(ExportAccount.Passkey)] = "ExportedPasskey",
    };

    public static void Add(OpenApiOptions document)
    {
        var taken = new Dictionary<string, Type>(StringComparer.Ordinal);
        document.CreateSchemaReferenceId = json =>
        {
            var type = Nullable.GetUnderlyingType(json.Type) ?? json.Type;
            if (type == typeof(JsonElement))
                return null; // free JSON: each property says which
            var name = Names.GetValueOrDefault(type) ?? OpenApiOptions.CreateDefaultSchemaReferenceId(json);
            if (name is null)
                return null;
            // Otherwise one of the two would silently get the schema of the other.
            lock (taken)
                if (!taken.TryAdd(name, type) && taken[name] != type)
                    throw new InvalidOperationException(
                        $"The API document has two types {name}: {taken[name]} and {type}."
                    );
            return name;
        };
        document.AddSchemaTransformer(
            (schema, context, _) =>
            {
                Describe(schema, context);
                return Task.CompletedTask;
            }
        );
        document.AddDocumentTransformer(
            (doc, _, _) =>
            {
                foreach (
                    var schema in (
                        doc.Components?.Schemas ?? new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal)
                    ).Values
                )
                    // Whether a property may be null is said at the property; said twice, null matches two of oneOf.
                    if (schema is OpenApiSchema { Enum.Count: > 0 } values)
                        (values.Type, values.Enum) = (
                            JsonSchemaType.String,
                            [.. values.Enum.Where(value => value is not null && !value.IsJsonNullSentinel())]
                        );
                return Task.CompletedTask;
            }
        );
    }

    private static void Describe(OpenApiSchema schema, OpenApiSchemaTransformerContext context)
    {
        var type = context.JsonTypeInfo.Type;
        // What may be null may be left out; only answers always carry every field.
        if (type.Name.EndsWith("Body", StringComparison.Ordinal))
            schema.Required = null;
        foreach (var property in context.JsonTypeInfo.Properties)
            if (IsLeftOut(property.AttributeProvider))
                schema.Required?.Remove(property.Name);
        if (
            (Nullable.GetUnderlyingType(type) ?? type) != typeof(JsonElement)
            || context.JsonPropertyInfo is not { } free
        )
            return;
        var isText = free.DeclaringType == typeof(AccountEndpoints.ProfileBody) && free.Name != "profile";
        schema.Type = isText ? JsonSchemaType.String : JsonSchemaType.Object;
        if (!isText)
            schema.AdditionalProperties = new OpenApiSchema();
        if (free.DeclaringType.Name.EndsWith("Body", StringComparison.Ordinal))
            schema.Type |= JsonSchemaType.Null;
    }

    private static bool IsLeftOut(System.Reflection.ICustomAttributeProvider? property) =>
        property
            ?.GetCustomAttributes(typeof(JsonIgnoreAttribute), inherit: true)
            .OfType<JsonIgnoreAttribute>()
            .Any(ignore => ignore.Condition != JsonIgnoreCondition.Never) == true;
}
