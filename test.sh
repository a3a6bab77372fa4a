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
  [ -z "$server" ] || { as_server "$postgres/pg_ctl" -D "$server/data" -m immediate -s stop || true; rm -rf "$server"; }
  rm -rf "$results"
}
trap clean_up EXIT

# A PostgreSQL server of the tests' own, on a free port and in a folder that goes with it; one that is named already is used.
newest_postgres() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }
as_server() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; } # it refuses to run as root
start_postgres() {
  postgres=$(newest_postgres)
  if [ -z "$postgres" ]; then
    echo "Installing: postgresql"
    as_root=""; [ "$(id -u)" = 0 ] || as_root="sudo"
    # The package makes and starts a cluster of the system unless it is told not to.
    $as_root mkdir -p /etc/postgresql-common || return 1
    [ -e /etc/postgresql-common/createcluster.conf ] \
      || echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null || return 1
    { $as_root apt-get update -q && $as_root apt-get install -y -q --no-install-recommends postgresql; } >/dev/null 2>&1 || return 1
    postgres=$(newest_postgres)
    [ -n "$postgres" ] || return 1
  fi
  server=$(mktemp -d)
  [ "$(id -u)" != 0 ] || chown postgres "$server" || return 1
  local password port attempt
  password=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
  printf %s "$password" >"$server/password"
  chmod 644 "$server/password" # in a folder that only the server's user may enter
  (cd "$server" && as_server "$postgres/initdb" -D "$server/data" -U tests -A scram-sha-256 --pwfile="$server/password" -E UTF8 --no-sync) >/dev/null || return 1
  for attempt in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 20000))
    if (cd "$server" && as_server "$postgres/pg_ctl" -D "$server/data" -w -s -l "$server/log" start -o "-c listen_addresses=127.0.0.1 -c port=$port \
      -c unix_socket_directories= -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=400") >/dev/null 2>&1; then
      export BLAZORAUTH_TEST_POSTGRES="Host=127.0.0.1;Port=$port;Username=tests;Password=$password"
      return 0
    fi
  done
  return 1
}
if [ -z "${BLAZORAUTH_TEST_POSTGRES:-}" ] && ! start_postgres; then
  echo "No PostgreSQL server could be started: the tests on PostgreSQL are skipped."
fi

dotnet build BlazorAuth.sln --nologo -v quiet || { echo "The build failed."; echo "0 passed, 1 failed"; exit 1; }
status=0
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
