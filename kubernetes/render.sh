#!/usr/bin/env bash
# Writes rendered/: what the kustomizations say in full, which the binary carries. `render.sh --check` says
# whether they are current.
set -euo pipefail
cd "$(dirname "$0")"
kubectl=${KUBECTL:-kubectl}
target=rendered
if [ "${1:-}" = --check ]; then
  target=$(mktemp -d)
  trap 'rm -rf "$target"' EXIT
fi
for folder in overlays/local overlays/local-shared overlays/production overlays/production-shared static-volumes; do
  # shellcheck disable=SC2086
  $kubectl kustomize "$folder" >"$target/$(basename "$folder").yaml"
done
# Not rendered, but it must be whole.
# shellcheck disable=SC2086
$kubectl kustomize grafana >/dev/null
if [ "$target" != rendered ]; then
  diff -ru rendered "$target" || { echo "kubernetes/rendered is not current: run kubernetes/render.sh" >&2; exit 1; }
fi
