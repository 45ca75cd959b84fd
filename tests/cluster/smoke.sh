#!/usr/bin/env bash
# Does the tests' cluster do what Podometer needs of one, and does nothing of it stay? Needs what
# start_servers of tests/stack/servers.sh gets, too: kcat, the Python with Kafka clients, pg_dump.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/stack/servers.sh
. tests/stack/servers.sh
unset PODOMETER_TEST_KUBECONFIG
work=$(mktemp -d)
began=$(date +%s%N)
step() { printf '%6.1f s  %s\n' "$((($(date +%s%N) - began) / 100000000))e-1" "$*"; }
fail() { echo "smoke.sh: $*" >&2; exit 1; }
kubectl() { tests/cluster/cluster.sh kubectl --kubeconfig "$PODOMETER_TEST_KUBECONFIG" -n smoke "$@"; }

# A job's manifest: NAME IMAGE MEMORY COMMAND...
job() {
  local name=$1 image=$2 memory=$3
  shift 3
  cat <<YAML
apiVersion: batch/v1
kind: Job
metadata: {name: $name}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: main
        image: $image
        command: [sh, -ec, '$*']
        resources: {limits: {cpu: 500m, memory: $memory}}
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
YAML
}

# A server with a volume and a Service: NAME IMAGE PORT ENV
server() {
  cat <<YAML
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: $1}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: $1}
spec: {selector: {app: $1}, ports: [{port: $3}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec:
      enableServiceLinks: false
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: main
        image: $2
        env: [$4]
        readinessProbe: {tcpSocket: {port: $3}, periodSeconds: 1}
        securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: $1}}]
YAML
}

# What of a cluster is left: its processes (by their namespace), interface, cgroups, mounts.
left() {
  find /proc -maxdepth 3 -path '/proc/[0-9]*/ns/pid' -lname "$namespace" 2>/dev/null
  ip -o link show "$interface" 2>/dev/null
  find /sys/fs/cgroup -maxdepth 2 -name "$cgroup"
  grep -F "$servers_folder" /proc/mounts || true
}

check_nothing_left() {
  for _ in $(seq 50); do [ -n "$(left)" ] || return 0; sleep 0.1; done
  left >&2
  fail "the above stayed behind after $1"
}

start() {
  local from
  from=$(date +%s%N)
  start_cluster
  step "cluster ready, $((($(date +%s%N) - from) / 1000000)) ms after its start"
  namespace=$(readlink "/proc/$(cat "$servers_folder/cluster/node.pid")/ns/pid")
  local address
  address=$(sed -n 's|.*https://\([0-9.]*\):.*|\1|p' "$PODOMETER_TEST_KUBECONFIG")
  interface=$(ip -o route get "$address" | sed 's/.* dev \([^ ]*\).*/\1/')
  cgroup=podometer-$cluster_pid
}

command -v kcat >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends kcat; } >&2
tests/cluster/cluster.sh install
mapfile -t images < <(tests/cluster/images.sh kafka timescaledb)
for image in "${images[@]}"; do [ -e "$image" ] || fail "no image $image"; done
tag=$(basename "${images[0]}" | cut -d- -f2)
step "programs and images there"

start
for image in "${images[@]}"; do $PODOMETER_TEST_IMPORT "$image"; done
step "images imported"

kubectl create namespace smoke >"$work/log"
kubectl label namespace smoke pod-security.kubernetes.io/enforce=restricted >>"$work/log"
kubectl run refused --image=podometer/pause:1 2>"$work/refused" && fail "a pod that is not restricted was let in"
grep -q 'violates PodSecurity "restricted' "$work/refused" || fail "refused, but: $(cat "$work/refused")"
step "an unrestricted pod is refused"

server kafka "podometer/kafka:$tag" 9092 '{name: KAFKA_HEAP, value: 256m}' | kubectl apply -f - >>"$work/log"
server timescaledb "podometer/timescaledb:$tag" 5432 '{name: POSTGRES_PASSWORD, value: secret}' | kubectl apply -f - >>"$work/log"

job hello podometer/pause:1 16Mi 'nc -w 2 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT </dev/null; echo hello from $(id -u)' | kubectl apply -f - >>"$work/log"
kubectl wait --for=condition=Complete --timeout=60s job/hello >>"$work/log"
[ "$(kubectl logs job/hello)" = "hello from 65532" ] || fail "the job said: $(kubectl logs job/hello)"
step "a restricted job ran and reached the API server, its log is there"

