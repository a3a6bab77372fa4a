using BlazorAuth.Api.Dialects.Feathers;
using BlazorAuth.Core.Results;
using BlazorAuth.Core.Sessions;
using BlazorAuth.Core.SignIn;
using BlazorAuth.Core.Tokens;

namespace BlazorAuth.Api.Dialects;

/// <summary>
/// The sign-in that courses on REST and JWT teach: <c>POST /auth/login {email,password}</c>, answered with
/// <c>{token,userId}</c>. Skygear has the same address; its bodies name an action, an API key or <c>auth_data</c>,
/// these do not (docs/dialects/rest-login.md).
/// </summary>
internal static class RestLogin
{
    // Its clients know no refresh token and expect to sign in again after this long.
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    private static readonly string[] OfSkygear = ["action", "api_key", "access_token", "auth_data", "provider"];

    private sealed record Signed(string Token, string UserId);

    private sealed record Refused(string Message);

    public static bool IsMeant(ForeignJson body) => body.Has("email") && !Array.Exists(OfSkygear, body.Has);

    public static async Task<IResult> AnswerAsync(SkygearCall call, CancellationToken ct)
    {
        if (!TryRead(out var email, out var password))
            return Print(AuthError.ValidationFailed);
        var input = new SignInWithPassword.Input(email, password, SessionKind.Api);
        var outcome = await call.Use<SignInWithPassword>().WithPasswordAsync(call.Stranger, input, ct);
        return await outcome.Match<Task<IResult>>(
            async done =>
            {
                var pair = await call.Use<RefreshTokens>().IssueAsync(done.Session, Lifetime, ct);
                return TypedResults.Ok(new Signed(pair.AccessToken, done.User.Id));
            },
            due => Task.FromResult(Print(due.Failure)),
            refusal => Task.FromResult(Print(refusal))
        );

        bool TryRead(out string? email, out string? password)
        {
            (email, password) = (null, null);
            try
            {
                (email, password) = (call.Body.Text("email"), call.Body.Text("password"));
                return true;
            }
            catch (BadHttpRequestException)
            {
                return false; // numbers, or half a surrogate pair
            }
        }
    }

    // One message for an unknown address and a wrong password.
    private static IResult Print(AuthFailure refusal)
    {
        var (status, title, _) = Problems.Describe(refusal.Error);
        var message = refusal.Error == AuthError.InvalidCredentials ? "Email or password is incorrect." : title;
        return new Answer(new(message), status, refusal.RetryAfter);
    }

    private sealed record Answer(Refused Refused, int Status, TimeSpan? RetryAfter) : IResult
    {
        public Task ExecuteAsync(HttpContext http)
        {
            http.Response.StatusCode = Status;
            http.Response.SayRetryAfter(RetryAfter);
            if (Status == StatusCodes.Status401Unauthorized)
                http.Response.Headers.WWWAuthenticate = CallerFromBearer.Scheme;
            return http.Response.WriteAsJsonAsync(Refused, http.RequestAborted);
        }
    }
}
