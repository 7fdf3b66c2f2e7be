"""Reading a topic whole: every record, or the last value of each key."""

from __future__ import annotations

from collections.abc import Iterator

from kafka import KafkaConsumer, TopicPartition

from stream.brokers import Brokers
from stream.settings import Settings

_POLL_MS = 200


def records(settings: Settings, topic: str) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield the keys and values of a topic, up to where it ends now. Raises KafkaError."""
    consumer = KafkaConsumer(
        **Brokers.of(settings).client,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        allow_auto_create_topics=False,
    )
    try:
        numbers = consumer.partitions_for_topic(topic) or ()
        parts = [TopicPartition(topic, number) for number in numbers]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        while any(consumer.position(part) < end for part, end in ends.items()):
            for polled in consumer.poll(timeout_ms=_POLL_MS).values():
                yield from ((record.key, record.value) for record in polled if record.key)
    finally:
        consumer.close()


def last_values(settings: Settings, topic: str) -> dict[bytes, bytes | None]:
    """Return the last value of each key of a topic."""
    return dict(records(settings, topic))
