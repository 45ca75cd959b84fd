#!/usr/bin/env bash
# Builds the images that Podometer runs on a cluster: podometer/NAME:VERSION, from nothing but a static program.
#
#   build_service.sh NAME|all [--push REGISTRY] [--load kind|containerd] [--archive FOLDER]
#        NAME      orchestrator, monitor-producer, monitor-consumer, task-runner, image-tasks or podometer
#        --push    to REGISTRY/podometer/NAME:VERSION; `podometer up --registry REGISTRY` takes them from there
#        --load    into the nodes of kind, or into the containerd of this machine
#        --archive with Rust alone, without Docker: writes FOLDER/NAME.tar, as `docker load` takes it
#
# DOCKER: docker's name (podman). KIND_CLUSTER: the cluster of kind.
set -euo pipefail
started=$PWD
cd "$(dirname "$0")"
usage() { sed -n '2,10s/^# \{0,1\}//p' build_service.sh >&2; exit 2; }
wrong() { echo "build_service.sh: $*" >&2; exit 2; }

all=(orchestrator monitor-producer monitor-consumer task-runner image-tasks podometer)
names=() registry='' load='' archive=''
while [ $# -gt 0 ]; do
  case $1 in
    --push | --load | --archive)
      [ $# -ge 2 ] || usage
      case $1 in --push) registry=${2%/} ;; --load) load=$2 ;; --archive) archive=$2 ;; esac
      shift 2 ;;
    -*) usage ;;
    all) names=("${all[@]}"); shift ;;
    *)
      [[ " ${all[*]} " == *" $1 "* ]] || wrong "there is no service $1; there are: ${all[*]}"
      names+=("$1"); shift ;;
  esac
done
[ ${#names[@]} -gt 0 ] || usage
case $load in '' | kind | containerd) ;; *) wrong "--load takes kind or containerd, not $load" ;; esac
[ -z "$registry" ] || [ -z "$archive" ] || wrong "--archive is without Docker, which --push needs"
version=$(awk -F'"' '/^version = / {print $2; exit}' Cargo.toml)
docker=${DOCKER:-docker}

# With Docker: every image is a stage of one Dockerfile.
with_docker() {
  "$docker" version >/dev/null 2>&1 || wrong "no Docker answers here; --archive FOLDER builds without it"
  local name image
  for name in "${names[@]}"; do
    image=podometer/$name:$version
    "$docker" build --file kubernetes/Dockerfile --target "$name" --tag "$image" .
    if [ -n "$registry" ]; then
      "$docker" tag "$image" "$registry/$image"
      "$docker" push "$registry/$image"
    fi
    case $load in
      kind) kind load docker-image "$image" --name "${KIND_CLUSTER:-kind}" ;;
      containerd) "$docker" save "$image" | ctr --namespace k8s.io images import - ;;
    esac
  done
}

# With Rust alone.
without_docker() {
  local folder name file
  folder=$(cd "$started" && mkdir -p "$archive" && cd "$archive" && pwd)
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  kubernetes/static-build.sh "$work/programs" "${names[@]}" task-runner
  cp "$work/programs/task-runner" "$work/programs/runner"
  for name in "${names[@]}"; do
    file=$folder/$name.tar
    mkdir -p "$work/$name"
    mv "$work/programs/$name" "$work/$name/$name"
    certificates "$name" "$work/$name"
    # The orchestrator puts the runner into each order's folder.
    [ "$name" != orchestrator ] || install -m 755 "$work/programs/runner" "$work/$name/task-runner"
    kubernetes/image-archive.sh "podometer/$name:$version" "$work/$name" 65532 "[\"/$name\"]" '[]' "$file"
    echo "$file"
    case $load in
      kind) kind load image-archive "$file" --name "${KIND_CLUSTER:-kind}" ;;
      containerd) ctr --namespace k8s.io images import "$file" ;;
    esac
  done
}

# Whom the services trust with TLS: the authorities that this machine trusts, where our OpenSSL and rustls look.
certificates() {
  local trusted=/etc/ssl/certs/ca-certificates.crt
  case $1 in task-runner | image-tasks) return ;; esac
  [ -e "$trusted" ] || return 0
  install -D -m 644 "$trusted" "$2$trusted"
  mkdir -p "$2/usr/lib/ssl"
  ln -s "$trusted" "$2/usr/lib/ssl/cert.pem"
}

if [ -n "$archive" ]; then without_docker; else with_docker; fi
