#!/usr/bin/env bash
# Prints a folder of the cache that has some of Debian's packages in it: unpacked, not installed, so that the
# machine's own packages stay as they are and no server is started. The release is the machine's.
#
#   debian.sh NAME PACKAGE...
set -euo pipefail
name=$1
shift
folder=${PODOMETER_CACHE:-/var/cache/podometer}/cluster/$name-$(cksum <<<"$*" | cut -d' ' -f1)
if [ ! -e "$folder/.ready" ]; then
  rm -rf "$folder"
  mkdir -p "$folder/.debs"
  apt-get update -qq >&2
  (cd "$folder/.debs" && apt-get -o APT::Sandbox::User=root download -qq "$@") >&2
  for package in "$folder"/.debs/*.deb; do dpkg-deb -x "$package" "$folder"; done
  rm -rf "$folder/.debs"
  touch "$folder/.ready"
fi
echo "$folder"
