#!/usr/bin/env bash
# Everything the tests need on a bare machine, then every test. Ends with 'N passed, N failed'.
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

# Journeys need a browser, the README's tour curl and jq, a tampered store sqlite3: what is missing comes from the system's packages.
missing=""
command -v chromium chromium-browser google-chrome >/dev/null 2>&1 || missing="$missing chromium"
for tool in curl jq sqlite3; do command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"; done
if [ -n "$missing" ]; then
  echo "Installing:$missing"
  as_root=""; [ "$(id -u)" = 0 ] || as_root="sudo"
  { $as_root apt-get update -q && $as_root apt-get install -y -q --no-install-recommends $missing; } >/dev/null 2>&1 \
    || echo "Could not install:$missing. The tests that need them will fail and say so."
fi

results=$(mktemp -d)
server=""
clean_up() {
  stop_postgres
  rm -rf "$results"
}
trap clean_up EXIT

. tests/postgres.sh
if [ -z "${BLAZORAUTH_TEST_POSTGRES:-}" ] && ! start_postgres; then
  echo "No PostgreSQL server could be started: the tests on PostgreSQL are skipped."
fi

dotnet build BlazorAuth.sln --nologo -v quiet || { echo "The build failed."; echo "0 passed, 1 failed"; exit 1; }
status=0
# The formatter is a tool from the package feed; where it cannot be had, the form is not checked, and this says so.
if dotnet tool restore >/dev/null 2>&1; then
  dotnet csharpier check src tests || { echo "Run: dotnet csharpier format src tests"; echo "0 passed, 1 failed"; exit 1; }
else
  echo "The formatter could not be restored: the form of the code is not checked."
fi
for project in tests/unit/BlazorAuth.UnitTests.csproj tests/e2e/BlazorAuth.EndToEndTests.csproj; do
  dotnet test "$project" --no-build --nologo --logger trx --results-directory "$results" "$@" || status=1
done

# The counts of all projects, from their result files.
count() { grep -ho "$1=\"[0-9]*\"" "$results"/*.trx 2>/dev/null | tr -dc '0-9\n' | awk '{ sum += $1 } END { print sum + 0 }'; }
passed=$(count passed); failed=$(count failed); skipped=$(count notExecuted)
echo
echo "skipped: $skipped"
echo "$passed passed, $failed failed"
[ "$status" = 0 ] && [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
