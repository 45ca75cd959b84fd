#!/bin/sh
# What the page is built and tested with, by the lock file; npm's cache stands in PODOMETER_CACHE.
# Usage: install.sh [FOLDER with package.json and package-lock.json, this one by default]
set -eu
cd "${1:-$(dirname "$0")}"
for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "install Node.js 20 or later first: $tool is missing" >&2; exit 2; }
done
if [ -n "${PODOMETER_CACHE:-}" ]; then export npm_config_cache="$PODOMETER_CACHE/npm"; fi
# What is there already is kept while the lock file is the same.
if [ ! -e node_modules/.lock ] || ! cmp -s package-lock.json node_modules/.lock; then
  npm ci --silent
  cp package-lock.json node_modules/.lock
fi
