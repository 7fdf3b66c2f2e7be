"""Up to where Kafka Connect has stored what was captured, read from its own topic.

Its word is taken from the topic rather than from its REST interface: so it is known, too, while
Connect is away.
"""

from __future__ import annotations

import json
from time import monotonic
from types import TracebackType
from typing import Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from connectors.errors import ConnectorError
from stream.settings import Settings

_AT_END_SECONDS = 10
_POSITIONS = ("lsn", "lsn_proc", "lsn_commit")


class StoredOffsets:
    """Follows Connect's offsets topic; the furthest LSN of each connector."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.connect_offsets_topic
        self._furthest: dict[str, int] = {}
        try:
            self._consumer = KafkaConsumer(
                bootstrap_servers=settings.need("bootstrap_servers"),
                isolation_level="read_committed",
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                allow_auto_create_topics=False,
            )
        except KafkaError as error:
            raise ConnectorError(f"Kafka's word on Connect's offsets lacks: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._consumer.close()

    def furthest(self) -> dict[str, int]:
        """Read up to the end that the topic has now. Raises ConnectorError."""
        try:
            self._read_on()
        except KafkaError as error:
            raise ConnectorError(f"Connect's offsets can't be read: {error}") from error
        return self._furthest

    def _read_on(self) -> None:
        if not self._consumer.assignment():
            numbers = self._consumer.partitions_for_topic(self._topic) or ()
            self._consumer.assign([TopicPartition(self._topic, number) for number in numbers])
        parts = self._consumer.assignment()
        ends = self._consumer.end_offsets(parts)
        until = monotonic() + _AT_END_SECONDS
        while any(self._consumer.position(tp) < end for tp, end in ends.items()):
            if monotonic() > until:
                raise ConnectorError("Connect's offsets can't be read: no broker answers")
            for records in self._consumer.poll(timeout_ms=100).values():
                for record in records:
                    self._take(record.key, record.value)

    def _take(self, key: bytes, value: bytes | None) -> None:
        connector = json.loads(key)[0]
        offset = json.loads(value) if value else {}
        lsns = [offset[name] for name in _POSITIONS if isinstance(offset.get(name), int)]
        if lsns:
            self._furthest[connector] = max(self._furthest.get(connector, 0), *lsns)
