#!/usr/bin/env bash
# The first process of a cluster's namespaces; started by cluster.sh. All that it starts and mounts ends
# with it.
#
#   node.sh FOLDER PROGRAMS DEBIAN PAUSE_IMAGE CGROUP
set -euo pipefail
folder=$1 programs=$2 debian=$3 pause=$4 cgroup=$5
here=$(cd "$(dirname "$0")" && pwd)
began=$(date +%s%N)
# /proc is still the one of outside: there the process has the number that others know it by.
read -r outer_pid _ </proc/self/stat
echo "$outer_pid" >"$folder/node.pid"
# shellcheck source=tests/cluster/config.sh
. "$here/config.sh"

mounts() {
  mount --make-rprivate /
  mkdir -p "$folder"/{log,config,programs,debian,volumes,containers-log,var-lib,sysctl}
  # Programs and folder must be found also where /run, /var/lib or /var/log, now the node's own, hide them.
  mount --bind "$programs" "$folder/programs"
  mount --bind "$debian" "$folder/debian"
  cp "$pause" "$folder/pause.tar"
  local keep
  exec {keep}<"$folder"
  mount -t proc proc /proc
  mount -t tmpfs tmpfs /run
  mount --no-canonicalize --bind "/proc/self/fd/$keep/var-lib" /var/lib
  mount --no-canonicalize --bind "/proc/self/fd/$keep/containers-log" /var/log
  mkdir -p "$folder"
  [ -e "$folder/node.pid" ] || mount --no-canonicalize --rbind "/proc/self/fd/$keep" "$folder"
  exec {keep}<&-
  # The kubelet writes sysctls that are the whole machine's: it gets files instead.
  local sysctl
  for sysctl in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    echo "${sysctl#*=}" >"$folder/sysctl/${sysctl//[\/=]/_}"
    mount --bind "$folder/sysctl/${sysctl//[\/=]/_}" "/proc/sys/${sysctl%=*}"
  done
  mount --make-rshared /
}

# The first free one of 64 blocks of addresses out of the range that is reserved for measurements between
# networks. The interface of that name on the host is the claim, and goes with this network namespace.
network() {
  local block
  on_host() { nsenter --net=/proc/self/fd/8 "$@"; }
  for block in $(seq 0 63); do
    # In this process namespace the node's network is that of process 1.
    on_host ip link add "podometer$block" type veth peer name host netns 1 2>/dev/null && break
  done
  pods=198.18.$((block * 4)).0/23
  services=198.18.$((block * 4 + 2)).0/24
  first_service=198.18.$((block * 4 + 2)).1
  host_address=198.18.$((block * 4 + 3)).1
  address=198.18.$((block * 4 + 3)).2
  echo "$host_address" >"$folder/machine"
  on_host ip address add "$host_address/30" dev "podometer$block"
  on_host ip link set "podometer$block" up
  ip link set lo up
  ip address add "$address/30" dev host
  ip link set host up
  # From here a service's address needs a route before kube-proxy's rules turn it into a pod's.
  ip route add "$services" dev host
  on_host ip route add "$pods" via "$address"
  on_host ip route add "$services" via "$address"
  exec 8<&-
  echo 1 >/proc/sys/net/ipv4/ip_forward
}

cgroups() {
  local controller file
  for controller in /sys/fs/cgroup/*/; do
    [ ! -e "$controller/cgroup.procs" ] || mkdir -p "$controller$cgroup"
  done
  [ ! -e /sys/fs/cgroup/cgroup.controllers ] || mkdir -p "/sys/fs/cgroup/$cgroup"
  for file in cpus mems; do
    [ ! -e "/sys/fs/cgroup/cpuset/$cgroup" ] ||
      cat "/sys/fs/cgroup/cpuset/cpuset.$file" >"/sys/fs/cgroup/cpuset/$cgroup/cpuset.$file"
  done
}

declare -A names
start() {
  local name=$1
  shift
  "$@" >"$folder/log/$name.log" 2>&1 &
  names[$!]=$name
}

kubernetes() { start "$1" "$folder/programs/kubernetes" "$@"; }
kubectl() { "$folder/programs/kubernetes" kubectl --kubeconfig "$folder/config/admin.kubeconfig" "$@"; }

until_true() {
  local what=$1
  shift
  for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  echo "not within a minute: $what; see $folder/log" >&2
  return 1
}

answers() { local reply; exec 9<>"/dev/tcp/$1/$2" && printf 'GET %s HTTP/1.0\r\n\r\n' "$3" >&9 && read -r reply <&9 && [[ $reply == *" 200 "* ]]; }

become_ready() {
  until_true "the API server is ready" kubectl get --raw /readyz
  kubectl apply -f "$here/objects.yaml" >/dev/null
  until_true "the node is ready" kubectl wait --for=condition=Ready --timeout=1s node/node
  until_true "namespaces get their service account" kubectl get serviceaccount default
  until_true "names are served" answers "$address" 8181 /ready
  cp "$folder/config/admin.kubeconfig" "$folder/kubeconfig.part"
  mv "$folder/kubeconfig.part" "$folder/kubeconfig"
  printf 'ready in %.1f s: %s\n' "$((($(date +%s%N) - began) / 1000000))e-3" "$folder/kubeconfig"
}

mounts
hostname node
network
cgroups
certificates
configuration
export PATH=$folder/debian/usr/bin:$folder/debian/usr/sbin:$folder/debian/sbin:$PATH
start etcd etcd --data-dir "$folder/etcd" --unsafe-no-fsync --log-level warn
start containerd containerd --config "$folder/config/containerd.toml"
until_true "containerd takes an image" ctr -n k8s.io images import "$folder/pause.tar"
control_plane
( become_ready ) &
readiness=$!
# Whatever ends, ends the cluster.
while wait -n -p ended; do [ "$ended" = "$readiness" ] || break; done
echo "the cluster ended: ${names[$ended]:-it did not become ready}; see $folder/log" >&2
exit 1
