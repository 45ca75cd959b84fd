#!/usr/bin/env bash
# A real Kubernetes for tests: etcd, the control plane and one node, in namespaces of their own on this
# machine, without a container registry. Needs root.
#
#   cluster.sh install             gets the programs, once, into the cache
#   cluster.sh run FOLDER          runs a cluster in the foreground, with everything in FOLDER (new or empty).
#                                  When it is ready, FOLDER/kubeconfig is there (an administrator's). It ends
#                                  with this script, however that ends; nothing but FOLDER stays.
#   cluster.sh import FOLDER FILE  gives the node the images of an archive (docker save's form)
#   cluster.sh trust FOLDER HOST:PORT CA   lets the node pull from a registry whose authority is CA
#   cluster.sh agent FOLDER stop|continue   freezes the node's kubelet, or lets it go on
#   cluster.sh kubectl ...         runs kubectl of the cluster's version
#
# PODOMETER_CACHE: where the programs are kept. PODOMETER_MAX_PODS: pods at once (110).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
version=$(awk '$1 == "k8s.io/kubernetes" {print $2}' "$here/go.mod")
cache=${PODOMETER_CACHE:-/var/cache/podometer}/cluster
key=$(cat "$here"/go.sum "$here"/*.go | cksum | cut -d' ' -f1)
programs=$cache/programs-$key

install() {
  local tool missing=
  for tool in iptables:iptables ip:iproute2 openssl:openssl; do
    command -v "${tool%:*}" >/dev/null || missing="$missing ${tool#*:}"
  done
  # shellcheck disable=SC2086
  [ -z "$missing" ] || { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >&2
  mkdir -p "$cache"
  # Side by side: one waits for the network, the other one for the processor.
  { debian && "$here/images.sh" pause; } >/dev/null &
  # Another one's build is waited for.
  (flock 5 && build) 5>"$programs.lock"
  wait $!
}

# etcd, the container runtime and the plugins of its network.
debian() { "$here/debian.sh" node here etcd-server containerd runc containernetworking-plugins; }

build() {
  [ -e "$programs/kubernetes" ] && return
  local go=go minor
  minor=$(go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p' || true)
  # A machine without Go, or with too old a one, gets Debian's, into the cache.
  [ "${minor:-0}" -ge 24 ] || go=$("$here/debian.sh" go trixie golang-1.24-go golang-1.24-src)/usr/lib/go-1.24/bin/go
  local flags='-s -w' package
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags="$flags -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$(cut -d. -f2 <<<"$version")"
  done
  mkdir -p "$programs"
  echo "building Kubernetes $version from its Go modules, once (about 8 processor minutes)" >&2
  (cd "$here" && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly nice -n 5 \
    "$go" build -trimpath -buildvcs=false -ldflags "$flags" -o "$programs/kubernetes.part" .) >&2
  mv "$programs/kubernetes.part" "$programs/kubernetes"
}

run() {
  [ "$(id -u)" = 0 ] || { echo "a cluster on this machine needs root; KUBECONFIG can name another one" >&2; exit 2; }
  mkdir -p "$1"
  local folder
  folder=$(cd "$1" && pwd -P)
  [ -z "$(ls -A "$folder")" ] || { echo "$folder is not empty: a cluster begins in a new folder" >&2; exit 2; }
  install
  # Cgroups are the only thing that the kernel doesn't end with the namespaces. Who removes them waits, in
  # a session of its own, until nobody holds the pipe any more: this script, the node, all its containers.
  exec 7> >(exec setsid bash "$0" sweep "podometer-$$")
  local sweeper=$!
  trap 'kill -KILL "$node" 2>/dev/null || true' TERM INT
  # The node finds the host's network at descriptor 8.
  setpriv --pdeathsig KILL unshare --mount --net --pid --uts --ipc --fork --kill-child \
    bash "$here/node.sh" "$folder" "$programs" "$(debian)" "$("$here/images.sh" pause)" "podometer-$$" 8</proc/self/ns/net &
  local node=$! status=0
  wait "$node" || status=$?
  # The end by a signal interrupts `wait`: the node goes on to its own end.
  kill -KILL "$node" 2>/dev/null || true
  exec 7>&-
  wait "$sweeper" || true
  return "$status"
}

sweep() {
  trap '' INT TERM HUP
  cat >/dev/null
  local group left
  # A process that was just killed is in its cgroup a little longer.
  for _ in $(seq 100); do
    left=
    for group in /sys/fs/cgroup/"$1" /sys/fs/cgroup/*/"$1"; do
      [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || left=1
    done
    [ -n "$left" ] || return 0
    sleep 0.1
  done
}

case ${1:-} in
  install) install ;;
  run) shift; run "$@" ;;
  sweep) sweep "$2" ;;
  import)
    node=$(cat "$2/node.pid")
    "$(debian)/usr/bin/ctr" -a "/proc/$node/root/run/containerd/containerd.sock" -n k8s.io images import "$3" >/dev/null ;;
  trust)
    mkdir -p "$2/config/certs.d/$3"
    cp "$4" "$2/config/certs.d/$3/ca.crt"
    printf 'server = "https://%s"\n[host."https://%s"]\nca = "ca.crt"\n' "$3" "$3" >"$2/config/certs.d/$3/hosts.toml" ;;
  agent)
    case $3 in stop) signal=STOP ;; continue) signal=CONT ;; *) echo "stop or continue, not $3" >&2; exit 2 ;; esac
    kill -"$signal" "$(pgrep -P "$(cat "$2/node.pid")" -f '^[^ ]*/kubernetes kubelet ')" ;;
  kubectl) shift; exec "$programs/kubernetes" kubectl "$@" ;;
  *) sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
