"""What a generation has said: its output topics, read from their begin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition

from stream.brokers import Brokers
from stream.names import Topics
from stream.settings import Settings
from stream.upserts import Row, keep_newest

_POLL_MS = 200
_AT_ONCE = 5000

Offsets = dict[tuple[str, int], int]


Said = dict[str, list[Row]]
"""What came at once: the rows by topic."""


class OutputReader:
    """Reads a generation's output topics on, each partition in its order."""

    def __init__(self, consumer: KafkaConsumer, topics: Topics, names: Sequence[str]) -> None:
        self._consumer = consumer
        self._parts = [TopicPartition(t, p) for t in names for p in range(topics.partitions)]
        consumer.assign(self._parts)
        consumer.seek_to_beginning(*self._parts)

    def ends(self) -> Offsets:
        """Return where the topics end now."""
        return dict(self._consumer.end_offsets(self._parts).items())

    def positions(self) -> Offsets:
        """Return up to where each partition was read."""
        return {tuple(tp): self._consumer.position(tp) for tp in self._parts}

    def go_to(self, positions: Offsets) -> None:
        """Read on from there."""
        for tp, offset in positions.items():
            self._consumer.seek(TopicPartition(*tp), offset)

    def left(self, ends: Offsets) -> int:
        """Return how many offsets are left until these ends; those compacted away count, too."""
        return sum(
            max(ends.get(tp, 0) - self._consumer.position(TopicPartition(*tp)), 0) for tp in ends
        )

    def read(self, ends: Offsets) -> Iterator[Said]:
        """Yield what is left up to these ends, and nothing beyond."""
        while self.left(ends):
            polled = self._consumer.poll(timeout_ms=_POLL_MS, max_records=_AT_ONCE)
            rows: dict[str, dict[bytes, Row]] = {}
            for tp, records in polled.items():
                end = ends.get(tp, 0)
                told = [record for record in records if record.offset < end]
                kept = rows.setdefault(tp.topic, {})
                for record in told:
                    keep_newest(kept, tp.partition, record)
                if self._consumer.position(tp) > end:
                    self._consumer.seek(tp, end)
            yield {topic: [*newest.values()] for topic, newest in rows.items()}


@contextmanager
def output_reader(
    settings: Settings, topics: Topics, names: Iterable[str]
) -> Iterator[OutputReader]:
    """Open a reader of some of a generation's output topics. Raises KafkaError."""
    consumer = KafkaConsumer(
        **Brokers.of(settings).client,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 << 20,
    )
    try:
        yield OutputReader(consumer, topics, list(names))
    finally:
        consumer.close()
