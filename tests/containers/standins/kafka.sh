#!/bin/sh
# As much of the contracts of apache/kafka and of Debezium's Connect image as is used here:
# settings from the environment, KAFKA_LOG_DIRS as log.dirs, CONNECT_GROUP_ID as group.id.
set -eu

properties() {
    env | sed -n "s/^$1//p" | grep -v '^HEAP_OPTS=' | while IFS='=' read -r name value; do
        echo "$(echo "$name" | tr 'A-Z_' 'a-z.')=$value"
    done
}

java="java -Dlog4j2.configurationFile=/opt/log4j2.properties -XX:TieredStopAtLevel=1"
if [ -n "${KAFKA_NODE_ID:-}" ]; then
    properties KAFKA_ >/tmp/server.properties
    # shellcheck disable=SC2086 - several options
    $java -cp '/opt/kafka/*' kafka.tools.StorageTool format --ignore-formatted \
        --cluster-id=5L6g3nShT-eMCtK--X86sw --config /tmp/server.properties
    # shellcheck disable=SC2086
    exec $java $KAFKA_HEAP_OPTS -cp '/opt/kafka/*' kafka.Kafka /tmp/server.properties
fi
{
    cat <<PROPERTIES
bootstrap.servers=$BOOTSTRAP_SERVERS
group.id=$GROUP_ID
config.storage.topic=$CONFIG_STORAGE_TOPIC
offset.storage.topic=$OFFSET_STORAGE_TOPIC
status.storage.topic=$STATUS_STORAGE_TOPIC
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
rest.advertised.host.name=$(hostname -i)
plugin.path=/opt/plugins
PROPERTIES
    properties CONNECT_
} >/tmp/connect.properties
# shellcheck disable=SC2086
exec $java $HEAP_OPTS -cp '/opt/kafka/*' \
    org.apache.kafka.connect.cli.ConnectDistributed /tmp/connect.properties
