"""When something is done: everything served, everything captured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic

from kafka import KafkaConsumer, TopicPartition

from infra.bench.ground import Stage, until
from stream.settings import Settings
from stream.topology import topics_of

_THERE = "SELECT to_regclass('tonnage.freshness') IS NOT NULL"
_SERVED = "SELECT lsn >= %s::pg_lsn AND incidents IS NULL FROM tonnage.freshness"
_REACHED = "SELECT lsn >= %s::pg_lsn FROM tonnage.freshness"
_SLOT = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s"
_STILL_SECONDS = 1.0


def served(found: Stage, lsn: str) -> float:
    """Wait until everything up to `lsn` is served, and nothing is wrong; return when it was."""
    return _answered(found, _SERVED, lsn)


def reached(found: Stage, lsn: str) -> float:
    """Wait until everything up to `lsn` is in, whatever else may be wrong; return when it was."""
    return _answered(found, _REACHED, lsn)


def _answered(found: Stage, query: str, lsn: str) -> float:
    with found.read_store() as connection:

        def says(query: str, *arguments: str) -> bool:
            row = connection.execute(query.encode(), arguments).fetchone()
            return row is not None and bool(row[0])

        until(lambda: says(_THERE))
        return until(lambda: says(query, lsn))


def slot_made(found: Stage) -> float:
    """Wait for the replication slot: with it, a capture begins."""
    with found.primary() as connection:

        def there() -> bool:
            row = connection.execute(_SLOT, [found.settings.slot_name]).fetchone()
            return row is not None and row[0] == 1

        return until(there)


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Do something in another thread meanwhile; what it raises is raised at the end."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        yield
        future.result()


def captured(found: Stage) -> float:
    """Wait until the source topics hold all rows and are still; return when they were."""
    with _source_ends(found.settings) as ends:
        last, since = -1, monotonic()

        def still() -> bool:
            nonlocal last, since
            now = ends()
            if now != last:
                last, since = now, monotonic()
            return last >= found.rows.captured and monotonic() - since > _STILL_SECONDS

        until(still)
        return since


@contextmanager
def _source_ends(settings: Settings) -> Iterator[Callable[[], int]]:
    """Give a function that returns how far the source topics reach, open transactions left out."""
    consumer = KafkaConsumer(
        bootstrap_servers=settings.need("bootstrap_servers"), isolation_level="read_committed"
    )
    places = [
        TopicPartition(topic, partition)
        for topic in topics_of(settings, 1).source.all
        for partition in range(settings.partitions)
    ]
    yield lambda: sum(consumer.end_offsets(places).values())
    consumer.close()
