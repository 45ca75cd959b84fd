#!/usr/bin/env bash
# Prints a folder of the cache that has some of Debian's packages in it: unpacked, not installed, so that the
# machine's own packages stay as they are and no server is started.
#
#   debian.sh NAME RELEASE PACKAGE...     RELEASE: trixie, say; or `here`, the machine's own
set -euo pipefail
name=$1 release=$2
shift 2
folder=${PODOMETER_CACHE:-/var/cache/podometer}/cluster/$name-$(cksum <<<"$release $*" | cut -d' ' -f1)

mkdir -p "${folder%/*}"
exec 5>"$folder.lock"
flock 5
if [ ! -e "$folder/.ready" ]; then
  apt=$folder/.apt
  rm -rf "$folder"
  mkdir -p "$apt"/{lists/partial,cache/archives/partial,debs}
  options=(-o APT::Sandbox::User=root)
  if [ "$release" != here ]; then
    mirror=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
    [ -n "$mirror" ] || mirror=$(awk '$1 == "deb" && $2 !~ /^\[/ {print $2; exit}' /etc/apt/sources.list)
    echo "deb $mirror $release main" >"$apt/release.list"
    options+=(-o "Dir::State=$apt" -o "Dir::State::lists=$apt/lists" -o Dir::State::status=/dev/null
      -o "Dir::Cache=$apt/cache" -o Dir::Etc::sourceparts=- -o "Dir::Etc::sourcelist=$apt/release.list")
  fi
  apt-get "${options[@]}" update -qq >&2
  (cd "$apt/debs" && apt-get "${options[@]}" download -qq "$@") >&2
  for package in "$apt"/debs/*.deb; do dpkg-deb -x "$package" "$folder"; done
  rm -rf "$apt"
  touch "$folder/.ready"
fi
echo "$folder"
