"""What the log of changes can't tell: each loses changes, and must be named within seconds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import psycopg
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from infra import caught_up
from stream.generations import serving_settings
from stream.incidents import Incident
from stream.settings import Settings
from stream.topology import topics_of
from tests.chaos.waiting import until

NOTICED_SECONDS = 5
LONGEST_REPEAT = 40


class Losses:
    """Makes them on the primary that `settings` name."""

    def __init__(self, settings: Settings, chance: random.Random, busy: Callable[[], None]) -> None:
        self.settings = settings
        self.chance = chance
        self.busy = busy
        self.kinds: list[Callable[[], None]] = [
            self.events_repeated,
            self.slot_dropped,
            self.slot_moved,
            self.table_emptied,
            self.table_renamed,
            self.column_renamed,
        ]

    def slot_dropped(self) -> None:
        """Drop the slot under its connector."""
        name = serving_settings(self.settings).slot_name
        with self._primary() as primary, self._named(Incident.SLOT):
            for attempt in _while_in_use():
                with attempt:
                    _terminate(primary, name)
                    primary.execute("SELECT pg_drop_replication_slot(%s)", [name])
            self.busy()

    def slot_moved(self) -> None:
        """Move a slot on while its connector is away, over changes that nobody has read."""
        own = serving_settings(self.settings)
        address = f"{own.connect_url}/connectors/{own.connector_name}"
        with self._primary() as primary, self._named(Incident.SLOT):
            _ask("PUT", f"{address}/stop")
            self.busy()
            for attempt in _while_in_use():
                with attempt:
                    _terminate(primary, own.slot_name)
                    primary.execute(
                        "SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())",
                        [own.slot_name],
                    )
        _ask("PUT", f"{address}/resume")

    def table_emptied(self) -> None:
        """Empty a table as no app does."""
        with self._primary() as primary, self._named(Incident.SUSPECTED, Incident.EMPTIED):
            primary.execute("TRUNCATE workouts_performedexercise")

    def table_renamed(self) -> None:
        """Give a table another name for a while, and change its rows meanwhile."""
        with self._primary() as primary:
            with self._named(Incident.TABLE):
                primary.execute("ALTER TABLE workouts_performedexercise RENAME TO sets")
                primary.execute("UPDATE sets SET reps_per_set = '[7]' WHERE id % 3 = 0")
            primary.execute("ALTER TABLE sets RENAME TO workouts_performedexercise")

    def column_renamed(self) -> None:
        """Give a column another name for a while, and change rows meanwhile."""
        with self._primary() as primary:
            with self._named(Incident.COLUMNS):
                primary.execute("ALTER TABLE workouts_workout RENAME date TO day")
                primary.execute("UPDATE workouts_workout SET day = day - interval '7 days'")
            primary.execute("ALTER TABLE workouts_workout RENAME day TO date")

    def events_repeated(self) -> None:
        """Repeat the last events of a partition of the source, in their order."""
        caught_up.wait(self.settings, timeout=300)
        own = serving_settings(self.settings)
        topic = self.chance.choice(topics_of(own, 0).source.all)
        tp = TopicPartition(topic, self.chance.randrange(own.partitions))
        servers = own.need("bootstrap_servers")
        consumer = KafkaConsumer(bootstrap_servers=servers, isolation_level="read_committed")
        producer = KafkaProducer(bootstrap_servers=servers)
        try:
            consumer.assign([tp])
            end = consumer.end_offsets([tp])[tp]
            consumer.seek(tp, max(end - LONGEST_REPEAT, consumer.beginning_offsets([tp])[tp]))
            while consumer.position(tp) < end:
                for records in consumer.poll(timeout_ms=100).values():
                    for each in records:
                        producer.send(topic, each.value, each.key, partition=tp.partition)
            producer.flush()
        finally:
            consumer.close()
            producer.close()

    def _primary(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.settings.need("source_dsn"), autocommit=True)

    @contextmanager
    def _named(self, *kinds: Incident) -> Iterator[None]:
        """See that every answer is stale for this reason within seconds of what is done."""
        with psycopg.connect(self.settings.need("read_store_dsn"), autocommit=True) as store:

            def named() -> bool:
                (told,) = store.execute("SELECT incidents FROM tonnage.freshness").fetchone() or (
                    "",
                )
                return any(f"{kind}: " in str(told) for kind in kinds)

            assert not named()
            yield
            until(named, NOTICED_SECONDS, f"answers that are stale for {kinds}")


def _terminate(primary: psycopg.Connection[tuple[object, ...]], slot: object) -> None:
    primary.execute(
        "SELECT pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots"
        " WHERE slot_name = %s AND active",
        [slot],
    )


def _while_in_use() -> Retrying:
    return Retrying(
        retry=retry_if_exception_type(psycopg.errors.ObjectInUse),
        stop=stop_after_delay(30),
        wait=wait_fixed(0.05),
    )


def _ask(method: str, address: str) -> None:
    """Ask Kafka Connect, which may be on its way up still; a capture may be retired by then."""

    def answer() -> None:
        found = httpx.request(method, address, timeout=90)
        if found.status_code != httpx.codes.NOT_FOUND:
            found.raise_for_status()

    retrying = Retrying(
        retry=retry_if_exception_type(httpx.HTTPError),
        stop=stop_after_delay(180),
        wait=wait_fixed(0.5),
        reraise=True,
    )
    retrying(answer)
