# Shared by the scripts of this folder: `. script/lib.sh` from the root of the tree. POSIX sh.

say() { printf '\n== %s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

is_root() { [ "$(id -u)" = 0 ]; }

# build FOLDER [meson options]: configures once, builds what has changed.
build() {
  build_folder=$1
  shift
  [ -f "$build_folder/build.ninja" ] || meson setup "$build_folder" "$@" >&2
  ninja -C "$build_folder" >&2
}

# ---- A private PostgreSQL ----
#
#   postgres_start FOLDER    starts the cluster in FOLDER, making it where there is none; sets and exports
#                            postgres_url, a superuser's connection string that holds its password
#   postgres_stop            stops it, if this process has started it
#
# The cluster is a throwaway: fsync is off. It listens on 127.0.0.1 alone, on a port of its own, and asks for
# a random password (postgres_auth=trust: for none). The system's clusters are never touched. The server
# refuses to run as root: then it runs as user postgres.

postgres_programs() {
  for folder in /usr/lib/postgresql/*/bin; do
    [ -x "$folder/initdb" ] && printf '%s\n' "$folder"
  done | sort -t / -k 5 -n | tail -n 1
}

as_postgres() {
  if is_root; then (cd / && exec setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"); else "$@"; fi
}

# Where user postgres cannot come (a clone under /root), the cluster goes to /var/tmp.
postgres_place() {
  mkdir -p "$1"
  folder=$(cd "$1" && pwd)
  if is_root && ! as_postgres test -x "$folder"; then
    folder=/var/tmp/decant-$(printf '%s' "$folder" | cksum | cut -d ' ' -f 1)
    # /var/tmp is everybody's: a folder that somebody else has laid there is not ours.
    mkdir -m 700 "$folder" 2>/dev/null || [ "$(stat -c %U "$folder")" = postgres ] || die "$folder is not ours"
  fi
  if is_root; then chown postgres:postgres "$folder"; fi
  printf '%s\n' "$folder"
}

postgres_init() {
  say "Making a private PostgreSQL in $postgres_folder"
  postgres_password=$(od -An -N 16 -t x1 /dev/urandom | tr -d ' \n')
  (umask 077 && printf '%s\n' "$postgres_password" >"$postgres_folder/password")
  if is_root; then chown postgres: "$postgres_folder/password"; fi
  as_postgres "$postgres_bin/initdb" -D "$postgres_folder/new" -U postgres -A "${postgres_auth:-scram-sha-256}" \
    --pwfile="$postgres_folder/password" -E UTF8 --locale=C.UTF-8 --no-sync >"$postgres_folder/initdb.log" 2>&1 ||
    { cat "$postgres_folder/initdb.log" >&2; die "initdb failed"; }
  as_postgres mv "$postgres_folder/new" "$postgres_folder/data"   # a cluster that is there is whole
}

# pg_ctl hands this to a shell: it must stay one line.
postgres_settings="-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=256MB"
postgres_settings="$postgres_settings -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
postgres_settings="$postgres_settings -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=2GB"

postgres_start() {
  postgres_bin=$(postgres_programs)
  [ -n "$postgres_bin" ] || die "no PostgreSQL server is installed: run script/bootstrap"
  postgres_folder=$(postgres_place "$1")
  if [ ! -d "$postgres_folder/data" ]; then rm -rf "$postgres_folder/new" && postgres_init; fi
  if ! as_postgres "$postgres_bin/pg_ctl" -D "$postgres_folder/data" status >/dev/null 2>&1; then
    postgres_started=yes
    for port in 54310 54311 54312 54313 54314 54315 54316 54317 54318 54319 none; do
      [ $port != none ] || { tail -n 20 "$postgres_folder/log" >&2; die "the private PostgreSQL does not start"; }
      as_postgres "$postgres_bin/pg_ctl" -D "$postgres_folder/data" -w -l "$postgres_folder/log" \
        -o "$postgres_settings -p $port" start >/dev/null 2>&1 && break
    done
  fi
  port=$(sed -n 4p "$postgres_folder/data/postmaster.pid")
  postgres_url="postgresql://postgres:$(cat "$postgres_folder/password")@127.0.0.1:$port/postgres"
  export postgres_url
}

postgres_stop() {
  [ "${postgres_started-}" = yes ] || return 0
  as_postgres "$postgres_bin/pg_ctl" -D "$postgres_folder/data" -m fast -w stop >/dev/null 2>&1 || :
  postgres_started=
}
