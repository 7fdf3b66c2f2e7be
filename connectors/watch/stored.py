"""What Kafka Connect has stored of each capture, read from its own topic, and Debezium has told.

Their word is taken from topics rather than from a REST interface: so it is known, too, while
Connect is away.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from connectors.scanning import FirstSnapshot
from connectors.snapshot import decode
from stream.brokers import Brokers
from stream.settings import Settings
from stream.topics import notification_topic

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 1.0
_POLL_MS = 20
_RECONNECT_MS = 1000
"""kafka-python would wait for half a minute once a broker has been away for one."""
_POSITIONS = ("lsn", "lsn_proc", "lsn_commit")
_FIRST_SNAPSHOT = "INITIAL"


@dataclass(frozen=True)
class Stored:
    """What is stored of a capture: its furthest LSN, and those at which a first snapshot began.

    A snapshot that is interrupted begins again, at another LSN. `first` is what was told of it.
    """

    furthest: int = 0
    snapshots: frozenset[int] = frozenset()
    first: FirstSnapshot = field(default_factory=FirstSnapshot)

    @property
    def again(self) -> int | None:
        """Where the first snapshot began again; None where it was not interrupted."""
        return max(self.snapshots) if len(self.snapshots) > 1 else None

    def and_then(self, offset: Mapping[str, object]) -> Stored:
        """Return what is stored once this offset is, too."""
        lsns = [lsn for name in _POSITIONS if isinstance(lsn := offset.get(name), int)]
        began = lsns[:1] if offset.get("snapshot") == _FIRST_SNAPSHOT else []
        return replace(
            self,
            furthest=max([self.furthest, *lsns]),
            snapshots=self.snapshots.union(began),
        )


class StoredOffsets:
    """Follows these topics, in a thread: a broker that is away holds nobody up."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stored: dict[str, Stored] = {}
        self._told: dict[str, str] = {}
        self._consumer: KafkaConsumer | None = None
        self._thread = ThreadPoolExecutor(1, "stored-offsets")
        self._reading: Future[dict[str, Stored]] | None = None
        self._over = False

    def follow(self, captures: Iterable[Settings]) -> None:
        """Read what is told of these, and of no others: their topics may be gone."""
        self._told = {notification_topic(each): each.connector_name for each in captures}

    def now(self, capture: Settings) -> Stored | None:
        """Return what is stored of a capture, as Connect's topic has it after this call.

        What Debezium has told may be a call behind. None where nothing is stored, or Kafka does
        not tell within a second.
        """
        if self._reading is not None and not self._reading.done():
            return None
        self._reading = self._thread.submit(self._read_to_end)
        try:
            return self._reading.result(PATIENCE_SECONDS).get(capture.connector_name)
        except (TimeoutError, KafkaError) as error:
            log.warning("Kafka does not tell what Connect has stored: %r", error)
            return None

    def close(self) -> None:
        """Stop reading."""
        self._over = True
        self._thread.shutdown()
        if self._consumer is not None:
            self._consumer.close()

    def _read_to_end(self) -> dict[str, Stored]:
        consumer = self._consumer = self._consumer or self._connect()
        told = self._told
        own = _places(consumer, self._settings.connect_offsets_topic)
        wanted = {*own, *(place for topic in told for place in _places(consumer, topic))}
        if wanted != consumer.assignment():
            consumer.assign(sorted(wanted))
        ends = consumer.end_offsets(own)
        while not self._over:
            for records in consumer.poll(timeout_ms=_POLL_MS).values():
                for record in records:
                    self._take(told.get(record.topic), record.key, record.value)
            if all(consumer.position(tp) >= end for tp, end in ends.items()):
                break
        return dict(self._stored)

    def _connect(self) -> KafkaConsumer:
        return KafkaConsumer(
            **Brokers.of(self._settings).client,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            reconnect_backoff_max_ms=_RECONNECT_MS,
        )

    def _take(self, told_of: str | None, key: bytes, value: bytes | None) -> None:
        """Take in what was told of a connector, or else what is stored of one."""
        if value is None:
            return
        connector = told_of or json.loads(key)[0]
        before = self._stored.get(connector, Stored())
        if told_of is not None:
            after = replace(before, first=before.first.and_then(decode(value)))
        else:
            after = before.and_then(json.loads(value))
        self._stored[connector] = after


def _places(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, each) for each in consumer.partitions_for_topic(topic) or ()]
