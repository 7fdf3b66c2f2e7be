"""What Kafka Connect has stored of each capture, read from its own topic.

Its word is taken from the topic rather than from its REST interface: so it is known, too, while
Connect is away.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from stream.brokers import Brokers
from stream.settings import Settings

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 1.0
_POLL_MS = 100
_RECONNECT_MS = 1000
"""kafka-python would wait for half a minute once a broker has been away for one."""
_POSITIONS = ("lsn", "lsn_proc", "lsn_commit")
_FIRST_SNAPSHOT = "INITIAL"


@dataclass(frozen=True)
class Stored:
    """What is stored of a capture: its furthest LSN, and those at which a first snapshot began.

    A snapshot that is interrupted begins again, at another LSN.
    """

    furthest: int
    snapshots: frozenset[int] = frozenset()

    @property
    def again(self) -> int | None:
        """Where the first snapshot began again; None where it was not interrupted."""
        return max(self.snapshots) if len(self.snapshots) > 1 else None

    def and_then(self, offset: Mapping[str, object]) -> Stored:
        """Return what is stored once this offset is, too."""
        lsns = [lsn for name in _POSITIONS if isinstance(lsn := offset.get(name), int)]
        began = lsns[:1] if offset.get("snapshot") == _FIRST_SNAPSHOT else []
        return Stored(max([self.furthest, *lsns]), self.snapshots.union(began))


class StoredOffsets:
    """Follows Connect's offsets topic, in a thread: a broker that is away holds nobody up."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stored: dict[str, Stored] = {}
        self._consumer: KafkaConsumer | None = None
        self._thread = ThreadPoolExecutor(1, "stored-offsets")
        self._reading: Future[dict[str, Stored]] | None = None
        self._over = False

    def now(self) -> dict[str, Stored] | None:
        """Return what is stored of each connector, as the topic has it after this call.

        None where Kafka does not tell within a second.
        """
        if self._reading is not None and not self._reading.done():
            return None
        self._reading = self._thread.submit(self._read_to_end)
        try:
            return self._reading.result(PATIENCE_SECONDS)
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
        if not consumer.assignment():
            topic = self._settings.connect_offsets_topic
            numbers = consumer.partitions_for_topic(topic) or ()
            consumer.assign([TopicPartition(topic, number) for number in numbers])
        ends = consumer.end_offsets(consumer.assignment())
        while any(consumer.position(tp) < end for tp, end in ends.items()) and not self._over:
            for records in consumer.poll(timeout_ms=_POLL_MS).values():
                for record in records:
                    self._take(record.key, record.value)
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

    def _take(self, key: bytes, value: bytes | None) -> None:
        connector = json.loads(key)[0]
        if value is not None:
            before = self._stored.get(connector, Stored(0))
            self._stored[connector] = before.and_then(json.loads(value))
