"""sink: the output topics → the read store, then the public topics.

A batch's rows and positions are one transaction. What the read store refuses, since it holds
a higher version, is not published either: so a late writer never reaches a consumer. A crash
between the two has the batch written and published again, at the same versions.

While another generation serves, only the tables are written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple, Protocol

import psycopg
from aiokafka.errors import KafkaError
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from tenacity import AsyncRetrying, retry_if_exception_type, wait_fixed

from stream.cdc.lsn import format_lsn
from stream.domain.weeks import from_epoch_us
from stream.engine.frontier import SourcePoint
from stream.engine.repeats import Doubt
from stream.engine.runner import LOOK_SECONDS, Fetched, InterruptedRunError, halves
from stream.figures import WAITS
from stream.incidents import (
    CLOSE_DOUBTS,
    DOUBT_PASSED,
    DOUBTS_PASSED,
    OPEN_DOUBT,
    OPEN_IN,
    Incident,
)
from stream.names import Topics
from stream.notices import CHANNEL, notices
from stream.publisher import Offsets
from stream.upserts import (
    TABLES,
    Row,
    accepted,
    batch_arrays,
    batch_statement,
    keep_newest,
    statements,
    tables_of,
)

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Connections = AsyncConnectionPool[Connection]

AWAY = (psycopg.OperationalError, PoolTimeout)
"""What passes: the read store can't be reached."""


def connections(dsn: str) -> Connections:
    """Make the pool with which a worker writes to the read store, statement by statement.

    None of them needs another one's transaction: whoever is paused holds nothing locked.
    """
    return AsyncConnectionPool(
        dsn, min_size=1, max_size=2, timeout=5.0, open=False, kwargs={"autocommit": True}
    )


class SetBackError(Exception):
    """The read store is behind what was written to it: it was restored from a backup, say."""


class Standing(NamedTuple):
    """How a generation stands in the read store.

    Attributes:
        epoch: its serving epoch; None while it may not publish.
        positions: up to where the tables have each output topic.
    """

    epoch: int | None
    positions: dict[tuple[str, int], int]

    @classmethod
    def of(cls, epoch: int | None, ends: Iterable[tuple[str, int, int]]) -> Standing:
        """Take it from what the read store returns."""
        return cls(epoch, {(topic, partition): end for topic, partition, end in ends})


class Publishes(Protocol):
    """Keeps the public topics; see `stream.publisher`."""

    async def restart(self) -> None:
        """Forget everything: other partitions may be ours now."""

    async def publish(
        self, epoch: int | None, before: Offsets, accepted: Mapping[str, Iterable[Row]]
    ) -> None:
        """Publish what the read store accepted."""

    async def tend(self, epoch: int | None, positions: Offsets) -> None:
        """Do what is due without anything new."""

    async def look(self) -> None:
        """Look whether somebody else has published."""


class PublishedTable:
    """The publisher's journal, in the read store."""

    def __init__(self, pool: Connections) -> None:
        self._pool = pool

    async def said(self, epoch: int) -> set[int]:
        """Return the partitions that were compared and published."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT partition FROM tonnage.published WHERE epoch = %s AND NOT doubted",
                [epoch],
            )
            return {int(partition) for (partition,) in await cursor.fetchall()}

    async def say(self, epoch: int, partition: int, changed: int, gone: int) -> None:
        """Note that one was; what is published in a second comparison is added."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "INSERT INTO tonnage.published AS held (epoch, partition, changed, gone)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT (epoch, partition) DO UPDATE"
                " SET changed = held.changed + EXCLUDED.changed, gone = held.gone + EXCLUDED.gone,"
                " doubted = false",
                [epoch, partition, changed, gone],
            )

    async def doubt(self, epoch: int, partition: int) -> None:
        """Note that one may not say it any more: whoever owns it next is to know, too."""
        async with self._pool.connection() as connection:
            await connection.execute(
                "UPDATE tonnage.published SET doubted = true WHERE epoch = %s AND partition = %s",
                [epoch, partition],
            )


