"""The changelogs of what serves, as the broker keeps them: what came late, what is compacted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import AlterConfigOp, ConfigResource, ConfigResourceType

from stream.admin import kafka_admin
from stream.engine.state import version_of
from stream.names import Topics
from stream.settings import Settings
from stream.topics import CHANGELOG
from stream.topology import changelogs
from tests.e2e.pipeline import until

AT_ONCE = {
    "segment.ms": "100",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "1000",
    "min.cleanable.dirty.ratio": "0.001",
}


class Found(NamedTuple):
    """What is in a changelog.

    Attributes:
        late: records behind a newer one of their key.
        hidden: keys whose last record is not their newest.
    """

    late: int
    hidden: int


class Changelogs:
    """All changelogs of a generation."""

    def __init__(self, settings: Settings, topics: Topics) -> None:
        self._settings = settings
        self._names = changelogs(settings, topics)
        self._partitions = [
            TopicPartition(name, number)
            for name in self._names
            for number in range(topics.partitions)
        ]
        self._checkpoint = settings.home / "data" / "kafka" / "cleaner-offset-checkpoint"

    def look(self) -> Found:
        """Read them all."""
        newest: dict[tuple[TopicPartition, bytes], int] = {}
        last: dict[tuple[TopicPartition, bytes], int] = {}
        late = 0
        with self._consumer() as consumer:
            consumer.seek_to_beginning(*self._partitions)
            ends = consumer.end_offsets(self._partitions)
            while any(consumer.position(tp) < end for tp, end in ends.items()):
                for tp, records in consumer.poll(timeout_ms=1000).items():
                    for record in records:
                        which, version = (tp, record.key), version_of(record.value)
                        late += version < newest.get(which, version)
                        newest[which] = max(version, newest.get(which, version))
                        last[which] = version
        return Found(late, sum(last[which] < version for which, version in newest.items()))

    @contextmanager
    def compacted(self, write: Callable[[], None]) -> Iterator[None]:
        """Have the broker compact all that is there now, and undo the haste at the end.

        `write` makes later records in every partition: what is written last is never compacted.
        """
        with self._consumer() as consumer:
            ends = consumer.end_offsets(self._partitions)

        def cleaned() -> bool:
            write()
            reached = self._cleaned()
            return all(reached.get(tp, 0) >= end for tp, end in ends.items())

        self._configure(AT_ONCE)
        try:
            until(cleaned, "changelogs that the broker has compacted")
            yield
        finally:
            self._configure({name: CHANGELOG.get(name) for name in AT_ONCE})

    def _cleaned(self) -> dict[TopicPartition, int]:
        """Return up to where the broker has compacted each partition, from its own notes."""
        version_and_count = 2  # and an empty file at first
        lines = self._checkpoint.read_text().splitlines()[version_and_count:]
        found = (line.split() for line in lines)
        return {TopicPartition(name, int(number)): int(end) for name, number, end in found}

    def _configure(self, values: dict[str, str] | dict[str, str | None]) -> None:
        """Set what topics are configured to; None is the broker's own."""
        configs = {
            name: (AlterConfigOp.DELETE if value is None else AlterConfigOp.SET, value)
            for name, value in values.items()
        }
        kind = ConfigResourceType.TOPIC
        with kafka_admin(self._settings) as admin:
            admin.alter_configs([ConfigResource(kind, each, configs) for each in self._names])

    @contextmanager
    def _consumer(self) -> Iterator[KafkaConsumer]:
        consumer = KafkaConsumer(
            bootstrap_servers=self._settings.need("bootstrap_servers"), enable_auto_commit=False
        )
        try:
            consumer.assign(self._partitions)
            yield consumer
        finally:
            consumer.close()
