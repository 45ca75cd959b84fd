# Sourced by test.sh: starts one Kafka, one TimescaleDB and a Python with Kafka clients for all tests, says
# where they are in the environment, and ends them with the shell.
#   PODOMETER_TEST_BOOTSTRAP_SERVERS  127.0.0.1:PORT
#   PODOMETER_TEST_DATABASE_URL       postgres://postgres@127.0.0.1:PORT/postgres
#   PODOMETER_TEST_PYTHON             a Python that has confluent-kafka and kafka-python
# start_cluster does the same for a Kubernetes cluster:
#   PODOMETER_TEST_KUBECONFIG         an administrator's; a caller who sets it has a cluster: none is started
#   PODOMETER_TEST_IMPORT             a command that gives the cluster the images of the archive named after it
#   PODOMETER_TEST_NODE_AGENT         a command that takes `stop` and `continue`: what it freezes is the node's agent
#   PODOMETER_TEST_REGISTRY           the folder of a registry.sh, which pods and the node reach and the node trusts

servers_folder=
server_pids=()
cluster_pid=

# A loopback port that nobody listens on, below those that the kernel gives out by itself.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    (: </dev/tcp/127.0.0.1/$port) 2>/dev/null || { echo "$port"; return; }
  done
}

# What listens on a port within 90 s; else its log is shown.
await_port() {
  local port=$1 log=$2 pid=$3
  for _ in $(seq 900); do
    (: </dev/tcp/127.0.0.1/"$port") 2>/dev/null && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  tail -50 "$log" >&2
  echo "a server did not start: $log" >&2
  return 1
}

stop_servers() {
  local pid
  # An impatient second signal would leave half of it running.
  trap '' TERM INT
  # Kafka, then Postgres, for which an interrupt is the quick end in good form.
  kill -TERM "${server_pids[0]:-}" 2>/dev/null || true
  kill -INT "${server_pids[1]:-}" 2>/dev/null || true
  for pid in "${server_pids[@]:2}"; do kill -TERM "$pid" 2>/dev/null || true; done
  for _ in $(seq 100); do
    for pid in "${server_pids[@]}"; do kill -0 "$pid" 2>/dev/null && { sleep 0.1; continue 2; }; done
    break
  done
  for pid in "${server_pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  [ -z "$cluster_pid" ] || { kill -TERM "$cluster_pid" 2>/dev/null && wait "$cluster_pid"; } || true
  [ -z "$servers_folder" ] || rm -rf "$servers_folder"
}

make_servers_folder() {
  [ -z "$servers_folder" ] || return 0
  servers_folder=$(mktemp -d)
  # Postgres may run as another user.
  chmod 711 "$servers_folder"
  trap stop_servers EXIT
}

start_servers() {
  local stack=tests/stack kafka controller postgres
  "$stack/kafka.sh" install
  "$stack/timescaledb.sh" install
  command -v kcat >/dev/null || { apt-get update -qq; apt-get install -y -qq --no-install-recommends kcat >/dev/null; }
  PODOMETER_TEST_PYTHON=$("$stack/python.sh")
  export PODOMETER_TEST_PYTHON
  make_servers_folder
  kafka=$(free_port) controller=$(free_port) postgres=$(free_port)
  KAFKA_HEAP=512m "$stack/kafka.sh" run "$servers_folder/kafka" 1 "$kafka" "$controller" >"$servers_folder/kafka.log" 2>&1 &
  server_pids+=($!)
  "$stack/timescaledb.sh" run "$servers_folder/postgres" "$postgres" -c fsync=off -c full_page_writes=off >"$servers_folder/postgres.log" 2>&1 &
  server_pids+=($!)
  await_port "$kafka" "$servers_folder/kafka.log" "${server_pids[0]}"
  await_port "$postgres" "$servers_folder/postgres.log" "${server_pids[1]}"
  export PODOMETER_TEST_BOOTSTRAP_SERVERS=127.0.0.1:$kafka
  export PODOMETER_TEST_DATABASE_URL=postgres://postgres@127.0.0.1:$postgres/postgres
}

start_cluster() {
  [ -z "${PODOMETER_TEST_KUBECONFIG:-}" ] || return 0
  local cluster=$PWD/tests/cluster/cluster.sh
  "$cluster" install
  make_servers_folder
  local folder=$servers_folder/cluster
  # Also when this shell is killed, the cluster ends.
  setpriv --pdeathsig TERM "$cluster" run "$folder" >"$servers_folder/cluster.log" 2>&1 &
  cluster_pid=$!
  until [ -e "$folder/kubeconfig" ]; do
    kill -0 "$cluster_pid" 2>/dev/null || { cat "$servers_folder/cluster.log" >&2; return 1; }
    sleep 0.1
  done
  export PODOMETER_TEST_KUBECONFIG=$folder/kubeconfig
  export PODOMETER_TEST_IMPORT="$cluster import $folder"
  export PODOMETER_TEST_NODE_AGENT="$cluster agent $folder"
  start_registry "$folder"
}

# At this machine's end of the cluster's interface.
start_registry() {
  local machine port registry=$servers_folder/registry
  machine=$(cat "$1/machine") port=$(free_port)
  tests/stack/registry.sh install
  rm -rf "$registry"
  tests/stack/registry.sh run "$registry" "$machine" "$port" >"$servers_folder/registry.log" 2>&1 &
  server_pids+=($!)
  until [ -e "$registry/address" ]; do
    kill -0 "${server_pids[-1]}" 2>/dev/null || { cat "$servers_folder/registry.log" >&2; return 1; }
    sleep 0.1
  done
  tests/cluster/cluster.sh trust "$1" "$machine:$port" "$registry/ca.crt"
  export PODOMETER_TEST_REGISTRY=$registry
}