class Sink:
    """Writes a generation's outputs to its tables, and publishes them while it serves."""

    name = "sink"

    def __init__(self, topics: Topics, pool: Connections, publisher: Publishes) -> None:
        self._names = topics
        self._pool = pool
        self._publisher = publisher
        self._standing_statement = statements(topics.schema)["standing"]
        self._batch_statement = batch_statement(topics.schema)
        self._tables = tables_of(topics)
        self._written: dict[tuple[str, int], int] = {}
        self._next_tend = self._next_look = 0.0
        self._interrupted = asyncio.Event()
        self.topics: tuple[str, ...] = tuple(self._tables)

    async def kept(self) -> dict[tuple[str, int], int]:
        """Return up to where the read store has each output; it may have been set back.

        Other partitions may be ours from now on.
        """
        await self._publisher.restart()
        self._written = {}
        return await self.positions()

    async def positions(self) -> dict[tuple[str, int], int]:
        """Return up to where the read store has each output."""
        return (await self._standing()).positions

    async def passed_doubts(self) -> list[str]:
        """Return what was in doubt and is over, but may not be served yet."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(DOUBTS_PASSED, [self._names.generation])
            return [kind for (kind,) in await cursor.fetchall()]

    async def store_frontier(self, point: SourcePoint, doubts: Sequence[str] = ()) -> None:
        """Say up to where the source is served; it never goes back.

        `doubts` were over before this point was waited for, and so are served.
        """
        async with self._pool.connection() as connection:
            await connection.execute(
                "INSERT INTO tonnage.frontier AS held (generation, lsn, source_time)"
                " VALUES (%s, %s, %s) ON CONFLICT (generation) DO UPDATE"
                " SET lsn = EXCLUDED.lsn, source_time = EXCLUDED.source_time, updated_at = now()"
                " WHERE held.lsn < EXCLUDED.lsn",
                [self._names.generation, format_lsn(point.lsn), from_epoch_us(point.time_us)],
            )
            if doubts:  # only now: whoever reads between the two must still see them
                await connection.execute(CLOSE_DOUBTS, [self._names.generation, list(doubts)])

    async def open_incident(self, kind: Incident, detail: str) -> None:
        """Mark every answer stale, and say why."""
        async with self._pool.connection() as connection:
            await connection.execute(OPEN_IN, [kind, detail, self._names.generation])

    async def tell(self, doubt: Doubt) -> None:
        """Mark every answer stale while a partition is in doubt; wait for a read store away."""
        kind = f"{Incident.REPEATED} {doubt.name}"
        number = self._names.generation
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(AWAY), wait=wait_fixed(RETRY_SECONDS)
        ):
            with attempt:
                async with self._pool.connection() as connection:
                    if doubt.reason is None:
                        await connection.execute(DOUBT_PASSED, [kind, number])
                    else:
                        await connection.execute(OPEN_DOUBT, [kind, doubt.reason, number])

    async def idle(self) -> None:
        """See whether this generation serves now, and whether somebody else has published."""
        if monotonic() < self._next_tend:
            return
        self._next_tend = monotonic() + RETRY_SECONDS
        try:
            epoch, positions = await self._standing()
            await self._publisher.tend(epoch, positions)
            if monotonic() >= self._next_look:
                await self._publisher.look()
                self._next_look = monotonic() + LOOK_SECONDS
        except (*AWAY, KafkaError) as error:
            log.warning("the sink can't look around, trying again: %s", error)

    def interrupt(self) -> None:
        """Stop waiting for a read store that does not answer."""
        self._interrupted.set()

    async def run(self, batch: Fetched) -> None:
        """Write a batch, then publish what was accepted; waits while the read store is away.

        Where PostgreSQL refuses a value, the batch is halved until the message is found; that
        one is left out, openly, so that the others go on.
        """
        self._interrupted.clear()
        try:
            await self._write_and_publish(_newest(batch), _next_offsets(batch))
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if sum(map(len, batch.values())) > 1:
                for half in halves(batch):
                    await self.run(half)
                return
            [(partition, [record])] = batch.items()
            place = {"topic": record.topic, "partition": partition, "offset": record.offset}
            log.exception("the read store refuses %s-%d", record.topic, partition, extra=place)
            where = f"{record.topic}-{partition} at {record.offset}"
            await self.open_incident(Incident.POISON, f"{where}: {error}")
            await self._write_and_publish({}, _next_offsets(batch))

    async def _write_and_publish(
        self, newest: dict[str, list[Row]], positions: dict[tuple[str, int], int]
    ) -> None:
        before, accepted = await self._write_until_done(newest, positions)
        self._written.update(positions)
        await self._publisher.publish(before.epoch, before.positions, accepted)

    async def _write_until_done(
        self, newest: dict[str, list[Row]], positions: dict[tuple[str, int], int]
    ) -> tuple[Standing, dict[str, list[Row]]]:
        while True:
            try:
                return await self._write(newest, positions)
            except AWAY as error:
                WAITS.inc()
                log.warning("the read store does not take a batch, trying again: %s", error)
            try:
                await asyncio.wait_for(self._interrupted.wait(), RETRY_SECONDS)
            except TimeoutError:
                continue
            raise InterruptedRunError

    async def _write(
        self, newest: dict[str, list[Row]], positions: dict[tuple[str, int], int]
    ) -> tuple[Standing, dict[str, list[Row]]]:
        """Write a batch; return how things stood before, and the rows that were accepted.

        It is one statement. A round trip for each part would take longer than the work, and a
        worker that is paused between two would keep its rows locked from whoever takes over.
        """
        weeks = newest.get(self._names.weekly_stats, [])
        parameters = {
            "generation": self._names.generation,
            "channel": CHANNEL,
            "payloads": list(notices(self._names.generation, (row.key for row in weeks))),
            "topics": [topic for topic, _ in positions],
            "partitions": [partition for _, partition in positions],
            "offsets": list(positions.values()),
            "written": [self._written.get(tp, 0) for tp in positions],
            **batch_arrays({self._tables[topic]: rows for topic, rows in newest.items()}),
        }
        async with self._pool.connection() as connection:
            cursor = await connection.execute(self._batch_statement, parameters)
            [(epoch, ends, *taken, _)] = await cursor.fetchall()
        before = Standing.of(epoch, ends)
        self._refuse_set_back(before.positions)
        keys = dict(zip(TABLES, taken, strict=True))
        return before, {
            topic: accepted(rows, keys[self._tables[topic]]) for topic, rows in newest.items()
        }

    def _refuse_set_back(self, positions: Offsets) -> None:
        """Raise SetBackError where rows that were written are gone: they are to come again."""
        for tp, written in self._written.items():
            if positions.get(tp, 0) < written:
                raise SetBackError(
                    f"the read store has {tp[0]}-{tp[1]} up to {positions.get(tp, 0)}, and had it"
                    f" up to {written}: it was set back, and is filled again from there"
                )

    async def _standing(self) -> Standing:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                self._standing_statement, {"generation": self._names.generation}
            )
            [(epoch, ends)] = await cursor.fetchall()
        return Standing.of(epoch, ends)


def _newest(batch: Fetched) -> dict[str, list[Row]]:
    """Return, for each topic, the newest message of each key."""
    found: dict[str, dict[bytes, Row]] = {}
    for partition, records in batch.items():
        for record in records:
            keep_newest(found.setdefault(record.topic, {}), partition, record)
    return {topic: list(rows.values()) for topic, rows in found.items()}


def _next_offsets(batch: Fetched) -> dict[tuple[str, int], int]:
    positions: dict[tuple[str, int], int] = {}
    for partition, records in batch.items():
        for record in records:
            positions[record.topic, partition] = record.offset + 1
    return positions
