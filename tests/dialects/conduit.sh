#!/usr/bin/env bash
# The lines of Conduit's 'Local Authentication' document, against a running host. Usage: conduit.sh BASE_URL MAIL_URL
# MAIL_URL is the site's /dev/mail.json (Development). Prints one line a call; exits 1 where an answer is not what the document says.
set -uo pipefail
base=${1:?base url} mail=${2:?mail url}
email="user-$RANDOM$RANDOM@example.com" password=securePassword123 next=newSecurePassword failed=0

# call NAME EXPECTED_STATUS REGEX curl-arguments… ; the body is left in $body
call() {
  local name=$1 status=$2 pattern=$3 answer; shift 3
  answer=$(curl -sS -w '\n%{http_code}' "$@")
  body=${answer%$'\n'*}
  if [[ ${answer##*$'\n'} == "$status" && $body =~ $pattern ]]; then echo "ok    $name: $status"
  else echo "WRONG $name: ${answer##*$'\n'} ${body:0:300} (expected $status $pattern)"; failed=1; fi
}
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$body"; }
letter() { # the token of the last letter to an address; a letter that was asked for twice comes twice
  local token=
  sleep 3
  for _ in $(seq 50); do
    token=$(curl -sS "$mail?to=$1" | grep -oE "$2\?token=[A-Za-z0-9_-]+" | head -1 | sed 's/.*=//')
    [[ -n $token && $token != "${last:-}" ]] && break
    sleep 0.2
  done
  last=$token
}
json=(-H 'Content-Type: application/json')

call registration 200 '"user":.*"email":"'"$email"'".*"active":true.*"isVerified":false' -X POST "$base/authentication/local/new" "${json[@]}" -d "{\"email\": \"$email\", \"password\": \"$password\"}"
call login 200 '"userId":.*"accessToken":.*"refreshToken":' -X POST "$base/authentication/local" "${json[@]}" -d "{\"email\": \"$email\", \"password\": \"$password\"}"
access=$(field accessToken) refresh=$(field refreshToken)
call 'login, wrong password' 401 '"message":"Invalid login credentials"' -X POST "$base/authentication/local" "${json[@]}" -d "{\"email\": \"$email\", \"password\": \"wrong\"}"
call 'token usage' 200 "\"email\":\"$email\"" -X GET "$base/authentication/user" -H "Authorization: Bearer $access"
call 'token refresh' 200 '"accessToken":.*"refreshToken":' -X POST "$base/authentication/renew" -H "Authorization: Bearer $refresh"
access=$(field accessToken)
call 'resend verification' 200 '"result":' -X POST "$base/authentication/local/resend-verification" "${json[@]}" -d "{\"email\": \"$email\"}"
letter "$email" verify-email
call 'verify email, in a browser' 302 '^$' -X GET "$base/hook/authentication/verify-email/$last" -H 'Accept: text/html'
call 'verify email, as a program' 200 '"result":"Email verified"' -X POST "$base/hook/authentication/verify-email/$last"
call 'verify email, again' 400 '"name":"INVALID_ARGUMENTS"' -X POST "$base/hook/authentication/verify-email/$last"
call 'registration again' 409 '"conduitCode":"USER_EXISTS"' -X POST "$base/authentication/local/new" "${json[@]}" -d "{\"email\": \"$email\", \"password\": \"$password\"}"
call 'change password' 200 '"result":"Password changed successfully"' -X POST "$base/authentication/local/change-password" -H "Authorization: Bearer $access" "${json[@]}" -d "{\"oldPassword\": \"$password\", \"newPassword\": \"newPassword123\"}"
call 'the token before it' 401 '"name":"UNAUTHORIZED"' -X GET "$base/authentication/user" -H "Authorization: Bearer $access"
access=$(curl -sS -X POST "$base/authentication/local" "${json[@]}" -d "{\"email\": \"$email\", \"password\": \"newPassword123\"}" | sed -n 's/.*"accessToken":"\([^"]*\)".*/\1/p')
call 'change password, v0.16' 200 '"result":"Password changed successfully"' -X POST "$base/authentication/local/change-password" -H "Authorization: Bearer $access" "${json[@]}" -d '{"newPassword": "newerPassword123"}'
access=$(field accessToken)
call 'change email' 200 '"result":"Verification code sent"' -X POST "$base/authentication/local/change-email" -H "Authorization: Bearer $access" "${json[@]}" -d "{\"newEmail\": \"new-$email\"}"
letter "new-$email" confirm-email-change
call 'verify changed email' 200 '"result":"Email changed successfully"' -X POST "$base/hook/authentication/verify-change-email/$last"
call 'the moved address' 200 "\"email\":\"new-$email\"" -X GET "$base/authentication/user" -H "Authorization: Bearer $access"
call 'request reset' 200 '"result":"If the email address is valid' -X POST "$base/authentication/forgot-password" "${json[@]}" -d "{\"email\": \"new-$email\"}"
call 'request reset, nobody' 200 '"result":"If the email address is valid' -X POST "$base/authentication/forgot-password" "${json[@]}" -d '{"email": "nobody@example.com"}'
letter "new-$email" reset-password
call 'reset password' 200 '"result":"Password reset successful"' -X POST "$base/authentication/reset-password" "${json[@]}" -d "{\"passwordResetToken\": \"$last\", \"password\": \"$next\"}"
call 'login, new password' 200 '"userId":' -X POST "$base/authentication/local" "${json[@]}" -d "{\"email\": \"new-$email\", \"password\": \"$next\"}"
access=$(field accessToken)
call 'magic link' 200 '"result":"token sent"' -X POST "$base/authentication/magic-link" "${json[@]}" -d "{\"email\": \"new-$email\"}"
letter "new-$email" login/email-link
call 'magic link, opened' 302 '^$' -X GET "$base/hook/authentication/magic-link/$last"
call 'magic link, exchanged' 200 '"userId":.*"accessToken":.*"refreshToken":' -X POST "$base/authentication/magic-link/$last"
call logout 200 '"result":"LoggedOut"' -X POST "$base/authentication/logout" -H "Authorization: Bearer $access"
call 'after logout' 401 '"name":"UNAUTHORIZED"' -X GET "$base/authentication/user" -H "Authorization: Bearer $access"
exit $failed
