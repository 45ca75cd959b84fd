#!/usr/bin/env bash
# PostgreSQL with TimescaleDB for tests, from Debian trixie's packages: they are unpacked into the cache
# with their own C library, so that the machine's own packages stay as they are.
#
#   timescaledb.sh install              gets the packages, once, into the cache
#   timescaledb.sh run FOLDER PORT [POSTGRES OPTIONS]
#        runs a server on that loopback port in the foreground, with its data in FOLDER. Started again
#        with the same folder it goes on with its data.
#   timescaledb.sh program NAME         prints the path of one of its programs (pg_dump, say)
#
# PODOMETER_CACHE: where the packages are kept. Postgres refuses to run as root: then it runs as `postgres`,
# if there is such a user, else as `nobody`, who must be able to enter FOLDER.
set -euo pipefail
cache=${PODOMETER_CACHE:-/var/cache/podometer}/timescaledb
root=$cache/root
libraries=$root/usr/lib/$(uname -m)-linux-gnu
programs=$root/usr/lib/postgresql/17/bin
loader=$libraries/ld-linux-$(uname -m | tr _ -).so.2
[ "$(uname -m)" != aarch64 ] || loader=$libraries/ld-linux-aarch64.so.1

install() {
  [ -e "$root/.ready" ] && return
  local apt=$cache/apt mirror
  rm -rf "$root" "$apt"
  mkdir -p "$root" "$apt"/{lists/partial,cache/archives/partial,debs}
  mirror=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
  [ -n "$mirror" ] || mirror=$(awk '$1 == "deb" && $2 !~ /^\[/ {print $2; exit}' /etc/apt/sources.list)
  echo "deb $mirror trixie main" >"$apt/trixie.list"
  local options=(-o "Dir::State=$apt" -o "Dir::State::lists=$apt/lists" -o Dir::State::status=/dev/null
    -o "Dir::Cache=$apt/cache" -o Dir::Etc::sourceparts=- -o "Dir::Etc::sourcelist=$apt/trixie.list"
    -o "APT::Sandbox::User=$(id -un)")
  apt-get "${options[@]}" update -qq >&2
  (cd "$apt/debs" && apt-get "${options[@]}" download -qq postgresql-17 postgresql-client-17 \
    postgresql-17-timescaledb patchelf libpq5 libc6 libc-bin libgcc-s1 libstdc++6 libicu76 libxml2 libssl3t64 \
    libldap2 libpam0g libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1 \
    libsasl2-2 libsystemd0 liblz4-1 libzstd1 zlib1g libaudit1 libcap-ng0 libcap2 liblzma5 libselinux1 \
    libpcre2-8-0 libuuid1 libnuma1 libxxhash0 tzdata) >&2
  for package in "$apt"/debs/*.deb; do dpkg-deb -x "$package" "$root"; done
  # initdb runs postgres by its path, so the loader must stand in the programs. DT_RPATH, not DT_RUNPATH:
  # it also serves what loaded modules depend on.
  for program in postgres initdb pg_dump pg_restore; do
    "$loader" --library-path "$libraries" "$root/usr/bin/patchelf" \
      --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$programs/$program"
  done
  rm -rf "$apt"
  touch "$root/.ready"
}

user=$(if [ "$(id -u)" != 0 ]; then id -un; elif getent passwd postgres >/dev/null; then echo postgres; else echo nobody; fi)
plainly=(env -i PATH=/usr/bin:/bin TZ=UTC)
[ "$(id -u)" != 0 ] || plainly=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "${plainly[@]}")

run() {
  local folder=$1 port=$2
  shift 2
  if [ ! -e "$folder/data/PG_VERSION" ]; then
    mkdir -p "$folder/data"
    [ "$(id -u)" != 0 ] || chown "$user" "$folder/data"
    "${plainly[@]}" "$programs/initdb" -D "$folder/data" -U postgres -A trust --locale-provider=builtin \
      --builtin-locale=C.UTF-8 --locale=C -E UTF8 >&2
    cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
jit = off
max_locks_per_transaction = 256
max_connections = 200
CONF
  fi
  # What a killed server left behind names a process that may be another one by now.
  rm -f "$folder/data/postmaster.pid"
  cd "$folder/data"
  exec "${plainly[@]}" "$programs/postgres" -D "$folder/data" -p "$port" "$@"
}

case ${1:-} in
  install) install ;;
  run) shift; install; run "$@" ;;
  program) install; echo "$programs/$2" ;;
  *) sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
