#!/bin/busybox sh
# The entrypoint of podometer/kafka: one node, broker and controller, with its data in /data. Started again
# with the same data it goes on with them.
#   KAFKA_ADVERTISED  HOST:PORT at which clients find it (kafka:9092); it listens on that port
#   KAFKA_HEAP        its heap (512m)
set -eu
advertised=${KAFKA_ADVERTISED:-kafka:9092}
mkdir -p /data/tmp
cat >/data/server.properties <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://0.0.0.0:${advertised##*:},CONTROLLER://127.0.0.1:9093
advertised.listeners=PLAINTEXT://$advertised
log.dirs=/data/log
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
offsets.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
PROPERTIES
java_() {
  # shellcheck disable=SC2086
  $1 java -Xmx"${KAFKA_HEAP:-512m}" -XX:-UsePerfData -Djava.io.tmpdir=/data/tmp \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp '/opt/kafka/*' "$2" $3
}
[ -e /data/log/meta.properties ] ||
  java_ '' kafka.tools.StorageTool "format --ignore-formatted -t podometer-kafka-00001w -c /data/server.properties"
java_ exec kafka.Kafka /data/server.properties
