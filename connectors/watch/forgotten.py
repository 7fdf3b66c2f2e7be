"""Ends the connector's transactions that their coordinator has forgotten.

A broker that is stopped amid one can come back with its records, and without it where
transactions are kept (seen with Kafka 4.3.1, one broker). Nobody who reads what is committed gets
past its first record, Kafka Connect itself included: it never gets to the end of its own offsets.

Such a transaction is of an older epoch than its coordinator's, where nothing is open: whoever
began it is fenced, and can't end it any more. That is what tells it from one that goes on.
"""

from __future__ import annotations

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import AbortTransactionSpec, TransactionState

from stream.admin import kafka_admin
from stream.settings import Settings
from stream.topology import topics_of

_NOTHING_OPEN = {
    TransactionState.EMPTY,
    TransactionState.COMPLETE_COMMIT,
    TransactionState.COMPLETE_ABORT,
}


def abort_forgotten(settings: Settings) -> list[str]:
    """Abort them, and say where each was. Raises TopicsError where Kafka does not answer."""
    with kafka_admin(settings) as admin:
        found = _forgotten(settings, admin)
        for each in found:
            admin.abort_transaction(each)
    return [f"{tp.topic}-{tp.partition}" for tp in (each.topic_partition for each in found)]


def _forgotten(settings: Settings, admin: KafkaAdminClient) -> list[AbortTransactionSpec]:
    names = [settings.connect_offsets_topic, *topics_of(settings, 0).source.all]
    places = [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in admin.describe_topics(names)
        for partition in topic["partitions"]
    ]
    opened = [
        (place, producer)
        for place, state in admin.describe_producers(places).items()
        for producer in state.active_producers
        if producer.current_transaction_start_offset >= 0
    ]
    if not opened:
        return []
    # Kafka Connect calls a task's producer after its own group, the connector and the task
    own = f"-{settings.connector_name}-0"
    listed = (each for listings in admin.list_transactions().values() for each in listings)
    names = [each.transactional_id for each in listed if each.transactional_id.endswith(own)]
    fenced = {
        each.producer_id: each.producer_epoch
        for each in admin.describe_transactions(names).values()
        if each.state in _NOTHING_OPEN
    }
    return [
        AbortTransactionSpec(
            place, producer.producer_id, producer.producer_epoch, producer.coordinator_epoch
        )
        for place, producer in opened
        if producer.producer_epoch < fenced.get(producer.producer_id, 0)
    ]
