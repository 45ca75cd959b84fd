#!/usr/bin/env bash
# Apache Kafka (KRaft) for tests, from its published Maven artifacts and the machine's JDK.
#
#   kafka.sh install                               gets the jars, once, into the cache
#   kafka.sh run FOLDER NODE BROKERS CONTROLLERS [KEY=VALUE...]
#        runs one node in the foreground, with its data in FOLDER. NODE counts from 1; BROKERS and
#        CONTROLLERS are the loopback ports of all nodes, with commas between. KEY=VALUE goes into its
#        server.properties. Started again with the same folder it goes on with its data.
#
# PODOMETER_CACHE: where the jars are kept. KAFKA_HEAP: its heap (256m). KAFKA_FORMAT: more arguments of
# its storage formatter (--add-scram ..., say).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
jars=${PODOMETER_CACHE:-/var/cache/podometer}/kafka-$(cksum <"$here/kafka-pom.xml" | cut -d' ' -f1)

install() {
  [ -e "$jars/.ready" ] && return
  command -v java >/dev/null && command -v mvn >/dev/null ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless maven; } >&2
  rm -rf "$jars"
  # Maven leaves a target folder beside the pom, so it gets a copy of it.
  mkdir -p "$jars/pom"
  cp "$here/kafka-pom.xml" "$jars/pom/pom.xml"
  mvn -q -B -f "$jars/pom/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$jars/lib" >&2
  touch "$jars/.ready"
}

# What the log says goes to standard error, and only from warnings on.
java_() { local main=$1; shift
  set -- java -Xmx"${KAFKA_HEAP:-256m}" -Xms64m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$jars/lib/*" "$main" "$@"
  if [ "$main" = kafka.Kafka ]; then exec "$@"; else "$@"; fi
}

run() {
  local folder=$1 node=$2 brokers controllers voters='' n
  IFS=, read -ra brokers <<<"$3"
  IFS=, read -ra controllers <<<"$4"
  shift 4
  for n in "${!controllers[@]}"; do voters="$voters,$((n + 1))@127.0.0.1:${controllers[n]}"; done
  local copies=${#brokers[@]}
  [ "$copies" -le 3 ] || copies=3
  mkdir -p "$folder"
  {
    echo "process.roles=broker,controller"
    echo "node.id=$node"
    echo "controller.quorum.voters=${voters#,}"
    echo "listeners=PLAINTEXT://127.0.0.1:${brokers[node - 1]},CONTROLLER://127.0.0.1:${controllers[node - 1]}"
    echo "controller.listener.names=CONTROLLER"
    echo "log.dirs=$folder/data"
    # Topics are made on purpose; one that isn't is a mistake that should show.
    echo "auto.create.topics.enable=false"
    echo "default.replication.factor=$copies"
    echo "min.insync.replicas=$(((copies + 1) / 2))"
    echo "offsets.topic.replication.factor=$copies"
    echo "transaction.state.log.replication.factor=$copies"
    echo "transaction.state.log.min.isr=1"
    echo "offsets.topic.num.partitions=4"
    echo "transaction.state.log.num.partitions=1"
    echo "group.initial.rebalance.delay.ms=0"
    # Both must be quicker than tests are patient.
    echo "broker.session.timeout.ms=6000"
    echo "controlled.shutdown.max.retries=1"
    printf '%s\n' "$@"
  } >"$folder/server.properties"
  if [ ! -e "$folder/data/meta.properties" ]; then
    # shellcheck disable=SC2086
    java_ kafka.tools.StorageTool format -t podometer-tests-cluster -c "$folder/server.properties" ${KAFKA_FORMAT:-} >"$folder/format.log" 2>&1 ||
      { cat "$folder/format.log" >&2; exit 1; }
  fi
  java_ kafka.Kafka "$folder/server.properties"
}

case ${1:-} in
  install) install ;;
  run) shift; install; run "$@" ;;
  *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
