#!/usr/bin/env bash
# Prints the path of schemathesis, which tries an HTTP API by its OpenAPI document. It is installed once, into
# the cache (PODOMETER_CACHE).
set -euo pipefail
environment=${PODOMETER_CACHE:-/var/cache/podometer}/schemathesis
if [ ! -e "$environment/.ready" ]; then
  # A Debian Python without venv has no ensurepip.
  python3 -c 'import ensurepip' 2>/dev/null ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv; } >&2
  rm -rf "$environment"
  python3 -m venv "$environment" >&2
  "$environment/bin/pip" install --quiet --disable-pip-version-check 'schemathesis>=4.32,<5' >&2
  touch "$environment/.ready"
fi
echo "$environment/bin/st"
