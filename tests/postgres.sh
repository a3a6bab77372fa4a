# A PostgreSQL server of the tests' own, on a free port and in a folder that goes with it; sourced by those that need one.
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
  local password attempt port
  password=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
  printf %s "$password" >"$server/password"
  chmod 644 "$server/password" # in a folder that only the server's user may enter
  (cd "$server" && as_server "$postgres/initdb" -D "$server/data" -U tests -A scram-sha-256 --pwfile="$server/password" -E UTF8 --no-sync) >/dev/null || return 1
  for attempt in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 20000))
    postgres_options="-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories= -c max_connections=400 \
      -c fsync=off -c full_page_writes=off -c synchronous_commit=${postgres_commits:-off}"
    if (cd "$server" && as_server "$postgres/pg_ctl" -D "$server/data" -w -s -l "$server/log" start -o "$postgres_options") >/dev/null 2>&1; then
      export BLAZORAUTH_TEST_POSTGRES="Host=127.0.0.1;Port=$port;Username=tests;Password=$password"
      return 0
    fi
  done
  return 1
}
stop_postgres() {
  [ -z "${server:-}" ] || { as_server "$postgres/pg_ctl" -D "$server/data" -m immediate -s stop || true; rm -rf "$server"; }
}
