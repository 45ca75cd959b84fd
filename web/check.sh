#!/bin/sh
# Builds the page anew in a copy: types, unit tests, and that web/dist is what comes of the sources and is small.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# Before the first paint the browser needs all of them, uncompressed.
most=200000

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
for part in package.json package-lock.json .npmrc tsconfig.json vite.config.ts index.html src public test; do
  cp -R "$here/$part" "$copy/"
done
"$here/install.sh" "$copy"
cd "$copy"
npm run --silent typecheck
npm run --silent test
npm run --silent build -- --logLevel warn
if ! diff -r "$here/dist" "$copy/dist" >/dev/null; then
  echo "web/dist is not what comes of web/src: run (cd web && npm run build) and check it in" >&2
  diff -rq "$here/dist" "$copy/dist" >&2 || true
  exit 1
fi
size=$(cat dist/index.html dist/*.js dist/*.svg dist/assets/* | wc -c)
echo "page: $size bytes of at most $most"
[ "$size" -le "$most" ]
