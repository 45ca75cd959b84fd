#!/bin/sh
# Drives the page in a browser, on a real `podometer serve`.
# Usage: web/e2e/run.sh PATH_TO_PODOMETER. PODOMETER_SHOTS: a folder for screenshots.
set -eu
program=$(realpath "${1:?usage: web/e2e/run.sh PATH_TO_PODOMETER}")
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v chromium >/dev/null; then
  [ "$(id -u)" = 0 ] || { echo "install first: chromium" >&2; exit 2; }
  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi
"$here/../install.sh"
exec node "$here/main.mjs" "$program"
