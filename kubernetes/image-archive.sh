#!/usr/bin/env bash
# Makes a container image out of a folder, as an archive that `ctr images import`, `docker load`, `podman
# load`, `kind load image-archive` and `minikube image load` take: one layer, its configuration, a manifest.
# The same folder always gives the same archive.
#
#   image-archive.sh NAME:TAG ROOT USER ENTRYPOINT ENV FILE
#        ROOT        the folder that becomes the image's file system; all in it belongs to root then
#        USER        number of the user that it runs as
#        ENTRYPOINT  the command, as a JSON list
#        ENV         its environment, as a JSON list of "KEY=VALUE"
#        FILE        the archive to write
set -euo pipefail
[ $# = 6 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
name=$1 root=$2 user=$3 entrypoint=$4 environment=$5 file=$6

case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) echo "image-archive.sh: no name known for the architecture $(uname -m)" >&2; exit 1 ;;
esac
work=$(mktemp -d "$file.XXXXXX")
trap 'rm -rf "$work"' EXIT
archive() { tar --format=gnu --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner "$@"; }

archive -C "$root" -cf "$work/layer.tar" .
layer=$(sha256sum <"$work/layer.tar" | cut -d' ' -f1)
cat >"$work/config.json" <<JSON
{"architecture":"$architecture","os":"linux","created":"1970-01-01T00:00:00Z",
"config":{"User":"$user","Entrypoint":$entrypoint,"Env":$environment,"WorkingDir":"/"},
"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},
"history":[{"created":"1970-01-01T00:00:00Z"}]}
JSON
config=$(sha256sum <"$work/config.json" | cut -d' ' -f1)
mv "$work/config.json" "$work/$config.json"
cat >"$work/manifest.json" <<JSON
[{"Config":"$config.json","RepoTags":["$name"],"Layers":["layer.tar"]}]
JSON
archive -C "$work" -cf "$work/archive" manifest.json "$config.json" layer.tar
mv "$work/archive" "$file"
