#!/usr/bin/env bash
# A container registry for tests: Debian's docker-registry, with TLS of an authority of its own and a login.
#
#   registry.sh install                 gets it, once, into the cache
#   registry.sh run FOLDER HOST PORT    runs it in the foreground. FOLDER gets `address` (HOST:PORT), `ca.crt` and
#                                       `busybox`, a static program for images
#
# The login is podometer / not-a-secret. HOST is an address of this machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
debian() { "$here/../cluster/debian.sh" "$@"; }

install() {
  debian registry here docker-registry >/dev/null
  debian busybox here busybox-static >/dev/null
}

run() {
  local folder=$1 host=$2 port=$3
  install
  mkdir -p "$folder"
  cd "$folder"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 -subj /CN=podometer-registry \
    -keyout ca.key -out ca.crt 2>/dev/null
  openssl req -x509 -CA ca.crt -CAkey ca.key -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 \
    -subj "/CN=$host" -addext basicConstraints=critical,CA:FALSE -addext "subjectAltName=IP:$host" \
    -keyout server.key -out server.crt 2>/dev/null
  # The password above; only bcrypt is taken.
  echo 'podometer:$2b$04$nrRUkhlq6ASObZM5YGOBauIOSZSvjPpTzqV.ebmStuY0PDiI6qVmO' >htpasswd
  cat >config.yml <<YAML
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $PWD/data}, delete: {enabled: false}}
http: {addr: "$host:$port", tls: {certificate: $PWD/server.crt, key: $PWD/server.key}}
auth: {htpasswd: {realm: podometer-tests, path: $PWD/htpasswd}}
YAML
  cp "$(debian busybox here busybox-static)/bin/busybox" busybox
  echo "$host:$port" >address
  exec "$(debian registry here docker-registry)/usr/bin/docker-registry" serve config.yml
}

case ${1:-} in
  install) install ;;
  run) shift; run "$@" ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
