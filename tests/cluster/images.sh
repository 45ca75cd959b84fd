#!/usr/bin/env bash
# Makes images for a cluster without a registry, as archives in the cache, and prints their paths.
#
#   images.sh NAME...
#        pause        podometer/pause:1, what holds a pod's namespaces; it is a BusyBox
#        kafka        podometer/kafka:TAG, Apache Kafka, one node (KRaft); see kafka-image.sh
#        timescaledb  podometer/timescaledb:TAG, PostgreSQL with TimescaleDB; see timescaledb-image.sh
#
# Both servers run as user 65532 on a read-only root, keep their data in /data and write nowhere else.
# PODOMETER_CACHE: the cache. PODOMETER_IMAGE_TAG: TAG (the version of Podometer).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$here/../..
cache=${PODOMETER_CACHE:-/var/cache/podometer}
tag=${PODOMETER_IMAGE_TAG:-$(awk -F'"' '/^version = / {print $2; exit}' "$repository/Cargo.toml")}
libraries=usr/lib/$(uname -m)-linux-gnu

# BusyBox, and a name for each of its commands, in a folder of a root.
busybox() {
  mkdir -p "$1"
  cp "$("$here/debian.sh" busybox here busybox-static)/bin/busybox" "$1/busybox"
  local command
  for command in $("$1/busybox" --list); do [ -e "$1/$command" ] || ln -s busybox "$1/$command"; done
}

user() { mkdir -p "$1/etc" "$1/data" && echo "podometer:x:65532:65532::/data:/bin/sh" >"$1/etc/passwd"; }

pause() { busybox "$1/bin"; }

kafka() {
  "$here/../stack/kafka.sh" install
  local jars
  jars=$(echo "$cache"/kafka-"$(cksum <"$here/../stack/kafka-pom.xml" | cut -d' ' -f1)")
  cp -a "$("$here/debian.sh" java here openjdk-17-jre-headless libc6 libgcc-s1 libstdc++6 zlib1g)"/{etc,lib,lib64,usr} "$1"
  rm -rf "$1"/usr/share
  mkdir -p "$1/opt" "$1/tmp"
  cp -a "$jars/lib" "$1/opt/kafka"
  busybox "$1/bin"
  ln -s "../$(cd "$1" && echo usr/lib/jvm/java-17-*/bin/java)" "$1/bin/java"
  user "$1"
}

timescaledb() {
  "$here/../stack/timescaledb.sh" install
  local program root=$cache/timescaledb/root programs=$1/usr/lib/postgresql/17/bin interpreter
  cp -a "$root"/{etc,usr} "$1"
  rm -rf "$1"/usr/share/{doc,man,locale,lintian,bash-completion} "$1"/usr/lib/postgresql/17/lib/bitcode
  for program in bin lib lib64; do ln -s "usr/$program" "$1/$program"; done
  # In the cache some programs name the cache's loader and libraries; here these are where they belong.
  patchelf() { "$(echo "$root/$libraries"/ld-linux-*.so.*)" --library-path "$root/$libraries" "$root/usr/bin/patchelf" "$@"; }
  interpreter=$(patchelf --print-interpreter "$programs/pg_isready")
  for program in postgres initdb pg_dump pg_restore; do
    patchelf --set-interpreter "$interpreter" --remove-rpath "$programs/$program"
  done
  busybox "$1/usr/bin"
  user "$1"
}

image() {
  local name=$1 tag=$tag user=65532 entrypoint='["/entrypoint"]' environment='["PATH=/bin:/usr/bin"]'
  local script=$here/$name-image.sh
  [ "$name" != pause ] || { tag=1 entrypoint='["/bin/busybox", "sleep", "2000000000"]' script=/dev/null; }
  local inputs=("$here/images.sh" "$here/debian.sh" "$repository/kubernetes/image-archive.sh" "$script")
  inputs+=("$here/../stack/kafka-pom.xml" "$here/../stack/timescaledb.sh")
  local file
  file=$cache/cluster/images/$name-$tag-$(cat "${inputs[@]}" | cksum | cut -d' ' -f1).tar
  if [ ! -e "$file" ]; then
    mkdir -p "$cache/cluster/images"
    rm -f "$cache/cluster/images/$name-$tag"-*.tar
    local root
    root=$(mktemp -d "$cache/cluster/images/$name.XXXXXX")
    # shellcheck disable=SC2064
    trap "rm -rf '$root'" EXIT
    chmod 755 "$root"
    "$name" "$root" >&2
    [ "$name" = pause ] || install -m 755 "$script" "$root/entrypoint"
    "$repository/kubernetes/image-archive.sh" "podometer/$name:$tag" "$root" "$user" "$entrypoint" "$environment" "$file"
    rm -rf "$root"
  fi
  echo "$file"
}

[ $# -gt 0 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
for name in "$@"; do
  case $name in
    pause | kafka | timescaledb) image "$name" ;;
    *) echo "images.sh: no image is called $name" >&2; exit 2 ;;
  esac
done
