#!/usr/bin/env bash
# Builds programs that need no library, not even libc, so that an image holds nothing else: glibc is linked in.
#
#   static-build.sh FOLDER NAME...      puts the programs into FOLDER
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/.."
folder=$1
shift
# With a target that is named, the flag isn't for what runs while building (macros, build scripts).
target=$(rustc -vV | sed -n 's/^host: //p')
upper=$(tr 'a-z-' 'A-Z_' <<<"$target")
export "CARGO_TARGET_${upper}_RUSTFLAGS=-C target-feature=+crt-static" CARGO_PROFILE_RELEASE_STRIP=symbols
programs=()
for name in "$@"; do programs+=(--bin "$name"); done
# --workspace: the same features whichever programs are asked for, so that dependencies are built once.
cargo build --release --workspace --target "$target" "${programs[@]}"
mkdir -p "$folder"
for name in "$@"; do
  install -m 755 "${CARGO_TARGET_DIR:-target}/$target/release/$name" "$folder/$name"
done