job greedy podometer/pause:1 32Mi 'dd if=/dev/zero of=/dev/null bs=100M count=1' | kubectl apply -f - >>"$work/log"
kubectl wait --for=condition=Failed --timeout=60s job/greedy >>"$work/log"
end=$(kubectl get pods -l job-name=greedy -o jsonpath='{.items[0].status.containerStatuses[0].state.terminated.reason} {.items[0].status.containerStatuses[0].state.terminated.exitCode}')
[ "$end" = "OOMKilled 137" ] || fail "out of memory, the job ended with: $end"
step "a job beyond its memory was killed: $end"

kubectl rollout status --timeout=120s deployment/kafka deployment/timescaledb >>"$work/log"
step "Kafka and TimescaleDB ready"

job client "podometer/timescaledb:$tag" 64Mi 'getent hosts kafka timescaledb.smoke.svc.cluster.local;
  export PATH=$PATH:/usr/lib/postgresql/17/bin PGPASSWORD=secret PGUSER=postgres;
  pg_isready -h timescaledb;
  echo "CREATE EXTENSION timescaledb; SELECT 1;" | pgbench -h timescaledb -n -t 1 -f /dev/stdin' | kubectl apply -f - >>"$work/log"
kubectl wait --for=condition=Complete --timeout=60s job/client >>"$work/log" || { kubectl logs job/client >&2; fail "no word with TimescaleDB"; }
[[ $(kubectl logs job/client) == *"actually processed: 1/1"* ]] || fail "TimescaleDB: $(kubectl logs job/client)"
step "a pod found the Services by their names and spoke with TimescaleDB"

# The broker calls itself kafka:9092, a name that the host doesn't know.
kubectl get service kafka -o jsonpath='{.spec.clusterIP} kafka' | cat /etc/hosts - >"$work/hosts"
with_its_name() { unshare --mount sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$work/hosts" "$@"; }
kcat_() { with_its_name kcat -b kafka:9092 -t steps "$@"; }
with_its_name "$(tests/stack/python.sh)" -c '
from confluent_kafka.admin import AdminClient, NewTopic
admin = AdminClient({"bootstrap.servers": "kafka:9092"})
for made in admin.create_topics([NewTopic("steps", 1)]).values(): made.result(30)'
echo one | kcat_ -P
kubectl rollout restart deployment/kafka deployment/timescaledb >>"$work/log"
kubectl rollout status --timeout=120s deployment/kafka deployment/timescaledb >>"$work/log"
[ "$(kcat_ -C -e -q)" = one ] || fail "Kafka lost a message"
step "both started again with their data; kcat got back from Kafka what it had sent"

kubectl port-forward service/timescaledb 0:5432 >"$work/forward" 2>&1 &
forward=$!
for _ in $(seq 100); do port=$(sed -n 's/.*127.0.0.1:\([0-9]*\) .*/\1/p' "$work/forward"); [ -z "$port" ] || break; sleep 0.1; done
PGPASSWORD=secret "$(tests/stack/timescaledb.sh program pg_dump)" -s "postgres://postgres@127.0.0.1:$port/postgres" >"$work/dump" 2>"$work/dump.log" ||
  fail "no dump: $(cat "$work/dump.log")"
grep -q timescaledb "$work/dump" || fail "a forwarded port brought: $(cat "$work/dump")"
kill "$forward"
step "a forwarded port leads to TimescaleDB"

kubectl delete namespace smoke --timeout=120s >>"$work/log" 2>&1
for _ in $(seq 100); do [ -z "$(ls "$servers_folder/cluster/volumes")" ] && break; sleep 0.1; done
[ -z "$(ls "$servers_folder/cluster/volumes")" ] || fail "a volume outlived its claim"
step "namespace and volumes gone"

kill -TERM "$cluster_pid"
wait "$cluster_pid" || true
check_nothing_left TERM
step "ended by TERM, nothing left"

rm -rf "$servers_folder/cluster"
unset PODOMETER_TEST_KUBECONFIG
start
{ kill -KILL "$cluster_pid" && wait "$cluster_pid"; } 2>/dev/null || true
check_nothing_left KILL
step "ended by KILL, nothing left"
rm -rf "$work"
