"""How far the first snapshot of a capture is, as Debezium tells it in the notification topic.

It tells of each table when it begins with it and, with the number of rows, when it has read it.
In between, the ends of the table's own topic tell how many rows there are already.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from connectors.blocks import blocks
from connectors.captured import captured_tables
from connectors.errors import ConnectorError
from connectors.primary import connection
from connectors.snapshot import Told, decode
from stream.brokers import Brokers
from stream.settings import Settings
from stream.topics import notification_topic
from stream.unreached import why

_POLL_MS = 50
_OVER = frozenset({"COMPLETED", "SKIPPED"})
_FIRST = "Initial Snapshot"


@dataclass(frozen=True)
class FirstSnapshot:
    """What was told of a capture's first snapshot: whether it was begun, or left out, since.

    Debezium stores a position with its first notification, before it has read anything. One that
    ends then takes that for a snapshot's when it starts again (3.6.1): it says that it skips the
    snapshot, and follows the log.
    """

    begun: bool = False
    left_out: bool = False

    def and_then(self, told: Told) -> FirstSnapshot:
        """Return what was told once this is, too."""
        if told.aggregate_type != _FIRST:
            return self
        if told.type == "SKIPPED":
            return replace(self, left_out=self.left_out or self.begun)
        if told.type in ("STARTED", "COMPLETED"):
            return replace(self, begun=told.type == "STARTED")
        return self


class Scan(NamedTuple):
    """A table that is being read, the `number`th of `tables`; rows of all tables so far.

    `total` is how many rows the primary thinks there are; 0 where it has never counted them.
    """

    table: str
    number: int
    tables: int
    rows: int
    total: int


@contextmanager
def scanned(settings: Settings) -> Iterator[Scanning]:
    """Follow the snapshot of a capture. Raises ConnectorError where a server is away."""
    brokers = Brokers.of(settings)
    try:
        with closing(KafkaConsumer(**brokers.client, enable_auto_commit=False)) as told:
            yield Scanning(settings, told)
    except KafkaError as error:
        raise ConnectorError(
            f"Kafka at {brokers.servers} refuses: {why(brokers, error)}"
        ) from error


class Scanning:
    """The snapshot of one capture."""

    def __init__(self, settings: Settings, consumer: KafkaConsumer) -> None:
        tables = captured_tables(settings)
        self._topics = {each.qualified: settings.topic(each.name) for each in tables}
        self._rows: dict[str, int] = {}
        self._current: str | None = None
        self.over = False
        self.first = FirstSnapshot()
        with connection(settings) as primary:
            names = {"schemas": [t.schema for t in tables], "names": [t.name for t in tables]}
            self._sizes: dict[str, int] = dict(
                primary.execute(blocks("inspect.sql")["sizes"], names).fetchall()
            )
        self._consumer = consumer
        place = TopicPartition(notification_topic(settings), 0)
        consumer.assign([place])
        consumer.seek_to_beginning(place)

    def look(self) -> Iterator[Scan]:
        """Yield each table that was begun since the last look, and the one that is read now."""
        for records in self._consumer.poll(timeout_ms=_POLL_MS).values():
            for told in (decode(record.value) for record in records):
                if self._take(told):
                    yield self._scan()
        if self._current is not None and not self.over:
            yield self._scan()

    def _take(self, told: Told) -> bool:
        """Note what is told; say whether a table was begun."""
        data = told.additional_data
        self.first = self.first.and_then(told)
        if told.type == "STARTED":  # once more where it was interrupted
            self._rows.clear()
        self.over = told.type in _OVER
        if told.type == "TABLE_SCAN_COMPLETED":
            self._rows[data["scanned_collection"]] = int(data["total_rows_scanned"])
        if told.type == "IN_PROGRESS":
            self._current = data["current_collection_in_progress"]
        return told.type == "IN_PROGRESS"

    def _scan(self) -> Scan:
        assert self._current is not None  # noqa: S101 - both callers have seen it
        done = self._rows.get(self._current)
        known = all(self._sizes.get(name, -1) >= 0 for name in self._topics)
        sizes = {**self._sizes, **self._rows}
        return Scan(
            table=self._current,
            number=len(self._rows) + (done is None),
            tables=len(self._topics),
            rows=sum(self._rows.values()) + (self._emitted() if done is None else 0),
            total=sum(sizes.values()) if known else 0,
        )

    def _emitted(self) -> int:
        topic = self._topics[self._current or ""]
        partitions = self._consumer.partitions_for_topic(topic) or set()
        ends = self._consumer.end_offsets([TopicPartition(topic, each) for each in partitions])
        return sum(ends.values())
