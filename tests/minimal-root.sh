#!/usr/bin/env bash
# Builds and runs the README's first command in a Debian root that holds gcc, make and the Rust
# toolchain, and nothing else: no system library, font or tool may be missed. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "minimal-root: needs root (debootstrap, chroot)" >&2; exit 2; }
cache=${PODOMETER_CACHE:-/var/cache/podometer}/minimal-root
root=$cache/root
mkdir -p "$cache"

if [ ! -e "$root/.ready" ]; then
  command -v debootstrap >/dev/null || { apt-get update -qq; apt-get install -y -qq --no-install-recommends debootstrap; }
  mirror=$(awk '/^URIs:/ {print $2; exit}' /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
  [ -n "$mirror" ] || mirror=$(awk '$1 == "deb" && $2 !~ /^\[/ {print $2; exit}' /etc/apt/sources.list)
  rm -rf "$root"
  debootstrap --variant=minbase --include=gcc,libc6-dev,make,ca-certificates bookworm "$root" "$mirror" >"$cache/debootstrap.log" 2>&1 ||
    { tail -20 "$cache/debootstrap.log" >&2; exit 1; }
  touch "$root/.ready"
fi

# The toolchain and what cargo has fetched are lent; the sources and the target folder are the test's.
sysroot=$(rustc --print sysroot)
cargo_home=${CARGO_HOME:-$HOME/.cargo}
cargo fetch --quiet --locked
mounts=()
lend() { mkdir -p "$root$2"; mount --bind "$1" "$root$2"; mounts+=("$root$2"); }
unlend() { for mounted in "${mounts[@]}"; do umount -l "$mounted" || true; done; }
trap unlend EXIT
mkdir -p "$cache/target" "$root/source"
lend "$sysroot" /toolchain
lend "$cargo_home" /cargo-home
lend "$cache/target" /target
lend /proc /proc
lend /dev /dev
find "$root/source" -mindepth 1 -delete
git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$root/source"

in_root() {
  chroot "$root" /usr/bin/env -i HOME=/root PATH=/toolchain/bin:/usr/bin:/bin CARGO_HOME=/cargo-home \
    CARGO_TARGET_DIR=/target CARGO_NET_OFFLINE=true LANG=C sh -c "cd /source && $1"
}
! in_root 'command -v g++ || command -v pkg-config || command -v cmake || command -v python3' ||
  { echo "minimal-root: the root holds more than it should" >&2; exit 1; }
in_root 'cargo run --release --locked --quiet -- run orders/leaf.json'
in_root 'ls podometer-data/leaf-1/report.html podometer-data/leaf-1/charts/*.png podometer-data/podometer.db'
