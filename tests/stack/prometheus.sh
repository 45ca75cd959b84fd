#!/usr/bin/env bash
# Prints the folder that has Debian's `prometheus` and `promtool`, unpacked and not installed: no server is started and
# the machine's own packages stay as they are.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(tests/cluster/debian.sh prometheus here prometheus)
# What one machine has unpacked another one must be able to run.
"$folder/usr/bin/promtool" --version >/dev/null
echo "$folder/usr/bin"
