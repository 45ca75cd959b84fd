#!/bin/busybox sh
# The entrypoint of podometer/timescaledb: PostgreSQL with TimescaleDB on port 5432, with its data in
# /data/postgres. Started again with the same data it goes on with them.
#   POSTGRES_PASSWORD  what the user postgres gets on the first start (must be there then)
# Arguments go to postgres (-c shared_buffers=256MB, say).
set -eu
programs=/usr/lib/postgresql/17/bin
data=/data/postgres
if [ ! -e $data/PG_VERSION ]; then
  # Made under another name first: a start that was broken off leaves no half database.
  rm -rf $data.part
  umask 077
  printf '%s\n' "${POSTGRES_PASSWORD:?the first start needs POSTGRES_PASSWORD}" >/data/password
  $programs/initdb -D $data.part -U postgres --pwfile=/data/password -A scram-sha-256 \
    --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C -E UTF8
  rm /data/password
  echo "host all all all scram-sha-256" >>$data.part/pg_hba.conf
  cat >>$data.part/postgresql.conf <<CONF
listen_addresses = '*'
unix_socket_directories = ''
shared_preload_libraries = 'timescaledb'
timescaledb.telemetry_level = off
jit = off
max_locks_per_transaction = 256
max_connections = 200
CONF
  mv $data.part $data
fi
# What a killed server left behind names a process that may be another one by now.
rm -f $data/postmaster.pid
unset POSTGRES_PASSWORD
$programs/postgres -D $data "$@" &
server=$!
# A pod is told to end by TERM, which to Postgres means: when the last client has gone. INT is at once.
trap 'kill -INT $server' TERM
until wait $server; status=$?; ! kill -0 $server 2>/dev/null; do :; done
exit $status
